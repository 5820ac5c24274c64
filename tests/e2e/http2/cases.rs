//! What a client of HTTP/2 may not do, frame by frame. In fields, `{o}` stands for the
//! authority of an origin, `{s}` for the scheme, `{long}` for 9000 bytes.

use crate::support::flag::{ACK, END_HEADERS, END_STREAM, PADDED, PRIORITY as PRIORITIZED};
use crate::support::kind::{
    CONTINUATION, DATA, GOAWAY, HEADERS, PING, PRIORITY, PUSH_PROMISE, RST_STREAM, SETTINGS,
    WINDOW_UPDATE,
};

pub(super) type Pairs = &'static [(&'static str, &'static str)];

/// Something that is sent.
#[derive(Debug)]
pub(super) enum Sent {
    /// A whole head, or trailers, of stream 1, with these flags beside END_HEADERS.
    Head(u8, Pairs),
    /// The same for another stream.
    Other(u32, u8, Pairs),
    /// Type, flags, stream, payload.
    Raw(u8, u8, u32, &'static [u8]),
    /// Type, flags, stream and the length of a payload of zeros.
    Sized(u8, u8, u32, usize),
}

/// What comes of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Then {
    /// The connection ends with this error code.
    Ends(u32),
    /// The connection ends with either.
    EndsAny(u32, u32),
    /// Stream 1 is reset with this error code; others go on.
    Resets(u32),
    /// Stream 1 is refused: status, code, and section named; others go on.
    Refused(u16, &'static str, &'static str),
    /// Stream 1 is answered as the origin did.
    Passes,
    /// Nothing: it is ignored, and others go on.
    Ignored,
}

pub(super) struct Case {
    pub(super) what: &'static str,
    pub(super) rfc: &'static str,
    pub(super) sent: &'static [Sent],
    pub(super) then: Then,
}

const fn case(what: &'static str, rfc: &'static str, sent: &'static [Sent], then: Then) -> Case {
    Case { what, rfc, sent, then }
}

use Sent::{Head, Other, Raw, Sized};
use Then::{Ends, EndsAny, Ignored, Passes, Refused, Resets};

const PROTOCOL: u32 = 1;
const FLOW: u32 = 3;
const CLOSED: u32 = 5;
const SIZE: u32 = 6;

const GET: Pairs = &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/")];
const POST: Pairs =
    &[(":method", "POST"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/")];

/// Frames and their order.
#[rustfmt::skip]
pub(super) const FRAMES: &[Case] = &[
    case("nothing wrong", "9113 8.1", &[Head(END_STREAM, GET)], Passes),
    case("padding", "9113 6.1", &[Head(0, POST), Raw(DATA, PADDED | END_STREAM, 1, b"\x03abc\0\0\0")], Passes),
    case("a head in three frames", "9113 6.10", &[Raw(HEADERS, END_STREAM, 1, b"\x82"), Raw(CONTINUATION, 0, 1, b""), Raw(CONTINUATION, END_HEADERS, 1, b"{get}")], Passes),
    case("a head with priority", "9113 6.2", &[Raw(HEADERS, END_STREAM | END_HEADERS | PRIORITIZED, 1, b"\0\0\0\0\x10\x82{get}")], Passes),
    case("an unknown type", "9113 5.5", &[Raw(0xee, 0xff, 1, b"abc"), Head(END_STREAM, GET)], Passes),
    case("an unknown type of any size", "9113 5.5", &[Raw(0xee, 0xff, 0, b""), Head(END_STREAM, GET)], Passes),
    case("a reserved bit", "9113 4.1", &[Raw(WINDOW_UPDATE, 0, 0x8000_0000, b"\0\0\0\x01"), Head(END_STREAM, GET)], Passes),
    case("an unknown type within a head", "9113 5.5", &[Raw(HEADERS, END_STREAM, 1, b"\x82"), Raw(0xee, 0, 1, b"")], Ends(PROTOCOL)),
    case("an unknown setting", "9113 6.5.2", &[Raw(SETTINGS, 0, 0, b"\xff\xff\0\0\0\x01"), Head(END_STREAM, GET)], Passes),
    case("SETTINGS acknowledged with a payload", "9113 6.5", &[Raw(SETTINGS, ACK, 0, b"\0\x01\0\0\0\0")], EndsAny(SIZE, PROTOCOL)),
    case("SETTINGS of five octets", "9113 6.5", &[Raw(SETTINGS, 0, 0, b"\0\x01\0\0\0")], EndsAny(SIZE, PROTOCOL)),
    case("SETTINGS on a stream", "9113 6.5", &[Raw(SETTINGS, 0, 1, b"")], Ends(PROTOCOL)),
    case("ENABLE_PUSH of 2", "9113 6.5.2", &[Raw(SETTINGS, 0, 0, b"\0\x02\0\0\0\x02")], Ends(PROTOCOL)),
    case("INITIAL_WINDOW_SIZE of 2^31", "9113 6.5.2", &[Raw(SETTINGS, 0, 0, b"\0\x04\x80\0\0\0")], EndsAny(FLOW, PROTOCOL)),
    case("MAX_FRAME_SIZE of 16,383", "9113 6.5.2", &[Raw(SETTINGS, 0, 0, b"\0\x05\0\0\x3f\xff")], Ends(PROTOCOL)),
    case("MAX_FRAME_SIZE of 2^24", "9113 6.5.2", &[Raw(SETTINGS, 0, 0, b"\0\x05\x01\0\0\0")], Ends(PROTOCOL)),
    case("ENABLE_CONNECT_PROTOCOL of 2", "8441 3", &[Raw(SETTINGS, 0, 0, b"\0\x08\0\0\0\x02")], Ends(PROTOCOL)),
    case("DATA above MAX_FRAME_SIZE", "9113 4.2", &[Head(0, POST), Sized(DATA, 0, 1, 16_385)], Ends(SIZE)),
    case("HEADERS above MAX_FRAME_SIZE", "9113 4.2", &[Sized(HEADERS, END_HEADERS, 1, 16_385)], Ends(SIZE)),
    case("an unknown type above MAX_FRAME_SIZE", "9113 4.2", &[Sized(0xee, 0, 0, 16_385)], Ends(SIZE)),
    case("DATA on stream 0", "9113 6.1", &[Raw(DATA, 0, 0, b"abc")], Ends(PROTOCOL)),
    case("DATA on an idle stream", "9113 5.1", &[Raw(DATA, 0, 1, b"abc")], Ends(PROTOCOL)),
    case("DATA padded beyond its length", "9113 6.1", &[Head(0, POST), Raw(DATA, PADDED, 1, b"\x04abc")], Ends(PROTOCOL)),
    case("DATA padded without a length", "9113 6.1", &[Head(0, POST), Raw(DATA, PADDED, 1, b"")], EndsAny(SIZE, PROTOCOL)),
    case("DATA behind the end of a stream", "9113 5.1", &[Head(END_STREAM, POST), Raw(DATA, END_STREAM, 1, b"abc")], EndsAny(CLOSED, PROTOCOL)),
    case("DATA on a stream that was reset", "9113 5.1", &[Head(0, POST), Raw(RST_STREAM, 0, 1, b"\0\0\0\x08"), Raw(DATA, END_STREAM, 1, b"abc")], Resets(CLOSED)),
    case("HEADERS on stream 0", "9113 6.2", &[Other(0, END_STREAM, GET)], Ends(PROTOCOL)),
    case("HEADERS on a stream of the server", "9113 5.1.1", &[Other(2, END_STREAM, GET)], Ends(PROTOCOL)),
    case("HEADERS on a stream of a smaller number", "9113 5.1.1", &[Other(5, END_STREAM, GET), Other(3, END_STREAM, GET)], EndsAny(PROTOCOL, CLOSED)),
    case("HEADERS behind the end of a stream", "9113 5.1", &[Head(END_STREAM, POST), Head(END_STREAM, POST)], EndsAny(CLOSED, PROTOCOL)),
    case("HEADERS padded beyond their length", "9113 6.2", &[Raw(HEADERS, END_STREAM | END_HEADERS | PADDED, 3, b"\xff\x82{get}")], Ends(PROTOCOL)),
    case("HEADERS that depend on themselves", "7540 5.3.1", &[Raw(HEADERS, END_STREAM | END_HEADERS | PRIORITIZED, 1, b"\0\0\0\x01\x10\x82{get}")], Resets(PROTOCOL)),
    case("HEADERS too short for their priority", "9113 6.2", &[Raw(HEADERS, END_STREAM | END_HEADERS | PRIORITIZED, 1, b"\0\0")], EndsAny(PROTOCOL, SIZE)),
    case("CONTINUATION without HEADERS", "9113 6.10", &[Raw(CONTINUATION, END_HEADERS, 1, b"\x82")], Ends(PROTOCOL)),
    case("CONTINUATION behind a whole head", "9113 6.10", &[Head(0, POST), Raw(CONTINUATION, END_HEADERS, 1, b"\x82")], Ends(PROTOCOL)),
    case("CONTINUATION of another stream", "9113 6.10", &[Raw(HEADERS, END_STREAM, 1, b"\x82"), Raw(CONTINUATION, END_HEADERS, 3, b"{get}")], Ends(PROTOCOL)),
    case("CONTINUATION on stream 0", "9113 6.10", &[Raw(HEADERS, END_STREAM, 1, b"\x82"), Raw(CONTINUATION, END_HEADERS, 0, b"{get}")], Ends(PROTOCOL)),
    case("DATA within a head", "9113 6.2", &[Raw(HEADERS, 0, 1, b"\x82"), Raw(DATA, 0, 1, b"abc")], Ends(PROTOCOL)),
    case("HEADERS of another stream within a head", "9113 6.2", &[Raw(HEADERS, END_STREAM, 1, b"\x82"), Other(3, END_STREAM, GET)], Ends(PROTOCOL)),
    case("PING within a head", "9113 4.3", &[Raw(HEADERS, END_STREAM, 1, b"\x82"), Raw(PING, 0, 0, b"12345678")], Ends(PROTOCOL)),
    case("PRIORITY of four octets", "9113 6.3", &[Raw(PRIORITY, 0, 1, b"\0\0\0\0")], EndsAny(SIZE, PROTOCOL)),
    case("PRIORITY on stream 0", "9113 6.3", &[Raw(PRIORITY, 0, 0, b"\0\0\0\0\x10")], Ends(PROTOCOL)),
    case("PRIORITY on an idle stream", "9113 6.3", &[Raw(PRIORITY, 0, 1, b"\0\0\0\0\x10"), Head(END_STREAM, GET)], Passes),
    case("RST_STREAM of three octets", "9113 6.4", &[Head(0, POST), Raw(RST_STREAM, 0, 1, b"\0\0\x08")], EndsAny(SIZE, PROTOCOL)),
    case("RST_STREAM on stream 0", "9113 6.4", &[Raw(RST_STREAM, 0, 0, b"\0\0\0\x08")], Ends(PROTOCOL)),
    case("RST_STREAM on an idle stream", "9113 6.4", &[Raw(RST_STREAM, 0, 1, b"\0\0\0\x08")], Ends(PROTOCOL)),
    case("RST_STREAM on an idle stream of the server", "9113 6.4", &[Raw(RST_STREAM, 0, 2, b"\0\0\0\x08")], Ends(PROTOCOL)),
    case("PUSH_PROMISE of a client", "9113 8.4", &[Head(0, POST), Raw(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x02\x82{get}")], Ends(PROTOCOL)),
    case("PING of seven octets", "9113 6.7", &[Raw(PING, 0, 0, b"1234567")], EndsAny(SIZE, PROTOCOL)),
    case("PING on a stream", "9113 6.7", &[Raw(PING, 0, 1, b"12345678")], Ends(PROTOCOL)),
    case("PING acknowledged that nobody sent", "9113 6.7", &[Raw(PING, ACK, 0, b"12345678"), Head(END_STREAM, GET)], Passes),
    case("GOAWAY on a stream", "9113 6.8", &[Raw(GOAWAY, 0, 1, b"\0\0\0\0\0\0\0\0")], Ends(PROTOCOL)),
    case("GOAWAY of seven octets", "9113 6.8", &[Raw(GOAWAY, 0, 0, b"\0\0\0\0\0\0\0")], EndsAny(SIZE, PROTOCOL)),
    case("WINDOW_UPDATE of three octets", "9113 6.9", &[Raw(WINDOW_UPDATE, 0, 0, b"\0\0\x01")], EndsAny(SIZE, PROTOCOL)),
    case("WINDOW_UPDATE of nothing", "9113 6.9", &[Raw(WINDOW_UPDATE, 0, 0, b"\0\0\0\0")], Ends(PROTOCOL)),
    case("WINDOW_UPDATE of nothing on a stream", "9113 6.9", &[Head(0, POST), Raw(WINDOW_UPDATE, 0, 1, b"\0\0\0\0")], EndsAny(PROTOCOL, PROTOCOL)),
    case("WINDOW_UPDATE beyond 2^31 - 1", "9113 6.9.1", &[Raw(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff")], Ends(FLOW)),
    case("WINDOW_UPDATE beyond 2^31 - 1 on a stream", "9113 6.9.1", &[Head(0, POST), Raw(WINDOW_UPDATE, 0, 1, b"\x7f\xff\xff\xff")], Resets(FLOW)),
    case("WINDOW_UPDATE on an idle stream", "9113 6.9", &[Raw(WINDOW_UPDATE, 0, 1, b"\0\0\0\x01")], Ends(PROTOCOL)),
    case("INITIAL_WINDOW_SIZE that lifts a stream beyond 2^31 - 1", "9113 6.9.2", &[Head(0, POST), Raw(WINDOW_UPDATE, 0, 1, b"\0\0\x01\0"), Raw(SETTINGS, 0, 0, b"\0\x04\x7f\xff\xff\xff")], Ends(FLOW)),
    case("an index of nothing", "7541 6.1", &[Raw(HEADERS, END_STREAM | END_HEADERS, 1, b"\x80")], EndsAny(9, PROTOCOL)),
    case("an index beyond the table", "7541 2.3.3", &[Raw(HEADERS, END_STREAM | END_HEADERS, 1, b"\xff\x10")], EndsAny(9, PROTOCOL)),
    case("an index without an end", "7541 5.1", &[Raw(HEADERS, END_STREAM | END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f")], EndsAny(9, PROTOCOL)),
    case("a string cut short", "7541 5.2", &[Raw(HEADERS, END_STREAM | END_HEADERS, 1, b"\x82\x00\x03ab")], EndsAny(9, PROTOCOL)),
    case("Huffman padding of zeros", "7541 5.2", &[Raw(HEADERS, END_STREAM | END_HEADERS, 1, b"\x82\x00\x01a\x81\x18")], EndsAny(9, PROTOCOL)),
    case("Huffman's end of string", "7541 5.2", &[Raw(HEADERS, END_STREAM | END_HEADERS, 1, b"\x82\x00\x01a\x84\xff\xff\xff\xff")], EndsAny(9, PROTOCOL)),
    case("a table larger than allowed", "7541 6.3", &[Raw(HEADERS, END_STREAM | END_HEADERS, 1, b"\x3f\xe2\x1f\x82")], EndsAny(9, PROTOCOL)),
    case("a table resized behind a field", "7541 4.2", &[Raw(HEADERS, END_STREAM | END_HEADERS, 1, b"\x82\x20")], EndsAny(9, PROTOCOL)),
];

/// What a request says. Streams beside it go on.
#[rustfmt::skip]
pub(super) const REQUESTS: &[Case] = &[
    case("no :method", "9113 8.3.1", &[Head(END_STREAM, &[(":scheme", "{s}"), (":authority", "{o}"), (":path", "/")])], Resets(PROTOCOL)),
    case("no :scheme", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":authority", "{o}"), (":path", "/")])], Resets(PROTOCOL)),
    case("no :path", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}")])], Resets(PROTOCOL)),
    case("an empty :path", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "")])], Resets(PROTOCOL)),
    case(":method twice", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/")])], Resets(PROTOCOL)),
    case(":path twice", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), (":path", "/b")])], Resets(PROTOCOL)),
    case(":scheme twice", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/")])], Resets(PROTOCOL)),
    case(":authority twice", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":authority", "{o}"), (":path", "/")])], Resets(PROTOCOL)),
    case("an unknown pseudo-header field", "9113 8.3", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), (":odd", "1")])], Ends(PROTOCOL)),
    case(":status in a request", "9113 8.3", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), (":status", "200")])], Resets(PROTOCOL)),
    case("a pseudo-header field behind a field", "9113 8.3", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), ("x-a", "1"), (":path", "/")])], Resets(PROTOCOL)),
    case("a pseudo-header field in trailers", "9113 8.1", &[Head(0, POST), Head(END_STREAM, &[(":method", "GET")])], Passes),
    case("trailers without an end", "9113 8.1", &[Head(0, POST), Head(0, &[("x-sum", "1")])], Resets(PROTOCOL)),
    case("a name in upper case", "9113 8.2.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("X-A", "1")])], Ends(PROTOCOL)),
    case("a name with a space", "9113 8.2.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("x a", "1")])], Ends(PROTOCOL)),
    case("a name with a line in it", "9113 8.2.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("x-a: 1\r\nx-b", "1")])], Ends(PROTOCOL)),
    case("a name with a colon", "9113 8.2.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("x:a", "1")])], Ends(PROTOCOL)),
    case("an empty name", "9113 8.2.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("", "1")])], Ends(PROTOCOL)),
    case("CR LF in a value", "9113 8.2.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("x-a", "1\r\nx-b: 2")])], Ends(PROTOCOL)),
    case("LF in a value", "9113 8.2.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("x-a", "1\n")])], Ends(PROTOCOL)),
    case("NUL in a value", "9113 8.2.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("x-a", "1\x002")])], Ends(PROTOCOL)),
    case("a space before a value", "9113 8.2.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("x-a", " 1")])], Refused(400, "whitespace-around-field-value", "RFC 9113 section 8.2.1")),
    case("a tab behind a value", "9113 8.2.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("x-a", "1\t")])], Refused(400, "whitespace-around-field-value", "RFC 9113 section 8.2.1")),
    case("Connection", "9113 8.2.2", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("connection", "close")])], Resets(PROTOCOL)),
    case("Keep-Alive", "9113 8.2.2", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("keep-alive", "1")])], Resets(PROTOCOL)),
    case("Proxy-Connection", "9113 8.2.2", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("proxy-connection", "keep-alive")])], Resets(PROTOCOL)),
    case("Upgrade", "9113 8.2.2", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("upgrade", "websocket")])], Resets(PROTOCOL)),
    case("Transfer-Encoding", "9113 8.2.2", &[Head(0, &[(":method", "POST"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("transfer-encoding", "chunked")]), Raw(DATA, END_STREAM, 1, b"0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n")], Resets(PROTOCOL)),
    case("TE other than trailers", "9113 8.2.2", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("te", "gzip")])], Resets(PROTOCOL)),
    case("TE: trailers", "9113 8.2.2", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("te", "trailers")])], Passes),
    case("more than Content-Length", "9113 8.1.1", &[Head(0, &[(":method", "POST"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("content-length", "2")]), Raw(DATA, END_STREAM, 1, b"abc")], Resets(PROTOCOL)),
    case("less than Content-Length", "9113 8.1.1", &[Head(0, &[(":method", "POST"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("content-length", "4")]), Raw(DATA, END_STREAM, 1, b"abc")], Resets(PROTOCOL)),
    case("Content-Length without a body", "9113 8.1.1", &[Head(END_STREAM, &[(":method", "POST"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("content-length", "3")])], Resets(PROTOCOL)),
    case("less than Content-Length before trailers", "9113 8.1.1", &[Head(0, &[(":method", "POST"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("content-length", "4")]), Raw(DATA, 0, 1, b"abc"), Head(END_STREAM, &[("x-sum", "1")])], Resets(PROTOCOL)),
    case("Content-Length twice", "9110 8.6", &[Head(0, &[(":method", "POST"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("content-length", "3"), ("content-length", "4")]), Raw(DATA, END_STREAM, 1, b"abc")], Resets(PROTOCOL)),
    case("Content-Length twice the same", "9110 8.6", &[Head(0, &[(":method", "POST"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("content-length", "3"), ("content-length", "3")]), Raw(DATA, END_STREAM, 1, b"abc")], Refused(400, "repeated-content-length", "RFC 9112 section 6.3")),
    case("Content-Length with a sign", "9110 8.6", &[Head(0, &[(":method", "POST"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("content-length", "+3")]), Raw(DATA, END_STREAM, 1, b"abc")], Resets(PROTOCOL)),
    case("Content-Length as a list", "9110 8.6", &[Head(0, &[(":method", "POST"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("content-length", "3, 3")]), Raw(DATA, END_STREAM, 1, b"abc")], Resets(PROTOCOL)),
    case("a method with a line in it", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET / HTTP/1.1\r\nx: y\r\n\r\nGET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/")])], Ends(PROTOCOL)),
    case("a method with a space", "9110 9.1", &[Head(END_STREAM, &[(":method", "GET /x"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/")])], Ends(PROTOCOL)),
    case("an empty method", "9110 9.1", &[Head(END_STREAM, &[(":method", ""), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/")])], Ends(PROTOCOL)),
    case("a path with a line in it", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/ HTTP/1.1\r\nx: y\r\n\r\nGET /smuggled")])], Resets(PROTOCOL)),
    case("a path with a space", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/a b")])], Resets(PROTOCOL)),
    case("a path with NUL", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/a\0")])], Resets(PROTOCOL)),
    case("a path with DEL", "9112 3.2", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/a\x7f")])], Resets(PROTOCOL)),
    case("a path beyond ASCII", "9112 3.2", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/ü")])], Refused(400, "invalid-target", "RFC 9112 section 3.2")),
    case("a path that is none", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "a")])], Resets(PROTOCOL)),
    case("a path that is a URL", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "http://other.example/")])], Resets(PROTOCOL)),
    case("* for another method than OPTIONS", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "*")])], Refused(400, "wrong-target-form", "RFC 9112 section 3.2")),
    case("* for OPTIONS", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "OPTIONS"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "*")])], Passes),
    case("a path that is too long", "9112 3", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/{long}")])], Refused(414, "request-line-too-long", "RFC 9112 section 3")),
    case("more fields than allowed", "6585 5", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("{many}", "")])], Refused(431, "too-many-fields", "RFC 6585 section 5")),
    case("an authority with a user", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "user@{o}"), (":path", "/")])], Refused(400, "userinfo-in-target", "RFC 9110 section 4.2.4")),
    case("an authority with a path", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}/a"), (":path", "/")])], Resets(PROTOCOL)),
    case("an authority with a line in it", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}\r\nx: y"), (":path", "/")])], Resets(PROTOCOL)),
    case("an authority with a space", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o} a"), (":path", "/")])], Resets(PROTOCOL)),
    case("an empty authority", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", ""), (":path", "/")])], Resets(PROTOCOL)),
    case("an authority of no host", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", ":80"), (":path", "/")])], Refused(400, "target-invalid", "RFC 9112 section 3.2")),
    case("a scheme with a space", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "ht tp"), (":authority", "{o}"), (":path", "/")])], Resets(PROTOCOL)),
    case("Host twice", "9112 3.2", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("host", "{o}"), ("host", "{o}")])], Refused(400, "repeated-host", "RFC 9112 section 3.2")),
    case("Host as the authority", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("host", "{o}")])], Passes),
    case("an unknown expectation", "9110 10.1.1", &[Head(0, &[(":method", "POST"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("expect", "200-maybe")]), Raw(DATA, END_STREAM, 1, b"a")], Refused(417, "unknown-expectation", "RFC 9110 section 10.1.1")),
    case("TRACE", "9110 9.3.8", &[Head(END_STREAM, &[(":method", "TRACE"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/")])], Refused(405, "trace", "RFC 9110 section 9.3.8")),
    case("CONNECT with :scheme and :path", "9113 8.5", &[Head(0, &[(":method", "CONNECT"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/")])], Resets(PROTOCOL)),
    case(":protocol of another method", "8441 4", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), (":protocol", "websocket")])], Resets(PROTOCOL)),
    case(":protocol without a path", "8441 4", &[Head(0, &[(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "{s}"), (":authority", "{o}")])], Resets(PROTOCOL)),
    case("an unknown :protocol", "8441 4", &[Head(0, &[(":method", "CONNECT"), (":protocol", "connect-udp"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/")])], Refused(501, "unknown-protocol", "RFC 9220 section 3")),
    case("nothing sent, then a reset", "9113 5.4.2", &[Head(0, POST), Raw(RST_STREAM, 0, 1, b"\0\0\0\x08")], Ignored),
];

/// Refused on the plain listener by where they want to go.
#[rustfmt::skip]
pub(super) const TARGETS: &[Case] = &[
    case("Host instead of :authority", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":path", "/"), ("host", "{o}")])], Refused(400, "target-not-absolute", "RFC 9112 section 3.2.2")),
    case("another Host than the authority", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("host", "other.example")])], Refused(400, "host-mismatch", "RFC 9112 section 3.2.2")),
    case("another scheme", "9110 4.2", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "ftp"), (":authority", "{o}"), (":path", "/")])], Refused(400, "scheme-unsupported", "RFC 9110 section 4.2")),
    case("CONNECT without a port", "9113 8.5", &[Head(0, &[(":method", "CONNECT"), (":authority", "127.0.0.1")])], Refused(400, "target-invalid", "RFC 9112 section 3.2")),
];

/// Refused inside a tunnel by where they want to go.
#[rustfmt::skip]
pub(super) const FRONTED: &[Case] = &[
    case("Host instead of :authority", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":path", "/"), ("host", "{o}")])], Passes),
    case("another Host than the authority", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "{o}"), (":path", "/"), ("host", "other.example")])], Refused(421, "authority-mismatch", "RFC 9110 section 15.5.20")),
    case("another authority", "9113 8.3.1", &[Head(END_STREAM, &[(":method", "GET"), (":scheme", "{s}"), (":authority", "other.example"), (":path", "/")])], Refused(421, "authority-mismatch", "RFC 9110 section 15.5.20")),
    case("a tunnel in a tunnel", "9110 9.3.6", &[Head(0, &[(":method", "CONNECT"), (":authority", "{o}")])], Refused(400, "tunnel-nested", "RFC 9110 section 9.3.6")),
];
