//! Destinations of HTTP/2 that do not do as they should: whatever breaks off never looks whole,
//! nothing goes out twice that may not, and nobody waits for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{Window, floods};
use crate::intercept::{Bench, HOST, always};
use crate::support::{
    Config, End, Frame, Frames, Origin, Secure, Wire, flag, kind, tls_client, wait_for,
};

/// The frames of one connection at an origin.
type Served = Frames<Secure>;

/// A proxy, and an origin that follows a script on each connection, which is counted from 0.
struct Stage {
    bench: Bench,
    origin: Origin,
}

/// A client inside an opened tunnel.
type Client = Frames<crate::support::SecureClient>;

impl Stage {
    fn new(
        settings: &'static [(u16, u32)],
        script: impl Fn(usize, &mut Served) + Send + Sync + 'static,
    ) -> Self {
        Self::with(|config| config, settings, script)
    }

    fn with(
        more: impl Fn(Config) -> Config,
        settings: &'static [(u16, u32)],
        script: impl Fn(usize, &mut Served) + Send + Sync + 'static,
    ) -> Self {
        let bench = Bench::new("127.1.0.1", |config| more(always(config)));
        let count = AtomicUsize::new(0);
        let origin = bench.identity.serve_frames("127.1.0.1", move |wire| {
            if let Some(mut frames) = Frames::server(wire, settings) {
                script(count.fetch_add(1, Ordering::SeqCst), &mut frames);
            }
        });
        Self { bench, origin }
    }

    fn authority(&self) -> String {
        format!("{HOST}:{}", self.origin.address.port())
    }

    fn client(&self) -> Client {
        let (tunnel, answer) = self.bench.proxy.connect(&self.authority(), "");
        assert_eq!(answer.status(), 200);
        let secure = tls_client(tunnel.stream, HOST, &self.bench.roots(), &["h2", "http/1.1"]);
        Frames::client(Wire::over(secure), &[])
    }

    fn fields(&self, method: &str) -> Vec<(String, String)> {
        let authority = self.authority();
        let fields =
            [(":method", method), (":scheme", "https"), (":authority", &authority), (":path", "/")];
        fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    fn ask(&self, client: &mut Client, stream: u32, method: &str) {
        client.send(&Frame::head(stream, flag::END_STREAM, &self.fields(method)));
    }
}

/// The next request's head.
fn request(origin: &mut Served) -> Option<Frame> {
    origin.find(|frame| frame.kind == kind::HEADERS)
}

fn answer(origin: &mut Served, stream: u32, text: &str) -> bool {
    let head = Frame::head(stream, 0, &[(":status", "200")]).bytes();
    origin.try_send([head, Frame::data(stream, flag::END_STREAM, text).bytes()].concat())
}

/// Answers everything.
fn serve(origin: &mut Served) {
    while let Some(head) = request(origin) {
        if !answer(origin, head.stream, "passed") {
            return;
        }
    }
}

fn goaway(last: u32, code: u32) -> Frame {
    let payload = [last.to_be_bytes(), code.to_be_bytes()].concat();
    Frame::new(kind::GOAWAY, 0, 0, payload)
}

fn code_of(answer: &crate::support::Answer) -> (u16, String) {
    (answer.status(), answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_stream_that_is_refused_is_asked_again_elsewhere() {
    // Never taken (RFC 9113 section 8.7): a POST without a body may go again, too.
    let stage = Stage::new(&[], |number, origin| {
        if number == 0 {
            let first = request(origin).unwrap();
            answer(origin, first.stream, "first");
            while let Some(head) = request(origin) {
                origin.send(&Frame::reset(head.stream, 7));
            }
        } else {
            serve(origin);
        }
    });
    let mut client = stage.client();
    stage.ask(&mut client, 1, "GET");
    assert_eq!(client.answer(1).text(), "first");
    stage.ask(&mut client, 3, "GET");
    assert_eq!(client.answer(3).text(), "passed");
    stage.bench.proxy.wait_records(2);
}

#[test]
fn a_stream_that_is_reset_is_not_asked_again_and_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let stage = Stage::new(&[], move |_, origin| {
        let mut first = true;
        while let Some(head) = request(origin) {
            if first {
                answer(origin, head.stream, "first");
            } else {
                counted.fetch_add(1, Ordering::SeqCst);
                origin.send(&Frame::reset(head.stream, 2));
            }
            first = false;
        }
    });
    let mut client = stage.client();
    stage.ask(&mut client, 1, "GET");
    assert_eq!(client.answer(1).text(), "first");
    for (stream, method) in [(3, "GET"), (5, "POST")] {
        stage.ask(&mut client, stream, method);
        assert_eq!(code_of(&client.answer(stream)), (502, "answer-cut".to_owned()));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2, "each once");
    stage.bench.proxy.wait_records(3);
}

#[test]
fn what_goaway_leaves_out_is_asked_again_if_it_may_be() {
    // The first connection answers one request, and leaves the next out.
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let stage = Stage::new(&[], move |number, origin| {
        if number % 2 == 1 {
            return serve(origin);
        }
        let first = request(origin).unwrap();
        answer(origin, first.stream, "first");
        if request(origin).is_some() {
            counted.fetch_add(1, Ordering::SeqCst);
            origin.send(&goaway(first.stream, 0));
            while origin.next().is_some() {}
        }
    });
    let mut client = stage.client();
    stage.ask(&mut client, 1, "GET");
    assert_eq!(client.answer(1).text(), "first");
    stage.ask(&mut client, 3, "GET");
    assert_eq!(client.answer(3).text(), "passed");
    assert_eq!((asked.load(Ordering::SeqCst), stage.origin.connections()), (1, 2));
}

#[test]
fn a_body_that_has_left_does_not_leave_twice() {
    let stage = Stage::new(&[], |_, origin| {
        let first = request(origin).unwrap();
        answer(origin, first.stream, "first");
        if let Some(head) = request(origin) {
            origin.find(|frame| frame.kind == kind::DATA && frame.stream == head.stream);
            origin.send(&goaway(first.stream, 0));
            while origin.next().is_some() {}
        }
    });
    let mut client = stage.client();
    stage.ask(&mut client, 1, "GET");
    assert_eq!(client.answer(1).text(), "first");
    client.send(&Frame::head(3, 0, &stage.fields("POST")));
    client.send(&Frame::data(3, flag::END_STREAM, "abc"));
    assert_eq!(code_of(&client.answer(3)), (502, "answer-cut".to_owned()));
    assert_eq!(stage.origin.connections(), 1);
    assert_eq!(stage.bench.proxy.wait_records(2)[1]["bytes_out"], 3);
}

#[test]
fn a_connection_that_was_closed_at_rest_is_replaced() {
    for farewell in [true, false] {
        let stage = Stage::new(&[], move |_, origin| {
            let first = request(origin).unwrap();
            answer(origin, first.stream, "one each");
            if farewell {
                origin.send(&goaway(first.stream, 0));
            }
            origin.hang_up();
        });
        let mut client = stage.client();
        for stream in [1, 3, 5] {
            stage.ask(&mut client, stream, "GET");
            assert_eq!(client.answer(stream).text(), "one each");
            let ended = usize::try_from(stream.div_ceil(2)).unwrap();
            wait_for("its end", || (stage.origin.ended() == ended).then_some(()));
        }
        assert_eq!(stage.origin.connections(), 3);
    }
}

#[test]
fn an_answer_that_is_reset_never_ends_well() {
    let stage = Stage::new(&[], |_, origin| {
        while let Some(head) = request(origin) {
            origin.send(&Frame::head(head.stream, 0, &[(":status", "200")]));
            origin.send(&Frame::data(head.stream, 0, "abc"));
            origin.send(&Frame::reset(head.stream, 2));
        }
    });
    let mut client = stage.client();
    for stream in [1, 3] {
        stage.ask(&mut client, stream, "GET");
        let answer = client.answer(stream);
        assert!(matches!(answer.end, End::Reset(1..)), "{answer:?}");
    }
    drop(client);
    let records = stage.bench.proxy.wait_records(3);
    let cut = records.iter().filter(|r| r["error"]["code"] == "answer-cut").count();
    assert_eq!(cut, 2, "{records:#?}");
}

#[test]
fn answers_that_are_none_are_told_as_such() {
    type Bad = (&'static str, fn(u32) -> Frame);
    const CASES: [Bad; 8] = [
        ("no :status", |stream| Frame::head(stream, 1, &[("x-a", "1")])),
        (":status twice", |stream| {
            Frame::head(stream, 1, &[(":status", "200"), (":status", "200")])
        }),
        (":status of words", |stream| Frame::head(stream, 1, &[(":status", "fine")])),
        ("upper case", |stream| Frame::head(stream, 1, &[(":status", "200"), ("X-A", "1")])),
        ("CR LF", |stream| Frame::head(stream, 1, &[(":status", "200"), ("x-a", "1\r\nx-b: 1")])),
        ("Connection", |stream| {
            Frame::head(stream, 1, &[(":status", "200"), ("connection", "close")])
        }),
        ("DATA first", |stream| Frame::data(stream, 0, "abc")),
        ("PUSH_PROMISE", |stream| {
            Frame::new(kind::PUSH_PROMISE, 4, stream, *b"\0\0\0\x02\x82\x87\x84")
        }),
    ];
    for (what, bad) in CASES {
        let stage = Stage::new(&[], move |_, origin| {
            while let Some(head) = request(origin) {
                origin.try_send(bad(head.stream).bytes());
            }
        });
        let mut client = stage.client();
        stage.ask(&mut client, 1, "GET");
        let answer = client.answer(1);
        assert_eq!(answer.status(), 502, "{what}");
        assert_eq!(answer.json()["code"], "answer-malformed", "{what}");
    }
}

#[test]
fn lengths_that_do_not_hold_never_end_well() {
    for (length, body) in [("4", "abc"), ("2", "abc")] {
        let stage = Stage::new(&[], move |_, origin| {
            while let Some(head) = request(origin) {
                let fields = [(":status", "200"), ("content-length", length)];
                origin.send(&Frame::head(head.stream, 0, &fields));
                origin.try_send(Frame::data(head.stream, flag::END_STREAM, body).bytes());
            }
        });
        let mut client = stage.client();
        stage.ask(&mut client, 1, "GET");
        let answer = client.answer(1);
        assert!(matches!(answer.end, End::Reset(1..)), "{length}: {answer:?}");
    }
}

#[test]
fn a_server_that_does_not_begin_is_told() {
    let bench = Bench::new("127.1.0.1", always);
    let origin = bench.identity.serve_frames("127.1.0.1", |mut wire| {
        wire.send("HTTP/1.1 400 Bad Request\r\n\r\n");
        drop(wire.rest());
    });
    let stage = Stage { bench, origin };
    let mut client = stage.client();
    stage.ask(&mut client, 1, "GET");
    // Whether the connection was seen to be none before or after the request was put on it.
    assert_eq!(client.answer(1).status(), 502);
}

#[test]
fn one_stream_at_a_time_is_enough_for_many_requests() {
    let stage = Stage::new(&[(3, 1)], |_, origin| {
        while let Some(head) = request(origin) {
            // The next comes only when this one is answered.
            answer(origin, head.stream, "passed");
        }
    });
    let mut client = stage.client();
    let streams: Vec<u32> = (0..20).map(|number| 2 * number + 1).collect();
    streams.iter().for_each(|stream| stage.ask(&mut client, *stream, "GET"));
    for stream in streams {
        assert_eq!(client.answer(stream).text(), "passed");
    }
}

#[test]
fn a_long_answer_does_not_hold_up_others_where_one_stream_is_allowed() {
    let stage = Stage::new(&[(3, 1)], |number, origin| {
        let first = request(origin).unwrap();
        if number == 0 {
            origin.send(&Frame::head(first.stream, 0, &[(":status", "200")]));
            // It never ends.
            while origin.next().is_some() {}
        } else {
            answer(origin, first.stream, "passed");
            serve(origin);
        }
    });
    let mut client = stage.client();
    stage.ask(&mut client, 1, "GET");
    client.find(|frame| frame.kind == kind::HEADERS && frame.stream == 1).unwrap();
    for stream in [3, 5] {
        stage.ask(&mut client, stream, "GET");
        assert_eq!(client.answer(stream).text(), "passed");
    }
}

#[test]
fn answers_that_nobody_reads_do_not_hold_up_others() {
    const STREAM: u32 = 256 * 1024;
    // Fills every window that it gets, and answers a PUT with a byte.
    let stage = Stage::new(&[], |_, origin| {
        origin.reads = false;
        let mut open = 65_535;
        while let Some(frame) = origin.next() {
            if frame.kind == kind::WINDOW_UPDATE && frame.stream == 0 {
                open += frame.number(0);
            }
            if frame.kind != kind::HEADERS {
                continue;
            }
            let put = frame.fields.iter().any(|(_, value)| value == "PUT");
            origin.send(&Frame::head(frame.stream, 0, &[(":status", "200")]));
            let size = if put { 1 } else { STREAM.min(open) };
            if put && open == 0 {
                continue;
            }
            for piece in vec![b'x'; usize::try_from(size).unwrap()].chunks(16_384) {
                let end = if put { flag::END_STREAM } else { 0 };
                origin.send(&Frame::data(frame.stream, end, piece));
            }
            open -= size;
        }
    });
    // Both are there before anything is asked, so that they share the connection met last.
    let (mut other, mut slow) = (stage.client(), stage.client());
    slow.reads = false;
    for number in 0..20 {
        stage.ask(&mut slow, 2 * number + 1, "GET");
        slow.find(|f| f.kind == kind::HEADERS && f.stream == 2 * number + 1).unwrap();
    }
    stage.ask(&mut other, 1, "PUT");
    assert_eq!(other.answer(1).text(), "x");
    assert_eq!(stage.origin.connections(), 2, "one for each tunnel");
    floods::is_bounded(&stage.bench.proxy);
}

#[test]
fn an_origin_that_stops_reading_does_not_make_us_hold_the_body() {
    let more = |config: Config| config.limit("response_timeout", "\"500ms\"");
    let stage = Stage::with(more, &[], |_, origin| {
        origin.reads = false;
        request(origin);
        thread::park();
    });
    let mut client = stage.client();
    client.send(&Frame::head(1, 0, &stage.fields("POST")));
    let (mut window, piece) = (Window::new(), vec![b'x'; 16_384]);
    let mut sent = 0;
    let told = loop {
        if let Some(told) = window.take(&mut client, piece.len()) {
            break told;
        }
        sent += piece.len();
        assert!(sent < 4 << 20, "somebody takes it all");
        client.send(&Frame::data(1, 0, piece.clone()));
    };
    assert_eq!(told.fields[0].1, "504", "{told:?}");
    floods::is_bounded(&stage.bench.proxy);
    let record = stage.bench.proxy.wait_records(1).remove(0);
    assert_eq!(record["error"]["code"], "answer-timeout", "{record:#}");
}

#[test]
fn trailers_of_an_origin_pass() {
    let stage = Stage::new(&[], |_, origin| {
        while let Some(head) = request(origin) {
            let fields = [(":status", "200"), ("trailer", "x-sum")];
            origin.send(&Frame::head(head.stream, 0, &fields));
            origin.send(&Frame::data(head.stream, 0, "abc"));
            origin.send(&Frame::head(head.stream, flag::END_STREAM, &[("x-sum", "1")]));
        }
    });
    let sum = [("x-sum".to_owned(), "1".to_owned())];
    let mut client = stage.client();
    stage.ask(&mut client, 1, "GET");
    let answer = client.answer(1);
    assert_eq!((answer.text().as_str(), answer.trailers.as_slice()), ("abc", &sum[..]));
}

#[test]
fn interim_answers_of_an_origin_do_not_stand_in_for_the_final_one() {
    let stage = Stage::new(&[], |_, origin| {
        while let Some(head) = request(origin) {
            for status in ["100", "103"] {
                origin.send(&Frame::head(head.stream, 0, &[(":status", status)]));
            }
            answer(origin, head.stream, "passed");
        }
    });
    let mut client = stage.client();
    stage.ask(&mut client, 1, "GET");
    assert_eq!(client.answer(1).text(), "passed");
}
