//! Stands between a client's socket and the HTTP server: hands on only bytes
//! that [`wire`](crate::proxy::wire) found sound, in their place a stand-in
//! request when they are not, and keeps the client to its deadlines.

mod clock;
mod read;
mod wire;
mod write;

use std::sync::Arc;
use std::task::Waker;

use bytes::{Bytes, BytesMut};

use self::clock::Clock;
pub use self::clock::Timeouts;
pub use self::wire::{InFlight, Informer, Refusal, Served, Wire};
use super::wire::{Fault, Limits, Stream};

/// What the HTTP server is given for a refused request. It has no body and asks for the end of
/// the connection, so that the server answers once and closes. `.invalid` resolves nowhere
/// (RFC 6761 section 6.4), should the stand-in ever be taken for a request.
const STAND_IN: &[u8] =
    b"GET http://refused.invalid/ HTTP/1.1\r\nHost: refused.invalid\r\nConnection: close\r\n\r\n";

/// A client connection whose bytes are judged before the HTTP server reads them.
///
/// Memory is bounded: it holds at most one unfinished head ([`Limits::head`]), or 16 KiB that
/// came early behind CONNECT, plus one read.
#[derive(Debug)]
pub struct Guard<S> {
    inner: S,
    wire: Arc<Wire>,
    stream: Stream,
    timeouts: Timeouts,
    reading: Clock,
    writing: Clock,
    waker: Option<Waker>,
    /// Bytes read and not handed on: `cleared` of them may go, the rest is not judged to its end.
    hold: BytesMut,
    cleared: usize,
    stand_in: &'static [u8],
    broken: Option<Fault>,
    interim: BytesMut,
    between_writes: bool,
    shut: bool,
    linger: bool,
    discarded: usize,
}

impl<S> Guard<S> {
    /// Puts a guard before `inner`; the [`Wire`] it returns goes to the service.
    ///
    /// Switch the server's own deadline for heads off, leave its half-close and pipelined flush
    /// off, and allow it [`Limits::headers`] fields.
    pub fn new(inner: S, limits: Limits, timeouts: Timeouts) -> (Self, Arc<Wire>) {
        let wire = Arc::new(Wire::default());
        let guard = Self {
            inner,
            wire: Arc::clone(&wire),
            stream: Stream::new(limits),
            timeouts,
            reading: Clock::default(),
            writing: Clock::default(),
            waker: None,
            hold: BytesMut::new(),
            cleared: 0,
            stand_in: b"",
            broken: None,
            interim: BytesMut::new(),
            between_writes: true,
            shut: false,
            linger: false,
            discarded: 0,
        };
        (guard, wire)
    }

    /// Takes the guard away once the connection is a tunnel: the socket, and the bytes that came
    /// early, which follow those the HTTP server gives back (RFC 9110 section 9.3.6).
    pub fn into_parts(self) -> (S, Bytes) {
        (self.inner, self.hold.freeze())
    }

    /// Returns the state shared with the service.
    pub fn wire(&self) -> &Arc<Wire> {
        &self.wire
    }

    /// Borrows the socket.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }
}
