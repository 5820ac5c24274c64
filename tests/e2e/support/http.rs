//! HTTP/1 as a strict reader sees it, for both sides of a test. Whatever is not exactly
//! as the standard says ends the test, so that a broken message cannot pass for a whole.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::DEADLINE;

/// A socket read through a buffer.
#[derive(Debug)]
pub(crate) struct Wire<S = TcpStream> {
    pub(crate) stream: S,
    buffer: Vec<u8>,
}

/// A first line and fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) line: String,
    pub(crate) fields: Vec<(String, String)>,
}

/// A whole message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
    /// Whether the body ended as its head announced.
    pub(crate) whole: bool,
}

impl Head {
    /// Every value of a field.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let found = self.fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).collect()
    }

    /// The only value of a field.
    #[track_caller]
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} is repeated: {all:?}");
        all.first().copied()
    }

    /// The status of an answer.
    pub(crate) fn status(&self) -> u16 {
        let word = self.line.split(' ').nth(1);
        word.and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("`{}`", self.line))
    }

    fn is_chunked(&self) -> bool {
        self.get("transfer-encoding").is_some_and(|coding| coding == "chunked")
    }

    fn length(&self) -> Option<usize> {
        self.get("content-length").map(|length| length.parse().unwrap())
    }
}

impl Message {
    pub(crate) fn status(&self) -> u16 {
        self.head.status()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }
}

impl Wire {
    /// Connects; every read has a deadline.
    pub(crate) fn connect(to: SocketAddr) -> Self {
        Self::new(TcpStream::connect_timeout(&to, DEADLINE).unwrap())
    }

    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::new() }
    }

    /// Ends our side.
    pub(crate) fn end(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }
}

impl<S: Read + Write> Wire<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
        self.stream.flush().unwrap();
    }

    /// Sends what can be sent: the other side may be closing already.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())?;
        self.stream.flush()
    }

    /// Reads once more; `false` at the end, however it came about.
    fn fill(&mut self) -> bool {
        let mut chunk = vec![0; 64 * 1024];
        let read = match self.stream.read(&mut chunk) {
            Ok(read) => read,
            Err(error)
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) =>
            {
                panic!("nothing came in time; have {:?}", String::from_utf8_lossy(&self.buffer))
            }
            Err(_) => 0,
        };
        self.buffer.extend_from_slice(&chunk[..read]);
        read > 0
    }

    /// Reads up to a line's end; `None` if the stream ends before.
    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Some(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if !self.fill() {
                return None;
            }
        }
    }

    /// Reads a head; `None` if the stream ends first.
    pub(crate) fn head(&mut self) -> Option<Head> {
        let line = self.line()?;
        Some(Head { line, fields: self.fields()? })
    }

    fn fields(&mut self) -> Option<Vec<(String, String)>> {
        let mut fields = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Some(fields);
            }
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("field `{line}`"));
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// Reads exactly so many bytes; fewer if the stream ends.
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count && self.fill() {}
        let count = count.min(self.buffer.len());
        self.buffer.drain(..count).collect()
    }

    /// Reads whatever comes next; empty at the end.
    pub(crate) fn some(&mut self) -> Vec<u8> {
        if self.buffer.is_empty() {
            self.fill();
        }
        std::mem::take(&mut self.buffer)
    }

    /// Reads to the end of the stream.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.buffer)
    }

    /// Reads one chunk; empty at the last, `None` if the stream ends or is malformed.
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = usize::from_str_radix(&self.line()?, 16).ok()?;
        if size == 0 {
            return Some(Vec::new());
        }
        let data = self.take(size);
        let whole = data.len() == size && self.take(2) == b"\r\n";
        whole.then_some(data)
    }

    fn chunks(&mut self, message: &mut Message) -> bool {
        loop {
            match self.chunk() {
                None => return false,
                Some(chunk) if chunk.is_empty() => break,
                Some(chunk) => message.body.extend(chunk),
            }
        }
        let trailers = self.fields();
        message.trailers = trailers.clone().unwrap_or_default();
        trailers.is_some()
    }

    /// Reads a request's body behind its head.
    pub(crate) fn request_body(&mut self, head: Head) -> Message {
        let mut message = Message { head, whole: true, ..Message::default() };
        if message.head.is_chunked() {
            message.whole = self.chunks(&mut message);
        } else if let Some(length) = message.head.length() {
            message.body = self.take(length);
            message.whole = message.body.len() == length;
        }
        message
    }

    /// Reads a whole request; `None` if the stream ends first.
    pub(crate) fn request(&mut self) -> Option<Message> {
        let head = self.head()?;
        Some(self.request_body(head))
    }

    /// Reads a whole answer to `method`.
    #[track_caller]
    pub(crate) fn response(&mut self, method: &str) -> Message {
        let head = self.head().expect("an answer before the end of the stream");
        let empty = method == "HEAD" || matches!(head.status(), 100..=199 | 204 | 304);
        if empty {
            return Message { head, whole: true, ..Message::default() };
        }
        let framed = head.is_chunked() || head.length().is_some();
        let mut message = self.request_body(head);
        if !framed {
            message.body = self.rest();
        }
        message
    }

    /// Whether the stream has ended and nothing was left in it.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.rest().is_empty()
    }
}
