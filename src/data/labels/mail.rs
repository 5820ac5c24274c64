//! Labels in the heads of e-mails: `Sensitivity` (RFC 2156), `SIO-Label` (RFC 7444) and
//! `X-Protective-Marking`. Those of `msip_labels` are names as elsewhere.

use super::super::Tag;

/// No longer head is looked at.
const HEAD: usize = 256 << 10;

/// Fields that an e-mail has and a request or a log has not.
const KNOWN: [&str; 9] = [
    "from",
    "received",
    "return-path",
    "delivered-to",
    "mime-version",
    "message-id",
    "subject",
    "to",
    "x-mailer",
];

/// Whether a text begins as an e-mail does: with fields, two of which are an e-mail's. After the
/// first of these, lines that are none say nothing: who reads mail passes over them.
pub(in crate::data) fn is_head(text: &[u8]) -> bool {
    let mut known = 0;
    for line in text.split(|byte| *byte == b'\n').take(64) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        match name(line) {
            _ if line.starts_with(b" ") || line.starts_with(b"\t") => {}
            Some(name) => {
                let is = |one: &&str| name.eq_ignore_ascii_case(one.as_bytes());
                known += usize::from(KNOWN.iter().any(is));
            }
            None if known == 0 => return false,
            None => {}
        }
        if known >= 2 {
            return true;
        }
    }
    false
}

/// The name of a field.
fn name(line: &[u8]) -> Option<&[u8]> {
    let end = line.iter().position(|byte| *byte == b':')?;
    let name = line.get(..end)?;
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (!name.is_empty() && name.iter().all(fits)).then_some(name)
}

/// The part before the first empty line.
pub(super) fn head(text: &[u8]) -> &[u8] {
    let text = text.get(..HEAD.min(text.len())).unwrap_or_default();
    let ends = [&b"\r\n\r\n"[..], b"\n\n"].map(|end| memchr::memmem::find(text, end));
    let end = ends.into_iter().flatten().min().unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// Tells each label of a head.
pub(super) fn read(head: &[u8], mut tell: impl FnMut(Tag, &[u8])) {
    for (name, value) in fields(head) {
        match name.as_str() {
            "x-protective-marking" => marking(&value, &mut tell),
            "sio-label" => sio(&value, &mut tell),
            "sensitivity" => {
                let value = value.trim();
                let plain = value.is_empty() || value.eq_ignore_ascii_case("normal");
                if !plain {
                    say(&["label", "sensitivity", value], value, &mut tell);
                }
            }
            _ => {}
        }
    }
}

/// Fields with their lines joined; names in lower case.
fn fields(head: &[u8]) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in head.split(|byte| *byte == b'\n') {
        let text = String::from_utf8_lossy(line);
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            if let Some((_, value)) = fields.last_mut() {
                value.push(' ');
                value.push_str(text.trim());
            }
        } else if let Some((name, value)) = text.split_once(':') {
            fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    fields
}

/// `VER=2018.6, NS=gov.au, SEC=OFFICIAL:Sensitive, ACCESS=Legal-Privilege, ORIGIN=a@b.example`.
fn marking(value: &str, tell: &mut impl FnMut(Tag, &[u8])) {
    let pairs: Vec<_> = value.split(',').filter_map(|pair| pair.trim().split_once('=')).collect();
    let named = |wanted: &str| {
        let ours = pairs.iter().filter(|(key, _)| key.eq_ignore_ascii_case(wanted));
        ours.map(|(_, value)| *value).collect::<Vec<_>>()
    };
    let space = named("NS").first().unwrap_or(&"unknown").replace('.', "-");
    for class in named("SEC") {
        say(&["label", "marking", &space, class], class, tell);
    }
    for key in ["ACCESS", "CAVEAT"] {
        for value in named(key) {
            say(&["label", "marking", &space, key, value], value, tell);
        }
    }
}

/// `marking="COMPANY CONFIDENTIAL"; fgcolor=red; type=":ess"; label="…"`; long markings come in
/// numbered parts (RFC 2231).
fn sio(value: &str, tell: &mut impl FnMut(Tag, &[u8])) {
    let mut text = String::new();
    for parameter in parameters(value) {
        let Some((name, value)) = parameter.split_once('=') else { continue };
        let name = name.trim().to_ascii_lowercase();
        let part = name.strip_prefix("marking*").map(|part| part.trim_end_matches('*'));
        if name == "marking" || part.is_some_and(|part| part.bytes().all(|b| b.is_ascii_digit())) {
            text.push_str(value.trim().trim_matches('"'));
        }
    }
    say(&["label", "sio", &text], &text, tell);
}

/// Parameters between semicolons that stand in no quotes.
fn parameters(value: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    value.split(move |character| {
        quoted ^= character == '"';
        character == ';' && !quoted
    })
}

/// A tag of several words, each of which is one segment.
fn say(words: &[&str], subject: &str, tell: &mut impl FnMut(Tag, &[u8])) {
    let words = words.iter().map(|word| word.trim().replace(['.', ':', ' '], "-"));
    let path = words.collect::<Vec<_>>().join(".");
    if let Some(tag) = Tag::parse(&path) {
        tell(tag, subject.as_bytes());
    }
}
