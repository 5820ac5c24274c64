//! HTTP/2 towards clients, frame by frame: each fault ends what it may and no more, whatever
//! is refused by us has one record, and nothing reaches an origin that it should not.

mod cases;
mod exchange;
mod floods;
mod life;
mod origins;
mod tunnel;

use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::intercept::{Bench, HOST, always};
use crate::support::{
    Config, End, Frame, Frames, Origin, PREFACE, Proxy, Wire, block, flag, kind, ok, tls_client,
    wait_for,
};
use cases::{Case, FRAMES, FRONTED, REQUESTS, Sent, TARGETS, Then};

/// The fields of a request to an origin that speaks plain HTTP.
fn fields(
    origin: &Origin,
    method: &str,
    path: &str,
    more: &[(&str, &str)],
) -> Vec<(String, String)> {
    let authority = origin.address.to_string();
    let pseudo =
        [(":method", method), (":scheme", "http"), (":authority", &authority), (":path", path)];
    pseudo
        .iter()
        .chain(more)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// What may be sent on stream 1 (RFC 9113 section 6.9).
struct Window {
    own: usize,
    shared: usize,
}

impl Window {
    /// The proxy's own for each stream, and that of the protocol for all until more is given.
    fn new() -> Self {
        Self { own: 256 * 1024, shared: 65_535 }
    }

    /// Takes room for so many bytes, as soon as there is some. What comes on the stream instead
    /// is returned.
    fn take<S: Read + Write>(&mut self, client: &mut Frames<S>, count: usize) -> Option<Frame> {
        while self.own < count || self.shared < count {
            let next = client.next().expect("the connection stays");
            match (next.kind, next.stream) {
                (kind::WINDOW_UPDATE, 0) => self.shared += next.size(0),
                (kind::WINDOW_UPDATE, 1) => self.own += next.size(0),
                (_, 1) => return Some(next),
                _ => {}
            }
        }
        self.own -= count;
        self.shared -= count;
        None
    }
}

/// The acceptance of a key (RFC 6455 section 4.2.2).
fn accept(key: &str) -> String {
    use base64::Engine;
    let joined = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let digest =
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, joined.as_bytes());
    base64::prelude::BASE64_STANDARD.encode(digest)
}

/// What the placeholders of a table stand for.
struct Ground<'g> {
    proxy: &'g Proxy,
    origin: &'g Origin,
    authority: String,
    scheme: &'static str,
}

impl Ground<'_> {
    fn fill(&self, text: &str) -> String {
        let text = text.replace("{o}", &self.authority).replace("{s}", self.scheme);
        text.replace("{long}", &"a".repeat(9000))
    }

    fn fields(&self, fields: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut filled = Vec::new();
        for (name, value) in fields {
            if *name == "{many}" {
                filled.extend((0..101).map(|number| (format!("x-{number}"), "1".to_owned())));
            } else {
                filled.push((self.fill(name), self.fill(value)));
            }
        }
        filled
    }

    fn get(&self) -> Vec<(String, String)> {
        let fields =
            [(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/next")];
        self.fields(&fields)
    }

    fn frame(&self, sent: &Sent) -> Frame {
        match sent {
            Sent::Head(flags, fields) => Frame::head(1, *flags, &self.fields(fields)),
            Sent::Other(stream, flags, fields) => {
                Frame::head(*stream, *flags, &self.fields(fields))
            }
            Sent::Raw(kind, flags, stream, payload) => {
                // `{get}` is the rest of a request behind its indexed method.
                let payload = match payload.strip_suffix(b"{get}") {
                    Some(before) => [before, &block(&self.get()[1..])[..]].concat(),
                    None => payload.to_vec(),
                };
                Frame::new(*kind, *flags, *stream, payload)
            }
            Sent::Sized(kind, flags, stream, length) => {
                Frame::new(*kind, *flags, *stream, vec![0; *length])
            }
        }
    }

    /// Plays a case; how many requests the proxy must have recorded for it.
    fn play<S: Read + Write>(&self, case: &Case, client: &mut Frames<S>) {
        let shown = format!("{} (RFC {})", case.what, case.rfc);
        let before = broken(self.proxy);
        for sent in case.sent {
            // The proxy may have ended already.
            client.try_send(self.frame(sent).bytes());
        }
        match case.then {
            Then::Ends(code) => {
                assert_eq!(client.farewell(), End::GoAway(code), "{shown}");
                wait_for(&shown, || (broken(self.proxy) > before + 0.5).then_some(()));
                return;
            }
            Then::EndsAny(one, other) => {
                let end = client.farewell();
                assert!([one, other].map(End::GoAway).contains(&end), "{shown}: {end:?}");
                wait_for(&shown, || (broken(self.proxy) > before + 0.5).then_some(()));
                return;
            }
            Then::Resets(code) => {
                let mut end = client.answer(1).end;
                if end == End::Whole {
                    // It was answered before the fault was found.
                    end = client.answer(1).end;
                }
                assert_eq!(end, End::Reset(code), "{shown}");
            }
            Then::Refused(status, code, rfc) => {
                let answer = client.answer(1);
                assert_eq!(answer.end, End::Whole, "{shown}: {answer:?}");
                let problem = answer.json();
                let told = (answer.status(), problem["code"].as_str(), problem["cite"].as_str());
                assert_eq!(told, (status, Some(code), Some(rfc)), "{shown}");
                let id = &problem["decision"];
                let record = wait_for(&shown, || {
                    self.proxy.records().into_iter().find(|record| record["id"] == *id)
                });
                assert_eq!(record["error"]["code"], code, "{shown}: {record:#}");
            }
            Then::Passes => {
                let answer = client.answer(1);
                assert_eq!((answer.status(), answer.end), (200, End::Whole), "{shown}");
            }
            Then::Ignored => {}
        }
        client.send(&Frame::head(101, flag::END_STREAM, &self.get()));
        let next = client.answer(101);
        assert_eq!((next.status(), next.text().as_str()), (200, "passed"), "{shown}");
    }

    fn hears_nothing_smuggled(&self) {
        for request in self.origin.requests() {
            assert!(!request.head.line.contains("smuggled"), "{request:?}");
        }
    }
}

/// How many connections are told of as ended for what came on them.
fn broken(proxy: &Proxy) -> f64 {
    proxy.metric("egress_client_protocol_errors_total", "reason=")
}

/// Plays every case, and tells of all that failed.
fn each(tables: &[&[Case]], play: impl Fn(&Case)) {
    let cases = tables.iter().copied().flatten();
    let failed = |case: &&Case| catch_unwind(AssertUnwindSafe(|| play(case))).is_err();
    let failed: Vec<_> = cases.filter(failed).map(|case| case.what).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

fn origin(ip: &str) -> Origin {
    Origin::answering(ip, ok("passed"))
}

fn plain(tables: &[&[Case]]) {
    let (proxy, origin) = (Proxy::start(&Config::new()), origin("127.0.0.1"));
    let authority = origin.address.to_string();
    let ground = Ground { proxy: &proxy, origin: &origin, authority, scheme: "http" };
    each(tables, |case| ground.play(case, &mut Frames::client(proxy.client(), &[])));
    ground.hears_nothing_smuggled();
}

fn tunnelled(tables: &[&[Case]]) {
    let bench = Bench::new("127.1.0.1", always);
    let origin = bench.identity.serve("127.1.0.1", ok("passed"));
    let authority = format!("{HOST}:{}", origin.address.port());
    let ground = Ground {
        proxy: &bench.proxy,
        origin: &origin,
        authority: authority.clone(),
        scheme: "https",
    };
    each(tables, |case| {
        let (tunnel, answer) = bench.proxy.connect(&authority, "");
        assert_eq!(answer.status(), 200);
        let secure = tls_client(tunnel.stream, HOST, &bench.roots(), &["h2"]);
        ground.play(case, &mut Frames::client(Wire::over(secure), &[]));
    });
    ground.hears_nothing_smuggled();
}

#[test]
fn frames_out_of_order_end_what_they_must() {
    plain(&[FRAMES]);
}

#[test]
fn frames_out_of_order_end_what_they_must_inside_a_tunnel() {
    tunnelled(&[FRAMES]);
}

#[test]
fn requests_that_are_not_sound_are_refused_alone() {
    plain(&[REQUESTS, TARGETS]);
}

#[test]
fn requests_that_are_not_sound_are_refused_alone_inside_a_tunnel() {
    tunnelled(&[REQUESTS, FRONTED]);
}

#[test]
fn a_preface_that_is_none_ends_the_connection() {
    let proxy = Proxy::start(&Config::new());
    for bytes in [
        b"PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n".to_vec(),
        b"PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n".to_vec(),
        [PREFACE, b"GET / HTTP/1.1\r\n\r\n"].concat(),
        [PREFACE, PREFACE].concat(),
    ] {
        let mut client = Frames::over(proxy.client());
        client.try_send(&bytes);
        let end = client.farewell();
        assert!(end != End::GoAway(0), "{:?}: {end:?}", String::from_utf8_lossy(&bytes));
    }
    assert!(proxy.records().is_empty());
}
