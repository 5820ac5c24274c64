//! Names every way a client can break the wire format, once: the stable code,
//! the answer's status, the section broken and a sentence with the remedy.

use std::fmt;

use http::StatusCode;

/// Says which rule of RFC 9112 or RFC 9110 a client broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the table below says in one sentence what each variant means")]
pub enum FaultKind {
    TlsOnPlainPort,
    TooManyEmptyLines,
    BareLf,
    BareCr,
    RequestLineTooLong,
    RequestLineMalformed,
    MethodInvalid,
    TargetInvalid,
    TargetFragment,
    TargetForm,
    TargetUserinfo,
    ConnectTarget,
    VersionInvalid,
    VersionUnsupported,
    HeadTooLarge,
    TooManyFields,
    HeadIncomplete,
    LeadingWhitespace,
    ObsFold,
    ColonMissing,
    FieldNameEmpty,
    FieldNameInvalid,
    SpaceBeforeColon,
    FieldValueInvalid,
    FieldValuePadded,
    ContentLengthInvalid,
    ContentLengthRepeated,
    ContentLengthTooLarge,
    TransferEncodingOldVersion,
    TransferEncodingRepeated,
    TransferEncodingMalformed,
    ChunkedNotLast,
    TransferCodingUnknown,
    BothLengths,
    HostMissing,
    HostRepeated,
    HostInvalid,
    ConnectWithBody,
    ExpectationUnknown,
    ProtocolUnknown,
    ChunkSizeInvalid,
    ChunkSizeTooLarge,
    ChunkExtensionInvalid,
    ChunkExtensionsTooLarge,
    ChunkLineEnd,
    ChunkDataEnd,
    TrailersTooLarge,
    TrailerForbidden,
    HeadTimeout,
    BodyTimeout,
}

struct Row {
    kind: FaultKind,
    code: &'static str,
    status: StatusCode,
    rfc: &'static str,
    message: &'static str,
}

const fn row(
    kind: FaultKind,
    code: &'static str,
    status: StatusCode,
    rfc: &'static str,
    message: &'static str,
) -> Row {
    Row { kind, code, status, rfc, message }
}

const BAD: StatusCode = StatusCode::BAD_REQUEST;
const TOO_LARGE: StatusCode = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;

#[rustfmt::skip]
static TABLE: [Row; 50] = [
    row(FaultKind::TlsOnPlainPort, "tls-on-plain-port", BAD, "RFC 9112 section 3",
        "a TLS handshake came where a plain HTTP request belongs: give the proxy as http://, not https://"),
    row(FaultKind::TooManyEmptyLines, "too-many-empty-lines", BAD, "RFC 9112 section 2.2",
        "more empty lines before the request line than are forgiven: send the request line first"),
    row(FaultKind::BareLf, "bare-lf", BAD, "RFC 9112 section 2.2",
        "a line ends with LF alone: end each line with CR LF"),
    row(FaultKind::BareCr, "bare-cr", BAD, "RFC 9112 section 2.2",
        "a CR is not followed by LF: remove it"),
    row(FaultKind::RequestLineTooLong, "request-line-too-long", StatusCode::URI_TOO_LONG, "RFC 9112 section 3",
        "the request line is longer than the limit: shorten the URL"),
    row(FaultKind::RequestLineMalformed, "malformed-request-line", BAD, "RFC 9112 section 3",
        "the request line is not method, target and version with one space between each: remove other spaces"),
    row(FaultKind::MethodInvalid, "invalid-method", BAD, "RFC 9110 section 9.1",
        "the method is not a token: use letters, such as GET"),
    row(FaultKind::TargetInvalid, "invalid-target", BAD, "RFC 9112 section 3.2",
        "the request target is not a valid URI reference: percent-encode what is not allowed in it"),
    row(FaultKind::TargetFragment, "fragment-in-target", BAD, "RFC 9112 section 3.2",
        "the request target holds a fragment: leave out # and what follows"),
    row(FaultKind::TargetForm, "wrong-target-form", BAD, "RFC 9112 section 3.2",
        "this form of request target does not go with the method: send an absolute URL"),
    row(FaultKind::TargetUserinfo, "userinfo-in-target", BAD, "RFC 9110 section 4.2.4",
        "the request target names a user before the host: send credentials in a field instead"),
    row(FaultKind::ConnectTarget, "invalid-connect-target", BAD, "RFC 9110 section 9.3.6",
        "a CONNECT target must be a host and a port from 1 to 65535: write host:port"),
    row(FaultKind::VersionInvalid, "invalid-version", BAD, "RFC 9112 section 2.3",
        "the request line does not end with a version: write HTTP/1.1"),
    row(FaultKind::VersionUnsupported, "unsupported-version", StatusCode::HTTP_VERSION_NOT_SUPPORTED, "RFC 9110 section 15.6.6",
        "this port speaks HTTP/1.0 and HTTP/1.1 only: use one of them"),
    row(FaultKind::HeadTooLarge, "head-too-large", TOO_LARGE, "RFC 6585 section 5",
        "the request head is larger than the limit: send fewer or shorter fields"),
    row(FaultKind::TooManyFields, "too-many-fields", TOO_LARGE, "RFC 6585 section 5",
        "the request has more fields than the limit: send fewer"),
    row(FaultKind::HeadIncomplete, "incomplete-head", BAD, "RFC 9112 section 8",
        "the request head stops before its empty line: end it with CR LF CR LF"),
    row(FaultKind::LeadingWhitespace, "whitespace-before-first-field", BAD, "RFC 9112 section 2.2",
        "the line after the request line begins with whitespace: begin it with a field name"),
    row(FaultKind::ObsFold, "folded-field", BAD, "RFC 9112 section 5.2",
        "a field is folded over two lines: put it on one"),
    row(FaultKind::ColonMissing, "field-without-colon", BAD, "RFC 9112 section 5",
        "a field line holds no colon: write name: value"),
    row(FaultKind::FieldNameEmpty, "empty-field-name", BAD, "RFC 9112 section 5",
        "a field line begins with its colon: put a name before it"),
    row(FaultKind::FieldNameInvalid, "invalid-field-name", BAD, "RFC 9110 section 5.1",
        "a field name is not a token: use letters, digits and hyphens"),
    row(FaultKind::SpaceBeforeColon, "space-before-colon", BAD, "RFC 9112 section 5.1",
        "whitespace stands between a field name and its colon: remove it"),
    row(FaultKind::FieldValueInvalid, "control-in-field-value", BAD, "RFC 9110 section 5.5",
        "a field value holds a control character: remove it"),
    row(FaultKind::FieldValuePadded, "whitespace-around-field-value", BAD, "RFC 9113 section 8.2.1",
        "a field value begins or ends with a space or a tab: remove it"),
    row(FaultKind::ContentLengthInvalid, "invalid-content-length", BAD, "RFC 9112 section 6.3",
        "Content-Length is not one plain decimal number: send digits only"),
    row(FaultKind::ContentLengthRepeated, "repeated-content-length", BAD, "RFC 9112 section 6.3",
        "Content-Length is given more than once: send it once"),
    row(FaultKind::ContentLengthTooLarge, "content-length-overflow", BAD, "RFC 9110 section 8.6",
        "Content-Length is larger than 9223372036854775807: send the true length"),
    row(FaultKind::TransferEncodingOldVersion, "transfer-encoding-in-http-1.0", BAD, "RFC 9112 section 6.1",
        "HTTP/1.0 knows no Transfer-Encoding: send Content-Length or HTTP/1.1"),
    row(FaultKind::TransferEncodingRepeated, "repeated-transfer-encoding", BAD, "RFC 9112 section 6.1",
        "Transfer-Encoding is given more than once: send it once"),
    row(FaultKind::TransferEncodingMalformed, "malformed-transfer-encoding", BAD, "RFC 9112 section 6.1",
        "Transfer-Encoding is not a list of codings: send chunked alone"),
    row(FaultKind::ChunkedNotLast, "chunked-not-last", BAD, "RFC 9112 section 6.3",
        "chunked is applied twice or is not the last transfer coding: send chunked alone"),
    row(FaultKind::TransferCodingUnknown, "unknown-transfer-coding", StatusCode::NOT_IMPLEMENTED, "RFC 9112 section 6.1",
        "a transfer coding other than chunked is asked for: send chunked alone"),
    row(FaultKind::BothLengths, "both-content-length-and-transfer-encoding", BAD, "RFC 9112 section 6.3",
        "Content-Length and Transfer-Encoding are both given: send one of them"),
    row(FaultKind::HostMissing, "missing-host", BAD, "RFC 9112 section 3.2",
        "an HTTP/1.1 request holds no Host: send it"),
    row(FaultKind::HostRepeated, "repeated-host", BAD, "RFC 9112 section 3.2",
        "Host is given more than once: send it once"),
    row(FaultKind::HostInvalid, "invalid-host", BAD, "RFC 9112 section 3.2",
        "Host is not a host name or address with an optional port: write host:port"),
    row(FaultKind::ConnectWithBody, "connect-with-body", BAD, "RFC 9110 section 9.3.6",
        "a CONNECT request announces a body: leave out Content-Length and Transfer-Encoding"),
    row(FaultKind::ExpectationUnknown, "unknown-expectation", StatusCode::EXPECTATION_FAILED, "RFC 9110 section 10.1.1",
        "Expect asks for something other than 100-continue: leave it out"),
    row(FaultKind::ProtocolUnknown, "unknown-protocol", StatusCode::NOT_IMPLEMENTED, "RFC 9220 section 3",
        "CONNECT asks for a :protocol other than websocket: leave :protocol out for a tunnel"),
    row(FaultKind::ChunkSizeInvalid, "invalid-chunk-size", BAD, "RFC 9112 section 7.1",
        "a chunk size is not a plain hexadecimal number: send hex digits only"),
    row(FaultKind::ChunkSizeTooLarge, "chunk-size-overflow", BAD, "RFC 9112 section 7.1",
        "a chunk size has more than 15 digits: send smaller chunks"),
    row(FaultKind::ChunkExtensionInvalid, "invalid-chunk-extension", BAD, "RFC 9112 section 7.1.1",
        "a chunk extension holds a control character: leave extensions out"),
    row(FaultKind::ChunkExtensionsTooLarge, "chunk-extensions-too-large", BAD, "RFC 9112 section 7.1.1",
        "chunk extensions are larger than the limit: leave them out"),
    row(FaultKind::ChunkLineEnd, "chunk-size-line-not-crlf", BAD, "RFC 9112 section 7.1",
        "a chunk size line does not end with CR LF: end it so"),
    row(FaultKind::ChunkDataEnd, "chunk-data-not-followed-by-crlf", BAD, "RFC 9112 section 7.1",
        "CR LF does not follow chunk data at its stated size: make size and data agree"),
    row(FaultKind::TrailersTooLarge, "trailers-too-large", TOO_LARGE, "RFC 9112 section 7.1.2",
        "the trailer section is larger than the limit: send fewer or shorter fields"),
    row(FaultKind::TrailerForbidden, "forbidden-trailer", BAD, "RFC 9110 section 6.5.1",
        "a trailer names a field for framing, routing or credentials: send it in the head"),
    row(FaultKind::HeadTimeout, "head-timeout", StatusCode::REQUEST_TIMEOUT, "RFC 9110 section 15.5.9",
        "the request head did not arrive in time: send it at once"),
    row(FaultKind::BodyTimeout, "body-timeout", StatusCode::REQUEST_TIMEOUT, "RFC 9110 section 15.5.9",
        "the request body stopped arriving: send it without long pauses"),
];

impl FaultKind {
    /// Lists every kind, in the order of a message on the wire.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.kind)
    }

    /// Returns the stable kebab-case name for answers and records.
    pub fn code(self) -> &'static str {
        self.row().code
    }

    /// Returns the status the answer carries (RFC 9110 section 15).
    pub fn status(self) -> StatusCode {
        self.row().status
    }

    /// Names the section that forbids it.
    pub fn rfc(self) -> &'static str {
        self.row().rfc
    }

    /// Says what is wrong and what to do about it.
    pub fn message(self) -> &'static str {
        self.row().message
    }

    fn row(self) -> &'static Row {
        TABLE.iter().find(|row| row.kind == self).expect("each kind has its row, as a test shows")
    }
}

/// One breach of the wire format: which rule, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    kind: FaultKind,
    at: u64,
}

impl Fault {
    /// Makes a fault found `at` bytes from the start of the head, or of the body.
    pub fn new(kind: FaultKind, at: usize) -> Self {
        Self { kind, at: u64::try_from(at).unwrap_or(u64::MAX) }
    }

    pub(super) fn deep(kind: FaultKind, at: u64) -> Self {
        Self { kind, at }
    }

    /// Returns the rule broken.
    pub fn kind(&self) -> FaultKind {
        self.kind
    }

    /// Returns how far into the head, or the body, the offending line or byte begins.
    pub fn at(&self) -> u64 {
        self.at
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (message, rfc) = (self.kind.message(), self.kind.rfc());
        write!(f, "{message} ({rfc}, byte {})", self.at)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_kind_has_one_row_and_codes_differ() {
        let codes: HashSet<_> = FaultKind::all().map(FaultKind::code).collect();
        let kinds: HashSet<_> = FaultKind::all().collect();
        assert_eq!(codes.len(), TABLE.len());
        assert_eq!(kinds.len(), TABLE.len());
        #[expect(clippy::as_conversions, reason = "a variant's number has no other form")]
        let variants = FaultKind::BodyTimeout as usize + 1;
        assert_eq!(variants, TABLE.len());
    }

    #[test]
    fn codes_are_kebab_case_and_messages_name_a_remedy() {
        for kind in FaultKind::all() {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
            assert!(kind.code().chars().all(plain), "{}", kind.code());
            assert!(kind.message().contains(": "), "{}", kind.message());
            assert!(!kind.message().ends_with('.'));
            assert!(kind.rfc().starts_with("RFC "));
            assert!(kind.status().is_client_error() || kind.status().is_server_error());
        }
    }
}
