//! The file `holds.redb`: one row of JSON for every matter, written in transactions.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use redb::{Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::candidate::Candidate;
use super::docket::Docket;
use super::fault::DeskError;
use super::hold::Hold;
use super::shelf::{Filed, Shelf};

type Rows = TableDefinition<'static, u128, &'static [u8]>;

const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const HOLDS: Rows = TableDefinition::new("holds");
const CANDIDATES: Rows = TableDefinition::new("candidates");

/// Of what the tables hold; another one cannot be read.
const FORMAT: &[u8] = b"borderpost holds 1";

/// Octets of the file kept in memory; all rows are read once, at the start.
const CACHE: usize = 1 << 20;

/// The open file.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
    /// Absent after a write failed: what redb then knows of the file is not certain.
    database: Option<Database>,
}

impl Store {
    /// Opens the file, or makes it where there is none.
    pub(super) fn open(path: &Path) -> Result<Self, DeskError> {
        let failed = |source| DeskError::File { path: path.to_owned(), source };
        match fs::metadata(path) {
            Ok(meta) if meta.len() == 0 => {
                return Err(DeskError::Damaged { path: path.to_owned(), what: "empty".to_owned() });
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => make(path)?,
            Err(error) => return Err(failed(error)),
        }
        let database = builder().open(path).map_err(|error| unopened(path, error))?;
        let format = format(&database).map_err(|error| unreadable(path, &error))?;
        if format != FORMAT {
            let found = String::from_utf8_lossy(&format).into_owned();
            return Err(DeskError::Format { path: path.to_owned(), found });
        }
        Ok(Self { path: path.to_owned(), database: Some(database) })
    }

    /// Lets go of the file, as a failed write does.
    #[cfg(test)]
    pub(super) fn close(&mut self) {
        self.database = None;
    }

    /// Everything that is in the file.
    pub(super) fn load(&self) -> Result<(Vec<Hold>, Vec<Candidate>), DeskError> {
        let Some(database) = &self.database else { return Ok((Vec::new(), Vec::new())) };
        let read = || Ok((rows(database, HOLDS)?, rows(database, CANDIDATES)?));
        read().map_err(|error| unreadable(&self.path, &error))
    }

    /// Writes what has changed; it is on the disk when this returns.
    pub(super) fn commit(&mut self, docket: &Docket) -> Result<(), redb::Error> {
        let result = self.try_commit(docket);
        if result.is_err() {
            self.database = None;
        }
        result
    }

    fn try_commit(&mut self, docket: &Docket) -> Result<(), redb::Error> {
        let database = match self.database.take() {
            Some(database) => database,
            None => builder().open(&self.path)?,
        };
        let database = self.database.insert(database);
        let write = database.begin_write()?;
        put(&write, HOLDS, &docket.holds)?;
        put(&write, CANDIDATES, &docket.candidates)?;
        Ok(write.commit()?)
    }
}

fn put<T: Filed + Serialize>(
    write: &redb::WriteTransaction,
    rows: Rows,
    shelf: &Shelf<T>,
) -> Result<(), redb::Error> {
    let mut table = write.open_table(rows)?;
    for (id, item) in shelf.changes() {
        match item {
            Some(item) => {
                let text = serde_json::to_vec(item).expect("a matter has only string keys");
                table.insert(id.as_u128(), text.as_slice())?;
            }
            None => drop(table.remove(id.as_u128())?),
        }
    }
    Ok(())
}

/// The candidates of a file that no program has open, which stays as it is.
pub fn read_candidates(path: &Path) -> Result<Vec<Candidate>, DeskError> {
    let database = Builder::new().set_cache_size(CACHE).open_read_only(path);
    let database = database.map_err(|error| {
        if matches!(error, DatabaseError::RepairAborted) {
            return DeskError::Unsettled { path: path.to_owned() };
        }
        unopened(path, error)
    })?;
    rows(&database, CANDIDATES).map_err(|error| unreadable(path, &error))
}

fn rows<T: DeserializeOwned>(
    database: &impl ReadableDatabase,
    rows: Rows,
) -> Result<Vec<T>, redb::Error> {
    let table = database.begin_read()?.open_table(rows)?;
    let mut found = Vec::new();
    for row in table.iter()? {
        let (id, text) = row?;
        let item = serde_json::from_slice(text.value()).map_err(|error| {
            redb::Error::Corrupted(format!("row {}: {error}", Uuid::from_u128(id.value())))
        })?;
        found.push(item);
    }
    Ok(found)
}

fn format(database: &Database) -> Result<Vec<u8>, redb::Error> {
    let table = database.begin_read()?.open_table(META)?;
    Ok(table.get("format")?.map(|value| value.value().to_vec()).unwrap_or_default())
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
    builder
}

/// Under another name first, so that a file that is empty or cut is known to be damaged.
fn make(path: &Path) -> Result<(), DeskError> {
    let failed = |source| DeskError::File { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let new = beside(path);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    // Who asks for what is nobody else's business.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&new).map_err(failed)?;
    let database = builder().create(&new).map_err(|error| unopened(&new, error))?;
    lay_out(&database).map_err(|error| unreadable(&new, &error))?;
    drop(database);
    fs::rename(&new, path).map_err(failed)?;
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

fn lay_out(database: &Database) -> Result<(), redb::Error> {
    let write = database.begin_write()?;
    write.open_table(META)?.insert("format", FORMAT)?;
    write.open_table(HOLDS)?;
    write.open_table(CANDIDATES)?;
    Ok(write.commit()?)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{}.new", std::process::id()));
    PathBuf::from(name)
}

fn unopened(path: &Path, error: DatabaseError) -> DeskError {
    if matches!(error, DatabaseError::DatabaseAlreadyOpen) {
        return DeskError::InUse { path: path.to_owned() };
    }
    unreadable(path, &error.into())
}

fn unreadable(path: &Path, error: &redb::Error) -> DeskError {
    let path = path.to_owned();
    // A file that ends too soon, or does not begin as it should.
    let damage = |kind| matches!(kind, io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof);
    if let redb::Error::Io(source) = error
        && !damage(source.kind())
    {
        let source = io::Error::new(source.kind(), source.to_string());
        return DeskError::File { path, source };
    }
    DeskError::Damaged { path, what: error.to_string() }
}
