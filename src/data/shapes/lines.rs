//! Small questions to the beginning of a text.

/// The lines of a beginning; the last may be cut.
pub(super) fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// Whether the text holds some words.
pub(super) fn holds(head: &[u8], words: &[u8]) -> bool {
    memchr::memmem::find(head, words).is_some()
}

/// The same in any case.
pub(super) fn holds_any_case(head: &[u8], words: &[u8]) -> bool {
    head.windows(words.len()).any(|part| part.eq_ignore_ascii_case(words))
}

/// Whether a text is not empty and all of one alphabet.
pub(super) fn is_all(text: &[u8], fits: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.iter().all(|byte| fits(*byte))
}

/// A number in degrees with at least three decimals, and its whole part.
pub(super) fn degrees(text: &[u8]) -> Option<i32> {
    let text = text.trim_ascii();
    let plain = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    let point = plain.iter().position(|byte| *byte == b'.')?;
    let (whole, decimals) = (plain.get(..point)?, plain.get(point + 1..)?);
    let digits = |part: &[u8]| is_all(part, |byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || whole.len() > 3 || !(3..=20).contains(&decimals.len())
    {
        return None;
    }
    // `0.000` and the like stand for nothing known.
    str::from_utf8(whole).ok()?.parse().ok()
}

/// Whether two numbers are a longitude and a latitude.
pub(super) fn is_place(longitude: &[u8], latitude: &[u8]) -> bool {
    let zero = |text: &[u8]| !text.iter().any(|byte| matches!(byte, b'1'..=b'9'));
    let within = degrees(longitude).is_some_and(|lon| lon < 180)
        && degrees(latitude).is_some_and(|lat| lat < 90);
    within && !(zero(longitude) && zero(latitude))
}

/// The value of an attribute that begins anywhere in a tag.
pub(super) fn attribute<'t>(tag: &'t [u8], name: &[u8]) -> Option<&'t [u8]> {
    memchr::memmem::find_iter(tag, name).find_map(|place| {
        let before = place.checked_sub(1).and_then(|before| tag.get(before));
        before.filter(|byte| byte.is_ascii_whitespace())?;
        let rest = tag.get(place + name.len()..)?.trim_ascii_start();
        let rest = rest.strip_prefix(b"=")?.trim_ascii_start();
        let (quote, rest) = rest.split_first()?;
        let end = matches!(quote, b'"' | b'\'').then(|| memchr::memchr(*quote, rest))??;
        rest.get(..end)
    })
}
