//! What a connection begins with: TLS, HTTP, or something else.

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::net::Host;
use crate::tls::{Hello, HelloFault};

use super::super::wire::is_token;

/// The first byte of a TLS handshake (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// How HTTP/2 begins (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// The client ended before it said anything.
    Gone,
    /// Not to be told yet.
    Incomplete,
    /// TLS, to a server of this name.
    Hello(Option<Host>),
    Http1,
    Http2,
    Unknown,
}

/// Reads until it can be told; `line` is the longest request line.
pub(super) async fn read(stream: &mut TcpStream, into: &mut BytesMut, line: usize) -> First {
    loop {
        let more = stream.read_buf(into).await.unwrap_or(0);
        let told = look(into, line);
        if told != First::Incomplete {
            return told;
        }
        if more == 0 {
            return if into.is_empty() { First::Gone } else { told };
        }
    }
}

/// Tells what begins with these bytes; what is told once does not change with more of them.
fn look(bytes: &[u8], line: usize) -> First {
    match bytes.first() {
        None => First::Incomplete,
        Some(&TLS_HANDSHAKE) => match Hello::read(bytes) {
            Ok(Some(hello)) => First::Hello(hello.name),
            Err(HelloFault::NotTls) => First::Unknown,
            // What is TLS and cannot be read is not unknown.
            Ok(None) | Err(HelloFault::Malformed | HelloFault::TooLong) => First::Incomplete,
        },
        Some(_) => look_for_http(bytes, line),
    }
}

/// A request line is known by its shape and not by its method, and taken widely: what is wrong
/// with it is the HTTP server's to say.
fn look_for_http(bytes: &[u8], limit: usize) -> First {
    if bytes.starts_with(PREFACE) {
        return First::Http2;
    }
    if PREFACE.starts_with(bytes) {
        return First::Incomplete;
    }
    // Empty lines before a request line are passed over (RFC 9112 section 2.2).
    let begin = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
    let Some(rest) = begin.and_then(|begin| bytes.get(begin..)) else {
        return if bytes.len() > limit { First::Unknown } else { First::Incomplete };
    };
    let end = memchr::memchr(b'\n', rest);
    let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    let (method, spaced) = (words.next().unwrap_or_default(), line.contains(&b' '));
    if !method.is_empty() && !is_token(method) {
        return First::Unknown;
    }
    let request = match end {
        None if line.len() <= limit => return First::Incomplete,
        None => spaced,
        Some(_) => spaced && is_request(line),
    };
    if request { First::Http1 } else { First::Unknown }
}

/// Whether a line that begins with a token is a request line of some version of HTTP.
fn is_request(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut words = line.split(|byte| *byte == b' ').skip(1).filter(|word| !word.is_empty());
    let target = words.next().unwrap_or_default();
    let last = words.last().unwrap_or_default();
    let versioned = last.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"HTTP/"));
    versioned || target.starts_with(b"/") || memchr::memmem::find(target, b"://").is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::tls::client_hello;

    use super::*;

    #[test]
    fn protocols_are_known_by_how_they_begin() {
        for (bytes, wanted) in [
            (&b"GET / HTTP/1.1\r\n"[..], First::Http1),
            (b"\r\nM-SEARCH * HTTP/1.1\r\n", First::Http1),
            (b"get / http/1.1\r\n", First::Http1),
            (b"GET /\r\n", First::Http1),
            (b"GET / HTTP/1.1\n", First::Http1),
            (PREFACE, First::Http2),
            (b"PRI * HTTP/2.0\r\n\r\nXX", First::Http1),
            (b"PRI", First::Incomplete),
            (b"GET / HTTP/1.1", First::Incomplete),
            (b"", First::Incomplete),
            (b"SSH-2.0-OpenSSH_9.6 Debian-1\r\n", First::Unknown),
            (b"EHLO client.example\r\n", First::Unknown),
            (b"\x13BitTorrent protocol", First::Unknown),
            (b"\x00\x00\x00\x08", First::Unknown),
            (b"\x16\x02\x01\x00\x05hello", First::Unknown),
            (b"\x16\x03\x01\x00\x05hello", First::Incomplete),
        ] {
            assert_eq!(look(bytes, 8192), wanted, "{:?}", String::from_utf8_lossy(bytes));
        }
        let hello = client_hello("a.example", &[]);
        assert_eq!(look(&hello, 8192), First::Hello(Host::parse("a.example").ok()));
        let long = [b"GET /".as_slice(), &[b'a'; 9000]].concat();
        assert_eq!(look(&long, 8192), First::Http1, "the HTTP server says that it is too long");
        assert_eq!(look(&[b'a'; 9000], 8192), First::Unknown);
    }

    proptest! {
        #[test]
        fn what_is_told_once_does_not_change(
            bytes in prop_oneof![
                "[A-Z]{0,4}[ /a:*\r\n]{0,6}[HTP/12.0]{0,9}[\r\nSM]{0,8}".prop_map(String::into_bytes),
                proptest::collection::vec(any::<u8>(), 0..40),
                Just([PREFACE, b"x"].concat()),
                Just(client_hello("a.example", &[])),
            ],
        ) {
            let told = (0..=bytes.len()).map(|end| look(&bytes[..end], 8192));
            let mut told = told.skip_while(|first| *first == First::Incomplete);
            if let Some(first) = told.next() {
                prop_assert!(told.all(|later| later == first), "{first:?}");
            }
        }
    }
}
