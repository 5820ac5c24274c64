//! Decisions as the interface tells them: lists, one, a file, and as they come.

use borderpost::audit::journal::{Kind, Reader};
use serde_json::{Value, json};

use crate::support::{Origin, Proxy, Wire, ok, program, said, wait_for};

use super::{CLOSED, asked, config, get, nowhere, problem, refused, rows};

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
            let alone = if by == "tag" { "%3D" } else { "" };
            let page = get(&proxy, &format!("decisions?{filter}={alone}{name}{slash}"));
            assert_eq!(rows(&page).len(), row["requests"], "{by} {name}");
        }
    }
    // A tag has those below it, unless it is meant alone.
    let number = |tag: &str| rows(&get(&proxy, &format!("decisions?tag={tag}"))).len();
    assert_eq!((number("%3Dfinancial.card"), number("%3Dfinancial")), (number("financial"), 0));
    assert!(number("financial") > 0);
    let unseen = get(&proxy, "decisions?tag=%3Dfinancial")["unseen"][0].clone();
    assert!(unseen.as_str().unwrap().contains("`=financial`"), "{unseen}");
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
