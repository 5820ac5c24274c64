//! What stands in paths, queries, fields and bodies: found before it leaves, told without its
//! value, and broken off where a body is too long to be held.

mod regressions;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::support::{Config, Message, Origin, Proxy, ok};

/// No detector takes it for another's: a card number of the test range.
const CARD: &str = "4111 1111 1111 1111";
const MAIL: &str = "jo.planted@firm.example.com";

const ABROAD: &str = "127.3.0.1";
const MIB: usize = 1 << 20;

fn origin(ip: &str) -> Origin {
    Origin::answering(ip, ok("reached"))
}

fn found<'r>(record: &'r Value, tag: &str) -> &'r Value {
    let found = record["found"].as_array().unwrap();
    found.iter().find(|one| one["tag"] == tag).unwrap_or_else(|| panic!("{tag} in {record:#}"))
}

/// Lines of text in which nothing is found.
fn clean(octets: usize) -> String {
    let line = "the quick brown fox jumps over the lazy dog and looks for nothing at all\n";
    line.repeat(octets / line.len() + 1)
}

#[test]
fn what_a_body_holds_decides_before_it_leaves() {
    let proxy = Proxy::start(&Config::new().rules());
    let origin = origin(ABROAD);
    let body =
        format!("{{\"note\":\"x\",\"payment\":{{\"card\":\"{CARD}\"}},\"email\":\"{MAIL}\"}}");
    let json = "Content-Type: application/json\r\n";
    let answer = proxy.ask("POST", &format!("{}/in", origin.url()), json, &body);
    assert_eq!(answer.status(), 451, "{}", answer.text());
    assert_eq!(origin.connections(), 0, "nothing leaves undecided");
    let record = proxy.record();
    assert_eq!((&record["outcome"], &record["bytes_out"]), (&"block".into(), &0.into()));
    let card = found(&record, "financial.card");
    assert_eq!(
        (&card["count"], &card["distinct"], &card["confidence"], &card["source"]),
        (&1.into(), &1.into(), &"sure".into(), &"value".into())
    );
    assert_eq!(card["shape"], "dddd dddd dddd dddd");
    assert_eq!(card["offset"], u64::try_from(body.find("4111").unwrap()).unwrap());
    assert_eq!(card["digest"].as_str().unwrap().len(), 13);
    assert_eq!(record["data"][0]["subjects"], 1, "{record:#}");
    assert_eq!(
        record["data"][0]["tags"],
        serde_json::json!(["financial.card", "id.contact.email"])
    );
}

#[test]
fn a_clean_body_goes_and_arrives_as_it_was() {
    let proxy = Proxy::start(&Config::new().rules());
    let origin = origin(ABROAD);
    let body = clean(300_000);
    let answer = proxy.ask("POST", &format!("{}/", origin.url()), "", &body);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(origin.request(0).body, body.as_bytes());
    let record = proxy.record();
    assert_eq!(record["found"], serde_json::json!([]));
    assert_eq!(record["bytes_out"], body.len());
}

#[test]
fn where_no_rule_asks_nothing_is_looked_at() {
    let proxy = Proxy::start(&Config::new().rules());
    let home = origin("127.1.0.1");
    assert_eq!(proxy.ask("POST", &format!("{}/", home.url()), "", MAIL).status(), 200);
    assert_eq!(proxy.record()["found"], serde_json::json!([]));
    let never = Proxy::start(&Config::new().rules().with("[inspect]\nwhen = \"never\""));
    let abroad = origin(ABROAD);
    assert_eq!(never.ask("POST", &format!("{}/", abroad.url()), "", MAIL).status(), 200);
    let always = Proxy::start(&Config::new().rules().with("[inspect]\nwhen = \"always\""));
    assert_eq!(always.ask("POST", &format!("{}/", home.url()), "", MAIL).status(), 200);
    let record = always.wait_records(1).remove(0);
    assert_eq!(found(&record, "id.contact.email")["count"], 1);
}

#[test]
fn paths_queries_and_fields_are_data_too() {
    let proxy = Proxy::start(&Config::new().rules());
    let origin = origin(ABROAD);
    let url = origin.url();
    for (index, (target, fields, layer)) in [
        (format!("{url}/?to=jo.planted%40firm.example.com"), "", "query"),
        (format!("{url}/people/{MAIL}"), "", "path"),
        (format!("{url}/people/jo+{MAIL}"), "", "path"),
        (format!("{url}/"), "Cookie: mail=jo.planted@firm.example.com\r\n", "header"),
        (format!("{url}/"), "X-User: jo.planted@firm.example.com\r\n", "header"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(proxy.ask("GET", &target, fields, "").status(), 451, "{target} {fields}");
        let record = proxy.wait_records(index + 1).pop().unwrap();
        assert_eq!(found(&record, "id.contact.email")["layer"], layer);
        assert!(!record["path"].as_str().unwrap().contains("planted"), "{}", record["path"]);
    }
    assert_eq!(proxy.ask("GET", &format!("{url}/plain?page=2"), "", "").status(), 200);
    assert_eq!(origin.connections(), 1);
}

#[test]
fn people_are_counted_once_whatever_they_are_called() {
    let proxy = Proxy::start(&Config::new().rules());
    let origin = origin("127.2.0.1");
    let line = |ssn: &str, mail: &str| {
        format!("{{\"ssn\":\"{ssn}\",\"mail\":\"{mail}@firm.example.com\"}}\n")
    };
    let body = [
        line("219-45-0001", "a"),
        line("219-45-0002", "b"),
        line("219-45-0001", "c"),
        "{\"mail\":\"d@firm.example.com\"}\n".to_owned(),
    ]
    .concat();
    assert_eq!(proxy.ask("POST", &format!("{}/", origin.url()), "", &body).status(), 200);
    let record = proxy.record();
    let data = record["data"].as_array().unwrap();
    let told: Vec<_> = data
        .iter()
        .map(|one| (one["tags"].to_string(), &one["subjects"], &one["records"]))
        .collect();
    assert_eq!(
        told,
        [
            ("[\"id.contact.email\"]".to_owned(), &1.into(), &1.into()),
            ("[\"id.contact.email\",\"id.government.ssn\"]".to_owned(), &2.into(), &3.into()),
        ],
        "{record:#}"
    );
}

#[test]
fn trailers_are_data_too() {
    let proxy = Proxy::start(&Config::new().rules());
    let origin = origin(ABROAD);
    let mut client = proxy.client();
    client.send(format!(
        "POST {}/ HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\nTrailer: X-Note\r\n\r\n\
         2\r\nok\r\n0\r\nX-Note: for {MAIL}\r\n\r\n",
        origin.url(),
        origin.address
    ));
    assert_eq!(client.response("POST").status(), 451);
    assert_eq!(found(&proxy.record(), "id.contact.email")["layer"], "trailer");
    assert_eq!(origin.connections(), 0);
}

#[test]
fn a_coded_body_is_looked_into_and_passes_as_it_was() {
    let proxy = Proxy::start(&Config::new().rules());
    let origin = origin(ABROAD);
    let coded = |text: &str| {
        let mut coder = GzEncoder::new(Vec::new(), Compression::default());
        coder.write_all(text.as_bytes()).unwrap();
        coder.finish().unwrap()
    };
    let ask = |body: &[u8]| {
        let mut client = proxy.client();
        client.send(format!(
            "POST {}/ HTTP/1.1\r\nHost: {}\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            origin.url(),
            origin.address,
            body.len()
        ));
        client.send(body);
        client.response("POST").status()
    };
    assert_eq!(ask(&coded(&format!("{}{MAIL}\n", clean(9_000)))), 451);
    assert_eq!(found(&proxy.record(), "id.contact.email")["layer"], "gzip");
    let whole = coded(&clean(9_000));
    assert_eq!(ask(&whole), 200);
    assert_eq!(origin.request(0).body, whole);
    assert_eq!(ask(&whole[..whole.len() / 2]), 451, "what cannot be read is not let out");
    let record = proxy.wait_records(3).pop().unwrap();
    assert_eq!(found(&record, "uninspectable.broken")["layer"], "gzip");
}

/// Sends a body in chunks; what the origin received, and what the client was answered.
fn chunked(proxy: &Proxy, origin: &Origin, body: &[u8]) -> Message {
    let mut client = proxy.client();
    client.send(format!(
        "POST {}/ HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        origin.url(),
        origin.address
    ));
    for piece in body.chunks(40_000) {
        let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
        chunk.extend_from_slice(piece);
        chunk.extend_from_slice(b"\r\n");
        // The proxy may have broken off.
        if client.try_send(chunk).is_err() {
            break;
        }
    }
    drop(client.try_send("0\r\n\r\n"));
    client.response("POST")
}

#[test]
fn a_long_body_is_broken_off_when_something_is_found() {
    let proxy = Proxy::start(&Config::new().rules().with("[inspect]\nhold = \"64KiB\""));
    let origin = origin(ABROAD);
    let mut body = clean(2 * MIB);
    let at = body.len();
    body.push_str(&format!("card {CARD} of {MAIL}\n"));
    body.push_str(&clean(MIB));
    let answer = chunked(&proxy, &origin, body.as_bytes());
    assert_eq!(answer.status(), 451, "{}", answer.text());
    let received = origin.request(0);
    assert!(!received.whole, "no last chunk");
    assert!(received.body.len() <= at && received.body.len() > MIB, "{}", received.body.len());
    assert!(!String::from_utf8_lossy(&received.body).contains("4111"));
    let record = proxy.record();
    assert_eq!(record["outcome"], "block");
    let out = record["bytes_out"].as_u64().unwrap();
    assert!(out >= u64::try_from(MIB).unwrap() && out <= u64::try_from(at).unwrap(), "{out}");
    assert_eq!(found(&record, "financial.card")["count"], 1);
}

#[test]
fn a_long_clean_body_arrives_as_it_was() {
    let proxy = Proxy::start(&Config::new().rules().with("[inspect]\nhold = \"64KiB\""));
    let origin = origin(ABROAD);
    let body = clean(5 * MIB);
    assert_eq!(chunked(&proxy, &origin, body.as_bytes()).status(), 200);
    assert_eq!(origin.request(0).body, body.as_bytes());
    let answer = proxy.ask("PUT", &format!("{}/", origin.url()), "", &body);
    assert_eq!(answer.status(), 200);
    assert_eq!(origin.request(1).body, body.as_bytes());
    assert_eq!(proxy.wait_records(2)[1]["bytes_out"], body.len());
}

#[test]
fn what_a_long_body_holds_is_recorded_where_it_may_go() {
    let proxy = Proxy::start(&Config::new().rules().with("[inspect]\nhold = \"64KiB\""));
    let origin = origin("127.2.0.1");
    let mut body = clean(MIB);
    body.push_str(MAIL);
    assert_eq!(chunked(&proxy, &origin, body.as_bytes()).status(), 200);
    assert_eq!(origin.request(0).body, body.as_bytes());
    let record = proxy.record();
    assert_eq!(
        (&record["outcome"], &record["rules"][0]["rule"]),
        (&"log".into(), &"tagged-abroad".into())
    );
    assert_eq!(found(&record, "id.contact.email")["count"], 1);
}

#[test]
fn a_body_that_its_client_breaks_off_is_the_clients_fault() {
    let proxy = Proxy::start(&Config::new().rules());
    let origin = origin(ABROAD);
    let mut client = proxy.client();
    let head = format!("POST {}/ HTTP/1.1\r\nHost: {}\r\n", origin.url(), origin.address);
    client.send(format!("{head}Content-Length: 100\r\n\r\nbegun"));
    client.end();
    assert_eq!(client.response("POST").status(), 400);
    let record = proxy.record();
    assert_eq!((&record["error"]["fault"], &record["bytes_out"]), (&"client".into(), &0.into()));
    assert_eq!(origin.connections(), 0);
}

#[test]
fn no_value_is_in_records_answers_metrics_or_diagnostics() {
    let proxy = Proxy::start(&Config::new().rules());
    let origin = origin(ABROAD);
    let url = format!("{}/in?card=4111111111111111&mail={MAIL}", origin.url());
    let cookie = format!("Cookie: card=4111-1111-1111-1111\r\nX-User: {MAIL}\r\n");
    let body =
        format!("{{\"card\":\"{CARD}\",\"password\":\"hunter2planted\",\"mail\":\"{MAIL}\"}}");
    let answer = proxy.ask("POST", &url, &cookie, &body);
    assert_eq!(answer.status(), 451);
    let record = proxy.record();
    let metrics = proxy.ask_admin("GET", "/metrics").text();
    let told = format!("{record}{metrics}{}{:?}{}", answer.text(), answer.head, proxy.output());
    for value in ["4111", "jo.planted", "hunter2", "firm.example"] {
        assert!(!told.contains(value), "{value} in {told}");
    }
    assert!(metrics.contains("egress_"), "the metrics are there");
}

const REDACT: &str = "[[rule]]\nid = \"no-cards\"\noutcome = \"block\"\nredact = true\nreason = \"cards stay here\"\n[rule.when]\ntags = [\"financial\", \"id\"]\nto = [\"CN\"]";

#[test]
fn values_are_taken_out_where_the_rule_says_so() {
    let proxy = Proxy::start(&Config::new().with(REDACT));
    let origin = origin(ABROAD);
    let ask = |kind: &str, body: &str| {
        let kind = format!("Content-Type: {kind}\r\n");
        proxy.ask("POST", &format!("{}/", origin.url()), &kind, body).status()
    };
    let json = format!("{{\"card\":\"{CARD}\",\"email\":\"{MAIL}\",\"n\":7}}");
    assert_eq!(ask("application/json", &json), 200);
    let arrived = String::from_utf8(origin.request(0).body).unwrap();
    assert_eq!(
        arrived,
        "{\"card\":\"0000 0000 0000 0000\",\"email\":\"zz.zzzzzzz@zzzz.zzzzzzz.zzz\",\"n\":7}"
    );
    let record = proxy.record();
    assert_eq!(record["redacted"], serde_json::json!({"values": 2, "rules": ["local/no-cards"]}));
    assert_eq!((&record["outcome"], &record["tags"]), (&"allow".into(), &serde_json::json!([])));
    assert_eq!(found(&record, "financial.card")["count"], 1);
    assert_eq!(
        ask("application/x-www-form-urlencoded", "a=1&mail=jo.planted%40firm.example.com&b=2"),
        200
    );
    assert_eq!(origin.request(1).body, b"a=1&mail=zz.zzzzzzzz00zzzz.zzzzzzz.zzz&b=2");
    assert_eq!(ask("text/csv", "name,card\nx,4111111111111111\ny,5500005555555559\n"), 200);
    assert_eq!(origin.request(2).body, b"name,card\nx,0000000000000000\ny,0000000000000000\n");
}

#[test]
fn what_cannot_be_taken_out_stays() {
    let proxy = Proxy::start(&Config::new().with(REDACT).with("[inspect]\nhold = \"16KiB\""));
    let origin = origin(ABROAD);
    let url = origin.url();
    let vouched = "Content-Type: text/plain\r\nContent-MD5: x\r\n";
    assert_eq!(proxy.ask("POST", &format!("{url}/"), vouched, MAIL).status(), 403);
    assert_eq!(proxy.ask("POST", &format!("{url}/?to={MAIL}"), "", "x").status(), 403);
    let long = format!("{}{MAIL}", clean(40_000));
    let answer = proxy.ask("POST", &format!("{url}/"), "", &long);
    assert_eq!(answer.status(), 403, "a body that is not held cannot be changed");
    let mut coder = GzEncoder::new(Vec::new(), Compression::default());
    coder.write_all(MAIL.as_bytes()).unwrap();
    let coded = coder.finish().unwrap();
    let mut client = proxy.client();
    client.send(format!(
        "POST {url}/ HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n",
        origin.address,
        coded.len()
    ));
    client.send(coded);
    assert_eq!(client.response("POST").status(), 403);
    for record in proxy.wait_records(4) {
        assert_eq!((&record["redacted"], &record["outcome"]), (&Value::Null, &"block".into()));
    }
}
