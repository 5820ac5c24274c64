//! Where keys lie: a folder with a file for each, `ID.key`, 32 octets for their owner alone. What
//! was destroyed leaves `ID.erased`, which says when and why, so that a key that is merely not
//! there is not taken for one.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aws_lc_rs::aead::LessSafeKey;
use jiff::Timestamp;

use super::fault::Fault;
use super::hidden::Hidden;
use super::key::{Class, KeyId, Month};
use super::line::{KEY, cipher};
use super::opener::Opener;

/// The longest note of an erasure.
const LONGEST: u64 = 256 << 10;

/// A folder of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRing {
    folder: PathBuf,
}

impl KeyRing {
    /// The keys in a folder, which need not be there for who only reads.
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Where they are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// For who makes keys: the folder is there. It is only made where nobody has named it, for a
    /// folder that was named may be on a volume that is not mounted.
    pub fn prepare(&self, named: bool) -> Result<(), Fault> {
        if named && !self.folder.is_dir() {
            return Err(Fault::NoFolder(self.folder.clone()));
        }
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        made.map_err(Fault::file(&self.folder))
    }

    /// Reads lines with these keys.
    pub fn opener(&self) -> Opener {
        Opener::new(self.clone())
    }

    /// The keys that are there, and not destroyed.
    pub fn keys(&self) -> Result<BTreeSet<KeyId>, Fault> {
        let erased = self.ids("erased")?;
        Ok(self.ids("key")?.difference(&erased).copied().collect())
    }

    /// The keys that were destroyed.
    pub fn erased(&self) -> Result<BTreeSet<KeyId>, Fault> {
        self.ids("erased")
    }

    /// Destroys a key: what was sealed under it nobody reads any more. That this was done is
    /// written first, so that a crash leaves a key that counts as destroyed, and goes by the next
    /// call. What the disk itself keeps of a file that is gone, only its owner can say: for that
    /// the folder can be put on a volume of its own.
    pub fn destroy(&self, id: &KeyId, why: &str, now: Timestamp) -> Result<(), Fault> {
        let mark = self.path(id, "erased");
        if !mark.try_exists().map_err(Fault::file(&mark))? {
            let text = serde_json::json!({ "at": now.to_string(), "why": why });
            self.put(&mark, format!("{text}\n").as_bytes())?;
        }
        let path = self.path(id, "key");
        match OpenOptions::new().write(true).open(&path) {
            Ok(mut file) => {
                let wiped = file.write_all(&[0; KEY]).and_then(|()| file.sync_all());
                wiped.map_err(Fault::file(&path))?;
                fs::remove_file(&path).map_err(Fault::file(&path))?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Fault::file(&path)(error)),
        }
        self.sync()
    }

    /// Destroys what a crash left of keys that count as destroyed.
    pub fn finish(&self) -> Result<(), Fault> {
        let half: Vec<_> = self.ids("key")?.intersection(&self.erased()?).copied().collect();
        half.iter().try_for_each(|id| self.destroy(id, "", Timestamp::UNIX_EPOCH))
    }

    /// Lets nobody else erase until what this returns is dropped: two that ask at once would take each
    /// other's answers. [`Fault::Erasing`] where somebody does; nothing where no folder is, for then nobody
    /// has sealed anything.
    pub fn erasing(&self) -> Result<Option<File>, Fault> {
        let path = self.folder.join("erase.lock");
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(false).mode(0o600);
        let lock = match options.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            lock => lock.map_err(Fault::file(&path))?,
        };
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => Err(Fault::Erasing(self.folder.clone())),
            Err(TryLockError::Error(source)) => Err(Fault::File { path, source }),
        }
    }

    /// Asks who writes the journal to note an erasure; whoever may write here may destroy keys.
    pub fn ask(&self, note: &serde_json::Value) -> Result<(), Fault> {
        self.put(&self.request(), note.to_string().as_bytes())
    }

    /// What was asked, and is not in the journal yet.
    pub fn asked(&self) -> Option<Vec<u8>> {
        let mut file = File::open(self.request()).ok()?.take(LONGEST);
        let mut note = Vec::new();
        file.read_to_end(&mut note).ok()?;
        Some(note)
    }

    /// It is in the journal, or nobody waits for that any more.
    pub fn answered(&self) -> Result<(), Fault> {
        let path = self.request();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Fault::file(&path)(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// The last key that was made for some records of a month, if one is still there.
    pub(super) fn latest(&self, class: Class, month: Month) -> Result<Option<KeyId>, Fault> {
        let fits = |id: &KeyId| (id.class, id.month) == (class, month);
        let made = |id: &KeyId| {
            let path = self.path(id, "key");
            fs::metadata(path).and_then(|of| of.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
        };
        Ok(self.keys()?.into_iter().filter(fits).max_by_key(made))
    }

    /// Makes a key. When this returns it is on the disk, whatever happens then.
    pub(super) fn make(&self, class: Class, month: Month) -> Result<KeyId, Fault> {
        let none = |_| Fault::Cipher("no key could be made: no randomness to be had");
        let (mut number, mut octets) = ([0; 8], [0; KEY]);
        aws_lc_rs::rand::fill(&mut number).map_err(none)?;
        aws_lc_rs::rand::fill(&mut octets).map_err(none)?;
        let id = KeyId { class, month, number: u64::from_be_bytes(number) };
        self.put(&self.path(&id, "key"), &octets)?;
        Ok(id)
    }

    /// Reads a key that is to be written under, which nobody else may read.
    pub(super) fn read(&self, id: &KeyId) -> Result<LessSafeKey, Fault> {
        let path = self.path(id, "key");
        let wrong = |what| Fault::Key { path: path.clone(), what };
        let mode = fs::metadata(&path).map_err(Fault::file(&path))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(wrong("others may read this key; chmod 600 it and think about a new one"));
        }
        let octets = fs::read(&path).map_err(Fault::file(&path))?;
        cipher(&octets).map_err(|_| wrong("no key: it has not 32 octets"))
    }

    /// A key to read by, or why there is none.
    pub(super) fn find(&self, id: &KeyId) -> Result<LessSafeKey, Hidden> {
        if self.path(id, "erased").exists() {
            return Err(Hidden::Erased);
        }
        let octets = fs::read(self.path(id, "key")).map_err(|_| Hidden::NoKey)?;
        cipher(&octets).map_err(|_| Hidden::NoKey)
    }

    /// Whether a key is there still.
    pub(super) fn has(&self, id: &KeyId) -> bool {
        self.path(id, "key").exists() && !self.path(id, "erased").exists()
    }

    fn request(&self) -> PathBuf {
        self.folder.join("erase.request")
    }

    fn path(&self, id: &KeyId, end: &str) -> PathBuf {
        self.folder.join(format!("{id}.{end}"))
    }

    /// Nothing where there is no folder: nobody has sealed anything.
    fn ids(&self, end: &str) -> Result<BTreeSet<KeyId>, Fault> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
            entries => entries.map_err(Fault::file(&self.folder))?,
        };
        let mut found = BTreeSet::new();
        for entry in entries {
            let name = entry.map_err(Fault::file(&self.folder))?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(end)?.strip_suffix('.'));
            found.extend(id.and_then(|id| id.parse::<KeyId>().ok()));
        }
        Ok(found)
    }

    /// Written whole before it has its name, so that a crash leaves no half file.
    fn put(&self, path: &Path, octets: &[u8]) -> Result<(), Fault> {
        let part = path.with_extension("part");
        let write = || {
            let mut options = OpenOptions::new();
            let mut file =
                options.write(true).create(true).truncate(true).mode(0o600).open(&part)?;
            file.write_all(octets)?;
            file.sync_all()?;
            fs::rename(&part, path)
        };
        if let Err(error) = write() {
            // A full disk is tried once a second, each time under another name. Where it cannot be
            // removed either, it is empty.
            drop(fs::remove_file(&part));
            return Err(Fault::file(path)(error));
        }
        self.sync()
    }

    /// Waits until the names are on the disk.
    fn sync(&self) -> Result<(), Fault> {
        let synced = File::open(&self.folder).and_then(|folder| folder.sync_all());
        synced.map_err(Fault::file(&self.folder))
    }
}
