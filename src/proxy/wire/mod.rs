//! Judges the bytes of an HTTP/1 request before any parser sees them, and
//! refuses what RFC 9112 forbids and lenient parsers repair, since two parsers
//! that repair differently are how a request is smuggled. Pure: no clock, no
//! socket.

pub mod chunk;
pub mod extensions;
mod fault;
mod field;
pub mod head;
mod line;
pub mod modern;
pub mod server_frames;
pub mod stream;
pub mod websocket;

pub use fault::{Fault, FaultKind};
pub(in crate::proxy) use field::is_token;
pub use stream::Stream;

/// How much a client may send before it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the request line, without its CR LF (RFC 9112 section 3); beyond it 414.
    pub request_line: usize,
    /// Bytes of the whole head, with its empty line (RFC 6585 section 5); beyond it 431.
    pub head: usize,
    /// Number of fields in a head or a trailer section; beyond it 431. The HTTP server behind
    /// the guard must allow at least as many.
    pub headers: usize,
    /// Bytes of chunk extensions in one body (RFC 9112 section 7.1.1); beyond it 400.
    pub chunk_extensions: usize,
    /// Bytes of one trailer section (RFC 9112 section 7.1.2); beyond it 431.
    pub trailers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_line: 8 * 1024,
            head: 64 * 1024,
            headers: 100,
            chunk_extensions: 4 * 1024,
            trailers: 8 * 1024,
        }
    }
}

/// The version a request names (RFC 9112 section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

/// How the end of a request body is found (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// There is none.
    None,
    /// It is this many bytes long, and not empty.
    Length(u64),
    /// It is chunked.
    Chunked,
}

/// What a sound head says about the bytes that follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent word of the request")]
pub struct Framing {
    /// The version named.
    pub version: Version,
    /// How the body ends.
    pub body: Body,
    /// Whether the method is CONNECT (RFC 9110 section 9.3.6).
    pub connect: bool,
    /// Whether it is OPTIONS of a whole server: an absolute URL without path
    /// (RFC 9112 section 3.2.4).
    pub whole_server: bool,
    /// Whether another protocol is offered (RFC 9110 section 7.8), in HTTP/1.1 only.
    pub upgrade: bool,
    /// Whether the client waits for 100 (RFC 9110 section 10.1.1), in HTTP/1.1 only.
    pub expects_continue: bool,
}
