//! The interface of the admin listener, asked as a dashboard asks it.

mod decisions;

use serde_json::{Value, json};

use crate::support::{Config, Message, Origin, Proxy, STAYS, Wire, act, ok, wait_for};

pub(crate) use decisions::notes;

const HEALTH: &str = "X-Data-Class: health\r\n";
const CARD: &str = "X-Data-Class: financial.card\r\n";

fn config() -> Config {
    Config::new().pack(&act(STAYS)).with("[state]\nfolder = \"state\"")
}

/// Answers that are fine, in JSON.
#[track_caller]
fn get(proxy: &Proxy, path: &str) -> Value {
    let answer = proxy.ask_admin("GET", &format!("/api/v1/{path}"));
    assert_eq!(answer.status(), 200, "{path}: {}", answer.text());
    answer.json()
}

#[track_caller]
fn post(proxy: &Proxy, path: &str, body: &Value) -> Value {
    let answer = proxy.tell_admin(&format!("/api/v1/{path}"), body);
    assert_eq!(answer.status(), 200, "{path}: {}", answer.text());
    answer.json()
}

/// What a problem says.
#[track_caller]
fn problem(answer: &Message, status: u16) -> String {
    assert_eq!(answer.status(), status, "{}", answer.text());
    assert_eq!(answer.head.get("content-type"), Some("application/problem+json"));
    let problem = answer.json();
    assert_eq!(problem["status"], status);
    problem["detail"].as_str().unwrap().to_owned()
}

fn refused(proxy: &Proxy, path: &str, status: u16) -> String {
    problem(&proxy.ask_admin("GET", &format!("/api/v1/{path}")), status)
}

const CLOSED: &str = "hosts = [\"*.closed.example\"]";

/// A request that is refused by its name, which no name server hears: nobody knows its country.
fn nowhere(proxy: &Proxy) {
    assert_eq!(proxy.ask("GET", "http://a.closed.example/", "", "").status(), 403);
    proxy.wait_records(1);
}

/// Ten requests: four with health data, four with cards, two with nothing.
fn asked(proxy: &Proxy, origin: &Origin) {
    let wanted = proxy.records().len() + 10;
    for number in 0..10 {
        let fields = match number % 5 {
            0 | 1 => HEALTH,
            2 | 3 => CARD,
            _ => "",
        };
        let target = format!("{}/path-{number}", origin.url());
        assert!(proxy.ask("GET", &target, fields, "").status() < 500);
    }
    // Until all of it is in the index.
    wait_for("the index", || {
        let status = get(proxy, "status");
        let rows = proxy.records().len();
        (rows >= wanted && status["index"]["lag"] == 0).then_some(())
    });
}

fn rows(page: &Value) -> &Vec<Value> {
    page["decisions"].as_array().unwrap()
}

#[test]
fn the_status_tells_how_the_proxy_stands() {
    let proxy = Proxy::start(&config().databases());
    let status = wait_for("a checkpoint", || {
        let status = get(&proxy, "status");
        (!status["journal"]["checkpoint"].is_null() && !status["index"].is_null()).then_some(status)
    });
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&status["mode"], &status["ready"]), (&json!("enforce"), &json!(true)));
    let databases = status["databases"].as_array().unwrap();
    assert_eq!(databases.len(), 2);
    assert!(databases.iter().all(|one| one["age_days"].as_i64().unwrap() >= 0));
    let pack = &status["packs"][0];
    assert_eq!((&pack["id"], &pack["authority"]), (&json!("test-act"), &json!("Test Act")));
    assert!(pack["digest"].as_str().unwrap().starts_with("sha256:"));
    assert!(status["config"].as_str().unwrap().starts_with("sha256:"));
    let journal = &status["journal"];
    assert_eq!((&journal["kept"], &journal["healthy"]), (&json!(true), &json!(true)));
    assert_eq!(journal["gaps"], 0);
    assert!(journal["head"].as_u64().unwrap() > journal["checkpoint"]["size"].as_u64().unwrap());
    assert_eq!(status["proxies"], json!([proxy.listen.to_string()]));
    let said = proxy.output();
    assert!(said.contains(&format!("dashboard  http://{}/\nadmin ", proxy.admin)), "{said}");
    assert_eq!(status["reload"], Value::Null);
}

#[test]
fn a_reload_is_told_by_what_it_changed() {
    let proxy = Proxy::start(&config().databases());
    proxy.reload(&config().databases().rule("more", "log", "", "tags = [\"geo\"]"));
    let reload = &get(&proxy, "status")["reload"];
    assert_eq!(reload["ok"], true);
    assert_eq!(reload["difference"]["rules"][0]["rule"], "more");
    assert_eq!(reload["difference"]["rules"][0]["change"], "added");
    proxy.rewrite("nonsense");
    let answer = proxy.ask_admin("POST", "/api/v1/reload");
    assert!(problem(&answer, 422).contains("nonsense"));
    let reload = &get(&proxy, "policy")["reload"];
    assert_eq!(reload["ok"], false);
    assert!(reload["problems"].as_str().unwrap().contains("nonsense"), "{reload}");
}

#[test]
fn totals_and_rates() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let proxy = Proxy::start(&config());
    asked(&proxy, &origin);
    let top = get(&proxy, "top?by=tag");
    let tags: Vec<_> = top["top"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(tags, [&json!("financial.card"), &json!("health")]);
    assert_eq!(get(&proxy, "top?by=outcome&limit=1")["top"][0]["requests"], 4);
    assert!(refused(&proxy, "top?by=shoe", 422).contains("`shoe`"));
    let series = get(&proxy, "series?step=3600&since=1h&outcome=block");
    let counts = series["buckets"].as_array().unwrap().iter();
    assert_eq!(counts.map(|one| one["requests"].as_u64().unwrap()).sum::<u64>(), 4);
    assert!(refused(&proxy, "series?step=1", 422).contains("take a longer `step`"));
    // How far behind the index was is told by whatever is counted with it, as by a list.
    let list = get(&proxy, "decisions?limit=1");
    for (name, counted) in [("top", &top), ("series", &series)] {
        let index = &counted["index"];
        assert_eq!((&index["healthy"], &index["since"]), (&json!(true), &list["index"]["since"]));
        let head = index["head"].as_u64().unwrap();
        assert!(head >= 10 && index["lag"].is_u64(), "{name}: {index}");
    }
    let rates = wait_for("a second that is over", || {
        let rates = get(&proxy, "rates");
        (rates["total"]["block"] == 4 && rates["total"]["log"] == 4).then_some(rates)
    });
    let seconds = usize::try_from(rates["seconds"].as_u64().unwrap()).unwrap();
    for list in [&rates["outcomes"]["allow"], &rates["observed"], &rates["added_p99_us"]] {
        assert_eq!(list.as_array().unwrap().len(), seconds);
    }
    assert!(rates["total"]["added_p99_us"].as_u64().unwrap() > 0);
}

#[test]
fn the_policy_is_shown_asked_and_tried_out() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let proxy = Proxy::start(&config());
    asked(&proxy, &origin);
    let policy = get(&proxy, "policy");
    let rules = policy["rules"].as_array().unwrap();
    assert_eq!((&rules[0]["rule"], &rules[0]["cite"]), (&json!("no-health"), &json!("Test Act 7")));
    assert_eq!(rules[0]["conditions"], json!(["data tagged health"]));
    let question = json!({ "url": "https://127.1.0.1/x", "tags": ["health"], "at": "2026-11-26" });
    let told = post(&proxy, "policy/test", &question);
    assert_eq!((&told["outcome"], &told["why"]), (&json!("block"), &json!("test-act/no-health")));
    assert_eq!(told["rules"][0]["truth"], "yes");
    assert!(told["changes"][0].as_str().unwrap().contains("health"));
    for (body, status, told) in [
        (json!({ "url": "nowhere" }), 422, "`url`"),
        (json!({ "url": "http://a.example", "tags": ["..."] }), 422, "`tags`"),
        (json!({ "url": "http://a.example", "at": "soon" }), 422, "`at`"),
        (json!({ "url": "ftp://a.example" }), 422, "http or https"),
        (json!({ "url": "http://a.example", "counted": { "a/b/c": 1 } }), 422, "`a/b/c`"),
        (json!({ "url": "http://a.example", "shoe": 1 }), 400, "shoe"),
        (json!([]), 400, "JSON"),
    ] {
        let answer = proxy.tell_admin("/api/v1/policy/test", &body);
        assert!(problem(&answer, status).contains(told), "{body}");
    }
    // Cards are no longer told of, and untagged data is.
    let draft = act(STAYS)
        .replace("version = \"1\"", "version = \"2\"")
        .replace("outcome = \"log\"", "outcome = \"block\"");
    let changed = post(&proxy, "policy/whatif", &json!({ "pack": draft }));
    assert_eq!((&changed["asked"], &changed["changed"]), (&json!(10), &json!(4)), "{changed}");
    assert_eq!(changed["changes"][0]["before"], "log by test-act/told");
    assert_eq!(changed["changes"][0]["after"], "block by test-act/told");
    let few = post(&proxy, "policy/whatif", &json!({ "pack": act(STAYS), "last": 3 }));
    assert_eq!((&few["asked"], &few["changed"]), (&json!(3), &json!(0)));
    let wrong = proxy.tell_admin("/api/v1/policy/whatif", &json!({ "pack": "[pack]\nid = 7" }));
    assert!(problem(&wrong, 422).contains("draft:2:6"), "{}", wrong.text());
    let status = proxy.ask("GET", &format!("{}/x", origin.url()), CARD, "").status();
    assert_eq!(status, 200, "a draft is never in force");
}

#[test]
fn the_journal_is_shown_and_checked() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let hold = "[[journal.hold]]\nname = \"case-1\"\nreason = \"asked for\"\nclient = \"10.0.0.1\"";
    let proxy = Proxy::start(&config().with(hold));
    asked(&proxy, &origin);
    let view = get(&proxy, "journal");
    assert_eq!(view["segments"][0]["first"], 0);
    assert!(view["segments"][0]["octets"].as_u64().unwrap() > 1_000);
    assert_eq!(view["origin"], "borderpost");
    assert!(view["key"].as_str().unwrap().starts_with("borderpost+"));
    assert_eq!(view["retention"]["untagged_days"], 90);
    assert_eq!(view["legal_holds"][0]["client"], "10.0.0.1");
    assert_eq!(view["verification"], Value::Null);
    let found = post(&proxy, "journal/verify", &Value::Null);
    assert_eq!((&found["state"], &found["sound"]), (&json!("done"), &json!(true)), "{found}");
    assert!(found["entries"].as_u64().unwrap() >= 10);
    assert_eq!(get(&proxy, "journal")["verification"], found);
    // Somebody changes what was written, and is found by place.
    let file = proxy.folder.path().join("state/journal/00000000000000000000.log");
    let mut octets = std::fs::read(&file).unwrap();
    let at = octets.windows(6).position(|part| part == b"health").unwrap();
    octets[at] = b'w';
    std::fs::write(&file, octets).unwrap();
    let found = post(&proxy, "journal/verify", &Value::Null);
    assert_eq!(found["sound"], false);
    let finding = &found["findings"][0];
    assert_eq!(
        (&finding["fault"], &finding["file"]),
        (&json!(true), &json!("00000000000000000000.log"))
    );
    assert!(finding["offset"].as_u64().unwrap() < u64::try_from(at).unwrap());
}

#[test]
fn without_a_journal_what_needs_one_says_so() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let proxy = Proxy::start(&Config::new().pack(&act(STAYS)));
    assert_eq!(proxy.get(&origin, "/").status(), 200);
    for path in [
        "decisions",
        "decisions/stream",
        "decisions/export",
        "decisions/x",
        "top?by=host",
        "series?step=60&since=1h",
        "journal",
        "meters",
    ] {
        assert!(refused(&proxy, path, 409).contains("`state.folder`"), "{path}");
    }
    for (path, body) in
        [("journal/verify", Value::Null), ("policy/whatif", json!({ "pack": act(STAYS) }))]
    {
        let answer = proxy.tell_admin(&format!("/api/v1/{path}"), &body);
        assert!(problem(&answer, 409).contains("`state.folder`"), "{path}");
    }
    let status = get(&proxy, "status");
    assert_eq!((&status["journal"]["kept"], &status["index"]), (&json!(false), &Value::Null));
    assert_eq!(get(&proxy, "holds"), json!({ "holds": [] }));
    wait_for("a second that is over", || {
        (get(&proxy, "rates")["total"]["allow"] == 1).then_some(())
    });
    let without = Proxy::start(&config().with("[journal]\nindex = \"0\""));
    assert!(refused(&without, "decisions", 409).contains("`journal.index`"));
}

#[test]
fn meters_tell_how_far_they_are() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let counting = format!(
        "{}\n[class.cards]\ntags = [\"financial\"]\nunit = \"subject\"\nat_least = 100\n\
         cite = \"Test Act 9\"\n[counter.bulk]\nclasses = [\"cards\"]\nkeyed_by = [\"exporter\"]\n\
         window = {{ rolling_months = 12 }}\ncite = \"Test Act 10\"\n",
        act(STAYS)
    );
    let state = tempfile::TempDir::new().unwrap();
    let proxy = Proxy::start(&Config::new().law(state.path()).pack(&counting));
    let field = "X-Data-Slice: (financial.card);subjects=40\r\n";
    assert_eq!(proxy.ask("GET", &format!("{}/", origin.url()), field, "").status(), 200);
    let meters = wait_for("a meter", || {
        let meters = get(&proxy, "meters");
        meters["meters"].get(0).is_some().then_some(meters)
    });
    let meter = &meters["meters"][0];
    assert_eq!((&meter["meter"], &meter["counted"]), (&json!("test-act/bulk/cards"), &json!(40)));
    assert_eq!((&meter["limit"], &meter["percent"]), (&json!(100), &json!(40.0)));
    assert_eq!(
        (&meter["window"], &meter["cite"]),
        (&json!("rolling 12 months"), &json!("Test Act 9"))
    );
    assert!((365..=367).contains(&meter["days_until_oldest_leaves"].as_i64().unwrap()));
    assert_eq!(meter["per_day"], 40.0);
    // 40 today and 40 tomorrow are 80; the day after it is passed.
    let day = |text: &Value| text.as_str().unwrap().parse::<jiff::civil::Date>().unwrap();
    let ahead = day(&meter["crosses"]).duration_since(day(&meter["oldest"])).as_hours() / 24;
    assert_eq!(ahead, 2);
}

#[test]
fn what_diagnostics_tell_can_be_changed() {
    let proxy = Proxy::start(&config());
    assert_eq!(get(&proxy, "log-level"), json!({ "level": "warn" }));
    let put = |level: &str| {
        let mut wire = Wire::connect(proxy.admin);
        let body = json!({ "level": level }).to_string();
        wire.send(format!(
            "PUT /api/v1/log-level HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{body}",
            proxy.admin,
            body.len()
        ));
        wire.response("PUT")
    };
    assert_eq!(put("info").json(), json!({ "level": "info" }));
    proxy.reload(&config());
    wait_for("news", || proxy.output().contains("databases loaded").then_some(()));
    assert!(problem(&put("borderpost=loud"), 422).contains("`level`"));
    assert_eq!(get(&proxy, "log-level"), json!({ "level": "info" }));
}

/// Every path, by requests that a description of it makes up: what is answered is what is described,
/// whatever is asked.
#[test]
fn the_description_is_kept_to_the_letter() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let proxy = Proxy::start(&config());
    asked(&proxy, &origin);
    let url = format!("http://{}", proxy.admin);
    let mut python = std::process::Command::new(crate::support::given("BORDERPOST_TEST_PYTHON"));
    let folder = tempfile::TempDir::new().unwrap();
    python.current_dir(folder.path()).args(["-m", "schemathesis.cli", "run"]);
    python.arg(format!("{url}/api/v1/openapi.json")).args(["--url", &url]);
    python.args(SCHEMATHESIS);
    let output = python.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(proxy.ask_admin("GET", "/readyz").status(), 200, "{said}");
}

/// A stream has no end. That everything which fits the description is accepted is not asked: it cannot
/// say what a moment, a URL or a pack is.
const SCHEMATHESIS: [&str; 11] = [
    "--exclude-path",
    "/api/v1/decisions/stream",
    "--exclude-checks",
    "positive_data_acceptance",
    "--phases",
    "examples,coverage,fuzzing",
    "--max-examples",
    "15",
    "--generation-deterministic",
    "--no-color",
    "--continue-on-failure",
];
