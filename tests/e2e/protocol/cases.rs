//! Requests that are not as the RFCs want them. In the bytes, `{o}` stands for an origin,
//! `{long}` for 9000 bytes, `{head}` for 70 KiB of fields and `{fields}` for 101 of them.

/// What is sent, which section forbids it, and what is answered and recorded.
pub(super) struct Case {
    pub(super) bytes: &'static str,
    pub(super) rfc: &'static str,
    pub(super) status: u16,
    pub(super) code: &'static str,
}

const fn case(bytes: &'static str, rfc: &'static str, status: u16, code: &'static str) -> Case {
    Case { bytes, rfc, status, code }
}

/// Refused before anything is sent on; the connection ends.
#[rustfmt::skip]
pub(super) const HEADS: &[Case] = &[
    case("POST http://{o}/ HTTP/1.1\r\nHost: {o}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "RFC 9112 section 6.3", 400, "both-content-length-and-transfer-encoding"),
    case("POST http://{o}/ HTTP/1.1\r\nHost: {o}\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", "RFC 9112 section 6.3", 400, "both-content-length-and-transfer-encoding"),
    case("POST http://{o}/ HTTP/1.1\r\nHost: {o}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "RFC 9112 section 6.3", 400, "repeated-content-length"),
    case("POST http://{o}/ HTTP/1.1\r\nHost: {o}\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", "RFC 9112 section 6.3", 400, "repeated-content-length"),
    case("POST http://{o}/ HTTP/1.1\r\nHost: {o}\r\nContent-Length: 1, 1\r\n\r\na", "RFC 9112 section 6.3", 400, "invalid-content-length"),
    case("POST http://{o}/ HTTP/1.1\r\nHost: {o}\r\nContent-Length: +1\r\n\r\na", "RFC 9112 section 6.3", 400, "invalid-content-length"),
    case("POST http://{o}/ HTTP/1.1\r\nHost: {o}\r\nContent-Length: -1\r\n\r\na", "RFC 9112 section 6.3", 400, "invalid-content-length"),
    case("POST http://{o}/ HTTP/1.1\r\nHost: {o}\r\nContent-Length: 0x1\r\n\r\na", "RFC 9112 section 6.3", 400, "invalid-content-length"),
    case("POST http://{o}/ HTTP/1.1\r\nHost: {o}\r\nContent-Length: \r\n\r\na", "RFC 9112 section 6.3", 400, "invalid-content-length"),
    case("POST http://{o}/ HTTP/1.1\r\nHost: {o}\r\nContent-Length: 1 1\r\n\r\na", "RFC 9112 section 6.3", 400, "invalid-content-length"),
    case("POST http://{o}/ HTTP/1.1\r\nHost: {o}\r\nContent-Length: 99999999999999999999\r\n\r\na", "RFC 9110 section 8.6", 400, "content-length-overflow"),
    case("POST http://{o}/ HTTP/1.1\r\nHost: {o}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "RFC 9112 section 6.1", 400, "repeated-transfer-encoding"),
    case("POST http://{o}/ HTTP/1.1\r\nHost: {o}\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "RFC 9112 section 6.3", 400, "chunked-not-last"),
    case("POST http://{o}/ HTTP/1.1\r\nHost: {o}\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", "RFC 9112 section 6.3", 400, "chunked-not-last"),
    case("POST http://{o}/ HTTP/1.1\r\nHost: {o}\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "RFC 9112 section 6.1", 501, "unknown-transfer-coding"),
    case("POST http://{o}/ HTTP/1.1\r\nHost: {o}\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "RFC 9112 section 6.1", 501, "unknown-transfer-coding"),
    case("POST http://{o}/ HTTP/1.1\r\nHost: {o}\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", "RFC 9110 section 5.5", 400, "control-in-field-value"),
    case("POST http://{o}/ HTTP/1.1\r\nHost: {o}\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", "RFC 9112 section 6.1", 400, "malformed-transfer-encoding"),
    case("POST http://{o}/ HTTP/1.0\r\nHost: {o}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "RFC 9112 section 6.1", 400, "transfer-encoding-in-http-1.0"),
    case("GET http://{o}/ HTTP/1.1\r\nHost: {o}\r\nX-A: 1\r\n 2\r\n\r\n", "RFC 9112 section 5.2", 400, "folded-field"),
    case("GET http://{o}/ HTTP/1.1\r\nHost: {o}\r\nX-A: 1\r\n\t2\r\n\r\n", "RFC 9112 section 5.2", 400, "folded-field"),
    case("GET http://{o}/ HTTP/1.1\r\n Host: {o}\r\n\r\n", "RFC 9112 section 2.2", 400, "whitespace-before-first-field"),
    case("GET http://{o}/ HTTP/1.1\nHost: {o}\n\n", "RFC 9112 section 2.2", 400, "bare-lf"),
    case("GET http://{o}/ HTTP/1.1\r\nHost: {o}\r\nX-A: 1\nX-B: 2\r\n\r\n", "RFC 9112 section 2.2", 400, "bare-lf"),
    case("GET http://{o}/ HTTP/1.1\r\nHost: {o}\r\nX-A: 1\rX-B: 2\r\n\r\n", "RFC 9112 section 2.2", 400, "bare-cr"),
    case("GET http://{o}/ HTTP/1.1\r\nHost: {o}\r\nX-A : 1\r\n\r\n", "RFC 9112 section 5.1", 400, "space-before-colon"),
    case("POST http://{o}/ HTTP/1.1\r\nHost: {o}\r\nContent-Length : 5\r\n\r\nhello", "RFC 9112 section 5.1", 400, "space-before-colon"),
    case("GET http://{o}/ HTTP/1.1\r\nHost: {o}\r\nX-A\r\n\r\n", "RFC 9112 section 5", 400, "field-without-colon"),
    case("GET http://{o}/ HTTP/1.1\r\nHost: {o}\r\n: 1\r\n\r\n", "RFC 9112 section 5", 400, "empty-field-name"),
    case("GET http://{o}/ HTTP/1.1\r\nHost: {o}\r\nX(A): 1\r\n\r\n", "RFC 9110 section 5.1", 400, "invalid-field-name"),
    case("GET http://{o}/ HTTP/1.1\r\nHost: {o}\r\nX\0A: 1\r\n\r\n", "RFC 9110 section 5.1", 400, "invalid-field-name"),
    case("GET http://{o}/ HTTP/1.1\r\nHost: {o}\r\nX-A: 1\x002\r\n\r\n", "RFC 9110 section 5.5", 400, "control-in-field-value"),
    case("GET http://{o}/ HTTP/1.1\r\n\r\n", "RFC 9112 section 3.2", 400, "missing-host"),
    case("GET http://{o}/ HTTP/1.1\r\nHost: {o}\r\nHost: {o}\r\n\r\n", "RFC 9112 section 3.2", 400, "repeated-host"),
    case("GET http://{o}/ HTTP/1.1\r\nHost: {o}\r\nHost: other.example\r\n\r\n", "RFC 9112 section 3.2", 400, "repeated-host"),
    case("GET http://{o}/ HTTP/1.1\r\nHost: {o}, other.example\r\n\r\n", "RFC 9112 section 3.2", 400, "invalid-host"),
    case("GET http://{o}/ HTTP/1.1\r\nHost: {o}/path\r\n\r\n", "RFC 9112 section 3.2", 400, "invalid-host"),
    case("GET http://user:word@{o}/ HTTP/1.1\r\nHost: {o}\r\n\r\n", "RFC 9110 section 4.2.4", 400, "userinfo-in-target"),
    case("GET http://{o}/#part HTTP/1.1\r\nHost: {o}\r\n\r\n", "RFC 9112 section 3.2", 400, "fragment-in-target"),
    case("GET http://{o}/a b HTTP/1.1\r\nHost: {o}\r\n\r\n", "RFC 9112 section 3", 400, "malformed-request-line"),
    case("GET  http://{o}/ HTTP/1.1\r\nHost: {o}\r\n\r\n", "RFC 9112 section 3", 400, "malformed-request-line"),
    case("GET http://{o}/\r\nHost: {o}\r\n\r\n", "RFC 9112 section 3", 400, "malformed-request-line"),
    case("GET http://{o}/\x7f HTTP/1.1\r\nHost: {o}\r\n\r\n", "RFC 9112 section 3.2", 400, "invalid-target"),
    case("GET http://{o}/ü HTTP/1.1\r\nHost: {o}\r\n\r\n", "RFC 9112 section 3.2", 400, "invalid-target"),
    case("G{T http://{o}/ HTTP/1.1\r\nHost: {o}\r\n\r\n", "RFC 9110 section 9.1", 400, "invalid-method"),
    case("GET http://{o}/ HTTP/1.1x\r\nHost: {o}\r\n\r\n", "RFC 9112 section 2.3", 400, "invalid-version"),
    case("GET http://{o}/ http/1.1\r\nHost: {o}\r\n\r\n", "RFC 9112 section 2.3", 400, "invalid-version"),
    case("GET http://{o}/ HTTP/2.0\r\nHost: {o}\r\n\r\n", "RFC 9110 section 15.6.6", 505, "unsupported-version"),
    case("\x16\x03\x01\x02\0\x01\0\x01\u{7c}\x03\x03", "RFC 9112 section 3", 400, "tls-on-plain-port"),
    case("GET http://{o}/{long} HTTP/1.1\r\nHost: {o}\r\n\r\n", "RFC 9112 section 3", 414, "request-line-too-long"),
    case("GET http://{o}/ HTTP/1.1\r\nHost: {o}\r\n{head}\r\n", "RFC 6585 section 5", 431, "head-too-large"),
    case("GET http://{o}/ HTTP/1.1\r\nHost: {o}\r\n{fields}\r\n", "RFC 6585 section 5", 431, "too-many-fields"),
    case("GET * HTTP/1.1\r\nHost: {o}\r\n\r\n", "RFC 9112 section 3.2", 400, "wrong-target-form"),
    case("GET {o} HTTP/1.1\r\nHost: {o}\r\n\r\n", "RFC 9112 section 3.2", 400, "wrong-target-form"),
    case("CONNECT {o} HTTP/1.1\r\nHost: {o}\r\nContent-Length: 5\r\n\r\nhello", "RFC 9110 section 9.3.6", 400, "connect-with-body"),
    case("CONNECT {o} HTTP/1.1\r\nHost: {o}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "RFC 9110 section 9.3.6", 400, "connect-with-body"),
    case("CONNECT 127.0.0.1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "RFC 9110 section 9.3.6", 400, "invalid-connect-target"),
    case("CONNECT 127.0.0.1:0 HTTP/1.1\r\nHost: 127.0.0.1:0\r\n\r\n", "RFC 9110 section 9.3.6", 400, "invalid-connect-target"),
    case("CONNECT 127.0.0.1:65536 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "RFC 9110 section 9.3.6", 400, "invalid-connect-target"),
    case("CONNECT http://{o}/ HTTP/1.1\r\nHost: {o}\r\n\r\n", "RFC 9110 section 9.3.6", 400, "invalid-connect-target"),
    case("CONNECT user@{o} HTTP/1.1\r\nHost: {o}\r\n\r\n", "RFC 9110 section 9.3.6", 400, "invalid-connect-target"),
    case("POST http://{o}/ HTTP/1.1\r\nHost: {o}\r\nContent-Length: 1\r\nExpect: 200-maybe\r\n\r\na", "RFC 9110 section 10.1.1", 417, "unknown-expectation"),
    case("GET http://127.0.0.1:99999/ HTTP/1.1\r\nHost: {o}\r\n\r\n", "RFC 9112 section 3.2", 400, "invalid-target"),
];

/// Refused by what they ask for. Their framing is sound, so the connection goes on.
#[rustfmt::skip]
pub(super) const REQUESTS: &[Case] = &[
    case("GET /path HTTP/1.1\r\nHost: {o}\r\n\r\n", "RFC 9112 section 3.2.2", 400, "target-not-absolute"),
    case("OPTIONS * HTTP/1.1\r\nHost: {o}\r\n\r\n", "RFC 9112 section 3.2.2", 400, "target-not-absolute"),
    case("GET http://{o}/ HTTP/1.1\r\nHost: other.example\r\n\r\n", "RFC 9112 section 3.2.2", 400, "host-mismatch"),
    case("GET http://{o}/ HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n", "RFC 9112 section 3.2.2", 400, "host-mismatch"),
    case("GET http://{o}/ HTTP/1.1\r\nHost: \r\n\r\n", "RFC 9112 section 3.2.2", 400, "host-mismatch"),
    case("GET ftp://{o}/ HTTP/1.1\r\nHost: {o}\r\n\r\n", "RFC 9110 section 4.2", 400, "scheme-unsupported"),
    case("TRACE http://{o}/ HTTP/1.1\r\nHost: {o}\r\n\r\n", "RFC 9110 section 9.3.8", 405, "trace"),
    case("OPTIONS http://{o}/ HTTP/1.1\r\nHost: {o}\r\nMax-Forwards: many\r\n\r\n", "RFC 9110 section 7.6.2", 400, "max-forwards"),
];

/// Found in a body whose head has gone on: the origin may see a part, never a whole.
#[rustfmt::skip]
pub(super) const BODIES: &[Case] = &[
    case("nothex\r\nabc\r\n0\r\n\r\n", "RFC 9112 section 7.1", 400, "invalid-chunk-size"),
    case("-1\r\nabc\r\n0\r\n\r\n", "RFC 9112 section 7.1", 400, "invalid-chunk-size"),
    case("0x3\r\nabc\r\n0\r\n\r\n", "RFC 9112 section 7.1", 400, "invalid-chunk-size"),
    case("3 \r\nabc\r\n0\r\n\r\n", "RFC 9112 section 7.1", 400, "invalid-chunk-size"),
    case("fffffffffffffffff\r\nabc\r\n0\r\n\r\n", "RFC 9112 section 7.1", 400, "chunk-size-overflow"),
    case("3;a\0b\r\nabc\r\n0\r\n\r\n", "RFC 9112 section 7.1.1", 400, "invalid-chunk-extension"),
    case("3\nabc\r\n0\r\n\r\n", "RFC 9112 section 7.1", 400, "chunk-size-line-not-crlf"),
    case("3\r\nabcd\r\n0\r\n\r\n", "RFC 9112 section 7.1", 400, "chunk-data-not-followed-by-crlf"),
    case("3\r\nabc\n0\r\n\r\n", "RFC 9112 section 7.1", 400, "chunk-data-not-followed-by-crlf"),
    case("3;{long}\r\nabc\r\n0\r\n\r\n", "RFC 9112 section 7.1.1", 400, "chunk-extensions-too-large"),
    case("0\r\nTransfer-Encoding: x\r\n\r\n", "RFC 9110 section 6.5.1", 400, "forbidden-trailer"),
    case("0\r\nContent-Length: 3\r\n\r\n", "RFC 9110 section 6.5.1", 400, "forbidden-trailer"),
    case("0\r\nHost: other.example\r\n\r\n", "RFC 9110 section 6.5.1", 400, "forbidden-trailer"),
    case("0\r\nX-A: {long}\r\n\r\n", "RFC 9112 section 7.1.2", 431, "trailers-too-large"),
    case("0\r\nX-A : 1\r\n\r\n", "RFC 9112 section 5.1", 400, "space-before-colon"),
];
