//! What is asked for of a database file, and what is known of it once loaded.

use std::fmt;

use aws_lc_rs::digest;
use jiff::Timestamp;

/// A database as the configuration names it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Source {
    /// A short name for records and reports, such as `dbip`.
    pub name: String,
    /// The file, as error messages show it.
    pub file: String,
    /// The digest that the file must have; none accepts any file.
    pub sha256: Option<Sha256>,
    /// Leaves out the probes of well-known addresses, for a database whose country is not the
    /// location (such as the registration of the announcing network).
    pub skip_probes: bool,
}

/// A loaded database, as shown in decision records and reports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DatabaseInfo {
    /// The short name of its [`Source`].
    pub name: String,
    /// The file, as error messages show it.
    pub file: String,
    /// When its vendor built it, from the metadata: never the time of the file.
    pub build: Timestamp,
    /// The digest of the whole file.
    pub sha256: Sha256,
    /// IPv4 networks that have a record.
    pub networks_v4: u32,
    /// IPv6 networks that have a record.
    pub networks_v6: u32,
    /// Its records place addresses in countries.
    pub has_country: bool,
    /// Its records name the autonomous system.
    pub has_asn: bool,
    /// Its records name subdivisions.
    pub has_subdivision: bool,
    /// The type its vendor wrote into the metadata; informative only.
    pub database_type: String,
}

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256(pub [u8; 32]);

// === impl Source ===

impl Source {
    /// Names a database file that may have any digest.
    pub fn new(name: impl Into<String>, file: impl Into<String>) -> Self {
        Self { name: name.into(), file: file.into(), ..Self::default() }
    }
}

// === impl DatabaseInfo ===

impl DatabaseInfo {
    /// The day on which the database was built, in UTC.
    pub fn build_date(&self) -> String {
        self.build.strftime("%Y-%m-%d").to_string()
    }

    /// How old the database is, in whole days.
    pub fn age_days(&self, now: Timestamp) -> i64 {
        now.duration_since(self.build).as_hours() / 24
    }
}

// === impl Sha256 ===

impl Sha256 {
    /// Digests bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, bytes);
        Self(digest.as_ref().try_into().expect("a SHA-256 digest has 32 bytes"))
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(hex: &str) -> Option<Self> {
        let (pairs, []) = hex.as_bytes().as_chunks::<2>() else { return None };
        let bytes: Option<Vec<u8>> =
            pairs.iter().map(|[a, b]| Some(nibble(*a)? << 4 | nibble(*b)?)).collect();
        bytes?.try_into().ok().map(Self)
    }

    /// Writes 64 lower-case hexadecimal digits.
    pub fn hex(&self) -> String {
        self.to_string()
    }
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trips() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Sha256::of(b"").hex(), empty);
        assert_eq!(Sha256::parse(empty), Some(Sha256::of(b"")));
        assert_eq!(Sha256::parse(&empty.to_uppercase()), Some(Sha256::of(b"")));
        for wrong in ["", "e3", empty.trim_start_matches('e'), &empty.replace('e', "g")] {
            assert_eq!(Sha256::parse(wrong), None);
        }
    }
}
