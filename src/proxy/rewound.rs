//! A stream of which something has been read already, to see what is spoken on it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::ingress::Io;

/// Gives what was read before first.
#[derive(Debug)]
pub(super) struct Rewound<S> {
    seen: BytesMut,
    inner: S,
}

impl<S: Io> Rewound<S> {
    /// A stream behind bytes that were read from it.
    pub(super) fn new(inner: S, seen: &[Bytes]) -> Self {
        let mut all = BytesMut::new();
        seen.iter().for_each(|bytes| all.extend_from_slice(bytes));
        Self { seen: all, inner }
    }

    /// Everything seen so far that nobody has read.
    pub(super) fn seen(&self) -> &[u8] {
        &self.seen
    }

    /// Waits for more to see; none at the end of the stream. Nothing is lost where it is dropped.
    pub(super) async fn look(&mut self) -> io::Result<usize> {
        self.inner.read_buf(&mut self.seen).await
    }

    /// The stream, and what was seen.
    pub(super) fn into_parts(self) -> (S, Bytes) {
        (self.inner, self.seen.freeze())
    }
}

impl<S: Io> AsyncRead for Rewound<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.seen.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        let count = self.seen.len().min(buf.remaining());
        buf.put_slice(self.seen.get(..count).unwrap_or_default());
        self.seen.advance(count);
        if self.seen.is_empty() {
            self.seen = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Io> AsyncWrite for Rewound<S> {
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
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
