//! One database, read whole and checked whole at load, so that the look-up cannot fail later.
//! The format has no checksum: of 3,000 damaged copies of a test file 62 opened, passed the
//! reader's own `verify` and answered wrongly. Hence the digest, our own walk, and the probes.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;
use maxminddb::{MaxMindDbError, Metadata, Reader};

use super::record::{Field, Record};
use super::steps::Steps;
use super::tree::{Leaf, Tree, Walk};
use super::value::{Data, Value};
use super::{Answer, Country, DatabaseError, DatabaseInfo, Fault, Sha256, Source, narrow, wide};

/// Addresses that every sound country database places alike, as data: the engine names no
/// country.
const PROBES: &str = include_str!("../../geoip/probes.txt");

/// Smaller databases are not asked the probes: they cover a part of the world, or are tests.
const PROBED_FROM: u64 = 100_000;

/// Build times from 2000-01-01 to 2100-01-01.
const BUILDS: std::ops::Range<i64> = 946_684_800..4_102_444_800;

/// A loaded database: who it is and what it answers by address.
#[derive(Debug)]
pub struct Database {
    pub(super) info: DatabaseInfo,
    /// The distinct answers; the steps number them, 0 being silence.
    pub(super) answers: Vec<Answer>,
    pub(super) v4: Steps<u32>,
    pub(super) v6: Steps<u128>,
}

/// How many networks have what.
#[derive(Default)]
struct Tally<'a> {
    networks: u64,
    known: u64,
    hidden: u64,
    asn: u64,
    subdivision: u64,
    garbled: u64,
    /// What the first records hold, for the message if none of it is asked for.
    kinds: BTreeSet<&'a str>,
    /// The first country field that could not be read.
    seen: Option<&'a str>,
}

// === impl Database ===

impl Database {
    /// Reads and checks a whole file.
    pub fn load(source: &Source, bytes: &[u8]) -> Result<Self, DatabaseError> {
        read(source, bytes).map_err(|fault| DatabaseError { file: source.file.clone(), fault })
    }

    /// Says who the database is.
    pub const fn info(&self) -> &DatabaseInfo {
        &self.info
    }

    /// Asks this database alone; an [`super::Atlas`] asks all at once and faster.
    pub fn answer(&self, address: IpAddr) -> Answer {
        let id = match address {
            IpAddr::V4(v4) => self.v4.get(v4.to_bits()),
            IpAddr::V6(v6) => self.v6.get(v6.to_bits()),
        };
        self.answers.get(wide(id)).copied().unwrap_or_default()
    }

    fn probe(&self) -> Result<(), Fault> {
        for (address, expected) in probes() {
            let answer = self.answer(address.into());
            if answer.country == Some(expected) || answer.hidden {
                continue;
            }
            let found = answer.country.map_or("no country", Country::code).to_owned();
            return Err(Fault::Probe { address: address.into(), expected, found });
        }
        Ok(())
    }
}

/// The probes, one in a line.
fn probes() -> impl Iterator<Item = (Ipv4Addr, Country)> {
    let lines = PROBES.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let (address, code) = line.split_once(' ').expect("a probe is an address and a country");
        let country = Country::parse(code.trim()).expect("the probes name countries");
        (address.parse().expect("the probes name addresses"), country)
    })
}

/// Loads, in order: digest, metadata, tree, records, meaning, probes.
fn read(source: &Source, bytes: &[u8]) -> Result<Database, Fault> {
    let sha256 = Sha256::of(bytes);
    if let Some(expected) = source.sha256.filter(|expected| *expected != sha256) {
        return Err(Fault::Digest { expected, found: sha256 });
    }
    let reader = Reader::from_source(bytes).map_err(Fault::Open)?;
    let metadata = reader.metadata();
    let build = check_metadata(metadata)?;
    let (tree, data) = cut(bytes, metadata)?;
    let walk = tree.walk()?;
    let (answers, ids, tally) = decode(data, &walk.leaves)?;
    tally.check(metadata)?;
    let id = |number: u32| ids.get(wide(number)).copied().unwrap_or(0);
    let info = DatabaseInfo {
        name: source.name.clone(),
        file: source.file.clone(),
        build,
        sha256,
        networks_v4: walk.networks_v4,
        networks_v6: walk.networks_v6,
        has_country: tally.known > 0,
        has_asn: tally.asn > 0,
        has_subdivision: tally.subdivision > 0,
        database_type: printable(&metadata.database_type),
    };
    let Walk { v4, v6, .. } = walk;
    let database = Database { info, answers, v4: v4.renumber(id), v6: v6.renumber(id) };
    if tally.known >= PROBED_FROM && !source.skip_probes {
        database.probe()?;
    }
    Ok(database)
}

/// Bounds what the metadata may hold, and reads the build time.
fn check_metadata(metadata: &Metadata) -> Result<Timestamp, Fault> {
    if metadata.database_type.len() > 256 {
        return Err(Fault::Metadata("a database type of more than 256 bytes"));
    }
    if metadata.languages.len() > 256 || metadata.description.len() > 256 {
        return Err(Fault::Metadata("more than 256 languages"));
    }
    let seconds = i64::try_from(metadata.build_epoch).ok().filter(|second| BUILDS.contains(second));
    let build = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    build.ok_or(Fault::Build(metadata.build_epoch))
}

/// Cuts the file into tree and data as the reader did.
fn cut<'a>(bytes: &'a [u8], metadata: &Metadata) -> Result<(Tree<'a>, Data<'a>), Fault> {
    const MARKER: &[u8] = b"\xAB\xCD\xEFMaxMind.com";
    let missing = || Fault::Open(MaxMindDbError::invalid_database("tree and data overlap"));
    let tree_len = wide(metadata.node_count).checked_mul(usize::from(metadata.record_size / 4));
    let data_end = bytes.windows(MARKER.len()).rposition(|window| window == MARKER);
    let (tree_len, data_end) = tree_len.zip(data_end).ok_or_else(missing)?;
    let data_start = tree_len.checked_add(16).ok_or_else(missing)?;
    let data = bytes.get(data_start..data_end).ok_or_else(missing)?;
    let tree = Tree {
        nodes: bytes.get(..tree_len).ok_or_else(missing)?,
        node_count: metadata.node_count,
        record_bits: metadata.record_size,
        v6: metadata.ip_version == 6,
        data_len: data.len(),
    };
    Ok((tree, Data::new(data)))
}

/// Decodes every distinct record once. Returns the distinct answers, the answer's number by the
/// walk's number (both 0 for silence), and the tally by network.
fn decode<'a>(
    mut data: Data<'a>,
    leaves: &[Leaf],
) -> Result<(Vec<Answer>, Vec<u32>, Tally<'a>), Fault> {
    let (mut answers, mut ids) = (vec![Answer::default()], vec![0]);
    let mut numbers = HashMap::from([(Answer::default(), 0)]);
    let mut tally = Tally::default();
    for leaf in leaves {
        let value = data.record(leaf.offset);
        let value = value.map_err(|source| Fault::Record { address: leaf.first, source })?;
        let record = Record::read(&value);
        tally.add(&record, leaf.networks, &value);
        let id = *numbers.entry(record.answer).or_insert_with(|| {
            answers.push(record.answer);
            narrow(answers.len() - 1)
        });
        ids.push(id);
    }
    Ok((answers, ids, tally))
}

/// Keeps a text from the file fit for a message: short, on one line.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

// === impl Tally ===

impl<'a> Tally<'a> {
    fn add(&mut self, record: &Record<'a>, networks: u32, value: &Value<'a>) {
        if self.kinds.len() < 8 {
            if let Value::Map(entries) = value {
                self.kinds.extend(entries.iter().map(|entry| entry.0));
            } else {
                self.kinds.insert(value.kind());
            }
        }
        let networks = u64::from(networks);
        let count = |yes: bool| if yes { networks } else { 0 };
        self.networks += networks;
        self.known += count(matches!(record.field, Field::Known(_)));
        self.hidden += count(record.answer.hidden);
        self.asn += count(record.answer.asn.is_some());
        self.subdivision += count(record.answer.subdivision.is_some());
        if let Field::Garbled(seen) = record.field {
            self.garbled += networks;
            self.seen = self.seen.or(Some(seen));
        }
    }

    /// Refuses a database of another kind. One network in a hundred may have an unreadable
    /// code; real country databases have none. Records *without* a country are healthy
    /// (anycast, satellite), as long as they are fewer than half.
    fn check(&self, metadata: &Metadata) -> Result<(), Fault> {
        let Self { networks, known, garbled, .. } = *self;
        if known == 0 && self.asn == 0 {
            let database_type = printable(&metadata.database_type);
            let kinds: Vec<_> = self.kinds.iter().take(12).map(|kind| printable(kind)).collect();
            return Err(Fault::NoUse { database_type, seen: kinds.join(", ") });
        }
        if garbled.saturating_mul(100) > networks {
            let seen = printable(self.seen.unwrap_or_default());
            return Err(Fault::Garbled { garbled, networks, seen });
        }
        if known > 0 && (known + self.hidden).saturating_mul(2) < networks {
            return Err(Fault::FewCountries { known, networks });
        }
        Ok(())
    }
}
