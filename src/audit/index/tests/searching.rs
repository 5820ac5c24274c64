//! Lists and rankings against what reading every record gives.

use std::collections::BTreeMap;

use super::*;
use crate::audit::index::clause::millis;

#[expect(clippy::unnecessary_wraps, reason = "fields of filters are options")]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Every filter alone, odd ones, and pairs.
fn filters(place: &Place) -> Vec<Filters> {
    let no = Filters::default;
    let mut all = vec![no()];
    for host in ["a.example", ".b.example", "b.example", "none", "ä\"example", ".", "%"] {
        all.push(Filters { host: some(host), ..no() });
    }
    for client in
        ["10.0.0.2", "ann", "10.0.0.1:1001", "2001:db8::1", "[2001:db8::1]:1000", "10.0.0.1:01001"]
    {
        all.push(Filters { client: some(client), ..no() });
    }
    for tag in ["health", "health.record", "financial", "fin", "healthy", "health."] {
        all.push(Filters { tag: some(tag), ..no() });
    }
    for country in ["AA", "bb", "Cc", "ZZ", "unknown", "UNKNOWN"] {
        all.push(Filters { country: some(country), ..no() });
    }
    for outcome in ["allow", "log", "block", "failed", "hold", "refused", "none"] {
        all.push(Filters { outcome: some(outcome), ..no() });
    }
    for rule in ["one/stay", "stay", "told", "two/told", "one/", "obs/", "none/", "a/b/", "/"] {
        all.push(Filters { rule: some(rule), ..no() });
    }
    for would in ["log", "hold", "require", "block", "refused"] {
        all.push(Filters { would: some(would), ..no() });
    }
    for method in ["GET", "POST", "get", "PUT"] {
        all.push(Filters { method: some(method), ..no() });
    }
    for id in ["odd-50", "00000000-0000-0007-0000-000000000007", "x"] {
        all.push(Filters { id: some(id), ..no() });
    }
    let id = uuid::Uuid::from_u128(9_u128 << 64 | 7).to_string();
    all.push(Filters { id: some(&id.to_uppercase()), ..no() });
    all.push(Filters { id: Some(id), ..no() });
    let part = jiff::SignedDuration::from_micros(300);
    for (since, until) in [(0, 3_600_001), (1_000_123, 9_000_000), (5_000, 5_001), (9, 8)] {
        let since = Some(place.at(since).checked_add(part).unwrap());
        all.push(Filters { since, ..no() });
        all.push(Filters { since, until: Some(place.at(until)), ..no() });
        all.push(Filters { until: Some(place.at(until)), ..no() });
    }
    let pairs: Vec<_> = all
        .iter()
        .flat_map(|one| {
            [
                Filters { outcome: some("block"), ..one.clone() },
                Filters { would: some("refused"), ..one.clone() },
                Filters { tag: some("health"), country: some("AA"), ..one.clone() },
                Filters { since: Some(place.at(2_000_000)), rule: some("stay"), ..one.clone() },
                Filters { client: some("10.0.0.2"), outcome: some("allow"), ..one.clone() },
            ]
        })
        .collect();
    all.extend(pairs);
    all
}

#[test]
fn the_index_lists_what_reading_everything_gives() {
    let place = Place::new();
    place.fill(&mut place.log(), 0..900);
    follow(&mut place.tail());
    let (all, index) = (records(&place.journal()), place.look());
    let mut found = 0;
    for filters in filters(&place) {
        let meant = all.iter().filter(|(_, event)| filters.means(event));
        let meant: Vec<u64> = meant.map(|(sequence, _)| *sequence).collect();
        found += meant.len();
        for (newest, limit) in [(false, 97), (true, 1_000)] {
            let (mut pages, mut after) = (Vec::new(), None);
            loop {
                let page = index.sequences(&filters, Page { newest, after, limit }).unwrap();
                assert!(page.len() <= usize::try_from(limit).unwrap());
                let Some(last) = page.last() else { break };
                after = Some(*last);
                pages.extend(page);
            }
            if newest {
                pages.reverse();
            }
            assert_eq!(pages, meant, "{filters:?} {newest}");
        }
    }
    assert!(found > 5_000, "{found}");
}

#[test]
fn a_listed_request_says_what_its_record_does() {
    let place = Place::new();
    place.fill(&mut place.log(), 0..300);
    follow(&mut place.tail());
    let (all, index) = (records(&place.journal()), place.look());
    let page = Page { newest: false, after: None, limit: 1_000 };
    let listed = index.list(&Filters::default(), page).unwrap();
    assert_eq!(listed.len(), all.len());
    for (one, (sequence, event)) in listed.iter().zip(all) {
        let texts = |all: &[std::borrow::Cow<'_, str>]| -> Vec<String> {
            all.iter().map(|one| one.to_string()).collect()
        };
        let rules = event.rules.iter().map(|rule| format!("{}/{}", rule.pack, rule.rule));
        let expected = Listed {
            sequence,
            time: event.time,
            id: event.id.to_string(),
            host: event.host.as_deref().map(str::to_owned),
            client: event.client.address(),
            port: event.client.port().unwrap(),
            principal: event.principal.as_deref().map(str::to_owned),
            outcome: event.outcome,
            observed: false,
            would: event.would(),
            status: event.status,
            method: event.method.to_string(),
            scheme: event.scheme.to_string(),
            fault: event.error.as_ref().map(|error| error.code.to_string()),
            bytes_out: event.bytes_out,
            bytes_in: event.bytes_in,
            countries: texts(&event.location.as_ref().unwrap().countries),
            tags: texts(&event.tags),
            rules: rules.collect(),
        };
        assert_eq!(*one, expected);
    }
}

fn names(dimension: Dimension, event: &Event<'_>) -> Vec<String> {
    let mut names: Vec<String> = match dimension {
        Dimension::Client => vec![event.client.address()],
        Dimension::Country => {
            let countries = &event.location.as_ref().unwrap().countries;
            let all = countries.iter().map(|one| one.to_string());
            if countries.is_empty() { vec!["unknown".to_owned()] } else { all.collect() }
        }
        Dimension::Host => vec![event.host.as_deref().unwrap_or("-").to_owned()],
        Dimension::Method => vec![event.method.to_string()],
        Dimension::Outcome => vec![event.outcome.map_or("failed", |one| one.name()).to_owned()],
        Dimension::Pack => event.rules.iter().map(|rule| rule.pack.to_string()).collect(),
        Dimension::Principal => event.principal.iter().map(|one| one.to_string()).collect(),
        Dimension::Rule => {
            event.rules.iter().map(|rule| format!("{}/{}", rule.pack, rule.rule)).collect()
        }
        Dimension::Tag => event.tags.iter().map(|tag| tag.to_string()).collect(),
    };
    names.sort();
    names.dedup();
    names
}

fn sums_of(event: &Event<'_>) -> Sums {
    Sums { requests: 1, bytes_out: event.bytes_out, bytes_in: event.bytes_in }
}

#[test]
fn rankings_count_what_reading_everything_counts() {
    let place = Place::new();
    place.fill(&mut place.log(), 0..900);
    follow(&mut place.tail());
    let (all, index) = (records(&place.journal()), place.look());
    for filters in filters(&place) {
        for dimension in Dimension::ALL {
            let mut expected: BTreeMap<String, Sums> = BTreeMap::new();
            for (_, event) in all.iter().filter(|(_, event)| filters.means(event)) {
                for name in names(dimension, event) {
                    expected.entry(name).or_default().add(&sums_of(event));
                }
            }
            let ranked = index.top(dimension, &filters, 100).unwrap();
            assert!(ranked.is_sorted_by(|a, b| a.sums.requests >= b.sums.requests));
            let named = ranked
                .into_iter()
                .map(|Ranked { name, sums }| (name.unwrap_or_else(|| "-".to_owned()), sums));
            assert_eq!(named.collect::<BTreeMap<_, _>>(), expected, "{dimension:?} {filters:?}");
        }
    }
    let first = &index.top(Dimension::Tag, &Filters::default(), 1).unwrap();
    assert_eq!(first.len(), 1);
}

#[test]
fn counts_over_time_are_those_of_the_records() {
    let place = Place::new();
    place.fill(&mut place.log(), 0..900);
    follow(&mut place.tail());
    let (all, index) = (records(&place.journal()), place.look());
    for filters in filters(&place) {
        for step in [7_000, 60_000, 3_600_000] {
            let mut expected: BTreeMap<(i64, Option<crate::policy::Outcome>), Sums> =
                BTreeMap::new();
            for (_, event) in all.iter().filter(|(_, event)| filters.means(event)) {
                let begin = millis(event.time).div_euclid(i64::from(step)) * i64::from(step);
                expected.entry((begin, event.outcome)).or_default().add(&sums_of(event));
            }
            let found = index.over_time(&filters, step).unwrap();
            let found = found
                .into_iter()
                .map(|Bucket { begin, outcome, sums }| ((millis(begin), outcome), sums));
            assert_eq!(found.collect::<BTreeMap<_, _>>(), expected, "{step} {filters:?}");
        }
    }
}

#[test]
fn an_answer_that_takes_too_long_is_broken_off() {
    let place = Place::new();
    place.fill(&mut place.log(), 0..1_500);
    follow(&mut place.tail());
    let index = Index::open_read_only(&place.index(), Duration::ZERO).unwrap();
    // More steps than between two looks at the clock, after its first millisecond.
    let late = std::iter::repeat_with(|| index.top(Dimension::Client, &Filters::default(), 3));
    let late = late.take(1_000).find_map(Result::err);
    assert!(matches!(late, Some(Fault::Late)), "{late:?}");
    assert!(!Fault::Late.spoils());
}
