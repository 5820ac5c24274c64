//! Judges the request line: method, target and version (RFC 9112 section 3),
//! and the form of target each method may have (section 3.2).

use http::Uri;

use super::field::{is_authority, is_token};
use super::{FaultKind, Version};

/// What the request line says about the message.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestLine {
    pub(super) version: Version,
    pub(super) connect: bool,
    pub(super) whole_server: bool,
}

/// Reads a request line without its CR LF.
pub(super) fn parse(line: &[u8]) -> Result<RequestLine, FaultKind> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(FaultKind::RequestLineMalformed);
    };
    if method.is_empty() || target.is_empty() || version.is_empty() {
        return Err(FaultKind::RequestLineMalformed);
    }
    if !is_token(method) {
        return Err(FaultKind::MethodInvalid);
    }
    let version = parse_version(version)?;
    check_target(method, target)?;
    let whole_server = method == b"OPTIONS" && is_without_path(target);
    Ok(RequestLine { version, connect: method == b"CONNECT", whole_server })
}

/// Says whether an absolute target ends with its authority (RFC 9112 section 3.2.4).
fn is_without_path(target: &[u8]) -> bool {
    let authority = memchr::memmem::find(target, b"://").and_then(|at| target.get(at + 3..));
    authority.is_some_and(|rest| memchr::memchr2(b'/', b'?', rest).is_none())
}

fn parse_version(text: &[u8]) -> Result<Version, FaultKind> {
    match text {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            Err(FaultKind::VersionUnsupported)
        }
        _ => Err(FaultKind::VersionInvalid),
    }
}

fn check_target(method: &[u8], target: &[u8]) -> Result<(), FaultKind> {
    if !target.iter().all(u8::is_ascii_graphic) {
        return Err(FaultKind::TargetInvalid);
    }
    if target.contains(&b'#') {
        return Err(FaultKind::TargetFragment);
    }
    if method == b"CONNECT" {
        return check_connect(target);
    }
    match target {
        [b'/', ..] => {}
        b"*" if method == b"OPTIONS" => {}
        _ => check_absolute(target)?,
    }
    // The server behind parses the target with the same type: what it cannot read must be
    // refused here, where the refusal gets a name and a record.
    Uri::try_from(target).map(drop).map_err(|_| FaultKind::TargetInvalid)
}

/// Checks absolute-form: a scheme, then an authority with a host and no user.
fn check_absolute(target: &[u8]) -> Result<(), FaultKind> {
    let Some(colon) = memchr::memmem::find(target, b"://") else {
        return Err(FaultKind::TargetForm);
    };
    let (scheme, rest) = target.split_at(colon);
    let scheme_char = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    if !scheme.first().is_some_and(u8::is_ascii_alphabetic) || !scheme.iter().all(scheme_char) {
        return Err(FaultKind::TargetForm);
    }
    let rest = rest.get(3..).unwrap_or_default();
    let authority = rest.split(|b| matches!(b, b'/' | b'?')).next().unwrap_or_default();
    if authority.contains(&b'@') {
        return Err(FaultKind::TargetUserinfo);
    }
    // An empty host makes the target invalid (RFC 9110 section 4.2.1).
    if authority.first().is_none_or(|b| *b == b':') || !is_authority(authority) {
        return Err(FaultKind::TargetInvalid);
    }
    Ok(())
}

/// Checks authority-form: both the host and a usable port are required.
fn check_connect(target: &[u8]) -> Result<(), FaultKind> {
    let colon = memchr::memrchr(b':', target).ok_or(FaultKind::ConnectTarget)?;
    let (host, port) = target.split_at(colon);
    let port = port.get(1..).unwrap_or_default();
    let zero = port.iter().all(|b| *b == b'0');
    if host.is_empty() || zero || !is_authority(target) {
        return Err(FaultKind::ConnectTarget);
    }
    Uri::try_from(target).map(drop).map_err(|_| FaultKind::ConnectTarget)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(line: &str) -> Option<FaultKind> {
        parse(line.as_bytes()).err()
    }

    #[test]
    fn accepts_each_form_of_target() {
        for line in [
            "GET / HTTP/1.1",
            "GET http://example.com/a?b=c HTTP/1.1",
            "GET http://example.com?b HTTP/1.0",
            "GET http://[2001:db8::1]:8080/ HTTP/1.1",
            "OPTIONS * HTTP/1.1",
            "CONNECT example.com:443 HTTP/1.1",
            "CONNECT [::1]:443 HTTP/1.1",
            "M-SEARCH /x HTTP/1.1",
            "GET /redirect?to=http://a@b/ HTTP/1.1",
        ] {
            assert_eq!(kind(line), None, "{line}");
        }
    }

    #[test]
    fn refuses_wrong_forms() {
        for (line, expected) in [
            ("GET  / HTTP/1.1", FaultKind::RequestLineMalformed),
            ("GET /", FaultKind::RequestLineMalformed),
            ("GET / HTTP/1.1 ", FaultKind::RequestLineMalformed),
            ("G(T / HTTP/1.1", FaultKind::MethodInvalid),
            ("GET / http/1.1", FaultKind::VersionInvalid),
            ("GET / HTTP/2.0", FaultKind::VersionUnsupported),
            ("GET /#x HTTP/1.1", FaultKind::TargetFragment),
            ("GET example.com:80 HTTP/1.1", FaultKind::TargetForm),
            ("GET * HTTP/1.1", FaultKind::TargetForm),
            ("GET http://u:p@h/ HTTP/1.1", FaultKind::TargetUserinfo),
            ("GET http:///x HTTP/1.1", FaultKind::TargetInvalid),
            ("GET http://:80/ HTTP/1.1", FaultKind::TargetInvalid),
            ("CONNECT example.com HTTP/1.1", FaultKind::ConnectTarget),
            ("CONNECT example.com: HTTP/1.1", FaultKind::ConnectTarget),
            ("CONNECT example.com:0 HTTP/1.1", FaultKind::ConnectTarget),
            ("CONNECT example.com:65536 HTTP/1.1", FaultKind::ConnectTarget),
            ("CONNECT http://example.com:443 HTTP/1.1", FaultKind::ConnectTarget),
            ("connect example.com:443 HTTP/1.1", FaultKind::TargetForm),
        ] {
            assert_eq!(kind(line), Some(expected), "{line}");
        }
    }
}
