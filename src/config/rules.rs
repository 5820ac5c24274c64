//! Rules as written to rules as decided.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::data::{Tag, TagPattern};
use crate::geo::Subdivision;
use crate::net::{HostPattern, parse_network};
use crate::policy::{
    Condition, Consensus, Dated, Mode, Outcome, Places, Reach, Rule, TagBits, TagMask,
};

use super::places::{Jurisdictions, difference, is_empty};
use super::section::{Section, Word};
use super::sites::{RuleSite, RuleSites};
use super::words::parse_id;
use super::world::World;

/// What all rules share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults {
    /// The outcome where no rule holds.
    pub(super) fallback: Outcome,
    /// The strongest mode that a rule may have.
    pub(super) mode: Mode,
    /// Whether an unknown location counts as restricted for tagged data.
    pub(super) unknown_is_restricted: bool,
}

/// Collects rules over all files: ids are unique, tag patterns are bounded.
#[derive(Debug, Default)]
pub(super) struct Rules {
    read: Vec<Rule>,
    sites: Vec<RuleSite>,
    seen: BTreeSet<(String, String)>,
    patterns: Vec<TagPattern>,
}

const OUTCOMES: [(&str, Outcome); 4] = [
    ("allow", Outcome::Allow),
    ("block", Outcome::Block),
    ("hold", Outcome::Hold),
    ("log", Outcome::Log),
];
pub(super) const MODES: [(&str, Mode); 2] =
    [("enforce", Mode::Enforce), ("observe", Mode::Observe)];
pub(super) const CONSENSUS: [(&str, Consensus); 3] =
    [("all", Consensus::All), ("any", Consensus::Any), ("majority", Consensus::Majority)];

impl Defaults {
    /// What holds where nothing else is said.
    pub(super) fn enforcing() -> Self {
        Self { fallback: Outcome::Allow, mode: Mode::Enforce, unknown_is_restricted: true }
    }

    /// Reads `[policy]`.
    pub(super) fn read(root: &Section<'_>) -> Self {
        let section = root.section("policy");
        let unknown = [("ignored", false), ("restricted", true)];
        Self {
            fallback: section
                .choice("default", &[("allow", Outcome::Allow), ("block", Outcome::Block)])
                .unwrap_or(Outcome::Allow),
            mode: section.choice("mode", &MODES).unwrap_or_default(),
            unknown_is_restricted: section.choice("unknown_location", &unknown).unwrap_or(true),
        }
    }
}

impl Rules {
    /// Reads `[[rule]]` of one file; returns how many there are.
    pub(super) fn read(
        &mut self,
        root: &Section<'_>,
        index: usize,
        places: &Jurisdictions,
        defaults: Defaults,
        world: &World<'_>,
    ) -> usize {
        let sections = root.sections("rule");
        for section in &sections {
            let rule = Reading { section, index, places, defaults, world }.rule();
            if let Some(rule) = rule {
                self.take(section, rule);
            }
        }
        sections.len()
    }

    /// Takes patterns of tags that stand elsewhere than in rules; all together are bounded.
    pub(super) fn take_patterns(&mut self, section: &Section<'_>, patterns: &[TagPattern]) {
        let known = &self.patterns;
        let new: Vec<_> = patterns.iter().filter(|one| !known.contains(one)).cloned().collect();
        self.patterns.extend(new);
        if self.patterns.len() > TagBits::CAPACITY {
            let message = format!("more than {} different tag patterns", TagBits::CAPACITY);
            section.problem(section.span(), message, None);
        }
    }

    /// How many there are so far.
    pub(super) fn len(&self) -> usize {
        self.read.len()
    }

    /// Some of the rules read so far.
    pub(super) fn get(&self, range: std::ops::RangeFrom<usize>) -> Option<&[Rule]> {
        self.read.get(range)
    }

    /// Where each of them stands.
    pub(super) fn sites(&mut self) -> RuleSites {
        RuleSites(std::mem::take(&mut self.sites))
    }

    /// The rules in the order read.
    pub(super) fn finish(self) -> Vec<Rule> {
        self.read
    }

    pub(super) fn take(&mut self, section: &Section<'_>, rule: Rule) {
        if !self.seen.insert((rule.pack.clone(), rule.id.clone())) {
            let Rule { id, pack, .. } = &rule;
            let message = format!("the id `{id}` is taken by another rule of pack `{pack}`");
            section.problem(section.span_of("id"), message, None);
        }
        for condition in rule.conditions.iter().chain(&rule.unless) {
            if let Condition::Tags(mask) = condition {
                let new: Vec<_> =
                    mask.patterns.iter().filter(|p| !self.patterns.contains(p)).cloned().collect();
                self.patterns.extend(new);
            }
        }
        if self.patterns.len() > TagBits::CAPACITY {
            let message = format!("more than {} different tag patterns", TagBits::CAPACITY);
            return section.problem(section.span(), message, None);
        }
        self.sites.push(RuleSite::of(section, &rule));
        self.read.push(rule);
    }
}

/// One rule being read.
struct Reading<'r, 'a> {
    section: &'r Section<'a>,
    index: usize,
    places: &'r Jurisdictions,
    defaults: Defaults,
    world: &'r World<'r>,
}

impl Reading<'_, '_> {
    fn rule(&self) -> Option<Rule> {
        let section = self.section;
        let id = section.required("id").and_then(|word| section.parse(&word, parse_id));
        let outcome = self.outcome();
        let mode = section.choice("mode", &MODES).unwrap_or_default();
        let reason = section.required("reason").map(|word| word.text.to_owned());
        let cite = section.word("cite").map(|word| word.text.to_owned());
        let conditions = self.conditions(outcome.unwrap_or(Outcome::Block));
        let observed = self.defaults.mode == Mode::Observe;
        Some(Rule {
            pack_index: self.index,
            mode: if observed { Mode::Observe } else { mode },
            reason: reason?,
            legal: cite.is_some(),
            redact: redact(section, outcome.unwrap_or(Outcome::Block)),
            cite,
            ..Rule::plain(id?, outcome?, conditions)
        })
    }

    fn outcome(&self) -> Option<Outcome> {
        if !self.section.has("outcome") {
            let help = "one of allow, log, hold, block".to_owned();
            self.section.problem(self.section.span(), "`outcome` is missing here", Some(help));
        }
        self.section.choice("outcome", &OUTCOMES)
    }

    fn conditions(&self, outcome: Outcome) -> Vec<Condition> {
        let when = self.section.section("when");
        let consensus = self.consensus(outcome);
        let mut conditions = Vec::new();
        let tags = when.some_words("tags");
        if let Some(words) = &tags {
            let patterns = when.parsed(words, parse_pattern);
            conditions.push(Condition::Tags(TagMask::new(patterns)));
        }
        self.reach(&when, outcome, consensus, tags.is_some(), &mut conditions);
        if let Some(words) = when.some_words("methods") {
            conditions.push(Condition::Methods(when.parsed(&words, parse_method)));
        }
        if let Some(words) = when.some_words("hosts") {
            conditions.push(Condition::Hosts(when.parsed(&words, HostPattern::parse)));
        }
        if let Some(words) = when.some_words("networks") {
            self.world.check_networks(&when, &words);
            let networks = when.parsed(&words, parse_network).into_iter().collect();
            conditions.push(Condition::Networks(networks));
        }
        if let Some(numbers) = when.numbers("asns", u64::from(u32::MAX)) {
            let asns =
                numbers.into_iter().filter_map(|number| u32::try_from(number).ok()).collect();
            self.world.check_asns(&when);
            conditions.push(Condition::Asns(asns));
        }
        if let Some(words) = when.some_words("subdivisions") {
            self.world.check_subdivisions(&when);
            conditions.push(Condition::Subdivisions(when.parsed(&words, parse_subdivision)));
        }
        super::pack::of_peer(&when, &mut conditions);
        if let Some(words) = when.some_words("clients") {
            let networks = when.parsed(&words, parse_network).into_iter().collect();
            conditions.push(Condition::Clients(networks));
        }
        if let Some(words) = when.some_words("principals") {
            conditions.push(Condition::Principals(self.world.principals(&when, &words)));
        }
        conditions
    }

    /// Whether the request goes out because of the rule.
    fn permits(&self, outcome: Outcome) -> bool {
        outcome == Outcome::Allow || (outcome == Outcome::Log && self.defaults.fallback.refuses())
    }

    /// An allow list passes only if every candidate passes; a refusal needs one database.
    fn consensus(&self, outcome: Outcome) -> Consensus {
        let section = self.section;
        let permits = self.permits(outcome);
        let natural = if permits { Consensus::All } else { Consensus::Any };
        let Some(chosen) = section.choice("consensus", &CONSENSUS) else { return natural };
        if permits && chosen != Consensus::All {
            let span = section.span_of("consensus");
            let help = "leave it out, or write `all`".to_owned();
            let message = "a rule that permits holds only where all databases agree";
            section.problem(span, message, Some(help));
        }
        chosen
    }

    fn reach(
        &self,
        when: &Section<'_>,
        outcome: Outcome,
        consensus: Consensus,
        tagged: bool,
        conditions: &mut Vec<Condition>,
    ) {
        let (to, outside) = (when.some_words("to"), when.some_words("not_to"));
        let read = |words: &Option<Vec<Word<'_>>>| {
            words.as_ref().map(|words| self.places.places(when, words))
        };
        let (to_places, outside_places) = (read(&to), read(&outside));
        if let (Some(words), Some(places)) = (&to, to_places) {
            Self::check_reachable(when, words, places, outside_places);
            self.world.check_states(when, words, places);
        }
        let reach = |words: &[Word<'_>], places, unknown_counts| Reach {
            names: words.iter().map(|word| word.text.to_owned()).collect(),
            places: Dated::always(places),
            regions: Vec::new(),
            consensus,
            unknown_counts,
        };
        if let (Some(words), Some(places)) = (to, to_places) {
            let presumed = outcome.refuses() && tagged && self.defaults.unknown_is_restricted;
            conditions.push(Condition::To(reach(&words, places, presumed)));
        }
        if let (Some(words), Some(places)) = (outside, outside_places) {
            // What lies nobody knows where is outside, unless the rule permits.
            let presumed = !self.permits(outcome);
            conditions.push(Condition::Outside(reach(&words, places, presumed)));
        }
    }

    fn check_reachable(
        when: &Section<'_>,
        words: &[Word<'_>],
        to: Places,
        outside: Option<Places>,
    ) {
        let left = difference(to, outside.unwrap_or_default());
        if is_empty(&to) || !is_empty(&left) {
            return;
        }
        let span: Range<usize> =
            words.first().map_or_else(|| when.span(), |word| word.span.clone());
        let help = "`not_to` takes away every place that `to` names".to_owned();
        when.problem(span, "this rule can never match", Some(help));
    }
}

/// `redact`: whether what a rule bars may go without the values.
pub(super) fn redact(section: &Section<'_>, outcome: Outcome) -> bool {
    let redact = section.flag("redact").unwrap_or(false);
    if redact && !outcome.refuses() {
        let help = "a rule that lets the data go has nothing to take out".to_owned();
        let message = format!("`redact` and the outcome `{outcome}` do not go together");
        section.problem(section.span_of("redact"), message, Some(help));
    }
    redact
}

pub(super) fn parse_pattern(text: &str) -> Result<TagPattern, String> {
    let wrong = format!("`{text}` is not a tag: use a-z, 0-9, `_`, `-` and `.`, or `*` for any");
    TagPattern::parse(text).ok_or(wrong)
}

pub(super) fn parse_method(text: &str) -> Result<String, String> {
    let known = !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    let help = format!("`{text}` is not a method: they are written in upper case, as `POST`");
    if known { Ok(text.to_owned()) } else { Err(help) }
}

pub(super) fn parse_tag(text: &str) -> Result<Tag, String> {
    let wrong = || format!("`{text}` is not a tag: use a-z, 0-9, `_`, `-` and `.`");
    Tag::parse(text).filter(|tag| tag.as_str() == text).ok_or_else(wrong)
}

fn parse_subdivision(text: &str) -> Result<Subdivision, String> {
    let wrong = format!("`{text}` is not an ISO 3166-2 code such as `UA-43`");
    Subdivision::parse(text).ok_or(wrong)
}
