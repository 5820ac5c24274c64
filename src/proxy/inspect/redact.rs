//! Takes values out of a body that may not leave with them, where the rules that bar it say so and
//! it can be done: each becomes a placeholder of the same form, and the body is looked through again.

use http::{HeaderMap, HeaderName};

use crate::data::{Confidence, Finding, Findings, Inspection, Source as By, Syntax, Tag};

use super::source::Source;

/// What is in the names of fields that vouch for the octets of a body: what they say would no
/// longer be true.
const VOUCHING: [&str; 6] = ["checksum", "crc", "digest", "hash", "md5", "signature"];

/// Whether nothing vouches for the body as it is.
pub(in crate::proxy) fn may_change(headers: &HeaderMap) -> bool {
    let vouches = |name: &HeaderName| {
        let name = name.as_str();
        VOUCHING.iter().any(|word| name.contains(word)) || name == "x-amz-content-sha256"
    };
    !headers.keys().any(vouches)
}

/// Takes out of a body what was found in the request. `None` where it cannot be done: the body is
/// not wholly held, or something stands where it cannot be replaced.
pub(super) fn redact(
    source: &mut Source,
    found: &Findings,
    barred: impl Fn(&Tag) -> bool,
) -> Option<u64> {
    let Source::Held(held) = source else { return None };
    let acted = |one: &&Finding| one.confidence >= Confidence::Likely;
    let kept = u64::try_from(found.kept().len()).ok()?;
    let values: Vec<_> = found.kept().iter().filter(acted).filter(|one| barred(&one.tag)).collect();
    // Within the body's own text: a value in a layer below stands there in other octets.
    let here = values.iter().all(|one| one.source == By::Value && one.layer.as_str().is_empty());
    let vouched = held.trailers.as_ref().is_some_and(|trailers| !may_change(trailers));
    if held.rest.is_some() || kept < found.count() || !here || values.is_empty() || vouched {
        return None;
    }
    let mut text = held.pieces.all();
    let json = matches!(Syntax::of(&text), Syntax::Json | Syntax::JsonLines);
    for value in &values {
        let start = usize::try_from(value.offset).ok()?;
        let end = start.checked_add(usize::try_from(value.length).ok()?)?;
        let bare = json && start.checked_sub(1).and_then(|at| text.get(at)) != Some(&b'"');
        let part = text.get_mut(start..end)?;
        // What spans more than a value holds names and signs of the format.
        if part.iter().any(|byte| b"\"{}[]<>=&,\r\n".contains(byte)) {
            return None;
        }
        part.iter_mut().for_each(|byte| *byte = placeholder(*byte));
        // A number of JSON does not begin with 0.
        let first = part.iter_mut().find(|byte| byte.is_ascii_digit()).filter(|_| bare);
        first.into_iter().for_each(|byte| *byte = b'9');
    }
    held.pieces.clear();
    held.pieces.push(text.freeze());
    u64::try_from(values.len()).ok()
}

/// What is found in the body as it is now.
pub(super) fn look_again(source: &Source, mut inspection: Inspection) -> Findings {
    if let Source::Held(held) = source {
        inspection.push(&held.pieces.all());
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
        for name in ["x-hub-signature-256", "x-amz-checksum-crc32", "signature-input", "digest"] {
            let name = HeaderName::from_static(name);
            let value = http::HeaderValue::from_static("x");
            assert!(!may_change(&HeaderMap::from_iter([(name, value)])));
        }
        let vouched =
            [(HeaderName::from_static("content-md5"), http::HeaderValue::from_static("x"))];
        assert!(!may_change(&HeaderMap::from_iter(vouched)));
    }
}
