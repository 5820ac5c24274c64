//! What is allowed, logged and blocked, and what the client is told of it.

use serde_json::json;

use crate::support::{Config, Origin, Proxy, ok};

const HEALTH: &str = "X-Data-Class: health\r\n";

fn start() -> Proxy {
    Proxy::start(&Config::new().rules())
}

fn origin(ip: &str) -> Origin {
    Origin::answering(ip, ok("reached"))
}

#[test]
fn the_shipped_rules_place_by_place() {
    let proxy = start();
    let cases = [
        ("127.1.0.1", "", 200, "allow", None),
        ("127.3.0.1", "", 200, "allow", None),
        ("127.1.0.1", HEALTH, 200, "allow", None),
        ("127.2.0.1", HEALTH, 200, "log", Some("tagged-abroad")),
        ("127.3.0.1", HEALTH, 451, "block", Some("us-country-of-concern")),
        ("127.4.0.1", HEALTH, 451, "block", Some("us-country-of-concern")),
        (
            "127.3.0.1",
            "baggage: data-class=omic.human\r\n",
            451,
            "block",
            Some("us-country-of-concern"),
        ),
        (
            "127.3.0.1",
            "x-amz-tagging: data-class=x\r\n",
            451,
            "block",
            Some("us-country-of-concern"),
        ),
        ("127.5.0.1", "", 200, "allow", None),
        ("127.5.0.1", HEALTH, 403, "block", Some("unknown-location")),
    ];
    for (index, (ip, fields, status, outcome, rule)) in cases.into_iter().enumerate() {
        let origin = origin(ip);
        let answer = proxy.ask("POST", &format!("{}/", origin.url()), fields, "body");
        let shown = format!("{ip} {fields:?}");
        assert_eq!(answer.status(), status, "{shown}");
        let record = proxy.wait_records(index + 1).pop().unwrap();
        assert_eq!(
            (&record["outcome"], &record["status"]),
            (&outcome.into(), &status.into()),
            "{shown}"
        );
        assert_eq!(record["rules"][0]["rule"].as_str(), rule, "{shown}");
        assert_eq!(record["address"], origin.address.to_string());
        assert_eq!(origin.connections(), usize::from(status == 200), "{shown}");
        assert_eq!(record["bytes_out"], if status == 200 { 4 } else { 0 });
    }
}

#[test]
fn a_refusal_tells_who_why_and_what_helps() {
    let (proxy, origin) = (start(), origin("127.3.0.1"));
    let answer = proxy.ask("POST", &format!("{}/path?secret=1", origin.url()), HEALTH, "x");
    assert_eq!(answer.status(), 451);
    assert_eq!(answer.head.get("content-type"), Some("application/problem+json"));
    assert_eq!(answer.head.get("cache-control"), Some("no-store"));
    let status = answer.head.get("proxy-status").unwrap();
    assert!(status.starts_with("borderpost; error=http_request_denied; details=\""), "{status}");
    let problem = answer.json();
    let record = proxy.record();
    assert_eq!(answer.head.get("x-borderpost-decision"), record["id"].as_str());
    assert_eq!(problem["decision"], record["id"]);
    assert_eq!(problem["instance"], format!("urn:uuid:{}", record["id"].as_str().unwrap()));
    for (key, value) in [
        ("type", json!("about:blank")),
        ("title", json!("Refused by the data-egress policy")),
        ("status", json!(451)),
        ("fault", json!("policy")),
        ("code", json!("rule")),
        ("rule", json!("us-country-of-concern")),
        ("pack", json!("default")),
        ("cite", json!("28 CFR 202.601")),
        ("destination", json!(origin.address.to_string())),
        ("tags", json!(["health"])),
    ] {
        assert_eq!(problem[key], value, "{key}");
    }
    assert_eq!(problem["location"]["countries"], json!(["CN"]));
    assert_eq!(problem["location"]["state"], "overridden");
    assert!(
        problem["explain"]
            .as_str()
            .unwrap()
            .starts_with("borderpost explain --config FILE --url http://127.3.0.1:")
    );
    assert!(!problem["remedy"].as_str().unwrap().is_empty());
    assert!(!answer.text().contains("secret"));
}

#[test]
fn a_browser_gets_a_page() {
    let (proxy, origin) = (start(), origin("127.3.0.1"));
    let fields = format!("{HEALTH}Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n");
    let answer = proxy.ask("GET", &format!("{}/", origin.url()), &fields, "");
    assert_eq!(answer.status(), 451);
    assert_eq!(answer.head.get("content-type"), Some("text/html; charset=utf-8"));
    let page = answer.text();
    for word in ["<dt>Rule</dt>", "us-country-of-concern", "28 CFR 202.601", "health", "CN"] {
        assert!(page.contains(word), "{word} in\n{page}");
    }
    assert!(page.contains(proxy.record()["id"].as_str().unwrap()));
    let command = format!("<dd>borderpost explain --config FILE --url {}/ ", origin.url());
    assert!(page.contains(&command), "{page}");
}

/// Where a journal is kept, the command of a refusal finds the very decision: no option has to be
/// guessed, and nothing of the configuration is told to strangers.
#[test]
fn a_refusal_is_explained_by_its_id() {
    let origin = origin("127.3.0.1");
    let config = Config::new().rule("mine", "block", "cite = \"Handbook 4\"", "to = [\"CN\"]");
    let proxy = Proxy::start(&config.with("[state]\nfolder = \"state\""));
    let fields = "X-Data-Slice: omic.human.genome;of=US;subjects=2\r\n";
    let answer = proxy.ask("POST", &format!("{}/", origin.url()), fields, "x");
    assert_eq!(answer.status(), 451, "{}", answer.text());
    let problem = answer.json();
    let id = problem["decision"].as_str().unwrap();
    let command = problem["explain"].as_str().unwrap();
    assert_eq!(command, format!("borderpost explain --id {id}"));
    let accept = "Accept: text/html\r\n";
    let page = proxy.ask("GET", &format!("{}/", origin.url()), accept, "").text();
    assert!(page.contains("<dd>borderpost explain --id "), "{page}");
    proxy.wait_records(2);
    let explain = |more: &[&str]| {
        let mut explain = crate::support::program();
        explain.args(command.split(' ').skip(1)).args(more);
        explain.args(["--admin", &proxy.admin.to_string()]).output().unwrap()
    };
    let told = String::from_utf8(explain(&[]).stdout).unwrap();
    assert!(told.starts_with("block: local/mine\n"), "{told}");
    for line in [
        "  request    POST 127.3.0.1\n",
        " -> overridden: CN\n",
        "rule local/mine [block]: yes\n",
        "  because  because of mine [Handbook 4]\n",
        "what would change the answer:\n",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    let told: serde_json::Value = serde_json::from_slice(&explain(&["--json"]).stdout).unwrap();
    assert_eq!(told["record"]["id"], id);
    let mixed = explain(&["--url", "http://a.example/"]);
    assert_eq!(mixed.status.code(), Some(64), "one or the other");
    for (id, code, why) in [
        ("00000000-0000-7000-8000-000000000000", 1, "no record has the id"),
        ("../policy", 64, "is no id of a decision"),
    ] {
        let mut explain = crate::support::program();
        let admin = proxy.admin.to_string();
        let output = explain.args(["explain", "--id", id, "--admin", &admin]).output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn what_a_client_declares_is_escaped_in_the_page() {
    let (proxy, origin) = (start(), origin("127.3.0.1"));
    let fields = "X-Data-Class: <script>alert(1)</script>\r\nAccept: text/html\r\n";
    let answer = proxy.ask("GET", &format!("{}/", origin.url()), fields, "");
    assert_eq!(answer.status(), 451, "what is no tag is tagged all the same");
    assert!(!answer.text().contains("<script>alert"), "{}", answer.text());
}

#[test]
fn an_answer_to_head_has_no_body() {
    let (proxy, origin) = (start(), origin("127.3.0.1"));
    let mut client = proxy.client();
    client.send(crate::support::request("HEAD", &format!("{}/", origin.url()), HEALTH, ""));
    assert_eq!(client.response("HEAD").status(), 451);
    client.end();
    assert!(client.has_ended());
}

#[test]
fn a_rule_without_citation_answers_403() {
    let config = Config::new()
        .rule("no-mail", "block", "", "hosts = [\"*.mail.example\"]\nmethods = [\"POST\"]")
        .name("a.mail.example", &["127.1.0.1"]);
    let (proxy, origin) = (Proxy::start(&config), origin("127.1.0.1"));
    let url = format!("http://a.mail.example:{}/", origin.address.port());
    let answer = proxy.ask("POST", &url, "", "x");
    assert_eq!(answer.status(), 403);
    assert_eq!(answer.json()["detail"], "because of no-mail");
    assert_eq!(answer.json().get("cite"), None);
    assert_eq!(proxy.ask("GET", &url, "", "").status(), 200);
    let records = proxy.wait_records(2);
    assert_eq!(records[0]["rules"][0]["rule"], "no-mail");
    // Refused by its name alone; where it would have gone is known without asking anybody.
    assert_eq!(records[0]["address"], origin.address.to_string());
}

#[test]
fn observed_rules_are_recorded_and_do_nothing() {
    let whole = Config::new().rules().policy("mode = \"observe\"");
    let one = Config::new().rule(
        "watch",
        "block",
        "mode = \"observe\"\ncite = \"Book 1\"",
        "to = [\"CN\"]",
    );
    for (config, rule) in [(whole, "us-country-of-concern"), (one, "watch")] {
        let (proxy, origin) = (Proxy::start(&config), origin("127.3.0.1"));
        let answer = proxy.ask("GET", &format!("{}/", origin.url()), HEALTH, "");
        assert_eq!(answer.status(), 200);
        let record = proxy.record();
        assert_eq!((&record["outcome"], &record["mode"]), (&"allow".into(), &"observe".into()));
        let first = &record["rules"][0];
        assert_eq!(
            (&first["rule"], &first["outcome"], &first["mode"]),
            (&rule.into(), &"block".into(), &"observe".into())
        );
        assert!(record["cite"].is_null());
    }
}

#[test]
fn where_nobody_knows_counts_as_restricted_unless_the_policy_says_otherwise() {
    let rule = |policy: &str| {
        Config::new().policy(policy).rule("cn", "block", "", "tags = [\"*\"]\nto = [\"CN\"]")
    };
    let origin = origin("127.5.0.1");
    let url = format!("{}/", origin.url());
    let proxy = Proxy::start(&rule(""));
    let answer = proxy.ask("GET", &url, HEALTH, "");
    assert_eq!(answer.status(), 403);
    assert!(answer.json()["detail"].as_str().unwrap().contains("unknown"));
    assert_eq!(proxy.record()["rules"][0]["presumed"], true);
    assert_eq!(proxy.ask("GET", &url, "", "").status(), 200);
    let proxy = Proxy::start(&rule("unknown_location = \"ignored\""));
    assert_eq!(proxy.ask("GET", &url, HEALTH, "").status(), 200);
}

#[test]
fn a_refusing_default_makes_rules_a_list_of_what_may_go() {
    let config =
        Config::new().policy("default = \"block\"").rule("us", "allow", "", "to = [\"US\"]");
    let proxy = Proxy::start(&config);
    let (home, abroad, nowhere) = (origin("127.1.0.1"), origin("127.2.0.1"), origin("127.5.0.1"));
    assert_eq!(proxy.get(&home, "/").status(), 200);
    for refused in [abroad, nowhere] {
        let answer = proxy.get(&refused, "/");
        assert_eq!((answer.status(), answer.json()["code"].as_str()), (403, Some("default")));
        assert_eq!(refused.connections(), 0);
    }
    let outcomes: Vec<_> = proxy.wait_records(3).iter().map(|r| r["outcome"].clone()).collect();
    assert_eq!(outcomes, ["allow", "block", "block"]);
}

#[test]
fn principals_and_clients_are_told_by_network() {
    let config = Config::new()
        .rule("etl", "block", "", "principals = [\"svc-etl\"]\nmethods = [\"PUT\"]")
        .with("[[principal]]\nname = \"svc-etl\"\nnetworks = [\"127.0.0.0/8\"]");
    let (proxy, origin) = (Proxy::start(&config), origin("127.1.0.1"));
    let url = format!("{}/", origin.url());
    assert_eq!(proxy.ask("PUT", &url, "", "x").status(), 403);
    assert_eq!(proxy.ask("GET", &url, "", "").status(), 200);
    assert!(proxy.wait_records(2).iter().all(|record| record["principal"] == "svc-etl"));
}

#[test]
fn a_correction_of_a_host_comes_before_all_else() {
    let config = Config::new()
        .rules()
        .name("cloud.partner.example", &["127.1.0.1"])
        .with("[[geo.overlay]]\nhost = \"*.partner.example\"\ncountry = \"CN\"\nreason = \"seat\"");
    let (proxy, origin) = (Proxy::start(&config), origin("127.1.0.1"));
    let url = format!("http://cloud.partner.example:{}/", origin.address.port());
    assert_eq!(proxy.ask("GET", &url, HEALTH, "").status(), 451);
    assert_eq!(proxy.record()["location"]["correction"], "seat");
}

#[test]
fn each_database_is_heard_and_one_is_enough_to_refuse() {
    // Refused by rule before any dial: nothing is sent to these public addresses.
    let config = Config::new().rules().databases();
    let config = config.rule("stop", "block", "", "networks = [\"114.0.0.0/8\"]");
    let proxy = Proxy::start(&config);
    for (address, rule, state) in [
        ("114.114.114.114", "us-country-of-concern", "agreed"),
        ("[::ffff:114.114.114.114]", "us-country-of-concern", "agreed"),
        ("1920103026", "us-country-of-concern", "agreed"),
    ] {
        let answer = proxy.ask("GET", &format!("http://{address}/"), HEALTH, "");
        assert_eq!(answer.status(), 451, "{address}: {}", answer.text());
        let problem = answer.json();
        assert_eq!(
            (&problem["rule"], &problem["location"]["state"]),
            (&rule.into(), &state.into())
        );
        let databases = problem["location"]["databases"].as_array().unwrap();
        assert_eq!(databases.len(), 2);
        assert!(databases.iter().all(|db| db["country"] == "CN" && db["build"].is_string()));
    }
    let record = proxy.wait_records(3).remove(0);
    assert_eq!(record["location"]["databases"], json!({"dbip": "CN", "ipfire": "CN"}));
}

#[test]
fn r0001_a_short_file_keeps_the_shipped_rules_databases_and_carriers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("short.toml");
    std::fs::write(&file, "[proxy]\nlisten = \"127.0.0.1:0\"\n").unwrap();
    let mut explain = crate::support::program();
    explain.args(["explain", "--url", "http://114.114.114.114/", "--tag", "health", "--config"]);
    let printed = String::from_utf8(explain.arg(&file).output().unwrap().stdout).unwrap();
    assert!(printed.starts_with("block: default/us-country-of-concern"), "{printed}");
}
