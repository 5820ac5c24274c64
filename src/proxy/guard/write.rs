//! The guard's writing side: slips interim answers in between two messages,
//! notices a client that stops reading, and closes so that a last answer
//! arrives.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Guard;
use super::clock::Phase;
use super::read::MAX_DISCARD;

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_before_write(cx))?;
        let written = Pin::new(&mut this.inner).poll_write(cx, data);
        this.after_write(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_before_write(cx))?;
        let written = Pin::new(&mut this.inner).poll_write_vectored(cx, data);
        this.after_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // The server flushes when it has nothing left to write. Whether the final answer was
        // among what it wrote is known by whether the service has given it.
        this.wire.take_interim(true, &mut this.interim);
        this.between_writes = true;
        ready!(this.poll_interim(cx))?;
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.shut {
            ready!(Pin::new(&mut this.inner).poll_shutdown(cx))?;
            this.shut = true;
            this.linger |= this.stream.in_body() || !this.hold.is_empty();
        }
        this.poll_linger(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guard<S> {
    /// Writes the interim answers that go before what the server is about to write.
    fn poll_before_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.between_writes {
            // Nothing was written since the last flush, so the final answer is yet to come.
            self.wire.take_interim(false, &mut self.interim);
        }
        ready!(self.poll_interim(cx))?;
        self.between_writes = false;
        Poll::Ready(Ok(()))
    }

    fn poll_interim(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.interim.is_empty() {
            let written = Pin::new(&mut self.inner).poll_write(cx, &self.interim);
            let count = ready!(self.after_write(cx, written))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.interim.advance(count);
        }
        Poll::Ready(Ok(()))
    }

    /// Counts what was written, and the time while nothing can be.
    fn after_write(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(count)) => {
                self.wire.count_written(*count);
                self.writing.stop();
                self.reading.restart(Phase::Idle, self.timeouts.idle);
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                if !self.stream.is_tunnel()
                    && self.writing.expired(cx, Phase::Write, self.timeouts.write)
                {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
            }
        }
        written
    }

    /// Keeps the socket open after its last byte went out, while the client may still be
    /// sending: closing then would reset the connection and take the answer with it
    /// (RFC 9112 section 9.6).
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let before = self.discarded;
        // A client that is gone already needs no more care.
        let gone = matches!(self.poll_discard(cx), Poll::Ready(Err(_)));
        self.linger |= self.discarded > before;
        if gone || !self.linger || self.discarded >= MAX_DISCARD {
            return Poll::Ready(Ok(()));
        }
        if self.writing.expired(cx, Phase::Linger, self.timeouts.linger) {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }
}
