//! Origins that follow a script and remember what reached them.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::http::{Message, Wire};
use super::wait_for;

/// What reached an origin.
#[derive(Debug, Default)]
pub(crate) struct Received {
    connections: AtomicUsize,
    ended: AtomicUsize,
    requests: Mutex<Vec<Message>>,
    bytes: Mutex<Vec<u8>>,
}

/// A listening origin. Its threads end with the process.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    received: Arc<Received>,
}

/// An answer of 200 with a body.
pub(crate) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

impl Origin {
    /// Calls `script` for every connection, each on a thread of its own.
    pub(crate) fn start(
        ip: &str,
        script: impl Fn(&mut Wire, &Received) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((ip, 0)).unwrap();
        let origin = Self { address: listener.local_addr().unwrap(), received: Arc::default() };
        let (received, script) = (Arc::clone(&origin.received), Arc::new(script));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let (received, script) = (Arc::clone(&received), Arc::clone(&script));
                received.connections.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    script(&mut Wire::new(stream), &received);
                    received.ended.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        origin
    }

    /// Reads request after request and answers each with what `answer` makes of it.
    pub(crate) fn http(
        ip: &str,
        answer: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        Self::start(ip, move |wire, received| {
            while let Some(request) = wire.request() {
                let bytes = answer(&request);
                received.note(request);
                if wire.try_send(bytes).is_err() {
                    return;
                }
            }
        })
    }

    /// Answers every request with the same bytes.
    pub(crate) fn answering(ip: &str, answer: impl Into<String>) -> Self {
        let answer = answer.into();
        Self::http(ip, move |_| answer.clone().into_bytes())
    }

    /// Sends back whatever comes, and ends when the other side does.
    pub(crate) fn echo(ip: &str) -> Self {
        Self::start(ip, |wire, received| {
            loop {
                let bytes = wire.some();
                if bytes.is_empty() || wire.try_send(&bytes).is_err() {
                    return;
                }
                received.bytes.lock().unwrap().extend(bytes);
            }
        })
    }

    /// `http://` and where it is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections came.
    pub(crate) fn connections(&self) -> usize {
        self.received.connections.load(Ordering::SeqCst)
    }

    /// How many connections came to their end.
    pub(crate) fn ended(&self) -> usize {
        self.received.ended.load(Ordering::SeqCst)
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<Message> {
        self.received.requests.lock().unwrap().clone()
    }

    /// Waits for the request with this number, from 0.
    #[track_caller]
    pub(crate) fn request(&self, number: usize) -> Message {
        wait_for("a request at the origin", || self.requests().get(number).cloned())
    }

    /// Raw bytes so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.received.bytes.lock().unwrap().clone()
    }
}

impl Received {
    pub(crate) fn note(&self, request: Message) {
        self.requests.lock().unwrap().push(request);
    }

    pub(crate) fn note_bytes(&self, bytes: &[u8]) {
        self.bytes.lock().unwrap().extend_from_slice(bytes);
    }
}
