//! Asking an HTTP proxy for a tunnel (RFC 9110 section 9.3.6). Also `http` requests go through
//! one, so that it connects to the address that was judged and to no other.

use std::io;

use ::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::net::Authority;

use super::super::carrier::Carrier;
use super::super::error::Error;
use super::super::mark::Mark;
use super::{Parent, fault};

/// The longest answer's head that is read.
const MAX_HEAD: usize = 16 * 1024;

/// How much of what a parent said is repeated.
const MAX_SAID: usize = 200;

/// The proxies that the tunnel comes through, this one last.
pub(super) fn trail(before: Option<&HeaderValue>, own: &Mark) -> Vec<u8> {
    let before = before.map(|before| [before.as_bytes(), b", "].concat()).unwrap_or_default();
    [&before, &b"1.1 "[..], own.as_bytes()].concat()
}

/// Asks, and waits for a 2xx.
pub(super) async fn ask(
    carrier: &mut Carrier,
    parent: &Parent,
    target: &Authority,
    trail: &[u8],
) -> Result<(), Error> {
    let cut = |error: io::Error| fault::cut(parent, &error);
    carrier.write_all(&request(parent, target, trail)).await.map_err(cut)?;
    carrier.flush().await.map_err(cut)?;
    let head = read_head(carrier).await.map_err(cut)?;
    let head = head.ok_or_else(|| fault::malformed(parent, "a head without an end"))?;
    let head = String::from_utf8_lossy(&head);
    match status(&head) {
        Some(200..=299) => Ok(()),
        Some(407) => Err(fault::unknown(parent, &said(&head))),
        Some(_) => Err(fault::refused(parent, &said(&head))),
        None => Err(fault::malformed(parent, &printable(head.lines().next().unwrap_or_default()))),
    }
}

fn request(parent: &Parent, target: &Authority, trail: &[u8]) -> Vec<u8> {
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nVia: ").into_bytes();
    request.extend(trail);
    if let Some(credentials) = &parent.credentials {
        let pair = format!("{}:{}", credentials.name, credentials.password);
        let field = format!("\r\nProxy-Authorization: Basic {}", STANDARD.encode(pair));
        request.extend(field.into_bytes());
    }
    request.extend(b"\r\n\r\n");
    request
}

/// Reads up to the empty line and not a byte further: what follows is the destination's. `None` if
/// the head is too long.
async fn read_head(carrier: &mut Carrier) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::with_capacity(256);
    loop {
        let missing = missing(&head);
        if missing == 0 {
            return Ok(Some(head));
        }
        let begin = head.len();
        if begin + missing > MAX_HEAD {
            return Ok(None);
        }
        head.resize(begin + missing, 0);
        let room = head.get_mut(begin..).unwrap_or_default();
        carrier.read_exact(room).await?;
    }
}

/// How many bytes there must be at least before the head can end.
fn missing(head: &[u8]) -> usize {
    let end = b"\r\n\r\n";
    let there = (0..=end.len())
        .rev()
        .find(|count| end.get(..*count).is_some_and(|part| head.ends_with(part)));
    end.len() - there.unwrap_or_default()
}

/// The status of an HTTP/1 answer.
fn status(head: &str) -> Option<u16> {
    let line = head.strip_prefix("HTTP/1.")?.lines().next()?;
    let mut words = line.split(' ');
    let minor = words.next()?;
    let code = words.next()?;
    let fits = minor.len() == 1 && code.len() == 3;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (fits && digits(minor) && digits(code)).then(|| code.parse().ok())?
}

/// The status line and `Proxy-Status` (RFC 9209).
fn said(head: &str) -> String {
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default().split_once(' ').map_or("", |(_, rest)| rest);
    let proxy_status = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("proxy-status").then(|| value.trim())
    });
    match proxy_status {
        Some(value) => format!("{} (Proxy-Status: {})", printable(first), printable(value)),
        None => printable(first),
    }
}

fn printable(text: &str) -> String {
    text.chars().take(MAX_SAID).map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_status_is_three_digits_behind_http_1() {
        assert_eq!(status("HTTP/1.1 200 Connection established\r\n"), Some(200));
        assert_eq!(status("HTTP/1.0 407\r\n"), Some(407));
        for text in ["", "HTTP/2 200 OK", "HTTP/1.1 20 OK", "HTTP/1.1  200 OK", "SSH-2.0-x 200 y"] {
            assert_eq!(status(text), None, "{text}");
        }
    }

    #[test]
    fn what_was_said_is_repeated_without_control_characters() {
        let head = "HTTP/1.1 403 No\u{7}way\r\nx: y\r\nPROXY-STATUS: squid; error=denied\r\n\r\n";
        assert_eq!(said(head), "403 No?way (Proxy-Status: squid; error=denied)");
    }

    #[test]
    fn a_trail_ends_with_this_proxy() {
        let (before, own) = (HeaderValue::from_static("1.1 a, 2 b"), Mark::of("c"));
        assert_eq!(trail(Some(&before), &own), b"1.1 a, 2 b, 1.1 c");
        assert_eq!(trail(None, &own), b"1.1 c");
    }

    proptest! {
        /// Reading what is missing, again and again, ends right behind the first empty line.
        #[test]
        fn a_head_is_read_to_its_end_and_no_further(bytes in "[a\r\n]{0,60}") {
            let bytes = bytes.as_bytes();
            let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
            let mut read = 0;
            let found = loop {
                match missing(&bytes[..read]) {
                    0 => break Some(read),
                    more if read + more > bytes.len() => break None,
                    more => read += more,
                }
            };
            prop_assert_eq!(found, end);
        }
    }
}
