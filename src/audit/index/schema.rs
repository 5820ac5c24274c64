//! The tables. Texts are numbers, and each stands once: over five million records with a million
//! hosts the ten most frequent are found twelve times as fast as among texts.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::fault::Fault;

/// Told apart by `user_version`; an index of another is built anew.
pub(super) const VERSION: i32 = 3;

/// How long a statement waits for a lock of another process.
const BUSY: Duration = Duration::from_secs(5);

/// `host` and `who` have many texts (hosts; addresses and names of clients), `word` few (tags,
/// countries, rules ...). `label` has a row for each tag, country and rule of a request, by which
/// it is sought; `request.labels` has them once more, by which they are counted. `sums` are the
/// counts of an hour, and of a minute for outcomes alone. `pace` has the first entry of each
/// minute, by its own time or by that of its request, whichever is later: retention and `since`
/// begin there. Times need not grow with the entries: a clock is set back now and then.
const TABLES: &str = "
CREATE TABLE state (
    one INTEGER PRIMARY KEY CHECK (one = 0),
    first INTEGER NOT NULL, next INTEGER NOT NULL, chain BLOB NOT NULL, since INTEGER NOT NULL
);
CREATE TABLE host (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE who (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE pace (minute INTEGER PRIMARY KEY, seq INTEGER NOT NULL);
CREATE TABLE request (
    seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, id BLOB NOT NULL,
    host INTEGER, client INTEGER NOT NULL, port INTEGER NOT NULL, principal INTEGER,
    outcome INTEGER NOT NULL, mode INTEGER NOT NULL, status INTEGER,
    method INTEGER NOT NULL, scheme INTEGER NOT NULL, fault INTEGER, config INTEGER NOT NULL,
    bytes_out INTEGER NOT NULL, bytes_in INTEGER NOT NULL, labels BLOB NOT NULL
);
CREATE TABLE label (
    kind INTEGER NOT NULL, word INTEGER NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (kind, word, seq)
) WITHOUT ROWID;
CREATE TABLE sums (
    span INTEGER NOT NULL, kind INTEGER NOT NULL, begin INTEGER NOT NULL, word INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    requests INTEGER NOT NULL, bytes_out INTEGER NOT NULL, bytes_in INTEGER NOT NULL,
    PRIMARY KEY (span, kind, begin, word, outcome)
) WITHOUT ROWID;
CREATE INDEX request_id ON request (id);
CREATE INDEX request_time ON request (time);
CREATE INDEX request_outcome ON request (outcome, seq) WHERE outcome <> 0;
CREATE INDEX request_host ON request (host, seq, time, outcome, bytes_out, bytes_in);
CREATE INDEX request_client ON request (client, seq, time, outcome, bytes_out, bytes_in);
CREATE INDEX request_principal ON request (principal, seq, time, outcome, bytes_out, bytes_in)
    WHERE principal IS NOT NULL;
INSERT INTO state VALUES (0, 0, 0, x'', 0);
";

/// The database's file.
pub(super) fn file(folder: &Path) -> PathBuf {
    folder.join("requests.db")
}

/// Opens the file to write, and makes it where there is none.
pub(super) fn open(folder: &Path) -> Result<Connection, Fault> {
    let path = file(folder);
    for_owner(&path).map_err(Fault::file(&path))?;
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY)?;
    without_temporary_files(&connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // After a loss of power the last rows are read from the journal again.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // Random pages of the indexes by host and client; 16 MiB hold them for most.
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.pragma_update(None, "wal_autocheckpoint", 8_000)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    match version(&connection)? {
        VERSION => {}
        0 if is_empty(&connection)? => {
            connection.execute_batch(&format!(
                "BEGIN; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;"
            ))?;
        }
        _ => return Err(Fault::Foreign("its version")),
    }
    Ok(connection)
}

/// Makes an empty file for this user alone where there is none; those that SQLite makes beside it
/// get its mode. One that is there is not opened: to close it would end locks of this process.
fn for_owner(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Opens the file to read.
pub(super) fn open_read_only(folder: &Path) -> Result<Connection, Fault> {
    let path = file(folder);
    if !path.try_exists().map_err(Fault::file(&path))? {
        return Err(Fault::Absent(path));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "query_only", true)?;
    without_temporary_files(&connection)?;
    connection.pragma_update(None, "cache_size", -32_768)?;
    match version(&connection)? {
        VERSION => Ok(connection),
        _ => Err(Fault::Foreign("its version")),
    }
}

/// A container may have no folder for them.
fn without_temporary_files(connection: &Connection) -> Result<(), Fault> {
    Ok(connection.pragma_update(None, "temp_store", "MEMORY")?)
}

/// Removes the files, the database first: without it nobody looks at the others.
pub(super) fn remove(folder: &Path) -> Result<(), Fault> {
    for name in ["requests.db", "requests.db-wal", "requests.db-shm"] {
        let path = folder.join(name);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Fault::file(&path)(error)),
        }
    }
    Ok(())
}

/// Which file there is, if it is a database at all.
pub(super) fn identity(folder: &Path) -> Option<u64> {
    let mut file = File::open(file(folder)).ok()?;
    let mut begin = [0; 16];
    file.read_exact(&mut begin).ok()?;
    (begin == *b"SQLite format 3\0").then_some(file.metadata().ok()?.ino())
}

fn version(connection: &Connection) -> Result<i32, Fault> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

fn is_empty(connection: &Connection) -> Result<bool, Fault> {
    let count = "SELECT count(*) FROM sqlite_schema";
    Ok(connection.query_row(count, [], |row| row.get::<_, i64>(0))? == 0)
}
