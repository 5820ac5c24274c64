//! When an approval ends: a moment, or a time from now. None lasts for ever.

use jiff::{SignedDuration, Timestamp};

/// An approval for longer is a change of the rules, and belongs into a grant of the
/// configuration, which is reviewed.
const MOST_DAYS: i64 = 90;

/// Reads `8h`, `30d` or an RFC 3339 moment; it lies ahead, by 90 days at most.
pub(super) fn parse(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let text = text.trim();
    let end = from_now(text, now).or_else(|| text.parse().ok()).ok_or_else(|| {
        "`expires` is a time such as \"8h\" or \"30d\", or a moment such as \
         \"2026-01-31T12:00:00Z\""
            .to_owned()
    })?;
    if end <= now {
        return Err("`expires` is over already".to_owned());
    }
    if end.duration_since(now) > SignedDuration::from_hours(MOST_DAYS * 24) {
        return Err(format!(
            "an approval ends within {MOST_DAYS} days; what holds for longer is a [[grant]] of the \
             configuration"
        ));
    }
    Ok(end)
}

fn from_now(text: &str, now: Timestamp) -> Option<Timestamp> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let seconds = number.parse::<i64>().ok()?.checked_mul(seconds)?;
    now.checked_add(SignedDuration::from_secs(seconds)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_lies_ahead_and_not_too_far() {
        let now: Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
        let end = |text: &str| parse(text, now).map(|end| end.to_string());
        assert_eq!(end("8h").as_deref(), Ok("2026-11-25T20:00:00Z"));
        assert_eq!(end("30d").as_deref(), Ok("2026-12-25T12:00:00Z"));
        assert_eq!(end("90d").as_deref(), Ok("2027-02-23T12:00:00Z"));
        assert_eq!(end("2026-11-25T13:00:00+01:00").ok(), None, "that is now");
        assert_eq!(end("2026-11-25T13:00:01+01:00").as_deref(), Ok("2026-11-25T12:00:01Z"));
        for wrong in
            ["", "0s", "91d", "8", "h", "-1h", "8 weeks", "2026-11-24", "99999999999999999999d"]
        {
            assert!(end(wrong).is_err(), "{wrong}");
        }
    }
}
