//! What both bodies do with each frame.

use bytes::Bytes;
use http::HeaderMap;
use hyper::body::Frame;

use super::fields;

/// Why a body broke off.
pub(super) type Cut = Box<dyn std::error::Error + Send + Sync>;

/// Trailers pass without fields that frame or route a message (RFC 9110 section 6.5.1).
pub(super) fn clean(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(mut trailers) => {
            clean_trailers(&mut trailers);
            Frame::trailers(trailers)
        }
        Err(frame) => frame,
    }
}

fn clean_trailers(trailers: &mut HeaderMap) {
    fields::strip(trailers);
    for name in ["content-length", "host", "content-encoding", "content-type", "content-range"] {
        trailers.remove(name);
    }
}

pub(super) fn length(data: &Bytes) -> u64 {
    u64::try_from(data.len()).expect("a buffer's length fits 64 bits")
}
