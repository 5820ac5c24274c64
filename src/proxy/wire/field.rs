//! Judges one field line (RFC 9112 section 5) and the few values that decide
//! where a message ends or goes: lengths, transfer codings, hosts.

use super::FaultKind;

/// Says whether `bytes` is a token (RFC 9110 section 5.6.2).
pub(in crate::proxy) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| is_token_byte(*byte))
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.')
        || matches!(byte, b'^' | b'_' | b'`' | b'|' | b'~')
}

/// Splits a field line without its CR LF into its name and its trimmed value.
pub(super) fn split(line: &[u8]) -> Result<(&[u8], &[u8]), FaultKind> {
    if memchr::memchr(b'\r', line).is_some() {
        return Err(FaultKind::BareCr);
    }
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err(FaultKind::ObsFold);
    }
    let colon = memchr::memchr(b':', line).ok_or(FaultKind::ColonMissing)?;
    let (name, value) = line.split_at(colon);
    match name {
        [] => return Err(FaultKind::FieldNameEmpty),
        [.., b' ' | b'\t'] => return Err(FaultKind::SpaceBeforeColon),
        _ if !is_token(name) => return Err(FaultKind::FieldNameInvalid),
        _ => {}
    }
    let value = value.get(1..).unwrap_or_default();
    if value.iter().any(|byte| is_control(*byte)) {
        return Err(FaultKind::FieldValueInvalid);
    }
    Ok((name, trim(value)))
}

/// Says whether a byte may not stand in a value; bytes of obs-text may (RFC 9110 section 5.5).
pub(super) fn is_control(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7f
}

fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Reads a Content-Length: digits, no list, no sign, at most 2^63 - 1.
pub(super) fn content_length(value: &[u8]) -> Result<u64, FaultKind> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(FaultKind::ContentLengthInvalid);
    }
    let add = |sum: u64, byte: &u8| sum.checked_mul(10)?.checked_add(u64::from(byte - b'0'));
    value
        .iter()
        .try_fold(0_u64, add)
        .filter(|length| i64::try_from(*length).is_ok())
        .ok_or(FaultKind::ContentLengthTooLarge)
}

/// Accepts the one transfer coding that is spoken here: `chunked`, alone (RFC 9112 section 6.1).
pub(super) fn transfer_encoding(value: &[u8]) -> Result<(), FaultKind> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let (mut chunked, mut unknown) = (false, false);
    for coding in value.split(|byte| *byte == b',').map(trim) {
        let name = trim(coding.split(|byte| *byte == b';').next().unwrap_or_default());
        if !is_token(name) {
            return Err(FaultKind::TransferEncodingMalformed);
        }
        if chunked {
            return Err(FaultKind::ChunkedNotLast);
        }
        chunked = name.eq_ignore_ascii_case(b"chunked");
        if chunked && name.len() != coding.len() {
            // chunked takes no parameters (RFC 9112 section 7.1)
            return Err(FaultKind::TransferEncodingMalformed);
        }
        unknown |= !chunked;
    }
    if unknown { Err(FaultKind::TransferCodingUnknown) } else { Ok(()) }
}

/// Says whether `bytes` is `uri-host [ ":" port ]` (RFC 9110 section 7.2); empty is allowed.
pub(super) fn is_authority(bytes: &[u8]) -> bool {
    let (host, port) = match bytes {
        [b'[', rest @ ..] => {
            let Some(end) = memchr::memchr(b']', rest) else { return false };
            let (literal, after) = rest.split_at(end);
            let v6 =
                std::str::from_utf8(literal).is_ok_and(|s| s.parse::<std::net::Ipv6Addr>().is_ok());
            if !v6 {
                return false;
            }
            (&b""[..], after.get(1..).unwrap_or_default())
        }
        _ => bytes.split_at(memchr::memchr(b':', bytes).unwrap_or(bytes.len())),
    };
    is_reg_name(host) && is_port(port)
}

/// Says whether `bytes` is nothing, or a colon and a port; an empty port is grammatical.
fn is_port(bytes: &[u8]) -> bool {
    match bytes {
        [] | [b':'] => true,
        [b':', digits @ ..] => {
            digits.iter().all(u8::is_ascii_digit)
                && std::str::from_utf8(digits).is_ok_and(|s| s.parse::<u16>().is_ok())
        }
        _ => false,
    }
}

/// Says whether `bytes` is a reg-name (RFC 3986 section 3.2.2), which an IPv4 address also is.
fn is_reg_name(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    loop {
        rest = match rest {
            [] => return true,
            [b'%', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                tail
            }
            [byte, tail @ ..] if is_name_byte(*byte) => tail,
            _ => return false,
        };
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')')
        || matches!(byte, b'*' | b'+' | b',' | b';' | b'=')
}

/// Says whether a field may not come as a trailer: framing, routing, credentials and what
/// changes how the body is read (RFC 9110 section 6.5.1).
pub(super) fn is_forbidden_trailer(name: &[u8]) -> bool {
    const FORBIDDEN: [&[u8]; 19] = [
        b"content-length",
        b"transfer-encoding",
        b"host",
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"upgrade",
        b"expect",
        b"max-forwards",
        b"authorization",
        b"proxy-authorization",
        b"cookie",
        b"content-encoding",
        b"content-type",
        b"content-range",
        b"range",
        b"forwarded",
    ];
    FORBIDDEN.iter().any(|forbidden| name.eq_ignore_ascii_case(forbidden))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lengths() {
        assert_eq!(content_length(b"0"), Ok(0));
        assert_eq!(content_length(b"9223372036854775807"), Ok(9_223_372_036_854_775_807));
        for bad in ["", "+1", "-1", "1,1", "1 1", "0x1", "1e3", "\u{661}"] {
            let kind = content_length(bad.as_bytes());
            assert_eq!(kind, Err(FaultKind::ContentLengthInvalid), "{bad}");
        }
        for bad in ["9223372036854775808", "99999999999999999999999"] {
            let kind = content_length(bad.as_bytes());
            assert_eq!(kind, Err(FaultKind::ContentLengthTooLarge), "{bad}");
        }
    }

    #[test]
    fn reads_transfer_codings() {
        for (value, expected) in [
            ("chunked", Ok(())),
            ("Chunked", Ok(())),
            ("gzip", Err(FaultKind::TransferCodingUnknown)),
            ("identity", Err(FaultKind::TransferCodingUnknown)),
            ("gzip, chunked", Err(FaultKind::TransferCodingUnknown)),
            ("xchunked", Err(FaultKind::TransferCodingUnknown)),
            ("chunked, gzip", Err(FaultKind::ChunkedNotLast)),
            ("chunked, chunked", Err(FaultKind::ChunkedNotLast)),
            ("", Err(FaultKind::TransferEncodingMalformed)),
            ("chunked,", Err(FaultKind::TransferEncodingMalformed)),
            (", chunked", Err(FaultKind::TransferEncodingMalformed)),
            ("chunked;a=b", Err(FaultKind::TransferEncodingMalformed)),
            ("\"chunked\"", Err(FaultKind::TransferEncodingMalformed)),
        ] {
            assert_eq!(transfer_encoding(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn reads_hosts() {
        for good in ["", "a", "a:", "a.b:80", "1.2.3.4", "[::1]", "[::1]:80", "a%20b", "x_y"] {
            assert!(is_authority(good.as_bytes()), "{good}");
        }
        for bad in [
            "a b", "a@b", "a/b", "a:b", "a:1:2", "[::1", "[x]", "::1", "a%2", "a:65536", "a?b",
            "[::1]x",
        ] {
            assert!(!is_authority(bad.as_bytes()), "{bad}");
        }
    }
}
