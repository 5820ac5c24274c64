//! A request's body on its way to the destination: passed on frame by frame as it comes,
//! counted, never copied, and held back where the client waits for `100 Continue`.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::policy::Permit;

use super::active::Active;
use super::frame::{Cut, Pause, clean, length};
use super::inspect::Source;
use super::later::{Later, Learned, Testimony};
use super::statement;

/// How much of a request's body has left, and whether the client broke it off.
#[derive(Debug, Default)]
pub(super) struct Progress {
    bytes: AtomicU64,
    /// The head is with a connection, and may have left.
    handed: AtomicBool,
    /// Something of the body left: a byte, a trailer, or its end.
    left: AtomicBool,
    broken: AtomicBool,
    /// The client paused in it for too long.
    stalled: AtomicBool,
    /// Set where the body waits for a word of the destination.
    withheld: OnceLock<Withheld>,
    /// Where it goes.
    socket: Mutex<Option<SocketAddr>>,
    /// What the body tells while it leaves.
    later: Later,
    testimony: tokio::sync::Mutex<Testimony>,
}

/// A body that waits: whether it may still have to, and when it no longer matters.
#[derive(Debug, Default)]
struct Withheld {
    released: AtomicBool,
    over: CancellationToken,
}

/// A request's body on its way to the destination.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// Absent where a request without a body goes out again.
    inner: Option<Source>,
    sent: Arc<Progress>,
    gate: Option<Gate>,
    /// Which trailers are declarations for us.
    active: Arc<Active>,
    /// How long the client may pause, where no guard looks after that.
    pause: Option<Pause>,
    /// Whether the record waits for its end.
    open: bool,
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if self.open {
            // What watches the body has a last word.
            self.inner = None;
            self.sent.later().end();
        }
    }
}

/// Holds a body back until the destination has said `100 Continue`
/// (RFC 9110 section 10.1.1), or for a second: it may never say so. Where it answers at
/// once instead, the body never leaves, and the client is never told to send it.
#[derive(Debug)]
enum Gate {
    /// Waiting; a dropped sender means that the final answer has come.
    Shut { opened: oneshot::Receiver<()>, patience: Pin<Box<Sleep>> },
    /// Answered without the body: waiting for the exchange to end.
    Answered(Pin<Box<WaitForCancellationFutureOwned>>),
}

/// How long a destination may ignore `Expect: 100-continue`.
const PATIENCE: Duration = Duration::from_secs(1);

// === impl Progress ===

impl Progress {
    /// Body bytes that have left.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether the head may have left.
    pub(super) fn is_handed(&self) -> bool {
        self.handed.load(Ordering::Relaxed)
    }

    /// Whether something of the body left. Its mere end is something: the query left before it.
    pub(super) fn has_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    /// Whether the client did not send its body to the end.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Whether that was because it paused for too long.
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Relaxed)
    }

    /// Whether the body was held back to the end.
    pub(super) fn is_withheld(&self) -> bool {
        self.withheld.get().is_some_and(|body| !body.released.load(Ordering::Relaxed))
    }

    /// Where the body goes, once it is on a connection.
    pub(super) fn socket(&self) -> Option<SocketAddr> {
        *self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says where it goes.
    pub(super) fn goes_to(&self, permit: &Permit) {
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        *socket = Some(permit.socket());
    }

    /// What the body told while it left.
    pub(super) fn later(&self) -> MutexGuard<'_, Learned> {
        self.later.lock()
    }

    /// Who has it may keep a verdict.
    pub(super) const fn testimony(&self) -> &tokio::sync::Mutex<Testimony> {
        &self.testimony
    }

    /// Says that nothing more is decided; `false` where a verdict is about to be kept.
    pub(super) fn end_testimony(&self) -> bool {
        self.testimony.try_lock().map(|mut testimony| testimony.end()).is_ok()
    }

    /// Says that the exchange has ended, for a body that was held back.
    pub(super) fn finish(&self) {
        if let Some(body) = self.withheld.get() {
            body.over.cancel();
        }
    }
}

// === impl Outgoing ===

impl Outgoing {
    /// Counts into `sent` what passes.
    pub(super) fn new(inner: Source, sent: Arc<Progress>, active: Arc<Active>) -> Self {
        let open = !inner.is_end_stream();
        if open {
            sent.later().begin();
        }
        Self { inner: Some(inner), sent, gate: None, active, pause: None, open }
    }

    /// Lets the client pause so long and no longer.
    pub(super) fn limited(mut self, pause: Duration) -> Self {
        self.pause = Some(Pause::new(pause));
        self
    }

    /// Says that the head goes to a connection now.
    pub(super) fn hand_over(&self, permit: &Permit) {
        self.sent.handed.store(true, Ordering::Relaxed);
        // Only who decides about the rest asks where it goes.
        if self.inner.as_ref().is_some_and(Source::is_watched) {
            self.sent.goes_to(permit);
        }
    }

    /// Says that the head came back, and whether it is sure that nothing of it had left.
    pub(super) fn came_back(&self, unsent: bool) {
        self.sent.handed.store(!unsent, Ordering::Relaxed);
    }

    /// The same body once more, if there is nothing in it.
    pub(super) fn again(&self) -> Option<Self> {
        let (sent, active) = (Arc::clone(&self.sent), Arc::clone(&self.active));
        let (inner, gate, pause, open) = (None, None, None, false);
        self.is_end_stream().then(|| Self { inner, sent, gate, active, pause, open })
    }

    /// Holds the body back until the returned sender is used.
    pub(super) fn gated(&mut self) -> oneshot::Sender<()> {
        let (open, opened) = oneshot::channel();
        self.sent.withheld.get_or_init(Withheld::default);
        self.gate = Some(Gate::Shut { opened, patience: Box::pin(sleep(PATIENCE)) });
        open
    }

    /// Lets a body that was held back flow.
    pub(super) fn open(&mut self) {
        if self.gate.take().is_some()
            && let Some(withheld) = self.sent.withheld.get()
        {
            withheld.released.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the body may flow; an error when it never will.
    fn poll_gate(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cut>> {
        let Some(withheld) = self.sent.withheld.get() else { return Poll::Ready(Ok(())) };
        if let Some(Gate::Shut { opened, patience }) = &mut self.gate {
            let answered = match Pin::new(opened).poll(cx) {
                Poll::Ready(word) => word.is_err(),
                Poll::Pending => {
                    ready!(patience.as_mut().poll(cx));
                    false
                }
            };
            let over = answered.then(|| Box::pin(withheld.over.clone().cancelled_owned()));
            self.gate = over.map(Gate::Answered);
            withheld.released.store(!answered, Ordering::Relaxed);
        }
        if let Some(Gate::Answered(over)) = &mut self.gate {
            ready!(over.as_mut().poll(cx));
            return Poll::Ready(Err("the destination answered without the body".into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.gate.is_some()
            && let Err(cut) = ready!(self.poll_gate(cx))
        {
            return Poll::Ready(Some(Err(cut)));
        }
        let Self { inner: Some(inner), pause, .. } = &mut *self else { return Poll::Ready(None) };
        let Poll::Ready(frame) = Pin::new(inner).poll_frame(cx) else {
            let Some(pause) = pause else { return Poll::Pending };
            ready!(pause.poll_over(cx));
            self.sent.stalled.store(true, Ordering::Relaxed);
            self.sent.broken.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err("the client paused too long in its body".into())));
        };
        self.pause.iter_mut().for_each(Pause::restart);
        match &frame {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, length);
                self.sent.bytes.fetch_add(bytes, Ordering::Relaxed);
                self.sent.left.store(true, Ordering::Relaxed);
            }
            Some(Err(_)) => self.sent.broken.store(true, Ordering::Relaxed),
            None => self.sent.left.store(true, Ordering::Relaxed),
        }
        let active = &self.active;
        let clean = |frame| undeclared(clean(frame), active);
        Poll::Ready(frame.map(|frame| frame.map(clean)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// Trailers come too late to declare anything, and what they declare is for nobody else.
fn undeclared(frame: Frame<Bytes>, active: &Active) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(mut trailers) => {
            active.carriers.strip(&mut trailers);
            statement::strip(&mut trailers);
            Frame::trailers(trailers)
        }
        Err(frame) => frame,
    }
}
