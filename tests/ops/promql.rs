//! Which metrics and labels a query of Prometheus names: enough of its grammar to tell them apart.

use std::collections::BTreeSet;

use borderpost::telemetry::{LABELS, NAMES};

/// Labels that Prometheus adds when it asks a target.
const SCRAPED: [&str; 2] = ["job", "instance"];

/// Holds a query against what the program exports, and returns the metrics in it.
pub(crate) fn check(query: &str, place: &str) -> BTreeSet<String> {
    let tokens = tokens(query);
    let mut metrics = BTreeSet::new();
    let mut labels = BTreeSet::new();
    let (mut braces, mut grouping) = (0_usize, false);
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1).map_or("", String::as_str);
        match token.as_str() {
            "{" => braces += 1,
            "}" => braces -= 1,
            ")" => grouping = false,
            "by" | "without" | "on" | "ignoring" | "group_left" | "group_right" => {
                grouping = next == "(";
            }
            word if !word.starts_with(|first: char| first.is_ascii_alphabetic()) => {}
            word if braces > 0 || grouping => {
                labels.insert(word.to_owned());
            }
            _ if matches!(next, "(" | "by" | "without") => {}
            "and" | "or" | "unless" | "offset" | "bool" => {}
            word => {
                metrics.insert(word.to_owned());
            }
        }
    }
    assert!(!metrics.is_empty(), "{place}: no metric in `{query}`");
    let known: BTreeSet<_> = metrics.iter().flat_map(|name| labels_of(name, place)).collect();
    for label in labels {
        assert!(known.contains(&*label), "{place}: no metric in `{query}` has the label `{label}`");
    }
    metrics
}

/// The labels of a metric, which must be exported.
pub(crate) fn labels_of(name: &str, place: &str) -> Vec<&'static str> {
    if name == "up" {
        return SCRAPED.to_vec();
    }
    let parts = ["_bucket", "_sum", "_count"];
    let whole = parts.iter().find_map(|part| {
        let whole = name.strip_suffix(part)?;
        NAMES.contains(&whole).then_some((whole, *part == "_bucket"))
    });
    let (whole, bucket) = whole.unwrap_or((name, false));
    assert!(NAMES.contains(&whole), "{place}: `{name}` is not exported");
    let own = LABELS.iter().find(|(of, _)| *of == whole).map_or(&[][..], |(_, labels)| labels);
    let mut all = [own, &SCRAPED].concat();
    all.extend(bucket.then_some("le"));
    all
}

/// Words, and signs one by one; texts and durations are left out.
fn tokens(query: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = query;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => rest[1..].find(first).unwrap() + 2,
            // A window: `[5m]`, `[$__range]`.
            '[' => rest.find(']').unwrap() + 1,
            '0'..='9' => span(rest, |one| one.is_ascii_alphanumeric() || one == '.'),
            '$' => 1 + span(&rest[1..], is_word),
            _ if is_word(first) => span(rest, is_word),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        if !first.is_whitespace() && !matches!(first, '"' | '\'' | '[' | '$') {
            tokens.push(token.to_owned());
        }
        rest = after;
    }
    tokens
}

fn is_word(one: char) -> bool {
    one.is_ascii_alphanumeric() || one == '_' || one == ':'
}

fn span(text: &str, is: impl Fn(char) -> bool) -> usize {
    text.find(|one| !is(one)).unwrap_or(text.len())
}

#[test]
fn what_a_query_names_is_told_apart() {
    let query = "histogram_quantile(0.99, sum by (job, le) (rate(egress_added_latency_seconds_bucket{instance=~\"up|x\"}[5m] offset 5m))) > 3 * up";
    let found = check(query, "here");
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        ["egress_added_latency_seconds_bucket", "up"]
    );
}

#[test]
#[should_panic(expected = "has the label `host`")]
fn a_label_that_is_not_exported_is_found() {
    check("sum by (host) (egress_decisions_total)", "here");
}

#[test]
#[should_panic(expected = "`egress_decision_total` is not exported")]
fn a_metric_that_is_not_exported_is_found() {
    check("rate(egress_decision_total{pack=\"x\"}[5m])", "here");
}
