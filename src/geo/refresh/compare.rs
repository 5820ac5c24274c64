//! Whether a new build of a database may replace the old one. Measured drift is 0.10 to 0.15 %
//! of addresses a month, so a build that differs in 3 % is not drift but damage or another file.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use thiserror::Error;

use super::super::{Answer, Database};

/// Addresses asked of both builds, the same ones each time.
const SAMPLE: u32 = 200_000;

/// The least share of addresses that both builds must place alike, in thousandths.
const AGREEMENT: u64 = 970;

/// How two builds compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Comparison {
    /// Networks of the old and of the new build.
    pub networks: (u64, u64),
    /// Of the addresses that either build places, those that both place alike.
    pub alike: u64,
    /// The addresses that either build places.
    pub placed: u64,
}

/// Why a new build may not replace the old one.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// They differ in more than a year's drift.
    #[error("the new build differs too much from the old one ({0}; at least 97 % must agree)")]
    Differs(Comparison),
    /// The new build is the older one.
    #[error("the new build is of {new}, the old one of {old}; keep the younger")]
    Older {
        /// When the old one was built.
        old: jiff::Timestamp,
        /// When the new one was built.
        new: jiff::Timestamp,
    },
    /// One is much smaller or larger.
    #[error("the new build has {new} networks, the old one {old}; at most a fifth may come or go")]
    Size {
        /// Networks of the old build.
        old: u64,
        /// Networks of the new build.
        new: u64,
    },
}

/// Compares two builds of one database.
pub fn compare(old: &Database, new: &Database) -> Result<Comparison, Refusal> {
    let (before, after) = (old.info(), new.info());
    if after.build < before.build {
        return Err(Refusal::Older { old: before.build, new: after.build });
    }
    let count = |info: &super::super::DatabaseInfo| {
        u64::from(info.networks_v4) + u64::from(info.networks_v6)
    };
    let networks = (count(before), count(after));
    if networks.0.abs_diff(networks.1).saturating_mul(5) > networks.0 {
        return Err(Refusal::Size { old: networks.0, new: networks.1 });
    }
    let (mut alike, mut placed) = (0, 0);
    for address in sample() {
        let pair = (old.answer(address), new.answer(address));
        placed += u64::from(pair != (Answer::default(), Answer::default()));
        alike += u64::from(pair.0 == pair.1 && pair.0 != Answer::default());
    }
    let comparison = Comparison { networks, alike, placed };
    if alike.saturating_mul(1000) >= placed.saturating_mul(AGREEMENT) {
        Ok(comparison)
    } else {
        Err(Refusal::Differs(comparison))
    }
}

/// The same pseudo-random IPv4 addresses each time. IPv6 is left to the count of networks: no
/// uniform sample of it meets announced space.
fn sample() -> impl Iterator<Item = IpAddr> {
    // An odd factor and a shift: neighbours in the sequence land in unrelated networks.
    let scatter = |n: u32| n.wrapping_mul(0x9E37_79B1) ^ n.wrapping_mul(0x85EB_CA6B) >> 15;
    (0..SAMPLE).map(move |n| Ipv4Addr::from_bits(scatter(n)).into())
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { networks: (old, new), alike, placed } = self;
        write!(f, "{old} networks before, {new} now; {alike} of {placed} addresses placed alike")
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Source;
    use super::super::super::writer::{Field, Header, write};
    use super::*;

    /// A database of 64 networks, the first `moved` of which are elsewhere.
    fn build(epoch: u64, networks: u32, moved: u32) -> Database {
        let header =
            Header { database_type: "t".into(), description: None, build_epoch: epoch, v6: false };
        let record =
            |code: &str| Field::Map(vec![("country_code".into(), Field::Text(code.into()))]);
        let values = [record("NO"), record("SE")];
        let network =
            |n: u32| ipnetwork::Ipv4Network::new(Ipv4Addr::from_bits(n << 26), 6).unwrap();
        let list: Vec<_> =
            (0..networks).map(|n| (network(n).into(), usize::from(n < moved))).collect();
        Database::load(&Source::new("t", "t"), &write(&header, &values, &list).unwrap()).unwrap()
    }

    #[test]
    fn takes_a_younger_build_that_agrees() {
        let comparison =
            compare(&build(1_700_000_000, 64, 0), &build(1_700_000_001, 64, 1)).unwrap();
        assert_eq!(comparison.placed, u64::from(SAMPLE));
        // One network of 64 moved: the sample must be even enough to see about that share.
        let moved = comparison.placed - comparison.alike;
        assert!((2_500..3_800).contains(&moved), "{moved}");
    }

    #[test]
    fn refuses_what_is_no_drift() {
        let old = build(1_700_000_000, 64, 0);
        assert!(matches!(compare(&old, &build(1_600_000_000, 64, 0)), Err(Refusal::Older { .. })));
        assert!(matches!(
            compare(&old, &build(1_700_000_000, 50, 0)),
            Err(Refusal::Size { old: 64, new: 50 })
        ));
        assert!(matches!(compare(&old, &build(1_700_000_000, 64, 3)), Err(Refusal::Differs(_))));
    }
}
