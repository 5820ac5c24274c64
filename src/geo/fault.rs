//! Why a database is refused. Each message names the file and, where there is one, the remedy.

use std::net::IpAddr;

use maxminddb::MaxMindDbError;
use thiserror::Error;

use super::value::ValueFault;
use super::{Country, Sha256};

/// A database that cannot be used.
#[derive(Debug, Error)]
#[error("{file}: {fault}")]
pub struct DatabaseError {
    /// The file, as the configuration names it.
    pub file: String,
    /// What is wrong with it.
    #[source]
    pub fault: Fault,
}

/// What is wrong with a database.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Fault {
    /// The build time in the metadata is not a time at which databases were built.
    #[error(
        "its build time {0} (seconds since 1970) is not between 2000 and 2100; fetch the file again"
    )]
    Build(u64),
    /// The pinned digest differs.
    #[error(
        "its sha256 is {found}, the configuration expects {expected}; fetch the file again, or change the digest if the new file is meant"
    )]
    Digest {
        /// The pinned digest.
        expected: Sha256,
        /// The digest of the file.
        found: Sha256,
    },
    /// Two databases have one name, so that evidence could not tell them apart.
    #[error("the name \"{0}\" is given to two databases; name them apart")]
    DuplicateName(String),
    /// Too few networks have a country to be a country database, too many to be none.
    #[error("only {known} of {networks} networks have a country; this is not a country database")]
    FewCountries {
        /// Networks with a country.
        known: u64,
        /// Networks with a record.
        networks: u64,
    },
    /// Country fields hold something other than codes.
    #[error(
        "{garbled} of {networks} networks have no readable country code (seen: {seen}); expected ISO 3166-1 alpha-2 codes"
    )]
    Garbled {
        /// Networks whose field cannot be read.
        garbled: u64,
        /// Networks with a record.
        networks: u64,
        /// An example.
        seen: String,
    },
    /// The metadata is larger than any real database's.
    #[error("its metadata is out of proportion: {0}")]
    Metadata(&'static str),
    /// The records answer no question that is asked of them.
    #[error(
        "it has no country and no ASN (type \"{database_type}\"; its records have: {seen}); use a country, city or ASN database"
    )]
    NoUse {
        /// The type that the metadata claims.
        database_type: String,
        /// What the records hold instead.
        seen: String,
    },
    /// The file is not an MMDB file, or its metadata is damaged.
    #[error("it is not a readable MMDB file: {0}; fetch it again")]
    Open(#[source] MaxMindDbError),
    /// A well-known address is placed in the wrong country.
    #[error(
        "it places {address} in {found} instead of {expected}: wrong edition or damaged file; fetch it again"
    )]
    Probe {
        /// The address asked.
        address: IpAddr,
        /// Where every sound database places it.
        expected: Country,
        /// What the file says.
        found: String,
    },
    /// A record cannot be decoded.
    #[error("its record for {address} is damaged: {source}; fetch the file again")]
    Record {
        /// The first address whose record it is.
        address: IpAddr,
        /// What is wrong with it.
        source: ValueFault,
    },
    /// More distinct answers than the look-up table can number.
    #[error("it brings more than {0} distinct answers; leave out its ASN or subdivision data")]
    TooManyAnswers(u32),
    /// More databases than one look-up combines.
    #[error("it is one database too many; at most {0} are combined")]
    TooManyDatabases(usize),
    /// The search tree is damaged.
    #[error("its search tree is damaged: {0}; fetch the file again")]
    Tree(#[from] TreeFault),
}

/// What is wrong with a search tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum TreeFault {
    /// A path is longer than an address.
    #[error("a path is longer than an address")]
    Deep,
    /// A record points outside the tree and the data.
    #[error("a record points outside the file (value {0})")]
    Outside(u32),
    /// A node is reached twice.
    #[error("it has a cycle or shares node {0}")]
    Shared(u32),
    /// The tree is shorter than its metadata says.
    #[error("node {0} is missing")]
    Truncated(u32),
}
