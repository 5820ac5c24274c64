//! Takes values out of a body that may not leave with them, where the rules that bar it say so and
//! it can be done: each becomes a placeholder of the same form, and the body is looked through again.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use crate::data::{Confidence, Findings, Inspection, Source as By};

use super::source::{Held, Source};

/// Fields that vouch for the octets of a body: what they say would no longer be true.
const VOUCHING: [&str; 7] = [
    "content-digest",
    "content-md5",
    "digest",
    "repr-digest",
    "signature",
    "x-amz-content-sha256",
    "x-goog-hash",
];

/// Whether nothing vouches for the body as it is.
pub(super) fn may_change(headers: &HeaderMap) -> bool {
    !VOUCHING.iter().any(|name| headers.contains_key(*name))
}

/// Takes out of a body what was found in the request. `None` where it cannot be done: the body is
/// not wholly held, or something stands where it cannot be replaced.
pub(super) fn redact(source: &mut Source, found: &Findings) -> Option<u64> {
    let Source::Held(held) = source else { return None };
    let acted = |one: &&crate::data::Finding| one.confidence >= Confidence::Likely;
    let kept = u64::try_from(found.kept().len()).ok()?;
    let values: Vec<_> = found.kept().iter().filter(acted).collect();
    // Within the body's own text: a value in a layer below stands there in other octets.
    let here = values.iter().all(|one| one.source == By::Value && one.layer.as_str().is_empty());
    if held.rest.is_some() || kept < found.count() || !here || values.is_empty() {
        return None;
    }
    let mut text = held.join();
    for value in &values {
        let start = usize::try_from(value.offset).ok()?;
        let end = start.checked_add(usize::try_from(value.length).ok()?)?;
        text.get_mut(start..end)?.iter_mut().for_each(|byte| *byte = placeholder(*byte));
    }
    held.pieces = std::iter::once(text.freeze()).collect();
    u64::try_from(values.len()).ok()
}

/// What is found in the body as it is now.
pub(super) fn look_again(source: &Source, mut inspection: Inspection) -> Findings {
    if let Source::Held(held) = source {
        held.pieces.iter().for_each(|piece| inspection.push(piece));
    }
    inspection.finish()
}

/// Digits and letters of which no detector makes anything; what divides them stays, but for what
/// would make a reader take the next for another sign.
fn placeholder(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => b'0',
        b'A'..=b'Z' => b'Z',
        b'a'..=b'z' | b'\\' | b'%' | b'&' | 0x80.. => b'z',
        other => other,
    }
}

impl Held {
    /// The pieces as one.
    fn join(&mut self) -> BytesMut {
        let mut text = BytesMut::with_capacity(self.pieces.iter().map(Bytes::len).sum());
        self.pieces.iter().for_each(|piece| text.extend_from_slice(piece));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_keep_the_form_and_say_nothing() {
        let shown = |text: &[u8]| {
            let bytes: Vec<_> = text.iter().map(|byte| placeholder(*byte)).collect();
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(shown(b"4111-1111 Jo@firm.example"), "0000-0000 Zz@zzzz.zzzzzzz");
        assert_eq!(shown(b"jo\\u0040a%40b"), "zzzz0000zz00z");
        assert_eq!(shown("Zo\u{eb}".as_bytes()), "Zzzz");
    }

    #[test]
    fn nothing_changes_what_something_vouches_for() {
        assert!(may_change(&HeaderMap::new()));
        let vouched = [(
            http::header::HeaderName::from_static("content-md5"),
            http::HeaderValue::from_static("x"),
        )];
        assert!(!may_change(&HeaderMap::from_iter(vouched)));
    }
}
