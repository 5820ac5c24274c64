//! What the client is answered with: our own words, or the destination's answer, passed
//! on frame by frame as it comes, counted, never copied.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};

use crate::audit::Fault;

use super::draft::Draft;
use super::frame::{Cut, Pause, clean, length};
use super::guard::Served;
use super::pool::Lease;
use super::streams::Stream;

/// What the client is answered with.
#[derive(Debug)]
pub(super) struct Body {
    source: Source,
    /// The connection does not count as idle until the body has been sent.
    _served: Option<Served>,
}

#[derive(Debug)]
enum Source {
    /// Our own words.
    Own(Full<Bytes>),
    /// The destination's answer.
    Passed(Box<Passed>),
}

/// An answer on its way to the client. When it has been read to the end, the connection
/// rests and the record is written; a body that breaks off is never ended cleanly.
#[derive(Debug)]
pub(super) struct Passed {
    inner: Incoming,
    draft: Draft,
    lease: Option<Lease>,
    pause: Pause,
    /// On what it goes, where it must wait for the client's windows (HTTP/2).
    stream: Option<Stream>,
    /// What came at once, and waits to go in pieces.
    rest: Bytes,
    ended: bool,
}

/// One piece on a stream of HTTP/2: a client that is slow, but not too slow, takes it in time.
const PIECE: usize = 16 * 1024;

// === impl Body ===

impl Body {
    /// A body of our own.
    pub(super) fn own(text: impl Into<Bytes>, served: Option<Served>) -> Self {
        Self { source: Source::Own(Full::new(text.into())), _served: served }
    }

    /// The destination's body, which pauses no longer than `pause` says; `lease` rests when it ends.
    pub(super) fn passed(
        inner: Incoming,
        pause: Pause,
        (draft, lease): (Draft, Lease),
        served: Served,
    ) -> Self {
        let passed = Passed {
            ended: inner.is_end_stream(),
            inner,
            draft,
            lease: Some(lease),
            pause,
            stream: Stream::current(),
            rest: Bytes::new(),
        };
        Self { source: Source::Passed(Box::new(passed)), _served: Some(served) }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut self.get_mut().source {
            Source::Own(body) => {
                let frame = ready!(Pin::new(body).poll_frame(cx));
                Poll::Ready(frame.map(|frame| frame.map_err(|never| match never {})))
            }
            Source::Passed(body) => body.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Own(body) => body.is_end_stream(),
            Source::Passed(body) => body.rest.is_empty() && body.inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Own(body) => body.size_hint(),
            // What is left of it is asked for before the first piece alone.
            Source::Passed(body) => body.inner.size_hint(),
        }
    }
}

// === impl Passed ===

impl Passed {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let Some(stream) = self.stream.clone() else { return self.poll_whole(cx) };
        stream.asked();
        if self.rest.is_empty() {
            match ready!(self.poll_whole(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                end => return Poll::Ready(end),
            }
        }
        stream.gave();
        let piece = self.rest.split_to(self.rest.len().min(PIECE));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn poll_whole(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let Poll::Ready(next) = Pin::new(&mut self.inner).poll_frame(cx) else {
            ready!(self.pause.poll_over(cx));
            let detail = "the destination's answer paused too long";
            self.draft.cut(Fault::Upstream, "answer-stalled", detail);
            return Poll::Ready(Some(Err(detail.into())));
        };
        self.pause.restart();
        match next {
            Some(Ok(frame)) => Poll::Ready(Some(Ok(self.count(frame)))),
            Some(Err(error)) => {
                self.draft.cut(
                    Fault::Upstream,
                    "answer-cut",
                    format!("the answer broke off: {error}"),
                );
                Poll::Ready(Some(Err(error.into())))
            }
            None => {
                self.ended = true;
                Poll::Ready(None)
            }
        }
    }

    fn count(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        if let Some(data) = frame.data_ref() {
            self.draft.record().bytes_in += length(data);
        }
        // Trailers are the last there is; nobody asks again after them.
        self.ended = frame.is_trailers() || self.inner.is_end_stream();
        clean(frame)
    }
}

impl Drop for Passed {
    fn drop(&mut self) {
        if self.ended && self.rest.is_empty() {
            // A connection on which a body still waits to be sent cannot serve another.
            let whole = !self.draft.sent().is_withheld();
            self.lease.take().filter(|_| whole).into_iter().for_each(Lease::rest);
        } else {
            self.draft.leave("before the end of the answer");
        }
    }
}
