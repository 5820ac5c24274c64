//! A disk that fails when it is told to, and forgets what was not synced.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::audit::journal::files::{Disk, Real};

/// How it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// So many calls in a row; all is well after them.
    For(usize),
    /// From then on, as at the end of the process.
    Forever,
}

#[derive(Debug)]
struct State {
    calls: usize,
    first: usize,
    how: How,
    /// Of what is written when it fails, so many 256ths.
    part: u8,
    synced: HashMap<PathBuf, u64>,
    /// Octets that it still takes.
    room: u64,
}

/// Cloned freely; clones are one disk.
#[derive(Clone, Debug)]
pub(super) struct Failing(Arc<Mutex<State>>);

impl Failing {
    pub(super) fn new(first: usize, how: How, part: u8) -> Self {
        let state = State { calls: 0, first, how, part, synced: HashMap::new(), room: u64::MAX };
        Self(Arc::new(Mutex::new(state)))
    }

    pub(super) fn calls(&self) -> usize {
        self.0.lock().unwrap().calls
    }

    /// Lets it take so many octets more.
    pub(super) fn has_room(&self, octets: u64) {
        self.0.lock().unwrap().room = octets;
    }

    /// Lets files lose what was not synced, but for so many 256ths of it.
    pub(super) fn lose_power(&self, part: u8) {
        for (path, synced) in &self.0.lock().unwrap().synced {
            let Ok(meta) = fs::metadata(path) else { continue };
            if path.extension().is_some_and(|ending| ending == "log") && meta.len() > *synced {
                let kept = synced + (meta.len() - synced) * u64::from(part) / 256;
                File::options().write(true).open(path).unwrap().set_len(kept).unwrap();
            }
        }
    }

    fn call(&self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let call = state.calls;
        state.calls += 1;
        let fails = match state.how {
            How::For(count) => (state.first..state.first + count).contains(&call),
            How::Forever => call >= state.first,
        };
        if fails {
            Err(io::Error::new(io::ErrorKind::StorageFull, "no space left"))
        } else {
            Ok(())
        }
    }
}

impl Disk for Failing {
    fn open(&mut self, path: &Path) -> io::Result<File> {
        self.call()?;
        let file = Real.open(path)?;
        let length = file.metadata()?.len();
        self.0.lock().unwrap().synced.entry(path.to_owned()).or_insert(length);
        Ok(file)
    }

    fn write(&mut self, path: &Path, file: &mut File, octets: &[u8]) -> io::Result<usize> {
        let part = self.0.lock().unwrap().part;
        let Err(error) = self.call() else {
            let mut state = self.0.lock().unwrap();
            let fits = octets.len().min(usize::try_from(state.room).unwrap());
            state.room -= u64::try_from(fits).unwrap();
            return Real.write(path, file, &octets[..fits]);
        };
        let written = octets.len() * usize::from(part) / 256;
        Real.write(path, file, &octets[..written])?;
        if part.is_multiple_of(2) { Err(error) } else { Ok(written) }
    }

    fn sync(&mut self, path: &Path, file: &mut File) -> io::Result<()> {
        self.call()?;
        let length = file.metadata()?.len();
        self.0.lock().unwrap().synced.insert(path.to_owned(), length);
        Ok(())
    }

    fn truncate(&mut self, path: &Path, file: &mut File, length: u64) -> io::Result<()> {
        self.call()?;
        let cut = file.metadata()?.len().saturating_sub(length);
        Real.truncate(path, file, length)?;
        let mut state = self.0.lock().unwrap();
        state.room = state.room.saturating_add(cut);
        let synced = state.synced.entry(path.to_owned()).or_insert(length);
        *synced = (*synced).min(length);
        Ok(())
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.call()?;
        Real.rename(from, to)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.call()?;
        Real.remove(path)
    }

    fn sync_folder(&mut self, _folder: &Path) -> io::Result<()> {
        self.call()
    }
}
