//! `borderpost test`: runs the cases of packs, and names the rules that no case reaches.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::config::{self, Case, Suite};
use crate::policy::{
    Circumstances, Counts, Facts, HeldRules, Outcome, Peer, Place, Policy, Verdict,
};

use super::output::line;

/// Run the cases of packs; fails where one is not decided as it must be, or a rule is reached
/// by none.
#[derive(Debug, clap::Args)]
pub(super) struct Test {
    /// Files or folders of cases.
    #[arg(default_value = "tests/packs")]
    cases: Vec<PathBuf>,
    /// Print every case, also those that are right.
    #[arg(long, short)]
    verbose: bool,
}

/// What came of all files.
#[derive(Debug, Default)]
struct Run {
    passed: usize,
    failed: usize,
    /// Rules by pack, and whether a case reached them.
    rules: BTreeMap<String, BTreeMap<String, bool>>,
    /// Packs that have a file of cases of their own.
    tested: BTreeSet<String>,
}

impl Test {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let mut run = Run::default();
        for file in files(&self.cases)? {
            let text =
                std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            let suite = config::read_cases(file.display().to_string(), text)?;
            run.tested.extend(file.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
            run.suite(&suite, self.verbose);
        }
        let missed = run.missed();
        for rule in &missed {
            line(format!("no case reaches rule {rule}"));
        }
        line(format!("{} passed, {} failed", run.passed, run.failed));
        anyhow::ensure!(run.failed == 0, "{} cases are decided otherwise", run.failed);
        anyhow::ensure!(missed.is_empty(), "{} rules are reached by no case", missed.len());
        Ok(())
    }
}

/// The case files that the arguments name.
fn files(arguments: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in arguments {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path).with_context(|| path.display().to_string())?;
        for entry in entries {
            let path = entry?.path();
            files.extend(Some(path).filter(|path| path.extension().is_some_and(|e| e == "toml")));
        }
    }
    files.sort();
    anyhow::ensure!(!files.is_empty(), "no case file; name one, or a folder of them");
    Ok(files)
}

impl Run {
    fn suite(&mut self, suite: &Suite, verbose: bool) {
        for rule in suite.policy.rules() {
            self.rules.entry(rule.pack.clone()).or_default().entry(rule.id.clone()).or_default();
        }
        let (mut passed, mut failed) = (0, 0);
        for case in &suite.cases {
            let answer = Answer::of(&suite.policy, case);
            self.reach(&suite.policy, &answer.held);
            let wrong = answer.wrong(case);
            if !wrong.is_empty() {
                line(format!(
                    "FAILED {}: {}\n       {}",
                    name(&suite.file),
                    case.name,
                    wrong.join("\n       ")
                ));
                failed += 1;
                continue;
            }
            passed += 1;
            if verbose {
                line(format!("ok     {}: {}", name(&suite.file), case.name));
            }
        }
        line(format!("{:<28} {passed:>4} passed {failed:>4} failed", name(&suite.file)));
        self.passed += passed;
        self.failed += failed;
    }

    fn reach(&mut self, policy: &Policy, held: &HeldRules) {
        for rule in held.iter().filter_map(|held| policy.rule(held)) {
            let reached = self.rules.get_mut(&rule.pack).and_then(|rules| rules.get_mut(&rule.id));
            reached.into_iter().for_each(|reached| *reached = true);
        }
    }

    /// The rules of tested packs that no case reached.
    fn missed(&self) -> Vec<String> {
        let tested = self.rules.iter().filter(|(pack, _)| self.tested.contains(*pack));
        let missed = tested.flat_map(|(pack, rules)| {
            let rules = rules.iter().filter(|(_, reached)| !**reached);
            rules.map(move |(rule, _)| format!("{pack}/{rule}"))
        });
        missed.collect()
    }
}

fn name(file: &str) -> &str {
    Path::new(file).file_stem().and_then(|stem| stem.to_str()).unwrap_or(file)
}

/// What the policy says of a case.
struct Answer {
    outcome: Outcome,
    held: HeldRules,
    rule: Option<String>,
    cite: String,
    needs: BTreeSet<&'static str>,
    reports: BTreeSet<String>,
}

impl Answer {
    fn of(policy: &Policy, case: &Case) -> Self {
        let policy = &policy.with_grants(case.grants.clone());
        let content = policy.weigh_slices(case.slices.clone(), true);
        let judged = IpAddr::V4(Ipv4Addr::new(192, 0, 1, 1));
        let place = Place {
            socket: SocketAddr::new(judged, 443),
            judged,
            special: None,
            entry: &case.entry,
        };
        let circumstances = Circumstances {
            exporter: case.exporter.as_ref(),
            declared: &case.declared,
            ..Circumstances::at(case.at)
        };
        let facts = Facts {
            client: judged,
            principal: None,
            method: &case.method,
            host: &case.host,
            place: Some(place),
            peer: Peer::Hidden,
            content: &content,
            circumstances,
        };
        let counts = counts(policy, case, &facts);
        let circumstances = Circumstances { counts: Some(&counts), ..circumstances };
        match policy.conclude(&Facts { circumstances, ..facts }, place) {
            Verdict::Allow(permit) => Self::told(policy, permit.outcome(), permit.held().clone()),
            Verdict::Refuse(refusal) => Self::told(policy, refusal.outcome, refusal.held),
        }
    }

    fn told(policy: &Policy, outcome: Outcome, held: HeldRules) -> Self {
        let first = held.first().and_then(|held| policy.rule(held));
        let needs = first.map(|rule| rule.needs.iter().map(|word| word.key()).collect());
        let reports = policy.duties(&held).reports;
        Self {
            outcome,
            rule: first.map(|rule| format!("{}/{}", rule.pack, rule.id)),
            cite: first.and_then(|rule| rule.cite.clone()).unwrap_or_default(),
            needs: needs.unwrap_or_default(),
            reports: reports.into_iter().map(|due| due.report.id).collect(),
            held,
        }
    }

    /// In what the answer differs from what the case expects.
    fn wrong(&self, case: &Case) -> Vec<String> {
        let mut wrong = Vec::new();
        let rule = self.rule.as_deref().unwrap_or("no rule");
        if self.outcome != case.expect {
            wrong.push(format!("expected {}, found {} by {rule}", case.expect, self.outcome));
        }
        match &case.rule {
            Some(expected) if expected != rule => {
                wrong.push(format!("expected {expected} to decide, found {rule}"));
            }
            None if case.expect != Outcome::Allow => {
                wrong.push("the case names no rule".to_owned());
            }
            Some(_) | None => {}
        }
        if let Some(cite) = case.cite.as_ref().filter(|cite| !self.cite.contains(cite.as_str())) {
            wrong.push(format!("expected citation {cite}, found {}", self.cite));
        }
        if let Some(needs) = case.needs.as_ref().filter(|needs| set(needs) != self.needs) {
            wrong.push(format!("expected {needs:?} to be missing, found {:?}", self.needs));
        }
        let found: BTreeSet<_> = self.reports.iter().map(String::as_str).collect();
        if let Some(reports) = case.reports.as_ref().filter(|reports| set(reports) != found) {
            wrong.push(format!("expected reports {reports:?}, found {found:?}"));
        }
        wrong
    }
}

fn set(words: &[String]) -> BTreeSet<&str> {
    words.iter().map(String::as_str).collect()
}

/// What would have been counted: what the case says was there before, and what it adds.
fn counts(policy: &Policy, case: &Case, facts: &Facts<'_>) -> Counts {
    let mut counts = Counts::default();
    for metered in policy.meters(facts) {
        let key = metered.name.split_once('/').map(|(_, rest)| rest.replace('/', "."));
        let before = key.and_then(|key| case.before.get(&key).copied()).unwrap_or(0);
        let counted = metered.after(before);
        counts.insert(metered.meter, counted);
    }
    counts
}
