//! What is refused before its place is known: its record still has what the law wants on record, and
//! the same policy decides it again alike.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::evidence::sale;
use crate::support::{Config, Dns, Origin, Proxy, Zone, ok, program};

const RULE: &str = "hosts = [\"*.lab.example\"]";

fn asked(proxy: &Proxy, host: &str) -> Value {
    let count = proxy.records().len();
    assert!(proxy.ask("POST", &format!("http://{host}/"), &sale(300), "ACGT").status() >= 403);
    proxy.wait_records(count + 1).remove(count)
}

/// How many of the records another decision is reached for by the same policy.
fn replayed(proxy: &Proxy) -> String {
    let mut replay = program();
    replay
        .arg("replay")
        .arg(proxy.folder.path().join("records.jsonl"))
        .arg("--config")
        .arg(proxy.file());
    let output = replay.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn rules(record: &Value) -> Vec<&str> {
    let rules = record["rules"].as_array().unwrap().iter();
    rules.filter_map(|rule| rule["rule"].as_str()).collect()
}

/// A rule of the configuration's own refused by the host alone; that the law bars the sale, too, and
/// wants the offer reported, stood nowhere.
#[test]
fn r0019_a_refusal_by_the_host_hides_no_duty() {
    let state = TempDir::new().unwrap();
    let config = Config::new().law(state.path()).rule("no-lab", "block", "", RULE);
    let config = config.name("a.lab.example", &["127.3.0.1"]);
    let proxy = Proxy::start(&config);
    let record = asked(&proxy, "a.lab.example");
    let held = rules(&record);
    assert!(held.contains(&"no-lab") && held.len() > 2, "{record:#}");
    assert_eq!(record["location"]["countries"], json!(["CN"]));
    assert_eq!((&record["retain_years"], &record["reports"].is_array()), (&json!(10), &true));
    assert_eq!(record["reports"][0]["report"], "rejected", "{record:#}");
    assert_eq!((&record["counts"][0]["after"], &record["bytes_out"]), (&json!(300), &json!(0)));
    assert_eq!(replayed(&proxy), "1 decided again, 0 otherwise, 0 that cannot be\n");
}

/// Where the law may want to know, name servers are asked; else none hears the name. Without their
/// answer it stays refused.
#[test]
fn r0020_a_name_is_asked_for_where_a_duty_depends_on_it() {
    let (state, dns) = (TempDir::new().unwrap(), Dns::start());
    dns.set("a.lab.example", Zone::Addresses(vec!["127.3.0.1".parse().unwrap()]));
    let config = Config::new().law(state.path()).rule("no-lab", "block", "", RULE);
    let proxy = Proxy::start(&config.with(&dns.table("")));
    assert_eq!(asked(&proxy, "a.lab.example")["location"]["countries"], json!(["CN"]));
    let unknown = asked(&proxy, "b.lab.example");
    assert_eq!((&unknown["outcome"], rules(&unknown)), (&json!("block"), vec!["no-lab"]));
    assert_eq!(unknown["location"], Value::Null);
    assert!(dns.asked().iter().any(|name| name.starts_with("b.lab.example")));
    // Decided as it was: before anything was known of the place.
    assert_eq!(replayed(&proxy), "2 decided again, 0 otherwise, 0 that cannot be\n");
}

/// What is closed anyway is decided again as it was.
#[test]
fn r0021_a_closed_place_is_closed_again() {
    let proxy = Proxy::start(&Config::new().open("\"private\""));
    let record = asked(&proxy, "127.0.0.9");
    assert_eq!((&record["outcome"], rules(&record).len()), (&json!("block"), 0), "{record:#}");
    assert_eq!(replayed(&proxy), "1 decided again, 0 otherwise, 0 that cannot be\n");
}

/// A rule that needs no place has refused before it could be closed.
#[test]
fn r0028_a_rule_refuses_before_a_place_is_closed() {
    let config =
        Config::new().open("\"private\"").rule("no-health", "block", "", "tags = [\"health\"]");
    let proxy = Proxy::start(&config);
    for host in ["127.0.0.9", "192.0.2.1"] {
        let count = proxy.records().len();
        let url = format!("http://{host}/");
        assert!(proxy.ask("GET", &url, "X-Data-Class: health\r\n", "").status() >= 403);
        let record = proxy.wait_records(count + 1).remove(count);
        assert_eq!(rules(&record), ["no-health"], "{record:#}");
        assert_eq!(record["location"]["state"], "special", "{record:#}");
    }
    assert_eq!(replayed(&proxy), "2 decided again, 0 otherwise, 0 that cannot be\n");
}

/// So is what somebody had approved: the approval stands in no policy.
#[test]
fn r0023_what_was_approved_is_let_go_again() {
    let config = Config::new().rule("look", "hold", "", "tags = [\"health\"]");
    let (proxy, origin) = (Proxy::start(&config), Origin::answering("127.1.0.1", ok("reached")));
    let ask = || proxy.ask("POST", &origin.url(), "X-Data-Class: health\r\n", "x").status();
    assert!(ask() >= 403);
    let hold = proxy.wait_records(1)[0]["hold"].as_str().unwrap().to_owned();
    let body = json!({"by": "counsel", "reason": "contract 7", "expires": "8h"});
    let approved = proxy.tell_admin(&format!("/api/v1/holds/{hold}/approve"), &body);
    assert_eq!((approved.status(), ask()), (200, 200));
    assert_eq!(proxy.wait_records(2)[1]["rules"][0]["lifted"], hold.as_str());
    assert_eq!(replayed(&proxy), "2 decided again, 0 otherwise, 0 that cannot be\n");
}
