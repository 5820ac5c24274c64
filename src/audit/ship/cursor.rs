//! How far a sink has come, in a file of one line: the number of the entry that comes next, and the
//! chain value of the one before, by which a cursor into another journal is known.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::super::journal::{Fault, Hash, Reader};

/// A place in a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The entry that comes next.
    pub(super) next: u64,
    /// The chain value of the one before it.
    pub(super) chain: Hash,
}

/// A cursor and the file that keeps it.
#[derive(Debug)]
pub(super) struct CursorFile {
    folder: PathBuf,
    path: PathBuf,
    kept: Cursor,
    /// Whether there is no file yet.
    new: bool,
}

// === impl Cursor ===

impl Cursor {
    /// Before everything.
    pub(super) const START: Self = Self { next: 0, chain: Hash::ZERO };

    /// Whether it leads into the journal in this folder.
    pub(super) fn is_of(&self, journal: &Path) -> Result<bool, Fault> {
        let Some(last) = self.next.checked_sub(1) else { return Ok(true) };
        match Reader::one(journal, last, |entry| *entry.chain()) {
            Ok(chain) => Ok(chain == Some(self.chain)),
            // What is damaged there is told by who reads on.
            Err(Fault::Damaged { .. } | Fault::Missing { .. }) => Ok(true),
            Err(fault) => Err(fault),
        }
    }

    /// Before the entry with this number of the journal in this folder.
    pub(super) fn before(next: u64, journal: &Path) -> Result<Self, Fault> {
        let Some(last) = next.checked_sub(1) else { return Ok(Self::START) };
        let chain = Reader::one(journal, last, |entry| *entry.chain())?;
        Ok(chain.map_or(Self::START, |chain| Self { next, chain }))
    }

    fn parse(text: &str) -> Option<Self> {
        let (next, chain) = text.strip_suffix('\n')?.split_once(' ')?;
        let next = next.parse().ok()?;
        let mut octets = [0; Hash::LEN];
        if chain.len() != 2 * Hash::LEN || !chain.is_ascii() {
            return None;
        }
        for (at, octet) in octets.iter_mut().enumerate() {
            *octet = u8::from_str_radix(chain.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        Some(Self { next, chain: octets.into() })
    }
}

// === impl CursorFile ===

impl CursorFile {
    /// The cursor of a sink; where there is none yet, it is before everything.
    pub(super) fn open(folder: &Path, name: &str) -> io::Result<Self> {
        let wrong = |path: &Path, error: io::Error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        };
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| wrong(folder, error))?;
        let path = folder.join(format!("{name}.cursor"));
        let found = match fs::read(&path) {
            Ok(octets) => Some(str::from_utf8(&octets).ok().and_then(Cursor::parse)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(wrong(&path, error)),
        };
        let (new, kept) = (found.is_none(), found.flatten());
        let damaged = !new && kept.is_none();
        let mut file =
            Self { folder: folder.to_owned(), path, kept: kept.unwrap_or(Cursor::START), new };
        if damaged {
            file.begin_again().map_err(|error| wrong(&file.path, error))?;
        }
        Ok(file)
    }

    /// Keeps what is no cursor aside, and begins before everything: twice is better than never.
    fn begin_again(&mut self) -> io::Result<()> {
        let aside = self.path.with_extension("cursor.damaged");
        fs::rename(&self.path, &aside)?;
        let (path, aside) = (self.path.display(), aside.display());
        tracing::error!(%path, %aside, "not the cursor of a sink; kept aside, all events are sent again");
        // At once: where there is none, a sink may begin with what comes next.
        self.new = true;
        self.keep(Cursor::START)
    }

    /// What the file says.
    pub(super) const fn kept(&self) -> Cursor {
        self.kept
    }

    /// Whether there was nothing to keep before.
    pub(super) const fn is_new(&self) -> bool {
        self.new
    }

    /// Keeps another one: on the disk when this returns, and never half.
    pub(super) fn keep(&mut self, cursor: Cursor) -> io::Result<()> {
        if cursor == self.kept && !self.new {
            return Ok(());
        }
        let part = self.path.with_extension("cursor.part");
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&part)?;
        file.write_all(format!("{} {}\n", cursor.next, cursor.chain).as_bytes())?;
        file.sync_data()?;
        fs::rename(&part, &self.path)?;
        File::open(&self.folder)?.sync_all()?;
        (self.kept, self.new) = (cursor, false);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_outlives_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let sinks = folder.path().join("sinks");
        let mut file = CursorFile::open(&sinks, "a").unwrap();
        assert_eq!((file.kept(), file.is_new()), (Cursor::START, true));
        // Even the first place of all is one.
        file.keep(Cursor::START).unwrap();
        assert!(!CursorFile::open(&sinks, "a").unwrap().is_new());
        let cursor = Cursor { next: 7, chain: Hash::of(b"x") };
        file.keep(cursor).unwrap();
        assert_eq!(CursorFile::open(&sinks, "a").unwrap().kept(), cursor);
        assert_eq!(CursorFile::open(&sinks, "b").unwrap().kept(), Cursor::START);
    }

    #[test]
    fn what_is_no_cursor_is_kept_aside_and_everything_sent_again() {
        let folder = tempfile::tempdir().unwrap();
        let line = format!("7 {}\n", Hash::of(b"x"));
        assert!(Cursor::parse(&line).is_some());
        let place = |name: &str| folder.path().join(name);
        let minus = line.replace("7 ", "-7 ");
        let wrong = ["", "7\n", "x y\n", line.trim_end(), &minus, "7 abcdef\n"];
        for wrong in wrong.map(str::as_bytes).into_iter().chain([&b"\xff\n"[..]]) {
            fs::write(place("a.cursor"), wrong).unwrap();
            // Neither now nor at the next start does it begin with what comes next.
            for _ in 0..2 {
                let file = CursorFile::open(folder.path(), "a").unwrap();
                assert_eq!((file.kept(), file.is_new()), (Cursor::START, false));
            }
            assert_eq!(fs::read(place("a.cursor.damaged")).unwrap(), wrong);
        }
    }
}
