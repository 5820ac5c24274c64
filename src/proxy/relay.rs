//! Bytes both ways, half-closes kept, counted, nothing held while idle where the sockets are bare.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::sleep;

use crate::tls::MintError;

use super::carrier::Carrier;
use super::error::Failed;
use super::guard::Guard;
use super::ingress::Io;
use super::rewound::Rewound;
use super::streams::{Carried, Stream};
use super::wire::websocket::{FrameFault, Frames, Step};
use super::words::{Patience, Words};

/// Room for one read. It is taken when bytes are there and given back when they are
/// through: an idle tunnel holds none.
const BUFFER: usize = 32 * 1024;

/// Room for one read of a stream that cannot say beforehand that there is something to read.
const SMALL_BUFFER: usize = 8 * 1024;

/// How a relay ends.
#[derive(Debug)]
pub(super) enum End {
    Closed,
    ClientFailed(io::Error),
    UpstreamFailed(io::Error),
    Idle,
    Revoked,
    Cut,
    /// The policy forbids what was found inside.
    Barred(Box<Failed>),
    /// The policy forbids what was found in a message.
    MessageBarred,
    /// No certificate could be made for the client.
    Unsigned(MintError),
    /// What the client says does not hold to the form of its protocol.
    Malformed(FrameFault),
    /// The client did not take ours.
    Unbelieved(io::Error),
}

/// Bytes passed each way; also the sign of life.
#[derive(Debug, Default)]
pub(super) struct Passed {
    pub(super) out: AtomicU64,
    pub(super) back: AtomicU64,
    /// Messages of WebSocket that left.
    pub(super) messages: AtomicU64,
    /// How often the client was heard whose messages wait until they are decided.
    pub(super) heard: AtomicU64,
}

/// The client's side of what has stopped being HTTP.
pub(super) enum ClientSide {
    /// A bare socket.
    Bare(Rewound<TcpStream>),
    /// A stream of HTTP/2, or a socket under TLS.
    Wrapped(Rewound<Carried>),
}

impl ClientSide {
    /// Waits until the client has read our last words in HTTP. `None` if it has left.
    pub(super) async fn of(upgrade: OnUpgrade, stream: Option<Stream>) -> Option<Self> {
        Some(match upgrade.await.ok()?.downcast::<TokioIo<Guard<TcpStream>>>() {
            Ok(parts) => {
                // What it had sent behind its request: first what the HTTP server had read, then
                // what the guard still held.
                let (stream, held) = parts.io.into_inner().into_parts();
                Self::Bare(Rewound::new(stream, &[parts.read_buf, held]))
            }
            Err(wrapped) => Self::Wrapped(Rewound::new(Carried::new(wrapped, stream), &[])),
        })
    }

    /// What the client begins with; nothing of it is taken away.
    pub(super) async fn words(&mut self, upstream: &mut Carrier, patience: Patience) -> Words {
        match self {
            Self::Bare(client) => Words::read(client, upstream, patience).await,
            Self::Wrapped(client) => Words::read(client, upstream, patience).await,
        }
    }

    /// Passes bytes until both sides have ended.
    pub(super) async fn relay(self, upstream: Carrier, counts: &Passed) -> End {
        match (self, upstream) {
            (Self::Bare(client), Carrier::Bare(upstream)) => {
                let (client, early) = client.into_parts();
                relay(client, upstream, early, counts).await
            }
            (Self::Bare(client), upstream) => relay_any(client, upstream, counts).await,
            (Self::Wrapped(client), upstream) => relay_any(client, upstream, counts).await,
        }
    }
}

async fn relay(
    mut client: TcpStream,
    mut upstream: TcpStream,
    early: Bytes,
    counts: &Passed,
) -> End {
    let (client_read, mut client_write) = client.split();
    let (upstream_read, mut upstream_write) = upstream.split();
    let outward = async {
        counts.out.fetch_add(length(early.len()), Ordering::Relaxed);
        upstream_write.write_all(&early).await.map_err(End::UpstreamFailed)?;
        drop(early);
        let ends = Ends { read: End::ClientFailed, write: End::UpstreamFailed };
        pump(client_read, &mut upstream_write, &counts.out, ends).await
    };
    let ends = Ends { read: End::UpstreamFailed, write: End::ClientFailed };
    let inward = pump(upstream_read, &mut client_write, &counts.back, ends);
    match tokio::try_join!(outward, inward) {
        Ok(_) => End::Closed,
        Err(end) => end,
    }
}

/// Whose failure a failed read, and a failed write, is.
#[derive(Clone, Copy)]
struct Ends {
    read: fn(io::Error) -> End,
    write: fn(io::Error) -> End,
}

/// Copies until the reader ends, then ends the writer: a half-close is passed on, and
/// the other direction goes on.
async fn pump(
    from: ReadHalf<'_>,
    to: &mut WriteHalf<'_>,
    count: &AtomicU64,
    ends: Ends,
) -> Result<(), End> {
    loop {
        from.readable().await.map_err(ends.read)?;
        let mut buffer = Vec::with_capacity(BUFFER);
        loop {
            buffer.clear();
            match from.try_read_buf(&mut buffer) {
                Ok(0) => return to.shutdown().await.map_err(ends.write),
                Ok(read) => {
                    // Before: a write that breaks off has sent some.
                    count.fetch_add(length(read), Ordering::Relaxed);
                    to.write_all(&buffer).await.map_err(ends.write)?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err((ends.read)(error)),
            }
        }
    }
}

/// The same for streams of any kind.
pub(super) async fn relay_any<C: Io, U: Io>(client: C, upstream: U, counts: &Passed) -> End {
    let (client_read, client_write) = tokio::io::split(client);
    let (upstream_read, upstream_write) = tokio::io::split(upstream);
    let ends = Ends { read: End::ClientFailed, write: End::UpstreamFailed };
    let outward = pump_any(client_read, upstream_write, &counts.out, ends);
    let ends = Ends { read: End::UpstreamFailed, write: End::ClientFailed };
    let inward = pump_any(upstream_read, client_write, &counts.back, ends);
    match tokio::try_join!(outward, inward) {
        Ok(_) => End::Closed,
        Err(end) => end,
    }
}

/// The same for WebSocket where nothing depends on what is said: no frame leaves that does not hold
/// to the form, and messages are counted.
pub(super) async fn relay_frames<C: Io, U: Io>(client: C, upstream: U, counts: &Passed) -> End {
    let (client_read, client_write) = tokio::io::split(client);
    let (upstream_read, upstream_write) = tokio::io::split(upstream);
    let outward = pump_frames(client_read, upstream_write, counts);
    let ends = Ends { read: End::UpstreamFailed, write: End::ClientFailed };
    let inward = pump_any(upstream_read, client_write, &counts.back, ends);
    match tokio::try_join!(outward, inward) {
        Ok(_) => End::Closed,
        Err(end) => end,
    }
}

async fn pump_frames(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    counts: &Passed,
) -> Result<(), End> {
    let mut frames = Frames::default();
    let mut buffer = Vec::with_capacity(SMALL_BUFFER);
    loop {
        buffer.clear();
        let read = from.read_buf(&mut buffer).await.map_err(End::ClientFailed)?;
        if read == 0 {
            return to.shutdown().await.map_err(End::UpstreamFailed);
        }
        let (mut rest, mut ended) = (&*buffer, 0);
        while let Some(step) = frames.step(&mut rest).map_err(End::Malformed)? {
            ended += u64::from(matches!(step, Step::End(Some(_))));
        }
        to.write_all(&buffer).await.map_err(End::UpstreamFailed)?;
        to.flush().await.map_err(End::UpstreamFailed)?;
        counts.out.fetch_add(length(read), Ordering::Relaxed);
        counts.messages.fetch_add(ended, Ordering::Relaxed);
    }
}

async fn pump_any(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    count: &AtomicU64,
    ends: Ends,
) -> Result<(), End> {
    let mut buffer = Vec::with_capacity(SMALL_BUFFER);
    loop {
        buffer.clear();
        let read = from.read_buf(&mut buffer).await.map_err(ends.read)?;
        if read == 0 {
            return to.shutdown().await.map_err(ends.write);
        }
        to.write_all(&buffer).await.map_err(ends.write)?;
        // What is under TLS, or in a stream of HTTP/2, may wait there for more.
        to.flush().await.map_err(ends.write)?;
        count.fetch_add(length(read), Ordering::Relaxed);
    }
}

// === impl Passed ===

impl Passed {
    /// Ends when nothing has passed either way for the limit (and at most twice as long).
    pub(super) async fn idle(&self, limit: Duration) {
        let passed = || [&self.out, &self.back, &self.heard].map(|one| one.load(Ordering::Relaxed));
        let mut before = passed();
        loop {
            sleep(limit).await;
            let now = passed();
            if now == before {
                return;
            }
            before = now;
        }
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).expect("a buffer's length fits 64 bits")
}
