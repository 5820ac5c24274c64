//! Messages between banks, brokers and their customers.

use super::super::Confidence;
use super::lines::{holds, is_all, lines};
use super::{Look, Shape};

const TAG: &str = "financial.message";

/// What a layer is.
pub(super) fn of(look: &Look<'_>) -> Option<Shape> {
    let head = look.head;
    let detector = if is_iso_20022(head) {
        "iso_20022"
    } else if is_fin(head) {
        "swift_fin"
    } else if is_statement(head) {
        "mt940"
    } else if is_ofx(head) {
        "ofx"
    } else if is_nacha(head) {
        "nacha"
    } else if is_fix(head) {
        "fix"
    } else {
        return None;
    };
    Shape::new(TAG, Confidence::Sure, detector)
}

/// A document in one of the namespaces; a schema of it is none.
fn is_iso_20022(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    let name = b"=\"urn:iso:std:iso:20022:tech:xsd:";
    let quoted = b"='urn:iso:std:iso:20022:tech:xsd:";
    let schema = [&b"targetNamespace"[..], b"http://www.w3.org/2001/XMLSchema\""];
    text.starts_with(b"<")
        && (holds(text, name) || holds(text, quoted))
        && !schema.iter().any(|words| holds(text, words))
}

/// `{1:F01BANKBEBBAXXX0000000000}{2:…`: the basic header block has 25 characters.
fn is_fin(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    let text = text.strip_prefix(b"\x01").unwrap_or(text);
    let block = text.strip_prefix(b"{1:").and_then(|rest| rest.split_at_checked(25));
    block.is_some_and(|(block, rest)| {
        let application = block.first().is_some_and(|byte| matches!(byte, b'F' | b'A' | b'L'));
        application && is_all(block, |byte| byte.is_ascii_alphanumeric()) && rest.starts_with(b"}{")
    })
}

/// MT940 and its kin: a reference, an account and an opening balance, each at the start of a line.
fn is_statement(head: &[u8]) -> bool {
    let has = |tag: &[u8]| lines(head).any(|line| line.starts_with(tag) && line.len() > tag.len());
    has(b":20:") && (has(b":25:") || has(b":25P:")) && (has(b":60F:") || has(b":60M:"))
}

fn is_ofx(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    text.starts_with(b"OFXHEADER:100") || text.starts_with(b"<?") && holds(text, b"<?OFX ")
}

/// A file header record of 94 characters: `101`, then record size 094, blocking factor 10 and
/// format 1.
fn is_nacha(head: &[u8]) -> bool {
    let line = lines(head).next().unwrap_or_default();
    let record = if line.len() == 94 { line } else { head.get(..94).unwrap_or_default() };
    let whole = line.len() == 94 || head.get(94..95).is_some_and(|next| next == b"5");
    whole && record.starts_with(b"101") && record.get(34..40) == Some(b"094101")
}

/// `8=FIX.4.4`, the length, and the kind of message, in this order; divided by SOH.
fn is_fix(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    let mut fields = text.split(|byte| *byte == 1);
    let begins = fields
        .next()
        .is_some_and(|field| field.starts_with(b"8=FIX.") || field.starts_with(b"8=FIXT."));
    let length = fields.next().and_then(|field| field.strip_prefix(b"9="));
    begins
        && length.is_some_and(|length| is_all(length, |byte| byte.is_ascii_digit()))
        && fields.next().is_some_and(|field| field.starts_with(b"35="))
}
