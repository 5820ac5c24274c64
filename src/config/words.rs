//! Small words that many sections share.

use std::time::Duration;

use jiff::civil::Date;

/// Parses `250ms`, `30s`, `15m` or `1h`; zero is refused.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("`{text}` is not a duration such as \"250ms\", \"30s\", \"15m\" or \"1h\"");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let millis = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    let total = number.checked_mul(millis).filter(|total| (1..=86_400_000).contains(total));
    total.map(Duration::from_millis).ok_or_else(|| format!("`{text}` is not between 1ms and 24h"))
}

/// Parses `64KiB`, `1MiB` or `2GiB`.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size such as \"64KiB\", \"1MiB\" or \"2GiB\"");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let octets = match unit.trim() {
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(octets).ok_or_else(wrong)
}

/// Parses `90d` or `10y` into days, a year of 366 of them: rather longer than too short.
pub(super) fn parse_days(text: &str) -> Result<u32, String> {
    let wrong =
        || format!("`{text}` is not a time such as \"90d\" or \"10y\", of 100 years at most");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or_else(wrong)?;
    let number: u32 = number.parse().map_err(|_| wrong())?;
    let days = match unit.trim() {
        "d" => Some(number),
        "y" => number.checked_mul(366),
        _ => None,
    };
    days.filter(|days| (1..=36_600).contains(days)).ok_or_else(wrong)
}

/// Parses `2026-01-31`, and no other form of a date.
pub(super) fn parse_date(text: &str) -> Result<Date, String> {
    let date = (text.len() == 10).then(|| text.parse().ok()).flatten();
    date.ok_or_else(|| format!("`{text}` is not a date such as 2026-01-31"))
}

/// Parses an id of what configuration names: rules, parties, lists.
pub fn parse_id(text: &str) -> Result<String, String> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    if !text.is_empty() && text.len() <= 100 && text.bytes().all(fits) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is not an id: use a-z, 0-9, `-` and `.`, at most 100 of them"))
}

/// The known word that a misspelt one is nearest to.
pub(super) fn nearest<'k>(text: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let lower = text.to_ascii_lowercase();
    let scored = known.into_iter().map(|name| (strsim::osa_distance(&lower, name), name));
    let (distance, name) = scored.min()?;
    // One slip in a short word, up to three in a long one.
    (distance <= (text.len() / 3).clamp(1, 3)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("15m"), Ok(Duration::from_mins(15)));
        for text in ["", "5", "s", "-1s", "1.5s", "0s", "25h", "99999999999999999999s", "1µ"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!((parse_size("64KiB"), parse_size("1 GiB")), (Ok(65_536), Ok(1 << 30)));
        for text in ["", "5", "MiB", "-1KiB", "1.5MiB", "1MB", "99999999999GiB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_to_keep() {
        assert_eq!((parse_days("90d"), parse_days("10y")), (Ok(90), Ok(3_660)));
        for text in ["", "90", "d", "-1d", "0d", "101y", "1.5y", "99999999999d", "9999999y", "1m"] {
            assert!(parse_days(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dates() {
        assert_eq!(parse_date("2026-01-31"), Ok(jiff::civil::date(2026, 1, 31)));
        for text in ["", "2026-02-30", "20260131", "2026-1-31", "31.01.2026", "2026-01-31T00"] {
            assert!(parse_date(text).is_err(), "{text}");
        }
    }

    #[test]
    fn suggestions_are_near() {
        assert_eq!(nearest("lisen", ["listen", "limits"]), Some("listen"));
        assert_eq!(nearest("zebra", ["listen", "limits"]), None);
    }
}
