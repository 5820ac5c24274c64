//! Secrets: tokens by the prefixes that their makers publish, keys in PEM, and what stands
//! behind `password=`. The same search announces diagnoses, whose codes no scan would notice.

use aho_corasick::AhoCorasick;
use aho_corasick::packed::{Config, MatchKind, Searcher};

use super::super::checksum::entropy;
use super::super::keys::Key;
use super::Kind;
use super::hit::{Hit, Strength};
use super::text::{at, before, is_word, run_end, run_start, span};

/// A token that its maker marks.
struct Maker {
    prefix: &'static str,
    kind: Kind,
    alphabet: Alphabet,
    /// How many characters follow the prefix.
    least: usize,
    most: usize,
}

#[derive(Clone, Copy)]
enum Alphabet {
    /// Capitals and digits.
    Capital,
    /// Letters and digits.
    Alnum,
    /// Letters, digits, `_` and `-`.
    Url,
    /// As in a JSON web token: also `.`.
    Dotted,
    /// Up to the end of the line.
    Line,
}

const fn maker(
    prefix: &'static str,
    kind: Kind,
    alphabet: Alphabet,
    least: usize,
    most: usize,
) -> Maker {
    Maker { prefix, kind, alphabet, least, most }
}

/// AWS, GitHub, GitLab, Slack, Stripe, Google, OpenAI, Anthropic, Hugging Face, npm, PyPI,
/// SendGrid, Twilio, Shopify, DigitalOcean, Databricks, HashiCorp, Telegram's are unmarked.
const MAKERS: &[Maker] = &[
    maker("AKIA", Kind::Secret, Alphabet::Capital, 16, 16),
    maker("ASIA", Kind::Secret, Alphabet::Capital, 16, 16),
    maker("ghp_", Kind::Token, Alphabet::Alnum, 36, 36),
    maker("gho_", Kind::Token, Alphabet::Alnum, 36, 36),
    maker("ghs_", Kind::Token, Alphabet::Alnum, 36, 36),
    maker("ghu_", Kind::Token, Alphabet::Alnum, 36, 36),
    maker("github_pat_", Kind::Token, Alphabet::Url, 82, 82),
    maker("glpat-", Kind::Token, Alphabet::Url, 20, 64),
    maker("xoxb-", Kind::Token, Alphabet::Url, 20, 90),
    maker("xoxp-", Kind::Token, Alphabet::Url, 20, 90),
    maker("sk_live_", Kind::Secret, Alphabet::Alnum, 10, 99),
    maker("rk_live_", Kind::Secret, Alphabet::Alnum, 10, 99),
    maker("AIza", Kind::Secret, Alphabet::Url, 35, 35),
    maker("ya29.", Kind::Token, Alphabet::Url, 20, 250),
    maker("sk-ant-", Kind::Secret, Alphabet::Url, 40, 120),
    maker("sk-proj-", Kind::Secret, Alphabet::Url, 40, 200),
    maker("hf_", Kind::Token, Alphabet::Alnum, 34, 40),
    maker("npm_", Kind::Token, Alphabet::Alnum, 36, 36),
    maker("pypi-AgEI", Kind::Token, Alphabet::Url, 40, 200),
    maker("SG.", Kind::Secret, Alphabet::Dotted, 66, 66),
    maker("shpat_", Kind::Token, Alphabet::Alnum, 32, 32),
    maker("dop_v1_", Kind::Token, Alphabet::Alnum, 64, 64),
    maker("dapi", Kind::Token, Alphabet::Alnum, 32, 32),
    maker("hvs.", Kind::Token, Alphabet::Url, 24, 120),
    maker("eyJ", Kind::Token, Alphabet::Dotted, 60, 400),
    maker("PRIVATE KEY-----", Kind::Secret, Alphabet::Line, 0, 0),
];

/// Words behind which a value may follow that no shape betrays.
const WORDS: &[&str] = &[
    "password", "Password", "PASSWORD", "passwd", "api_key", "apiKey", "API_KEY", "secret",
    "Secret", "SECRET", "icd", "ICD", "Icd", "diagnos", "Diagnos", "\"dx", "_dx",
];

/// The search for prefixes and words.
#[derive(Clone, Debug)]
pub(in crate::data) struct Prefixes {
    /// By vector instructions, where the machine has them.
    packed: Option<Searcher>,
    plain: AhoCorasick,
}

impl Prefixes {
    /// Prepares the search.
    pub(in crate::data) fn new() -> Self {
        let all = || MAKERS.iter().map(|maker| maker.prefix).chain(WORDS.iter().copied());
        let packed =
            Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(all()).build();
        let plain = AhoCorasick::builder()
            .match_kind(aho_corasick::MatchKind::LeftmostFirst)
            .build(all())
            .expect("some dozen short words");
        Self { packed, plain }
    }

    /// The first place from `from` on, before `to`, where a prefix or word stands, and which.
    /// A value that was followed may end beyond `to`.
    pub(in crate::data) fn next(
        &self,
        text: &[u8],
        from: usize,
        to: usize,
    ) -> Option<(usize, usize)> {
        // What was found last may reach beyond.
        let part = text.get(..to).filter(|_| from <= to)?;
        let found = match &self.packed {
            Some(packed) => packed.find_in(part, aho_corasick::Span { start: from, end: to }),
            None => self.plain.find(aho_corasick::Input::new(part).range(from..to)),
        };
        found.map(|found| (found.start(), found.pattern().as_usize()))
    }

    /// The longest prefix or word.
    pub(in crate::data) const LONGEST: usize = 16;
}

/// What follows a prefix or a word.
pub(super) fn hit(
    text: &[u8],
    start: usize,
    which: usize,
    key: impl Fn(usize) -> Key,
) -> Option<Hit> {
    match MAKERS.get(which) {
        Some(maker) => maker.hit(text, start),
        None => behind(text, start, key),
    }
}

impl Maker {
    fn hit(&self, text: &[u8], start: usize) -> Option<Hit> {
        let from = start + self.prefix.len();
        if matches!(self.alphabet, Alphabet::Line) {
            let begins = run_start(text, start, 40, |byte| byte != b'\n' && byte != b'"');
            let form = span(text, begins, start).windows(10).any(|part| part == b"-----BEGIN");
            return form.then(|| self.found(begins, from)).flatten();
        }
        if is_word(before(text, start)) {
            return None;
        }
        let end = run_end(text, from, self.most + 1, |byte| self.alphabet.holds(byte));
        let tail = span(text, from, end);
        let fits = (self.least..=self.most).contains(&tail.len());
        let jwt = self.prefix != "eyJ" || memchr::memchr_iter(b'.', tail).count() == 2;
        // Placeholders repeat themselves: `AKIAXXXXXXXXXXXXXXXX`.
        (fits && jwt && entropy(tail) >= 2.5).then(|| self.found(start, end)).flatten()
    }

    fn found(&self, start: usize, end: usize) -> Option<Hit> {
        Hit::new(self.kind, (start, end), Strength::Strong, Key::default())
    }
}

impl Alphabet {
    const fn holds(self, byte: u8) -> bool {
        match self {
            Self::Capital => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'),
            Self::Line => byte != b'\n',
        }
    }
}

/// The value behind a word: `"password": "..."`, `icd10=E11.9`.
fn behind(text: &[u8], word: usize, key: impl Fn(usize) -> Key) -> Option<Hit> {
    let name = run_end(text, word + 1, 40, is_word);
    let sign = run_end(text, name, 4, |byte| matches!(byte, b'"' | b'\'' | b' ' | b'\\'));
    if !matches!(at(text, sign), b':' | b'=') {
        return None;
    }
    let start =
        run_end(text, sign + 1, 6, |byte| matches!(byte, b'"' | b'\'' | b' ' | b'\\' | b'['));
    let end = run_end(text, start, 128, |byte| {
        byte > b' '
            && !matches!(
                byte,
                b'"' | b'\'' | b'&' | b',' | b';' | b'<' | b'\\' | b']' | b'}' | b')'
            )
    });
    let value = span(text, start, end);
    let named = key(start);
    let one = |kind| Hit::new(kind, (start, end), Strength::Named, named);
    if named.kinds.contains(Kind::Icd) && is_diagnosis(value) {
        return one(Kind::Icd);
    }
    let kind = [Kind::Password, Kind::Token, Kind::Secret]
        .into_iter()
        .find(|kind| named.kinds.contains(*kind))?;
    let random = value.len() >= 12 && entropy(value) >= 3.0 && value.iter().any(u8::is_ascii_digit);
    let chosen = kind == Kind::Password && value.len() >= 6;
    ((random || chosen) && !is_placeholder(value)).then(|| one(kind)).flatten()
}

fn is_placeholder(value: &[u8]) -> bool {
    let begins = matches!(value.first(), Some(b'$' | b'{' | b'<' | b'%' | b'*' | b'/' | b'('));
    let same = value.iter().all(|byte| Some(byte) == value.first());
    let said = [
        &b"required"[..],
        b"string",
        b"changeme",
        b"password",
        b"undefined",
        b"function",
        b"process.env",
    ];
    begins || same || said.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// The form of a code of ICD-10-CM: `E11.9`.
fn is_diagnosis(value: &[u8]) -> bool {
    let [letter, digit, third, rest @ ..] = value else { return false };
    let ending = match rest {
        [] => true,
        [b'.', rest @ ..] => {
            (1..=4).contains(&rest.len()) && rest.iter().all(u8::is_ascii_alphanumeric)
        }
        _ => false,
    };
    letter.is_ascii_uppercase() && digit.is_ascii_digit() && third.is_ascii_alphanumeric() && ending
}

#[cfg(test)]
mod tests {
    use super::super::super::keys::Keys;
    use super::*;

    fn found(text: &str) -> Option<(Kind, &str)> {
        let (keys, bytes) = (Keys::new(), text.as_bytes());
        let (start, which) = Prefixes::new().next(bytes, 0, bytes.len())?;
        let hit = hit(bytes, start, which, |_| keys.read(&bytes[..start + 12]))?;
        Some((hit.kind, text.get(hit.start..hit.end)?))
    }

    #[test]
    fn marked_tokens_and_named_values() {
        let long = format!("ghp_{}", "aB3dE5gH7jK9".repeat(3));
        for (text, kind, value) in [
            ("x AKIAIOSFODNN7EXAMPLE ", Kind::Secret, "AKIAIOSFODNN7EXAMPLE"),
            (&format!("token {long},"), Kind::Token, &long),
            ("-----BEGIN RSA PRIVATE KEY-----\\n", Kind::Secret, "-----BEGIN RSA PRIVATE KEY-----"),
            ("{\"password\": \"hunter2!\"}", Kind::Password, "hunter2!"),
            ("x=1&icd10_code=E11.9&b", Kind::Icd, "E11.9"),
        ] {
            assert_eq!(found(text), Some((kind, value)), "{text}");
        }
        for text in [
            "AKIAXXXXXXXXXXXXXXXX",
            "xAKIAIOSFODNN7EXAMPLE",
            "password: ${PASSWORD}",
            "passwords",
            "\"icd\": \"none\"",
            "ghp_short",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
