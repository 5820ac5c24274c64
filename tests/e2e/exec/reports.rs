//! What is written for other programs.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{given, said, script};

use super::{HOST, REFUSED, Stage, Told, url};

/// One request that is let be, one that is refused by the test's own rule, one by a shipped one.
fn play(stage: &Stage, options: &[&str]) -> Told {
    let site = stage.site();
    let script = "curl -q -sS $0/hello; curl -q -sS -X PUT $0/echo -d a=1; \
                  curl -q -sS -H 'X-Data-Class: health' -d a=1 \"$0/echo?token=secret-word\"";
    let mut command = stage.exec(options);
    stage.ended(command.args(["sh", "-c", script, &url(site.address.port())]))
}

fn stage() -> Stage {
    Stage::with(|config| {
        let when = "methods = [\"PUT\"]\nto = [\"CN\"]";
        config.rules().rule("a-mine", "block", "cite = \"Handbook <4> & more\"", when)
    })
}

fn read(stage: &Stage, name: &str) -> String {
    std::fs::read_to_string(stage.path(name)).unwrap()
}

const ALL: [&str; 8] =
    ["--junit", "junit.xml", "--sarif", "a.sarif", "--har", "a.har", "--ndjson", "a.ndjson"];

#[test]
fn all_of_them() {
    let stage = stage();
    let told = play(&stage, &ALL);
    assert_eq!(told.code, Some(REFUSED), "{told:#?}");
    junit(&stage, 1);
    let results = sarif(&stage);
    assert_eq!(results.len(), 2, "{results:#?}");
    assert!(results.iter().all(|result| result["level"] == "error"));
    let places: Vec<_> =
        results.iter().map(|one| &one["locations"][0]["physicalLocation"]).collect();
    let (shipped, mine) = (places[0], places[1]);
    assert_eq!(mine["artifactLocation"], json!({ "uri": "exec.toml" }));
    assert_eq!(mine["region"]["startLine"], stage.line_of("id = \"a-mine\""));
    assert_eq!(mine["region"]["startColumn"], 6);
    let inside = json!({ "uri": "config/packs/default.toml", "uriBaseId": "BORDERPOST" });
    assert_eq!(shipped["artifactLocation"], inside);
    // The events, of which both are made.
    let records = read(&stage, "a.ndjson");
    let records: Vec<Value> =
        records.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let inside: Vec<_> = records.iter().filter(|record| record["scheme"] == "https").collect();
    let statuses: Vec<_> = inside.iter().map(|record| &record["status"]).collect();
    assert_eq!(statuses, [200, 451, 451], "{inside:#?}");
    let archive: Value = serde_json::from_str(&read(&stage, "a.har")).unwrap();
    assert_eq!(archive["log"]["version"], "1.2");
    let entries = archive["log"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), records.len());
    let urls: Vec<_> = entries.iter().map(|one| one["request"]["url"].as_str().unwrap()).collect();
    assert!(urls.iter().any(|url| url.ends_with("/echo")), "{urls:?}");
    for file in ["junit.xml", "a.sarif", "a.har", "a.ndjson"] {
        assert!(!read(&stage, file).contains("secret-word"), "{file}");
    }
}

#[test]
fn nothing_seen_is_told() {
    let stage = stage();
    let mut command = stage.exec(&ALL);
    let told = stage.ended(command.arg("true"));
    assert_eq!(told.code, Some(0), "{told:#?}");
    told.says("unseen     nothing came through the proxy; ");
    assert!(read(&stage, "junit.xml").contains("<system-err>warning: nothing came through"));
    assert_eq!(sarif(&stage), [Value::Null; 0]);
    let document: Value = serde_json::from_str(&read(&stage, "a.sarif")).unwrap();
    let told = &document["runs"][0]["invocations"][0]["toolExecutionNotifications"][0];
    assert_eq!(told["level"], "warning");
    assert!(told["message"]["text"].as_str().unwrap().starts_with("nothing came through"));
}

#[test]
fn observed_rules_fail_nothing() {
    let stage = stage();
    let told = play(&stage, &[&ALL[..], &["--observe"]].concat());
    assert_eq!(told.code, Some(0), "{told:#?}");
    junit(&stage, 0);
    let results = sarif(&stage);
    assert_eq!(results.len(), 2, "{results:#?}");
    assert!(results.iter().all(|result| result["level"] == "warning"));
    assert!(
        read(&stage, "junit.xml").contains("would be refused: local/a-mine [block] at exec.toml:")
    );
}

#[test]
fn what_cannot_be_written_is_told_before_the_program_runs() {
    let stage = stage();
    for option in ["--junit", "--sarif", "--har", "--ndjson"] {
        let mut command = stage.exec(&[option, "no/such/folder"]);
        let told = stage.ended(command.args(["sh", "-c", "echo run"]));
        assert_eq!((told.code, told.out.as_str()), (Some(1), ""), "{told:#?}");
        told.says("cannot write no/such/folder");
    }
    let mut command = stage.exec(&["--junit", "one.xml", "--sarif", "one.xml"]);
    let told = stage.ended(command.args(["sh", "-c", "echo run"]));
    assert_eq!((told.code, told.out.as_str()), (Some(64), ""), "{told:#?}");
    told.says("one.xml is named for two reports");
}

/// The document as a parser of XML reads it: how many cases failed.
#[track_caller]
fn junit(stage: &Stage, failures: usize) {
    let read = "import json, sys, xml.etree.ElementTree as t\n\
                r = t.parse('junit.xml').getroot()\n\
                c = list(r.iter('testcase'))\n\
                f = list(r.iter('failure'))\n\
                print(json.dumps({'root': r.tag, 'suites': [dict(s.attrib) for s in r],\n\
                'cases': [dict(s.attrib) for s in c], 'failures': [s.attrib['type'] for s in f],\n\
                'messages': [s.attrib['message'] for s in f], 'texts': [s.text for s in f]}))";
    let mut python = Command::new(given("BORDERPOST_TEST_PYTHON"));
    let output = python.args(["-c", read]).current_dir(stage.folder.path()).output().unwrap();
    let seen: Value = serde_json::from_str(&said(&output)).unwrap();
    assert_eq!(seen["root"], "testsuites");
    let suite = &seen["suites"][0];
    assert_eq!((&suite["tests"], &suite["errors"]), (&"1".into(), &"0".into()), "{seen:#}");
    assert_eq!(suite["failures"], failures.to_string());
    assert_eq!(seen["cases"][0]["classname"], "egress.CN");
    assert!(seen["cases"][0]["name"].as_str().unwrap().starts_with(&format!("{HOST}:")));
    if failures > 0 {
        let kinds = json!(["default/us-country-of-concern", "local/a-mine"]);
        assert_eq!(seen["failures"], kinds, "{seen:#}");
        let text = seen["texts"][1].as_str().unwrap();
        let line = stage.line_of("id = \"a-mine\"");
        let wanted = format!("local/a-mine [block] at exec.toml:{line}, Handbook <4> & more\n");
        assert!(text.starts_with(&wanted), "{text}");
        assert!(text.ends_with("1 x PUT /echo with no class"), "{text}");
    } else {
        assert_eq!(seen["failures"], json!([]));
    }
}

/// Holds the document against the schema of SARIF 2.1.0, and what refers to what; gives the results.
#[track_caller]
fn sarif(stage: &Stage) -> Vec<Value> {
    let mut validator = Command::new(given("BORDERPOST_TEST_PYTHON"));
    let schema = script("schemas/sarif-2.1.0.json");
    let wrong = validator.arg(script("valid.py")).arg(schema).arg(stage.path("a.sarif"));
    assert_eq!(said(&wrong.output().unwrap()), "");
    let log: Value = serde_json::from_str(&read(stage, "a.sarif")).unwrap();
    let run = &log["runs"][0];
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    for result in results {
        assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()));
        assert_eq!(result["kind"], "fail");
        assert!(result["occurrenceCount"].as_u64().unwrap() >= 1);
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        for location in result["locations"].as_array().unwrap() {
            let place = &location["physicalLocation"];
            if let Some(base) = place["artifactLocation"]["uriBaseId"].as_str() {
                assert!(run["originalUriBaseIds"][base].is_object(), "{base}");
            }
        }
    }
    results.clone()
}
