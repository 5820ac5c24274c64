//! The trace that something belongs to (W3C Trace Context).

use std::fmt;

use prometheus_client::encoding::{EncodeLabel, EncodeLabelSet, LabelSetEncoder};

/// A place in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The trace, 16 octets in hex.
    id: [u8; 32],
    /// The span of the client, 8 octets in hex.
    span: [u8; 16],
    /// Whether the client records it.
    pub sampled: bool,
}

impl Trace {
    /// A place by its ids, lower-case hex; `None` where they are not, or all zero.
    pub fn new(id: &str, span: &str, sampled: bool) -> Option<Self> {
        Some(Self { id: hex(id)?, span: hex(span)?, sampled })
    }

    /// The trace.
    pub fn id(&self) -> &str {
        text(&self.id)
    }

    /// The span of the client.
    pub fn span(&self) -> &str {
        text(&self.span)
    }
}

impl EncodeLabelSet for Trace {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        ("trace_id", self.id()).encode(encoder.encode_label())
    }
}

/// Upper case is not taken: the recommendation has lower case only.
fn hex<const LEN: usize>(text: &str) -> Option<[u8; LEN]> {
    let octets: [u8; LEN] = text.as_bytes().try_into().ok()?;
    let fits = octets.iter().all(|one| matches!(one, b'0'..=b'9' | b'a'..=b'f'));
    (fits && octets.iter().any(|one| *one != b'0')).then_some(octets)
}

fn text(octets: &[u8]) -> &str {
    std::str::from_utf8(octets).expect("digits of hex are UTF-8")
}
