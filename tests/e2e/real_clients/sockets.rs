//! WebSocket by real libraries, against a real server.

use serde_json::{Value, json};

use crate::support::Bench;

use super::{RULE, Server, bench, node, python, seen, url};

fn origin(bench: &Bench) -> Server {
    Server::start(bench, node(bench, "ws_origin.cjs"))
}

/// What the records say of conversations, of as many that ended with their second message, and of
/// one that was refused.
#[track_caller]
fn told(bench: &Bench, messages: &[u64], barred: usize) {
    let (_, inside) = bench.records_inside(messages.len() + barred + 1);
    let is_barred = |record: &Value| record["error"]["code"] == "message-barred";
    let (ended, mut inside): (Vec<_>, Vec<_>) = inside.into_iter().partition(is_barred);
    assert_eq!(ended.len(), barred, "{inside:#?}");
    for one in ended {
        let is = (&one["status"], &one["outcome"], &one["messages_out"], &one["tags"]);
        let expected = (&101.into(), &"block".into(), &1.into(), &json!(["financial.card"]));
        assert_eq!(is, expected, "{one:#}");
        assert!(one["found"][0]["layer"].as_str().unwrap().starts_with("message[1]"), "{one:#}");
    }
    inside.sort_by_key(|record| record["messages_out"].as_u64().unwrap_or(u64::MAX));
    let (refused, talks) = inside.split_last().unwrap();
    assert_eq!((&refused["status"], &refused["outcome"]), (&451.into(), &"block".into()));
    let counted: Vec<_> = talks.iter().map(|talk| talk["messages_out"].as_u64().unwrap()).collect();
    assert_eq!(counted, messages, "{talks:#?}");
    for talk in talks {
        let is = (&talk["scheme"], &talk["path"], &talk["error"]);
        assert_eq!(is, (&"https".into(), &"/chat".into(), &Value::Null), "{talk:#}");
    }
}

#[test]
fn node_ws() {
    let bench = bench();
    let server = origin(&bench);
    let seen = seen(node(&bench, "ws_inside.cjs").env("BENCH_URL", url(server.port)));
    for (kind, compressed) in [("plain", false), ("deflate", true)] {
        let expected = json!({
            "protocol": "chat", "compressed": compressed, "text": "words", "octets": true,
            "pong": "beat", "pieces": "in pieces", "closed": [4001, "bye"]
        });
        assert_eq!(seen[kind], expected, "{kind}");
    }
    let barred = json!(["a card of 4111 1111 1111 111", 1008, "barred"]);
    assert_eq!(seen["barred"], json!([barred, barred]));
    assert_eq!(seen["blocked"], json!([451, RULE]));
    told(&bench, &[3, 3], 2);
}

#[test]
fn python_aiohttp() {
    let bench = bench();
    let server = origin(&bench);
    let mut client = python(&bench, "aiohttp_inside.py");
    client
        .env("BENCH_PLAY", "sockets")
        .env("BENCH_URL", url(server.port))
        .env("HTTPS_PROXY", bench.proxy_url())
        .env("SSL_CERT_FILE", bench.roots());
    let expected = json!({
        "protocol": "chat", "compressed": true, "text": "words", "octets": true, "code": 1000,
        "blocked": 451
    });
    assert_eq!(seen(&mut client), expected);
    told(&bench, &[2], 0);
}

#[test]
fn over_http2() {
    let bench = bench();
    let server = origin(&bench);
    let seen = seen(python(&bench, "ws_over_h2.py").env("BENCH_URL", url(server.port)));
    let expected = json!({
        "enabled": 1, "status": "200", "protocol": "chat", "text": "words",
        "cookies": ["a=1; b=2"], "octets": true, "closed": [4001, "bye"], "ended": "StreamEnded",
        "barred": ["words", 1008, "barred", "StreamEnded"], "blocked": ["451", RULE]
    });
    assert_eq!(seen, expected);
    told(&bench, &[3], 1);
}
