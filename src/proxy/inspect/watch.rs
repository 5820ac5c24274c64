//! A body that is longer than what is held: it leaves while the rest is looked at, never further
//! than all is decided, and is broken off when a finding bars it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::data::{Findings, Inspection};

use super::super::frame::{Cut, length};
use super::head;
use super::judge::Judge;
use super::pieces::Pieces;
use super::room::{LITTLE, TAIL, Taken};
use super::source::octets;

type Judging = Pin<Box<dyn Future<Output = Result<(), Cut>> + Send>>;

/// The rest of a body, and what of its beginning has not left.
pub(in crate::proxy) struct Watch {
    live: Incoming,
    inspection: Option<Inspection>,
    /// What came, and has not left.
    tail: Pieces,
    /// How many octets have left.
    left: u64,
    /// How many findings were judged.
    judged: u64,
    judge: Option<Arc<Judge>>,
    judging: Option<Judging>,
    trailers: Option<HeaderMap>,
    ended: bool,
    /// What waits takes so much of the room for all bodies.
    taken: Taken,
    has_room: bool,
    /// Whether it may pass whatever is found.
    free: bool,
}

// === impl Watch ===

impl Watch {
    /// Goes on after what was looked at already.
    pub(super) fn new(live: Incoming, inspection: Inspection, tail: Pieces, taken: Taken) -> Self {
        Self {
            live,
            judged: inspection.count(),
            inspection: Some(inspection),
            tail,
            left: 0,
            judge: None,
            judging: None,
            trailers: None,
            ended: false,
            taken,
            has_room: true,
            free: false,
        }
    }

    /// Nothing that is found can bar it: it passes as it comes, and its end waits for the record.
    pub(super) fn free(mut self) -> Self {
        self.free = true;
        self
    }

    /// Who decides about what is found from now on. Without anybody nothing leaves.
    pub(in crate::proxy) fn judged_by(&mut self, judge: Arc<Judge>) {
        self.judge = Some(judge);
    }

    /// How long it is, if the client said so.
    pub(super) fn size_hint(&self) -> SizeHint {
        let waiting = octets(&self.tail);
        let hint = self.live.size_hint();
        hint.exact().map_or_else(SizeHint::new, |rest| SizeHint::with_exact(rest + waiting))
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        loop {
            if let Some(judging) = &mut self.judging {
                let judged = ready!(judging.as_mut().poll(cx));
                self.judging = None;
                if let Err(cut) = judged {
                    self.tail.clear();
                    return Poll::Ready(Some(Err(cut)));
                }
            }
            if let Some(inspection) = &self.inspection
                && inspection.count() != self.judged
                && !self.free
            {
                let (count, found) = (inspection.count(), inspection.so_far());
                self.ask(count, found);
                continue;
            }
            if let Some(piece) = self.cleared() {
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            if self.ended {
                let trailers = self.trailers.take();
                return Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))));
            }
            if self.inspection.is_some() && self.tail.len() > self.most() {
                self.give_up();
                continue;
            }
            match ready!(Pin::new(&mut self.live).poll_frame(cx)) {
                Some(Ok(frame)) => self.take(frame),
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => self.end(),
            }
        }
    }

    /// How much may wait: little where all bodies together hold much.
    fn most(&self) -> usize {
        if self.has_room { TAIL } else { LITTLE }
    }

    fn take(&mut self, frame: Frame<Bytes>) {
        match frame.into_data() {
            Ok(piece) => {
                self.inspection.iter_mut().for_each(|inspection| inspection.push(&piece));
                self.has_room = self.taken.more(piece.len());
                self.tail.push(piece);
                // Whoever knows the length does not ask for more than that.
                if self.live.is_end_stream() {
                    self.end();
                }
            }
            Err(last) => {
                self.trailers = last.into_trailers().ok();
                if let (Some(inspection), Some(trailers)) = (&mut self.inspection, &self.trailers) {
                    head::look_at_fields(inspection, "trailer", trailers);
                }
                self.end();
            }
        }
    }

    fn end(&mut self) {
        self.ended = true;
        if let Some(inspection) = self.inspection.take() {
            self.ask(u64::MAX, inspection.finish());
        }
    }

    /// What waits is not decided, and waits for too much: the policy decides about that.
    fn give_up(&mut self) {
        let Some(inspection) = self.inspection.take() else { return };
        self.ask(u64::MAX, inspection.abandon());
    }

    fn ask(&mut self, count: u64, found: Findings) {
        self.judged = count;
        self.judging = Some(match &self.judge {
            Some(judge) => Box::pin(Arc::clone(judge).again(found)),
            None => Box::pin(async { Err("nobody decides about this body".into()) }),
        });
    }

    /// The next piece of which all is decided.
    fn cleared(&mut self) -> Option<Bytes> {
        let inspection = self.inspection.as_ref().filter(|_| !self.free);
        let clear = inspection.map_or(u64::MAX, Inspection::decided);
        let room = usize::try_from(clear.saturating_sub(self.left)).unwrap_or(usize::MAX);
        let piece = self.tail.take(room)?;
        self.left += length(&piece);
        self.taken.less(piece.len());
        Some(piece)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Where the client or the destination broke off: what left is told.
        let Some(inspection) = self.inspection.take() else { return };
        if let Some(judge) = self.judge.take().filter(|_| inspection.count() != self.judged) {
            judge.note(inspection.so_far());
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("left", &self.left).finish_non_exhaustive()
    }
}
