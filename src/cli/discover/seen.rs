//! What was seen: by place, by host and by kind of data, of requests that went out; and what was
//! refused. Bounded, whatever the traffic is: what is beyond is counted.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::hash::{BuildHasher, RandomState};

use jiff::Timestamp;

use crate::audit::Event;
use crate::audit::event::Rule;
use crate::policy::Mode;

use super::super::output::count;

/// So many hosts are told apart for one kind of data, and so many clients.
const MOST: usize = 10_000;

/// So many rows there are of hosts, refusals and failures, of all kinds of data together: some 20 MB.
const ROWS: usize = 100_000;

/// So many kinds of data are told apart.
const MOST_TAGS: usize = 500;

/// The whole.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// When the first and the last of them came.
    pub(super) span: Option<(Timestamp, Timestamp)>,
    /// Requests, and tunnels that nobody looked into.
    pub(super) requests: u64,
    /// Of these, which carried data with a tag.
    pub(super) tagged: u64,
    pub(super) refused: u64,
    pub(super) failed: u64,
    /// All that went out.
    pub(super) all: Flow,
    /// The same by tag of what it carried, and by what stands above these: a rule on a tag is one on
    /// all below it.
    pub(super) tags: BTreeMap<String, Flow>,
    /// Tunnels that were not opened: nobody knows what they carried.
    pub(super) unread: BTreeMap<String, Sum>,
    /// Tags beyond those that are told apart.
    pub(super) beyond: u64,
    rows: usize,
    hasher: RandomState,
}

/// Requests of one kind.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// Whether data bore this very tag.
    pub(super) borne: bool,
    pub(super) sum: Sum,
    /// A request to a disputed address counts for each country that it may be in.
    pub(super) places: BTreeMap<Place, Sum>,
    pub(super) hosts: BTreeMap<String, Host>,
    /// What did not go out, by the rule or setting that barred it and the place.
    pub(super) refused: Stopped,
    /// What came to nothing, by the word for it and the place: that somebody asked opens no way.
    pub(super) failed: Stopped,
    /// Who sent it, as digests: only their number is told.
    clients: HashSet<u64>,
    /// Requests to hosts beyond those that are told apart.
    pub(super) beyond: u64,
}

/// By what, and towards where; how often.
pub(super) type Stopped = BTreeMap<(String, String), u64>;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Went,
    Refused,
    Failed,
}

/// One host.
#[derive(Debug, Default)]
pub(super) struct Host {
    pub(super) sum: Sum,
    /// Where it is: countries, or what is known instead.
    pub(super) place: String,
}

/// How much.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum {
    pub(super) requests: u64,
    pub(super) bytes_out: u64,
    /// How many of them went where the databases agree, or somebody has said, which country that is.
    pub(super) agreed: u64,
    /// How many a rule would have refused that only observes.
    pub(super) objected: u64,
    /// Which rule, and how many.
    pub(super) objections: BTreeMap<String, u64>,
}

/// Where something went.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// A country that it may be in.
    Country(String),
    /// None: private networks and the like, places that no database knows, what was never located.
    Else(String),
}

// === impl Seen ===

impl Seen {
    /// Adds a record.
    pub(super) fn add(&mut self, event: &Event<'_>) {
        // What is inside of it is told by itself.
        if event.is_envelope() {
            return;
        }
        let fate = if event.is_refused() {
            Fate::Refused
        } else if event.error.is_some() {
            Fate::Failed
        } else {
            Fate::Went
        };
        let (first, last) = self.span.unwrap_or((event.time, event.time));
        self.span = Some((first.min(event.time), last.max(event.time)));
        self.requests += 1;
        self.tagged += u64::from(!event.tags.is_empty());
        self.refused += u64::from(fate == Fate::Refused);
        self.failed += u64::from(fate == Fate::Failed);
        let client = event.principal.as_deref().map_or_else(
            || self.hasher.hash_one(event.client.address()),
            |name| self.hasher.hash_one(name),
        );
        let asked = (fate, client);
        self.all.add(event, asked, &mut self.rows);
        let tags: BTreeSet<_> = event.tags.iter().flat_map(|tag| at_or_above(tag)).collect();
        for tag in tags {
            if self.tags.len() >= MOST_TAGS && !self.tags.contains_key(tag) {
                self.beyond += 1;
                continue;
            }
            let flow = self.tags.entry(tag.to_owned()).or_default();
            flow.borne |= event.tags.iter().any(|borne| borne == tag);
            flow.add(event, asked, &mut self.rows);
        }
        if event.tunnel.as_deref() == Some("unread") && fate != Fate::Refused {
            let host = event.host.as_deref().unwrap_or("nowhere");
            if self.unread.len() < MOST || self.unread.contains_key(host) {
                self.unread.entry(host.to_owned()).or_default().add(event);
            }
        }
    }

    /// The tags that data bore.
    pub(super) fn borne(&self) -> impl Iterator<Item = (&String, &Flow)> {
        self.tags.iter().filter(|(_, flow)| flow.borne)
    }

    /// The whole in a line.
    pub(super) fn told(&self) -> String {
        let Self { requests, tagged, refused, failed, .. } = self;
        let requests = count(usize::try_from(*requests).unwrap_or(usize::MAX), "request");
        format!("{requests}, {tagged} with tagged data, {refused} refused, {failed} failed")
    }
}

// === impl Flow ===

impl Flow {
    /// How many sent it; no more than are told apart.
    pub(super) fn clients(&self) -> usize {
        self.clients.len()
    }

    fn add(&mut self, event: &Event<'_>, (fate, client): (Fate, u64), rows: &mut usize) {
        let places = places(event);
        let name = || {
            let names: Vec<_> = places.iter().map(ToString::to_string).collect();
            names.join(",")
        };
        let word = || event.error.as_ref().map_or("refused", |error| &*error.code).to_owned();
        match fate {
            Fate::Refused => {
                let by = event.refusing(Mode::Enforce).map_or_else(word, named);
                return stop(&mut self.refused, (by, name()), rows);
            }
            Fate::Failed => return stop(&mut self.failed, (word(), name()), rows),
            Fate::Went => {}
        }
        self.sum.add(event);
        if self.clients.len() < MOST {
            self.clients.insert(client);
        }
        for place in &places {
            self.places.entry(place.clone()).or_default().add(event);
        }
        let Some(host) = event.host.as_deref() else { return };
        if !self.hosts.contains_key(host) {
            if self.hosts.len() >= MOST || *rows >= ROWS {
                self.beyond += 1;
                return;
            }
            *rows += 1;
        }
        let host = self.hosts.entry(host.to_owned()).or_default();
        host.sum.add(event);
        // The last word on it that says something.
        if host.place.is_empty() || event.location.is_some() {
            host.place = name();
        }
    }
}

fn stop(stopped: &mut Stopped, key: (String, String), rows: &mut usize) {
    if let Some(count) = stopped.get_mut(&key) {
        *count += 1;
    } else if *rows < ROWS {
        *rows += 1;
        stopped.insert(key, 1);
    }
}

// === impl Sum ===

impl Sum {
    fn add(&mut self, event: &Event<'_>) {
        self.requests += 1;
        let places = event.location.as_ref().map_or(0, |location| location.countries.len());
        self.agreed += u64::from(places == 1);
        self.bytes_out = self.bytes_out.saturating_add(event.bytes_out);
        if let Some(rule) = event.refusing(Mode::Observe) {
            self.objected += 1;
            *self.objections.entry(named(rule)).or_default() += 1;
        }
    }
}

// === impl Place ===

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Country(name) | Self::Else(name)) = self;
        f.write_str(name)
    }
}

fn places(event: &Event<'_>) -> Vec<Place> {
    let Some(location) = &event.location else {
        return vec![Place::Else("not located".to_owned())];
    };
    if location.countries.is_empty() {
        return vec![Place::Else(location.state.to_string())];
    }
    location.countries.iter().map(|code| Place::Country(code.to_string())).collect()
}

/// `id`, `id.contact` and `id.contact.email` of the last.
fn at_or_above(tag: &str) -> impl Iterator<Item = &str> {
    let dots = tag.match_indices('.').map(|(at, _)| at);
    dots.chain([tag.len()]).filter_map(|end| tag.get(..end))
}

fn named(rule: &Rule<'_>) -> String {
    format!("{}/{}", rule.pack, rule.rule)
}
