//! What runs for the streams of a client's HTTP/2 connection: counted for the drain, and cut
//! where a stream must not end as if it were whole, or where the client takes nothing.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::Executor;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::frame::Pause;

tokio::task_local! {
    static CURRENT: Stream;
}

/// One stream, as far as its tasks must know of each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream(Arc<State>);

#[derive(Debug, Default)]
struct State {
    cut: CancellationToken,
    /// Pieces of the answer that the HTTP server was given, twice, and one more while it has
    /// not come back for the next.
    given: AtomicU64,
}

/// Runs the tasks of streams.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    tasks: TaskTracker,
    /// How long a client may take for one piece of an answer.
    patience: Duration,
}

/// A tunnel's stream of bytes on the client's side. Where it is dropped before its end was said,
/// the client must not take it for whole: its stream is reset.
#[derive(Debug)]
pub(super) struct Carried {
    inner: TokioIo<Upgraded>,
    stream: Option<Stream>,
}

// === impl Stream ===

impl Stream {
    /// The stream of the task that asks; none on a connection of HTTP/1.
    pub(super) fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// The HTTP server comes for the next piece.
    pub(super) fn asked(&self) {
        self.0.given.fetch_and(!1, Ordering::Relaxed);
    }

    /// The HTTP server takes a piece.
    pub(super) fn gave(&self) {
        self.0.given.fetch_add(3, Ordering::Relaxed);
    }

    /// The piece that waits for the client, by its number.
    fn owed(&self) -> Option<u64> {
        Some(self.0.given.load(Ordering::Relaxed)).filter(|given| given % 2 == 1)
    }
}

// === impl Streams ===

impl Streams {
    pub(super) fn new(tasks: &TaskTracker, patience: Duration) -> Self {
        Self { tasks: tasks.clone(), patience }
    }
}

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, future: F) {
        // What a stream's task sets going belongs to the same stream.
        let stream = Stream::current().unwrap_or_default();
        self.tasks.spawn(keep(future, stream, self.patience));
    }
}

/// Runs a stream's task until it ends, or is cut; dropping it resets what has not ended.
async fn keep<F: Future>(future: F, stream: Stream, patience: Duration) {
    let mut cut = pin!(stream.0.cut.cancelled());
    let mut task = pin!(CURRENT.scope(stream.clone(), future));
    let (mut pause, mut before) = (Pause::new(patience), None);
    poll_fn(|cx| {
        if cut.as_mut().poll(cx).is_ready() || task.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let owed = stream.owed();
        if owed.is_none() || owed != before {
            before = owed;
            pause.restart();
        }
        if owed.is_some() { pause.poll_over(cx) } else { Poll::Pending }
    })
    .await;
}

// === impl Carried ===

impl Carried {
    pub(super) fn new(upgraded: Upgraded, stream: Option<Stream>) -> Self {
        Self { inner: TokioIo::new(upgraded), stream }
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        // Before `inner` goes, which would end the stream well.
        if let Some(stream) = &self.stream {
            stream.0.cut.cancel();
        }
    }
}

impl AsyncRead for Carried {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for Carried {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream = None;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
