//! A file that is rotated: `events.log` is full, becomes `events.log.1`, and so on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::batch::Batch;
use super::settings::FileSettings;

/// More full files than this are never looked for.
const MOST: u32 = 100_000;

/// The file that is written, and those before it.
#[derive(Debug)]
pub(super) struct Rotated {
    settings: FileSettings,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    length: u64,
    begun: SystemTime,
    /// Whether something is not on the disk.
    dirty: bool,
}

// === impl Rotated ===

impl Rotated {
    pub(super) const fn new(settings: FileSettings) -> Self {
        Self { settings, open: None }
    }

    /// Appends all of it, in as many files as it takes. No event is in two parts.
    pub(super) fn write(&mut self, batch: &Batch) -> io::Result<()> {
        let mut lines = Vec::new();
        for message in batch.messages() {
            if self.is_full(lines.len(), message.len())? {
                self.append(&std::mem::take(&mut lines))?;
                self.rotate()?;
            }
            lines.extend_from_slice(message);
        }
        self.append(&lines)
    }

    /// Waits until it is on the disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if let Some(open) = self.open.as_mut().filter(|open| open.dirty) {
            open.file.sync_data().map_err(wrong(&self.settings.path))?;
            open.dirty = false;
        }
        Ok(())
    }

    /// Whether so many octets more, after those that gather, belong into the next file.
    fn is_full(&mut self, gathered: usize, more: usize) -> io::Result<bool> {
        let FileSettings { octets, age, .. } = self.settings;
        let open = self.ready()?;
        let wide = |octets: usize| u64::try_from(octets).unwrap_or(u64::MAX);
        let length = open.length.saturating_add(wide(gathered));
        let large = octets.is_some_and(|octets| length.saturating_add(wide(more)) > octets);
        // A clock that was set back makes no file old.
        let old = age.is_some_and(|age| open.begun.elapsed().is_ok_and(|passed| passed >= age));
        Ok((large || old) && length > 0)
    }

    /// The file, opened where that must be: at first, after a fault, and after somebody else has
    /// moved it away.
    fn ready(&mut self) -> io::Result<&mut Open> {
        let path = &self.settings.path;
        let stays = |open: &Open| {
            let (there, ours) = (fs::metadata(path), open.file.metadata());
            let same = |one: &fs::Metadata, other: &fs::Metadata| {
                (one.dev(), one.ino()) == (other.dev(), other.ino())
            };
            there.is_ok_and(|there| ours.is_ok_and(|ours| same(&there, &ours)))
        };
        if !self.open.as_ref().is_some_and(stays) {
            self.sync()?;
            self.open = Some(Open::new(&self.settings.path).map_err(wrong(&self.settings.path))?);
        }
        Ok(self.open.as_mut().expect("it was opened just now"))
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let open = self.ready()?;
        match open.file.write_all(lines) {
            Ok(()) => {
                open.length += u64::try_from(lines.len()).unwrap_or_default();
                open.dirty = true;
                Ok(())
            }
            Err(error) => {
                // It is sent again as a whole. What cannot be cut off ends as a line of its own.
                drop(open.file.set_len(open.length));
                self.open = None;
                Err(wrong(&self.settings.path)(error))
            }
        }
    }

    /// The file becomes the first of the full ones, and those move on by one.
    fn rotate(&mut self) -> io::Result<()> {
        self.sync()?;
        self.open = None;
        let path = self.settings.path.clone();
        if self.settings.keep == Some(0) {
            return fs::remove_file(&path).map_err(wrong(&path));
        }
        let most = self.settings.keep.unwrap_or(MOST);
        let full = (1..=most).take_while(|number| numbered(&path, *number).exists()).count();
        let full = u32::try_from(full).unwrap_or(most);
        // There were more before, where `keep` was greater.
        let beyond = (most.saturating_add(1)..=MOST).map(|number| numbered(&path, number));
        for old in beyond.take_while(|old| old.exists()) {
            fs::remove_file(&old).map_err(wrong(&old))?;
        }
        // The oldest is written over by the one before it.
        for number in (1..=full.min(most.saturating_sub(1))).rev() {
            let to = numbered(&path, number + 1);
            fs::rename(numbered(&path, number), &to).map_err(wrong(&to))?;
        }
        let first = numbered(&path, 1);
        fs::rename(&path, &first).map_err(wrong(&first))
    }
}

// === impl Open ===

impl Open {
    fn new(path: &Path) -> io::Result<Self> {
        // Who ships it on may be of its group.
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).mode(0o640).open(path)?;
        let about = file.metadata()?;
        let begun = if about.len() == 0 { None } else { about.created().ok() };
        let mut open = Self {
            length: about.len(),
            begun: begun.unwrap_or_else(SystemTime::now),
            dirty: false,
            file: file.try_clone()?,
        };
        if open.length > 0 && about.is_file() {
            // What a crash cut short must not swallow the next line.
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                open.file.write_all(b"\n")?;
                open.length += 1;
            }
        }
        Ok(open)
    }
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

fn wrong(path: &Path) -> impl Fn(io::Error) -> io::Error {
    let path = path.display().to_string();
    move |error| io::Error::new(error.kind(), format!("{path}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::cursor::Cursor;
    use super::*;

    fn batch(lines: &[&str]) -> Batch {
        let mut batch = Batch::new(Cursor::START);
        lines.iter().for_each(|line| batch.add(|into| into.extend(format!("{line}\n").bytes())));
        batch
    }

    fn rotated(folder: &Path, octets: u64, keep: Option<u32>) -> Rotated {
        let path = folder.join("e.log");
        Rotated::new(FileSettings { path, octets: Some(octets), age: None, keep })
    }

    /// What is in the file and in those before it.
    fn found(folder: &Path) -> Vec<String> {
        let path = folder.join("e.log");
        let all = std::iter::once(path.clone()).chain((1..).map(|at| numbered(&path, at)));
        all.map_while(|path| fs::read_to_string(path).ok()).collect()
    }

    #[test]
    fn full_files_move_on_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = rotated(folder.path(), 8, Some(2));
        file.write(&batch(&["aaa", "bbb", "ccc"])).unwrap();
        assert_eq!(found(folder.path()), ["ccc\n", "aaa\nbbb\n"]);
        file.write(&batch(&["ddd"])).unwrap();
        file.write(&batch(&["eee"])).unwrap();
        file.write(&batch(&["ffff", "ggg"])).unwrap();
        assert_eq!(found(folder.path()), ["ggg\n", "ffff\n", "eee\n"]);
    }

    #[test]
    fn fewer_are_kept_once_that_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let lines = batch(&["a", "b", "c", "d", "e"]);
        rotated(folder.path(), 2, Some(9)).write(&lines).unwrap();
        assert_eq!(found(folder.path()), ["e\n", "d\n", "c\n", "b\n", "a\n"]);
        rotated(folder.path(), 2, Some(2)).write(&batch(&["f"])).unwrap();
        assert_eq!(found(folder.path()), ["f\n", "e\n", "d\n"]);
        rotated(folder.path(), 2, Some(0)).write(&batch(&["g"])).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("e.log")).unwrap(), "g\n");
    }

    #[test]
    fn others_do_not_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        rotated(folder.path(), 2, Some(1)).write(&batch(&["a", "b"])).unwrap();
        for name in ["e.log", "e.log.1"] {
            let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o737, 0o600, "{name}: {mode:o}");
        }
    }

    #[test]
    fn all_are_kept_where_nothing_is_said_and_a_long_line_is_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = rotated(folder.path(), 4, None);
        file.write(&batch(&["longer than all", "b", "c", "d"])).unwrap();
        assert_eq!(found(folder.path()), ["d\n", "b\nc\n", "longer than all\n"]);
    }

    #[test]
    fn an_old_file_is_full() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = rotated(folder.path(), 100, Some(3));
        file.settings.age = Some(Duration::from_hours(24));
        file.write(&batch(&["a"])).unwrap();
        file.open.as_mut().unwrap().begun -= Duration::from_hours(25);
        file.write(&batch(&["b"])).unwrap();
        assert_eq!(found(folder.path()), ["b\n", "a\n"]);
    }

    #[test]
    fn a_torn_end_is_a_line_of_its_own_and_a_moved_file_is_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("e.log");
        fs::write(&path, "tor").unwrap();
        let mut file = rotated(folder.path(), 100, None);
        file.write(&batch(&["a"])).unwrap();
        assert_eq!(found(folder.path()), ["tor\na\n"]);
        fs::rename(&path, folder.path().join("away")).unwrap();
        file.write(&batch(&["b"])).unwrap();
        assert_eq!(found(folder.path()), ["b\n"]);
    }
}
