//! What carries bytes to a destination: a socket, or TLS to a proxy in between.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A connection that leads to a destination.
#[derive(Debug)]
pub(super) enum Carrier {
    /// A bare socket.
    Bare(TcpStream),
    /// Under TLS of a proxy in between, and what was read of it to see whether it speaks.
    Secured(Box<TlsStream<TcpStream>>, BytesMut),
}

impl Carrier {
    /// A connection under TLS.
    pub(super) fn secured(stream: TlsStream<TcpStream>) -> Self {
        Self::Secured(Box::new(stream), BytesMut::new())
    }

    /// Waits until the other side has said something, or has ended; nothing of it is lost.
    pub(super) async fn speaks(&mut self) {
        match self {
            // Whoever reads finds out what is wrong with it.
            Self::Bare(stream) => drop(stream.readable().await),
            Self::Secured(stream, read) => drop(stream.read_buf(read).await),
        }
    }

    /// From where the connection was made.
    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Bare(stream) => stream.local_addr(),
            Self::Secured(stream, _) => stream.get_ref().0.local_addr(),
        }
    }
}

impl AsyncRead for Carrier {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Bare(stream) => Pin::new(stream).poll_read(context, into),
            Self::Secured(stream, read) if read.is_empty() => {
                Pin::new(stream).poll_read(context, into)
            }
            Self::Secured(_, read) => {
                let count = read.len().min(into.remaining());
                into.put_slice(&read.split_to(count));
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for Carrier {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Bare(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Secured(stream, _) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Bare(stream) => Pin::new(stream).poll_write_vectored(context, parts),
            Self::Secured(stream, _) => Pin::new(stream).poll_write_vectored(context, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Bare(stream) => stream.is_write_vectored(),
            Self::Secured(stream, _) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Bare(stream) => Pin::new(stream).poll_flush(context),
            Self::Secured(stream, _) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Bare(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Secured(stream, _) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
