//! A stream of which some bytes have been read already.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::ingress::Io;

/// Reads what was read before first.
#[derive(Debug)]
pub(super) struct Prefixed<S> {
    before: Bytes,
    stream: S,
}

impl<S> Prefixed<S> {
    pub(super) const fn new(before: Bytes, stream: S) -> Self {
        Self { before, stream }
    }
}

impl<S: Io> AsyncRead for Prefixed<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.before.is_empty() {
            return Pin::new(&mut this.stream).poll_read(context, into);
        }
        let count = this.before.len().min(into.remaining());
        into.put_slice(&this.before.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl<S: Io> AsyncWrite for Prefixed<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn what_was_read_before_comes_first() {
        let (stream, mut other) = tokio::io::duplex(64);
        other.write_all(b" and then").await.unwrap();
        drop(other);
        let mut all = Prefixed::new(Bytes::from_static(b"first"), stream);
        let mut two = [0; 2];
        all.read_exact(&mut two).await.unwrap();
        let mut rest = String::new();
        all.read_to_string(&mut rest).await.unwrap();
        assert_eq!((&two, rest.as_str()), (b"fi", "rst and then"));
    }
}
