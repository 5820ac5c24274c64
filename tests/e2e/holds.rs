//! What waits for a person: held, approved, denied, reported, and kept whatever happens.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::support::{Config, Message, Origin, Proxy, Wire, act, ok, program, request, wait_for};

const RULES: &str = r#"[[rule]]
id = "look-first"
outcome = "hold"
reason = "a person looks at health data first"
cite = "Test Act 7"
needs = ["transaction"]
[rule.when]
tags = ["health"]

[[rule]]
id = "say-why"
outcome = "require"
reason = "whoever sends cards says what for"
cite = "Test Act 8"
needs = ["purpose", "contract_has"]
report = ["told"]
[rule.when]
tags = ["financial"]

[[rule]]
id = "tell"
outcome = "log"
reason = "the authority may want to know"
cite = "Test Act 9"
report = ["told"]
[rule.when]
tags = ["label"]

[[rule]]
id = "must"
outcome = "log"
duty = true
reason = "the authority must have it"
cite = "Test Act 10"
[rule.when]
tags = ["dual"]

[[report]]
id = "told"
due_business_days = 10
cite = "Test Act 9(2)"
"#;

const HEALTH: &str = "X-Data-Class: health\r\n";

fn config() -> Config {
    Config::new()
        .pack(&act(RULES))
        .with("[[principal]]\nname = \"svc\"\nnetworks = [\"127.0.0.1/32\"]")
        .name("a.example", &["127.1.0.1"])
        .name("b.example", &["127.1.0.1"])
}

fn kept() -> Config {
    config().with("[state]\nfolder = \"state\"")
}

fn origin() -> Origin {
    Origin::answering("127.1.0.1", ok("reached"))
}

fn url(host: &str, origin: &Origin) -> String {
    format!("http://{host}:{}/", origin.address.port())
}

/// A client on another address of this machine.
fn other_client(proxy: &Proxy, method: &str, url: &str, fields: &str) -> Message {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 9], 0))).unwrap();
        socket.connect(proxy.listen).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    let mut client = Wire::new(stream);
    client.send(request(method, url, fields, ""));
    client.response(method)
}

/// The id of the hold that an answer names.
#[track_caller]
fn hold_of(answer: &Message) -> String {
    assert_eq!(answer.status(), 451, "{}", answer.text());
    answer.json()["hold"].as_str().unwrap_or_else(|| panic!("{}", answer.text())).to_owned()
}

#[track_caller]
fn approve(proxy: &Proxy, hold: &str, expires: &str) -> Value {
    let body = json!({"by": "counsel", "reason": "contract 7", "expires": expires});
    let answer = proxy.tell_admin(&format!("/api/v1/holds/{hold}/approve"), &body);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()
}

#[track_caller]
fn deny(proxy: &Proxy, hold: &str) {
    let body = json!({"by": "counsel", "reason": "no contract"});
    let answer = proxy.tell_admin(&format!("/api/v1/holds/{hold}/deny"), &body);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.json()["state"], "denied");
}

#[track_caller]
fn holds(proxy: &Proxy, state: &str) -> Vec<Value> {
    let answer = proxy.ask_admin("GET", &format!("/api/v1/holds?state={state}"));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()["holds"].as_array().unwrap().clone()
}

fn reports(proxy: &Proxy, state: &str) -> Vec<Value> {
    let answer = proxy.ask_admin("GET", &format!("/api/v1/reports?state={state}"));
    answer.json()["reports"].as_array().unwrap().clone()
}

/// Runs a command against the proxy; what it printed, and whether it succeeded.
fn command(proxy: &Proxy, arguments: &[&str]) -> (bool, String) {
    let admin = proxy.admin.to_string();
    let output = program().args(arguments).args(["--admin", &admin]).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn what_is_held_says_what_it_waits_for_and_is_listed_once() {
    let (proxy, origin) = (Proxy::start(&config()), origin());
    let target = url("a.example", &origin);
    let answer = proxy.ask("POST", &target, HEALTH, "x");
    let hold = hold_of(&answer);
    assert_eq!(answer.head.get("retry-after"), Some("60"));
    let problem = answer.json();
    assert_eq!(problem["decision"], hold.as_str(), "a hold bears the id of its first decision");
    assert_eq!(problem["needs"], json!(["transaction"]));
    let remedy = problem["remedy"].as_str().unwrap();
    assert!(remedy.contains(&format!("borderpost holds approve {hold} --by")), "{remedy}");
    assert_eq!(origin.connections(), 0);
    // The same asked again is the same hold.
    assert_eq!(hold_of(&proxy.ask("GET", &target, HEALTH, "")), hold);
    let open = holds(&proxy, "open");
    let [shown] = open.as_slice() else { panic!("{open:?}") };
    for (key, value) in [
        ("id", json!(hold)),
        ("state", json!("open")),
        ("asked", json!(2)),
        ("client", json!("svc")),
        ("host", json!("a.example")),
        ("port", json!(origin.address.port())),
        ("method", json!("POST")),
        ("tags", json!(["health"])),
        ("needs", json!(["transaction"])),
        ("rulings", json!([])),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
    assert_eq!(shown["rules"][0]["rule"], "test-act/look-first");
    assert_eq!(shown["rules"][0]["cite"], "Test Act 7");
    assert!((proxy.metric("egress_holds_open", "") - 1.0).abs() < 0.5);
}

#[test]
fn an_approval_lets_the_same_pass_and_nothing_else() {
    let (proxy, origin) = (Proxy::start(&config()), origin());
    let target = url("a.example", &origin);
    let hold = hold_of(&proxy.ask("POST", &target, HEALTH, "x"));
    let approved = approve(&proxy, &hold, "8h");
    assert_eq!(approved["state"], "approved");
    assert_eq!(approved["rulings"][0]["by"], "counsel");
    assert_eq!(proxy.ask("POST", &target, HEALTH, "x").status(), 200);
    let record = proxy.wait_records(2).pop().unwrap();
    assert_eq!((&record["outcome"], &record["hold"]), (&"log".into(), &Value::Null));
    assert_eq!(record["rules"][0]["rule"], "look-first");
    assert_eq!(record["rules"][0]["lifted"], hold.as_str());
    // Bound to the client, the destination and the data.
    let elsewhere = hold_of(&proxy.ask("POST", &url("b.example", &origin), HEALTH, "x"));
    let more = hold_of(&proxy.ask("POST", &target, "X-Data-Class: health, omic\r\n", "x"));
    let other = hold_of(&other_client(&proxy, "POST", &target, HEALTH));
    assert_eq!(holds(&proxy, "open").len(), 3);
    assert_eq!(holds(&proxy, "open")[2]["client"], "127.0.0.9");
    for different in [elsewhere, more, other] {
        assert_ne!(different, hold);
    }
    let records = proxy.wait_records(5);
    assert_eq!(records[0]["hold"], hold.as_str());
    assert_eq!(records[0]["outcome"], "hold");
    assert_eq!(records[0]["rules"][0].get("lifted"), None);
    assert_eq!(origin.connections(), 1);
}

#[test]
fn a_denial_withdraws_and_stands() {
    let (proxy, origin) = (Proxy::start(&config()), origin());
    let target = url("a.example", &origin);
    let hold = hold_of(&proxy.ask("POST", &target, HEALTH, "x"));
    approve(&proxy, &hold, "8h");
    deny(&proxy, &hold);
    let refused = proxy.ask("POST", &target, HEALTH, "x");
    assert_eq!(hold_of(&refused), hold);
    assert_eq!(refused.head.get("retry-after"), None);
    assert!(refused.json()["remedy"].as_str().unwrap().contains("denied"));
    assert_eq!(holds(&proxy, "denied").len(), 1);
    assert!((proxy.metric("egress_holds_decided_total", "approve") - 1.0).abs() < 0.5);
    assert!((proxy.metric("egress_holds_decided_total", "deny") - 1.0).abs() < 0.5);
    assert_eq!(origin.connections(), 0);
}

#[test]
fn a_decision_that_is_not_one_changes_nothing() {
    let (proxy, origin) = (Proxy::start(&config()), origin());
    let hold = hold_of(&proxy.ask("GET", &url("a.example", &origin), HEALTH, ""));
    let path = format!("/api/v1/holds/{hold}/approve");
    let (by, reason) = ("counsel", "contract 7");
    let long = "x".repeat(17_000);
    for (body, status) in [
        (json!({"by": by, "reason": reason, "expires": "2020-01-01T00:00:00Z"}), 422),
        (json!({"by": by, "reason": reason, "expires": "91d"}), 422),
        (json!({"by": by, "reason": reason, "expires": "soon"}), 422),
        (json!({"by": by, "reason": " ", "expires": "8h"}), 422),
        (json!({"by": "a\u{1b}[2J", "reason": reason, "expires": "8h"}), 422),
        (json!({"by": by, "reason": reason}), 400),
        (json!({"by": by, "reason": reason, "expires": "8h", "scope": "all"}), 400),
        (json!("yes"), 400),
        (json!({"by": by, "reason": long, "expires": "8h"}), 413),
    ] {
        let answer = proxy.tell_admin(&path, &body);
        assert_eq!(answer.status(), status, "{body}: {}", answer.text());
        assert_eq!(answer.head.get("content-type"), Some("application/problem+json"));
        assert!(!answer.json()["detail"].as_str().unwrap().is_empty());
    }
    let good = json!({"by": by, "reason": reason, "expires": "8h"});
    let unknown = "/api/v1/holds/01989f3e-7b1c-7d3a-9c53-0242ac120002/approve";
    assert_eq!(proxy.tell_admin(unknown, &good).status(), 404);
    assert_eq!(proxy.tell_admin("/api/v1/holds/7/approve", &good).status(), 404);
    assert_eq!(proxy.ask_admin("GET", &path).status(), 405);
    assert_eq!(proxy.ask_admin("GET", "/api/v1/holds?state=lost").status(), 422);
    assert_eq!(proxy.ask_admin("GET", &format!("{path}/x")).status(), 404);
    // A page in a browser on this machine.
    let mut page = Wire::connect(proxy.admin);
    let (host, text) = (proxy.admin, good.to_string());
    let length = text.len();
    page.send(format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://evil.example\r\nContent-Length: \
         {length}\r\n\r\n{text}"
    ));
    assert_eq!(page.response("POST").status(), 403);
    assert_eq!(holds(&proxy, "open").len(), 1);
    assert_eq!(proxy.ask("GET", &url("a.example", &origin), HEALTH, "").status(), 451);
}

#[test]
fn where_two_laws_disagree_a_person_decides() {
    let config = config().rule("bar", "block", "cite = \"Book 1\"", "tags = [\"dual\"]");
    let (proxy, origin) = (Proxy::start(&config), origin());
    let (target, dual) = (url("a.example", &origin), "X-Data-Class: dual\r\n");
    let answer = proxy.ask("POST", &target, dual, "x");
    let hold = hold_of(&answer);
    assert_eq!(answer.json()["code"], "conflict");
    assert_eq!(answer.json()["cite"], "Book 1; Test Act 10");
    assert_eq!(holds(&proxy, "open")[0]["rules"][0]["rule"], "local/bar");
    approve(&proxy, &hold, "8h");
    assert_eq!(proxy.ask("POST", &target, dual, "x").status(), 200);
    let record = proxy.wait_records(2).pop().unwrap();
    assert_eq!(record["outcome"], "log");
    let lifted = |rule: &Value| rule["rule"] == "bar" && rule["lifted"] == hold.as_str();
    assert!(record["rules"].as_array().unwrap().iter().any(lifted), "{record:#}");
    assert_eq!(hold_of(&other_client(&proxy, "POST", &target, dual)).len(), hold.len());
}

#[test]
fn what_must_be_declared_is_named() {
    let (proxy, origin) = (Proxy::start(&config()), origin());
    let card = "X-Data-Class: financial.card\r\n";
    let answer = proxy.ask("POST", &url("a.example", &origin), card, "x");
    assert_eq!(answer.status(), 451);
    assert_eq!(answer.json()["needs"], json!(["contract_has", "purpose"]));
    assert_eq!(answer.json().get("hold"), None, "nobody but the sender can say");
    assert!(proxy.record()["hold"].is_null());
    assert!(holds(&proxy, "open").is_empty());
}

#[test]
fn candidates_for_reports_are_made_and_closed() {
    let (proxy, origin) = (Proxy::start(&config()), origin());
    let target = url("a.example", &origin);
    for _ in 0..3 {
        assert_eq!(proxy.ask("GET", &target, "X-Data-Class: label.a\r\n", "").status(), 200);
    }
    assert_eq!(proxy.ask("GET", &target, "X-Data-Class: financial\r\n", "").status(), 451);
    assert_eq!(proxy.ask("GET", &target, "", "").status(), 200);
    let first = proxy.wait_records(5).remove(0);
    let open = reports(&proxy, "open");
    let [allowed, refused] = open.as_slice() else { panic!("{open:#?}") };
    // A midnight between the requests would make two candidates of the first.
    assert_eq!((&allowed["count"], &allowed["decision"]), (&3.into(), &first["id"]));
    assert_eq!((&allowed["rule"], &refused["rule"]), (&"tell".into(), &"say-why".into()));
    assert_eq!((&allowed["client"], &allowed["host"]), (&"svc".into(), &"a.example".into()));
    let date = |key: &str| allowed[key].as_str().unwrap().parse::<jiff::civil::Date>().unwrap();
    // Ten business days are two weeks, and a weekend that they begin on.
    let days = (date("due") - date("day")).get_days();
    assert!((12..=14).contains(&days), "{days} days from {}", date("day"));
    assert!((proxy.metric("egress_reports_open", "") - 2.0).abs() < 0.5);

    let id = allowed["id"].as_str().unwrap();
    let path = format!("/api/v1/reports/{id}/close");
    let silent = json!({"by": "counsel", "outcome": "not-due"});
    assert_eq!(proxy.tell_admin(&path, &silent).status(), 422, "why not?");
    let told =
        json!({"by": "counsel", "outcome": "reported", "note": "letter", "evidence": "DMS 1"});
    let answer = proxy.tell_admin(&path, &told);
    assert_eq!((answer.status(), &answer.json()["state"]), (200, &"closed".into()));
    assert_eq!(answer.json()["closing"]["evidence"], "DMS 1");
    assert_eq!(proxy.tell_admin(&path, &told).status(), 409);
    assert_eq!((reports(&proxy, "open").len(), reports(&proxy, "closed").len()), (1, 1));
}

#[test]
fn commands_list_decide_and_close() {
    let (proxy, origin) = (Proxy::start(&config()), origin());
    let target = url("a.example", &origin);
    let run = |arguments: &[&str]| command(&proxy, arguments);
    assert_eq!(run(&["holds", "list"]), (true, "nothing waits\n".to_owned()));
    let hold = hold_of(&proxy.ask("GET", &target, HEALTH, ""));
    let (fine, text) = run(&["holds", "list"]);
    assert!(fine && text.starts_with(&format!("{hold}  open\n")), "{text}");
    for words in ["svc, 1 times", "GET a.example:", "health", "test-act/look-first [Test Act 7]"] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
    let decide = |decision: &str, more: &[&str]| {
        let start = ["holds", decision, &hold, "--by", "counsel", "--reason", "contract 7"];
        run(&[&start, more].concat())
    };
    let (fine, text) = decide("approve", &["--for", "91d"]);
    assert!(!fine && text.contains("within 90 days"), "{text}");
    let (fine, text) = decide("approve", &["--for", "8h"]);
    assert!(fine && text.contains("svc may send health to a.example"), "{text}");
    assert_eq!(proxy.ask("GET", &target, HEALTH, "").status(), 200);
    let (fine, text) = decide("deny", &[]);
    assert!(fine && text.starts_with("denied: "), "{text}");
    assert_eq!(proxy.ask("GET", &target, HEALTH, "").status(), 451);
    let (_, text) = run(&["holds", "list", "--all"]);
    assert!(text.contains("denied") && text.contains("by counsel on"), "{text}");
    let (_, text) = run(&["holds", "list", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!({"holds": []}));
}

#[test]
fn commands_list_and_close_reports() {
    let (proxy, origin) = (Proxy::start(&config()), origin());
    let target = url("a.example", &origin);
    let run = |arguments: &[&str]| command(&proxy, arguments);
    proxy.ask("GET", &target, "X-Data-Class: label\r\n", "");
    let (_, text) = run(&["reports", "list"]);
    assert!(text.contains("test-act/told [Test Act 9(2)], rule tell"), "{text}");
    let id = text.split(' ').next().unwrap().to_owned();
    let close = ["reports", "close", &id, "--by", "counsel", "--outcome", "not-due", "--note", "x"];
    assert_eq!(run(&close), (true, "closed: test-act/told not-due\n".to_owned()));
    assert_eq!(run(&["reports", "list"]), (true, "nothing waits\n".to_owned()));
    let (_, text) = run(&["reports", "list", "--all"]);
    assert!(text.contains("not-due by counsel"), "{text}");
    // Nobody is there.
    let nobody = crate::support::closed_port("127.0.0.1").to_string();
    let output = program().args(["holds", "list", "--admin", &nobody]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no proxy answers on"));
}

#[test]
fn a_tunnel_ends_when_its_approval_does() {
    let (proxy, echo) = (Proxy::start(&config()), Origin::echo("127.1.0.1"));
    let target = format!("a.example:{}", echo.address.port());
    let open = |expires: &str| {
        wait_for("a tunnel within the time of its approval", || {
            let hold = hold_of(&proxy.connect(&target, HEALTH).1);
            approve(&proxy, &hold, expires);
            let (tunnel, answer) = proxy.connect(&target, HEALTH);
            (answer.status() == 200).then_some((hold, tunnel))
        })
    };
    // Its time is up.
    let (_, mut tunnel) = open("2s");
    assert!(tunnel.has_ended());
    // It is withdrawn.
    let (hold, mut tunnel) = open("1h");
    tunnel.send("x");
    assert_eq!(tunnel.take(1), b"x");
    deny(&proxy, &hold);
    assert!(tunnel.has_ended());
    let revoked = || {
        let records = proxy.records();
        let revoked = records.iter().filter(|one| one["error"]["code"] == "tunnel-revoked");
        (revoked.count() == 2).then_some(())
    };
    wait_for("the records of both", revoked);
}

#[test]
fn killed_or_stopped_the_proxy_forgets_no_hold_that_it_answered() {
    let (proxy, origin) = (Proxy::start(&kept()), origin());
    assert!(proxy.output().contains("state      "), "{}", proxy.output());
    let target = url("a.example", &origin);
    let approved = hold_of(&proxy.ask("GET", &target, HEALTH, ""));
    approve(&proxy, &approved, "8h");
    proxy.ask("GET", &target, "X-Data-Class: label\r\n", "");
    let mut answered: Vec<_> = (0..5)
        .map(|number| {
            let fields = format!("X-Data-Class: health, kind.k{number}\r\n");
            hold_of(&proxy.ask("GET", &target, &fields, ""))
        })
        .collect();
    proxy.signal("KILL");
    let proxy = proxy.again(&kept());
    let ids = |proxy: &Proxy| -> Vec<String> {
        holds(proxy, "open").iter().map(|hold| hold["id"].as_str().unwrap().to_owned()).collect()
    };
    answered.sort();
    assert_eq!(ids(&proxy), answered);
    assert_eq!(proxy.ask("GET", &target, HEALTH, "").status(), 200, "approved is approved");
    assert_eq!(reports(&proxy, "open").len(), 1);
    assert_eq!(
        hold_of(&proxy.ask("GET", &target, "X-Data-Class: health, kind.k0\r\n", "")),
        answered[0]
    );
    // In good order, the count is there too.
    proxy.signal("TERM");
    let proxy = proxy.again(&kept());
    assert_eq!(holds(&proxy, "open")[0]["asked"], 2);
    let mode = std::fs::metadata(proxy.folder.path().join("state/holds.redb")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777, 0o600);
}

#[test]
fn what_cannot_be_kept_does_not_leave() {
    // Room for the new file, and not for many holds. The limit counts blocks of 512 octets in
    // some shells and of 1,024 in others.
    let limit = "trap '' XFSZ; ulimit -f 4200";
    let config = kept().record("stdout").with("[journal]\nkeep = false");
    let (proxy, origin) = (Proxy::start_limited(&config, limit), origin());
    let target = url("a.example", &origin);
    let mut number = 0;
    let answer = wait_for("a disk that is full", || {
        number += 1;
        let long = format!("{number:0>120}");
        let more: Vec<_> = (0..60).map(|at| format!("k{at}.{long}")).collect();
        let fields = format!("X-Data-Class: health, {}\r\n", more.join(", "));
        let answer = proxy.ask("GET", &target, &fields, "");
        (answer.status() == 503).then_some(answer)
    });
    assert_eq!(answer.json()["code"], "hold-unwritable");
    assert!(answer.json()["remedy"].as_str().unwrap().contains("state.folder"));
    assert_eq!(answer.json().get("hold"), None);
    let known = holds(&proxy, "open").len();
    assert_eq!(known, number - 1, "what could not be written is not there");
    assert_eq!(proxy.ask("GET", &target, "", "").status(), 200, "the rest goes on");
}
