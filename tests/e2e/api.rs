//! The interface of the admin listener, asked as a dashboard asks it.

use borderpost::audit::journal::{Kind, Reader};
use serde_json::{Value, json};

use crate::support::{
    Config, Message, Origin, Proxy, STAYS, Wire, act, ok, program, said, wait_for,
};

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
fn decisions_are_listed_by_pages() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let proxy = Proxy::start(&config());
    asked(&proxy, &origin);
    let page = get(&proxy, "decisions");
    assert_eq!((rows(&page).len(), &page["next"]), (10, &Value::Null));
    let row = &rows(&page)[0];
    assert_eq!(row["client"], "127.0.0.1");
    assert!(row["client_port"].as_u64().unwrap() > 0);
    // By pages, in both orders.
    for order in ["newest", "oldest"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = get(&proxy, &format!("decisions?order={order}&limit=3&cursor={cursor}"));
            seen.extend(rows(&page).iter().map(|row| row["sequence"].as_u64().unwrap()));
            let Some(next) = page["next"].as_str() else { break };
            cursor = next.to_owned();
        }
        assert_eq!(seen.len(), 10);
        assert!(seen.is_sorted_by(|a, b| if order == "newest" { a > b } else { a < b }));
        let other = if order == "newest" { "oldest" } else { "newest" };
        let wrong = refused(&proxy, &format!("decisions?order={other}&cursor={cursor}"), 422);
        assert!(wrong.contains("`cursor`"), "{wrong}");
    }
}

#[test]
fn decisions_are_listed_by_filters() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let proxy = Proxy::start(&config());
    asked(&proxy, &origin);
    let blocked = get(&proxy, "decisions?outcome=block&tag=health&rule=test-act/no-health");
    assert_eq!(rows(&blocked).len(), 4);
    assert_eq!(rows(&get(&proxy, "decisions?since=2020-01-01&until=2020-01-02")).len(), 0);
    for (query, told) in [
        ("outcome=maybe", "`outcome` is one of allow"),
        ("limit=0", "`limit` is a number"),
        ("since=tomorrow", "neither a moment"),
        ("nobody=1", "no parameter `nobody`"),
        ("host=a&host=b", "twice"),
    ] {
        let wrong = refused(&proxy, &format!("decisions?{query}"), 422);
        assert!(wrong.contains(told), "{wrong}");
    }
}

/// A word that is mistyped must not read as if there were nothing to find.
#[test]
fn a_mistyped_filter_is_told() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let proxy = Proxy::start(&config().rule("closed", "block", "", CLOSED));
    nowhere(&proxy);
    asked(&proxy, &origin);
    for (country, near) in [("UK", "`GB`"), ("China", "`CN`"), ("XX", "`XX` is no ISO 3166-1")] {
        for path in ["decisions?", "top?by=host&", "series?step=60&", "decisions/stream?"] {
            let told = refused(&proxy, &format!("{path}country={country}"), 422);
            assert!(told.contains(near), "{path}: {told}");
        }
    }
    assert!(refused(&proxy, "decisions?host=a%20b", 422).starts_with("`host`: "));
    let all = get(&proxy, "decisions");
    assert_eq!((rows(&all).len(), &all["unseen"]), (11, &json!([])));
    for filter in ["method=get", "host=127.1.1", "country=Unknown&method=Get"] {
        assert!(!rows(&get(&proxy, &format!("decisions?{filter}"))).is_empty(), "{filter}");
    }
    for (filter, unseen) in [
        ("tag=Health", "the tag `Health`; did you mean `health`?"),
        ("rule=nope/nope&tag=health", "the rule `nope/nope`"),
        ("host=.Nowhere.example", "a host in `.nowhere.example`"),
        ("method=PATCH", "the method `PATCH`"),
        ("client=nobody", "the client `nobody`"),
        ("country=fr", "the country `FR`"),
    ] {
        let wanted = json!([format!("no record in the index has {unseen}")]);
        assert_eq!(get(&proxy, &format!("decisions?{filter}"))["unseen"], wanted);
        assert_eq!(get(&proxy, &format!("top?by=host&{filter}"))["unseen"], wanted);
    }
    let none = get(&proxy, "decisions?tag=health&method=GET&until=2020-01-01");
    assert_eq!((rows(&none).len(), &none["unseen"]), (0, &json!([])), "both are known");
}

#[test]
fn what_only_observes_is_told_apart_from_what_is_allowed() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let config = config().rule("seen", "block", "mode = \"observe\"", "tags = [\"geo\"]");
    let config = config.rule("late", "hold", "mode = \"observe\"", "tags = [\"label\"]");
    let proxy = Proxy::start(&config);
    let mut stream = Stream::open(&proxy, "?would=refused", "");
    for class in ["geo", "label", "health", "geo, health", "financial.card, geo", "dual"] {
        let field = format!("X-Data-Class: {class}\r\n");
        assert!(proxy.ask("POST", &format!("{}/", origin.url()), &field, "").status() < 500);
    }
    wait_for("the index", || {
        let lag = get(&proxy, "status")["index"]["lag"] == 0;
        (lag && proxy.records().len() == 6).then_some(())
    });
    let would = |query: &str| -> Vec<(Value, Value)> {
        let page = get(&proxy, &format!("decisions?order=oldest&{query}"));
        rows(&page).iter().map(|row| (row["outcome"].clone(), row["would"].clone())).collect()
    };
    let (block, hold) = (json!("block"), json!("hold"));
    let refused = [
        (json!("allow"), block.clone()),
        (json!("allow"), hold.clone()),
        (json!("log"), block.clone()),
    ];
    assert_eq!(would("would=refused"), refused);
    assert_eq!(would("would=hold"), [(json!("allow"), hold)]);
    assert_eq!(would("outcome=block"), [(block.clone(), Value::Null), (block, Value::Null)]);
    assert_eq!(would("would=log"), []);
    let (streamed, more, _) = stream.rows(3);
    let told: Vec<_> = streamed.iter().map(|row| row["would"].as_str().unwrap()).collect();
    assert_eq!((told, more), (vec!["block", "hold", "block"], 0));
    let top = get(&proxy, "top?by=rule&would=block");
    assert_eq!(top["top"][0]["name"], "local/seen");
    let lines = proxy.ask_admin("GET", "/api/v1/decisions/export?would=refused").text();
    assert_eq!(lines.lines().count(), 3);
    wait_for("a second that is over", || {
        (get(&proxy, "rates")["total"]["would_refuse"] == 3).then_some(())
    });
    let wrong = self::refused(&proxy, "decisions?would=allow", 422);
    assert!(wrong.contains("`would` is one of log"), "{wrong}");
}

#[test]
fn every_row_of_a_ranking_is_found_by_its_filter() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let proxy = Proxy::start(&config().rule("closed", "block", "", CLOSED));
    nowhere(&proxy);
    asked(&proxy, &origin);
    for (by, filter) in [
        ("host", "host"),
        ("country", "country"),
        ("tag", "tag"),
        ("rule", "rule"),
        ("pack", "rule"),
        ("client", "client"),
        ("method", "method"),
        ("outcome", "outcome"),
    ] {
        let top = get(&proxy, &format!("top?by={by}"));
        let top = top["top"].as_array().unwrap();
        assert!(!top.is_empty(), "{by}");
        for row in top {
            let slash = if by == "pack" { "/" } else { "" };
            let name = row["name"].as_str().unwrap();
            let page = get(&proxy, &format!("decisions?{filter}={name}{slash}"));
            assert_eq!(rows(&page).len(), row["requests"], "{by} {name}");
        }
    }
    assert_eq!(rows(&get(&proxy, "decisions?country=unknown"))[0]["countries"], json!([]));
    assert_eq!(rows(&get(&proxy, "decisions?method=POST")).len(), 0);
}

/// The id of a blocked one.
fn blocked(proxy: &Proxy) -> String {
    let page = get(proxy, "decisions?outcome=block&personal=false");
    rows(&page)[0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_decision_is_shown_with_what_was_tried_and_proved() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let proxy = Proxy::start(&config());
    asked(&proxy, &origin);
    let id = &*blocked(&proxy);
    let one = get(&proxy, &format!("decisions/{id}"));
    let record = &one["record"];
    assert_eq!((&record["id"], &record["outcome"]), (&json!(id), &json!("block")));
    assert!(record["path"].as_str().unwrap().starts_with("/path-"));
    let tried = one["tried"].as_array().unwrap();
    assert_eq!(tried.len(), 2);
    assert_eq!((&tried[0]["truth"], &tried[0]["cite"]), (&json!("yes"), &json!("Test Act 7")));
    assert_eq!(tried[1]["truth"], "no");
    assert_eq!(one["replay"]["same"], true);
    assert_eq!(one["replay"]["config_same"], true);
    let unknown = "01989f3e-7b1c-7d3a-9c53-0242ac120002";
    assert!(refused(&proxy, &format!("decisions/{unknown}"), 404).contains(unknown));
    let proof = wait_for("a signature", || {
        let answer = proxy.ask_admin("GET", &format!("/api/v1/decisions/{id}/proof"));
        (answer.status() == 200).then(|| answer.json())
    });
    assert_eq!(proof["entry"]["kind"], "ended");
    assert!(proof["entry"]["payload"].as_str().unwrap().contains(id));
    assert!(proof["key"].as_str().unwrap().starts_with("borderpost+"));
}

#[test]
fn who_has_seen_people_is_on_record_once_for_each_look() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let proxy = Proxy::start(&config());
    asked(&proxy, &origin);
    let id = &*blocked(&proxy);
    assert_eq!(rows(&get(&proxy, "decisions")).len(), 10);
    get(&proxy, &format!("decisions/{id}"));
    get(&proxy, "top?by=client");
    let noted = notes(&proxy);
    let what: Vec<_> = noted.iter().map(|note| note["what"].as_str().unwrap()).collect();
    let one = format!("GET /api/v1/decisions/{id}");
    assert_eq!(what, ["GET /api/v1/decisions", &*one, "GET /api/v1/top?by=client"]);
    assert_eq!(noted[0]["who"], "local");
    // The interface has them, too, a page after the other.
    let first = get(&proxy, "journal/readings?limit=2");
    let told = |page: &Value| -> Vec<String> {
        let all = page["readings"].as_array().unwrap().iter();
        all.map(|one| one["what"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(told(&first), ["GET /api/v1/top?by=client", &*one]);
    let cursor = first["next"].as_str().unwrap();
    let second = get(&proxy, &format!("journal/readings?limit=2&cursor={cursor}"));
    assert_eq!((told(&second), &second["next"]), (vec![what[0].to_owned()], &Value::Null));
    assert!(told(&get(&proxy, "journal/readings?since=2100-01-01")).is_empty());
    assert!(refused(&proxy, "journal/readings?since=soon", 422).contains("`since`"));
    let hidden = get(&proxy, "decisions?personal=false");
    assert_eq!((&rows(&hidden)[0]["client"], &hidden["masked"]), (&Value::Null, &json!(true)));
    let hidden = get(&proxy, &format!("decisions/{id}?personal=false"));
    assert_eq!(
        (&hidden["record"]["path"], &hidden["record"]["client"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(notes(&proxy).len(), noted.len(), "nothing was seen of anybody");
}

/// The notes in the journal of who read what.
pub(crate) fn notes(proxy: &Proxy) -> Vec<Value> {
    let journal = proxy.folder.path().join("state/journal");
    let (mut reader, mut notes) = (Reader::open(&journal), Vec::new());
    while let Some(entry) = reader.next_entry().unwrap() {
        if entry.kind() == Some(Kind::Note) {
            let note: Value = serde_json::from_slice(entry.payload().unwrap()).unwrap();
            notes.push(note["read"].clone());
        }
    }
    notes
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
fn records_are_exported_as_lines_and_as_a_table() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let proxy = Proxy::start(&config());
    asked(&proxy, &origin);
    let lines = proxy.ask_admin("GET", "/api/v1/decisions/export?outcome=block");
    assert_eq!(lines.head.get("content-type"), Some("application/x-ndjson"));
    let lines = lines.text();
    assert_eq!(lines.lines().count(), 4);
    let record: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(record["outcome"], "block");
    let table = proxy.ask_admin("GET", "/api/v1/decisions/export?format=csv&personal=false");
    let table = table.text();
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let heads = reader.headers().unwrap().clone();
    let place = |name: &str| heads.iter().position(|one| one == name).unwrap();
    let all: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(all.len(), 10);
    for row in &all {
        assert_eq!((&row[place("client")], &row[place("path")]), ("", ""));
        assert_eq!(&row[place("host")], "127.1.0.1");
    }
    // With people it is what the command writes, letter by letter.
    let own = proxy.ask_admin("GET", "/api/v1/decisions/export?format=csv").text();
    let state = proxy.folder.path().join("state");
    let mut export = program();
    export.args(["audit", "export", "--format", "csv", "--journal"]).arg(state.join("journal"));
    assert_eq!(own, said(&export.output().unwrap()));
    assert!(own.contains(",127.0.0.1:"), "{own}");
    for name in ["sequence", "time", "ended", "would", "exporter", "error.code", "config"] {
        assert!(heads.iter().any(|one| one == name), "{name} in {heads:?}");
    }
}

/// Events of a stream.
struct Stream {
    wire: Wire,
    text: String,
    /// The id with which it began.
    begun: String,
}

impl Stream {
    fn open(proxy: &Proxy, query: &str, fields: &str) -> Self {
        let mut wire = Wire::connect(proxy.admin);
        let host = proxy.admin;
        wire.send(format!(
            "GET /api/v1/decisions/stream{query} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n"
        ));
        let head = wire.head().unwrap();
        assert_eq!(head.status(), 200);
        assert_eq!(head.get("content-type"), Some("text/event-stream"));
        let mut stream = Self { wire, text: String::new(), begun: String::new() };
        let (kind, id, data) = stream.next();
        assert_eq!((&*kind, data["after"].to_string()), ("begin", id.clone()), "the greeting");
        stream.begun = id;
        stream
    }

    /// Kind, id and data of the next event.
    fn next(&mut self) -> (String, String, Value) {
        while !self.text.contains("\n\n") {
            let chunk = self.wire.chunk().unwrap();
            assert!(!chunk.is_empty(), "the stream ended");
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        let (event, rest) = self.text.split_once("\n\n").unwrap();
        let field = |name: &str| {
            let line = event.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_default().to_owned()
        };
        let data = serde_json::from_str(&field("data: ")).unwrap_or(Value::Null);
        let found = (field("event: "), field("id: "), data);
        self.text = rest.to_owned();
        found
    }

    /// Rows until there are so many, those that were not shown counted, and the last id.
    fn rows(&mut self, count: usize) -> (Vec<Value>, usize, String) {
        let (mut rows, mut more, mut last) = (Vec::new(), 0, String::new());
        while rows.len() + more < count {
            let (kind, id, data) = self.next();
            assert_eq!(kind, "decisions");
            let new = data["decisions"].as_array().unwrap();
            assert!(new.len() <= 50);
            rows.extend(new.iter().cloned());
            more += usize::try_from(data["more"].as_u64().unwrap()).unwrap();
            last = id;
        }
        (rows, more, last)
    }
}

#[test]
fn a_stream_goes_on_where_it_was_left() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let proxy = Proxy::start(&config());
    let mut stream = Stream::open(&proxy, "?outcome=block&personal=false", "");
    asked(&proxy, &origin);
    let (rows, more, last) = stream.rows(4);
    assert_eq!((rows.len(), more), (4, 0));
    assert!(rows.iter().all(|row| row["outcome"] == "block" && row["client"].is_null()));
    drop(stream);
    asked(&proxy, &origin);
    let mut again = Stream::open(&proxy, "?outcome=block", &format!("Last-Event-ID: {last}\r\n"));
    let (later, more, _) = again.rows(4);
    assert_eq!((later.len(), more), (4, 0));
    let sequence = |row: &Value| row["sequence"].as_u64().unwrap();
    assert!(sequence(&later[0]) > sequence(&rows[3]), "nothing comes twice");
    // Who went away before anything had come misses nothing.
    let quiet = Stream::open(&proxy, "?outcome=block", "");
    let begun = quiet.begun.clone();
    drop(quiet);
    asked(&proxy, &origin);
    let (missed, more, _) =
        Stream::open(&proxy, &format!("?outcome=block&after={begun}"), "").rows(4);
    assert_eq!((missed.len(), more), (4, 0));
    assert!(sequence(&missed[0]) > sequence(&later[3]));
    // From the beginning, more than one event shows: all are counted.
    for number in 0..90 {
        proxy.ask("GET", &format!("{}/{number}", origin.url()), "", "");
    }
    wait_for("records", || (proxy.records().len() == 120).then_some(()));
    let mut all = Stream::open(&proxy, "?after=0", "");
    let (rows, more, _) = all.rows(120);
    assert_eq!(rows.len() + more, 120);
    let far = proxy.ask_admin_with("GET", "/api/v1/decisions/stream", "Last-Event-ID: x\r\n");
    assert!(problem(&far, 422).contains("Last-Event-ID"));
    assert!(refused(&proxy, "decisions/stream?since=1h", 422).contains("has no `since`"));
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
