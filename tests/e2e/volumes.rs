//! Volumes: what adds up over requests, restarts and crashes, by the pack of 28 CFR 202.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Config, Message, Origin, Proxy, ok, request, wait_for};

/// A sale of genomes of so many people.
fn sale(subjects: &str) -> String {
    sale_of("omic.human.genome", subjects)
}

fn sale_of(tag: &str, subjects: &str) -> String {
    format!(
        "X-Data-Slice: {tag};of=US;{subjects}\r\n\
         X-Data-Context: transaction=data-brokerage, contract_has=(dsp-onward-bar)\r\n"
    )
}

fn start(state: &TempDir) -> Proxy {
    Proxy::start(&Config::new().law(state.path()))
}

fn send(proxy: &Proxy, origin: &Origin, subjects: &str) -> Message {
    proxy.ask("POST", &format!("{}/", origin.url()), &sale(subjects), "ACGT")
}

/// Before and after of the only count of a record.
fn counted(record: &Value) -> (u64, u64) {
    let counts = record["counts"].as_array().unwrap();
    assert_eq!(counts.len(), 1, "{record:#}");
    assert!(counts[0]["meter"].as_str().unwrap().starts_with("us-28cfr202/bulk/"), "{record:#}");
    assert!(counts[0]["limit"].as_u64().unwrap() > 0, "{record:#}");
    (counts[0]["before"].as_u64().unwrap(), counts[0]["after"].as_u64().unwrap())
}

#[test]
fn a_threshold_is_reached_over_several_requests() {
    let (state, china) = (TempDir::new().unwrap(), Origin::answering("127.3.0.1", ok("")));
    let proxy = start(&state);
    assert_eq!(send(&proxy, &china, "subjects=60").status(), 200);
    assert_eq!(send(&proxy, &china, "subjects=40").status(), 200, "exactly 100 is not over 100");
    let refused = send(&proxy, &china, "subjects=1");
    assert_eq!(refused.status(), 451);
    assert_eq!(refused.json()["rule"], "brokerage");
    // What was refused does not count. Who the register does not know counts with all others of
    // its place; another place has a count of its own.
    let other = Origin::answering("127.3.0.2", ok(""));
    assert_eq!(send(&proxy, &other, "subjects=5").status(), 451);
    let elsewhere = Origin::answering("127.2.0.1", ok(""));
    assert_eq!(send(&proxy, &elsewhere, "subjects=100").status(), 200);
    let records = proxy.wait_records(5);
    let found: Vec<_> = records.iter().map(counted).collect();
    assert_eq!(found, [(0, 60), (60, 100), (100, 101), (100, 105), (0, 100)]);
    assert_eq!(records[0]["exporter"]["id"], "acme");
    assert_eq!(records[0]["context"]["transaction"], "data-brokerage");
    assert_eq!(records[2]["retain_years"], 10);
    let head = &china.request(0).head;
    assert!(head.get("x-data-slice").is_none() && head.get("x-data-context").is_none());
    let marks = proxy.metric("egress_volume_marks_total", "percent=\"95\"");
    assert!(marks > 1.5, "both recipients came past 95 percent: {marks}");
}

#[test]
fn the_same_people_count_once() {
    let (state, china) = (TempDir::new().unwrap(), Origin::answering("127.3.0.1", ok("")));
    let proxy = start(&state);
    for ids in ["ids=\"a b c\"", "ids=\"b c d\"", "ids=\"a a\""] {
        assert_eq!(send(&proxy, &china, ids).status(), 200);
    }
    let found: Vec<_> = proxy.wait_records(3).iter().map(counted).collect();
    assert_eq!(found, [(0, 3), (3, 4), (4, 4)]);
    let mut folders = vec![state.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read(path).unwrap();
            assert!(!text.windows(9).any(|window| window == b"\"a b c\""), "ids are not kept");
        }
    }
}

#[test]
fn what_did_not_leave_is_given_back() {
    let state = TempDir::new().unwrap();
    let proxy = start(&state);
    let closed = crate::support::closed_port("127.3.9.1");
    let url = format!("http://{closed}/");
    assert_eq!(proxy.ask("POST", &url, &sale("subjects=60"), "ACGT").status(), 502);
    assert_eq!(proxy.ask("POST", &url, &sale("subjects=60"), "ACGT").status(), 502);
    let found: Vec<_> = proxy.wait_records(2).iter().map(counted).collect();
    assert_eq!(found, [(0, 60), (0, 60)]);
}

#[test]
fn who_may_not_declare_is_presumed_to_send_much() {
    let (state, china) = (TempDir::new().unwrap(), Origin::answering("127.3.0.1", ok("")));
    let config = Config::new().law(state.path());
    let text = config.text().replace("declares = true", "");
    let proxy = Proxy::start(&config);
    proxy.rewrite(&text);
    assert_eq!(proxy.ask_admin("POST", "/api/v1/reload").status(), 200);
    let answer = send(&proxy, &china, "subjects=1");
    assert_eq!(answer.status(), 451, "{}", answer.text());
    let record = proxy.record();
    assert_eq!(record["outcome"], "hold", "nobody that is believed said how many: {record:#}");
    assert_eq!(record["rules"][0]["presumed"], true);
}

#[test]
fn counts_need_a_folder_to_be_kept_in() {
    let text = Config::new().law(Path::new("x")).text().replace("folder = \"x\"", "");
    let file = TempDir::new().unwrap();
    let path = file.path().join("borderpost.toml");
    std::fs::write(&path, text).unwrap();
    let output = crate::support::program().arg("check").arg(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("[state]"));
}

/// At least so many crashes, each at another moment.
const CRASHES: u64 = 55;

#[test]
fn a_crash_at_any_moment_never_counts_too_low() {
    let (state, arrived) = (TempDir::new().unwrap(), Arc::new(AtomicU64::new(0)));
    let seen = Arc::clone(&arrived);
    let origin = Origin::http("127.3.0.1", move |_| {
        seen.fetch_add(1, Ordering::SeqCst);
        ok("").into_bytes()
    });
    for crash in 0..CRASHES {
        let proxy = start(&state);
        let (before, wanted) = (arrived.load(Ordering::SeqCst), crash % 4);
        // Two clients send until the program is gone.
        #[expect(clippy::needless_collect, reason = "both send before the first is awaited")]
        let clients: Vec<_> = (0..2)
            .map(|client| {
                let (mut wire, url) = (proxy.client(), format!("{}/", origin.url()));
                thread::spawn(move || {
                    for number in 0.. {
                        let ids = format!("ids=\"{crash}-{client}-{number}\"");
                        let fields = sale_of("health", &ids);
                        if wire.try_send(request("POST", &url, &fields, "ACGT")).is_err()
                            || wire.head().is_none()
                        {
                            return;
                        }
                    }
                })
            })
            .collect();
        wait_for("requests at the origin", || {
            (arrived.load(Ordering::SeqCst) >= before + wanted).then_some(())
        });
        proxy.signal("KILL");
        drop(proxy);
        clients.into_iter().for_each(|client| client.join().unwrap());
    }
    let proxy = start(&state);
    let url = format!("{}/", origin.url());
    let sent = arrived.load(Ordering::SeqCst);
    proxy.ask("POST", &url, &sale_of("health", "ids=\"last\""), "x");
    // What the last run sent and did not finish has its record now, too.
    let whole = || proxy.records().into_iter().find(|record| record["error"].is_null());
    let count = counted(&wait_for("the record", whole)).0;
    assert!(count >= sent, "{sent} left, {count} were counted");
    assert!(sent > 20, "only {sent} arrived: the test shows nothing");
}

#[test]
fn recorded_decisions_are_taken_again_by_another_pack() {
    let (state, china) = (TempDir::new().unwrap(), Origin::answering("127.3.0.1", ok("")));
    let proxy = start(&state);
    assert_eq!(send(&proxy, &china, "subjects=60").status(), 200);
    assert_eq!(send(&proxy, &china, "subjects=60").status(), 451);
    proxy.wait_records(2);
    let records = proxy.folder.path().join("records.jsonl");
    let pack = concat!(env!("CARGO_MANIFEST_DIR"), "/config/packs/us-28cfr202.toml");
    let stricter =
        std::fs::read_to_string(pack).unwrap().replacen("over = 100\n", "over = 50\n", 1);
    let draft = proxy.folder.path().join("draft.toml");
    std::fs::write(&draft, stricter).unwrap();
    let replay = |more: &[&str]| {
        let mut command = crate::support::program();
        command.arg("replay").arg(&records).arg("--config").arg(proxy.file()).args(more);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(replay(&[]).ends_with("2 decided again, 0 otherwise, 0 that cannot be\n"));
    let text = replay(&["--pack", draft.to_str().unwrap()]);
    assert!(text.contains("-> block by us-28cfr202/brokerage"), "{text}");
    assert!(text.ends_with("2 decided again, 1 otherwise, 0 that cannot be\n"), "{text}");
    let before = replay(&["--at", "2025-04-07T00:00:00Z"]);
    assert!(before.contains("-> allow"), "the pack was not in force yet: {before}");
}

/// Requests after each of which the next of 60 is over the threshold: something left.
#[test]
fn a_head_that_left_counts_whatever_comes_back() {
    let (state, drops) = (TempDir::new().unwrap(), |_: &mut crate::support::Wire| ());
    let origin = Origin::start("127.3.0.1", move |wire, received| {
        received.note(wire.request().unwrap());
        drops(wire);
    });
    let proxy = start(&state);
    let url = format!("{}/?genomes=ACGT", origin.url());
    assert_eq!(proxy.ask("GET", &url, &sale("subjects=60"), "").status(), 502);
    assert_eq!(proxy.ask("GET", &url, &sale("subjects=60"), "").status(), 451);
    assert_eq!(counted(&proxy.wait_records(2)[1]), (60, 120));
}

#[test]
fn an_empty_body_is_no_way_around_the_count() {
    let (state, china) = (TempDir::new().unwrap(), Origin::answering("127.3.0.1", ok("")));
    let proxy = start(&state);
    for status in [200, 451] {
        let mut client = proxy.client();
        let head = format!("{}Transfer-Encoding: chunked\r\n", sale("subjects=60"));
        client.send(request("POST", &format!("{}/?q=ACGT", china.url()), &head, ""));
        client.send("0\r\n\r\n");
        assert_eq!(client.response("POST").status(), status);
    }
}

#[test]
fn ids_do_not_hide_a_larger_number() {
    let (state, china) = (TempDir::new().unwrap(), Origin::answering("127.3.0.1", ok("")));
    let proxy = start(&state);
    assert_eq!(send(&proxy, &china, "subjects=5000;ids=\"a\"").status(), 451);
    assert_eq!(send(&proxy, &china, "ids=\"a\"").status(), 200);
}

#[test]
fn what_does_not_say_how_much_counts_as_one_at_least() {
    let (state, china) = (TempDir::new().unwrap(), Origin::answering("127.3.0.1", ok("")));
    let proxy = start(&state);
    assert_eq!(send(&proxy, &china, "subjects=100").status(), 200);
    assert_eq!(send(&proxy, &china, "linked").status(), 451);
    let record = proxy.wait_records(2).remove(1);
    assert_eq!(record["outcome"], "block", "a hundred and one at least: {record:#}");
}

#[test]
fn a_word_that_no_rule_knows_is_no_transaction() {
    let (state, china) = (TempDir::new().unwrap(), Origin::answering("127.3.0.1", ok("")));
    let proxy = start(&state);
    for word in ["Vendor", "vender"] {
        let fields = format!(
            "X-Data-Slice: omic.human.genome;of=US;subjects=101\r\nX-Data-Context: transaction={word}\r\n"
        );
        let answer = proxy.ask("POST", &format!("{}/", china.url()), &fields, "ACGT");
        assert_eq!(answer.status(), 451, "{word}");
    }
}

#[test]
fn a_tunnel_below_the_threshold_stands() {
    let (state, echo) = (TempDir::new().unwrap(), Origin::echo("127.3.0.1"));
    let proxy = start(&state);
    let (mut tunnel, answer) = proxy.connect(&echo.address.to_string(), &sale("subjects=2"));
    assert_eq!(answer.status(), 200);
    tunnel.send("ACGT");
    assert_eq!(tunnel.take(4), b"ACGT");
    drop(tunnel);
    assert_eq!(counted(&proxy.record()), (0, 2));
}

#[test]
fn whoever_may_not_declare_cannot_part_or_flood_what_a_route_says() {
    let (state, china) = (TempDir::new().unwrap(), Origin::answering("127.3.0.1", ok("")));
    let config = Config::new().law(state.path()).with(
        "[[route]]\nhosts = [\"127.3.0.1\"]\ntags = [\"id.contact\", \"id.government\"]\n\
         context = { transaction = \"data-brokerage\" }",
    );
    let proxy = Proxy::start(&config);
    proxy.rewrite(&config.text().replace("declares = true", ""));
    assert_eq!(proxy.ask_admin("POST", "/api/v1/reload").status(), 200);
    let many: Vec<_> = (0..70).map(|number| format!("j{number}")).collect();
    let flood = format!("X-Data-Class: {}\r\n", many.join(","));
    for (fields, status) in
        [("", 451), ("X-Data-Slice: id.contact, id.government\r\n", 451), (flood.as_str(), 400)]
    {
        let answer = proxy.ask("GET", &format!("{}/", china.url()), fields, "");
        assert_eq!(answer.status(), status, "{fields}");
    }
}

// === what a pack says of its counters ===

/// Counts health data that goes abroad, of which an exemption's is not counted.
const COUNTING: &str = "[pack]\nid = \"own\"\nversion = \"1\"\nauthority = \"Standard 7\"\n\
    as_of = 2099-01-01\neffective_from = 2020-01-01\n\
    [territory.abroad]\nall_except = [\"US\"]\n\
    [class.health]\ntags = [\"health\"]\nunit = \"subject\"\nover = 10\ncite = \"1\"\n\
    [class.photo]\ntags = [\"photo\"]\nunit = \"subject\"\nover = 10\ncite = \"2\"\n\
    [counter.year]\nclasses = [\"health\", \"photo\"]\nkeyed_by = [\"exporter\"]\n\
    window = { rolling_months = 12 }\nto = [\"abroad\"]\nskip_exempt = true\ncite = \"3\"\n\
    [[rule]]\nid = \"much\"\noutcome = \"block\"\nreason = \"too much\"\ncite = \"4\"\nalert = true\n\
    [rule.when]\nto = [\"abroad\"]\nbulk = { counter = \"year\", classes = [\"*\"] }\n\
    [[rule]]\nid = \"seen\"\noutcome = \"block\"\nreason = \"seen\"\ncite = \"5\"\n\
    [rule.when]\ntags = [\"photo\"]\nto = [\"abroad\"]\n\
    [[exemption]]\nid = \"trial\"\ncite = \"6\"\nlifts = [\"seen\"]\nstill = [\"record\"]\n";

fn counting(state: &TempDir) -> Proxy {
    Proxy::start(&Config::new().law(state.path()).pack(COUNTING).with(
        "[[grant]]\nexemption = \"own/trial\"\nreason = \"trial\"\napprover = \"counsel\"\n\
         approved = 2026-01-01\nexpires = 2099-01-01\nevidence = \"file 7\"\n\
         principals = [\"svc\"]",
    ))
}

fn post(proxy: &Proxy, origin: &Origin, slice: &str) -> u16 {
    let fields = format!("X-Data-Slice: {slice}\r\n");
    proxy.ask("POST", &format!("{}/", origin.url()), &fields, "a").status()
}

#[test]
fn a_counter_counts_only_where_its_pack_says() {
    let state = TempDir::new().unwrap();
    let (home, abroad) =
        (Origin::answering("127.1.0.1", ok("")), Origin::answering("127.2.0.1", ok("")));
    let proxy = counting(&state);
    // Who watches a counter sees a rise only from what was there before.
    let text = proxy.ask_admin("GET", "/metrics").text();
    let zero = |name: &str, of: &str| {
        let line = text.lines().find(|line| line.starts_with(name) && line.contains(of));
        assert!(line.is_some_and(|line| line.ends_with(" 0")), "{line:?} of {name} in\n{text}");
    };
    zero("egress_alerts_total{", "rule=\"much\"");
    zero("egress_decisions_total{", "verdict=\"block\"");
    assert_eq!(post(&proxy, &home, "health;subjects=50"), 200, "at home nothing is counted");
    assert_eq!(post(&proxy, &abroad, "health;subjects=10"), 200);
    assert_eq!(post(&proxy, &abroad, "health;subjects=1"), 451);
    let records = proxy.wait_records(3);
    let counts = |at: usize| records[at]["counts"].as_array().unwrap().len();
    assert_eq!((counts(0), counts(1), counts(2)), (0, 1, 1), "{records:#?}");
    assert_eq!(records[2]["counts"][0]["before"], 10);
    // Somebody is told at once.
    let told = proxy.metric("egress_alerts_total", "rule=\"much\"");
    assert!((told - 1.0).abs() < f64::EPSILON, "{told}");
}

#[test]
fn what_an_exemption_lets_out_is_not_counted_and_the_rest_is() {
    let (state, abroad) = (TempDir::new().unwrap(), Origin::answering("127.2.0.1", ok("")));
    let proxy = counting(&state);
    assert_eq!(post(&proxy, &abroad, "photo;subjects=8"), 200, "the exemption lifts the rule");
    assert_eq!(post(&proxy, &abroad, "photo;subjects=8"), 200, "nothing stands on the count");
    // A slice that no exemption let out counts, beside one that it did.
    assert_eq!(post(&proxy, &abroad, "photo;subjects=8, health;subjects=6"), 200);
    assert_eq!(post(&proxy, &abroad, "health;subjects=5"), 451, "6 and 5 are over 10");
    let records = proxy.wait_records(4);
    assert_eq!(records[0]["rules"][0]["lifted"], "own/trial", "{records:#?}");
    let last = &records[3]["counts"][0];
    assert_eq!((&last["before"], &last["after"]), (&6.into(), &11.into()), "{last:#}");
}
