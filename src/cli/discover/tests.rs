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

const HOSTS: [&str; 4] = ["a.example", "b.example", "203.0.113.7", "[2001:db8::1]"];
const TAGS: [&str; 6] = ["health", "id", "id.contact", "id-contact", "id_contact", "id-contact-2"];
const COUNTRIES: [&str; 3] = ["DE", "US", "XK"];

/// One request: which tag, host and country, and what became of it.
#[derive(Clone, Copy, Debug)]
struct Asked {
    tag: Option<usize>,
    host: usize,
    country: Option<usize>,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Passed,
    Refused,
    Objected,
}

impl Asked {
    fn line(self) -> String {
        let tags: Vec<_> = self.tag.map(|tag| TAGS[tag]).into_iter().collect();
        let country = self.country.map(|country| COUNTRIES[country]);
        let rule = |mode: &str| {
            json!([{"rule": "no\n[pack]", "pack": "p", "outcome": "block", "mode": mode,
                    "presumed": false, "cite": "c"}])
        };
        let rules = match self.fate {
            Fate::Passed => json!([]),
            Fate::Refused => rule("enforce"),
            Fate::Objected => rule("observe"),
        };
        json!({
            "time": "2026-11-20T00:00:00Z", "id": "019a0000-0000-7000-8000-000000000000",
            "client": "10.0.0.1:1000", "method": "POST", "scheme": "https",
            "host": HOSTS[self.host], "port": 443, "address": "203.0.113.7:443",
            "location": {
                "state": if country.is_some() { "agreed" } else { "unknown" },
                "countries": country.into_iter().collect::<Vec<_>>(),
                "databases": {"one": country},
            },
            "tags": tags, "data": if tags.is_empty() { json!([]) } else { json!([{"tags": tags}]) },
            "rules": rules,
            "outcome": if self.fate == Fate::Refused { "block" } else { "allow" },
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

/// Whether a draft of this traffic is to let it go: the like of it went out to this country and
/// this host, and no rule objected to either.
fn is_seen(all: &[Asked], one: Asked, bind: usize) -> bool {
    let out: Vec<_> = all.iter().copied().filter(|other| other.fate != Fate::Refused).collect();
    let went = |like: &dyn Fn(&Asked) -> bool| {
        let mut like = out.iter().filter(|other| like(other)).peekable();
        like.peek().is_some() && like.all(|other| other.fate == Fate::Passed)
    };
    let is_under = |tag: Option<usize>, above: usize| {
        tag.is_some_and(|tag| event::is_under(TAGS[tag], TAGS[above]))
    };
    let let_go = |above: usize| {
        let hosts = out.iter().filter(|other| is_under(other.tag, above)).map(|other| other.host);
        let hosts: BTreeSet<_> = hosts.collect();
        let borne = all.iter().any(|other| other.tag == Some(above));
        // Of data that never went out the draft knows nothing.
        !borne
            || hosts.is_empty()
            || !is_under(one.tag, above)
            || (went(&|other| is_under(other.tag, above) && other.country == one.country)
                && (hosts.len() > bind
                    || went(&|other| is_under(other.tag, above) && other.host == one.host)))
    };
    one.country.is_some()
        && out.iter().any(|other| other.fate == Fate::Passed && other.country == one.country)
        && (0..TAGS.len()).all(let_go)
}

fn asked() -> impl Strategy<Value = Asked> {
    let fate = prop_oneof![
        4 => Just(Fate::Passed),
        1 => Just(Fate::Refused),
        1 => Just(Fate::Objected),
    ];
    let tag = prop::option::of(0..TAGS.len());
    let country = prop::option::weighted(0.9, 0..COUNTRIES.len());
    (tag, 0..HOSTS.len(), country, fate).prop_map(|(tag, host, country, fate)| Asked {
        tag,
        host,
        country,
        fate,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_seen_goes_and_nothing_else(
        all in prop::collection::vec(asked(), 1..12), other in asked(), bind in 0_usize..4,
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
    let passed = Asked { tag: Some(0), host: 0, country: Some(0), fate: Fate::Passed };
    let objected = Asked { country: Some(1), host: 1, fate: Fate::Objected, ..passed };
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
