//! One reservation as the journal keeps it: for each meter the day, a number without ids,
//! and the keyed ids. It stays there until it is given back or folded into the table.

use super::day::Day;

/// What one reservation adds to one meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) meter: u32,
    pub(super) day: Day,
    pub(super) number: u64,
    pub(super) ids: Vec<u64>,
}

/// Octets of a part before its ids.
const HEAD: usize = 4 + 2 + 8 + 4;

pub(super) fn encode(parts: &[Part]) -> Vec<u8> {
    let ids: usize = parts.iter().map(|part| part.ids.len()).sum();
    let mut octets = Vec::with_capacity(parts.len() * HEAD + ids * 8);
    for part in parts {
        octets.extend(part.meter.to_be_bytes());
        octets.extend(part.day.0.to_be_bytes());
        octets.extend(part.number.to_be_bytes());
        let count = u32::try_from(part.ids.len()).expect("asks name at most 100,000 ids each");
        octets.extend(count.to_be_bytes());
        octets.extend(part.ids.iter().flat_map(|id| id.to_be_bytes()));
    }
    octets
}

/// `None` where it is not what [`encode`] writes.
pub(super) fn decode(mut octets: &[u8]) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    while !octets.is_empty() {
        let meter = u32::from_be_bytes(take(&mut octets)?);
        let day = Day(u16::from_be_bytes(take(&mut octets)?));
        let number = u64::from_be_bytes(take(&mut octets)?);
        let count = u32::from_be_bytes(take(&mut octets)?);
        // Not more than there are, whatever the count says.
        let mut ids = Vec::with_capacity(octets.len() / 8);
        for _ in 0..count {
            ids.push(u64::from_be_bytes(take(&mut octets)?));
        }
        parts.push(Part { meter, day, number, ids });
    }
    Some(parts)
}

fn take<const N: usize>(octets: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = octets.split_first_chunk()?;
    *octets = rest;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_as_written() {
        let parts = vec![
            Part { meter: 1, day: Day(2), number: 3, ids: vec![4, u64::MAX] },
            Part { meter: u32::MAX, day: Day(u16::MAX), number: u64::MAX, ids: vec![] },
        ];
        let octets = encode(&parts);
        assert_eq!(decode(&octets).as_ref(), Some(&parts));
        for end in 1..octets.len() {
            let cut = decode(octets.get(..end).unwrap());
            assert!(cut.is_none() || cut == parts.get(..1).map(<[_]>::to_vec), "{end}");
        }
    }
}
