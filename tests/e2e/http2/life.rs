//! How connections of HTTP/2 end: at rest, at the drain, and where the client does not go on.

use std::io::Write;

use super::{fields, floods};
use crate::support::{
    Config, End, Frame, Frames, Message, Origin, Proxy, flag, kind, ok, wait_for,
};

fn start(limits: &[(&str, &str)]) -> (Proxy, Frames) {
    let config = Config::new();
    let config = limits.iter().fold(config, |config, (key, value)| config.limit(key, value));
    let proxy = Proxy::start(&config);
    let client = Frames::client(proxy.client(), &[]);
    (proxy, client)
}

const FAST: &str = "\"200ms\"";

/// Reads one request and never answers it.
fn silent() -> Origin {
    Origin::start("127.0.0.1", |wire, received| {
        received.note(wire.request().unwrap());
        drop(wire.rest());
    })
}

#[test]
fn a_connection_at_rest_is_ended_kindly() {
    let (_proxy, mut client) = start(&[("idle_timeout", FAST)]);
    let origin = Origin::answering("127.0.0.1", ok("passed"));
    client.send(&Frame::head(1, flag::END_STREAM, &fields(&origin, "GET", "/", &[])));
    assert_eq!(client.answer(1).text(), "passed");
    // A client that answers what it is asked.
    let mut end = End::Silent;
    while let Some(frame) = client.next() {
        match frame.kind {
            kind::GOAWAY => end = End::GoAway(frame.number(4)),
            kind::PING if !frame.has(flag::ACK) => {
                client.try_send(Frame::new(kind::PING, flag::ACK, 0, frame.payload).bytes());
            }
            _ => {}
        }
    }
    assert_eq!(end, End::GoAway(0));
}

#[test]
fn a_preface_that_does_not_go_on_is_not_waited_for() {
    let proxy =
        Proxy::start(&Config::new().limit("idle_timeout", FAST).limit("body_timeout", FAST));
    let mut client = Frames::over(proxy.client());
    client.try_send(b"PRI * HTTP/2.0");
    assert!(client.next().is_none_or(|frame| frame.kind == kind::SETTINGS));
    client.farewell();
}

#[test]
fn a_tunnel_or_a_request_is_no_rest() {
    let (proxy, mut client) = start(&[("idle_timeout", FAST)]);
    let echo = Origin::echo("127.0.0.1");
    let target = echo.address.to_string();
    let connect = [(":method", "CONNECT"), (":authority", target.as_str())];
    client.send(&Frame::head(1, 0, &connect));
    let mut asked = 0;
    // Several limits pass: the proxy asks after each whether the client lives.
    while asked < 5 {
        let frame = client.next().expect("the connection stays");
        assert_ne!(frame.kind, kind::GOAWAY, "{frame:?}");
        if frame.kind == kind::PING {
            asked += 1;
            client.send(&Frame::new(kind::PING, flag::ACK, 0, frame.payload));
        }
    }
    client.send(&Frame::data(1, flag::END_STREAM, "last"));
    assert_eq!(client.answer(1).text(), "last");
    proxy.wait_records(1);
}

#[test]
fn a_body_that_does_not_go_on_is_not_waited_for() {
    let (proxy, mut client) = start(&[("body_timeout", FAST)]);
    let origin = Origin::answering("127.0.0.1", ok("passed"));
    client.send(&Frame::head(1, 0, &fields(&origin, "POST", "/", &[])));
    client.send(&Frame::data(1, 0, "abc"));
    let answer = client.answer(1);
    assert_eq!((answer.status(), &answer.json()["fault"]), (408, &"client".into()), "{answer:?}");
    let record = proxy.record();
    assert_eq!(record["error"]["code"], "body-timeout", "{record:#}");
    wait_for("the end at the origin", || (origin.ended() == 1).then_some(()));
    assert!(origin.requests().iter().all(|request| !request.whole));
    client.send(&Frame::head(3, flag::END_STREAM, &fields(&origin, "GET", "/", &[])));
    assert_eq!(client.answer(3).text(), "passed");
}

#[test]
fn an_answer_that_the_client_does_not_take_is_given_up() {
    let (proxy, mut client) = start(&[("body_timeout", FAST)]);
    let endless = Origin::start("127.0.0.1", |wire, received| {
        received.note(wire.request().unwrap());
        wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while wire.try_send("5\r\nhello\r\n".repeat(1000)).is_ok() {}
    });
    client.reads = false;
    client.send(&Frame::head(1, flag::END_STREAM, &fields(&endless, "GET", "/", &[])));
    let answer = client.answer(1);
    assert!(matches!(answer.end, End::Reset(1..)), "{:?}", answer.end);
    let record = proxy.record();
    assert_eq!(record["error"]["code"], "client-closed", "{record:#}");
    wait_for("the end at the origin", || (endless.ended() == 1).then_some(()));
    let origin = Origin::answering("127.0.0.1", ok(""));
    client.send(&Frame::head(3, flag::END_STREAM, &fields(&origin, "GET", "/", &[])));
    assert_eq!(client.answer(3).status(), 200, "other streams go on");
}

#[test]
fn what_clients_do_not_take_is_not_held() {
    let proxy = Proxy::start(&Config::new());
    let endless = Origin::start("127.0.0.1", |wire, received| {
        received.note(wire.request().unwrap());
        wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        let piece = format!("{:x}\r\n{}\r\n", 64 * 1024, "x".repeat(64 * 1024));
        while wire.try_send(&piece).is_ok() {}
    });
    // Windows of 2 GiB, on which nobody reads.
    let mut client = Frames::client(proxy.client(), &[(4, 0x7fff_ffff)]);
    let wide = Frame::new(kind::WINDOW_UPDATE, 0, 0, 0x7fff_0000_u32.to_be_bytes());
    client.send(&wide);
    for number in 0..100 {
        let head = fields(&endless, "GET", "/", &[]);
        client.send(&Frame::head(2 * number + 1, flag::END_STREAM, &head));
    }
    wait_for("all requests", || (endless.requests().len() == 100).then_some(()));
    floods::still_serves(&proxy);
}

#[test]
fn at_the_drain_streams_end_and_none_begins() {
    let (mut proxy, mut client) = start(&[]);
    let origin = Origin::start("127.0.0.1", |wire, received| {
        let head = wire.head().unwrap();
        received.note(Message { head: head.clone(), ..Message::default() });
        let request = wire.request_body(head);
        wire.send(ok(std::str::from_utf8(&request.body).unwrap()));
    });
    client.send(&Frame::head(1, 0, &fields(&origin, "POST", "/", &[])));
    client.send(&Frame::data(1, 0, "before "));
    origin.request(0);
    proxy.signal("TERM");
    let farewell = client.find(|frame| frame.kind == kind::GOAWAY).unwrap();
    assert_eq!(farewell.number(4), 0);
    client.send(&Frame::data(1, flag::END_STREAM, "and after"));
    let asked = client.find(|frame| frame.kind == kind::PING).unwrap();
    client.send(&Frame::new(kind::PING, flag::ACK, 0, asked.payload));
    let answer = client.answer(1);
    assert_eq!((answer.text().as_str(), answer.end), ("before and after", End::Whole));
    assert_eq!(client.farewell(), End::GoAway(0));
    assert!(proxy.ended().success());
    assert_eq!(proxy.records().len(), 1);
}

#[test]
fn what_is_cut_at_the_end_of_the_drain_is_recorded() {
    let (mut proxy, mut client) = start(&[("drain_timeout", FAST)]);
    let origin = silent();
    for stream in [1, 3, 5] {
        client.send(&Frame::head(stream, flag::END_STREAM, &fields(&origin, "GET", "/", &[])));
    }
    wait_for("three requests", || (origin.requests().len() == 3).then_some(()));
    proxy.signal("TERM");
    client.farewell();
    proxy.ended();
    let records = proxy.records();
    assert_eq!(records.len(), 3);
    assert!(records.iter().all(|record| record["error"]["code"] == "drained"), "{records:#?}");
}

#[test]
fn what_a_client_leaves_behind_is_recorded() {
    let (proxy, mut client) = start(&[]);
    let origin = silent();
    for stream in [1, 3, 5] {
        client.send(&Frame::head(stream, flag::END_STREAM, &fields(&origin, "GET", "/", &[])));
    }
    wait_for("three requests", || (origin.requests().len() == 3).then_some(()));
    client.stream().write_all(b"\0\0\0\x04\0\0\0\0\x01").unwrap();
    assert_eq!(client.farewell(), End::GoAway(1));
    let records = proxy.wait_records(3);
    assert!(records.iter().all(|r| r["error"]["code"] == "client-closed"), "{records:#?}");
    wait_for("the end at the origin", || (origin.ended() == 3).then_some(()));
}
