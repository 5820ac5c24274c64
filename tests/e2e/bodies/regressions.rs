//! What was found wrong with bodies, each held by a test of its number.

use serde_json::Value;

use super::{ABROAD, CARD, MAIL, REDACT, chunked, clean, found, origin};
use crate::support::{Config, Origin, Proxy, act, ok};

/// Sends the head of a request with a body of 100,000 octets, which it begins.
fn begun(proxy: &Proxy, origin: &Origin) -> crate::support::Wire {
    let mut client = proxy.client();
    client.send(format!(
        "POST {}/ HTTP/1.1\r\nHost: {}\r\nContent-Length: 100000\r\n\r\n",
        origin.url(),
        origin.address
    ));
    client.send(&clean(100_000).as_bytes()[..50_000]);
    client
}

#[test]
fn r0012_a_record_waits_for_the_body_that_its_answer_did_not() {
    let early = hasty("127.2.0.1");
    let proxy = Proxy::start(&Config::new().rules());
    let mut client = begun(&proxy, &early);
    assert_eq!(client.response("POST").text(), "early");
    let rest = format!(" {MAIL} {}", clean(100_000));
    client.send(&rest.as_bytes()[..50_000]);
    assert!(early.request(0).whole);
    let record = proxy.record();
    assert_eq!((&record["bytes_out"], &record["outcome"]), (&100_000.into(), &"log".into()));
    assert_eq!(found(&record, "id.contact.email")["count"], 1);
}

#[test]
fn r0013_fields_that_stand_there_twice_hide_nothing() {
    let proxy = Proxy::start(&Config::new().rules());
    let origin = origin(ABROAD);
    let url = format!("{}/", origin.url());
    let twice = "Content-Encoding: identity\r\nContent-Encoding: br\r\n";
    assert_eq!(proxy.ask("POST", &url, twice, "\u{b}\u{2}hello").status(), 451);
    let unread = "Content-Encoding: mystery\r\n";
    assert_eq!(proxy.ask("POST", &url, unread, "hello").status(), 451);
    let kinds = "Content-Type: text/plain\r\nContent-Type: text/plain; charset=ibm500\r\n";
    assert_eq!(proxy.ask("POST", &url, kinds, "hello").status(), 400);
    assert_eq!(origin.connections(), 0);
}

#[test]
fn r0014_methods_and_narrow_fields_are_no_way_out() {
    let proxy = Proxy::start(&Config::new().rules());
    let origin = origin(ABROAD);
    let url = format!("{}/", origin.url());
    for (method, fields) in [
        ("4111111111111111", ""),
        ("GET", "Accept-Language: card=4111111111111111\r\n"),
        ("GET", "Sec-Foo: jo.planted@firm.example.com\r\n"),
        (
            "GET",
            "X-Note: eyJjYXJkIjoiNDExMTExMTExMTExMTExMSIsIm1haWwiOiJqby5wbGFudGVkQGZpcm0uZXhhbXBsZS5jb20ifQ==\r\n",
        ),
    ] {
        let answer = proxy.ask(method, &url, fields, "");
        assert_eq!(answer.status(), 451, "{method} {fields}");
        assert!(!answer.text().contains("4111"), "{}", answer.text());
    }
    let told = format!("{:?}", proxy.wait_records(4));
    assert!(!told.contains("4111") && !told.contains("planted"), "{told}");
    assert_eq!(origin.connections(), 0);
}

#[test]
fn r0015_a_record_that_lists_many_people_counts_many() {
    let proxy = Proxy::start(&Config::new().rules());
    let origin = origin("127.2.0.1");
    let numbers: Vec<_> = (1..=300).map(|n| format!("\"219-45-{n:04}\"")).collect();
    let body = format!("{{\"ssn\":[{}]}}", numbers.join(","));
    assert_eq!(proxy.ask("POST", &format!("{}/", origin.url()), "", &body).status(), 200);
    let record = proxy.record();
    assert_eq!(record["data"][0]["subjects"], 300, "{record:#}");
    let prose = format!("ssn: 219-45-0001\nwrite to {MAIL}\n");
    assert_eq!(proxy.ask("POST", &format!("{}/", origin.url()), "", &prose).status(), 200);
    let record = proxy.wait_records(2).remove(1);
    let together = serde_json::json!(["id.contact.email", "id.government.ssn"]);
    assert_eq!(record["data"][0]["tags"], together, "{record:#}");
}

#[test]
fn r0016_what_is_taken_out_leaves_what_the_format_needs() {
    let rule = REDACT.replace("\"financial\", \"id\"", "\"financial\"");
    let proxy = Proxy::start(&Config::new().with(&rule));
    let origin = origin(ABROAD);
    let ask = |fields: &str, body: &str| {
        let fields = format!("Content-Type: application/json\r\n{fields}");
        proxy.ask("POST", &format!("{}/", origin.url()), &fields, body).status()
    };
    let body = format!("{{\"card\":4111111111111111,\"mail\":\"{MAIL}\"}}");
    assert_eq!(ask("", &body), 200);
    let arrived = origin.request(0).body;
    let arrived: Value = serde_json::from_slice(&arrived).expect("JSON as before");
    assert_eq!(arrived["card"], 9_000_000_000_000_000_u64);
    assert_eq!(arrived["mail"], MAIL, "which no rule bars");
    for vouching in ["X-Hub-Signature-256: x\r\n", "x-amz-checksum-sha256: x\r\n"] {
        assert_eq!(ask(vouching, &body), 403, "{vouching}");
    }
}

const RULES: &str = r#"[[rule]]
id = "tell"
outcome = "log"
reason = "the authority may want to know"
cite = "Test Act 9"
report = ["told"]
[rule.when]
tags = ["id.contact"]

[[rule]]
id = "look-first"
outcome = "hold"
reason = "a person looks at cards first"
cite = "Test Act 7"
[rule.when]
tags = ["financial.card"]

[[report]]
id = "told"
due_business_days = 10
cite = "Test Act 9(2)"
"#;

/// Answers at once, and reads the body then.
fn hasty(ip: &str) -> Origin {
    Origin::start(ip, |wire, received| {
        let head = wire.head().unwrap();
        wire.send(ok("early"));
        received.note(wire.request_body(head));
    })
}

#[test]
fn r0017_what_the_rest_of_a_body_makes_due_is_kept() {
    let config = Config::new().pack(&act(RULES)).with("[inspect]\nhold = \"16KiB\"");
    let proxy = Proxy::start(&config);
    let count = |path: &str, key: &str| {
        let told = proxy.ask_admin("GET", &format!("/api/v1/{path}?state=open")).json();
        told[key].as_array().unwrap().len()
    };
    let origin = origin("127.1.0.1");
    let body = format!("{} {MAIL} ", clean(90_000));
    assert_eq!(chunked(&proxy, &origin, body.as_bytes()).status(), 200);
    assert_eq!((count("reports", "reports"), count("holds", "holds")), (1, 0));
    let early = hasty("127.1.0.1");
    let mut client = begun(&proxy, &early);
    assert_eq!(client.response("POST").text(), "early");
    let rest = format!(" card {CARD} {}", clean(100_000));
    drop(client.try_send(&rest.as_bytes()[..50_000]));
    assert!(!early.request(0).whole);
    let record = proxy.wait_records(2).remove(1);
    assert_eq!(
        (&record["outcome"], &record["error"]["code"]),
        (&"hold".into(), &"body-barred".into())
    );
    assert_eq!(record["status"], 200);
    assert_eq!(count("holds", "holds"), 1);
}

#[test]
fn r0018_a_record_that_waits_for_a_body_is_written_at_the_end() {
    let mut proxy = Proxy::start(&Config::new().rules().limit("drain_timeout", "\"1s\""));
    let deaf = Origin::start("127.2.0.1", |wire, _| {
        wire.head().unwrap();
        wire.send(ok("early"));
        // Reads no further, and stays.
        std::thread::park();
    });
    let mut client = begun(&proxy, &deaf);
    assert_eq!(client.response("POST").text(), "early");
    // Neither side ends it.
    proxy.signal("TERM");
    assert!(proxy.ended().success());
    let record = proxy.records().remove(0);
    assert_eq!((&record["status"], &record["outcome"]), (&200.into(), &"allow".into()));
}
