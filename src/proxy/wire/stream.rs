//! Follows one connection's bytes from message to message: which of them are
//! sound and may go on to the HTTP server, which must wait, and which are the
//! client's breach of the format.

use super::chunk::Decoder;
use super::head::Parser;
use super::{Body, Fault, FaultKind, Framing, Limits, Version};

/// Empty lines forgiven before a request line (RFC 9112 section 2.2).
const MAX_EMPTY_LINES: u8 = 4;

/// What to do with the bytes given to [`Stream::step`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// This many leading bytes are sound: hand them on. Never zero.
    Pass(usize),
    /// This many leading bytes are empty lines before a request: drop them.
    Skip(usize),
    /// Keep them all and come again, with more behind them or once the stream may go on.
    Keep,
}

#[derive(Debug)]
enum State {
    Head(Parser),
    Length(u64),
    Chunked(Box<Decoder>),
    Waiting,
    Tunnel,
    Refused { in_body: bool },
}

/// The connection-level machine.
#[derive(Debug)]
pub struct Stream {
    state: State,
    limits: Limits,
    heads: u64,
    empty_lines: u8,
    wait_after_body: bool,
    old_version: bool,
    whole_server: u64,
}

impl Stream {
    /// Makes a stream that stands before the first request.
    pub fn new(limits: Limits) -> Self {
        Self {
            state: State::Head(Parser::default()),
            limits,
            heads: 0,
            empty_lines: 0,
            wait_after_body: false,
            old_version: false,
            whole_server: 0,
        }
    }

    /// Judges `bytes`, which begin where the last step left off.
    ///
    /// After an error the stream takes no more bytes.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Step, Fault> {
        if bytes.is_empty() {
            return Ok(Step::Keep);
        }
        let step = match &mut self.state {
            State::Head(_) => self.head(bytes),
            State::Length(left) => {
                let taken = usize::try_from(*left).map_or(bytes.len(), |n| n.min(bytes.len()));
                *left = left.saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX));
                if *left == 0 {
                    self.end_message();
                }
                Ok(Step::Pass(taken))
            }
            State::Chunked(decoder) => decoder.feed(bytes).map(|progress| {
                if progress.done {
                    self.end_message();
                }
                Step::Pass(progress.consumed)
            }),
            State::Tunnel => Ok(Step::Pass(bytes.len())),
            State::Waiting | State::Refused { .. } => Ok(Step::Keep),
        };
        if step.is_err() {
            self.refuse();
        }
        step
    }

    fn head(&mut self, bytes: &[u8]) -> Result<Step, Fault> {
        let State::Head(parser) = &mut self.state else { return Ok(Step::Keep) };
        match bytes {
            [b'\r'] => return Ok(Step::Keep),
            [b'\r', b'\n', ..] => {
                self.empty_lines += 1;
                if self.empty_lines > MAX_EMPTY_LINES {
                    return Err(Fault::new(FaultKind::TooManyEmptyLines, 0));
                }
                return Ok(Step::Skip(2));
            }
            [b'\r', ..] => return Err(Fault::new(FaultKind::BareCr, 0)),
            _ => {}
        }
        let Some(head) = parser.advance(bytes, &self.limits)? else { return Ok(Step::Keep) };
        self.begin_message(head.framing);
        Ok(Step::Pass(head.len))
    }

    fn begin_message(&mut self, framing: Framing) {
        self.heads += 1;
        self.empty_lines = 0;
        self.old_version |= framing.version == Version::Http10;
        if framing.whole_server {
            self.whole_server = self.heads;
        }
        // The next head waits, too, where one number has to name the request.
        self.wait_after_body = framing.connect || framing.upgrade || framing.whole_server;
        match framing.body {
            Body::None => self.end_message(),
            Body::Length(length) => self.state = State::Length(length),
            Body::Chunked => self.state = State::Chunked(Box::new(Decoder::new(self.limits))),
        }
    }

    /// After a request that may turn the connection into something else, nothing can be judged
    /// until it is known whether it did.
    fn end_message(&mut self) {
        self.state =
            if self.wait_after_body { State::Waiting } else { State::Head(Parser::default()) };
    }

    /// Lets everything pass from here on (RFC 9110 sections 7.8 and 9.3.6).
    pub fn open_tunnel(&mut self) {
        self.state = State::Tunnel;
    }

    /// Goes on with the next request: the tunnel or upgrade that was asked for did not happen.
    pub fn resume(&mut self) {
        if self.is_waiting() {
            self.state = State::Head(Parser::default());
        }
    }

    /// Takes no more bytes, as after a fault.
    pub fn refuse(&mut self) {
        self.state = State::Refused { in_body: self.in_body() || self.was_in_body() };
    }

    /// Returns how many sound heads have gone by.
    pub fn heads(&self) -> u64 {
        self.heads
    }

    /// Returns the place of the last request that asks for a whole server, from 1; 0 for none.
    pub fn whole_server(&self) -> u64 {
        self.whole_server
    }

    /// Says whether a request of HTTP/1.0 has gone by, whose sender knows no 1xx answers
    /// (RFC 9110 section 15.2).
    pub fn saw_old_version(&self) -> bool {
        self.old_version
    }

    /// Says whether the next byte belongs to a body.
    pub fn in_body(&self) -> bool {
        matches!(self.state, State::Length(_) | State::Chunked(_))
    }

    /// Says whether the stream was refused inside a body.
    pub fn was_in_body(&self) -> bool {
        matches!(self.state, State::Refused { in_body: true })
    }

    /// Says whether it is undecided if a tunnel begins here.
    pub fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting)
    }

    /// Says whether bytes pass unjudged.
    pub fn is_tunnel(&self) -> bool {
        matches!(self.state, State::Tunnel)
    }

    /// Says whether a fault ended the stream.
    pub fn is_refused(&self) -> bool {
        matches!(self.state, State::Refused { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const CONNECT: &[u8] = b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n";

    #[test]
    fn nothing_is_judged_while_a_tunnel_is_undecided() {
        let mut stream = Stream::new(Limits::default());
        assert_eq!(stream.step(CONNECT), Ok(Step::Pass(CONNECT.len())));
        assert_eq!(stream.step(b"\x16\x03\x01"), Ok(Step::Keep));
        stream.open_tunnel();
        assert_eq!(stream.step(b"\x16\x03\x01"), Ok(Step::Pass(3)));
    }

    #[test]
    fn a_refused_tunnel_is_followed_by_http() {
        let mut stream = Stream::new(Limits::default());
        assert_eq!(stream.step(CONNECT), Ok(Step::Pass(CONNECT.len())));
        stream.resume();
        let fault = stream.step(b"\x16\x03\x01").unwrap_err();
        assert_eq!(fault.kind(), FaultKind::TlsOnPlainPort);
        assert_eq!(stream.step(GET), Ok(Step::Keep));
    }

    #[test]
    fn forgives_a_few_empty_lines() {
        let mut stream = Stream::new(Limits::default());
        for _ in 0..MAX_EMPTY_LINES {
            assert_eq!(stream.step(b"\r\nGET"), Ok(Step::Skip(2)));
        }
        assert_eq!(stream.step(b"\r\n").unwrap_err().kind(), FaultKind::TooManyEmptyLines);
    }
}
