//! Labels: what a request can have several of. With a request they are stored as pairs of a kind
//! and a number of seven bits an octet, the lowest first.

/// What a label is, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    /// All requests: the one label in sums that every one has.
    All,
    Country,
    Tag,
    /// A tag or one above it, by which whole families are sought.
    Family,
    /// `pack/rule`.
    Rule,
    Pack,
    Method,
    /// What an observing rule would have made of it, and `refused` where it would not have gone out.
    Would,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::All,
        Self::Country,
        Self::Tag,
        Self::Family,
        Self::Rule,
        Self::Pack,
        Self::Method,
        Self::Would,
    ];

    pub(super) const fn number(self) -> u8 {
        match self {
            Self::All => 0,
            Self::Country => 1,
            Self::Tag => 2,
            Self::Family => 3,
            Self::Rule => 4,
            Self::Pack => 5,
            Self::Method => 6,
            Self::Would => 7,
        }
    }
}

/// Appends a label.
pub(super) fn push(into: &mut Vec<u8>, kind: Kind, word: i64) {
    into.push(kind.number());
    let mut rest = word.unsigned_abs();
    while rest >= 0x80 {
        into.push(low(rest) | 0x80);
        rest >>= 7;
    }
    into.push(low(rest));
}

/// The labels that were appended, in their order; ends at what is none.
pub(super) fn read(mut octets: &[u8]) -> impl Iterator<Item = (Kind, i64)> {
    std::iter::from_fn(move || {
        let (kind, mut rest) = octets.split_first()?;
        let kind = Kind::ALL.into_iter().find(|one| one.number() == *kind)?;
        let (mut word, mut shift) = (0_i64, 0_u32);
        loop {
            let (octet, more) = rest.split_first()?;
            rest = more;
            word |= i64::from(octet & 0x7f).checked_shl(shift)?;
            shift += 7;
            if octet & 0x80 == 0 {
                octets = rest;
                return Some((kind, word));
            }
        }
    })
}

fn low(number: u64) -> u8 {
    u8::try_from(number & 0x7f).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_they_were_written() {
        let all = [(Kind::Tag, 1), (Kind::Country, 127), (Kind::Rule, 128), (Kind::Pack, i64::MAX)];
        let mut octets = Vec::new();
        for (kind, word) in all {
            push(&mut octets, kind, word);
        }
        assert_eq!(read(&octets).collect::<Vec<_>>(), all);
        for cut in 0..octets.len() {
            assert!(read(&octets[..cut]).count() < all.len());
        }
        assert_eq!(read(&[99, 1]).count(), 0);
        assert_eq!(read(&[1; 1]).count(), 0);
        assert_eq!(read(&[[1].as_slice(), &[0xff; 40]].concat()).count(), 0);
    }
}
