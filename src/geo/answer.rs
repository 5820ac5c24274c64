//! What one database says of one address.

use std::fmt;

use super::Country;

/// What one database says of one address; [`Answer::default`] is silence.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Answer {
    /// Where the database places the address; none when it does not know or when `hidden`.
    pub country: Option<Country>,
    /// The first-level subdivision, such as `UA-43`.
    pub subdivision: Option<Subdivision>,
    /// The number of the autonomous system that announces the address.
    pub asn: Option<u32>,
    /// The address is anycast or an anonymiser: its country would be a fiction and is left out.
    pub hidden: bool,
}

/// A first-level subdivision by ISO 3166-2 code, such as `UA-43`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subdivision {
    country: Country,
    /// One to three of `A-Z0-9`, the rest zero.
    part: [u8; 3],
}

// === impl Subdivision ===

impl Subdivision {
    /// Reads a full code such as `UA-43`.
    pub fn parse(code: &str) -> Option<Self> {
        let (country, part) = code.split_once('-')?;
        Self::join(Country::parse(country)?, part)
    }

    /// Joins a country with the bare part that databases write, such as `43`.
    pub fn join(country: Country, part: &str) -> Option<Self> {
        let well_formed = part.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        let part = match *part.as_bytes() {
            [a] => [a, 0, 0],
            [a, b] => [a, b, 0],
            [a, b, c] => [a, b, c],
            _ => return None,
        };
        well_formed.then_some(Self { country, part })
    }

    /// Returns the country that the subdivision belongs to by its code.
    pub const fn country(self) -> Country {
        self.country
    }
}

impl fmt::Display for Subdivision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.country)?;
        let part = self.part.iter().filter(|byte| **byte != 0);
        part.map(|byte| char::from(*byte)).try_for_each(|c| write!(f, "{c}"))
    }
}

impl fmt::Debug for Subdivision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subdivisions_round_trip() {
        for code in ["UA-43", "GB-ENG", "AT-9", "US-CA"] {
            assert_eq!(Subdivision::parse(code).map(|s| s.to_string()).as_deref(), Some(code));
        }
        for wrong in ["UA", "UA-", "UA-1234", "EU-1", "UA-4é", "ua-43", "UA-a"] {
            assert_eq!(Subdivision::parse(wrong), None, "{wrong}");
        }
    }
}
