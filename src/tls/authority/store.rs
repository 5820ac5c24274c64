//! Authorities that borderpost made itself, in one folder: `0001.pem` and `0001.key` for each,
//! and `ca.toml`, which says from when each one signs and until when it is published.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::net::Host;

use super::draft::MOST_COMMON_NAME;
use super::fault::AuthorityError;
use super::issuer::{Chain, make_root};
use super::key::{KeySource, pem};
use super::read::Validity;
use super::{DAY, HOUR, MOST_LEAF_DAYS};

const BOOK: &str = "ca.toml";

const HEAD: &str = "# The authorities of this borderpost, oldest first; written by `borderpost ca`.\n\
    # Of those whose `from` has come the last one signs. `until` is when one is no longer\n\
    # published, because all that it signed has ended.\n\n";

/// The mark that is put behind a name, and a space before it.
const MARK: usize = 9;

/// What shall be made.
#[derive(Clone, Debug)]
pub struct NewAuthority {
    /// How people will know it; eight digits of its key are put behind it.
    pub name: String,
    /// For how long.
    pub days: u32,
    /// If there are any: the only names, with what is below them, that it can sign for.
    pub permit_dns: Vec<String>,
}

/// `ca.toml`
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Book {
    authority: Vec<Entry>,
}

/// One authority in it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) number: u32,
    name: String,
    days: u32,
    #[serde(default)]
    permit_dns: Vec<String>,
    pub(super) from: Timestamp,
    pub(super) until: Option<Timestamp>,
}

impl Entry {
    pub(super) fn certificate(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{:04}.pem", self.number))
    }

    pub(super) fn key(&self, folder: &Path) -> KeySource {
        KeySource::File(self.key_file(folder))
    }

    fn key_file(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{:04}.key", self.number))
    }
}

/// Reads the list; never an empty one.
pub(super) fn read(folder: &Path) -> Result<Vec<Entry>, AuthorityError> {
    let path = folder.join(BOOK);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(AuthorityError::Absent(folder.to_owned()));
        }
        Err(source) => return Err(AuthorityError::File { path, source }),
    };
    let damaged = |detail: String| AuthorityError::Damaged { path: path.clone(), detail };
    let book: Book = toml::from_str(&text).map_err(|error| damaged(error.message().to_owned()))?;
    if book.authority.is_empty() {
        return Err(damaged("it lists no authority".to_owned()));
    }
    Ok(book.authority)
}

/// Makes the first authority. The folder appears whole or not at all.
pub fn init(folder: &Path, wanted: &NewAuthority, now: Timestamp) -> Result<(), AuthorityError> {
    if folder.join(BOOK).exists() {
        return Err(AuthorityError::Exists(folder.to_owned()));
    }
    let (wanted, now) = (checked(wanted)?, whole_second(now));
    let part = folder.with_extension(format!("{}.part", std::process::id()));
    let file = |path: &Path, source| AuthorityError::File { path: path.to_owned(), source };
    if let Some(above) = folder.parent() {
        fs::create_dir_all(above).map_err(|source| file(above, source))?;
    }
    make_folder(&part).map_err(|source| file(&part, source))?;
    let made = make(&part, 1, &wanted, now, now).and_then(|entry| {
        write_book(&part, vec![entry])?;
        fs::rename(&part, folder).map_err(|source| {
            if matches!(
                source.kind(),
                io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists
            ) {
                AuthorityError::Exists(folder.to_owned())
            } else {
                file(folder, source)
            }
        })
    });
    if made.is_err() {
        // What failed has been told; what is left of it would only be in the way.
        drop(fs::remove_dir_all(&part));
    }
    made
}

/// Makes a successor with the same name, days and names, which signs from `overlap` on. The
/// old one stays published until all that it signed has ended.
pub fn rotate(
    folder: &Path,
    overlap: SignedDuration,
    now: Timestamp,
) -> Result<(), AuthorityError> {
    let _lock = lock(folder)?;
    let now = whole_second(now);
    let mut entries = read(folder)?;
    let last = entries.last_mut().expect("a list that is read has an entry");
    if last.from > now {
        return Err(AuthorityError::Rotating { number: last.number, from: last.from });
    }
    let wanted = NewAuthority {
        name: last.name.clone(),
        days: last.days,
        permit_dns: last.permit_dns.clone(),
    };
    let from = now.saturating_add(overlap).unwrap_or(now);
    let end = Chain::read(&last.certificate(folder))?.valid().until;
    if !overlap.is_zero() && end < from {
        let detail = format!(
            "authority {} ends at {end}, before the successor would sign; take a shorter overlap",
            last.number
        );
        return Err(AuthorityError::Refused(detail));
    }
    last.until = Some(from.saturating_add(DAY * MOST_LEAF_DAYS).unwrap_or(from));
    let next = make(folder, last.number + 1, &checked(&wanted)?, from, now)?;
    entries.push(next);
    write_book(folder, entries)
}

/// As certificates count time, and people read it.
fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// The same, if it can be made.
fn checked(wanted: &NewAuthority) -> Result<NewAuthority, AuthorityError> {
    let NewAuthority { name, days, permit_dns } = wanted;
    let most = MOST_COMMON_NAME - MARK;
    if name.trim().is_empty() || name.chars().count() > most || name.chars().any(char::is_control) {
        let detail = format!("the name of an authority has 1 to {most} characters");
        return Err(AuthorityError::Refused(detail));
    }
    let canonical = |name: &String| match Host::parse(name) {
        Ok(Host::Name(name)) if !name.contains('*') => Ok(name.to_string()),
        Ok(_) | Err(_) => Err(AuthorityError::Refused(format!(
            "`{name}` is not a DNS name such as example.com (which stands for all below it, too)"
        ))),
    };
    let permit_dns = permit_dns.iter().map(canonical).collect::<Result<_, _>>()?;
    Ok(NewAuthority { name: name.trim().to_owned(), days: *days, permit_dns })
}

/// Makes a root and writes its files; it is no part of the folder before the list names it.
fn make(
    folder: &Path,
    number: u32,
    wanted: &NewAuthority,
    from: Timestamp,
    now: Timestamp,
) -> Result<Entry, AuthorityError> {
    let begin = now.saturating_sub(HOUR).unwrap_or(now);
    let length = DAY * i32::try_from(wanted.days).unwrap_or(i32::MAX);
    let valid = Validity { from: begin, until: now.saturating_add(length).unwrap_or(begin) };
    let (certificate, key) = make_root(&wanted.name, valid, &wanted.permit_dns)?;
    let NewAuthority { name, days, permit_dns } = wanted.clone();
    let entry = Entry { number, name, days, permit_dns, from, until: None };
    write(&entry.key_file(folder), &pem("PRIVATE KEY", &key), 0o600)?;
    write(&entry.certificate(folder), &pem("CERTIFICATE", &certificate), 0o644)?;
    Ok(entry)
}

fn write_book(folder: &Path, authority: Vec<Entry>) -> Result<(), AuthorityError> {
    let text = toml::to_string(&Book { authority }).expect("the list has only plain values");
    write(&folder.join(BOOK), &format!("{HEAD}{text}"), 0o644)
}

/// Written whole before it has its name, so that a crash leaves the old or the new.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), AuthorityError> {
    let part = path.with_extension("part");
    let written = (|| {
        // One that a crash left may have another mode.
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
        let mut file = options.open(&part)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&part, path)?;
        File::open(path.parent().unwrap_or_else(|| Path::new(".")))?.sync_all()
    })();
    written.map_err(|source| AuthorityError::File { path: path.to_owned(), source })
}

fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Two rotations at one time would make one successor of two halves.
fn lock(folder: &Path) -> Result<File, AuthorityError> {
    let path = folder.join(BOOK);
    let file = File::open(&path).map_err(|source| {
        if source.kind() == io::ErrorKind::NotFound {
            AuthorityError::Absent(folder.to_owned())
        } else {
            AuthorityError::File { path: path.clone(), source }
        }
    })?;
    // The folder, since the list is replaced and its lock with it.
    let folder = File::open(folder).unwrap_or(file);
    folder.lock().map_err(|source| AuthorityError::File { path, source })?;
    Ok(folder)
}
