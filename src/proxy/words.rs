//! The first words in a tunnel: what the client speaks there.

use std::time::Duration;

use tokio::time::timeout;

use crate::tls::{Hello, HelloFault};

use super::carrier::Carrier;
use super::ingress::Io;
use super::rewound::Rewound;

/// What a client begins a tunnel with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Words {
    /// HTTP/1 as plain text.
    Http1,
    /// HTTP/2 as plain text, with prior knowledge.
    Http2,
    /// Something else, or nothing before the destination speaks.
    Other,
    /// TLS.
    Tls(Hello),
    /// TLS that does not hold to its own form.
    Broken(HelloFault),
    /// Nothing: it has left.
    Gone,
}

/// As many octets as the longest method and its space, and the preface of HTTP/2, have.
const ENOUGH: usize = 24;

/// How a connection begins in HTTP/2 (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

impl Words {
    /// Reads as much as tells what is spoken, or whether TLS is where nothing else matters, and takes
    /// nothing away. A destination that speaks
    /// first ends the wait, and so does the time.
    pub(super) async fn read<S: Io>(
        client: &mut Rewound<S>,
        upstream: &mut Carrier,
        limit: Duration,
        tls_alone: bool,
    ) -> Self {
        let speaks = async {
            loop {
                let other = tls_alone && !Hello::may_begin(client.seen());
                if other {
                    return Self::Other;
                }
                if let Some(words) = Self::of(client.seen()) {
                    return words;
                }
                match client.look().await {
                    Ok(0) if client.seen().is_empty() => return Self::Gone,
                    Ok(0) => return Self::Other,
                    Ok(_) => {}
                    Err(_) => return Self::Gone,
                }
            }
        };
        let words = tokio::select! {
            biased;
            words = timeout(limit, speaks) => words.unwrap_or(Self::Other),
            () = upstream.speaks() => Self::Other,
        };
        // Half a hello is no way past who looks at whole ones.
        let half = !client.seen().is_empty() && Hello::read(client.seen()) == Ok(None);
        if words == Self::Other && half { Self::Broken(HelloFault::Malformed) } else { words }
    }

    /// What the bytes so far say; `None` while they may become several things.
    fn of(bytes: &[u8]) -> Option<Self> {
        match Hello::read(bytes) {
            Ok(Some(hello)) => return Some(Self::Tls(hello)),
            Ok(None) => return None,
            Err(HelloFault::NotTls) => {}
            Err(fault) => return Some(Self::Broken(fault)),
        }
        if bytes.starts_with(PREFACE) {
            return Some(Self::Http2);
        }
        if PREFACE.starts_with(bytes) {
            return None;
        }
        let method = bytes.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
        match bytes.get(method) {
            Some(b' ') if method > 2 => Some(Self::Http1),
            None if method < ENOUGH => None,
            _ => Some(Self::Other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_octets_tell() {
        assert_eq!(Words::of(b""), None);
        assert_eq!(Words::of(b"GE"), None);
        assert_eq!(Words::of(b"GET /"), Some(Words::Http1));
        assert_eq!(Words::of(b"PR"), None);
        assert_eq!(Words::of(b"PROPFIND "), Some(Words::Http1));
        assert_eq!(Words::of(b"PRI * HTTP/2.0\r\n\r\nSM\r\n"), None);
        assert_eq!(Words::of(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Some(Words::Http2));
        assert_eq!(Words::of(b"SSH-2.0-OpenSSH"), Some(Words::Other));
        assert_eq!(Words::of(&[0x16, 3]), None);
        let broken = Words::Broken(HelloFault::Malformed);
        assert_eq!(Words::of(&[0x16, 3, 1, 0, 4, 2, 0, 0, 0]), Some(broken));
    }
}
