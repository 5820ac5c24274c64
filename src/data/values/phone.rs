//! Telephone numbers: international ones by ITU-T E.164 country codes and lengths, national
//! ones where a name announces them, and the form `(415) 555-0123`.

use std::sync::LazyLock;

use super::super::keys::Key;
use super::Kind;
use super::group::Number;
use super::hit::{Hit, Strength};
use super::text::{at, before, is_word};

/// Country codes, with the least and the most digits that follow them.
static CODES: LazyLock<Vec<(u32, usize, usize)>> = LazyLock::new(|| {
    let row = |line: &str| {
        let mut fields = line.split(' ');
        let code = fields.next()?.parse().ok()?;
        Some((code, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    include_str!("../tables/phones.txt").lines().filter_map(row).collect()
});

/// Whether digits are a country code and as many digits as that country has.
fn is_international(digits: &[u8]) -> bool {
    let mut code = 0;
    (1..=3).any(|length| {
        let Some(digit) = digits.get(length - 1) else { return false };
        code = code * 10 + u32::from(*digit);
        let rest = digits.len() - length;
        let follows = digits.get(length).copied().unwrap_or(0);
        let fits = |(row, least, most): &(u32, usize, usize)| {
            // In North America neither area nor exchange begins with 0 or 1.
            *row == code && (*least..=*most).contains(&rest) && (code != 1 || follows >= 2)
        };
        CODES.iter().any(fits)
    })
}

/// A number that begins with the plus sign at this place.
pub(super) fn international(text: &[u8], plus: usize, key: impl Fn() -> Key) -> Option<Hit> {
    let left = before(text, plus);
    if is_word(left)
        || matches!(left, b'+' | b'.' | b'/' | b'=' if at(text, plus.wrapping_sub(2)) == left)
    {
        return None;
    }
    let mut digits = [0; 15];
    let (mut count, mut end, mut gap) = (0, plus + 1, 0);
    for (offset, byte) in text.get(plus + 1..)?.iter().take(32).enumerate() {
        match byte {
            b'0'..=b'9' => {
                *digits.get_mut(count)? = byte - b'0';
                count += 1;
                (end, gap) = (plus + 2 + offset, 0);
            }
            b' ' | b'-' | b'.' | b'(' | b')' | b'/' if gap < 2 && count > 0 => gap += 1,
            _ => break,
        }
    }
    if is_word(at(text, end)) {
        return None;
    }
    // `+44 (0)20 ...`: the trunk prefix is not dialled from abroad.
    let digits = digits.get(..count)?;
    let whole = is_international(digits) || trunk(digits);
    whole.then(|| Hit::new(Kind::Phone, (plus, end), Strength::Distinct, key())).flatten()
}

fn trunk(digits: &[u8]) -> bool {
    (1..=3).any(|at| {
        let (Some(0), Some(rest)) = (digits.get(at), digits.get(at + 1..)) else { return false };
        let mut without = digits.get(..at).unwrap_or_default().to_vec();
        without.extend_from_slice(rest);
        is_international(&without)
    })
}

/// What a number without a plus sign says: most are announced by a name, or are none.
pub(super) fn national(number: &Number) -> Option<Strength> {
    let digits = number.digits();
    let [area, exchange] = [digits.get(..3)?, digits.get(3..6).unwrap_or_default()];
    let american = |part: &[u8]| matches!(part, [2..=9, _, _]) && !matches!(part, [_, 1, 1]);
    if matches!(number.lengths(), [3, 3, 4]) && american(area) && american(exchange) {
        return Some(match number.separator {
            b'-' => Strength::Distinct,
            _ => Strength::Plain,
        });
    }
    // Milliseconds and snowflakes are longer than national numbers, and dates have their form.
    let date = matches!(number.lengths(), [4, 2, 2] | [2, 2, 4]);
    (digits.len() <= 13 && !date && !number.is_monotone()).then_some(Strength::Named)
}

/// The start of `(415) ` or `(415)` that ends before a group `555-0123`.
pub(super) fn parenthesis(text: &[u8], number: &Number) -> Option<usize> {
    if !matches!(number.lengths(), [3, 4]) {
        return None;
    }
    let space = usize::from(before(text, number.start) == b' ');
    let open = number.start.checked_sub(5 + space)?;
    let area = text.get(open + 1..open + 4)?;
    let form = at(text, open) == b'(' && at(text, open + 4) == b')';
    let american = area.iter().all(u8::is_ascii_digit) && area.first().is_some_and(|b| *b >= b'2');
    (form && american && number.digits().first().is_some_and(|d| *d >= 2)).then_some(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<(usize, usize)> {
        let plus = text.find('+')?;
        international(text.as_bytes(), plus, Key::default).map(|hit| (hit.start, hit.end))
    }

    #[test]
    fn international_numbers_have_a_country_and_its_length() {
        assert!(CODES.len() > 200, "the table was read");
        for text in
            ["+33 6 87 56 12 93", "+1-212-253-4582", "+8613959167595", "+44 (0)20 7946 0958"]
        {
            assert_eq!(found(text), Some((0, text.len())), "{text}");
        }
        assert_eq!(found("(+1 (415) 213-4727)."), Some((1, 18)));
        for text in ["+1 115 555 1234", "+999 12345678", "+33 6 87 56", "a+441632960960", "+1.5"] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
