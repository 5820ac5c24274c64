//! One JSON line for whatever comes, with nothing in it that is the client's secret; and
//! what operators see beside it.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::{Config, Origin, Proxy, Wire, closed_port, ok, wait_for};

/// The fields of a record, in order.
const FIELDS: [&str; 42] = [
    "time",
    "ended",
    "id",
    "trace",
    "span",
    "sampled",
    "client",
    "principal",
    "authenticated",
    "exporter",
    "method",
    "scheme",
    "tunnel",
    "server_name",
    "messages_out",
    "host",
    "port",
    "path",
    "address",
    "via",
    "tls",
    "location",
    "recipient",
    "tags",
    "data",
    "found",
    "redacted",
    "context",
    "counts",
    "rules",
    "outcome",
    "mode",
    "cite",
    "reports",
    "retain_years",
    "hold",
    "status",
    "error",
    "bytes_out",
    "bytes_in",
    "timings_us",
    "config",
];

const TAGGED: &str = "X-Data-Class: health\r\n";

#[test]
fn everything_that_comes_is_one_line_and_tells_no_secret() {
    let (open, closed) =
        (Origin::answering("127.1.0.1", ok("CANARY-answer")), Origin::echo("127.3.0.1"));
    let proxy = Proxy::start(&Config::new().rules());
    let secrets = "Authorization: Bearer CANARY-token\r\nCookie: s=CANARY-cookie\r\n\
                   X-Any: CANARY-field\r\nProxy-Authorization: Basic CANARY-proxy\r\n";
    let path = "/path?key=CANARY-query";
    // allowed, refused, failed, refused by the HTTP line, broken head, tunnels
    proxy.ask("POST", &format!("{}{path}", open.url()), secrets, "CANARY-body");
    proxy.ask(
        "POST",
        &format!("{}{path}", closed.url()),
        &(TAGGED.to_owned() + secrets),
        "CANARY-body",
    );
    proxy.ask("GET", &format!("http://{}{path}", closed_port("127.1.9.1")), secrets, "");
    proxy.ask("TRACE", &format!("{}{path}", open.url()), secrets, "");
    proxy.ask(
        "GET",
        &format!("http://127.1.0.1:1{path}"),
        &format!("Host: other\r\n{secrets}"),
        "",
    );
    proxy.ask(
        "GET",
        &format!("{}{path}", open.url()),
        &format!("Bad Field: CANARY\r\n{secrets}"),
        "",
    );
    let (tunnel, _) = proxy.connect(&open.address.to_string(), secrets);
    drop(tunnel);
    proxy.connect(&closed.address.to_string(), &(TAGGED.to_owned() + secrets));
    let records = proxy.wait_records(8);
    let text = fs::read_to_string(proxy.folder.path().join("records.jsonl")).unwrap();
    assert_eq!(text.lines().count(), 8);
    assert!(!text.contains("CANARY"), "{text}");
    assert!(!proxy.output().contains("CANARY"));
    assert!(!proxy.ask_admin("GET", "/metrics").text().contains("CANARY"));
    let wanted: BTreeSet<_> = FIELDS.iter().map(|field| (*field).to_owned()).collect();
    for (line, record) in text.lines().zip(&records) {
        let keys: BTreeSet<_> = record.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, wanted);
        let places = FIELDS.map(|field| line.find(&format!("\"{field}\":")).unwrap());
        assert!(places.is_sorted(), "{line}");
    }
    let ids: BTreeSet<_> = records.iter().map(|record| record["id"].to_string()).collect();
    assert_eq!(ids.len(), 8, "every decision has its own id");
    assert!(records.iter().filter(|r| !r["path"].is_null()).all(|r| r["path"] == "/path"));
    let codes: Vec<_> =
        records.iter().map(|r| r["error"]["code"].as_str().unwrap_or("-")).collect();
    for code in ["-", "rule", "connect-refused", "trace"] {
        assert!(codes.contains(&code), "{code} in {codes:?}");
    }
}

#[test]
fn a_password_in_a_refused_target_stays_out_of_the_record() {
    let proxy = Proxy::start(&Config::new());
    proxy.ask("GET", "http://user:CANARY@a.example/", "", "");
    assert_eq!(proxy.record()["error"]["code"], "userinfo-in-target");
    assert!(!format!("{:?}", proxy.records()).contains("CANARY"), "{:#?}", proxy.records());
}

#[test]
fn data_that_left_is_recorded_with_where_it_went_even_if_no_answer_came() {
    let origin =
        Origin::start("127.2.0.1", |wire, received| received.note(wire.request().unwrap()));
    let proxy = Proxy::start(&Config::new().rules());
    let answer = proxy.ask("POST", &format!("{}/", origin.url()), TAGGED, "body");
    assert_eq!(answer.status(), 502);
    let record = proxy.record();
    assert_eq!(record["bytes_out"], 4);
    assert_eq!(record["address"], origin.address.to_string());
    assert_eq!(record["location"]["countries"], serde_json::json!(["DE"]));
    assert_eq!(
        (&record["outcome"], &record["rules"][0]["rule"]),
        (&"log".into(), &"tagged-abroad".into())
    );
}

#[test]
fn records_go_to_standard_output_as_well() {
    let origin = Origin::answering("127.1.0.1", ok(""));
    let proxy = Proxy::start(&Config::new().record("stdout"));
    proxy.get(&origin, "/a");
    assert_eq!(proxy.record()["path"], "/a");
}

#[test]
fn an_old_file_is_appended_to() {
    let origin = Origin::answering("127.1.0.1", ok(""));
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("old.jsonl");
    fs::write(&file, "{\"old\":1}\n").unwrap();
    let proxy = Proxy::start(&Config::new().record(file.to_str().unwrap()));
    proxy.get(&origin, "/");
    wait_for("the second line", || {
        let text = fs::read_to_string(&file).unwrap();
        (text.lines().count() == 2).then(|| assert!(text.starts_with("{\"old\":1}\n")))
    });
}

#[test]
fn without_records_tagged_data_stays() {
    if !std::path::Path::new("/dev/full").exists() {
        return;
    }
    let origin = Origin::answering("127.1.0.1", ok("through"));
    let proxy = Proxy::start(&Config::new().rules().record("/dev/full"));
    let url = format!("{}/", origin.url());
    assert_eq!(proxy.ask_admin("GET", "/readyz").status(), 200);
    assert_eq!(proxy.ask("GET", &url, "", "").status(), 200);
    wait_for("the first failed write", || {
        (proxy.ask_admin("GET", "/readyz").status() == 503).then_some(())
    });
    for _ in 0..3 {
        let answer = proxy.ask("GET", &url, TAGGED, "");
        assert_eq!(
            (answer.status(), answer.json()["code"].as_str()),
            (503, Some("record-unwritable"))
        );
        let (_, answer) = proxy.connect(&origin.address.to_string(), TAGGED);
        assert_eq!(answer.status(), 503);
        assert_eq!(proxy.ask("GET", &url, "", "").text(), "through");
    }
    assert_eq!(origin.requests().len(), 4);
    wait_for("all lost records to be counted", || {
        (proxy.metric("egress_audit_dropped_total", "") > 9.5).then_some(())
    });
}

#[test]
fn every_named_metric_is_there_and_counts() {
    let origin = Origin::answering("127.1.0.1", ok("four"));
    let proxy = Proxy::start(&Config::new().rules().databases());
    proxy.ask("POST", &format!("{}/", origin.url()), TAGGED, "abc");
    proxy.ask("GET", &format!("http://{}/", closed_port("127.1.9.1")), "", "");
    proxy.wait_records(2);
    let answer = proxy.ask_admin("GET", "/metrics");
    assert!(answer.head.get("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let classic = answer.text();
    assert!(classic.contains("# TYPE egress_decisions_total counter\n"), "{classic}");
    are_well_formed(&classic);
    let wanted = "Accept: text/plain;q=0.5,application/openmetrics-text;version=1.0.0\r\n";
    let answer = proxy.ask_admin_with("GET", "/metrics", wanted);
    assert!(answer.head.get("content-type").unwrap().starts_with("application/openmetrics-text"));
    let text = answer.text();
    assert!(text.ends_with("# EOF\n"));
    // A mark is crossed, and an alert given, only where a pack asks for it; nothing ends where there
    // is no certificate, and sinks have lags where there are some.
    let ends = "egress_certificate_end_timestamp_seconds";
    let (counts, limits) = ("egress_bulk_subjects", "egress_bulk_limit_subjects");
    let sinks = ["errors_total", "lag_records", "lost_total", "up"];
    let sinks = sinks.map(|name| format!("egress_audit_sink_{name}"));
    let sinks: Vec<_> = sinks.iter().map(|name| &**name).collect();
    let rare = ["egress_volume_marks_total", "egress_alerts_total", ends, counts, limits];
    let rare = [&rare[..], &sinks[..]].concat();
    let names = borderpost::telemetry::NAMES.into_iter();
    for name in names.filter(|name| !rare.contains(name)) {
        let family = name.strip_suffix("_total").unwrap_or(name);
        assert!(text.contains(&format!("# TYPE {family} ")), "{name} in\n{text}");
    }
    for (name, label, value) in [
        ("egress_decisions_total", "verdict=\"allow\"", 2.0),
        ("egress_transfer_bytes_total", "direction=\"out\"", 3.0),
        ("egress_transfer_bytes_total", "direction=\"in\"", 4.0),
        ("egress_upstream_errors_total", "reason=\"connect-refused\"", 1.0),
        ("egress_client_request_duration_seconds_count", "", 2.0),
        ("egress_added_latency_seconds_count", "", 1.0),
        ("egress_state_store_up", "engine=\"desk\"", 1.0),
        ("egress_geo_lookups_total", "", 2.0),
    ] {
        let found = proxy.metric(name, label);
        assert!((found - value).abs() < 0.5, "{name}{{{label}}} is {found}, not {value}\n{text}");
    }
    wait_for("the records", || {
        (proxy.metric("egress_audit_records_total", "file") > 1.5).then_some(())
    });
    assert!(proxy.metric("egress_audit_queue_records", "").abs() < 0.5);
}

#[test]
fn the_admin_listener_answers_programs_on_this_machine_only() {
    let proxy = Proxy::start(&Config::new());
    for (method, path, status) in [
        ("GET", "/", 200),
        ("GET", "/livez", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/nothing", 404),
        ("GET", "/api/v1/reload", 405),
        ("POST", "/livez", 405),
        ("POST", "/api/v1/reload", 200),
    ] {
        assert_eq!(proxy.ask_admin(method, path).status(), status, "{method} {path}");
    }
    for fields in [
        "Host: rebound.example\r\n".to_owned(),
        format!("Host: {}\r\nOrigin: http://evil.example\r\n", proxy.admin),
    ] {
        let mut wire = Wire::connect(proxy.admin);
        wire.send(format!("POST /api/v1/reload HTTP/1.1\r\n{fields}Content-Length: 0\r\n\r\n"));
        assert_eq!(wire.response("POST").status(), 403, "{fields}");
    }
}

#[test]
fn a_hangup_lets_the_record_file_be_moved_away() {
    let origin = Origin::answering("127.1.0.1", ok(""));
    let proxy = Proxy::start(&Config::new());
    proxy.get(&origin, "/before");
    proxy.wait_records(1);
    let file = proxy.folder.path().join("records.jsonl");
    fs::rename(&file, proxy.folder.path().join("records.1")).unwrap();
    proxy.signal("HUP");
    wait_for("the reload", || proxy.output().contains("reloaded: ").then_some(()));
    proxy.get(&origin, "/after");
    assert_eq!(proxy.record()["path"], "/after");
    let old = fs::read_to_string(proxy.folder.path().join("records.1")).unwrap();
    assert_eq!(old.lines().count(), 1);
}

/// What Prometheus' own tool has against them.
fn are_well_formed(metrics: &str) {
    let mut tool = Command::new("promtool");
    tool.args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut tool = tool.spawn().expect("promtool, which tests/run installs");
    tool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let told = tool.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success() && text.is_empty(), "{text}\n{metrics}");
}

#[test]
fn a_sound_trace_is_recorded_and_every_one_passes_as_it_came() {
    let origin = Origin::answering("127.1.0.1", ok("four"));
    let proxy = Proxy::start(&Config::new().rules());
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let values = [
        format!("00-{trace}-00f067aa0ba902b7-01"),
        format!("00-{trace}-0000000000000000-01"),
        "no trace".to_owned(),
    ];
    for value in &values {
        let fields = format!("Traceparent: {value}\r\nTracestate: vendor=opaque\r\n");
        assert_eq!(proxy.ask("GET", &format!("{}/", origin.url()), &fields, "").status(), 200);
    }
    let records = proxy.wait_records(3);
    assert_eq!(records[0]["trace"], trace);
    assert!(records[1..].iter().all(|record| record["trace"].is_null()), "{records:#?}");
    for (request, value) in origin.requests().iter().zip(&values) {
        assert_eq!(request.head.all("traceparent"), [value]);
        assert_eq!(request.head.all("tracestate"), ["vendor=opaque"]);
    }
}

/// What the guard refuses has no path of its own, and its words are no way around.
#[test]
fn a_method_that_cannot_be_read_is_recorded_as_none() {
    let proxy = Proxy::start(&Config::new());
    let mut wire = Wire::connect(proxy.listen);
    wire.send("POST@ http://a.example/ HTTP/1.1\r\nhost: a.example\r\n\r\n");
    assert_eq!(wire.response("GET").status(), 400);
    assert_eq!(proxy.record()["method"], "-");
}

#[test]
fn values_in_a_refused_request_line_are_shown_by_their_form() {
    let proxy = Proxy::start(&Config::new());
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let mut wire = Wire::connect(proxy.listen);
    let target = format!("{}/people/jo%40firm.example.com/card/4111111111111111/e", origin.url());
    wire.send(format!("GET {target} HTTP/1.1\r\nhost: {0}\r\nexpect: foo\r\n\r\n", origin.address));
    assert_eq!(wire.response("GET").status(), 417);
    let detail = proxy.record()["error"]["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("/people/aa%ddaaaa.aaaaaaa.aaa/card/dddddddddddddddd/e"), "{detail}");
    assert!(!detail.contains("4111") && !detail.contains("jo%40"), "{detail}");
}
