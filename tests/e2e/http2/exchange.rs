//! What passes between a client of HTTP/2 and an origin of HTTP/1, and that each stream is a
//! request of its own.

use serde_json::Value;

use super::{Window, fields};
use crate::support::{
    Config, End, Frame, Frames, Message, Origin, Proxy, flag, kind, ok, wait_for,
};

const END: u8 = flag::END_STREAM;

fn start() -> (Proxy, Frames) {
    let proxy = Proxy::start(&Config::new());
    let client = Frames::client(proxy.client(), &[]);
    (proxy, client)
}

fn chunked(answer: &str) -> Origin {
    Origin::answering("127.0.0.1", answer)
}

#[test]
fn a_request_goes_on_as_http1_has_it() {
    let (proxy, mut client) = start();
    let origin = chunked(&ok("passed"));
    let extra = [("cookie", "a=1"), ("cookie", "b=2; c=3"), ("cookie", "d=4"), ("x-a", "ü")];
    client.send(&Frame::head(1, END, &fields(&origin, "GET", "/a?b", &extra)));
    let answer = client.answer(1);
    assert_eq!((answer.status(), answer.text().as_str(), answer.end), (200, "passed", End::Whole));
    assert!(answer.get("via").unwrap().starts_with("1.1 borderpost"), "{answer:?}");
    let head = origin.request(0).head;
    assert_eq!(head.line, "GET /a?b HTTP/1.1");
    assert_eq!(head.get("host"), Some(origin.address.to_string().as_str()));
    assert_eq!(head.get("cookie"), Some("a=1; b=2; c=3; d=4"));
    assert!(head.get("via").unwrap().starts_with("2 borderpost"), "{head:?}");
    assert_eq!((head.get("connection"), head.get("transfer-encoding")), (None, None));
    let record = proxy.record();
    assert_eq!((&record["path"], &record["status"]), (&"/a".into(), &200.into()));
}

#[test]
fn bodies_and_trailers_pass_both_ways() {
    let (_proxy, mut client) = start();
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n\
                  3\r\nabc\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\n";
    let origin = chunked(answer);
    let extra = [("te", "trailers"), ("trailer", "x-sum")];
    client.send(&Frame::head(1, 0, &fields(&origin, "POST", "/", &extra)));
    client.send(&Frame::data(1, 0, *b"wx"));
    client.send(&Frame::data(1, 0, *b""));
    client.send(&Frame::data(1, 0, *b"yz"));
    client.send(&Frame::head(1, END, &[("x-sum", "2"), ("host", "other.example")]));
    let answer = client.answer(1);
    assert_eq!((answer.text().as_str(), answer.end), ("abc", End::Whole));
    assert_eq!(answer.trailers, [("x-sum".to_owned(), "1".to_owned())]);
    let request = origin.request(0);
    assert_eq!((request.body.as_slice(), request.whole), (&b"wxyz"[..], true));
    assert_eq!(request.trailers, [("x-sum".to_owned(), "2".to_owned())]);
}

#[test]
fn answers_without_a_body_end_with_their_head() {
    let (_proxy, mut client) = start();
    let cases = [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Some("5")),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", None),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Some("5")),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Some("0")),
    ];
    for (number, (method, text, length)) in (0_u32..).zip(cases) {
        let (origin, stream) = (chunked(text), 2 * number + 1);
        client.send(&Frame::head(stream, END, &fields(&origin, method, "/", &[])));
        let head = client.find(|frame| frame.stream == stream).unwrap();
        assert!(head.kind == kind::HEADERS && head.has(END), "{text}: {head:?}");
        let told = head.fields.iter().find(|(name, _)| name == "content-length");
        assert_eq!(told.map(|(_, value)| value.as_str()), length, "{text}");
    }
}

#[test]
fn interim_answers_do_not_stand_in_for_the_final_one() {
    let (_proxy, mut client) = start();
    let origin = Origin::start("127.0.0.1", |wire, received| {
        let head = wire.head().unwrap();
        wire.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
        received.note(wire.request_body(head));
        wire.send(ok("passed"));
    });
    let extra = [("expect", "100-continue"), ("content-length", "3")];
    client.send(&Frame::head(1, 0, &fields(&origin, "POST", "/", &extra)));
    client.send(&Frame::data(1, END, *b"abc"));
    let answer = client.answer(1);
    assert_eq!((answer.status(), answer.text().as_str()), (200, "passed"));
    assert_eq!(origin.request(0).body, b"abc");
}

#[test]
fn one_body_passes_whole_through_every_window() {
    let (proxy, mut client) = start();
    let origin = Origin::http("127.0.0.1", |request: &Message| {
        [
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", request.body.len()).as_bytes(),
            &request.body,
        ]
        .concat()
    });
    let body: Vec<u8> = (0..=250).cycle().take(3_000_000).collect();
    client.send(&Frame::head(1, 0, &fields(&origin, "POST", "/", &[])));
    let mut window = Window::new();
    for piece in body.chunks(16 * 1024) {
        assert_eq!(window.take(&mut client, piece.len()), None);
        client.send(&Frame::data(1, 0, piece));
    }
    client.send(&Frame::data(1, END, *b""));
    let answer = client.answer(1);
    assert!(answer.body == body && answer.end == End::Whole, "{:?}", answer.end);
    let record = proxy.record();
    assert_eq!(
        (&record["bytes_out"], &record["bytes_in"]),
        (&body.len().into(), &body.len().into())
    );
}

#[test]
fn each_stream_is_decided_and_recorded_by_itself() {
    let proxy = Proxy::start(&Config::new().rules());
    let mut client = Frames::client(proxy.client(), &[]);
    let (home, abroad) = (chunked(&ok("passed")), Origin::answering("127.3.0.1", ok("abroad")));
    let tagged = [("x-data-class", "health")];
    for stream in [1, 5, 9] {
        client.send(&Frame::head(stream, END, &fields(&home, "GET", "/", &tagged)));
        client.send(&Frame::head(stream + 2, END, &fields(&abroad, "GET", "/", &tagged)));
    }
    for stream in [1, 5, 9] {
        assert_eq!(client.answer(stream).status(), 200);
        let refused = client.answer(stream + 2);
        assert_eq!((refused.status(), &refused.json()["code"]), (451, &"rule".into()));
    }
    assert_eq!((home.requests().len(), abroad.connections()), (3, 0));
    let records = proxy.wait_records(6);
    let blocked = records.iter().filter(|record| record["outcome"] == "block").count();
    assert_eq!(blocked, 3, "{records:#?}");
}

#[test]
fn a_stream_that_is_reset_is_recorded_once_and_ends_at_the_origin() {
    let (proxy, mut client) = start();
    let silent = Origin::start("127.0.0.1", |wire, received| {
        received.note(wire.request().unwrap());
        assert!(wire.has_ended());
    });
    client.send(&Frame::head(1, END, &fields(&silent, "GET", "/", &[])));
    silent.request(0);
    client.send(&Frame::reset(1, 8));
    let record = proxy.record();
    assert_eq!(record["error"]["code"], "client-closed", "{record:#}");
    assert_eq!(record["status"], Value::Null);
    wait_for("the end at the origin", || (silent.ended() == 1).then_some(()));
    let origin = chunked(&ok("passed"));
    client.send(&Frame::head(3, END, &fields(&origin, "GET", "/", &[])));
    assert_eq!(client.answer(3).text(), "passed");
    proxy.wait_records(2);
}

#[test]
fn an_upload_that_is_reset_never_arrives_as_whole() {
    let (proxy, mut client) = start();
    let origin = chunked(&ok("passed"));
    for (number, length) in [None, Some("9")].into_iter().enumerate() {
        let stream = u32::try_from(number).unwrap() * 2 + 1;
        let extra: Vec<_> = length.map(|length| ("content-length", length)).into_iter().collect();
        client.send(&Frame::head(stream, 0, &fields(&origin, "POST", "/", &extra)));
        client.send(&Frame::data(stream, 0, *b"abc"));
        wait_for("a connection", || (origin.connections() > number).then_some(()));
        client.send(&Frame::reset(stream, 8));
        wait_for("the end at the origin", || (origin.ended() > number).then_some(()));
    }
    assert!(origin.requests().iter().all(|request| !request.whole), "{:?}", origin.requests());
    let records = proxy.wait_records(2);
    assert!(records.iter().all(|r| !r["error"]["code"].is_null()), "{records:#?}");
}

#[test]
fn an_answer_that_breaks_off_resets_its_stream_alone() {
    let (proxy, mut client) = start();
    let length = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    for (stream, text) in [(1, length), (3, chunks)] {
        let origin = Origin::start("127.0.0.1", move |wire, received| {
            received.note(wire.request().unwrap());
            wire.send(text);
        });
        client.send(&Frame::head(stream, END, &fields(&origin, "GET", "/", &[])));
        let answer = client.answer(stream);
        assert!(matches!(answer.end, End::Reset(1..)), "{answer:?}");
    }
    let origin = chunked(&ok("passed"));
    client.send(&Frame::head(5, END, &fields(&origin, "GET", "/", &[])));
    assert_eq!(client.answer(5).text(), "passed");
    let records = proxy.wait_records(3);
    let cut = records.iter().filter(|record| record["error"]["code"] == "answer-cut").count();
    assert_eq!(cut, 2, "{records:#?}");
}
