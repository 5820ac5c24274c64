//! What both bodies do with each frame, and with the time between two.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use hyper::body::Frame;
use tokio::time::{Sleep, sleep};

use super::fields;
use super::settings::Settings;

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

/// How long a body of this type may pause, where others may for `usual`: calls of gRPC and streams
/// of events are as silent as tunnels while nothing happens.
pub(super) fn patience(settings: &Settings, headers: &HeaderMap, usual: Duration) -> Duration {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let begins = |name: &str| {
        let start = kind.get(..name.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
    };
    if begins("application/grpc") || begins("text/event-stream") {
        usual.max(settings.tunnel_idle_timeout)
    } else {
        usual
    }
}

/// Measures silence; the timer exists only while there is some.
#[derive(Debug)]
pub(super) struct Pause {
    limit: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pause {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, timer: None }
    }

    pub(super) fn restart(&mut self) {
        self.timer = None;
    }

    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(self.limit)));
        timer.as_mut().poll(cx)
    }
}
