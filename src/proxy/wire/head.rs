//! Judges a request head line by line as it arrives (RFC 9112 sections 2 to 6)
//! and says how its body is framed. The verdict does not depend on how the
//! bytes were cut into reads.

use super::line::RequestLine;
use super::{Body, Fault, FaultKind, Framing, Limits, Version, field, line};

/// The first byte of a TLS handshake record.
const TLS_HANDSHAKE: u8 = 0x16;

/// Judges one complete head, from its request line to its empty line.
///
/// Bytes after the empty line are not looked at.
pub fn check(bytes: &[u8], limits: &Limits) -> Result<Framing, Fault> {
    let head = Parser::default().advance(bytes, limits)?;
    head.map(|head| head.framing).ok_or_else(|| Fault::new(FaultKind::HeadIncomplete, bytes.len()))
}

/// A sound head: how long it is and what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its length in bytes, with the empty line.
    pub len: usize,
    /// How the message goes on.
    pub framing: Framing,
}

/// Remembers how far a head has been judged.
#[derive(Debug, Default)]
pub struct Parser {
    line_start: usize,
    searched: usize,
    fields: usize,
    request: Option<RequestLine>,
    seen: Seen,
}

/// The fields met so far that decide framing.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent field of the request")]
struct Seen {
    length: Option<u64>,
    chunked: bool,
    host: bool,
    upgrade: bool,
    expects_continue: bool,
}

impl Parser {
    /// Judges the lines that are new in `bytes`, which begins at the request line and only grows
    /// from call to call; returns the head once its empty line is there.
    pub fn advance(&mut self, bytes: &[u8], limits: &Limits) -> Result<Option<Head>, Fault> {
        if self.searched == 0 && bytes.first() == Some(&TLS_HANDSHAKE) {
            return Err(Fault::new(FaultKind::TlsOnPlainPort, 0));
        }
        loop {
            let fresh = bytes.get(self.searched..).unwrap_or_default();
            let found = memchr::memchr(b'\n', fresh).map(|at| self.searched + at);
            // Judged before the line's own faults and alike for a line whose end is still to
            // come, so that the verdict is the same however the bytes are cut.
            self.check_size(found.unwrap_or(bytes.len()), limits)?;
            let Some(lf) = found else {
                self.searched = bytes.len();
                return Ok(None);
            };
            let line = bytes.get(self.line_start..lf).unwrap_or_default();
            let fault = |kind| Fault::new(kind, self.line_start);
            let line = line.strip_suffix(b"\r").ok_or_else(|| fault(FaultKind::BareLf))?;
            match self.request {
                Some(request) if line.is_empty() => {
                    let framing = self.finish(request).map_err(fault)?;
                    return Ok(Some(Head { len: lf + 1, framing }));
                }
                Some(request) => self.field(line, request, limits),
                None => self.request_line(line),
            }
            .map_err(|kind| Fault::new(kind, self.line_start))?;
            self.line_start = lf + 1;
            self.searched = lf + 1;
        }
    }

    /// Refuses a line or head that is, or can only become, too long; `end` is where the line
    /// feed is, or where it may be at the earliest.
    fn check_size(&self, end: usize, limits: &Limits) -> Result<(), Fault> {
        if self.request.is_none() && end > limits.request_line.saturating_add(1) {
            return Err(Fault::new(FaultKind::RequestLineTooLong, 0));
        }
        if end >= limits.head {
            return Err(Fault::new(FaultKind::HeadTooLarge, limits.head));
        }
        Ok(())
    }

    fn request_line(&mut self, line: &[u8]) -> Result<(), FaultKind> {
        if memchr::memchr(b'\r', line).is_some() {
            return Err(FaultKind::BareCr);
        }
        self.request = Some(line::parse(line)?);
        Ok(())
    }

    fn field(
        &mut self,
        line: &[u8],
        request: RequestLine,
        limits: &Limits,
    ) -> Result<(), FaultKind> {
        self.fields += 1;
        if self.fields > limits.headers {
            return Err(FaultKind::TooManyFields);
        }
        let (name, value) = field::split(line).map_err(|kind| {
            let first = kind == FaultKind::ObsFold && self.fields == 1;
            if first { FaultKind::LeadingWhitespace } else { kind }
        })?;
        self.seen.note(name, value, request)
    }

    fn finish(&self, request: RequestLine) -> Result<Framing, FaultKind> {
        let modern = request.version == Version::Http11;
        if modern && !self.seen.host {
            return Err(FaultKind::HostMissing);
        }
        let body = match self.seen.length {
            _ if self.seen.chunked => Body::Chunked,
            None | Some(0) => Body::None,
            Some(length) => Body::Length(length),
        };
        Ok(Framing {
            version: request.version,
            body,
            connect: request.connect,
            whole_server: request.whole_server,
            upgrade: modern && self.seen.upgrade,
            expects_continue: modern && self.seen.expects_continue,
        })
    }
}

impl Seen {
    /// Notes a field if it bears on framing; few do, so the length of the name is asked first.
    fn note(&mut self, name: &[u8], value: &[u8], request: RequestLine) -> Result<(), FaultKind> {
        let is = |wanted: &[u8]| name.eq_ignore_ascii_case(wanted);
        match name.len() {
            4 if is(b"host") => self.note_host(value),
            6 if is(b"expect") => self.note_expect(value),
            7 if is(b"upgrade") => {
                self.upgrade = true;
                Ok(())
            }
            14 if is(b"content-length") => self.note_length(value, request),
            17 if is(b"transfer-encoding") => self.note_coding(value, request),
            _ => Ok(()),
        }
    }

    fn note_host(&mut self, value: &[u8]) -> Result<(), FaultKind> {
        if self.host {
            return Err(FaultKind::HostRepeated);
        }
        self.host = true;
        if field::is_authority(value) { Ok(()) } else { Err(FaultKind::HostInvalid) }
    }

    fn note_expect(&mut self, value: &[u8]) -> Result<(), FaultKind> {
        self.expects_continue = value.eq_ignore_ascii_case(b"100-continue");
        if self.expects_continue { Ok(()) } else { Err(FaultKind::ExpectationUnknown) }
    }

    fn note_length(&mut self, value: &[u8], request: RequestLine) -> Result<(), FaultKind> {
        if self.chunked {
            return Err(FaultKind::BothLengths);
        }
        // Equal copies are refused too: RFC 9112 section 6.3 lets a recipient choose, and the
        // next hop may choose otherwise.
        if self.length.is_some() {
            return Err(FaultKind::ContentLengthRepeated);
        }
        let length = field::content_length(value)?;
        if request.connect && length > 0 {
            return Err(FaultKind::ConnectWithBody);
        }
        self.length = Some(length);
        Ok(())
    }

    fn note_coding(&mut self, value: &[u8], request: RequestLine) -> Result<(), FaultKind> {
        if request.version == Version::Http10 {
            return Err(FaultKind::TransferEncodingOldVersion);
        }
        if self.length.is_some() {
            return Err(FaultKind::BothLengths);
        }
        if self.chunked {
            return Err(FaultKind::TransferEncodingRepeated);
        }
        field::transfer_encoding(value)?;
        if request.connect {
            return Err(FaultKind::ConnectWithBody);
        }
        self.chunked = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_exact() {
        let text = b"GET /abc HTTP/1.1\r\nHost: a\r\n\r\n";
        let exact = Limits { request_line: 17, head: text.len(), headers: 1, ..Limits::default() };
        assert!(check(text, &exact).is_ok());
        let kind = |limits| check(text, &limits).unwrap_err().kind();
        assert_eq!(kind(Limits { request_line: 16, ..exact }), FaultKind::RequestLineTooLong);
        assert_eq!(kind(Limits { head: text.len() - 1, ..exact }), FaultKind::HeadTooLarge);
        assert_eq!(kind(Limits { headers: 0, ..exact }), FaultKind::TooManyFields);
    }

    #[test]
    fn an_endless_line_is_refused_before_its_end() {
        let limits = Limits::default();
        let long = vec![b'a'; limits.request_line + 2];
        assert_eq!(check(&long, &limits).unwrap_err().kind(), FaultKind::RequestLineTooLong);
        let mut head = b"GET / HTTP/1.1\r\nA: ".to_vec();
        head.resize(limits.head, b'a');
        assert_eq!(check(&head, &limits).unwrap_err().kind(), FaultKind::HeadTooLarge);
    }

    #[test]
    fn a_fault_says_where_its_line_begins() {
        let fault = check(b"GET / HTTP/1.1\r\nHost: a\r\nB : c\r\n\r\n", &Limits::default());
        assert_eq!(fault, Err(Fault::new(FaultKind::SpaceBeforeColon, 25)));
    }
}
