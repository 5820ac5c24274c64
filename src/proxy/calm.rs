//! Ends an HTTP/2 connection whose client does little but keep us answering: floods of PING,
//! SETTINGS, PRIORITY and frames that mean nothing (CVE-2019-9512, CVE-2019-9513, CVE-2019-9515).
//! The HTTP server behind bounds what such a client can make it hold, not how long it may go on.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Octets of the client's preface (RFC 9113 section 3.4), and of the head of a frame
/// (section 4.1).
const PREFACE: usize = 24;
const HEAD: usize = 9;

/// Types of frames that ask for something or carry something (RFC 9113 section 6), and the flag
/// of an acknowledgement.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const ACK: u8 = 1;

/// Frames of no use that a client may send within [`SPAN`]. Clients that measure the way with
/// PING send one each time it comes back: some thousands a second on the shortest.
const CHATTER: u32 = 20_000;
const SPAN: Duration = Duration::from_secs(1);

/// How often the head goes on that the HTTP server is given in place of a flood.
const CONTINUATIONS: usize = 64;

/// A stream of frames that are counted as they are read.
#[derive(Debug)]
pub(super) struct Calm<S> {
    inner: S,
    /// The head of a frame of which not all has been read.
    head: [u8; HEAD],
    known: usize,
    /// Octets up to the next head.
    skip: usize,
    chatter: u32,
    since: Instant,
    flooded: bool,
    stand_in: Bytes,
}

impl<S> Calm<S> {
    pub(super) fn new(inner: S) -> Self {
        Self {
            inner,
            head: [0; HEAD],
            known: 0,
            skip: PREFACE,
            chatter: 0,
            since: Instant::now(),
            flooded: false,
            stand_in: Bytes::new(),
        }
    }

    /// Follows the frames in `fresh`; says how many octets may be handed on, up to the end of the
    /// frame that is too many.
    fn follow(&mut self, fresh: &[u8]) -> usize {
        let mut rest = fresh;
        while !rest.is_empty() && !self.is_over() {
            if self.skip > 0 {
                let count = self.skip.min(rest.len());
                self.skip -= count;
                rest = rest.get(count..).unwrap_or_default();
            } else if let [first, behind @ ..] = rest {
                if let Some(octet) = self.head.get_mut(self.known) {
                    *octet = *first;
                }
                self.known += 1;
                rest = behind;
                if self.known == HEAD {
                    self.note();
                }
            }
        }
        fresh.len() - rest.len()
    }

    /// Takes the head of a frame that has been read.
    fn note(&mut self) {
        let [high, middle, low, kind, flags, ..] = self.head;
        let length = u32::from_be_bytes([0, high, middle, low]);
        (self.known, self.skip) = (0, usize::try_from(length).unwrap_or(usize::MAX));
        let useful = match kind {
            DATA | HEADERS | RST_STREAM | WINDOW_UPDATE | CONTINUATION => true,
            SETTINGS | PING => flags & ACK != 0,
            _ => false,
        };
        if useful {
            return;
        }
        self.chatter += 1;
        if self.chatter >= CHATTER {
            self.flooded = self.since.elapsed() < SPAN;
            (self.chatter, self.since) = (0, Instant::now());
            if self.flooded {
                self.stand_in = stand_in();
            }
        }
    }

    /// Whether nothing more is read: there has been a flood, and its last frame is whole.
    fn is_over(&self) -> bool {
        self.flooded && self.skip == 0 && self.known == 0
    }
}

/// A head that is continued by nothing, over and over: the HTTP server ends the connection with
/// ENHANCE_YOUR_CALM.
fn stand_in() -> Bytes {
    let begun = [0, 0, 0, HEADERS, 0, 0, 0, 0, 1];
    let going_on = [0, 0, 0, CONTINUATION, 0, 0, 0, 0, 1];
    Bytes::from([&begun[..], &going_on.repeat(CONTINUATIONS)].concat())
}

impl<S: AsyncRead + Unpin> AsyncRead for Calm<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.is_over() {
            let count = this.stand_in.len().min(buf.remaining());
            buf.put_slice(&this.stand_in.split_to(count));
            return Poll::Ready(Ok(()));
        }
        let start = buf.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
        let sound = this.follow(buf.filled().get(start..).unwrap_or_default());
        buf.set_filled(start + sound);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Calm<S> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0, 0, length, kind, flags, 0, 0, 0, 0], payload].concat()
    }

    #[test]
    fn a_flood_is_cut_at_the_end_of_a_frame_however_it_comes() {
        let ping = frame(PING, 0, b"12345678");
        let allowed = usize::try_from(CHATTER).unwrap() * ping.len();
        let bytes = [vec![0; PREFACE], ping.repeat(usize::try_from(CHATTER).unwrap() + 5)].concat();
        for step in [1, 7, 4096, bytes.len()] {
            let mut calm = Calm::new(());
            // The clock must not stop the flood on a slow machine.
            calm.since = Instant::now() + Duration::from_hours(1);
            let passed: usize = bytes.chunks(step).map(|piece| calm.follow(piece)).sum();
            assert_eq!((passed, calm.is_over()), (PREFACE + allowed, true), "{step}");
        }
    }

    #[test]
    fn frames_of_use_and_chatter_over_time_pass() {
        let useful = [frame(DATA, 0, b"abc"), frame(PING, ACK, b"12345678"), frame(3, 0, b"abcd")];
        let bytes = [vec![0; PREFACE], useful.concat().repeat(30_000)].concat();
        let mut calm = Calm::new(());
        assert_eq!(calm.follow(&bytes), bytes.len());
        let pings = frame(PING, 0, b"12345678").repeat(usize::try_from(CHATTER).unwrap());
        calm.since = Instant::now().checked_sub(SPAN).unwrap();
        assert_eq!((calm.follow(&pings), calm.is_over()), (pings.len(), false));
    }
}
