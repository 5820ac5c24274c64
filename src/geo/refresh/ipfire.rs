//! The IPFire Location database, as the Tor Project repacks it (range starts, and two letters
//! for each), into an MMDB file.

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use thiserror::Error;

use super::super::Country;
use super::super::steps::{Address, Steps};
use super::super::writer::{self, Field, Header, WriteError};

/// The export as five files of the package.
#[derive(Clone, Debug, Default)]
pub struct Export {
    /// IPv4 range starts, 4 bytes little-endian each.
    pub v4_starts: Vec<u8>,
    /// IPv4 country codes, 2 letters or 2 zero bytes each.
    pub v4_codes: Vec<u8>,
    /// IPv6 range starts, 16 bytes little-endian each.
    pub v6_starts: Vec<u8>,
    /// IPv6 country codes.
    pub v6_codes: Vec<u8>,
    /// The header of the original export, which says when it was generated.
    pub header: String,
}

/// An export that cannot be converted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The header has no readable `Generated:` line.
    #[error("the export does not say when it was generated; its form has changed")]
    Generated,
    /// Starts and codes are not as many, or not whole.
    #[error(
        "the export has {starts} bytes of range starts and {codes} bytes of codes; its form has changed"
    )]
    Lengths {
        /// Bytes of starts.
        starts: usize,
        /// Bytes of codes.
        codes: usize,
    },
    /// Range starts go backwards.
    #[error("the range starts of the export are not sorted; its form has changed")]
    Order,
    /// The writer refused.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Converts an export into an MMDB file. Codes that name no country are left out, so that their
/// networks are unknown; `UK` becomes `GB`. The build time is the export's, not the present.
pub fn convert(export: &Export) -> Result<Vec<u8>, ExportError> {
    let build = generated(&export.header).ok_or(ExportError::Generated)?;
    let v4 = steps(&export.v4_starts, &export.v4_codes, u32::from_le_bytes)?;
    let v6 = steps(&export.v6_starts, &export.v6_codes, u128::from_le_bytes)?;
    let v4 = v4.iter().map(|(start, id)| (u128::from(start), id));
    let mut networks = split(v4, 32, |start, prefix| {
        let start = u32::try_from(start).expect("an IPv4 range starts below 2^32");
        Ipv4Network::new(start.into(), prefix).map(IpNetwork::V4)
    });
    networks.extend(split(v6.iter(), 128, |start, prefix| {
        Ipv6Network::new(start.into(), prefix).map(IpNetwork::V6)
    }));
    let header = Header {
        database_type: "country ipvAll".to_owned(),
        description: Some("IPFire Location database, countries, CC BY-SA 4.0".to_owned()),
        build_epoch: build,
        v6: true,
    };
    let code = |country: Country| Field::Text(country.code().to_owned());
    let record = |country| Field::Map(vec![("country_code".to_owned(), code(country))]);
    let values: Vec<_> = Country::all().map(record).collect();
    Ok(writer::write(&header, &values, &networks)?)
}

/// Reads the `Generated:` line, such as `Wed, 23 Sep 2026 04:35:31 GMT`.
fn generated(header: &str) -> Option<u64> {
    let date = header.lines().find_map(|line| line.trim().strip_prefix("Generated:"))?;
    let at: Timestamp = rfc2822::DateTimeParser::new().parse_timestamp(date.trim()).ok()?;
    u64::try_from(at.as_second()).ok()
}

/// Reads ranges; a number is 0 for no country, else one more than its position in the table.
fn steps<A: Address, const N: usize>(
    starts: &[u8],
    codes: &[u8],
    number: impl Fn([u8; N]) -> A,
) -> Result<Steps<A>, ExportError> {
    let lengths = ExportError::Lengths { starts: starts.len(), codes: codes.len() };
    let ((starts, []), (codes, [])) = (starts.as_chunks::<N>(), codes.as_chunks::<2>()) else {
        return Err(lengths);
    };
    if starts.len() != codes.len() {
        return Err(lengths);
    }
    let mut steps = Steps::new(0);
    let mut last = None;
    for (start, code) in starts.iter().zip(codes) {
        let start = number(*start);
        if last.replace(start).is_some_and(|last| last >= start) {
            return Err(ExportError::Order);
        }
        let country = str::from_utf8(code).ok().and_then(Country::from_database);
        steps.push(start, country.map_or(0, |country| u32::from(country.index()) + 1));
    }
    Ok(steps)
}

/// Splits ranges into networks, with the position of their country.
fn split<E: std::fmt::Debug>(
    steps: impl ExactSizeIterator<Item = (u128, u32)> + Clone,
    bits: u32,
    network: impl Fn(u128, u8) -> Result<IpNetwork, E>,
) -> Vec<(IpNetwork, usize)> {
    let most = u128::MAX >> (128 - bits);
    let ends = steps.clone().skip(1).map(|(start, _)| start - 1).chain([most]);
    let mut networks = Vec::new();
    for ((mut start, id), last) in steps.zip(ends) {
        let Some(value) = id.checked_sub(1) else { continue };
        loop {
            // The largest block that is aligned at the start and does not reach past the end.
            let room = (last - start).checked_add(1).map_or(128, u128::ilog2);
            let host = start.trailing_zeros().min(room).min(bits);
            let prefix = u8::try_from(bits - host).expect("a prefix is at most 128");
            let network = network(start, prefix).expect("a prefix fits its family");
            networks.push((network, super::super::wide(value)));
            let step = 1_u128.checked_shl(host).and_then(|size| start.checked_add(size));
            match step.filter(|next| *next <= last) {
                Some(next) => start = next,
                None => break,
            }
        }
    }
    networks
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::super::{Database, Source};
    use super::*;

    fn export(v4: &[(u32, &str)], v6: &[(u128, &str)]) -> Export {
        let code = |code: &str| code.bytes().chain([0, 0]).take(2).collect::<Vec<_>>();
        Export {
            v4_starts: v4.iter().flat_map(|(start, _)| start.to_le_bytes()).collect(),
            v4_codes: v4.iter().flat_map(|range| code(range.1)).collect(),
            v6_starts: v6.iter().flat_map(|(start, _)| start.to_le_bytes()).collect(),
            v6_codes: v6.iter().flat_map(|range| code(range.1)).collect(),
            header: "x\nGenerated: Wed, 23 Sep 2026 04:35:31 GMT\ny".to_owned(),
        }
    }

    #[test]
    fn converts_ranges() {
        let export = export(
            &[
                (5, "AU"),
                (0x0100_0000, "UK"),
                (0x0200_0003, "EU"),
                (0x0300_0000, ""),
                (u32::MAX, "CN"),
            ],
            &[(0x2001 << 112, "JP"), ((0x2001 << 112) + 7, "??"), (u128::MAX, "US")],
        );
        let bytes = convert(&export).unwrap();
        assert_eq!(convert(&export).unwrap(), bytes, "not repeatable");
        let database = Database::load(&Source::new("ipfire", "test.mmdb"), &bytes).unwrap();
        assert_eq!(database.info().build.to_string(), "2026-09-23T04:35:31Z");
        let at = |text: &str| {
            database.answer(text.parse::<IpAddr>().unwrap()).country.map(Country::code)
        };
        assert_eq!(at("0.0.0.4"), None);
        assert_eq!(at("0.0.0.5"), Some("AU"));
        assert_eq!(at("0.255.255.255"), Some("AU"));
        assert_eq!(at("1.0.0.0"), Some("GB"));
        assert_eq!(at("2.0.0.2"), Some("GB"));
        assert_eq!(at("2.0.0.3"), None);
        assert_eq!(at("255.255.255.255"), Some("CN"));
        assert_eq!(at("2001::6"), Some("JP"));
        assert_eq!(at("2001::7"), None);
        assert_eq!(at("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), Some("US"));
    }

    #[test]
    fn refuses_another_form() {
        let sound = export(&[(1, "AU")], &[]);
        let mut short = sound.clone();
        short.v4_codes.pop();
        assert!(matches!(convert(&short), Err(ExportError::Lengths { starts: 4, codes: 1 })));
        let undated = Export { header: String::new(), ..sound };
        assert!(matches!(convert(&undated), Err(ExportError::Generated)));
        assert!(matches!(convert(&export(&[(2, "AU"), (1, "AU")], &[])), Err(ExportError::Order)));
    }
}
