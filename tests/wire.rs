//! The wire format, case by case: raw bytes in, the code and section of the
//! fault out, and the same verdict wherever the bytes are cut.

#![expect(clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use borderpost::proxy::wire::stream::Step;
use borderpost::proxy::wire::{Body, FaultKind, Limits, Stream, head};
use proptest::prelude::*;

/// Name, bytes, and the fault's code and section, or "ok" and nothing.
type Case = (&'static str, &'static [u8], &'static str, &'static str);

const CASES: &[Case] = &[
    // === sound ===
    ("plain get", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "ok", ""),
    ("old version without host", b"GET / HTTP/1.0\r\n\r\n", "ok", ""),
    ("absolute form", b"GET http://a/b?c=%20 HTTP/1.1\r\nHost: a\r\n\r\n", "ok", ""),
    ("empty host", b"GET / HTTP/1.1\r\nHost:\r\n\r\n", "ok", ""),
    ("ipv6 host", b"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "ok", ""),
    ("empty line first", b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "ok", ""),
    ("obs-text in value", b"GET / HTTP/1.1\r\nHost: a\r\nX: \xe9\xff\r\n\r\n", "ok", ""),
    ("tab in value", b"GET / HTTP/1.1\r\nHost: a\r\nX:\ta\tb \r\n\r\n", "ok", ""),
    ("empty value", b"GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n", "ok", ""),
    ("length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "ok", ""),
    ("length zero then get", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "ok", ""),
    ("chunked", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "ok", ""),
    ("chunked in capitals", b"POST / HTTP/1.1\r\nHost: a\r\nTRANSFER-ENCODING:CHUNKED\r\n\r\nA;x=1\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n", "ok", ""),
    ("chunk extension after spaces", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1 \t;x\r\na\r\n0\r\n\r\n", "ok", ""),
    ("pipelined", b"GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "ok", ""),
    ("expect", b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx", "ok", ""),
    ("connect and early data", b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n\x16\x03\x01\n\n\0", "ok", ""),
    ("connect with length zero", b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "ok", ""),
    ("options asterisk", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "ok", ""),
    // === request line ===
    ("tls", b"\x16\x03\x01\x02\x00\x01\x00", "tls-on-plain-port", "RFC 9112 section 3"),
    ("five empty lines", b"\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n", "too-many-empty-lines", "RFC 9112 section 2.2"),
    ("cr before request", b"\rGET / HTTP/1.1\r\n", "bare-cr", "RFC 9112 section 2.2"),
    ("lf before request", b"\nGET / HTTP/1.1\r\n", "bare-lf", "RFC 9112 section 2.2"),
    ("request line ends with lf", b"GET / HTTP/1.1\nHost: a\r\n\r\n", "bare-lf", "RFC 9112 section 2.2"),
    ("cr in request line", b"GET /\r HTTP/1.1\r\n", "bare-cr", "RFC 9112 section 2.2"),
    ("two spaces", b"GET  / HTTP/1.1\r\n", "malformed-request-line", "RFC 9112 section 3"),
    ("space after version", b"GET / HTTP/1.1 \r\n", "malformed-request-line", "RFC 9112 section 3"),
    ("space in target", b"GET /a b HTTP/1.1\r\n", "malformed-request-line", "RFC 9112 section 3"),
    ("http/0.9", b"GET /\r\n", "malformed-request-line", "RFC 9112 section 3"),
    ("tab for space", b"GET\t/ HTTP/1.1\r\n", "malformed-request-line", "RFC 9112 section 3"),
    ("method no token", b"GE(T / HTTP/1.1\r\n", "invalid-method", "RFC 9110 section 9.1"),
    ("control in target", b"GET /\x01 HTTP/1.1\r\n", "invalid-target", "RFC 9112 section 3.2"),
    ("eight-bit target", b"GET /\xc3\xa9 HTTP/1.1\r\n", "invalid-target", "RFC 9112 section 3.2"),
    ("fragment", b"GET /a#b HTTP/1.1\r\n", "fragment-in-target", "RFC 9112 section 3.2"),
    ("authority form", b"GET a:80 HTTP/1.1\r\n", "wrong-target-form", "RFC 9112 section 3.2"),
    ("asterisk with get", b"GET * HTTP/1.1\r\n", "wrong-target-form", "RFC 9112 section 3.2"),
    ("userinfo", b"GET http://a@b/ HTTP/1.1\r\n", "userinfo-in-target", "RFC 9110 section 4.2.4"),
    ("connect without port", b"CONNECT a HTTP/1.1\r\n", "invalid-connect-target", "RFC 9110 section 9.3.6"),
    ("connect to url", b"CONNECT http://a:80/ HTTP/1.1\r\n", "invalid-connect-target", "RFC 9110 section 9.3.6"),
    ("lower case version", b"GET / http/1.1\r\n", "invalid-version", "RFC 9112 section 2.3"),
    ("two-digit version", b"GET / HTTP/1.10\r\n", "invalid-version", "RFC 9112 section 2.3"),
    ("http/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "unsupported-version", "RFC 9110 section 15.6.6"),
    ("http/1.2", b"GET / HTTP/1.2\r\n", "unsupported-version", "RFC 9110 section 15.6.6"),
    // === fields ===
    ("field ends with lf", b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "bare-lf", "RFC 9112 section 2.2"),
    ("lf ends head", b"GET / HTTP/1.1\r\nHost: a\r\n\n", "bare-lf", "RFC 9112 section 2.2"),
    ("cr in value", b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", "bare-cr", "RFC 9112 section 2.2"),
    ("nul in value", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", "control-in-field-value", "RFC 9110 section 5.5"),
    ("del in value", b"GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n", "control-in-field-value", "RFC 9110 section 5.5"),
    ("vertical tab in coding", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n", "control-in-field-value", "RFC 9110 section 5.5"),
    ("fold", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", "folded-field", "RFC 9112 section 5.2"),
    ("fold with tab", b"GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n", "folded-field", "RFC 9112 section 5.2"),
    ("space before first field", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", "whitespace-before-first-field", "RFC 9112 section 2.2"),
    ("space before colon", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\n", "space-before-colon", "RFC 9112 section 5.1"),
    ("no colon", b"GET / HTTP/1.1\r\nHost\r\n\r\n", "field-without-colon", "RFC 9112 section 5"),
    ("no name", b"GET / HTTP/1.1\r\n: a\r\n\r\n", "empty-field-name", "RFC 9112 section 5"),
    ("name no token", b"GET / HTTP/1.1\r\nHo st: a\r\n\r\n", "invalid-field-name", "RFC 9110 section 5.1"),
    ("eight-bit name", b"GET / HTTP/1.1\r\nH\xf6st: a\r\n\r\n", "invalid-field-name", "RFC 9110 section 5.1"),
    // === framing ===
    ("length with sign", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", "invalid-content-length", "RFC 9112 section 6.3"),
    ("length list", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", "invalid-content-length", "RFC 9112 section 6.3"),
    ("length empty", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n", "invalid-content-length", "RFC 9112 section 6.3"),
    ("length in hex", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n", "invalid-content-length", "RFC 9112 section 6.3"),
    ("length too large", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n", "content-length-overflow", "RFC 9110 section 8.6"),
    ("length twice alike", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", "repeated-content-length", "RFC 9112 section 6.3"),
    ("length twice unlike", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\ncontent-length: 6\r\n\r\n", "repeated-content-length", "RFC 9112 section 6.3"),
    ("cl.te", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "both-content-length-and-transfer-encoding", "RFC 9112 section 6.3"),
    ("te.cl", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "both-content-length-and-transfer-encoding", "RFC 9112 section 6.3"),
    ("cl.te disguised", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: xchunked\r\n\r\n", "both-content-length-and-transfer-encoding", "RFC 9112 section 6.3"),
    ("te in 1.0", b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "transfer-encoding-in-http-1.0", "RFC 9112 section 6.1"),
    ("te twice", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "repeated-transfer-encoding", "RFC 9112 section 6.1"),
    ("te chunked twice", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", "chunked-not-last", "RFC 9112 section 6.3"),
    ("te chunked first", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n", "chunked-not-last", "RFC 9112 section 6.3"),
    ("te empty", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", "malformed-transfer-encoding", "RFC 9112 section 6.1"),
    ("te quoted", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", "malformed-transfer-encoding", "RFC 9112 section 6.1"),
    ("te unknown", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", "unknown-transfer-coding", "RFC 9112 section 6.1"),
    ("te gzip, chunked", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "unknown-transfer-coding", "RFC 9112 section 6.1"),
    ("no host", b"GET / HTTP/1.1\r\nX: a\r\n\r\n", "missing-host", "RFC 9112 section 3.2"),
    ("two hosts", b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "repeated-host", "RFC 9112 section 3.2"),
    ("two hosts in 1.0", b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "repeated-host", "RFC 9112 section 3.2"),
    ("host with path", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "invalid-host", "RFC 9112 section 3.2"),
    ("host with user", b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", "invalid-host", "RFC 9112 section 3.2"),
    ("host list", b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "invalid-host", "RFC 9112 section 3.2"),
    ("connect with length", b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", "connect-with-body", "RFC 9110 section 9.3.6"),
    ("connect chunked", b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "connect-with-body", "RFC 9110 section 9.3.6"),
    ("expectation", b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", "unknown-expectation", "RFC 9110 section 10.1.1"),
    // === behind a sound message ===
    ("bad second", b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n", "missing-host", "RFC 9112 section 3.2"),
    ("body longer than length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhello\r\n", "malformed-request-line", "RFC 9112 section 3"),
    // === chunks ===
    ("chunk size sign", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", "invalid-chunk-size", "RFC 9112 section 7.1"),
    ("chunk size then space", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n", "invalid-chunk-size", "RFC 9112 section 7.1"),
    ("chunk size huge", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1000000000000000\r\n", "chunk-size-overflow", "RFC 9112 section 7.1"),
    ("chunk line lf", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n", "chunk-size-line-not-crlf", "RFC 9112 section 7.1"),
    ("lf in extension", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;\nxx\r\nhello\r\n", "chunk-size-line-not-crlf", "RFC 9112 section 7.1"),
    ("nul in extension", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;\0\r\nhello\r\n", "invalid-chunk-extension", "RFC 9112 section 7.1.1"),
    ("chunk longer than size", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n", "chunk-data-not-followed-by-crlf", "RFC 9112 section 7.1"),
    ("chunk then lf", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n", "chunk-data-not-followed-by-crlf", "RFC 9112 section 7.1"),
    ("trailer length", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n", "forbidden-trailer", "RFC 9110 section 6.5.1"),
    ("trailer folded", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n c\r\n\r\n", "folded-field", "RFC 9112 section 5.2"),
    ("trailer lf", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\n\r\n", "bare-lf", "RFC 9112 section 2.2"),
];

/// Gives `bytes` to a stream in pieces that end at `cuts`, as a reader would, and returns what
/// came through and how it ended.
fn run(bytes: &[u8], cuts: &[usize], limits: Limits) -> (Vec<u8>, Result<u64, (FaultKind, u64)>) {
    let mut stream = Stream::new(limits);
    let (mut held, mut passed, mut start) = (Vec::new(), Vec::new(), 0);
    for end in cuts.iter().copied().chain([bytes.len()]) {
        held.extend_from_slice(&bytes[start.min(end)..end]);
        start = start.max(end);
        loop {
            if stream.is_waiting() {
                stream.open_tunnel();
            }
            match stream.step(&held) {
                Ok(Step::Pass(count)) => passed.extend(held.drain(..count)),
                Ok(Step::Skip(count)) => drop(held.drain(..count)),
                Ok(Step::Keep) => break,
                Err(fault) => return (passed, Err((fault.kind(), fault.at()))),
            }
        }
    }
    (passed, Ok(stream.heads()))
}

#[test]
fn each_case_gets_its_code_and_section() {
    for (name, bytes, code, rfc) in CASES {
        match run(bytes, &[], Limits::default()).1 {
            Ok(_) => assert_eq!("ok", *code, "{name}"),
            Err((kind, _)) => assert_eq!((kind.code(), kind.rfc()), (*code, *rfc), "{name}"),
        }
    }
}

#[test]
fn each_kind_that_bytes_can_cause_has_a_case() {
    let elsewhere = [
        "request-line-too-long",
        "head-too-large",
        "too-many-fields",
        "incomplete-head",
        "chunk-extensions-too-large",
        "trailers-too-large",
        "head-timeout",
        "body-timeout",
        // Of HTTP/2 alone (tests/e2e/http2).
        "whitespace-around-field-value",
        "unknown-protocol",
    ];
    for kind in FaultKind::all().filter(|kind| !elsewhere.contains(&kind.code())) {
        let found = CASES.iter().any(|case| case.2 == kind.code());
        assert!(found, "no case for {}", kind.code());
    }
}

#[test]
fn each_case_gets_the_same_verdict_at_every_cut() {
    for (name, bytes, ..) in CASES {
        let whole = run(bytes, &[], Limits::default());
        for first in 0..=bytes.len() {
            let (passed, verdict) = run(bytes, &[first], Limits::default());
            assert_eq!(verdict, whole.1, "{name}, cut at {first}");
            // Of a body that breaks off, more may have gone on when it came in pieces.
            assert!(passed.starts_with(&whole.0), "{name}, cut at {first}");
        }
        let bytewise: Vec<_> = (1..bytes.len()).collect();
        assert_eq!(run(bytes, &bytewise, Limits::default()).1, whole.1, "{name}, byte by byte");
    }
}

#[test]
fn a_head_says_how_its_body_is_framed() {
    let framing = |text: &str| head::check(text.as_bytes(), &Limits::default()).unwrap();
    let get = framing("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n");
    assert_eq!((get.body, get.upgrade, get.connect), (Body::None, true, false));
    let put =
        framing("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 7\r\n\r\n");
    assert_eq!((put.body, put.expects_continue), (Body::Length(7), true));
    let post = framing("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(post.body, Body::Chunked);
    assert!(framing("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n").connect);
    let cut = head::check(b"GET / HTTP/1.1\r\nHost: a\r\n", &Limits::default()).unwrap_err();
    assert_eq!(cut.kind().code(), "incomplete-head");
}

/// Puts bytes that matter to the format where they hurt.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let case = (0..CASES.len()).prop_map(|index| CASES[index].1.to_vec());
    let special = prop::sample::select(b"\r\n :\t\0;,05aAG/\x7f\xff".to_vec());
    (case, prop::collection::vec((any::<prop::sample::Index>(), special, 0..3_u8), 0..4)).prop_map(
        |(mut bytes, changes)| {
            for (at, byte, how) in changes {
                let at = at.index(bytes.len() + 1);
                match how {
                    0 => bytes.insert(at, byte),
                    1 if at < bytes.len() => bytes[at] = byte,
                    _ if at < bytes.len() => drop(bytes.remove(at)),
                    _ => {}
                }
            }
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn cuts_never_change_the_verdict(
        bytes in mutated(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        tight in any::<bool>(),
    ) {
        let small =
            Limits { request_line: 20, head: 60, headers: 2, chunk_extensions: 2, trailers: 10 };
        let limits = if tight { small } else { Limits::default() };
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        prop_assert_eq!(run(&bytes, &cuts, limits).1, run(&bytes, &[], limits).1);
    }

    #[test]
    fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let (passed, _) = run(&bytes, &[], Limits::default());
        prop_assert!(passed.len() <= bytes.len());
    }
}
