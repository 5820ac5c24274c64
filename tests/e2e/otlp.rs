//! OpenTelemetry: what a collector gets is what the official messages hold, each record at least once,
//! and a collector that refuses is answered as it asks.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::support::{Config, Origin, Proxy, given, ok, request, script, wait_for};

/// A collector in Python, which reads every body into the official messages.
struct Collector {
    child: Child,
    port: u16,
    told: Arc<Mutex<Vec<Value>>>,
}

impl Collector {
    fn start() -> Self {
        Self::answering(&json!([]), 0)
    }

    /// The first requests are answered so.
    fn answering(answers: &Value, port: u16) -> Self {
        let mut python = Command::new(given("BORDERPOST_TEST_PYTHON"));
        python.arg(script("otlp_collector.py")).arg(answers.to_string()).arg(port.to_string());
        let mut child = python.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        let told = Arc::<Mutex<Vec<Value>>>::default();
        let into = Arc::clone(&told);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                into.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        Self { child, port: u16::try_from(first["port"].as_u64().unwrap()).unwrap(), told }
    }

    /// A sink that sends there.
    fn sink(&self, more: &str) -> String {
        format!(
            "[[sink]]\nname = \"collector\"\nkind = \"otlp\"\nto = \"http://127.0.0.1:{}/base/\"\n{more}\n",
            self.port
        )
    }

    /// The requests so far, to one path.
    fn requests(&self, path: &str) -> Vec<Value> {
        let told = self.told.lock().unwrap();
        told.iter().filter(|one| one["path"] == path).cloned().collect()
    }

    /// The last request to a path, and how many there were.
    fn last(&self, path: &str) -> (usize, Option<Value>) {
        let told = self.told.lock().unwrap();
        let mut all = told.iter().filter(|one| one["path"] == path);
        (all.clone().count(), all.next_back().cloned())
    }

    /// The records of a signal that were taken.
    fn taken(&self, signal: &str) -> Vec<Value> {
        let requests = self.requests(&format!("/base/v1/{signal}")).into_iter();
        let requests = requests.filter(|one| one["status"] == 200);
        requests.flat_map(|one| one["records"].as_array().unwrap().clone()).collect()
    }

    /// Waits until so many were taken.
    #[track_caller]
    fn wait(&self, signal: &str, count: usize) -> Vec<Value> {
        wait_for(&format!("{count} {signal}"), || {
            Some(self.taken(signal)).filter(|taken| taken.len() >= count)
        })
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// An attribute, without what says of which kind it is.
fn attribute(record: &Value, name: &str) -> Value {
    let all = record["attributes"].as_array().unwrap();
    let found = all.iter().find(|one| one["key"] == name).map(|one| &one["value"]);
    let kinds = found.and_then(Value::as_object);
    kinds.and_then(|kinds| kinds.values().next()).cloned().unwrap_or_default()
}

/// What a record says: of itself, and in attributes.
#[track_caller]
fn hold(record: &Value, fields: &[(&str, Value)], attributes: &[(&str, &str)]) {
    for (name, wanted) in fields {
        assert_eq!(record.get(name).unwrap_or(&Value::Null), wanted, "{name} of {record:#}");
    }
    for (name, wanted) in attributes {
        assert_eq!(attribute(record, name), *wanted, "{name} of {record:#}");
    }
}

/// Whether a metric has this value.
fn is(proxy: &Proxy, name: &str, label: &str, value: f64) -> bool {
    (proxy.metric(name, label) - value).abs() < 0.5
}

fn urls(records: &[Value]) -> Vec<String> {
    let full = |one| attribute(one, "url.full").as_str().unwrap().to_owned();
    records.iter().map(|one| full(one).rsplit_once('/').unwrap().1.to_owned()).collect()
}

fn config(sink: &str) -> Config {
    let state = format!("[state]\nfolder = \"state\"\n{sink}");
    Config::new().rule("no-health", "block", "", "tags = [\"health\"]").with(&state)
}

fn origin() -> Origin {
    Origin::answering("127.1.0.1", ok("reached"))
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn traced(flags: &str) -> String {
    format!("traceparent: 00-{TRACE}-{SPAN}-{flags}\r\n")
}

#[test]
fn a_collector_gets_log_records_of_the_official_messages() {
    let collector = Collector::start();
    let more = "compression = \"gzip\"\nheaders_from = \"token\"";
    let config = config(&collector.sink(more)).file("token", "api-key: of-news\n");
    let (mut proxy, origin) = (Proxy::start(&config), origin());
    assert_eq!(proxy.get(&origin, "/plain").status(), 200);
    let fields = format!("X-Data-Class: health\r\n{}", traced("01"));
    let url = format!("{}/secret", origin.url());
    assert_eq!(proxy.ask("POST", &url, &fields, "x").status(), 403);
    let records = collector.wait("logs", 2);
    let request = &collector.requests("/base/v1/logs")[0];
    let scope = json!({ "name": "egress.decision", "version": "1" });
    hold(request, &[("packed", true.into()), ("scope", scope)], &[]);
    assert_eq!(request["fields"]["api-key"], "of-news");
    hold(&request["resource"], &[], &[("service.name", "borderpost")]);
    let [plain, blocked] = &records[..] else { panic!("{records:#?}") };
    let none = [("severityText", "INFO".into()), ("traceId", Value::Null), ("spanId", Value::Null)];
    let url = format!("{}/plain", origin.url());
    hold(plain, &none, &[("url.full", &url), ("http.response.status_code", "200")]);
    let own = [("severityNumber", 13.into()), ("traceId", TRACE.into()), ("spanId", SPAN.into())];
    let said = [
        ("egress.verdict", "blocked"),
        ("http.request.method", "POST"),
        ("server.address", "127.1.0.1"),
    ];
    hold(blocked, &own, &said);
    assert_eq!(attribute(blocked, "egress.data_classes")["values"][0]["stringValue"], "health");
    let ids: Vec<_> = records.iter().map(|one| attribute(one, "egress.id")).collect();
    let wanted: Vec<_> = proxy.wait_records(2).iter().map(|one| one["id"].clone()).collect();
    assert_eq!(ids, wanted);
    assert!(!proxy.output().contains("of-news"), "a secret is not told");
    proxy.signal("TERM");
    assert!(proxy.ended().success());
    // What has arrived does not come again.
    let proxy = proxy.again(&config);
    assert_eq!(proxy.get(&origin, "/again").status(), 200);
    collector.wait("logs", 3);
    assert_eq!(urls(&collector.taken("logs")), ["plain", "secret", "again"]);
}

#[test]
fn a_collector_that_was_away_or_busy_gets_all() {
    let port = crate::support::closed_port("127.0.0.1").port();
    let sink = format!(
        "[[sink]]\nname = \"collector\"\nkind = \"otlp\"\nto = \"http://127.0.0.1:{port}/base\"\n\
         batch = {{ records = 7, time = \"10ms\" }}\n"
    );
    let (proxy, origin) = (Proxy::start(&config(&sink)), origin());
    let mut wire = proxy.client();
    for number in 0..40 {
        wire.send(request("GET", &format!("{}/{number}", origin.url()), "", ""));
        assert_eq!(wire.response("GET").status(), 200, "a dead collector delays nothing");
    }
    wait_for("errors", || {
        (proxy.metric("egress_audit_sink_errors_total", "collector.logs") >= 2.0).then_some(())
    });
    let busy = json!([
        { "status": 503, "fields": { "Retry-After": "0" } },
        { "status": 429, "fields": { "Retry-After": "Thu, 26 Nov 2026 07:00:00 GMT" } },
        { "status": 502 }, { "status": 504 },
    ]);
    let collector = Collector::answering(&busy, port);
    let records = collector.wait("logs", 40);
    assert_eq!(urls(&records), (0..40).map(|number| number.to_string()).collect::<Vec<_>>());
    assert!(collector.requests("/base/v1/logs").len() >= 4 + 6);
    assert!(is(&proxy, "egress_audit_sink_lost_total", "reason=\"refused\"", 0.0));
}

#[test]
fn what_a_collector_refuses_for_good_is_told_and_counted() {
    let collector = Collector::start();
    // All stand in one batch.
    let sink = collector.sink("batch = { records = 100, time = \"2s\" }");
    let (proxy, origin) = (Proxy::start(&config(&sink)), origin());
    let paths = ["one", "poison-1", "two", "stale-1", "poison-2", "three", "four"];
    for path in paths {
        assert_eq!(proxy.get(&origin, &format!("/{path}")).status(), 200);
    }
    let lost = || proxy.metric("egress_audit_sink_lost_total", "reason=\"refused\"");
    wait_for("what is lost", || (lost() >= 3.0).then_some(()));
    wait_for("no lag", || {
        (proxy.metric("egress_audit_sink_lag_records", "collector.logs") == 0.0).then_some(())
    });
    assert!(is(&proxy, "egress_audit_sink_lost_total", "reason=\"refused\"", 3.0));
    let mut taken = urls(&collector.taken("logs"));
    taken.dedup();
    assert_eq!(taken, ["one", "two", "stale-1", "three", "four"]);
    let output = proxy.output();
    assert!(output.contains("this is poison") && output.contains("too old"), "{output}");
}

#[test]
fn a_collector_that_takes_nobody_loses_nothing() {
    let all: Vec<_> = (0..2).map(|_| json!({ "status": 401 })).collect();
    let collector = Collector::answering(&all.into(), 0);
    let (proxy, origin) = (Proxy::start(&config(&collector.sink(""))), origin());
    // What is refused by itself while nothing else is taken may be the collector's fault.
    assert_eq!(proxy.get(&origin, "/poison").status(), 200);
    wait_for("what is wrong", || proxy.output().contains("401 Unauthorized").then_some(()));
    assert!(is(&proxy, "egress_audit_sink_lost_total", "reason=\"refused\"", 0.0));
    assert!(proxy.metric("egress_audit_sink_lag_records", "collector.logs") >= 1.0);
    // It is told once, however often it is tried.
    assert_eq!(proxy.output().matches("401 Unauthorized").count(), 1);
}

/// One of the metrics that were told last, and its points.
fn metric(collector: &Collector, name: &str) -> Option<(Value, Vec<Value>)> {
    let last = collector.last("/base/v1/metrics").1?;
    let metric =
        last["records"].as_array().unwrap().iter().find(|one| one["name"] == name)?.clone();
    let data = ["sum", "gauge", "histogram"].iter().find_map(|kind| metric.get(kind)).unwrap();
    let points = data["dataPoints"].as_array().unwrap().clone();
    Some((metric, points))
}

#[test]
fn metrics_are_told_as_they_are_shown() {
    let collector = Collector::start();
    // They need no journal.
    let config =
        Config::new().with(&collector.sink("signals = [\"metrics\"]\ninterval = \"200ms\""));
    let (mut proxy, origin) = (Proxy::start(&config), origin());
    for path in ["/a", "/b", "/c"] {
        assert_eq!(proxy.get(&origin, path).status(), 200);
    }
    proxy.wait_records(3);
    let whole = |point: &Value| point["asInt"].as_str().unwrap().parse::<u64>().unwrap();
    let (decisions, points) = wait_for("three decisions", || {
        metric(&collector, "egress_decisions_total")
            .filter(|(_, points)| points.iter().map(whole).sum::<u64>() == 3)
    });
    assert_eq!(decisions["sum"]["isMonotonic"], true);
    assert_eq!(decisions["sum"]["aggregationTemporality"], 2);
    assert_eq!(attribute(&points[0], "verdict"), "allow");
    let nanos = |name: &str| points[0][name].as_str().unwrap().parse::<u64>().unwrap();
    assert!(nanos("startTimeUnixNano") < nanos("timeUnixNano"));
    let (took, points) = metric(&collector, "egress_client_request_duration_seconds").unwrap();
    assert_eq!((&took["unit"], &points[0]["count"]), (&"s".into(), &"3".into()));
    let list = |name: &str| points[0][name].as_array().unwrap().len();
    assert_eq!(list("bucketCounts"), list("explicitBounds") + 1);
    let (_, points) = metric(&collector, "egress_connections").unwrap();
    assert!(points[0].get("startTimeUnixNano").is_none(), "{points:?}");
    // The runtime is the proxy's own, and not one that only tells of it.
    let (_, points) = metric(&collector, "tokio_alive_tasks").unwrap();
    assert!(points[0]["asDouble"].as_f64().unwrap() >= 2.0, "{points:?}");
    let shown = proxy.ask_admin_with("GET", "/metrics", "Accept: application/openmetrics-text\r\n");
    let told = collector.last("/base/v1/metrics").1.unwrap();
    let all = told["records"].as_array().unwrap();
    let empty = shown.text().lines().filter(|line| line.starts_with("# TYPE")).count() - all.len();
    assert!(empty < 15 && all.len() > 25, "{empty} {}", all.len());
    // The last word is told at the end.
    let before = collector.last("/base/v1/metrics").0;
    proxy.signal("TERM");
    assert!(proxy.ended().success());
    wait_for("the last word", || (collector.last("/base/v1/metrics").0 > before).then_some(()));
}

#[test]
fn a_dead_collector_of_metrics_is_told_once() {
    let port = crate::support::closed_port("127.0.0.1").port();
    let sink = format!(
        "[[sink]]\nname = \"collector\"\nkind = \"otlp\"\nto = \"http://127.0.0.1:{port}/base\"\n\
         signals = [\"metrics\"]\ninterval = \"100ms\"\n"
    );
    let (proxy, origin) = (Proxy::start(&Config::new().with(&sink)), origin());
    wait_for("errors", || {
        (proxy.metric("egress_audit_sink_errors_total", "collector.metrics") >= 3.0).then_some(())
    });
    assert_eq!(proxy.get(&origin, "/x").status(), 200);
    assert!(is(&proxy, "egress_audit_sink_up", "collector.metrics", 0.0));
    assert_eq!(proxy.output().matches("the sink takes nothing").count(), 1);
    let collector = Collector::answering(&json!([]), port);
    wait_for("metrics", || metric(&collector, "egress_connections"));
    wait_for("the good news", || {
        is(&proxy, "egress_audit_sink_up", "collector.metrics", 1.0).then_some(())
    });
}

#[test]
fn a_span_goes_on_with_the_trace_of_its_client() {
    let collector = Collector::start();
    let sink = collector.sink("signals = [\"logs\", \"traces\"]\nbatch = { time = \"10ms\" }");
    let (proxy, origin) = (Proxy::start(&config(&sink)), origin());
    let ask = |path: &str, fields: &str| {
        proxy.ask("GET", &format!("{}{path}", origin.url()), fields, "").status()
    };
    assert_eq!(ask("/recorded", &traced("01")), 200);
    assert_eq!(ask("/unrecorded", &traced("00")), 200);
    assert_eq!(ask("/refused", &format!("X-Data-Class: health\r\n{}", traced("01"))), 403);
    assert_eq!(ask("/own", ""), 200);
    let spans = collector.wait("traces", 3);
    let logs = collector.wait("logs", 4);
    assert_eq!(urls(&spans), ["recorded", "refused", "own"]);
    let [recorded, refused, own] = &spans[..] else { panic!("{spans:#?}") };
    let of_client = [("traceId", TRACE.into()), ("parentSpanId", SPAN.into()), ("kind", 3.into())];
    hold(recorded, &of_client, &[("egress.verdict", "allowed")]);
    hold(
        recorded,
        &[("flags", 0x301.into()), ("name", "GET".into()), ("status", Value::Null)],
        &[],
    );
    hold(refused, &of_client, &[("egress.verdict", "blocked")]);
    assert_eq!(refused["status"]["code"], 2);
    // A request without a trace begins one, by the id of its decision.
    let id = attribute(own, "egress.id").as_str().unwrap().replace('-', "");
    let root = [("traceId", id.into()), ("parentSpanId", Value::Null), ("flags", 0x101.into())];
    hold(own, &root, &[]);
    let nanos = |name: &str| own[name].as_str().unwrap().parse::<u64>().unwrap();
    assert!(nanos("startTimeUnixNano") <= nanos("endTimeUnixNano"));
    // Log records belong to the spans that there are, and else to that of the client.
    let of = |path: &str| &logs[urls(&logs).iter().position(|one| one == path).unwrap()];
    for (path, span) in [("recorded", recorded), ("refused", refused), ("own", own)] {
        let ids = ["traceId", "spanId"].map(|name| (name, span[name].clone()));
        hold(of(path), &ids, &[]);
    }
    hold(of("unrecorded"), &[("spanId", SPAN.into()), ("flags", 0.into())], &[]);
    // The destination sees the trace as the client sent it.
    assert_eq!(origin.request(0).head.get("traceparent"), Some(&*format!("00-{TRACE}-{SPAN}-01")));
}

#[test]
fn a_bucket_names_a_trace_where_it_is_recorded() {
    let (proxy, origin) = (Proxy::start(&Config::new()), origin());
    for fields in [String::new(), traced("00"), traced("01")] {
        assert_eq!(proxy.ask("GET", &format!("{}/x", origin.url()), &fields, "").status(), 200);
        proxy.wait_records(
            1 + usize::from(!fields.is_empty()) + usize::from(fields == traced("01")),
        );
        let accept = "Accept: application/openmetrics-text\r\n";
        let open = proxy.ask_admin_with("GET", "/metrics", accept).text();
        let exemplars = open.matches(&format!("# {{trace_id=\"{TRACE}\"}}")).count();
        assert_eq!(exemplars, if fields == traced("01") { 3 } else { 0 }, "{open}");
    }
    assert!(!proxy.ask_admin("GET", "/metrics").text().contains(TRACE));
}
