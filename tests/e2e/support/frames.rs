//! HTTP/2 frame by frame (RFC 9113 section 4.1), for what no client or server library would
//! say. Nothing is checked on the way out; field blocks are read with a table of no entries.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::Shutdown;

use httlib_hpack::Decoder;

use super::http::Wire;
use super::tls::Secure;

/// How a client begins (RFC 9113 section 3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames (RFC 9113 section 6).
pub(crate) mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const HEADERS: u8 = 1;
    pub(crate) const PRIORITY: u8 = 2;
    pub(crate) const RST_STREAM: u8 = 3;
    pub(crate) const SETTINGS: u8 = 4;
    pub(crate) const PUSH_PROMISE: u8 = 5;
    pub(crate) const PING: u8 = 6;
    pub(crate) const GOAWAY: u8 = 7;
    pub(crate) const WINDOW_UPDATE: u8 = 8;
    pub(crate) const CONTINUATION: u8 = 9;
}

/// Flags of frames.
pub(crate) mod flag {
    pub(crate) const END_STREAM: u8 = 1;
    pub(crate) const ACK: u8 = 1;
    pub(crate) const END_HEADERS: u8 = 4;
    pub(crate) const PADDED: u8 = 8;
    pub(crate) const PRIORITY: u8 = 0x20;
}

/// A field block's fields.
pub(crate) type Fields = Vec<(String, String)>;

/// One frame; that of a field block knows what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
    pub(crate) fields: Fields,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Whole,
    Reset(u32),
    /// The connection ended first: with this code of GOAWAY, or without a word.
    GoAway(u32),
    Silent,
}

/// What came on one stream.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Fields of the head; the pseudo-header fields first.
    pub(crate) head: Fields,
    pub(crate) interim: Vec<Fields>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Fields,
    pub(crate) end: End,
}

/// A field block of literals that are not indexed (RFC 7541 section 6.2.2).
pub(crate) fn block<N: AsRef<[u8]>, V: AsRef<[u8]>>(fields: &[(N, V)]) -> Vec<u8> {
    let mut block = Vec::new();
    let string = |block: &mut Vec<u8>, text: &[u8]| {
        // An integer with a prefix of seven bits (section 5.1).
        let mut rest = text.len();
        if rest < 127 {
            block.push(u8::try_from(rest).unwrap());
        } else {
            block.push(127);
            rest -= 127;
            while rest >= 128 {
                block.push(u8::try_from(rest % 128).unwrap() | 0x80);
                rest /= 128;
            }
            block.push(u8::try_from(rest).unwrap());
        }
        block.extend_from_slice(text);
    };
    for (name, value) in fields {
        block.push(0);
        string(&mut block, name.as_ref());
        string(&mut block, value.as_ref());
    }
    block
}

impl Frame {
    pub(crate) fn new(kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> Self {
        Self { kind, flags, stream, payload: payload.into(), fields: Vec::new() }
    }

    /// A head, or trailers, in one frame.
    pub(crate) fn head<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        stream: u32,
        flags: u8,
        fields: &[(N, V)],
    ) -> Self {
        Self::new(kind::HEADERS, flags | flag::END_HEADERS, stream, block(fields))
    }

    pub(crate) fn data(stream: u32, flags: u8, data: impl Into<Vec<u8>>) -> Self {
        Self::new(kind::DATA, flags, stream, data)
    }

    pub(crate) fn reset(stream: u32, code: u32) -> Self {
        Self::new(kind::RST_STREAM, 0, stream, code.to_be_bytes())
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).unwrap().to_be_bytes();
        let mut bytes = length[1..].to_vec();
        bytes.extend([self.kind, self.flags]);
        bytes.extend(self.stream.to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// A number of 32 bits in the payload.
    pub(crate) fn number(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }

    /// The same, of octets.
    pub(crate) fn size(&self, at: usize) -> usize {
        usize::try_from(self.number(at)).unwrap()
    }
}

/// One side of a connection.
#[derive(Debug)]
pub(crate) struct Frames<S = std::net::TcpStream> {
    wire: Wire<S>,
    decoder: Decoder<'static>,
    heard: VecDeque<Frame>,
    ended: bool,
    /// Whether windows are opened as data is read.
    pub(crate) reads: bool,
}

impl Frames {
    /// The socket itself.
    pub(crate) fn stream(&self) -> &std::net::TcpStream {
        &self.wire.stream
    }
}

impl Frames<Secure> {
    /// Ends our side of the socket without close_notify, and waits for the end of the other:
    /// a socket that is closed with frames unread is reset, and what was sent may be lost.
    pub(crate) fn hang_up(&mut self) {
        drop(self.wire.stream.sock.shutdown(Shutdown::Write));
        while self.next().is_some() {}
    }
}

impl<S: Read + Write> Frames<S> {
    /// Frames, and nothing said yet.
    pub(crate) fn over(wire: Wire<S>) -> Self {
        let decoder = Decoder::with_dynamic_size(0);
        Self { wire, decoder, heard: VecDeque::new(), ended: false, reads: true }
    }

    /// A client that has greeted, with these settings beside a table of no entries.
    pub(crate) fn client(wire: Wire<S>, settings: &[(u16, u32)]) -> Self {
        let mut frames = Self::over(wire);
        frames.wire.send(PREFACE);
        frames.greet(settings);
        frames
    }

    /// A server that has been greeted; `None` if the other side ends before.
    pub(crate) fn server(wire: Wire<S>, settings: &[(u16, u32)]) -> Option<Self> {
        let mut frames = Self::over(wire);
        (frames.wire.take(PREFACE.len()) == PREFACE).then_some(())?;
        frames.greet(settings);
        Some(frames)
    }

    fn greet(&mut self, settings: &[(u16, u32)]) {
        let all = [&[(1, 0)], settings].concat();
        let entry =
            |(id, value): &(u16, u32)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat();
        let payload: Vec<u8> = all.iter().flat_map(entry).collect();
        self.send(&Frame::new(kind::SETTINGS, 0, 0, payload));
        let settled = |frame: &Frame| frame.kind == kind::SETTINGS && !frame.has(flag::ACK);
        self.find(settled).expect("SETTINGS of the other side");
        self.send(&Frame::new(kind::SETTINGS, flag::ACK, 0, []));
    }

    #[track_caller]
    pub(crate) fn send(&mut self, frame: &Frame) {
        self.wire.send(frame.bytes());
    }

    /// Sends what can be sent; `false` once the other side has gone.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.wire.try_send(bytes).is_ok()
    }

    /// The next frame as it comes; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        self.heard.pop_front().or_else(|| self.read())
    }

    /// The first frame like this; what is not stays for later.
    pub(crate) fn find(&mut self, wanted: impl Fn(&Frame) -> bool) -> Option<Frame> {
        if let Some(at) = self.heard.iter().position(&wanted) {
            return self.heard.remove(at);
        }
        loop {
            let frame = self.read()?;
            if wanted(&frame) {
                return Some(frame);
            }
            self.heard.push_back(frame);
        }
    }

    fn read(&mut self) -> Option<Frame> {
        if self.ended {
            return None;
        }
        let head = self.wire.take(9);
        let Ok(head) = <[u8; 9]>::try_from(head) else {
            self.ended = true;
            return None;
        };
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let payload = self.wire.take(usize::try_from(length).unwrap());
        let mut frame = Frame::new(head[3], head[4], stream, payload);
        if frame.kind == kind::HEADERS {
            frame.fields = self.decode(&frame);
        }
        if self.reads && frame.kind == kind::DATA && length > 0 {
            for stream in [0, stream] {
                let opened = Frame::new(kind::WINDOW_UPDATE, 0, stream, length.to_be_bytes());
                self.try_send(opened.bytes());
            }
        }
        Some(frame)
    }

    fn decode(&mut self, frame: &Frame) -> Fields {
        assert!(frame.has(flag::END_HEADERS), "a head in one frame: {frame:?}");
        let skipped = if frame.has(flag::PRIORITY) { 5 } else { 0 };
        let mut bytes = frame.payload[skipped..].to_vec();
        let mut fields = Vec::new();
        self.decoder.decode(&mut bytes, &mut fields).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        fields.into_iter().map(|(name, value, _)| (text(name), text(value))).collect()
    }

    /// Everything of one stream up to its end.
    pub(crate) fn answer(&mut self, stream: u32) -> Answer {
        let mut answer = Answer {
            head: Vec::new(),
            interim: Vec::new(),
            body: Vec::new(),
            trailers: Vec::new(),
            end: End::Silent,
        };
        let concerns = |frame: &Frame| {
            frame.stream == stream || (frame.kind == kind::GOAWAY && frame.number(4) > 0)
        };
        while let Some(frame) = self.find(concerns) {
            match frame.kind {
                kind::RST_STREAM => answer.end = End::Reset(frame.number(0)),
                kind::GOAWAY => answer.end = End::GoAway(frame.number(4)),
                kind::HEADERS => answer.note(frame.fields.clone()),
                kind::DATA => answer.body.extend(&frame.payload),
                _ => continue,
            }
            if matches!(frame.kind, kind::HEADERS | kind::DATA) && frame.has(flag::END_STREAM) {
                answer.end = End::Whole;
            }
            if answer.end != End::Silent {
                break;
            }
        }
        answer
    }

    /// Reads to the end of the connection; what GOAWAY said last.
    pub(crate) fn farewell(&mut self) -> End {
        let mut end = End::Silent;
        while let Some(frame) = self.next() {
            if frame.kind == kind::GOAWAY {
                end = End::GoAway(frame.number(4));
            }
        }
        end
    }
}

impl Answer {
    fn note(&mut self, fields: Fields) {
        let status = fields.iter().find(|(name, _)| name == ":status");
        match status {
            Some((_, status)) if status.starts_with('1') => self.interim.push(fields),
            Some(_) => self.head = fields,
            None => self.trailers = fields,
        }
    }

    /// The only value of a field.
    #[track_caller]
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut found = self.head.iter().filter(|(field, _)| field == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} is repeated: {self:?}");
        value
    }

    #[track_caller]
    pub(crate) fn status(&self) -> u16 {
        self.get(":status").unwrap_or_else(|| panic!("no head: {self:?}")).parse().unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }
}
