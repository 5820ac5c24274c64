//! What a program sent where, and what rules said of it, summed up from the records of its run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use crate::audit::Event;
use crate::config::{RuleSite, RuleSites};
use crate::policy::{Mode, Policy};

/// So many destinations and reasons are told apart; what is beyond is counted.
const MOST: usize = 10_000;

/// The whole.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// Requests, and tunnels that nobody looked into.
    pub(super) requests: u64,
    pub(super) refused: u64,
    pub(super) observed: u64,
    pub(super) failed: u64,
    pub(super) destinations: BTreeMap<Destination, Sum>,
    /// Requests by what they carried.
    pub(super) classes: BTreeMap<String, u64>,
    /// What was refused, or would have been, by reason and destination.
    pub(super) refusals: BTreeMap<Refusal, Refused>,
    /// What came to nothing: by destination and word.
    pub(super) failures: BTreeMap<(String, String), (u64, String)>,
    /// Requests of which no more than their number is known here.
    pub(super) beyond: u64,
    /// What a reader must not take for an all-clear.
    pub(super) unseen: Vec<String>,
}

/// Where requests went.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Destination {
    /// Host and port.
    pub(super) name: String,
    /// Its countries, or what is known instead.
    pub(super) place: String,
    /// Who says so.
    pub(super) source: String,
}

/// What became of requests.
#[derive(Debug, Default)]
pub(super) struct Sum {
    pub(super) requests: u64,
    pub(super) refused: u64,
    pub(super) observed: u64,
    pub(super) failed: u64,
    pub(super) classes: BTreeSet<String>,
    pub(super) bytes_out: u64,
}

/// Why something was refused, and towards where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Refusal {
    /// Whether it was, and not only would have been.
    pub(super) enforced: bool,
    /// `pack/rule`, or a word where a setting refuses.
    pub(super) reason: String,
    /// Host and port.
    pub(super) destination: String,
}

/// What is known of it.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) count: u64,
    /// What the rule demands: `block`, `hold`, `require`.
    pub(super) outcome: &'static str,
    /// Why, in words.
    pub(super) because: String,
    pub(super) cite: Option<String>,
    /// Where the rule stands.
    pub(super) site: Option<RuleSite>,
    pub(super) place: String,
    pub(super) classes: BTreeSet<String>,
    /// The first of them: method and path.
    pub(super) first: String,
}

/// Calls back for every record of a file.
pub(super) fn each(
    records: &Path,
    mut look: impl FnMut(&Event<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for line in BufReader::new(File::open(records)?).lines() {
        let event = Event::read(&line?).map_err(io::Error::other)?;
        look(&event)?;
    }
    Ok(())
}

// === impl Summary ===

impl Summary {
    /// Sums up a file of records.
    pub(super) fn of(records: &Path, policy: &Policy, sites: &RuleSites) -> anyhow::Result<Self> {
        let mut summary = Self::default();
        each(records, |event| {
            summary.add(event, policy, sites);
            Ok(())
        })?;
        summary.settle();
        Ok(summary)
    }

    /// What was decided before its place was asked for lies where the rest of it lies.
    fn settle(&mut self) {
        let (nowhere, mut located): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.destinations)
                .into_iter()
                .partition(|(one, _)| one.place == Destination::NOWHERE);
        for (destination, sum) in nowhere {
            // Those of one name stand together.
            let after = Destination { place: String::new(), ..destination.clone() };
            let known = located.range_mut(after..).next();
            match known.filter(|(one, _)| one.name == destination.name) {
                Some((_, of)) => of.take(sum),
                None => drop(self.destinations.insert(destination, sum)),
            }
        }
        self.destinations.append(&mut located);
        for (refusal, refused) in &mut self.refusals {
            let named = |one: &&Destination| one.name == refusal.destination;
            if refused.place == Destination::NOWHERE
                && let Some(known) = self.destinations.keys().find(named)
            {
                refused.place.clone_from(&known.place);
            }
        }
    }

    fn add(&mut self, event: &Event<'_>, policy: &Policy, sites: &RuleSites) {
        let refused = event.is_refused();
        let failed = !refused && event.error.is_some();
        // What is inside of it is told by itself.
        if event.is_envelope() {
            return;
        }
        let observed = !refused && event.refusing(Mode::Observe).is_some();
        self.requests += 1;
        self.refused += u64::from(refused);
        self.observed += u64::from(observed);
        self.failed += u64::from(failed);
        for tag in &event.tags {
            *self.classes.entry(tag.to_string()).or_default() += 1;
        }
        let destination = Destination::of(event);
        if refused || observed {
            self.add_refusal(event, &destination, (refused, policy, sites));
        }
        if failed
            && let Some(error) = &event.error
            && self.failures.len() < MOST
        {
            let key = (destination.name.clone(), error.code.to_string());
            let failure = self.failures.entry(key).or_insert_with(|| (0, error.detail.to_string()));
            failure.0 += 1;
        }
        if self.destinations.len() >= MOST && !self.destinations.contains_key(&destination) {
            self.beyond += 1;
            return;
        }
        let sum = self.destinations.entry(destination).or_default();
        sum.requests += 1;
        sum.refused += u64::from(refused);
        sum.observed += u64::from(observed);
        sum.failed += u64::from(failed);
        sum.bytes_out += event.bytes_out;
        sum.classes.extend(event.tags.iter().map(ToString::to_string));
    }

    fn add_refusal(
        &mut self,
        event: &Event<'_>,
        destination: &Destination,
        (enforced, policy, sites): (bool, &Policy, &RuleSites),
    ) {
        let rule =
            if enforced { event.refusing(Mode::Enforce) } else { event.refusing(Mode::Observe) };
        let error = event.error.as_ref();
        let reason = rule.map(|rule| format!("{}/{}", rule.pack, rule.rule));
        let word = || error.map_or_else(|| "refused".to_owned(), |error| error.code.to_string());
        let refusal = Refusal {
            enforced,
            reason: reason.unwrap_or_else(word),
            destination: destination.name.clone(),
        };
        if self.refusals.len() >= MOST && !self.refusals.contains_key(&refusal) {
            return;
        }
        let because = || {
            let known = rule.and_then(|rule| {
                policy.rules().iter().find(|one| one.pack == rule.pack && one.id == rule.rule)
            });
            let said = error.map(|error| error.detail.to_string());
            known.map(|rule| rule.reason.clone()).or(said).unwrap_or_default()
        };
        let refused = self.refusals.entry(refusal).or_insert_with(|| Refused {
            count: 0,
            outcome: rule.map_or("block", |rule| rule.outcome.name()),
            because: because(),
            cite: rule.and_then(|rule| rule.cite.as_deref().map(str::to_owned)),
            site: rule.and_then(|rule| sites.get(&rule.pack, &rule.rule)).cloned(),
            place: destination.place.clone(),
            classes: BTreeSet::new(),
            first: asked(event),
        });
        refused.count += 1;
        refused.classes.extend(event.tags.iter().map(ToString::to_string));
    }
}

/// Method and path, as the record has them: without query, and values by their form.
fn asked(event: &Event<'_>) -> String {
    match &event.path {
        Some(path) => format!("{} {path}", event.method),
        None => event.method.to_string(),
    }
}

// === impl Sum ===

impl Sum {
    fn take(&mut self, other: Self) {
        let Self { requests, refused, observed, failed, classes, bytes_out } = other;
        self.requests += requests;
        self.refused += refused;
        self.observed += observed;
        self.failed += failed;
        self.classes.extend(classes);
        self.bytes_out += bytes_out;
    }
}

// === impl Destination ===

impl Destination {
    /// The place of what nobody had to locate.
    pub(super) const NOWHERE: &str = "-";

    fn of(event: &Event<'_>) -> Self {
        let host = event.host.as_deref().unwrap_or("nowhere");
        let name = event.port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let Some(location) = &event.location else {
            return Self {
                name,
                place: Self::NOWHERE.to_owned(),
                source: "not located".to_owned(),
            };
        };
        let place = if location.countries.is_empty() {
            location.state.to_string()
        } else {
            location.countries.join(",")
        };
        let answers = location.databases.iter().filter(|(_, answer)| answer.is_some());
        let answers: Vec<_> = answers.map(|(name, _)| name.to_string()).collect();
        let source = match &location.correction {
            Some(said) => said.to_string(),
            None if answers.is_empty() => location.state.to_string(),
            None => answers.join(", "),
        };
        Self { name, place, source }
    }
}
