//! What the guard on a connection and the service behind it tell each other:
//! refusals, which requests are being served, interim answers, tunnels, bytes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, StatusCode};

use crate::proxy::wire::Fault;

/// Interim answers kept for a client that does not read; more are dropped, as they may be
/// (RFC 9110 section 15.2).
const MAX_INTERIM: usize = 8;

/// Bytes of one interim answer's head.
const MAX_INTERIM_HEAD: usize = 16 * 1024;

/// A request the guard kept from the HTTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What was wrong with it.
    pub fault: Fault,
    /// Its place on the connection, counted from 1.
    pub number: u64,
    /// The request line as it came: printable, and cut to 200 bytes.
    pub request_line: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "request {} refused: {}", self.number, self.fault)
    }
}

impl std::error::Error for Refusal {}

/// One connection's shared state: the guard holds one end, the service the other.
#[derive(Debug, Default)]
pub struct Wire {
    taken: AtomicU64,
    ended: AtomicU64,
    read: AtomicU64,
    written: AtomicU64,
    tunnel: AtomicBool,
    old_version: AtomicBool,
    whole_server: AtomicU64,
    has_refusal: AtomicBool,
    has_interim: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    waker: Option<Waker>,
    refusal: Option<Refusal>,
    body_fault: Option<Fault>,
    interim: VecDeque<(u64, Bytes)>,
    answered: u64,
}

impl Wire {
    /// The state of a connection without a guard, whose requests come side by side (HTTP/2). No
    /// interim answer is taken.
    pub fn unguarded() -> Arc<Self> {
        let wire = Self::default();
        wire.note_old_version();
        Arc::new(wire)
    }

    /// How many requests there have been, if none is being served.
    pub fn rests(&self) -> Option<u64> {
        let ended = self.ended.load(Ordering::Acquire);
        (self.taken.load(Ordering::Acquire) == ended).then_some(ended)
    }

    /// Takes the next request of this connection; the service calls it once for each, in order.
    ///
    /// An error means that what the service was called with is a stand-in for a request the
    /// guard refused: answer it with the fault's status.
    pub fn next_request(self: &Arc<Self>) -> Result<InFlight, Refusal> {
        let number = self.taken.fetch_add(1, Ordering::Relaxed) + 1;
        if self.has_refusal.load(Ordering::Acquire) {
            let refusal = self.lock().refusal.clone();
            if let Some(refusal) = refusal.filter(|refusal| refusal.number == number) {
                return Err(refusal);
            }
        }
        Ok(InFlight(Served { wire: Arc::clone(self), number }))
    }

    /// Returns the request refused on this connection, if one was; the first is also the last.
    pub fn refusal(&self) -> Option<Refusal> {
        self.lock().refusal.clone()
    }

    /// Returns the fault in a request body, after which that body ended in an error.
    pub fn body_fault(&self) -> Option<Fault> {
        self.lock().body_fault
    }

    /// Returns how many bytes came from the client.
    pub fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Returns how many bytes went to the client.
    pub fn bytes_written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that holds the lock can leave it half changed.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        let waker = self.lock().waker.clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

// === the guard's end ===

impl Wire {
    pub(super) fn watch(&self, waker: &Waker) {
        let old = self.lock().waker.replace(waker.clone());
        // Dropped without the lock: it may be the last reference to a task that owns requests.
        drop(old);
    }

    pub(super) fn ended(&self) -> u64 {
        self.ended.load(Ordering::Acquire)
    }

    pub(super) fn is_tunnel(&self) -> bool {
        self.tunnel.load(Ordering::Acquire)
    }

    pub(super) fn note_old_version(&self) {
        self.old_version.store(true, Ordering::Release);
    }

    pub(super) fn note_whole_server(&self, number: u64) {
        self.whole_server.store(number, Ordering::Release);
    }

    pub(super) fn count_read(&self, bytes: usize) {
        add(&self.read, bytes);
    }

    pub(super) fn count_written(&self, bytes: usize) {
        add(&self.written, bytes);
    }

    pub(super) fn note_refusal(&self, refusal: Refusal) {
        self.lock().refusal = Some(refusal);
        self.has_refusal.store(true, Ordering::Release);
    }

    pub(super) fn note_body_fault(&self, fault: Fault) {
        self.lock().body_fault = Some(fault);
    }

    /// Takes the queued interim answers. Those whose final answer has been given are dropped if
    /// that answer may already have been written, as the caller knows.
    pub(super) fn take_interim(&self, final_may_be_written: bool, out: &mut BytesMut) {
        if !self.has_interim.swap(false, Ordering::AcqRel) {
            return;
        }
        let mut inner = self.lock();
        let answered = inner.answered;
        for (number, head) in inner.interim.drain(..) {
            if number > answered || !final_may_be_written {
                out.extend_from_slice(&head);
            }
        }
    }
}

/// Adds without a locked instruction: only the guard's task writes these counters.
fn add(counter: &AtomicU64, bytes: usize) {
    let sum = counter.load(Ordering::Relaxed).saturating_add(u64::try_from(bytes).unwrap_or(0));
    counter.store(sum, Ordering::Relaxed);
}

// === the service's end ===

/// A request the service has taken and not answered yet; dropping it ends the request.
#[derive(Debug)]
pub struct InFlight(Served);

impl InFlight {
    /// Says that the answer is on its way: no interim answer goes out any more.
    ///
    /// Call it just before returning the response, and keep what it returns inside the response
    /// body, so that the connection does not count as idle while the body is being sent.
    pub fn answer(self) -> Served {
        let mut inner = self.0.wire.lock();
        inner.answered = inner.answered.max(self.0.number);
        drop(inner);
        self.0
    }

    /// Says that the connection stops being HTTP with this request's answer (2xx to CONNECT, or
    /// 101); call it before returning that answer (RFC 9110 sections 7.8 and 9.3.6).
    pub fn tunnel(self) -> Served {
        self.0.wire.tunnel.store(true, Ordering::Release);
        self.answer()
    }

    /// Returns a handle through which interim answers can be sent, also from another task.
    pub fn informer(&self) -> Informer {
        Informer { wire: Arc::clone(&self.0.wire), number: self.0.number }
    }

    /// Says whether it is OPTIONS of a whole server, which the URI type reads as of its root.
    pub fn asks_whole_server(&self) -> bool {
        self.0.wire.whole_server.load(Ordering::Acquire) == self.0.number
    }

    /// Returns the request's place on the connection, counted from 1.
    pub fn number(&self) -> u64 {
        self.0.number
    }
}

/// A request whose answer is being sent; dropping it ends the request.
#[derive(Debug)]
pub struct Served {
    wire: Arc<Wire>,
    number: u64,
}

impl Drop for Served {
    fn drop(&mut self) {
        let mut inner = self.wire.lock();
        inner.answered = inner.answered.max(self.number);
        drop(inner);
        self.wire.ended.fetch_add(1, Ordering::AcqRel);
        // The guard starts to count idleness when it is asked to read again, and the HTTP server
        // does not ask again by itself after an answer.
        self.wire.wake();
    }
}

/// Sends interim answers (1xx) to the client while the final one is being made.
#[derive(Debug, Clone)]
pub struct Informer {
    wire: Arc<Wire>,
    number: u64,
}

impl Informer {
    /// Queues one interim answer and has it sent at once; says whether it was taken.
    ///
    /// It is not when the status is not 1xx or is 101, when the final answer has been given,
    /// when the client has spoken HTTP/1.0 (RFC 9110 section 15.2) or when too many wait.
    pub fn inform(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        if !status.is_informational()
            || status == StatusCode::SWITCHING_PROTOCOLS
            || self.wire.old_version.load(Ordering::Acquire)
        {
            return false;
        }
        let Some(head) = encode(status, headers) else { return false };
        let mut inner = self.wire.lock();
        if inner.answered >= self.number || inner.interim.len() >= MAX_INTERIM {
            return false;
        }
        inner.interim.push_back((self.number, head));
        drop(inner);
        self.wire.has_interim.store(true, Ordering::Release);
        self.wire.wake();
        true
    }
}

/// Writes a response head (RFC 9112 section 4); the types let no CR or LF into it.
fn encode(status: StatusCode, headers: &HeaderMap) -> Option<Bytes> {
    let mut head = BytesMut::with_capacity(256);
    head.put_slice(b"HTTP/1.1 ");
    head.put_slice(status.as_str().as_bytes());
    head.put_slice(b" ");
    head.put_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    head.put_slice(b"\r\n");
    for (name, value) in headers {
        head.put_slice(name.as_str().as_bytes());
        head.put_slice(b": ");
        head.put_slice(value.as_bytes());
        head.put_slice(b"\r\n");
        if head.len() > MAX_INTERIM_HEAD {
            return None;
        }
    }
    head.put_slice(b"\r\n");
    Some(head.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interim_answers_stop_at_the_final_one() {
        let wire = Arc::new(Wire::default());
        let request = wire.next_request().unwrap();
        let informer = request.informer();
        let none = HeaderMap::new();
        assert!(informer.inform(StatusCode::EARLY_HINTS, &none));
        assert!(!informer.inform(StatusCode::OK, &none));
        assert!(!informer.inform(StatusCode::SWITCHING_PROTOCOLS, &none));
        let served = request.answer();
        assert!(!informer.inform(StatusCode::EARLY_HINTS, &none));
        let mut out = BytesMut::new();
        wire.take_interim(false, &mut out);
        assert_eq!(&out[..], b"HTTP/1.1 103 Early Hints\r\n\r\n");
        assert_eq!(wire.ended(), 0);
        drop(served);
        assert_eq!(wire.ended(), 1);
    }

    #[test]
    fn a_late_interim_answer_never_lands_inside_the_final_one() {
        let wire = Arc::new(Wire::default());
        let request = wire.next_request().unwrap();
        assert!(request.informer().inform(StatusCode::EARLY_HINTS, &HeaderMap::new()));
        let _served = request.answer();
        let mut out = BytesMut::new();
        wire.take_interim(true, &mut out);
        assert!(out.is_empty());
    }
}
