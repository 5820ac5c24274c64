//! The order of words between client, proxy and origin: interim answers, bodies that wait
//! for one, and exchanges that break off on either side.

use std::net::Shutdown;
use std::sync::Mutex;
use std::sync::mpsc;

use crate::support::{Config, Message, Origin, Proxy, closed_port, ok, request, wait_for};

fn start() -> Proxy {
    Proxy::start(&Config::new())
}

const EXPECT: &str = "Content-Length: 4\r\nExpect: 100-continue\r\n";

#[test]
fn a_body_waits_for_the_origins_word() {
    let origin = Origin::start("127.0.0.1", |wire, received| {
        let head = wire.head().unwrap();
        assert_eq!(head.get("expect"), Some("100-continue"));
        wire.send("HTTP/1.1 100 Continue\r\n\r\n");
        received.note(wire.request_body(head));
        wire.send(ok("thanks"));
    });
    let proxy = start();
    let mut client = proxy.client();
    client.send(request("POST", &format!("{}/", origin.url()), EXPECT, ""));
    assert_eq!(client.head().unwrap().status(), 100);
    client.send("body");
    assert_eq!(client.response("POST").text(), "thanks");
    assert_eq!(origin.request(0).body, b"body");
}

#[test]
fn a_refused_expectation_keeps_the_body_back() {
    for (line, status) in [("417 Expectation Failed", 417), ("401 Unauthorized", 401)] {
        let refusal = format!("HTTP/1.1 {line}\r\nContent-Length: 2\r\n\r\nno");
        let origin = Origin::start("127.0.0.1", move |wire, received| {
            let head = wire.head().unwrap();
            received.note(Message { head, ..Message::default() });
            wire.send(&refusal);
            received.note_bytes(&wire.rest());
        });
        let proxy = start();
        let mut client = proxy.client();
        client.send(request("POST", &format!("{}/", origin.url()), EXPECT, ""));
        let answer = client.response("POST");
        assert_eq!((answer.status(), answer.text().as_str()), (status, "no"));
        // A client may send what it had begun; it must not travel on as a body or a request.
        drop(client.try_send("body"));
        drop(client);
        let record = proxy.record();
        assert_eq!((&record["bytes_out"], &record["status"]), (&0.into(), &status.into()));
        wait_for("the end of the connection", || (origin.ended() == 1).then_some(()));
        assert_eq!(origin.bytes(), b"");
    }
}

#[test]
fn a_policy_refusal_comes_before_any_100() {
    let origin = Origin::answering("127.3.0.1", ok(""));
    let proxy = Proxy::start(&Config::new().rules());
    let mut client = proxy.client();
    let fields = format!("X-Data-Class: health\r\n{EXPECT}");
    client.send(request("POST", &format!("{}/", origin.url()), &fields, ""));
    assert_eq!(client.head().unwrap().status(), 451);
    assert_eq!(proxy.record()["bytes_out"], 0);
    assert_eq!(origin.connections(), 0);
}

#[test]
fn early_hints_pass_before_the_answer_is_ready() {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let origin = Origin::start("127.0.0.1", move |wire, received| {
        received.note(wire.request().unwrap());
        wire.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n");
        wait.lock().unwrap().recv().unwrap();
        wire.send(ok("late"));
    });
    let proxy = start();
    let mut client = proxy.client();
    client.send(request("GET", &format!("{}/", origin.url()), "", ""));
    let hints = client.head().unwrap();
    assert_eq!(hints.status(), 103);
    assert_eq!(hints.get("link"), Some("</a.css>; rel=preload"));
    go.send(()).unwrap();
    assert_eq!(client.response("GET").text(), "late");
}

#[test]
fn an_old_client_is_spared_interim_answers() {
    let origin = Origin::answering(
        "127.0.0.1",
        format!("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n{}", ok("plain")),
    );
    let proxy = start();
    let mut client = proxy.client();
    client.send(format!("GET {}/ HTTP/1.0\r\n\r\n", origin.url()));
    let answer = client.response("GET");
    assert_eq!((answer.status(), answer.text().as_str()), (200, "plain"));
}

#[test]
fn an_answer_that_is_cut_never_looks_whole() {
    for head in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
        let body = if head.starts_with('T') { "5\r\nhello\r\n" } else { "hello" };
        let bytes = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}");
        let origin = Origin::start("127.0.0.1", move |wire, received| {
            received.note(wire.request().unwrap());
            wire.send(&bytes);
        });
        let proxy = start();
        let answer = proxy.get(&origin, "/");
        assert_eq!((answer.status(), answer.whole), (200, false), "{head}");
        let record = proxy.record();
        assert_eq!(record["error"]["code"], "answer-cut", "{head}");
        assert_eq!(
            (&record["error"]["fault"], &record["bytes_in"]),
            (&"upstream".into(), &5.into())
        );
    }
}

#[test]
fn an_origin_that_hangs_up_without_a_word_is_a_bad_gateway() {
    let origin = Origin::start("127.0.0.1", |wire, received| {
        received.note(wire.request().unwrap());
        wire.stream.shutdown(Shutdown::Both).unwrap();
    });
    let proxy = start();
    let answer = proxy.ask("POST", &format!("{}/", origin.url()), "", "once");
    assert_eq!(answer.status(), 502);
    assert_eq!(answer.json()["code"], "answer-cut");
    // A body that has left is not sent again.
    assert_eq!((origin.connections(), origin.requests().len()), (1, 1));
    assert_eq!(proxy.record()["error"]["code"], "answer-cut");
}

#[test]
fn answers_that_can_be_read_in_two_ways_are_not_passed_on() {
    for bytes in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 200 OK\r\nBad Name: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    ] {
        let (proxy, origin) = (start(), Origin::answering("127.0.0.1", bytes));
        let answer = proxy.get(&origin, "/");
        assert_eq!(answer.status(), 502, "{bytes:?}");
        assert_eq!(proxy.record()["error"]["code"], "answer-malformed", "{bytes:?}");
    }
}

#[test]
fn a_request_that_is_cut_reaches_no_origin_as_whole() {
    let origin = Origin::start("127.0.0.1", |wire, received| {
        if let Some(request) = wire.request() {
            received.note(request);
        }
    });
    for head in ["Content-Length: 100\r\n", "Transfer-Encoding: chunked\r\n"] {
        let proxy = start();
        let seen = origin.requests().len();
        let mut client = proxy.client();
        client.send(request("POST", &format!("{}/", origin.url()), head, ""));
        client.send(if head.starts_with('T') { "5\r\nhello\r\n" } else { "hello" });
        client.end();
        let record = proxy.record();
        assert_eq!(record["error"]["fault"], "client", "{record:#}");
        assert!(!origin.request(seen).whole, "{head}");
    }
}

#[test]
fn a_client_that_leaves_gives_the_origin_up() {
    let origin = Origin::start("127.0.0.1", |wire, received| {
        received.note(wire.request().unwrap());
        wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while wire.try_send("3\r\nabc\r\n").is_ok() {}
    });
    let proxy = start();
    let mut client = proxy.client();
    client.send(request("GET", &format!("{}/", origin.url()), "", ""));
    assert_eq!(client.head().unwrap().status(), 200);
    drop(client);
    wait_for("the end of the connection", || (origin.ended() == 1).then_some(()));
    assert_eq!(proxy.record()["error"]["code"], "client-closed");
}

#[test]
fn a_pooled_connection_that_the_origin_closed_costs_no_request() {
    let origin = Origin::start("127.0.0.1", |wire, received| {
        received.note(wire.request().unwrap());
        wire.send(ok("one each"));
    });
    let proxy = start();
    for count in 1..=5 {
        let answer = proxy.ask("POST", &format!("{}/", origin.url()), "", "body");
        assert_eq!((answer.status(), answer.text().as_str()), (200, "one each"), "request {count}");
        wait_for("the origin to hang up", || (origin.ended() == count).then_some(()));
    }
    assert_eq!(origin.requests().len(), 5);
}

#[test]
fn a_silent_origin_is_given_up_in_time() {
    let origin = Origin::start("127.0.0.1", |wire, received| {
        received.note(wire.request().unwrap());
        received.note_bytes(&wire.rest());
    });
    let proxy = Proxy::start(&Config::new().limit("response_timeout", "\"200ms\""));
    let answer = proxy.get(&origin, "/");
    assert_eq!((answer.status(), answer.json()["code"].as_str()), (504, Some("answer-timeout")));
    assert_eq!(proxy.record()["error"]["code"], "answer-timeout");
}

#[test]
fn an_answer_that_stalls_is_cut() {
    let (hold, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let origin = Origin::start("127.0.0.1", move |wire, received| {
        received.note(wire.request().unwrap());
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
        held.lock().unwrap().recv().unwrap_err();
    });
    let proxy = Proxy::start(&Config::new().limit("body_timeout", "\"200ms\""));
    assert!(!proxy.get(&origin, "/").whole);
    assert_eq!(proxy.record()["error"]["code"], "answer-stalled");
    drop(hold);
}

#[test]
fn a_closed_port_is_a_bad_gateway() {
    let proxy = start();
    let answer = proxy.ask("GET", &format!("http://{}/", closed_port("127.1.9.1")), "", "");
    assert_eq!((answer.status(), answer.json()["code"].as_str()), (502, Some("connect-refused")));
    assert!(answer.head.get("proxy-status").unwrap().contains("error=connection_refused"));
    assert_eq!(proxy.record()["error"]["fault"], "upstream");
}

#[test]
fn an_origin_that_answers_before_the_body_is_sent_is_heard() {
    let origin = Origin::start("127.0.0.1", |wire, received| {
        let head = wire.head().unwrap();
        received.note(Message { head, ..Message::default() });
        wire.send(
            "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig",
        );
        received.note_bytes(&wire.rest());
    });
    let proxy = start();
    let mut client = proxy.client();
    client.send(request("POST", &format!("{}/", origin.url()), "Content-Length: 10000000\r\n", ""));
    let answer = client.response("POST");
    assert_eq!((answer.status(), answer.text().as_str()), (413, "big"));
}

/// An origin that answers once on its first connection, and closes it on the second request.
fn forgetful() -> Origin {
    let first = Mutex::new(true);
    Origin::start("127.0.0.1", move |wire, received| {
        let first = std::mem::replace(&mut *first.lock().unwrap(), false);
        for number in 0.. {
            let Some(request) = wire.request() else { return };
            received.note(request);
            if first && number == 1 {
                return;
            }
            wire.send(ok("here"));
        }
    })
}

#[test]
fn r0005_a_pooled_connection_that_closes_does_not_fail_a_get() {
    let (origin, proxy) = (forgetful(), start());
    let mut client = proxy.client();
    for _ in 0..2 {
        client.send(request("GET", &format!("{}/", origin.url()), "", ""));
        assert_eq!(client.response("GET").text(), "here");
    }
    assert_eq!((origin.requests().len(), origin.connections()), (3, 2));
}

#[test]
fn r0005_what_may_not_be_repeated_is_sent_once() {
    for (method, body) in [("POST", ""), ("PUT", "ab")] {
        let (origin, proxy) = (forgetful(), start());
        let mut client = proxy.client();
        client.send(request("GET", &format!("{}/", origin.url()), "", ""));
        assert_eq!(client.response("GET").text(), "here");
        client.send(request(method, &format!("{}/", origin.url()), "", body));
        assert_eq!(client.response(method).status(), 502);
        assert_eq!((origin.requests().len(), origin.connections()), (2, 1));
    }
}
