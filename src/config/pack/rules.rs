//! `[[rule]]` of a pack: each with its source, its dates and its reason.

use std::collections::BTreeMap;

use crate::policy::{Area, Consensus, Mode, Outcome, Rule, Word};

use super::super::rules::{CONSENSUS, MODES, Rules};
use super::super::section::Section;
use super::super::words::parse_id;
use super::Around;
use super::classes::Classes;
use super::conditions::Manner;
use super::counters::Counters;
use super::head::Head;
use super::recipients::Recipients;
use super::territories::Territories;

/// What the rules of one pack are read with.
pub(super) struct Reading<'r> {
    pub(super) head: &'r Head,
    pub(super) index: usize,
    pub(super) around: &'r Around<'r>,
    pub(super) territories: &'r Territories,
    pub(super) recipients: &'r Recipients,
    pub(super) areas: &'r BTreeMap<String, Area>,
    pub(super) classes: &'r Classes,
    pub(super) counters: &'r Counters,
}

pub(in crate::config) const OUTCOMES: [(&str, Outcome); 5] = [
    ("allow", Outcome::Allow),
    ("block", Outcome::Block),
    ("hold", Outcome::Hold),
    ("log", Outcome::Log),
    ("require", Outcome::Require),
];

impl Reading<'_> {
    /// Reads every rule; returns how many there are.
    pub(super) fn read(&self, root: &Section<'_>, rules: &mut Rules) -> usize {
        let sections = root.sections("rule");
        for section in &sections {
            if let Some(rule) = self.rule(section) {
                rules.take(section, rule);
            }
        }
        sections.len()
    }

    fn rule(&self, section: &Section<'_>) -> Option<Rule> {
        let id = section.required("id").and_then(|word| section.parse(&word, parse_id));
        if !section.has("outcome") {
            let help = "one of allow, log, hold, require, block".to_owned();
            section.problem(section.span(), "`outcome` is missing here", Some(help));
        }
        let outcome = section.choice("outcome", &OUTCOMES);
        let reason = section.required("reason").map(|word| word.text.to_owned());
        let cite = self.cite(section);
        let validity = section.validity("effective_from", &self.head.zone);
        let effective = outcome.unwrap_or(Outcome::Block);
        let manner = Manner {
            consensus: Self::consensus(section, effective),
            presumes: effective != Outcome::Allow,
        };
        let conditions = self.conditions(&section.section("when"), manner);
        if conditions.is_empty() {
            let help = "say in `[rule.when]` when it holds; `tags = [\"*\"]` is any tagged data";
            let message = "this rule has no condition and would hold for everything";
            section.problem(section.span(), message, Some(help.to_owned()));
        }
        // Exceptions presume nothing, and hold only where every database agrees.
        let exact = Manner { consensus: Consensus::All, presumes: false };
        let unless = self.conditions(&section.section("unless"), exact);
        section.flag("verify");
        section.word("note");
        Some(Rule {
            pack: self.head.id.clone(),
            pack_index: self.index,
            validity: validity.within(self.head.validity),
            mode: self.mode(section),
            reason: reason?,
            cite,
            legal: section.flag("legal").unwrap_or(self.head.legal),
            needs: Self::needs(section),
            reports: section.words("report").iter().map(|word| word.text.to_owned()).collect(),
            alert: section.flag("alert").unwrap_or(false),
            redact: super::super::rules::redact(section, effective),
            duty: section.flag("duty").unwrap_or(false),
            unless,
            ..Rule::plain(id?, outcome?, conditions)
        })
    }

    fn cite(&self, section: &Section<'_>) -> Option<String> {
        let cite = section.word("cite").map(|word| word.text.trim().to_owned());
        let cite = cite.filter(|cite| !cite.is_empty());
        if cite.is_none() {
            let help = format!("which section of {} says so?", self.head.authority);
            section.problem(section.span(), "`cite` is missing here", Some(help));
        }
        cite
    }

    fn mode(&self, section: &Section<'_>) -> Mode {
        let own = section.choice("mode", &MODES).unwrap_or_default();
        let observed = [own, self.head.mode, self.around.defaults.mode].contains(&Mode::Observe);
        if observed { Mode::Observe } else { Mode::Enforce }
    }

    fn consensus(section: &Section<'_>, outcome: Outcome) -> Consensus {
        let natural = if outcome == Outcome::Allow { Consensus::All } else { Consensus::Any };
        section.choice("consensus", &CONSENSUS).unwrap_or(natural)
    }

    fn needs(section: &Section<'_>) -> Vec<Word> {
        let words = Word::ALL.map(|word| (word.key(), word));
        let known = |word: &super::super::section::Word<'_>| {
            // The contract itself is asked for by its reference.
            let text = if word.text == "contract" { Word::ContractHas.key() } else { word.text };
            let found = words.iter().find(|(name, _)| *name == text).map(|(_, word)| *word);
            if found.is_none() {
                let names: Vec<_> = words.iter().map(|(name, _)| *name).collect();
                let message = format!("`{}` is none of {}", word.text, names.join(", "));
                section.problem(word.span.clone(), message, None);
            }
            found
        };
        section.words("needs").iter().filter_map(known).collect()
    }
}
