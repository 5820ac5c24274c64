//! The first words in a tunnel: what the client speaks there.

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use crate::tls::{Hello, HelloFault};

use super::carrier::Carrier;
use super::ingress::Io;
use super::rewound::Rewound;
use super::settings::Settings;

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

/// How long is waited for first words, and how sure one has to be of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For anything.
    any: Duration,
    /// For the rest of what may be HTTP.
    begun: Duration,
    /// Whether whatever looks like HTTP is taken for that: nothing else could be passed.
    sealed: bool,
}

/// A line that is longer than this without an end is no other protocol's.
const MOST_LINE: usize = 64 * 1024;

/// As many octets as the longest method and its space, and the preface of HTTP/2, have.
const ENOUGH: usize = 24;

/// How a connection begins in HTTP/2 (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// === impl Patience ===

impl Patience {
    /// That with a tunnel which must be read, or need not.
    pub(super) fn with(settings: &Settings, sealed: bool) -> Self {
        let begun = settings.head_timeout;
        // Where nothing has to be read, nothing is lost by waiting for it as long as it may stand.
        let any = if sealed { begun } else { settings.tunnel_idle_timeout };
        Self { any, begun, sealed }
    }
}

// === impl Words ===

impl Words {
    /// Reads as much as tells what is spoken, and takes nothing away. A destination that speaks
    /// first ends the wait, and so does the time.
    pub(super) async fn read<S: Io>(
        client: &mut Rewound<S>,
        upstream: &mut Carrier,
        patience: Patience,
    ) -> Self {
        let words = tokio::select! {
            biased;
            words = timeout(patience.any, Self::spoken(client, patience)) => {
                words.unwrap_or(Self::Other)
            }
            () = upstream.speaks() => Self::Other,
        };
        // Half a hello is no way past who looks at whole ones.
        let half = !client.seen().is_empty() && Hello::read(client.seen()) == Ok(None);
        if words == Self::Other && half { Self::Broken(HelloFault::Malformed) } else { words }
    }

    async fn spoken<S: Io>(client: &mut Rewound<S>, patience: Patience) -> Self {
        let mut end = None;
        loop {
            let seen = client.seen();
            let words = if patience.sealed { Self::of(seen) } else { Self::surely(seen) };
            if let Some(words) = words {
                return words;
            }
            let looked = if seen.is_empty() || Hello::may_begin(seen) {
                client.look().await
            } else {
                let end = *end.get_or_insert_with(|| Instant::now() + patience.begun);
                let looked = timeout_at(end, client.look()).await;
                // Half a request is no way past who looks at whole ones; half a word is none.
                let Ok(looked) = looked else {
                    return Self::of(client.seen()).unwrap_or(Self::Other);
                };
                looked
            };
            match looked {
                Ok(0) if client.seen().is_empty() => return Self::Gone,
                Ok(0) => return Self::Other,
                Ok(_) => {}
                Err(_) => return Self::Gone,
            }
        }
    }

    /// The same where other protocols may pass, some of which begin with words in capitals:
    /// HTTP/1 is what says so at the end of its first line.
    fn surely(bytes: &[u8]) -> Option<Self> {
        // Empty lines before a request are passed over (RFC 9112 section 2.2).
        let empty = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let line = bytes.get(empty..).unwrap_or_default();
        let words = Self::of(line)?;
        if words != Self::Http1 {
            return Some(if empty > 0 { Self::Other } else { words });
        }
        let line = line.split_inclusive(|byte| *byte == b'\n').next()?;
        if !line.ends_with(b"\n") {
            return (line.len() > MOST_LINE).then_some(Self::Http1);
        }
        let last = line.trim_ascii_end().rsplit(|byte| *byte == b' ').next();
        let says = last.is_some_and(|last| last.starts_with(b"HTTP/"));
        Some(if says { Self::Http1 } else { Self::Other })
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
        let letter = |byte: &&u8| byte.is_ascii_uppercase() || **byte == b'-';
        let method = bytes.iter().take_while(letter).count();
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
        assert_eq!(Words::of(b"VERSION-CONTROL /"), Some(Words::Http1));
        let broken = Words::Broken(HelloFault::Malformed);
        assert_eq!(Words::of(&[0x16, 3, 1, 0, 4, 2, 0, 0, 0]), Some(broken));
    }

    #[test]
    fn other_protocols_have_words_in_capitals_too() {
        for text in ["NICK me\r\n", "OPTIONS rtsp://a RTSP/1.0\r\n", "GET /\r\n", "hello", "\r\nhi"]
        {
            assert_eq!(Words::surely(text.as_bytes()), Some(Words::Other), "{text}");
        }
        for text in ["", "GE", "GET / HTTP/1.1", "NICK me", "\r\n", "PRI * HTTP/2.0\r\n\r\n"] {
            assert_eq!(Words::surely(text.as_bytes()), None, "{text}");
        }
        for text in ["GET / HTTP/1.1\r\n", "GET / HTTP/1.1\n", "\r\n\nGET /x HTTP/1.0 \r\n"] {
            assert_eq!(Words::surely(text.as_bytes()), Some(Words::Http1), "{text}");
        }
        let long = [b"GET /".to_vec(), vec![b'a'; MOST_LINE]].concat();
        assert_eq!(Words::surely(&long), Some(Words::Http1));
    }
}
