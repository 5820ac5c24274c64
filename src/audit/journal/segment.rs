//! Segments: the files that hold the entries. Their layout is said at [`Log`](super::Log).

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::fault::Fault;
use super::frames::wide;
use super::hash::Hash;

/// Octets before the first frame.
pub(super) const HEADER: usize = 56;

/// Name and version of the format.
const MAGIC: &[u8; 8] = b"bpjrnl\0\x01";

/// Whether a segment is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Sealed,
}

/// A segment by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) first: u64,
    pub(super) form: Form,
    pub(super) path: PathBuf,
}

/// What a segment begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) first: u64,
    pub(super) made: i64,
    pub(super) chain: Hash,
}

impl Header {
    pub(super) fn octets(&self) -> Vec<u8> {
        let numbers = [self.first.to_be_bytes(), self.made.to_be_bytes()].concat();
        [&MAGIC[..], &numbers, &self.chain.octets()[..]].concat()
    }

    /// Reads it from the beginning of a segment; `None` where there is none of this version.
    pub(super) fn parse(octets: &[u8]) -> Option<Self> {
        let (magic, rest) = octets.split_first_chunk::<8>()?;
        let (first, rest) = rest.split_first_chunk::<8>()?;
        let (made, rest) = rest.split_first_chunk::<8>()?;
        let chain = *rest.first_chunk::<{ Hash::LEN }>()?;
        let (first, made) = (u64::from_be_bytes(*first), i64::from_be_bytes(*made));
        (magic == MAGIC).then(|| Self { first, made, chain: chain.into() })
    }
}

impl Segment {
    /// The plain segment that begins with an entry.
    pub(super) fn plain(folder: &Path, first: u64) -> Self {
        let path = folder.join(format!("{first:020}.log"));
        Self { first, form: Form::Plain, path }
    }

    /// The segment a file is by its name.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let digits = path.file_stem().and_then(OsStr::to_str)?;
        let form = match path.extension().and_then(OsStr::to_str)? {
            "log" => Form::Plain,
            "zst" => Form::Sealed,
            _ => return None,
        };
        let fits = digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit());
        let first = fits.then(|| digits.parse().ok()).flatten()?;
        Some(Self { first, form, path: path.to_owned() })
    }
}

/// All segments of a folder, in order. One that is there both ways was about to lose its plain
/// form: what has the name of a sealed one is complete.
pub(super) fn list(folder: &Path) -> Result<Vec<Segment>, Fault> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(Fault::file(folder))? {
        let path = entry.map_err(Fault::file(folder))?.path();
        found.extend(Segment::of(&path));
    }
    found.sort_unstable_by_key(|segment| (segment.first, segment.form == Form::Plain));
    found.dedup_by_key(|segment| segment.first);
    Ok(found)
}

/// A segment for who shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFile {
    /// The sequence of its first entry.
    pub first: u64,
    /// Whether it is sealed.
    pub sealed: bool,
    /// Octets of the file.
    pub octets: u64,
    /// The file's name.
    pub file: String,
}

/// The segments of a journal, in order.
pub fn segments(folder: &Path) -> Result<Vec<SegmentFile>, Fault> {
    let one = |segment: Segment| SegmentFile {
        first: segment.first,
        sealed: segment.form == Form::Sealed,
        // It may have been sealed just now.
        octets: fs::metadata(&segment.path).map_or(0, |found| found.len()),
        file: segment.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
    };
    Ok(list(folder)?.into_iter().map(one).collect())
}

/// Whether a plain segment has no entry, and so says nothing.
pub(super) fn is_empty(segment: &Segment) -> Result<bool, Fault> {
    let length = fs::metadata(&segment.path).map_err(Fault::file(&segment.path))?.len();
    Ok(segment.form == Form::Plain && length <= wide(HEADER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_a_folder_are_its_segments() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (format!("{:020}", 0), format!("{:020}", 77));
        for name in ["key.pem", "1.log", "tree", &format!("{b}.log"), &format!("{a}.zst")] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        for extra in [format!("{a}.log"), format!("{a}.idx"), format!("{a}.zst.part")] {
            fs::write(folder.path().join(extra), "").unwrap();
        }
        let found = list(folder.path()).unwrap();
        let found: Vec<_> = found.iter().map(|one| (one.first, one.form)).collect();
        assert_eq!(found, [(0, Form::Sealed), (77, Form::Plain)]);
    }

    #[test]
    fn a_header_is_56_octets() {
        let header = Header { first: 5, made: -1, chain: Hash::of(b"x") };
        let octets = header.octets();
        assert_eq!((octets.len(), Header::parse(&octets)), (HEADER, Some(header)));
        assert_eq!(Header::parse(&octets[..55]), None);
    }
}
