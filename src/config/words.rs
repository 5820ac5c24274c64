//! Small words that many sections share.

use std::time::Duration;

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
    fn suggestions_are_near() {
        assert_eq!(nearest("lisen", ["listen", "limits"]), Some("listen"));
        assert_eq!(nearest("zebra", ["listen", "limits"]), None);
    }
}
