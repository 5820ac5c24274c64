//! What a head says of what follows: `Content-Type` with its parameters, and the heads of parts.

use super::coding::Coding;
use super::leaf::Named;

/// What is said of some octets. Nothing of it is believed alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    /// `type/subtype`, lower case.
    pub(super) media: String,
    pub(super) charset: Option<String>,
    pub(super) boundary: Option<String>,
    pub(super) named: Named,
}

/// How the octets of a part are written (RFC 2045 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transfer {
    Base64,
    Quoted,
}

/// The head of a part.
#[derive(Debug, Default)]
pub(super) struct Heading {
    pub(super) said: Said,
    pub(super) transfer: Option<Transfer>,
    /// Whether it is a field of a form, where a transfer encoding is obsolete and often not read.
    pub(super) form: bool,
    pub(super) codings: Vec<Coding>,
}

impl Said {
    /// Reads the value of `Content-Type`.
    pub(super) fn of(value: &str) -> Self {
        let (media, rest) = value.split_once(';').unwrap_or((value, ""));
        let media = media.trim().to_ascii_lowercase();
        let named = Named { kind: value.into(), ..Named::default() };
        let mut said = Self { media, named, ..Self::default() };
        for (name, value) in parameters(rest) {
            match &*name {
                "charset" if said.charset.is_none() => said.charset = Some(value),
                "boundary" if said.boundary.is_none() => said.boundary = Some(value),
                _ => {}
            }
        }
        said
    }
}

impl Heading {
    /// Reads header fields, one a line; lines that begin with a blank go on.
    pub(super) fn of(head: &[u8]) -> Self {
        let text = String::from_utf8_lossy(head);
        let unfolded = text.replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ");
        let mut heading = Self::default();
        let mut named = Named::default();
        for line in unfolded.lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            match &*name.trim().to_ascii_lowercase() {
                "content-type" => heading.said = Said::of(value),
                "content-encoding" => heading.codings = Coding::listed(value),
                "content-transfer-encoding" => heading.transfer = Transfer::of(value),
                "content-disposition" => {
                    let (kind, rest) = value.split_once(';').unwrap_or((value, ""));
                    heading.form = kind.trim().eq_ignore_ascii_case("form-data");
                    named = Named::of(&parameters(rest));
                }
                _ => {}
            }
        }
        heading.said.named = Named { kind: heading.said.named.kind, ..named };
        heading
    }
}

impl Transfer {
    fn of(value: &str) -> Option<Self> {
        match &*value.to_ascii_lowercase() {
            "base64" => Some(Self::Base64),
            "quoted-printable" => Some(Self::Quoted),
            _ => None,
        }
    }
}

impl Named {
    fn of(parameters: &[(String, String)]) -> Self {
        let value = |wanted: &str| {
            let found = parameters.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.as_str())
        };
        let name = value("filename").or_else(|| value("name")).unwrap_or_default().to_owned();
        let preface = value("name").map(|name| format!("name=\"{name}\"\r\n\r\n"));
        let preface = preface.unwrap_or_default().into_bytes().into();
        Self { name, preface, ..Self::default() }
    }
}

/// `; name=value; name="value"`, names in lower case.
fn parameters(mut text: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    while let Some((name, rest)) = text.split_once('=') {
        let name = name.trim_matches([' ', '\t', ';']).to_ascii_lowercase();
        let rest = rest.trim_start();
        let (value, after) = if let Some(quoted) = rest.strip_prefix('"') {
            unquoted(quoted)
        } else {
            let (value, after) = rest.split_once(';').unwrap_or((rest, ""));
            (value.trim().to_owned(), after)
        };
        all.push((name, value));
        text = after;
        if all.len() > 32 {
            break;
        }
    }
    all
}

/// What stands up to the next quotation mark, and what follows it.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => value.extend(characters.next()),
            other => value.push(other),
        }
    }
    (value, characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let said = Said::of("Multipart/Form-Data; x=1; boundary=\"a \\\"b;\" ; charset=UTF-16");
        assert_eq!(said.media, "multipart/form-data");
        assert_eq!(said.boundary.as_deref(), Some("a \"b;"));
        assert_eq!(said.charset.as_deref(), Some("UTF-16"));
        let head = b"content-disposition: form-data;\r\n name=\"ssn\"; filename=f.txt\r\nContent-Transfer-Encoding: Base64";
        let heading = Heading::of(head);
        assert_eq!((heading.transfer, heading.form), (Some(Transfer::Base64), true));
        assert_eq!(&*heading.said.named.preface, b"name=\"ssn\"\r\n\r\n");
        assert_eq!(heading.said.named.name, "f.txt");
        assert_eq!(Said::of("a/b; =; ;;").media, "a/b");
    }
}
