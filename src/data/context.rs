//! What stands before a value: the nearest key of JSON, name of XML, field of a form or a part,
//! or the words of the same sentence. Read for candidates only, at most 96 octets back.

use super::keys::{Key, Names};
use super::values::text::{at, before, run_start, span};

/// How far back a name may stand.
const REACH: usize = 96;

/// What ends a name, going back; a blank does where the name is not quoted.
const STOPS: [bool; 256] = stops();

#[expect(
    clippy::indexing_slicing,
    reason = "256 places for the values of an octet, at compile time"
)]
const fn stops() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte: usize = 0;
    while byte < 256 {
        table[byte] = matches!(
            byte.to_le_bytes()[0],
            b'"' | b'\''
                | b','
                | b'{'
                | b'}'
                | b'\n'
                | b'&'
                | b';'
                | b'<'
                | b'>'
                | b'('
                | b'='
                | b'?'
                | b'|'
                | b'\t'
        );
        byte += 1;
    }
    table
}

/// Names whose values are names.
const NAMING: [&[u8]; 13] = [
    b"system",
    b"k",
    b"key",
    b"name",
    b"n",
    b"field",
    b"label",
    b"attribute",
    b"id",
    b"type",
    b"property",
    b"column",
    b"question",
];

/// Elements of HTML that only arrange.
const ARRANGING: [&[u8]; 20] = [
    b"td", b"th", b"tr", b"dd", b"dt", b"span", b"b", b"i", b"strong", b"em", b"p", b"div", b"li",
    b"a", b"code", b"font", b"br", b"small", b"label", b"pre",
];

/// What the text before a value says of it.
pub(super) fn before_value(text: &[u8], start: usize, keys: Names<'_>) -> Key {
    let lead = run_start(text, start, 8, |byte| {
        matches!(byte, b'"' | b'\'' | b'\\' | b' ' | b'\t' | b'(' | b'[' | b'`')
    });
    match before(text, lead) {
        b':' | b'=' => explicit(text, lead - 1, keys),
        b'>' => element(text, lead, keys),
        b'\n' => line_above(text, lead, keys),
        _ => words(text, start, keys),
    }
}

/// The key that ends before a colon or an equals sign.
fn explicit(text: &[u8], sign: usize, keys: Names<'_>) -> Key {
    let end = run_start(text, sign, 4, |byte| matches!(byte, b'"' | b'\'' | b' ' | b'\\' | b']'));
    let quoted = end < sign && matches!(at(text, end), b'"' | b'\'' | b'\\');
    let stops = |byte: u8| STOPS.get(usize::from(byte)).copied().unwrap_or(false);
    let start = run_start(text, end, REACH, |byte| !stops(byte) && (quoted || byte != b' '));
    let key = keys.read(span(text, start, end));
    if key.generic {
        let sibling = sibling(text, start, keys);
        if !sibling.is_empty() {
            return sibling;
        }
    }
    if !key.is_empty() || quoted {
        return key;
    }
    // `card number (last used): 4111...`: the words before a colon in prose.
    if at(text, sign) == b':' { words(text, sign, keys) } else { key }
}

/// The value of the pair before, where it is a name: `"name": "ssn", "value":`, or
/// `name="ssn" value=`.
fn sibling(text: &[u8], start: usize, keys: Names<'_>) -> Key {
    let quote = |byte: u8| matches!(byte, b'"' | b'\'');
    let gap = |byte: u8| matches!(byte, b' ' | b',' | b'\n' | b'\r' | b'\t' | b'{' | b':');
    let opening = start - usize::from(quote(before(text, start)));
    let mut end = run_start(text, opening, 24, gap);
    // `"value": {"stringValue":` stands one level deeper.
    if quote(before(text, end)) && span(text, end, opening).contains(&b'{') {
        let inner = run_start(text, end - 1, 24, |byte| !quote(byte));
        let name = span(text, inner, end - 1);
        if keys.read(name).generic {
            end = run_start(text, inner.saturating_sub(1), 24, gap);
        }
    }
    if !quote(before(text, end)) {
        return Key::default();
    }
    let value = run_start(text, end - 1, 64, |byte| !quote(byte) && byte != b'\n');
    let sign = run_start(text, value.saturating_sub(1), 3, |byte| byte == b' ');
    if !matches!(before(text, sign), b':' | b'=') {
        return Key::default();
    }
    let name_end = run_start(text, sign - 1, 3, |byte| quote(byte) || byte == b' ');
    let name = run_start(text, name_end, 24, |byte| byte.is_ascii_alphanumeric());
    let naming = span(text, name, name_end);
    if NAMING.iter().any(|word| naming.eq_ignore_ascii_case(word)) {
        keys.read(span(text, value, end - 1))
    } else {
        Key::default()
    }
}

/// The element before: its name and attributes, or, where it only arranges, the text before it.
fn element(text: &[u8], from: usize, keys: Names<'_>) -> Key {
    let mut end = from;
    for _ in 0..4 {
        if before(text, end) != b'>' {
            break;
        }
        let open = run_start(text, end - 1, REACH, |byte| byte != b'<');
        let tag = span(text, open, end - 1);
        let name = tag.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
        let closing = name.starts_with(b"/");
        let arranging = ARRANGING.iter().any(|word| name.eq_ignore_ascii_case(word));
        if !closing && (!arranging || tag.len() > name.len()) {
            let key = keys.read(tag);
            if !arranging || !key.is_empty() {
                return key;
            }
        }
        end = run_start(text, open.saturating_sub(1), 16, |byte| byte.is_ascii_whitespace());
    }
    if before(text, end) == b'>' { Key::default() } else { words(text, end, keys) }
}

/// The line above: the head of a part in `multipart/form-data`, or one that ends with a colon.
fn line_above(text: &[u8], from: usize, keys: Names<'_>) -> Key {
    let end = run_start(text, from, 4, |byte| matches!(byte, b'\r' | b'\n'));
    let blank = memchr::memchr_iter(b'\n', span(text, end, from)).count() > 1;
    if blank {
        let head = span(text, end.saturating_sub(2 * REACH), end);
        let Some(name) = memchr::memmem::rfind(head, b"name=") else { return Key::default() };
        let name = head.get(name + 5..).unwrap_or_default();
        let name = name.strip_prefix(b"\"").unwrap_or(name);
        let length = name.iter().take_while(|byte| !matches!(byte, b'"' | b';' | b'\r' | b'\n'));
        return keys.read(name.get(..length.count()).unwrap_or_default());
    }
    if before(text, end) == b':' { explicit(text, end - 1, keys) } else { Key::default() }
}

/// The words of the same sentence, up to another value.
fn words(text: &[u8], start: usize, keys: Names<'_>) -> Key {
    let from = sentence(text, start);
    let part = span(text, from, start);
    // The last key in it, and all that follows: `note="ssn: "`.
    keys.nearest(part)
}

/// Where the sentence begins that a value stands in.
fn sentence(text: &[u8], start: usize) -> usize {
    let (mut digits, mut place) = (0, start);
    while place > 0 && start - place < REACH {
        let byte = before(text, place);
        let next = at(text, place);
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        let ends = match byte {
            b'\n' | b'\t' | b';' | b'&' | b'{' | b'}' | b'|' | b'<' | b'>' | b'@' => true,
            // In prose a blank follows; in CSV and JSON a value does.
            b',' => next != b' ' || quoted_after(text, place),
            b'.' | b'!' | b'?' => next == b' ' && place < start,
            _ => digits >= 4,
        };
        if ends {
            break;
        }
        place -= 1;
    }
    place
}

fn quoted_after(text: &[u8], place: usize) -> bool {
    matches!(at(text, place + 1), b'"' | b'\'')
}

#[cfg(test)]
mod tests {
    use super::super::keys::{Keys, Memo};
    use super::super::values::Kind;
    use super::*;

    fn key(text: &str) -> Key {
        before_value(
            text.as_bytes(),
            text.len(),
            Names { keys: &Keys::new(), memo: &Memo::default() },
        )
    }

    #[test]
    fn the_nearest_name_is_found_in_every_syntax() {
        for text in [
            "{\"ssn\": \"",
            "{\"ssn\":",
            "a=1&user_ssn=",
            "<ssn>",
            "<f n=\"ssn\">",
            "ssn: ",
            "<td>SSN</td><td>",
            "<b>SSN:</b> ",
            "his SSN is ",
            "the ssn, as told, ",
            "{\"k\":\"ssn\",\"v\":\"",
            "{\"name\": \"ssn\", \"value\": \"",
            "{\"key\":\"ssn\",\"value\":{\"stringValue\":\"",
            "<input name=\"ssn\" value=\"",
            "form-data; name=\"ssn\"\r\n\r\n",
            "form-data; name=\"ssn\"\r\nContent-Type: text/plain\r\n\r\n",
            "SSN:\n",
            "{\"note\":\"my ssn is ",
            "\\\"ssn\\\": \\\"",
        ] {
            assert!(key(text).kinds.contains(Kind::Ssn), "{text}");
        }
    }

    #[test]
    fn a_name_belongs_to_one_value() {
        for text in [
            "{\"ssn\":\"219-45-0000\",\"id\":\"",
            "ssn=219-45-0000&x=",
            "ssn 219-45-0000 and ",
            "ssn: none; id: ",
            "<ssn>x</ssn><id>",
            "The ssn is his. Call ",
            "ssn\n",
        ] {
            assert!(!key(text).kinds.contains(Kind::Ssn), "{text}");
        }
        assert!(key("{\"ssn\":\"x\",\"order\":\"").foreign);
    }
}
