//! What can be wrong with an authority, and why a certificate is not made.

use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use thiserror::Error;

/// Why an authority cannot be used, made or changed.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// A file could not be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others may read the key.
    #[error("{} may be used by others (mode {mode:04o}); run `chmod 600 {}` and think about a new key", .path.display(), .path.display())]
    OpenKey {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The environment lacks what a setting names.
    #[error("the environment variable `{0}` is not set; it should hold the authority's key in PEM")]
    Unset(String),
    /// systemd gave no credentials.
    #[error(
        "there is no credential `{0}`: `$CREDENTIALS_DIRECTORY` is not set; add `LoadCredential={0}:FILE` to the unit"
    )]
    NoCredentials(String),
    /// This is no name of a credential.
    #[error(
        "`{0}` is not the name of a credential; it names a file in `$CREDENTIALS_DIRECTORY`, without `/`"
    )]
    CredentialName(String),
    /// The key's text holds no key.
    #[error(
        "{from}: no private key of a kind that can sign certificates; expected PEM with an ECDSA, Ed25519 or RSA key, not encrypted"
    )]
    NoKey {
        /// Where it was looked for.
        from: String,
    },
    /// The certificate's file holds none.
    #[error("{}: no certificate in this file; expected PEM, the issuing authority first", .0.display())]
    NoCertificate(PathBuf),
    /// A certificate is not one that can be used.
    #[error("{}: {subject}: {detail}", .path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Whose certificate it is.
        subject: String,
        /// What is wrong, and what would be right.
        detail: String,
    },
    /// The list of authorities is not readable.
    #[error("{}: {detail}; it is written by `borderpost ca`, restore it from a copy", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// There is an authority already.
    #[error("there is an authority in {} already; `borderpost ca rotate` makes its successor", .0.display())]
    Exists(PathBuf),
    /// There is no authority yet.
    #[error("there is no authority in {}; `borderpost ca init` makes one", .0.display())]
    Absent(PathBuf),
    /// The last rotation is not over.
    #[error(
        "authority {number} waits to sign from {from} on; a rotation begins when the last one has ended"
    )]
    Rotating {
        /// The number of the successor.
        number: u32,
        /// When it begins to sign.
        from: Timestamp,
    },
    /// The authority cannot be made as asked.
    #[error("{0}")]
    Refused(String),
    /// A certificate could not be made.
    #[error(transparent)]
    Mint(#[from] MintError),
}

/// Why there is no certificate for a host.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MintError {
    /// The host cannot stand in a certificate.
    #[error("{0} is not a name that a certificate can carry")]
    Name(String),
    /// The authority's name constraints leave the host out.
    #[error("the authority may not sign for {0}: its name constraints leave that out")]
    Constrained(String),
    /// The authority's time is over.
    #[error("the authority that signs ended at {0}; `borderpost ca rotate` makes a successor")]
    Expired(Timestamp),
    /// No authority signs yet.
    #[error("no authority signs before {0}")]
    TooEarly(Timestamp),
    /// The system gave no randomness.
    #[error("no serial number could be made: the system gave no randomness")]
    NoRandomness,
    /// The key did not sign.
    #[error("the authority's key did not sign")]
    Unsigned,
    /// The thread that signs ended early.
    #[error("the program is stopping")]
    Stopping,
}
