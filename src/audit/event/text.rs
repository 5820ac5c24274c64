//! Texts of clients in lines: nothing of them ends a line, moves a cursor or turns the reading
//! direction. What could stands percent-encoded.

use std::fmt::Write as _;

/// A URL, or a part of one: all that may not stand there is encoded, `%` is left as it is.
pub(super) fn url(text: &str) -> String {
    encode(text, |sign| !sign.is_ascii_graphic() || "\"#<>?\\^`{|}".contains(sign))
}

/// Any other text; `%` is encoded, too, so that every text can be had back.
pub(super) fn plain(text: &str) -> String {
    encode(text, |sign| sign == '%' || is_unruly(sign))
}

/// Any other text, without the signs in `also` either.
pub(super) fn plain_without(text: &str, also: &str) -> String {
    encode(text, |sign| sign == '%' || is_unruly(sign) || also.contains(sign))
}

/// Control characters, separators of lines and paragraphs, and those that turn the direction.
pub(super) fn is_unruly(sign: char) -> bool {
    sign.is_control()
        || matches!(sign, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{061c}')
        || matches!(sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn encode(text: &str, unfit: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        if unfit(sign) {
            let mut bytes = [0; 4];
            for byte in sign.encode_utf8(&mut bytes).bytes() {
                write!(out, "%{byte:02X}").expect("a String takes every write");
            }
        } else {
            out.push(sign);
        }
    }
    out
}
