//! The alerts of `config/prometheus`.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::{file, promql, promtool, text};

#[derive(Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    alert: String,
    expr: String,
    annotations: Annotations,
}

#[derive(Deserialize)]
struct Annotations {
    summary: String,
    description: String,
}

fn rules() -> Vec<Rule> {
    let rules: Rules = serde_saphyr::from_str(&text("prometheus/rules.yaml")).unwrap();
    rules.groups.into_iter().flat_map(|group| group.rules).collect()
}

#[test]
fn each_is_told_when_it_must_be_and_else_not() {
    promtool(&["check", "rules"], &file("prometheus/rules.yaml"));
    promtool(&["test", "rules"], &file("prometheus/rules_test.yaml"));
    let tests = text("prometheus/rules_test.yaml");
    for rule in rules() {
        let name = format!("alertname: {}", rule.alert);
        let cases = tests.matches(&format!("{name}\n")).count();
        let silent = tests.matches(&format!("{name}}}")).count();
        assert!(cases > 0 && silent > 0, "{} is tried {cases} and {silent} times", rule.alert);
    }
}

#[test]
fn they_name_only_what_is_exported() {
    let rules = rules();
    assert!(rules.len() > 10);
    for Rule { alert, expr, annotations } in rules {
        let metrics = promql::check(&expr, &alert);
        let labels = metrics.iter().flat_map(|name| promql::labels_of(name, &alert));
        let labels: BTreeSet<_> = labels.collect();
        let Annotations { summary, description } = annotations;
        for told in [summary, description] {
            for used in told.split("$labels.").skip(1) {
                let end = used.find(|one: char| !one.is_ascii_alphanumeric() && one != '_');
                let used = &used[..end.unwrap()];
                assert!(labels.contains(used), "{alert} tells of `{used}`, which nothing has");
            }
        }
    }
}

#[test]
fn the_example_of_a_configuration_is_sound() {
    promtool(&["check", "config"], &file("prometheus/prometheus.yaml"));
}
