//! A small reader of each text format, written from its description and not from the writer.

use std::collections::BTreeMap;

/// Takes percent-encoding back.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| *first == b'%');
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap()
}

/// The ten fields of Squid.
pub(super) fn squid(line: &str) -> [String; 10] {
    let fields: Vec<_> = line.split_ascii_whitespace().map(str::to_owned).collect();
    fields.try_into().unwrap_or_else(|fields| panic!("{fields:?}"))
}

/// Host, user, time, request, status, bytes, referrer, agent.
pub(super) fn combined(line: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let (field, after) = if let Some(inner) = rest.strip_prefix('[') {
            inner.split_once(']').unwrap()
        } else if let Some(inner) = rest.strip_prefix('"') {
            let parts = split_bare(inner, '"', 2);
            (parts[0], parts[1])
        } else {
            rest.split_at(rest.find(' ').unwrap_or(rest.len()))
        };
        fields.push(field.to_owned());
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    fields
}

/// Takes the escapes of Apache back.
pub(super) fn apache(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next().unwrap() {
            b'x' => {
                let hex = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
            }
            b'b' => 8,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            other => other,
        });
    }
    String::from_utf8(bytes).unwrap()
}

/// Splits at a sign that no backslash stands before; what is escaped stays so.
fn split_bare(text: &str, at: char, most: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (place, sign) in text.char_indices() {
        if sign == at && !escaped && parts.len() + 1 < most {
            parts.push(&text[start..place]);
            start = place + 1;
        }
        escaped = sign == '\\' && !escaped;
    }
    parts.push(&text[start..]);
    parts
}

fn unescaped(text: &str, letters: bool) -> String {
    let mut out = String::new();
    let mut signs = text.chars();
    while let Some(sign) = signs.next() {
        out.push(match sign {
            '\\' => match signs.next().unwrap() {
                'n' if letters => '\n',
                'r' if letters => '\r',
                other => other,
            },
            sign => sign,
        });
    }
    out
}

/// The seven fields of the header, and the extension.
pub(super) fn cef(line: &str) -> (Vec<String>, BTreeMap<String, String>) {
    let parts = split_bare(line, '|', 8);
    assert_eq!(parts.len(), 8, "{line}");
    let (extension, header) = parts.split_last().unwrap();
    let header = header.iter().map(|part| decoded(&unescaped(part, false))).collect();
    let mut pieces = split_bare(extension, '=', usize::MAX).into_iter();
    let mut key = pieces.next().unwrap().to_owned();
    let mut pairs = BTreeMap::new();
    let pieces: Vec<_> = pieces.collect();
    for (at, piece) in pieces.iter().enumerate() {
        let last = at + 1 == pieces.len();
        let (value, next) = if last { (*piece, "") } else { piece.rsplit_once(' ').unwrap() };
        let old = pairs.insert(key.clone(), decoded(&unescaped(value, true)));
        assert_eq!(old, None, "{key} twice in {line}");
        next.clone_into(&mut key);
    }
    (header, pairs)
}

/// The five fields of the header, and the attributes.
pub(super) fn leef(line: &str) -> (Vec<String>, BTreeMap<String, String>) {
    let parts: Vec<_> = line.splitn(7, '|').collect();
    assert_eq!(parts.len(), 7, "{line}");
    let header = parts[..5].iter().map(|part| decoded(part)).collect();
    let mut pairs = BTreeMap::new();
    for pair in parts[6].split(parts[5]) {
        let (key, value) = pair.split_once('=').unwrap();
        assert_eq!(pairs.insert(key.to_owned(), decoded(value)), None, "{key} twice in {line}");
    }
    (header, pairs)
}

/// A message of RFC 5424.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) priority: u8,
    /// Time, host, application, process, kind.
    pub(super) header: Vec<String>,
    pub(super) id: String,
    pub(super) params: BTreeMap<String, String>,
    pub(super) text: String,
}

pub(super) fn syslog(line: &str) -> Message {
    let (priority, rest) = line.strip_prefix('<').unwrap().split_once(">1 ").unwrap();
    let (header, rest) = rest.split_once(" [").unwrap();
    let (id, mut rest) = rest.split_once(' ').unwrap();
    let mut params = BTreeMap::new();
    loop {
        let (name, value) = rest.split_once("=\"").unwrap();
        let parts = split_bare(value, '"', 2);
        let old = params.insert(name.to_owned(), decoded(&unescaped(parts[0], false)));
        assert_eq!(old, None, "{name} twice in {line}");
        rest = parts[1];
        match rest.strip_prefix(' ') {
            Some(more) => rest = more,
            None => break,
        }
    }
    let text = rest.strip_prefix("] \u{feff}").unwrap();
    Message {
        priority: priority.parse().unwrap(),
        header: header.split(' ').map(str::to_owned).collect(),
        id: id.to_owned(),
        params,
        text: decoded(text),
    }
}
