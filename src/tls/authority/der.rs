//! The few DER values that a certificate is written with (ITU-T X.690, RFC 5280 section 4.1).
//! Writing only: what others wrote is read by `x509_parser`.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// One value: tag, length, and the parts of its content one after the other.
pub(super) fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    let mut text = Vec::with_capacity(length + 6);
    text.push(tag);
    // The short form up to 127, then the count of octets that the length takes.
    let octets = length.to_be_bytes();
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let digits = octets.get(zeros..).unwrap_or_default();
    if length >= 0x80 {
        text.push(0x80 | u8::try_from(digits.len()).unwrap_or(8));
    }
    text.extend_from_slice(if length == 0 { &[0] } else { digits });
    parts.iter().for_each(|part| text.extend_from_slice(part));
    text
}

/// SEQUENCE
pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    value(0x30, parts)
}

/// SET of one member, which needs no sorting.
pub(super) fn set(member: &[u8]) -> Vec<u8> {
    value(0x31, &[member])
}

/// INTEGER from the octets of a number that is not negative.
pub(super) fn integer(octets: &[u8]) -> Vec<u8> {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let digits = octets.get(zeros..).unwrap_or_default();
    // A first bit of one would make it negative, and no octet at all is no number.
    let sign: &[u8] = if digits.first().is_none_or(|octet| *octet >= 0x80) { &[0] } else { &[] };
    value(0x02, &[sign, digits])
}

/// OCTET STRING
pub(super) fn octet_string(content: &[u8]) -> Vec<u8> {
    value(0x04, &[content])
}

/// BIT STRING of whole octets.
pub(super) fn bit_string(content: &[u8]) -> Vec<u8> {
    value(0x03, &[&[0], content])
}

/// BOOLEAN TRUE
pub(super) const TRUE: [u8; 3] = [0x01, 0x01, 0xff];

/// UTF8String
pub(super) fn text(text: &str) -> Vec<u8> {
    value(0x0c, &[text.as_bytes()])
}

/// OBJECT IDENTIFIER from its encoded arcs.
pub(super) fn object(arcs: &[u8]) -> Vec<u8> {
    value(0x06, &[arcs])
}

/// A context-specific tag around a whole value.
pub(super) fn explicit(number: u8, content: &[u8]) -> Vec<u8> {
    value(0xa0 | number, &[content])
}

/// A context-specific tag in the place of a primitive value's own.
pub(super) fn implicit(number: u8, content: &[u8]) -> Vec<u8> {
    value(0x80 | number, &[content])
}

/// `UTCTime` until 2049, `GeneralizedTime` from 2050 on (RFC 5280 section 4.1.2.5).
pub(super) fn time(at: Timestamp) -> Vec<u8> {
    let at = TimeZone::UTC.to_datetime(at);
    if at.year() < 2050 {
        value(0x17, &[at.strftime("%y%m%d%H%M%SZ").to_string().as_bytes()])
    } else {
        value(0x18, &[at.strftime("%Y%m%d%H%M%SZ").to_string().as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_their_shortest_form() {
        assert_eq!(value(4, &[]), [4, 0]);
        assert_eq!(value(4, &[&[7; 127]]).get(..2), Some(&[4, 127][..]));
        assert_eq!(value(4, &[&[7; 100], &[7; 28]]).get(..3), Some(&[4, 0x81, 128][..]));
        assert_eq!(value(4, &[&[7; 256]]).get(..4), Some(&[4, 0x82, 1, 0][..]));
        assert_eq!(value(4, &[&vec![7; 65_536]]).get(..5), Some(&[4, 0x83, 1, 0, 0][..]));
    }

    #[test]
    fn integers_are_positive_and_minimal() {
        assert_eq!(integer(&[]), [2, 1, 0]);
        assert_eq!(integer(&[0, 0]), [2, 1, 0]);
        assert_eq!(integer(&[0, 0x7f]), [2, 1, 0x7f]);
        assert_eq!(integer(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(integer(&[0, 0, 0xff, 1]), [2, 3, 0, 0xff, 1]);
    }

    #[test]
    fn times_change_their_form_in_2050() {
        let at = |text: &str| time(text.parse().unwrap());
        assert_eq!(at("2049-12-31T23:59:59Z"), *b"\x17\x0d491231235959Z");
        assert_eq!(at("2050-01-01T00:00:00Z"), *b"\x18\x0f20500101000000Z");
    }
}
