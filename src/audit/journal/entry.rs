//! One entry and its frame, all numbers big-endian: length of the body (4), form (1: 0 whole,
//! 1 pruned), kind (1), sequence (8), milliseconds since 1970 UTC (8), body, chain value (32).
//! A leaf is `SHA-256` over form, kind, sequence, time and payload of the whole form, and so over
//! `0x00 || entry` (RFC 6962); the body of a pruned frame is that leaf, kind and time are 0.

use super::hash::Hash;
use super::kind::Kind;

/// The longest payload.
pub const LONGEST: usize = 1 << 20;

/// Octets before the body.
pub(super) const HEAD: usize = 22;

/// Octets around the body: head and chain value.
pub(super) const AROUND: usize = HEAD + Hash::LEN;

/// Where the octets of the leaf begin: behind the length.
const LEAF: usize = 4;

const WHOLE: u8 = 0;
const PRUNED: u8 = 1;

/// An entry as it stands in the journal.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    octets: &'a [u8],
    body: &'a [u8],
    kind: Option<Kind>,
    sequence: u64,
    at: i64,
    chain: Hash,
}

/// What some octets begin with.
#[derive(Debug)]
pub(super) enum Parsed<'a> {
    /// A frame; whether it is what was written, the chain tells.
    Entry(Entry<'a>),
    /// Less than a frame: this many octets are needed at least.
    Short(usize),
    /// No frame.
    Bad(&'static str),
}

// === impl Entry ===

impl<'a> Entry<'a> {
    /// Its place in the journal, from 0.
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// What it is about; unknown once pruned.
    pub const fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// When, in milliseconds since 1970 UTC; unknown once pruned.
    pub const fn at(&self) -> Option<i64> {
        if self.kind.is_some() { Some(self.at) } else { None }
    }

    /// What was written; `None` once pruned.
    pub const fn payload(&self) -> Option<&'a [u8]> {
        if self.kind.is_some() { Some(self.body) } else { None }
    }

    /// The leaf hash: computed from the entry, or what a pruned one kept.
    pub fn leaf(&self) -> Hash {
        if self.kind.is_some() {
            return Hash::of(self.octets.get(LEAF..HEAD + self.body.len()).unwrap_or_default());
        }
        self.body.try_into().map_or(Hash::ZERO, |octets: [u8; Hash::LEN]| octets.into())
    }

    /// The chain value it was written with.
    pub const fn chain(&self) -> &Hash {
        &self.chain
    }

    /// The frame.
    pub(super) const fn frame(&self) -> &'a [u8] {
        self.octets
    }

    /// Appends the frame without its payload.
    pub(super) fn prune(&self, frames: &mut Vec<u8>) {
        let leaf = self.leaf();
        head(frames, Hash::LEN, PRUNED, 0, 0);
        if let Some(sequence) =
            frames.len().checked_sub(16).and_then(|at| frames.get_mut(at..at + 8))
        {
            sequence.copy_from_slice(&self.sequence.to_be_bytes());
        }
        frames.extend_from_slice(leaf.octets());
        frames.extend_from_slice(self.chain.octets());
    }
}

/// Reads the frame that some octets begin with. A length is believed only up to [`LONGEST`].
pub(super) fn parse(octets: &[u8]) -> Parsed<'_> {
    let Some((length, rest)) = octets.split_first_chunk::<4>() else {
        return Parsed::Short(HEAD);
    };
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Parsed::Bad("the length is more than an entry may have");
    }
    let head = rest
        .split_first_chunk::<2>()
        .and_then(|(forms, rest)| {
            rest.split_first_chunk::<8>().map(|(seq, rest)| (forms, seq, rest))
        })
        .and_then(|(forms, seq, rest)| rest.first_chunk::<8>().map(|at| (*forms, *seq, *at)));
    let Some(([form, kind], sequence, at)) = head else { return Parsed::Short(HEAD) };
    let at = i64::from_be_bytes(at);
    let kind = match (form, kind) {
        (WHOLE, octet) => match Kind::of(octet) {
            Some(kind) => Some(kind),
            None => return Parsed::Bad("the kind is none of this version"),
        },
        (PRUNED, 0) if length == Hash::LEN && at == 0 => None,
        (PRUNED, _) => return Parsed::Bad("a pruned entry keeps nothing but its leaf hash"),
        _ => return Parsed::Bad("the form is neither whole nor pruned"),
    };
    let Some(octets) = octets.get(..AROUND + length) else {
        return Parsed::Short(AROUND + length);
    };
    let (front, chain) = octets.split_at(HEAD + length);
    let Ok(chain) = <[u8; Hash::LEN]>::try_from(chain) else { return Parsed::Bad("no chain") };
    Parsed::Entry(Entry {
        octets,
        body: front.split_at(HEAD).1,
        kind,
        sequence: u64::from_be_bytes(sequence),
        at,
        chain: chain.into(),
    })
}

/// Appends a frame that has neither sequence nor chain value yet.
pub(super) fn push(frames: &mut Vec<u8>, kind: Kind, at: i64, payload: &[u8]) {
    head(frames, payload.len(), WHOLE, kind.octet(), at);
    frames.extend_from_slice(payload);
    frames.extend_from_slice(Hash::ZERO.octets());
}

fn head(frames: &mut Vec<u8>, length: usize, form: u8, kind: u8, at: i64) {
    let length = u32::try_from(length).expect("a payload is at most 1 MiB");
    frames.extend_from_slice(&length.to_be_bytes());
    frames.extend_from_slice(&[form, kind]);
    frames.extend_from_slice(&[0; 8]);
    frames.extend_from_slice(&at.to_be_bytes());
}

/// Numbers the whole frame that some octets begin with and gives it the chain value that follows
/// `chain`. Returns its length, leaf and chain value.
pub(super) fn finish(frames: &mut [u8], sequence: u64, chain: &Hash) -> (usize, Hash, Hash) {
    let length = length(frames);
    let (frame, _) = frames.split_at_mut(length);
    let (front, value) = frame.split_at_mut(length - Hash::LEN);
    front.split_at_mut(6).1.split_at_mut(8).0.copy_from_slice(&sequence.to_be_bytes());
    let leaf = Hash::of(front.split_at(LEAF).1);
    let chain = chain.chain(&leaf);
    value.copy_from_slice(chain.octets());
    (length, leaf, chain)
}

/// The octets of the frame of our own making that some octets begin with.
pub(super) fn length(frames: &[u8]) -> usize {
    let length = frames.first_chunk::<4>().expect("only whole frames are kept");
    AROUND + usize::try_from(u32::from_be_bytes(*length)).expect("a payload is at most 1 MiB")
}

/// When the frame of our own making that some octets begin with is of.
pub(super) fn time(frames: &[u8]) -> i64 {
    let at = frames.get(14..22).and_then(|at| at.first_chunk::<8>());
    i64::from_be_bytes(*at.expect("only whole frames are kept"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_laid_out_as_said() {
        let mut frames = Vec::new();
        push(&mut frames, Kind::Ended, 258, b"hi");
        let (length, leaf, chain) = finish(&mut frames, 513, &Hash::ZERO);
        let head = [0, 0, 0, 2, 0, 3, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 1, 2];
        assert_eq!((length, frames.len()), (56, 56));
        assert_eq!(frames[..22], head);
        assert_eq!(&frames[22..24], b"hi");
        assert_eq!(leaf, Hash::of(&frames[4..24]));
        assert_eq!(frames[24..], *Hash::ZERO.chain(&leaf).octets());
        let Parsed::Entry(entry) = parse(&frames) else { panic!() };
        assert_eq!(
            (entry.sequence(), entry.kind(), entry.at()),
            (513, Some(Kind::Ended), Some(258))
        );
        assert_eq!(
            (entry.payload(), entry.leaf(), *entry.chain()),
            (Some(&b"hi"[..]), leaf, chain)
        );
        assert_eq!((time(&frames), entry.frame().len()), (258, 56));
    }

    #[test]
    fn a_pruned_frame_keeps_leaf_and_chain() {
        let (mut frames, mut pruned) = (Vec::new(), Vec::new());
        push(&mut frames, Kind::Decided, 1, &[7; 500]);
        let (_, leaf, chain) = finish(&mut frames, 9, &Hash::ZERO);
        let Parsed::Entry(entry) = parse(&frames) else { panic!() };
        entry.prune(&mut pruned);
        let Parsed::Entry(entry) = parse(&pruned) else { panic!() };
        assert_eq!((entry.sequence(), entry.leaf(), *entry.chain()), (9, leaf, chain));
        assert_eq!((entry.kind(), entry.at(), entry.payload()), (None, None, None));
        assert_eq!(pruned.len(), AROUND + 32);
    }

    #[test]
    fn what_is_no_frame_is_told() {
        let mut frames = Vec::new();
        push(&mut frames, Kind::Note, 1, b"x");
        for cut in 0..frames.len() {
            assert!(matches!(parse(&frames[..cut]), Parsed::Short(needed) if needed > cut));
        }
        for (at, value) in [(0, 1), (4, 2), (4, 1), (5, 0), (5, 8)] {
            let mut wrong = frames.clone();
            wrong[at] = value;
            assert!(matches!(parse(&wrong), Parsed::Bad(_)), "{at}");
        }
    }
}
