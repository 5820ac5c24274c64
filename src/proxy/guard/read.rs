//! The guard's reading side: sorts what comes into what may go on, what must
//! wait and what is refused, in place where it can.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use super::clock::Phase;
use super::{Guard, Refusal, STAND_IN};
use crate::proxy::wire::stream::Step;
use crate::proxy::wire::{Fault, FaultKind};

/// Bytes read at a time while a head is unfinished.
const HOLD_STEP: usize = 4 * 1024;

/// Bytes held while it is undecided whether a tunnel begins.
const MAX_EARLY: usize = 16 * 1024;

/// Bytes of a refused request line kept for the record.
const MAX_REQUEST_LINE: usize = 200;

/// Bytes thrown away at the end so that the client can read a last answer: more than the buffers
/// of two sockets hold of an upload, by the kernel's defaults 10 MiB.
pub(super) const MAX_DISCARD: usize = 16 * 1024 * 1024;

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            this.waker = Some(cx.waker().clone());
            this.wire.watch(cx.waker());
        }
        while buf.remaining() > 0 {
            if this.give(buf) {
                return Poll::Ready(Ok(()));
            }
            if let Some(fault) = this.broken {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)));
            }
            if ready!(this.poll_progress(cx, buf))? {
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> Guard<S> {
    /// Hands on what has been cleared, or else the stand-in; says whether there was any.
    fn give(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        if self.cleared > 0 {
            let count = self.cleared.min(buf.remaining());
            buf.put_slice(self.hold.get(..count).unwrap_or_default());
            self.hold.advance(count);
            self.cleared -= count;
            if self.hold.is_empty() {
                // An idle connection keeps no buffer.
                self.hold = BytesMut::new();
            }
            return true;
        }
        let count = self.stand_in.len().min(buf.remaining());
        let (now, later) = self.stand_in.split_at(count);
        buf.put_slice(now);
        self.stand_in = later;
        count > 0
    }

    /// Makes one step; says whether `buf` holds the outcome, which may be the end of input.
    fn poll_progress(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        if self.stream.is_waiting() {
            if self.wire.is_tunnel() {
                self.stream.open_tunnel();
                self.sort_held();
                return Poll::Ready(Ok(false));
            }
            if self.wire.ended() >= self.stream.heads() {
                self.stream.resume();
                self.sort_held();
                return Poll::Ready(Ok(false));
            }
            if self.hold.len() >= MAX_EARLY {
                // The end of the request, or the tunnel, wakes this task.
                return Poll::Pending;
            }
            return self.poll_hold(cx);
        }
        if self.stream.is_refused() {
            // Not read until the answer is out: what the socket cannot hold stops the client.
            return self.wait(cx);
        }
        if self.hold.is_empty() { self.poll_in_place(cx, buf) } else { self.poll_hold(cx) }
    }

    /// Reads straight into the server's buffer and leaves there what is sound.
    fn poll_in_place(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        let start = buf.filled().len();
        if Pin::new(&mut self.inner).poll_read(cx, buf)?.is_pending() {
            return self.wait(cx);
        }
        let fresh = buf.filled().get(start..).unwrap_or_default();
        if fresh.is_empty() {
            return Poll::Ready(Ok(true));
        }
        self.wire.count_read(fresh.len());
        self.reading.stop();
        let sound = self.sort(fresh);
        buf.set_filled(start + sound);
        Poll::Ready(Ok(sound > 0))
    }

    /// Reads behind what is held, as the held bytes cannot be judged without more.
    fn poll_hold(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let early = self.stream.is_waiting();
        self.hold.reserve(HOLD_STEP);
        let mut room = (&mut self.hold).limit(HOLD_STEP);
        let read = pin!(self.inner.read_buf(&mut room)).poll(cx)?;
        let Poll::Ready(count) = read else { return self.wait(cx) };
        if count == 0 {
            return Poll::Ready(Ok(true));
        }
        self.wire.count_read(count);
        if !early {
            self.sort_held();
        }
        Poll::Ready(Ok(false))
    }

    /// Judges bytes that are in the server's buffer; returns how many may stay there, and holds
    /// or refuses the rest.
    fn sort(&mut self, fresh: &[u8]) -> usize {
        let mut sound = 0;
        loop {
            let rest = fresh.get(sound..).unwrap_or_default();
            match self.stream.step(rest) {
                Ok(Step::Pass(count)) => sound += count,
                Ok(Step::Skip(count)) => {
                    self.hold.extend_from_slice(rest.get(count..).unwrap_or_default());
                    self.sort_held();
                    break;
                }
                Ok(Step::Keep) => {
                    self.hold.extend_from_slice(rest);
                    break;
                }
                Err(fault) => {
                    self.refuse(fault, rest);
                    break;
                }
            }
        }
        self.note_version();
        sound
    }

    /// Judges what is held and not cleared.
    fn sort_held(&mut self) {
        loop {
            let rest = self.hold.get(self.cleared..).unwrap_or_default();
            match self.stream.step(rest) {
                Ok(Step::Pass(count)) => {
                    self.cleared += count;
                    self.reading.stop();
                }
                Ok(Step::Skip(count)) => {
                    let mut rest = self.hold.split_off(self.cleared);
                    rest.advance(count);
                    self.hold.unsplit(rest);
                }
                Ok(Step::Keep) => break,
                Err(fault) => {
                    let rest = self.hold.split_off(self.cleared);
                    self.refuse(fault, &rest);
                    break;
                }
            }
        }
        self.note_version();
    }

    fn note_version(&self) {
        if self.stream.saw_old_version() {
            self.wire.note_old_version();
        }
        self.wire.note_whole_server(self.stream.whole_server());
    }

    /// Records a fault in `rest`, a head or part of a body, and prepares what the server gets.
    fn refuse(&mut self, fault: Fault, rest: &[u8]) {
        self.reading.stop();
        self.linger = true;
        if self.stream.was_in_body() {
            self.wire.note_body_fault(fault);
            self.broken = Some(fault);
        } else {
            let number = self.stream.heads() + 1;
            let request_line = printable(rest);
            self.wire.note_refusal(Refusal { fault, number, request_line });
            self.stand_in = STAND_IN;
        }
    }

    /// Waits for the client, but not for ever.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let busy = self.stream.heads() > self.wire.ended();
        let (phase, limit) = if self.stream.is_tunnel() || self.stream.is_waiting() {
            return Poll::Pending;
        } else if self.stream.in_body() {
            (Phase::Body, self.timeouts.body)
        } else if !self.hold.is_empty() {
            (Phase::Head, self.timeouts.head)
        } else if busy {
            self.reading.stop();
            return Poll::Pending;
        } else {
            (Phase::Idle, self.timeouts.idle)
        };
        if !self.reading.expired(cx, phase, limit) {
            return Poll::Pending;
        }
        self.reading.stop();
        match phase {
            Phase::Body => {
                let fault = Fault::new(FaultKind::BodyTimeout, 0);
                self.linger = true;
                self.stream.refuse();
                self.wire.note_body_fault(fault);
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, fault)))
            }
            Phase::Head => {
                let head = self.hold.split();
                self.stream.refuse();
                self.refuse(Fault::new(FaultKind::HeadTimeout, head.len()), &head);
                Poll::Ready(Ok(false))
            }
            // Nothing was asked for, or an answer is not being read: an end of input makes the
            // server close.
            Phase::Idle | Phase::Write | Phase::Linger => Poll::Ready(Ok(true)),
        }
    }

    /// Throws away what the client still sends, up to a bound, until nothing is there.
    pub(super) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut scratch = [0; 8 * 1024];
        while self.discarded < MAX_DISCARD {
            let mut scratch = ReadBuf::new(&mut scratch);
            if Pin::new(&mut self.inner).poll_read(cx, &mut scratch)?.is_pending() {
                break;
            }
            let count = scratch.filled().len();
            // An end of input counts as the bound reached: there is no more to throw away.
            self.discarded = if count == 0 { MAX_DISCARD } else { self.discarded + count };
            self.wire.count_read(count);
        }
        Poll::Ready(Ok(()))
    }
}

/// Makes the first line of `head` fit for a record.
fn printable(head: &[u8]) -> String {
    let line = head.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    line.get(..MAX_REQUEST_LINE).unwrap_or(line).escape_ascii().to_string()
}
