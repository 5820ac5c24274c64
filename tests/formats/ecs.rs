//! Every event against the pinned fields of the Elastic Common Schema.

use borderpost::audit::Format;
use serde_json::{Value, json};

use super::{events, file, value};

struct Fields(Value);

impl Fields {
    fn pinned() -> Self {
        Self(serde_json::from_str(&file("tests/data/schemas/ecs-9.4.0.json")).unwrap())
    }

    fn problems(&self, event: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.walk(event, "", &mut found);
        for required in ["@timestamp", "/ecs/version"] {
            let pointer = if required.starts_with('/') {
                required.to_owned()
            } else {
                format!("/{required}")
            };
            if event.pointer(&pointer).is_none() {
                found.push(format!("{required}: required"));
            }
        }
        let allowed = &self.0["allowed"];
        for path in ["event.kind", "event.outcome", "network.direction"] {
            let at = format!("/{}", path.replace('.', "/"));
            let one = event.pointer(&at).cloned().unwrap_or_default();
            if !allowed[path].as_array().unwrap().contains(&one) {
                found.push(format!("{path}: {one} is not allowed"));
            }
        }
        let categories = &allowed["event.category"];
        let own: Vec<_> = event["event"]["category"].as_array().unwrap().iter().collect();
        let expected = |kind: &Value| {
            own.iter().any(|one| {
                let types = categories[one.as_str().unwrap()].as_array();
                types.is_some_and(|types| types.contains(kind))
            })
        };
        for kind in event["event"]["type"].as_array().unwrap().iter().filter(|one| !expected(one)) {
            found.push(format!("event.type: {kind} is expected of none of {own:?}"));
        }
        found
    }

    fn walk(&self, value: &Value, path: &str, found: &mut Vec<String>) {
        if let (Some(fields), None) = (value.as_object(), self.0["fields"].get(path)) {
            for (name, one) in
                fields.iter().filter(|(name, _)| !(path.is_empty() && *name == "egress"))
            {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                self.walk(one, &path, found);
            }
            return;
        }
        let Some(rule) = self.0["fields"].get(path) else {
            return found.push(format!("{path}: unknown"));
        };
        let listed = rule["array"] == true;
        let list = value.as_array().cloned();
        if listed != list.is_some() {
            found.push(format!("{path}: a list, or none, where the other is meant"));
        }
        for one in list.unwrap_or_else(|| vec![value.clone()]) {
            let text = one.as_str();
            let fits = match rule["type"].as_str().unwrap() {
                "long" => one.is_i64(),
                "boolean" => one.is_boolean(),
                "ip" => text.is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok()),
                "date" => text.is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
                "keyword" | "wildcard" | "match_only_text" => text.is_some(),
                other => panic!("no rule for {other}"),
            };
            if !fits {
                found.push(format!("{path}: {one} is no {}", rule["type"]));
            }
        }
    }
}

#[test]
fn every_event_is_of_the_schema() {
    let fields = Fields::pinned();
    for event in events() {
        let event = value(Format::Ecs, &event);
        assert_eq!(fields.problems(&event), Vec::<String>::new(), "{event:#}");
        assert_eq!(event["ecs"]["version"], fields.0["version"]);
    }
}

#[test]
fn what_the_schema_does_not_know_is_seen() {
    let fields = Fields::pinned();
    let good = value(Format::Ecs, &events()[1]);
    for (pointer, put, wanted) in [
        ("/event/colour", json!("red"), "event.colour: unknown"),
        ("/event/kind", json!("warning"), "event.kind: \"warning\" is not allowed"),
        ("/event/severity", json!("80"), "event.severity: \"80\" is no \"long\""),
        ("/event/type", json!(["group"]), "event.type: \"group\" is expected of none of"),
        ("/source/ip", json!("here"), "source.ip: \"here\" is no \"ip\""),
        ("/related/ip", json!("10.0.0.1"), "related.ip: a list, or none, where the other is meant"),
        ("/event/start", json!("yesterday"), "event.start: \"yesterday\" is no \"date\""),
    ] {
        let mut event = good.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        event.pointer_mut(parent).unwrap()[name] = put;
        let problems = fields.problems(&event);
        assert!(problems.iter().any(|one| one.starts_with(wanted)), "{wanted}: {problems:?}");
    }
    let mut event = good;
    event.as_object_mut().unwrap().remove("@timestamp");
    assert_eq!(fields.problems(&event), ["@timestamp: required"]);
}
