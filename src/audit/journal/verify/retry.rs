//! An entry that is not what was written: which field was it?

use super::super::entry::{AROUND, Parsed, parse};
use super::super::hash::Hash;
use super::super::kind::Kind;
use super::finding::What;

/// The entry as it was written, if changing one field back makes its chain value follow.
pub(super) fn retry(frame: &[u8], number: u64, before: &Hash) -> Option<(What, Vec<u8>)> {
    let mut length = frame.to_vec();
    let octets = frame.len().checked_sub(AROUND).and_then(|octets| u32::try_from(octets).ok())?;
    length.first_chunk_mut::<4>()?.copy_from_slice(&octets.to_be_bytes());
    if follows(&length, number, before) {
        return Some((What::Length, length));
    }
    let place = frame.get(6..14)?.first_chunk::<8>()?;
    let mut numbered = length.clone();
    numbered.get_mut(6..14)?.copy_from_slice(&number.to_be_bytes());
    if follows(&numbered, number, before) {
        return Some((What::Number(u64::from_be_bytes(*place)), numbered));
    }
    Kind::ALL.into_iter().find_map(|kind| {
        let mut other = length.clone();
        other.get_mut(4..6)?.copy_from_slice(&[0, kind.octet()]);
        follows(&other, number, before).then_some((What::WasKind(kind), other))
    })
}

fn follows(frame: &[u8], number: u64, before: &Hash) -> bool {
    let Parsed::Entry(entry) = parse(frame) else { return false };
    entry.frame().len() == frame.len()
        && entry.sequence() == number
        && before.chain(&entry.leaf()) == *entry.chain()
}
