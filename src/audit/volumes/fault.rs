//! What can go wrong with the volumes: what happened, to which file, and what to do.

use std::io;
use std::path::PathBuf;

/// Why the volumes cannot be opened, counted or added to. Whoever meets one while a request
/// waits must not let it through: it would not be counted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VolumeError {
    /// The key is too short to keep ids secret.
    #[error("the key of volumes has {octets} octets; make a random one of at least {least}")]
    ShortKey {
        /// Its octets.
        octets: usize,
        /// How many it must have.
        least: usize,
    },
    /// The file cannot be made or read.
    #[error(
        "{path}: {source}; the volumes need a folder that exists and in which this user may write"
    )]
    File {
        /// The file of volumes.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Somebody else has the file open.
    #[error("{path}: another process has it open; end that one, or give each its own file")]
    InUse {
        /// The file of volumes.
        path: PathBuf,
    },
    /// The file's ids were keyed with another key: the same subjects would count again.
    #[error(
        "{path}: made with another key; give the key it was made with, or move the file away to \
         count from zero"
    )]
    OtherKey {
        /// The file of volumes.
        path: PathBuf,
    },
    /// The file is not as it was written.
    #[error(
        "{path}: damaged ({what}); restore it from a copy, or move it away to count from zero: \
         what it held is then missing from every volume"
    )]
    Damaged {
        /// The file of volumes.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The file is of a later version of this program.
    #[error(
        "{path}: of format {found:?}, which this version cannot read; use the one that made it"
    )]
    Format {
        /// The file of volumes.
        path: PathBuf,
        /// What it says it is.
        found: String,
    },
    /// The disk refused; nothing is reserved any more until the program starts anew, because
    /// what is in the file is not certain.
    #[error(
        "{path}: cannot be written ({what}); see to the disk (is it full?), then restart: until \
         then nothing is reserved"
    )]
    Stopped {
        /// The file of volumes.
        path: PathBuf,
        /// What the disk said.
        what: String,
    },
    /// The volumes were closed before the reservation was given back: it counts.
    #[error("the volumes are closed; the reservation counts as having left")]
    Closed,
    /// One ask names too many ids.
    #[error("{ids} ids asked of {meter}; {most} is the most, so divide the request")]
    TooManyIds {
        /// The meter's name.
        meter: String,
        /// How many were given.
        ids: usize,
        /// How many may be.
        most: usize,
    },
    /// A calendar year in a zone that has no name to keep.
    #[error("the zone of a calendar year has no IANA name; write one such as Europe/Paris")]
    UnnamedZone,
}
