//! The dashboards of `config/grafana`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{file, promql, promtool, text};

/// What stands for a variable where Prometheus' tool reads a query.
const VARIABLES: [(&str, &str); 4] =
    [("$__rate_interval", "5m"), ("$__range", "1h"), ("$__interval", "1m"), ("$instance", ".*")];

/// The labels of streams in Loki, few and with few values.
const STREAM: [&str; 2] = ["service_name", "outcome"];

fn dashboards() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(file("grafana/dashboards")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let board = serde_json::from_str(&text(&format!("grafana/dashboards/{name}"))).unwrap();
        all.push((name, board));
    }
    all.sort_by(|one, other| one.0.cmp(&other.0));
    let names: Vec<_> = all.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["forensic.json", "limits.json", "overview.json", "sre.json"]);
    all
}

fn panels(board: &Value) -> impl Iterator<Item = &Value> {
    board["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row")
}

/// Every query: its place, the kind of its source, and its text.
fn queries(all: &[(String, Value)]) -> Vec<(String, String, String)> {
    let mut queries = Vec::new();
    for (name, board) in all {
        for panel in panels(board) {
            let place = format!("{name}: {}", panel["title"].as_str().unwrap());
            for target in panel["targets"].as_array().unwrap() {
                let kind = target["datasource"]["type"].as_str().unwrap().to_owned();
                queries.push((place.clone(), kind, target["expr"].as_str().unwrap().to_owned()));
            }
        }
    }
    queries
}

#[test]
fn they_have_what_grafana_wants_of_them() {
    let mut uids = BTreeSet::new();
    for (name, board) in dashboards() {
        assert!(uids.insert(board["uid"].as_str().unwrap().to_owned()), "{name}: its uid is taken");
        assert!(board["uid"].as_str().unwrap().len() <= 40, "{name}");
        assert!(board["title"].as_str().is_some_and(|title| !title.is_empty()), "{name}");
        assert!(board["schemaVersion"].as_u64().is_some_and(|version| version >= 36), "{name}");
        assert!(board["templating"]["list"].is_array() && board["time"]["from"].is_string());
        let mut ids = BTreeSet::new();
        let mut places: Vec<[u64; 4]> = Vec::new();
        for panel in board["panels"].as_array().unwrap() {
            let title = &panel["title"];
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{name}: {title} has a taken id");
            assert!(title.as_str().is_some_and(|title| !title.is_empty()), "{name}");
            let at = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
            let [x, y, w, h] = at;
            assert!(w > 0 && h > 0 && x + w <= 24, "{name}: {title} is beside the grid");
            let apart =
                |[a, b, c, d]: &[u64; 4]| x + w <= *a || a + c <= x || y + h <= *b || b + d <= y;
            assert!(places.iter().all(apart), "{name}: {title} lies over another");
            places.push(at);
        }
    }
}

#[test]
fn their_queries_have_a_source_that_is_provisioned() {
    let provisioned = text("grafana/provisioning/datasources/borderpost.yaml");
    let all = dashboards();
    for panel in all.iter().flat_map(|(_, board)| panels(board)) {
        let mut sources = vec![&panel["datasource"]];
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{panel}");
        sources.extend(targets.iter().map(|target| &target["datasource"]));
        for source in sources {
            let (uid, kind) = (source["uid"].as_str().unwrap(), &source["type"]);
            let known = format!("uid: {uid}\n    type: {}\n", kind.as_str().unwrap());
            assert!(provisioned.contains(&known), "no source {source}");
        }
        let refs: BTreeSet<_> = targets.iter().map(|one| one["refId"].as_str()).collect();
        assert_eq!(refs.len(), targets.len(), "{panel}");
    }
}

#[test]
fn they_name_only_what_is_exported() {
    let all = dashboards();
    let mut tried = 0;
    for (place, kind, query) in queries(&all) {
        if kind == "prometheus" {
            promql::check(&query, &place);
            tried += 1;
        }
    }
    assert!(tried > 50, "{tried} queries");
    for (name, board) in &all {
        for panel in panels(board) {
            for target in panel["targets"].as_array().unwrap() {
                let legend = target["legendFormat"].as_str().unwrap_or_default();
                let query = target["expr"].as_str().unwrap();
                for label in legend.split("{{").skip(1).map(|one| one.split("}}").next().unwrap()) {
                    let named = query.contains(label)
                        || promql::check(query, name)
                            .iter()
                            .any(|metric| promql::labels_of(metric, name).contains(&label));
                    assert!(named, "{name}: `{legend}` names `{label}`, which `{query}` has not");
                }
            }
        }
        for variable in board["templating"]["list"].as_array().unwrap() {
            if variable["type"] != "query" {
                continue;
            }
            let query = variable["query"]["query"].as_str().unwrap();
            let inner = query.strip_prefix("label_values(").unwrap().strip_suffix(')').unwrap();
            let (metric, label) = inner.split_once(", ").unwrap();
            assert!(promql::labels_of(metric, name).contains(&label), "{name}: {query}");
        }
    }
}

#[test]
fn their_queries_are_well_formed() {
    let mut rules = Vec::new();
    for (place, kind, query) in queries(&dashboards()) {
        if kind != "prometheus" {
            continue;
        }
        let query = VARIABLES.iter().fold(query, |query, (name, value)| query.replace(name, value));
        let labels = json!({ "place": place });
        let name = format!("query:{}", rules.len());
        rules.push(json!({ "record": name, "expr": query, "labels": labels }));
    }
    // YAML holds JSON.
    let rules = json!({ "groups": [{ "name": "dashboards", "rules": rules }] });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yaml");
    std::fs::write(&file, rules.to_string()).unwrap();
    promtool(&["check", "rules"], &file);
}

#[test]
fn queries_of_records_name_only_what_records_have() {
    let golden = include_str!("../golden/events/records.jsonl");
    let records: Vec<Value> =
        golden.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut tried = 0;
    for (place, _, query) in queries(&dashboards()).into_iter().filter(|one| one.1 == "loki") {
        let (_, inner) = query.split_once('{').unwrap();
        let (stream, stages) = inner.split_once('}').unwrap();
        for label in stream.split(',').map(|one| one.split('=').next().unwrap().trim()) {
            assert!(STREAM.contains(&label), "{place}: `{label}` is no label of a stream");
        }
        let mut known: BTreeMap<&str, &str> = STREAM.iter().map(|name| (*name, "")).collect();
        let taken = stages.split_once("| json ").map_or("", |(_, taken)| taken);
        for pair in taken.split('|').next().unwrap().split(", ") {
            let Some((name, path)) = pair.trim().split_once("=\"") else { continue };
            let path = path.strip_suffix('"').unwrap();
            known.insert(name, path);
            let pointer = format!("/{}", path.replace(['.', '['], "/").replace(']', ""));
            let there = records.iter().any(|record| record.pointer(&pointer).is_some());
            assert!(there, "{place}: no record has `{path}`");
            tried += 1;
        }
        if let Some((_, grouped)) = query.split_once("sum by (") {
            for label in grouped.split(')').next().unwrap().split(", ") {
                assert!(known.contains_key(label), "{place}: `{label}` is taken from nowhere");
            }
        }
    }
    assert!(tried > 10, "{tried} fields");
    let carrier = text("grafana/records.alloy");
    for label in STREAM {
        assert!(carrier.contains(label), "nobody makes `{label}`");
    }
}
