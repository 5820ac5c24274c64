//! Requests that a kill cuts off: all that may have left is found by a search, once.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::journal::{CARD, folder, records, sound};
use crate::support::{Config, Origin, Proxy, STAYS, act, ok, request, wait_for};

/// Takes requests and answers none.
fn silent() -> Origin {
    Origin::start("127.1.0.1", |wire, received| {
        received.note(wire.request().unwrap());
        received.note_bytes(&wire.rest());
    })
}

/// The records of a file, by the paths of their requests, with the code of their errors.
fn told(file: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let of = |one: &Value| {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (word(&one["path"]), word(&one["error"]["code"]))
    };
    let mut all: Vec<_> = whole.map(|line| of(&serde_json::from_str(line).unwrap())).collect();
    all.sort();
    all
}

#[test]
fn what_a_kill_cut_off_is_on_record_once() {
    for seals in [false, true] {
        let config = Config::new().pack(&act(STAYS)).with(&format!(
            "[state]\nfolder = \"state\"\n[journal]\nseal_personal = {seals}\n[[sink]]\n\
             name = \"told\"\nkind = \"file\"\nto = \"told.jsonl\"\nformat = \"record\""
        ));
        let (mut proxy, silent) = (Proxy::start(&config), silent());
        let origin = Origin::answering("127.1.0.1", ok("reached"));
        let mut wanted = vec![("/whole".to_owned(), String::new())];
        let whole = format!("{}/whole", origin.url());
        assert_eq!(proxy.ask("POST", &whole, CARD, "x").status(), 200);
        proxy.record();
        for round in 0..3 {
            let mut clients = Vec::new();
            for number in 0..2 {
                let path = format!("/{round}/{number}");
                let mut client = proxy.client();
                client.send(request("POST", &format!("{}{path}", silent.url()), CARD, "x"));
                silent.request(round * 2 + number);
                clients.push(client);
                wanted.push((path, "interrupted".to_owned()));
            }
            wanted.sort();
            proxy.signal("KILL");
            proxy = proxy.again(&config);
            let found = || records(&folder(&proxy), &[]);
            wait_for("the records", || (found().len() == wanted.len()).then_some(()));
            // What reads the journal may tell of something twice after a kill, by its id.
            wait_for("the sink", || {
                let mut told = told(&proxy.folder.path().join("told.jsonl"));
                told.dedup();
                (told == wanted).then_some(())
            });
            wait_for("the plain records", || {
                (told(&proxy.folder.path().join("records.jsonl")) == wanted).then_some(())
            });
            assert!(proxy.output().contains("cut off by the end of an earlier run"));
            assert!((proxy.metric("egress_audit_interrupted_total", "") - 2.0).abs() < 0.1);
        }
        // What has a record is left alone, after an end of either kind.
        proxy.signal("KILL");
        proxy = proxy.again(&config);
        proxy.signal("TERM");
        assert!(proxy.ended().success());
        assert!(!proxy.output().contains("cut off by"), "{}", proxy.output());
        assert_eq!(told(&proxy.folder.path().join("records.jsonl")), wanted);
        let found = records(&folder(&proxy), &["--tag", "financial"]);
        assert_eq!(found.len(), wanted.len());
        for one in found.iter().filter(|one| one["path"] != "/whole") {
            assert_eq!((&one["outcome"], &one["error"]["fault"]), (&"log".into(), &"proxy".into()));
            assert!(one["ended"].is_null() && one.get("bytes_out").is_none(), "{one:#}");
            let address: std::net::SocketAddr = one["client"].as_str().unwrap().parse().unwrap();
            assert!(address.ip().is_loopback() && one["location"].is_object(), "{one:#}");
        }
        sound(&folder(&proxy));
    }
}

#[test]
fn what_a_body_told_before_a_kill_is_on_record() {
    const RULES: &str = r#"[[rule]]
id = "no-cards"
outcome = "block"
reason = "cards stay"
cite = "Test Act 9"
[rule.when]
tags = ["financial.card"]

[[rule]]
id = "mail"
outcome = "log"
reason = "addresses are told of"
cite = "Test Act 10"
[rule.when]
tags = ["id.contact.email"]
"#;
    let config = Config::new()
        .pack(&act(RULES))
        .with("[inspect]\nhold = \"16KiB\"\n[state]\nfolder = \"state\"");
    let (proxy, silent) = (Proxy::start(&config), silent());
    let clean = "the quick brown fox jumps over the lazy dog\n".repeat(5_000);
    let body = format!("{clean}jo.planted@firm.example.com\n{clean}");
    let mut client = proxy.client();
    client.send(request("POST", &format!("{}/mail", silent.url()), "", &body));
    assert_eq!(silent.request(0).body, body.as_bytes());
    // Nothing was known of it when it was let go.
    proxy.signal("KILL");
    let proxy = proxy.again(&config);
    let record = proxy.record();
    assert_eq!(
        (&record["error"]["code"], &record["outcome"], &record["rules"][0]["rule"]),
        (&"interrupted".into(), &"log".into(), &"mail".into()),
        "{record:#}"
    );
    assert_eq!(
        (&record["method"], &record["path"], &record["location"]["countries"][0]),
        (&"POST".into(), &"/mail".into(), &"US".into())
    );
    assert_eq!(
        (&record["found"][0]["tag"], &record["address"]),
        (&"id.contact.email".into(), &silent.address.to_string().into())
    );
    assert_eq!(records(&folder(&proxy), &["--tag", "id.contact.email"]), [record]);
}
