//! E-mail addresses: the part of RFC 5322 that is in use, and the top-level domains of the
//! public suffix list.

use std::sync::LazyLock;

use super::super::keys::Key;
use super::Kind;
use super::hit::{Hit, Strength};
use super::text::{at, before, is_word, run_end, run_start, span};

/// Top-level domains, in order.
static DOMAINS: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("../tables/tlds.txt").split_ascii_whitespace().collect());

/// Mailboxes of machines and of offices, which tell of nobody.
const OFFICES: [&[u8]; 8] = [
    b"noreply",
    b"no-reply",
    b"no_reply",
    b"donotreply",
    b"do-not-reply",
    b"mailer-daemon",
    b"postmaster",
    b"notifications",
];

/// Whether a name ends in a domain that exists.
fn is_domain(name: &[u8]) -> bool {
    let labels = name.split(|byte| *byte == b'.');
    let sound = |label: &[u8]| {
        (1..=63).contains(&label.len()) && !label.starts_with(b"-") && !label.ends_with(b"-")
    };
    let Some(last) = name.rsplit(|byte| *byte == b'.').next() else { return false };
    let known = match str::from_utf8(last) {
        Ok(text) if text.is_ascii() => {
            let lower = text.to_ascii_lowercase();
            DOMAINS.binary_search(&lower.as_str()).is_ok()
        }
        // Names of other scripts stand in the list in their ASCII form; none is a file's ending.
        Ok(text) => text.chars().count() > 1 && text.chars().all(char::is_alphabetic),
        Err(_) => false,
    };
    known && last.len() < name.len() && labels.clone().all(sound)
}

/// What stands around an at sign: an address, or a name and password in a URL.
pub(super) fn around(text: &[u8], sign: usize, key: impl Fn(usize) -> Key) -> Option<Hit> {
    let local = |byte: u8| {
        is_word(byte) || byte >= 0x80 || matches!(byte, b'.' | b'%' | b'+' | b'-' | b'\'')
    };
    let domain =
        |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80 || matches!(byte, b'.' | b'-');
    let mixed = |start, end| str::from_utf8(span(text, start, end)).is_err();
    let mut start = run_start(text, sign, 65, local);
    if mixed(start, sign) {
        start = run_start(text, sign, 65, |byte| byte < 0x80 && local(byte));
    }
    while start < sign && matches!(at(text, start), b'.' | b'\'' | b'-' | b'%' | b'+') {
        start += 1;
    }
    // Other scripts do not put a space after an address.
    let narrow = || run_end(text, sign + 1, 254, |byte| byte < 0x80 && domain(byte));
    let wide = run_end(text, sign + 1, 254, domain);
    let end = |mut end: usize| {
        while end > sign && matches!(before(text, end), b'.' | b'-') {
            end -= 1;
        }
        end
    };
    let wide = end(wide);
    let end = if is_domain(span(text, sign + 1, wide)) { wide } else { end(narrow()) };
    let (name, host) = (span(text, start, sign), span(text, sign + 1, end));
    if let Some(hit) = password(text, sign, key(start)) {
        return Some(hit);
    }
    let sound = (1..=64).contains(&name.len())
        && !name.ends_with(b".")
        && !name.windows(2).any(|pair| pair == b"..");
    let after = at(text, end);
    // `git@host.example:path` is a repository.
    let repository =
        after == b':' && is_word(at(text, end + 1)) && !at(text, end + 1).is_ascii_digit();
    let user = before(text, start) == b'/' && before(text, start - 1) == b'/';
    if !sound || user || is_word(after) || after == b'@' || repository && name == b"git" {
        return None;
    }
    if !is_domain(host) {
        return None;
    }
    let office = OFFICES.iter().any(|office| name.eq_ignore_ascii_case(office));
    let weak = office || is_chance(text, start, end);
    let strength = if weak { Strength::Plain } else { Strength::Strong };
    let key = if weak { Key::default() } else { key(start) };
    Hit::new(Kind::Email, (start, end), strength, key)
}

/// Whether it is so short, and stands among octets that are no text, that it is there by chance:
/// 100 MiB of random octets hold one or two such.
fn is_chance(text: &[u8], start: usize, end: usize) -> bool {
    const AROUND: usize = 6;
    let text_like = |part: &[u8]| {
        // A character may be cut at either edge of what is looked at.
        let cut = part.iter().take(3).take_while(|byte| (0x80..0xC0).contains(*byte)).count();
        let part = part.get(cut..).unwrap_or_default();
        let whole = str::from_utf8(part).err().is_none_or(|error| error.error_len().is_none());
        whole && !part.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace())
    };
    let (before, after) = (start.saturating_sub(AROUND), (end + AROUND).min(text.len()));
    end - start < 12 && !(text_like(span(text, before, start)) && text_like(span(text, end, after)))
}

/// The password of `scheme://name:password@host`.
fn password(text: &[u8], sign: usize, key: Key) -> Option<Hit> {
    let is =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'@');
    let start = run_start(text, sign, 160, is);
    let url = span(text, start, sign);
    let scheme = memchr::memmem::rfind(url, b"://")?;
    let user = url.get(scheme + 3..)?;
    let colon = memchr::memchr(b':', user)?;
    let secret = user.get(colon + 1..)?;
    // A placeholder, or a path that contains the sign.
    let none = secret.is_empty()
        || user.contains(&b'/')
        || secret.starts_with(b"$")
        || secret.starts_with(b"{");
    let from = sign - secret.len();
    (!none).then(|| Hit::new(Kind::Password, (from, sign), Strength::Distinct, key)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<&str> {
        let sign = text.find('@')?;
        let hit = around(text.as_bytes(), sign, |_| Key::default())?;
        text.get(hit.start..hit.end)
    }

    #[test]
    fn what_stands_among_octets_by_chance_is_weak() {
        let strong = |text: &[u8]| {
            let sign = text.iter().position(|byte| *byte == b'@').unwrap();
            around(text, sign, |_| Key::default())
                .is_some_and(|hit| hit.confidence != super::super::super::Confidence::Weak)
        };
        assert!(!strong(b"\x03\xf1\x9ck@q.de\x01\xee\x80\x12"));
        assert!(!strong(b"\xff\xf1\x9c\xffjo@q\xfe.\xc3\xa9\xfd"));
        assert!(strong(b"to jo@q.de, please"));
        assert!(strong("\u{90ae}\u{7bb1}jo@q.de\u{ff0c}\u{8bf7}".as_bytes()));
        assert!(strong(b"\x0a\x15jo@firm.example.com\x12\x01"), "a string of another format");
    }

    #[test]
    fn addresses_have_a_domain_that_exists() {
        assert!(DOMAINS.len() > 1_400 && DOMAINS.is_sorted());
        for (text, address) in [
            ("<ann.o'neil+x@mail.acme.co.uk>", "ann.o'neil+x@mail.acme.co.uk"),
            ("mail BOB@ACME.COM.", "BOB@ACME.COM"),
            ("jörg@müller.de", "jörg@müller.de"),
            ("a@例子.中国", "a@例子.中国"),
        ] {
            assert_eq!(found(text), Some(address));
        }
        for text in [
            "pkg@1.2.3",
            "logo@2x.png",
            "@mention",
            "a@b",
            "git@github.com:a/b",
            "a..b@acme.com",
            "https://key@sentry.io/1",
            "x@-a.com",
            "a@b.c@d.com",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn passwords_in_urls() {
        assert_eq!(found("postgres://ann:s3cret@db.acme.com/x"), Some("s3cret"));
        assert_eq!(found("postgres://ann:$PASSWORD@db.acme.invalid/x"), None);
    }
}
