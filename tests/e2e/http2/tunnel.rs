//! CONNECT over a stream of HTTP/2 (RFC 9113 section 8.5), and WebSocket (RFC 8441).

use crate::support::{Answer, Config, End, Frame, Frames, Origin, Proxy, flag, kind, ok, wait_for};

fn start() -> (Proxy, Frames) {
    let proxy = Proxy::start(&Config::new());
    let client = Frames::client(proxy.client(), &[]);
    (proxy, client)
}

/// Asks for a tunnel, and reads the head of the answer.
fn connect(client: &mut Frames, stream: u32, origin: &Origin) -> Frame {
    let target = origin.address.to_string();
    let fields = [(":method", "CONNECT"), (":authority", target.as_str())];
    client.send(&Frame::head(stream, 0, &fields));
    client.find(|frame| frame.kind == kind::HEADERS && frame.stream == stream).unwrap()
}

/// Reads exactly so many bytes of a tunnel.
fn take(client: &mut Frames, stream: u32, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        let frame = client.find(|frame| frame.stream == stream && frame.kind == kind::DATA);
        bytes.extend(frame.expect("bytes of the tunnel").payload);
    }
    bytes
}

#[test]
fn bytes_pass_both_ways_and_are_counted() {
    let (proxy, mut client) = start();
    let origin = Origin::echo("127.0.0.1");
    let head = connect(&mut client, 1, &origin);
    assert_eq!(head.fields[0], (":status".to_owned(), "200".to_owned()));
    assert!(head.fields.iter().all(|(name, _)| name != "content-length"), "{head:?}");
    for text in ["hello", "\0\u{1}binary\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"] {
        client.send(&Frame::data(1, 0, text));
        assert_eq!(take(&mut client, 1, text.len()), text.as_bytes());
    }
    // Another beside it, and a request.
    connect(&mut client, 3, &origin);
    client.send(&Frame::data(3, 0, "beside"));
    assert_eq!(take(&mut client, 3, 6), b"beside");
    client.send(&Frame::data(1, flag::END_STREAM, "last"));
    let rest = client.answer(1);
    assert_eq!((rest.body.as_slice(), rest.end), (&b"last"[..], End::Whole));
    let record = proxy.record();
    let sent = 5 + 12 + 18 + 4;
    assert_eq!(
        (&record["bytes_out"], &record["bytes_in"]),
        (&sent.into(), &sent.into()),
        "{record:#}"
    );
    assert!(record["error"].is_null(), "{record:#}");
    client.send(&Frame::data(3, flag::END_STREAM, ""));
    assert_eq!(client.answer(3).end, End::Whole);
    proxy.wait_records(2);
}

#[test]
fn many_bytes_pass_through_small_windows() {
    let (proxy, mut client) = start();
    let origin = Origin::start("127.0.0.1", |wire, _| {
        drop(wire.take(4));
        wire.send(vec![b'x'; 1_000_000]);
        wire.end();
        drop(wire.rest());
    });
    connect(&mut client, 1, &origin);
    client.send(&Frame::data(1, 0, "more"));
    let answer = client.answer(1);
    assert_eq!((answer.body.len(), answer.end), (1_000_000, End::Whole));
    client.send(&Frame::data(1, flag::END_STREAM, ""));
    assert_eq!(proxy.record()["bytes_in"], 1_000_000);
}

#[test]
fn either_side_may_end_first() {
    let (proxy, mut client) = start();
    let origin = Origin::start("127.0.0.1", |wire, received| {
        received.note_bytes(&wire.rest());
        wire.send("the answer to all of it");
    });
    connect(&mut client, 1, &origin);
    client.send(&Frame::data(1, flag::END_STREAM, "question"));
    let answer = client.answer(1);
    assert_eq!((answer.text().as_str(), answer.end), ("the answer to all of it", End::Whole));
    assert_eq!(origin.bytes(), b"question");
    let origin = Origin::start("127.0.0.1", |wire, received| {
        wire.send("greeting");
        wire.end();
        received.note_bytes(&wire.rest());
    });
    connect(&mut client, 3, &origin);
    let answer = client.answer(3);
    assert_eq!((answer.text().as_str(), answer.end), ("greeting", End::Whole));
    client.send(&Frame::data(3, flag::END_STREAM, "still listening?"));
    let records = proxy.wait_records(2);
    assert_eq!(origin.bytes(), b"still listening?");
    assert!(records.iter().all(|record| record["error"].is_null()), "{records:#?}");
}

#[test]
fn a_reset_ends_the_other_side() {
    let (proxy, mut client) = start();
    let origin = Origin::echo("127.0.0.1");
    for (stream, code) in [(1, 8), (3, 2)] {
        connect(&mut client, stream, &origin);
        client.send(&Frame::data(stream, 0, "abc"));
        assert_eq!(take(&mut client, stream, 3), b"abc");
        client.send(&Frame::reset(stream, code));
        let ended = usize::try_from(stream.div_ceil(2)).unwrap();
        wait_for("the end at the origin", || (origin.ended() == ended).then_some(()));
    }
    let records = proxy.wait_records(2);
    for record in &records {
        assert_eq!(record["error"]["code"], "tunnel-client", "{record:#}");
    }
}

#[test]
fn an_origin_that_breaks_off_resets_the_stream() {
    let (proxy, mut client) = start();
    let origin = Origin::start("127.0.0.1", |wire, _| {
        wire.send("abc");
        // What it has not read makes the end a reset.
        wire.stream.peek(&mut [0]).unwrap();
    });
    connect(&mut client, 1, &origin);
    client.send(&Frame::data(1, 0, "unread"));
    let answer = client.answer(1);
    assert!(matches!(answer.end, End::Reset(1..)), "{answer:?}");
    let record = proxy.record();
    assert_eq!(record["error"]["code"], "tunnel-upstream", "{record:#}");
}

#[test]
fn a_tunnel_that_is_refused_says_why() {
    let proxy = Proxy::start(&Config::new().rule("none", "block", "", "hosts = [\"127.0.0.1\"]"));
    let mut client = Frames::client(proxy.client(), &[]);
    let origin = Origin::echo("127.0.0.1");
    let target = origin.address.to_string();
    let fields = [(":method", "CONNECT"), (":authority", target.as_str())];
    client.send(&Frame::head(1, 0, &fields));
    let answer = client.answer(1);
    assert_eq!((answer.status(), &answer.json()["code"]), (403, &"rule".into()));
    assert_eq!(origin.connections(), 0);
    assert_eq!(proxy.record()["outcome"], "block");
}

/// The example of RFC 6455 section 5.7: `Hello` from a client, and from a server.
const MASKED: &[u8] = &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
const PLAIN: &[u8] = &[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];

fn websocket(client: &mut Frames, stream: u32, origin: &Origin) {
    let target = origin.address.to_string();
    let fields = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":authority", target.as_str()),
        (":path", "/chat"),
        ("sec-websocket-version", "13"),
    ];
    client.send(&Frame::head(stream, 0, &fields));
}

#[test]
fn websocket_passes_over_a_stream() {
    let (proxy, mut client) = start();
    let origin = Origin::start("127.0.0.1", |wire, received| {
        let request = wire.request().unwrap();
        let accept = super::accept(request.head.get("sec-websocket-key").unwrap());
        received.note(request);
        wire.send(format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        ));
        received.note_bytes(&wire.take(MASKED.len()));
        wire.send(PLAIN);
        drop(wire.rest());
    });
    websocket(&mut client, 1, &origin);
    let head = client.find(|frame| frame.kind == kind::HEADERS).unwrap();
    assert_eq!(head.fields[0], (":status".to_owned(), "200".to_owned()));
    assert!(!head.has(flag::END_STREAM));
    client.send(&Frame::data(1, 0, MASKED));
    assert_eq!(take(&mut client, 1, PLAIN.len()), PLAIN);
    client.send(&Frame::data(1, flag::END_STREAM, ""));
    let record = proxy.record();
    assert_eq!(
        (&record["messages_out"], &record["path"]),
        (&1.into(), &"/chat".into()),
        "{record:#}"
    );
    assert_eq!(origin.request(0).head.line, "GET /chat HTTP/1.1");
}

#[test]
fn websocket_that_the_origin_does_not_take_is_no_success() {
    let (proxy, mut client) = start();
    for (stream, text, status) in [
        (1, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno".to_owned(), 403),
        (3, ok("not a switch"), 502),
        (5, "HTTP/1.1 204 No Content\r\n\r\n".to_owned(), 502),
    ] {
        let origin = Origin::answering("127.0.0.1", text.clone());
        websocket(&mut client, stream, &origin);
        let answer: Answer = client.answer(stream);
        assert_eq!((answer.status(), answer.end), (status, End::Whole), "{text}: {answer:?}");
    }
    let codes: Vec<_> =
        proxy.wait_records(3).iter().map(|record| record["error"]["code"].clone()).collect();
    assert_eq!(codes[1..], ["answer-malformed", "answer-malformed"], "{codes:?}");
}
