//! A request's body: as it comes, or with its beginning held until all is known of it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::timeout;

use crate::data::{Findings, Inspection};

use super::super::frame::Cut;
use super::head;
use super::pieces::Pieces;
use super::room::{Room, Taken};
use super::watch::Watch;

/// Where a request's body comes from.
#[derive(Debug)]
pub(in crate::proxy) enum Source {
    /// As it comes.
    Live(Incoming),
    /// All of it, or its beginning, is held.
    Held(Box<Held>),
    /// Being read, or nothing.
    Empty,
}

/// What is held of a body.
#[derive(Debug)]
pub(in crate::proxy) struct Held {
    pub(super) pieces: Pieces,
    pub(super) trailers: Option<HeaderMap>,
    /// What comes after it, if it is not all.
    pub(super) rest: Option<Watch>,
    /// What it takes of the room for all bodies; what is watched counts for itself.
    _taken: Option<Taken>,
}

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The client broke it off.
    Cut,
    /// The client paused for too long.
    Stalled,
}

/// What is known when no more is held.
pub(super) enum Reading {
    /// All.
    Whole(Findings),
    /// As much as is held; more comes.
    Begun(Findings),
}

// === impl Source ===

impl Source {
    /// Reads up to `limit` octets, and holds them.
    pub(super) async fn hold(
        self,
        mut inspection: Inspection,
        limit: usize,
        pause: Duration,
        room: &Room,
    ) -> Result<(Self, Reading), Broken> {
        let mut live = match self {
            Self::Live(live) => live,
            other @ (Self::Held(_) | Self::Empty) => {
                return Ok((other, Reading::Whole(inspection.finish())));
            }
        };
        let (mut pieces, mut held, mut taken) = (Pieces::default(), 0, room.enter());
        loop {
            let frame = timeout(pause, live.frame()).await.map_err(|_| Broken::Stalled)?;
            let frame = match frame {
                Some(frame) => frame.map_err(|_| Broken::Cut)?,
                None => return Ok(whole(pieces, None, taken, inspection)),
            };
            let piece = match frame.into_data() {
                Ok(piece) => piece,
                Err(last) => {
                    let trailers = last.into_trailers().ok();
                    trailers.iter().for_each(|trailers| {
                        head::look_at_fields(&mut inspection, "trailer", trailers);
                    });
                    return Ok(whole(pieces, trailers, taken, inspection));
                }
            };
            inspection.push(&piece);
            held += piece.len();
            let has_room = taken.more(piece.len());
            pieces.push(piece);
            if held > limit || !has_room {
                let found = inspection.so_far();
                let rest = Some(Watch::new(live, inspection, pieces, taken));
                let held = Held { pieces: Pieces::default(), trailers: None, rest, _taken: None };
                return Ok((Self::Held(Box::new(held)), Reading::Begun(found)));
            }
        }
    }

    /// Lets it pass while it is looked at: `free` of what is found, or as far as it is decided.
    pub(super) fn watched(self, inspection: Inspection, free: bool, room: &Room) -> Self {
        let Self::Live(live) = self else { return self };
        let watch = Watch::new(live, inspection, Pieces::default(), room.enter());
        let rest = Some(if free { watch.free() } else { watch });
        let (pieces, trailers) = (Pieces::default(), None);
        Self::Held(Box::new(Held { pieces, trailers, rest, _taken: None }))
    }

    /// Whether the rest of it is decided about while it leaves.
    pub(in crate::proxy) fn is_watched(&self) -> bool {
        matches!(self, Self::Held(held) if held.rest.is_some())
    }

    /// What comes after what is held, if that is not all.
    pub(in crate::proxy) fn rest(&mut self) -> Option<&mut Watch> {
        match self {
            Self::Live(_) | Self::Empty => None,
            Self::Held(held) => held.rest.as_mut(),
        }
    }
}

/// How many octets wait.
pub(super) fn octets(pieces: &Pieces) -> u64 {
    u64::try_from(pieces.len()).unwrap_or(u64::MAX)
}

fn whole(
    pieces: Pieces,
    trailers: Option<HeaderMap>,
    taken: Taken,
    inspection: Inspection,
) -> (Source, Reading) {
    let held = Held { pieces, trailers, rest: None, _taken: Some(taken) };
    (Source::Held(Box::new(held)), Reading::Whole(inspection.finish()))
}

impl Body for Source {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            Self::Live(live) => {
                let frame = ready!(Pin::new(live).poll_frame(cx));
                Poll::Ready(frame.map(|frame| frame.map_err(Cut::from)))
            }
            Self::Held(held) => held.poll(cx),
            Self::Empty => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Live(live) => live.is_end_stream(),
            Self::Held(held) => {
                held.pieces.is_empty() && held.trailers.is_none() && held.rest.is_none()
            }
            Self::Empty => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Live(live) => live.size_hint(),
            Self::Held(held) => match &held.rest {
                Some(rest) => rest.size_hint(),
                None => SizeHint::with_exact(octets(&held.pieces)),
            },
            Self::Empty => SizeHint::with_exact(0),
        }
    }
}

impl Held {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if let Some(piece) = self.pieces.take(usize::MAX) {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if let Some(rest) = &mut self.rest {
            return rest.poll(cx);
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }
}
