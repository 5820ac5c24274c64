//! A draft holds back what was not seen, lets go what was, and is a pack whatever hosts, tags and
//! rules are called.

use std::collections::BTreeSet;

use jiff::civil::date;
use proptest::prelude::*;
use serde_json::json;

use super::draft::Draft;
use super::seen::Seen;
use crate::audit::{Event, Replayed, event};
use crate::config::{self, Origin};
use crate::policy::Policy;

/// Clients may ask for a name that a rule would take for a pattern.
const HOSTS: [&str; 5] = ["a.example", "*.example", "*", "203.0.113.7", "[2001:db8::1]"];
const TAGS: [&str; 6] = ["health", "id", "id.contact", "id-contact", "id_contact", "id-contact-2"];
const COUNTRIES: [&str; 3] = ["DE", "US", "XK"];

/// One request: which tag, host and country, and what became of it.
#[derive(Clone, Copy, Debug)]
struct Asked {
    tag: Option<usize>,
    host: usize,
    country: Option<usize>,
    /// What another database says.
    disputed: bool,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Passed,
    Refused,
    Failed,
    Objected,
}

impl Asked {
    fn countries(self) -> Vec<&'static str> {
        let other = |country: usize| COUNTRIES[(country + 1) % COUNTRIES.len()];
        let Some(country) = self.country else { return Vec::new() };
        let other = self.disputed.then(|| other(country));
        [COUNTRIES[country]].into_iter().chain(other).collect()
    }

    /// Whether it went out.
    fn went(self) -> bool {
        matches!(self.fate, Fate::Passed | Fate::Objected)
    }

    fn line(self) -> String {
        let tags: Vec<_> = self.tag.map(|tag| TAGS[tag]).into_iter().collect();
        let countries = self.countries();
        let state = ["unknown", "agreed", "disputed"][countries.len()];
        let databases = |at: usize| countries.get(at).or_else(|| countries.first());
        let rule = |mode: &str| {
            json!([{"rule": "no\n[pack]", "pack": "p", "outcome": "block", "mode": mode,
                    "presumed": false, "cite": "c"}])
        };
        let rules = match self.fate {
            Fate::Passed | Fate::Failed => json!([]),
            Fate::Refused => rule("enforce"),
            Fate::Objected => rule("observe"),
        };
        json!({
            "time": "2026-11-20T00:00:00Z", "id": "019a0000-0000-7000-8000-000000000000",
            "client": "10.0.0.1:1000", "method": "POST", "scheme": "https",
            "host": HOSTS[self.host], "port": 443, "address": "203.0.113.7:443",
            "location": {
                "state": state,
                "countries": countries,
                "databases": {"one": databases(0), "two": databases(1)},
            },
            "tags": tags, "data": if tags.is_empty() { json!([]) } else { json!([{"tags": tags}]) },
            "rules": rules,
            "outcome": if self.fate == Fate::Refused { "block" } else { "allow" },
            "error": (self.fate == Fate::Failed)
                .then(|| json!({"fault": "upstream", "code": "connect-refused", "detail": "no"})),
            "bytes_out": 1500,
        })
        .to_string()
    }
}

fn draft(asked: &[Asked], bind: usize) -> String {
    let mut seen = Seen::default();
    for one in asked {
        seen.add(&Event::read(&one.line()).unwrap());
    }
    Draft { seen: &seen, name: "discovered", bind, today: date(2026, 11, 20) }.text()
}

/// The draft in force, alone.
fn in_force(text: &str) -> std::sync::Arc<Policy> {
    let enforced = text.replace("mode = \"observe\"\n", "");
    assert_ne!(enforced, text);
    let origin = Origin::Text {
        name: "none".to_owned(),
        text: "packs = []\n[geo]\ndatabase = []".to_owned(),
    };
    let loaded = config::load_with(&origin, &[("draft".to_owned(), enforced)]);
    let loaded = loaded.unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    std::sync::Arc::clone(&loaded.active.policy)
}

fn passes(policy: &Policy, asked: Asked) -> bool {
    let record = Replayed::read(asked.line().as_bytes()).unwrap();
    let (_, after) = record.compare(policy, None).unwrap();
    after.starts_with("allow")
}

/// Whether a draft of this traffic is to let it go. Every country that it may be in must be one
/// that the like of it went to, undisputed, and that no rule objected to; so must be its host.
fn is_seen(all: &[Asked], one: Asked, bind: usize) -> bool {
    let out: Vec<_> = all.iter().copied().filter(|other| other.went()).collect();
    let is_under = |tag: Option<usize>, above: Option<usize>| {
        above.is_none_or(|above| tag.is_some_and(|tag| event::is_under(TAGS[tag], TAGS[above])))
    };
    let to = |above: Option<usize>, country: &str| {
        let like =
            |other: &&Asked| is_under(other.tag, above) && other.countries().contains(&country);
        let agreed = out.iter().filter(like).any(|other| !other.disputed);
        // An objection to data strikes the country for this data, not for all.
        let objected = |other: &Asked| other.fate == Fate::Objected;
        let free = match above {
            Some(_) => !out.iter().filter(like).any(objected),
            None => !out.iter().filter(like).all(objected),
        };
        agreed && free
    };
    let let_go = |above: usize| {
        let like = |other: &&Asked| is_under(other.tag, Some(above));
        let hosts: BTreeSet<_> = out.iter().filter(like).map(|other| other.host).collect();
        let host = out.iter().filter(like).any(|other| {
            other.host == one.host && other.fate == Fate::Passed && !HOSTS[one.host].contains('*')
        });
        let places = one.countries();
        places.iter().all(|country| to(Some(above), country)) && (hosts.len() > bind || host)
    };
    // A tag that data bore and that went out has rules; other data is held back.
    let borne = |above: &usize| {
        all.iter().any(|other| other.tag == Some(*above))
            && out.iter().any(|other| is_under(other.tag, Some(*above)))
    };
    let rules: Vec<_> = (0..TAGS.len())
        .filter(borne)
        .filter(|above| one.tag.is_some() && is_under(one.tag, Some(*above)))
        .collect();
    one.country.is_some()
        && one.countries().iter().all(|country| to(None, country))
        && (one.tag.is_none() || !rules.is_empty())
        && rules.into_iter().all(let_go)
}

fn asked() -> impl Strategy<Value = Asked> {
    let fate = prop_oneof![
        4 => Just(Fate::Passed),
        1 => Just(Fate::Refused),
        1 => Just(Fate::Failed),
        1 => Just(Fate::Objected),
    ];
    let tag = prop::option::of(0..TAGS.len());
    let country = prop::option::weighted(0.9, 0..COUNTRIES.len());
    let disputed = prop::bool::weighted(0.2);
    (tag, 0..HOSTS.len(), country, disputed, fate).prop_map(
        |(tag, host, country, disputed, fate)| {
            // What is nowhere is not disputed.
            Asked { tag, host, country, disputed: disputed && country.is_some(), fate }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_was_seen_goes_and_nothing_else(
        all in prop::collection::vec(asked(), 1..16), other in asked(), bind in 0_usize..4,
    ) {
        let text = draft(&all, bind);
        let policy = in_force(&text);
        for one in all.iter().copied().chain([other]) {
            prop_assert_eq!(passes(&policy, one), is_seen(&all, one, bind), "{:?}\n{}", one, &text);
        }
    }
}

#[test]
fn a_draft_as_people_read_it() {
    let fate = Fate::Passed;
    let passed = Asked { tag: Some(0), host: 0, country: Some(0), disputed: false, fate };
    let objected = Asked { country: Some(1), host: 3, fate: Fate::Objected, ..passed };
    let text = draft(&[passed, passed, objected, Asked { fate: Fate::Refused, ..objected }], 50);
    for line in [
        "# 2026-11-20 to 2026-11-20: 4 requests, 4 with tagged data, 1 refused, 0 failed.",
        "# 3 requests of 1 client, 4.3 KiB sent.",
        "# Refused: 1 request towards US, by p/no?[pack].",
        "    \"DE\",  # 2 requests, 2.9 KiB",
        "    # \"US\",  # 1 request, 1.4 KiB; p/no?[pack] would have refused 1",
        "    \"a.example\",  # 2 requests, 2.9 KiB, DE",
        "mode = \"observe\"",
        "id = \"health-new-host\"",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\nin\n{text}");
    }
}
