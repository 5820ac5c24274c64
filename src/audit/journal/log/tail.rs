//! Where the last segment ends: what a crash tore off is cut, damage is not.

use std::fs;
use std::path::Path;

use super::super::fault::Fault;
use super::super::frames::{Frames, Step};
use super::super::hash::Hash;
use super::super::kind::Kind;
use super::super::note::VerifierKey;
use super::super::segment::{Header, Segment};
use super::due::introduced;

/// The end of a segment.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) made: i64,
    /// Octets of whole frames, with the header.
    pub(super) length: u64,
    /// Octets after them.
    pub(super) cut: u64,
    pub(super) next: u64,
    pub(super) chain: Hash,
    /// The latest time of an entry in it.
    pub(super) latest: i64,
    /// The last key that was introduced in it.
    pub(super) key: Option<VerifierKey>,
}

/// Reads a plain segment to its end.
pub(super) fn tail(segment: &Segment) -> Result<Tail, Fault> {
    let file_length = fs::metadata(&segment.path).map_err(Fault::file(&segment.path))?.len();
    let mut frames = Frames::open(segment)?;
    let Header { first, made, chain } = *frames.header();
    let (length, latest) = (frames.offset(), i64::MIN);
    let mut tail = Tail { made, length, cut: 0, next: first, chain, latest, key: None };
    let what = loop {
        match frames.next()? {
            Step::Entry(entry) => {
                let chain = tail.chain.chain(&entry.leaf());
                if entry.sequence() != tail.next || *entry.chain() != chain {
                    frames.back();
                    break "not what was written";
                }
                if entry.kind() == Some(Kind::Key) {
                    let named = entry.payload().and_then(|note| introduced(note, None));
                    tail.key = named.or(tail.key);
                }
                (tail.next, tail.chain) = (tail.next + 1, chain);
                tail.latest = tail.latest.max(entry.at().unwrap_or(i64::MIN));
                tail.length = frames.offset();
            }
            Step::End => return Ok(tail),
            Step::Torn => break "an entry is cut short, and others follow",
            Step::Bad(what) => break what,
        }
    };
    if frames.resync(tail.next, Some(tail.chain))?.is_some() {
        return Err(damaged(&segment.path, &tail, what));
    }
    tail.cut = file_length.saturating_sub(tail.length);
    Ok(tail)
}

fn damaged(path: &Path, tail: &Tail, what: &'static str) -> Fault {
    let (path, offset, sequence) = (path.to_owned(), tail.length, tail.next);
    Fault::Damaged { path, offset, sequence, what }
}
