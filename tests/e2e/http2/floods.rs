//! Clients of HTTP/2 that want to wear us out: each is ended, or waits for itself, and what it
//! can make the proxy hold is bounded.

use std::io::Write;
use std::net::Shutdown;
use std::sync::OnceLock;

use super::fields;
use crate::support::{
    Config, End, Frame, Frames, Message, Origin, Proxy, flag, kind, ok, program, wait_for,
};

const CALM: u32 = 11;

fn start() -> (Proxy, Frames) {
    let mut command = program();
    command.env("RUST_LOG", "info");
    let proxy = Proxy::start_by(&Config::new(), command);
    let client = Frames::client(proxy.client(), &[]);
    (proxy, client)
}

/// Sends the same over and over, at most so often, while somebody else reads; how it ended.
fn flood(mut client: Frames, frames: impl Fn(usize) -> Vec<u8> + Sync, times: usize) -> End {
    let mut out = client.stream().try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let gone = (0..times).any(|number| out.write_all(&frames(number)).is_err());
            if !gone {
                out.shutdown(Shutdown::Write).unwrap();
            }
        });
        client.farewell()
    })
}

/// Whether a flood was ended. What is sent on while the socket closes resets it, and a GOAWAY
/// that nobody has read yet may be lost with that (RFC 9113 section 6.8): the metric tells then.
fn calmed(end: End) -> bool {
    matches!(end, End::GoAway(CALM) | End::Silent)
}

/// The most memory that the program has held, without what it maps of its own file.
fn peak(proxy: &Proxy) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", proxy.id())).unwrap();
    let kib = |name: &str| -> usize {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (kib("VmHWM:") - kib("RssFile:")) * 1024
}

/// What the program holds anyway.
static IDLE: OnceLock<usize> = OnceLock::new();

/// No flood makes the program hold more than this beside that.
const BOUND: usize = 44 << 20;

pub(super) fn still_serves(proxy: &Proxy) {
    let origin = Origin::answering("127.0.0.1", ok("passed"));
    assert_eq!(proxy.get(&origin, "/").text(), "passed");
    is_bounded(proxy);
}

/// The one connection that was ended is told of, in the metric and in the log.
fn told_of(proxy: &Proxy) {
    told_of_as(proxy, "enhance-your-calm");
}

fn told_of_as(proxy: &Proxy, reason: &str) {
    let metric = "egress_client_protocol_errors_total";
    let calm = || proxy.metric(metric, &format!("reason=\"{reason}\""));
    wait_for("the flood in the metrics", || (calm() > 0.5).then_some(()));
    assert!((proxy.metric(metric, "") - 1.0).abs() < f64::EPSILON);
    wait_for("the flood in the log", || {
        let text = proxy.output();
        (text.matches("broke HTTP/2").count() == 1).then_some(())
    });
}

pub(super) fn is_bounded(proxy: &Proxy) {
    let peak = peak(proxy);
    let idle = *IDLE.get_or_init(|| self::peak(&Proxy::start(&Config::new())));
    assert!(peak < idle + BOUND, "{peak} bytes held, {idle} by one that does nothing");
}

#[test]
fn continuations_without_end() {
    let (proxy, mut client) = start();
    client.send(&Frame::new(kind::HEADERS, flag::END_STREAM, 1, *b"\x82"));
    let more = Frame::new(kind::CONTINUATION, 0, 1, *b"\x00\x01a\x01b").bytes().repeat(100);
    assert!(calmed(flood(client, |_| more.clone(), 10_000)));
    told_of(&proxy);
    still_serves(&proxy);
}

#[test]
fn streams_that_are_reset_at_once() {
    let (proxy, client) = start();
    let origin = Origin::start("127.0.0.1", |wire, _| drop(wire.rest()));
    let head = fields(&origin, "GET", "/", &[]);
    let pairs = |number: usize| {
        let first = u32::try_from(number).unwrap() * 200 + 1;
        let pair = |stream| {
            let end = Frame::reset(stream, 8).bytes();
            [Frame::head(stream, flag::END_STREAM, &head).bytes(), end].concat()
        };
        (first..first + 200).step_by(2).flat_map(pair).collect()
    };
    assert!(calmed(flood(client, pairs, 2_000)));
    let reached = proxy.records().len();
    assert!(reached < 5_000, "{reached} of 200,000 streams were taken");
    told_of(&proxy);
    still_serves(&proxy);
}

#[test]
fn streams_that_we_are_made_to_reset() {
    let (proxy, client) = start();
    let origin = Origin::start("127.0.0.1", |wire, _| drop(wire.rest()));
    let head = fields(&origin, "POST", "/", &[]);
    let faulty = |number: usize| {
        let stream = u32::try_from(number).unwrap() * 2 + 1;
        let opened = Frame::head(stream, 0, &head).bytes();
        let fault = Frame::new(kind::WINDOW_UPDATE, 0, stream, *b"\x7f\xff\xff\xff").bytes();
        [opened, fault].concat()
    };
    assert!(calmed(flood(client, faulty, 20_000)));
    let reached = origin.connections();
    assert!(reached < 1_000, "{reached} of 20,000 requests went on");
    told_of(&proxy);
    still_serves(&proxy);
}

#[test]
fn pings_and_settings() {
    let settings = Frame::new(kind::SETTINGS, 0, 0, *b"\0\x04\0\x01\0\0");
    let ping = Frame::new(kind::PING, 0, 0, *b"12345678");
    let priority = Frame::new(kind::PRIORITY, 0, 1, *b"\0\0\0\0\x10");
    for frame in [settings, ping, priority, Frame::new(0xee, 0, 0, *b"")] {
        let (proxy, client) = start();
        let many = frame.bytes().repeat(1_000);
        assert!(calmed(flood(client, |_| many.clone(), 5_000)), "{frame:?}");
        told_of(&proxy);
        still_serves(&proxy);
    }
}

#[test]
fn answers_to_pings_that_nobody_reads() {
    let proxy = Proxy::start(&Config::new());
    let client = Frames::client(proxy.client(), &[]);
    let mut out = client.stream();
    out.set_nonblocking(true).unwrap();
    let many = Frame::new(kind::PING, 0, 0, *b"12345678").bytes().repeat(1_000);
    let mut written = 0;
    // Until the proxy reads no more: it waits for us to read.
    while written < 256 << 20 {
        match out.write(&many) {
            Ok(count) => written += count,
            Err(_) => break,
        }
    }
    still_serves(&proxy);
}

#[test]
fn empty_pieces_of_a_body() {
    let (proxy, mut client) = start();
    let origin = Origin::start("127.0.0.1", |wire, _| drop(wire.rest()));
    client.send(&Frame::head(1, 0, &fields(&origin, "POST", "/", &[])));
    let empty = Frame::data(1, 0, *b"").bytes().repeat(1_000);
    assert!(calmed(flood(client, |_| empty.clone(), 10_000)));
    told_of(&proxy);
    still_serves(&proxy);
}

#[test]
fn a_head_that_is_too_large() {
    let (proxy, mut client) = start();
    let origin = Origin::answering("127.0.0.1", ok("passed"));
    let mut head = fields(&origin, "GET", "/", &[]);
    head.extend((0..10).map(|number| (format!("x-{number}"), "a".repeat(7_000))));
    let block = crate::support::block(&head);
    let (first, rest) = block.split_at(16_384);
    client.send(&Frame::new(kind::HEADERS, flag::END_STREAM, 1, first));
    let pieces: Vec<_> = rest.chunks(16_384).collect();
    for (number, piece) in pieces.iter().enumerate() {
        let last = if number + 1 == pieces.len() { flag::END_HEADERS } else { 0 };
        client.send(&Frame::new(kind::CONTINUATION, last, 1, *piece));
    }
    assert_eq!(client.answer(1).status(), 431);
    client.send(&Frame::head(3, flag::END_STREAM, &fields(&origin, "GET", "/", &[])));
    assert_eq!(client.answer(3).text(), "passed");
    assert_eq!(origin.requests().len(), 1);
    still_serves(&proxy);
}

#[test]
fn more_streams_than_allowed() {
    let (proxy, mut client) = start();
    let silent = Origin::start("127.0.0.1", |wire, received| {
        received.note(wire.request().unwrap());
        drop(wire.rest());
    });
    for number in 0..128 {
        client.send(&Frame::head(
            2 * number + 1,
            flag::END_STREAM,
            &fields(&silent, "GET", "/", &[]),
        ));
    }
    wait_for("all of them", || (silent.requests().len() == 128).then_some(()));
    client.send(&Frame::head(257, flag::END_STREAM, &fields(&silent, "GET", "/", &[])));
    assert_eq!(client.answer(257).end, End::Reset(7), "REFUSED_STREAM");
    client.send(&Frame::reset(1, 8));
    wait_for("room for one", || (silent.ended() == 1).then_some(()));
    let origin = Origin::answering("127.0.0.1", ok("passed"));
    client.send(&Frame::head(259, flag::END_STREAM, &fields(&origin, "GET", "/", &[])));
    assert_eq!(client.answer(259).text(), "passed");
    drop(client);
    proxy.wait_records(129);
}

#[test]
fn more_than_a_window_holds() {
    let (proxy, mut client) = start();
    let deaf = Origin::start("127.0.0.1", |wire, received| {
        let head = wire.head().unwrap();
        received.note(Message { head, ..Message::default() });
        std::thread::park();
    });
    client.send(&Frame::head(1, 0, &fields(&deaf, "POST", "/", &[])));
    deaf.request(0);
    // More than the windows and every socket on the way can take.
    let piece = Frame::data(1, 0, vec![b'x'; 16_384]).bytes();
    let end = flood(client, |_| piece.clone(), 10_000);
    assert!(matches!(end, End::GoAway(3) | End::Silent), "{end:?}");
    told_of_as(&proxy, "flow-control-error");
    still_serves(&proxy);
}
