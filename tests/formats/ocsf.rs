//! Every event against the pinned schema: no attribute that it does not know, types, numbers of
//! enumerations and their names, what is required, of which one must be there.

use borderpost::audit::Format;
use serde_json::{Value, json};

use super::{events, file, value};

pub(super) struct Schema(Value);

impl Schema {
    pub(super) fn pinned() -> Self {
        Self(serde_json::from_str(&file("tests/data/schemas/ocsf-1.8.0.json")).unwrap())
    }

    /// What is wrong with an event, each by its path.
    pub(super) fn problems(&self, event: &Value) -> Vec<String> {
        let mut found = Vec::new();
        let classes = self.0["classes"].as_object().unwrap();
        let Some(class) = classes.values().find(|class| class["uid"] == event["class_uid"]) else {
            return vec![format!("class_uid: {} is no class", event["class_uid"])];
        };
        let none = Vec::new();
        let profiles = event["metadata"]["profiles"].as_array().unwrap_or(&none);
        for profile in profiles {
            if !class["profiles"].as_array().unwrap().contains(profile) {
                found.push(format!("metadata.profiles: {profile} is none of the class"));
            }
        }
        for (field, wanted) in [
            ("category_uid", class["category_uid"].clone()),
            ("category_name", class["category_name"].clone()),
            ("class_name", class["caption"].clone()),
        ] {
            if event[field] != wanted {
                found.push(format!("{field}: {} is not {wanted}", event[field]));
            }
        }
        let kind = event["class_uid"].as_u64().unwrap() * 100;
        if event["type_uid"] != json!(kind + event["activity_id"].as_u64().unwrap_or_default()) {
            found.push("type_uid: not of class and activity".to_owned());
        }
        self.thing(class, event, profiles, "", &mut found);
        found
    }

    fn thing(&self, of: &Value, one: &Value, profiles: &[Value], path: &str, to: &mut Vec<String>) {
        let Some(fields) = one.as_object() else {
            return to.push(format!("{path}: no object"));
        };
        let attributes = of["attributes"].as_object().unwrap();
        for (name, value) in fields {
            let path = format!("{path}{name}");
            let Some(attribute) = attributes.get(name) else {
                to.push(format!("{path}: unknown"));
                continue;
            };
            if attribute.get("profiles").is_some_and(|of| !shared(of, profiles)) {
                to.push(format!("{path}: of a profile that is not applied"));
            }
            self.attribute(attribute, value, profiles, &path, to);
            named(attribute, value, fields, &path, to);
        }
        for (name, attribute) in attributes {
            let applied = attribute.get("profiles").is_none_or(|of| shared(of, profiles));
            if attribute["requirement"] == "required" && applied && !fields.contains_key(name) {
                to.push(format!("{path}{name}: required"));
            }
        }
        let any = of["constraints"]["at_least_one"].as_array();
        let has = |name: &Value| fields.contains_key(name.as_str().unwrap());
        if any.is_some_and(|names| !names.iter().any(has)) {
            to.push(format!("{path}: none of what it must have one of"));
        }
    }

    fn attribute(
        &self,
        attribute: &Value,
        value: &Value,
        profiles: &[Value],
        path: &str,
        to: &mut Vec<String>,
    ) {
        let Some(list) = value.as_array().filter(|_| attribute["array"] == true) else {
            if attribute["array"] == true {
                to.push(format!("{path}: no list"));
            }
            return self.single(attribute, value, profiles, path, to);
        };
        for one in list {
            self.single(attribute, one, profiles, path, to);
        }
    }

    fn single(
        &self,
        attribute: &Value,
        value: &Value,
        profiles: &[Value],
        path: &str,
        to: &mut Vec<String>,
    ) {
        if let Some(object) = attribute["object"].as_str() {
            if object == "object" {
                return assert!(value.is_object(), "{path}");
            }
            let Some(known) = self.0["objects"].get(object) else {
                return to.push(format!("{path}: {object} is not pinned"));
            };
            return self.thing(known, value, profiles, &format!("{path}."), to);
        }
        let kind = attribute["type"].as_str().unwrap();
        if !self.fits(kind, value) {
            to.push(format!("{path}: {value} is no {kind}"));
        }
        let known = |names: &Value| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            names.get(text).is_some()
        };
        if attribute.get("enum").is_some_and(|names| !known(names)) {
            to.push(format!("{path}: {value} is none of the enumeration"));
        }
    }

    fn fits(&self, kind: &str, value: &Value) -> bool {
        let rule = &self.0["types"][kind];
        let base = rule["type"].as_str().unwrap_or(kind);
        let typed = match base {
            "string_t" => value.is_string(),
            "integer_t" | "long_t" => value.is_i64(),
            "float_t" => value.is_number(),
            "boolean_t" => value.is_boolean(),
            other => panic!("no rule for {other}"),
        };
        let text = value.as_str().unwrap_or_default();
        let length = u64::try_from(text.len()).unwrap();
        let short = rule["max_len"].as_u64().is_none_or(|most| length <= most);
        let ranged = rule["range"].as_array().is_none_or(|range| {
            let (from, to) = (range[0].as_i64().unwrap(), range[1].as_i64().unwrap());
            value.as_i64().is_some_and(|number| (from..=to).contains(&number))
        });
        let address = kind != "ip_t" || text.parse::<std::net::IpAddr>().is_ok();
        typed && short && ranged && address
    }
}

fn shared(of: &Value, profiles: &[Value]) -> bool {
    of.as_array().unwrap().iter().any(|one| profiles.contains(one))
}

/// The name beside a number is the schema's own.
fn named(
    attribute: &Value,
    value: &Value,
    fields: &serde_json::Map<String, Value>,
    path: &str,
    to: &mut Vec<String>,
) {
    let Some(sibling) = attribute["sibling"].as_str() else { return };
    let Some(name) = attribute["enum"].get(value.to_string()) else { return };
    // `Other` stands for the source's own word.
    let differs = fields.get(sibling).is_some_and(|own| own != name && value != 99);
    if differs {
        to.push(format!("{path}: {value} is {name}, not {}", fields[sibling]));
    }
}

#[test]
fn every_event_is_of_the_schema() {
    let schema = Schema::pinned();
    let classes: Vec<_> = events()
        .iter()
        .map(|event| {
            let event = value(Format::Ocsf, event);
            assert_eq!(schema.problems(&event), Vec::<String>::new(), "{event:#}");
            (event["type_uid"].as_u64().unwrap(), event["disposition"].as_str().unwrap().to_owned())
        })
        .collect();
    let wanted = [
        (400_203, "Allowed"),
        (400_206, "Blocked"),
        (400_207, "Delayed"),
        (400_203, "Error"),
        (400_102, "Logged"),
        (400_105, "Blocked"),
        (400_203, "Error"),
        (400_299, "Detected"),
        (400_203, "Allowed"),
    ];
    assert_eq!(classes, wanted.map(|(kind, word)| (kind, word.to_owned())));
}

#[test]
fn what_the_schema_does_not_know_is_seen() {
    let schema = Schema::pinned();
    let good = value(Format::Ocsf, &events()[1]);
    let broken = |pointer: &str, put: Value, wanted: &str| {
        let mut event = good.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = event.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if put.is_null() {
            parent.remove(name).unwrap();
        } else {
            parent.insert(name.to_owned(), put);
        }
        let problems = schema.problems(&event);
        assert!(problems.iter().any(|one| one == wanted), "{wanted}: {problems:?}");
    };
    broken("/tls", json!({ "version": "1.3", "alpn": "h2" }), "tls.alpn: unknown");
    broken("/colour", json!("red"), "colour: unknown");
    broken("/time", json!("now"), "time: \"now\" is no timestamp_t");
    broken("/time", Value::Null, "time: required");
    broken("/metadata/product", Value::Null, "metadata.product: required");
    broken(
        "/metadata/product",
        json!({ "version": "1" }),
        "metadata.product.: none of what it must have one of",
    );
    broken("/action_id", json!(7), "action_id: 7 is none of the enumeration");
    broken("/severity", json!("Grave"), "severity_id: 4 is \"High\", not \"Grave\"");
    broken("/src_endpoint/ip", json!("here"), "src_endpoint.ip: \"here\" is no ip_t");
    broken("/src_endpoint/port", json!(70_000), "src_endpoint.port: 70000 is no port_t");
    broken(
        "/http_request/http_method",
        json!("PROPFIND"),
        "http_request.http_method: \"PROPFIND\" is none of the enumeration",
    );
    broken(
        "/metadata/profiles",
        json!(["host", "network_proxy"]),
        "firewall_rule: of a profile that is not applied",
    );
    broken(
        "/metadata/profiles",
        json!(["incident"]),
        "metadata.profiles: \"incident\" is none of the class",
    );
    broken("/metadata/labels", json!("one"), "metadata.labels: no list");
    broken("/type_uid", json!(400_205), "type_uid: not of class and activity");
    broken("/traffic", json!(3), "traffic.: no object");
    let mut event = good.clone();
    event.as_object_mut().unwrap().retain(|name, _| !name.starts_with("http_re"));
    assert_eq!(schema.problems(&event), [": none of what it must have one of"]);
}
