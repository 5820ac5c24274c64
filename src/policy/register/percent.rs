//! Shares in hundredths of a percent: laws draw their lines at 50 and 20 percent, and binary
//! fractions would put a stake of exactly that on the wrong side.

use std::fmt;

use thiserror::Error;

/// A share from 0 to 100 %, in hundredths of a percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u16);

/// A text that is no share.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PercentError {
    /// Not a decimal number.
    #[error("`{0}` is not a percentage such as 50 or 33.34")]
    Form(String),
    /// Finer than we count.
    #[error("`{0}` has more than two decimals; write hundredths of a percent")]
    Fine(String),
    /// More than the whole.
    #[error("`{0}` is more than 100 percent")]
    Range(String),
}

impl Percent {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The whole.
    pub const WHOLE: Self = Self(10_000);

    /// A share of so many hundredths of a percent; `None` beyond 10,000.
    pub fn from_hundredths(hundredths: u32) -> Option<Self> {
        u16::try_from(hundredths).ok().map(Self).filter(|percent| *percent <= Self::WHOLE)
    }

    /// How many hundredths of a percent.
    pub fn hundredths(self) -> u32 {
        self.0.into()
    }

    /// Reads `50`, `50.0`, `33.34`; no sign, no exponent, no percent sign.
    pub fn parse(text: &str) -> Result<Self, PercentError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return Err(PercentError::Form(text.chars().take(80).collect()));
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > 2 {
            return Err(PercentError::Fine(text.chars().take(80).collect()));
        }
        let range = || PercentError::Range(text.chars().take(80).collect());
        let whole: u32 = whole.parse().map_err(|_| range())?;
        let fraction: u32 = format!("{fraction:0<2}").parse().map_err(|_| range())?;
        let hundredths = whole.checked_mul(100).and_then(|whole| whole.checked_add(fraction));
        hundredths.and_then(Self::from_hundredths).ok_or_else(range)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole} %"),
            (whole, part) if part % 10 == 0 => write!(f, "{whole}.{} %", part / 10),
            (whole, part) => write!(f, "{whole}.{part:02} %"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_shows_hundredths() {
        for (text, hundredths, shown) in [
            ("50", 5_000, "50 %"),
            ("50.0", 5_000, "50 %"),
            ("49.99", 4_999, "49.99 %"),
            ("33.300", 3_330, "33.3 %"),
            ("0.05", 5, "0.05 %"),
            ("100", 10_000, "100 %"),
            ("0", 0, "0 %"),
        ] {
            let percent = Percent::parse(text).unwrap();
            assert_eq!((percent.hundredths(), percent.to_string().as_str()), (hundredths, shown));
        }
    }

    #[test]
    fn refuses_what_is_no_share() {
        for text in ["", ".", "5.", ".5", "-1", "+1", "5e1", "nan", "50 %", "1_0", "٥"] {
            assert!(matches!(Percent::parse(text), Err(PercentError::Form(_))), "{text}");
        }
        assert!(matches!(Percent::parse("33.333"), Err(PercentError::Fine(_))));
        for text in ["100.01", "101", "99999999999999999999"] {
            assert!(matches!(Percent::parse(text), Err(PercentError::Range(_))), "{text}");
        }
        assert_eq!(Percent::from_hundredths(10_001), None);
    }
}
