//! Viewers see nobody, and learn of nobody by what they may ask.

use serde_json::{Value, json};

use crate::api::notes;
use crate::support::{Config, Message, Origin, Proxy, Wire, ok, wait_for};

use super::{bearer, guarded};

#[test]
fn viewers_see_nobody_and_who_sees_is_on_record() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let (config, [viewer, auditor, _]) = guarded("");
    let proxy = Proxy::start(&config);
    assert_eq!(proxy.get(&origin, "/secret-path").status(), 200);
    let ask = |path: &str, token: &str| {
        proxy.ask_admin_with("GET", &format!("/api/v1/{path}"), &bearer(token))
    };
    let page = wait_for("the index", || {
        let page = ask("decisions", &viewer).json();
        page["decisions"].get(0).is_some().then_some(page)
    });
    let row = &page["decisions"][0];
    assert_eq!((&row["client"], &page["masked"]), (&Value::Null, &json!(true)));
    let id = row["id"].as_str().unwrap();
    let one = ask(&format!("decisions/{id}"), &viewer).text();
    assert!(!one.contains("secret-path") && !one.contains("127.0.0.1"), "{one}");
    let lines = ask("decisions/export", &viewer).text();
    assert!(!lines.contains("secret-path") && lines.contains(id), "{lines}");
    for path in [
        "decisions?client=127.0.0.1",
        "top?by=client",
        "top?by=principal",
        "series?step=60&since=1h&client=x",
        "decisions/export?client=x",
        "decisions/stream?client=x",
    ] {
        let answer = ask(path, &viewer);
        assert_eq!(answer.status(), 403, "{path}: {}", answer.text());
    }
    let one = ask(&format!("decisions/{id}"), &auditor).json();
    assert!(one["record"]["path"].as_str().unwrap().contains("secret-path"));
    assert_eq!(ask("top?by=client", &auditor).json()["top"][0]["name"], "127.0.0.1");
    let notes = notes(&proxy);
    let read = &notes[0];
    assert_eq!(
        (&read["who"], &read["role"], &read["by"]),
        (&json!("auditor"), &json!("auditor"), &json!("token"))
    );
    assert_eq!(read["what"], format!("GET /api/v1/decisions/{id}"));
    assert!(notes.iter().all(|note| note["who"] == "auditor"), "{notes:?}");
}

/// What says why a request failed may quote it.
#[test]
fn viewers_are_told_no_words_of_a_client() {
    let (config, [viewer, auditor, _]) = guarded("");
    let proxy = Proxy::start(&config);
    assert_eq!(proxy.ask("GET", "http://a:x/jane.doe", "", "").status(), 400);
    let export = |token: &str| {
        let lines = proxy.ask_admin_with("GET", "/api/v1/decisions/export", &bearer(token)).text();
        serde_json::from_str::<Value>(&lines).ok()
    };
    let record = wait_for("the record", || export(&auditor));
    assert!(record["error"]["detail"].as_str().unwrap().contains("jane.doe"), "{record}");
    let masked = export(&viewer).unwrap();
    assert_eq!((&masked["error"]["detail"], &masked["id"]), (&Value::Null, &record["id"]));
    assert!(
        masked["error"]["code"].is_string() && !masked.to_string().contains("jane"),
        "{masked}"
    );
}

/// Rules that name somebody, and one that names nobody.
fn naming() -> (Config, [String; 3]) {
    let (config, tokens) = guarded("");
    let config = config
        .with("[[principal]]\nname = \"Jane.Doe@corp.example\"\nnetworks = [\"127.0.0.0/8\"]")
        .rule("jane-only", "log", "", "principals = [\"Jane.Doe@corp.example\"]")
        .rule("lab-only", "block", "", "clients = [\"192.0.2.0/24\"]\ntags = [\"health\"]")
        .rule("told", "log", "", "methods = [\"GET\"]");
    (config, tokens)
}

#[test]
fn viewers_learn_of_nobody_by_rules() {
    let (config, [viewer, auditor, _]) = naming();
    let proxy = Proxy::start(&config);
    let policy = |token: &str| proxy.ask_admin_with("GET", "/api/v1/policy", &bearer(token)).text();
    let test = |token: &str, body: &Value| -> Message {
        let (mut wire, body) = (Wire::connect(proxy.admin), body.to_string());
        let (host, fields, length) = (proxy.admin, bearer(token), body.len());
        wire.send(format!(
            "POST /api/v1/policy/test HTTP/1.1\r\nHost: {host}\r\n{fields}Content-Length: \
             {length}\r\n\r\n{body}"
        ));
        wire.response("POST")
    };
    let plain = json!({ "url": "http://127.1.0.1/", "tags": ["health"] });
    for text in [policy(&viewer), test(&viewer, &plain).text()] {
        assert!(!text.contains("Jane.Doe") && !text.contains("192.0.2.0"), "{text}");
        assert!(text.contains("client is one of 1 principals"), "{text}");
        assert!(text.contains("client in one of 1 networks"), "{text}");
    }
    assert!(policy(&auditor).contains("client is Jane.Doe@corp.example"));
    for (name, value) in [("client", "127.0.0.1"), ("principal", "Jane.Doe@corp.example")] {
        let mut asked = plain.clone();
        asked[name] = json!(value);
        let answer = test(&viewer, &asked);
        assert_eq!(answer.status(), 403, "{}", answer.text());
        assert!(answer.json()["detail"].as_str().unwrap().contains("needs the role auditor"));
        assert!(test(&auditor, &asked).text().contains("Jane.Doe"));
    }
}

/// What is wrong with a configuration is told by its lines, whoever they name.
#[test]
fn viewers_learn_of_nobody_by_a_reload_that_is_refused() {
    let (config, [viewer, auditor, admin]) = naming();
    let proxy = Proxy::start(&config);
    let line = "principals = [\"Jane.Doe@corp.example\"]";
    let text =
        config.text().replace(line, &format!("{line}\nprincipal = [\"Jane.Doe@corp.example\"]"));
    assert_ne!(text, config.text());
    proxy.rewrite(&text);
    let refused = proxy.ask_admin_with("POST", "/api/v1/reload", &bearer(&admin));
    assert_eq!(refused.status(), 422);
    assert!(refused.text().contains("Jane.Doe"), "who reloads sees it: {}", refused.text());
    for path in ["policy", "status"] {
        let last = |token: &str| {
            let answer = proxy.ask_admin_with("GET", &format!("/api/v1/{path}"), &bearer(token));
            answer.json()["reload"].to_string()
        };
        assert!(last(&auditor).contains("Jane.Doe"), "{path}: {}", last(&auditor));
        let masked = last(&viewer);
        assert!(!masked.contains("Jane") && masked.contains("\"ok\":false"), "{path}: {masked}");
        assert!(masked.contains("from the role auditor on"), "{path}: {masked}");
    }
}

#[test]
fn viewers_seek_nobody_by_rules() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let (config, [viewer, auditor, _]) = naming();
    let proxy = Proxy::start(&config);
    assert_eq!(proxy.get(&origin, "/").status(), 200);
    let ask = |path: &str, token: &str| {
        wait_for("the index", || {
            let answer = proxy.ask_admin_with("GET", &format!("/api/v1/{path}"), &bearer(token));
            Some(answer).filter(|answer| answer.status() != 503)
        })
    };
    for path in [
        "decisions?rule=",
        "top?by=host&rule=",
        "series?step=60&since=1h&rule=",
        "decisions/export?rule=",
    ] {
        for (rule, status) in [("jane-only", 403), ("local/lab-only", 403), ("told", 200)] {
            let answer = ask(&format!("{path}{rule}"), &viewer);
            assert_eq!(answer.status(), status, "{path}{rule}: {}", answer.text());
        }
    }
    assert_eq!(ask("decisions/stream?rule=jane-only", &viewer).status(), 403);
    assert_eq!(ask("decisions?rule=jane-only", &auditor).status(), 200);
}
