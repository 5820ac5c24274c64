//! All databases and the operator's corrections in one table: one look-up asks them all.
//! An atlas never changes; a reload builds another beside it and swaps.

use std::collections::HashMap;
use std::net::IpAddr;
use std::thread;

use super::merge::merge;
use super::steps::{Address, Steps};
use super::table::{MAX_IDS, Table, TableV4, TableV6};
use super::{
    Answer, Database, DatabaseError, DatabaseInfo, Entry, EntryId, Fault, Overlay, Source, narrow,
    wide,
};

/// More databases are refused, so that votes fit a byte and one look-up stays explainable.
const MAX_DATABASES: usize = 16;

/// Where addresses are, by all databases and corrections.
#[derive(Debug)]
pub struct Atlas {
    databases: Vec<DatabaseInfo>,
    table: Table,
    /// First not public, then unknown, then those of the table, then those of hosts.
    entries: Vec<Entry>,
    overlay: Overlay,
    /// The entry of the first correction taken as a host's; the others follow.
    first_host: u32,
}

const NOT_PUBLIC: u32 = 0;
const UNKNOWN: u32 = 1;

// === impl Atlas ===

impl Atlas {
    /// Loads and merges databases, in threads of their own. If any is refused, all refusals are
    /// returned. Without a database every address is unknown.
    pub fn load(
        sources: Vec<(Source, Vec<u8>)>,
        overlay: Overlay,
    ) -> Result<Self, Vec<DatabaseError>> {
        refuse_early(&sources)?;
        let loaded = load_all(sources);
        let (mut databases, mut errors) = (Vec::new(), Vec::new());
        for one in loaded {
            one.map_or_else(|error| errors.push(error), |database| databases.push(database));
        }
        if errors.is_empty() { Self::merge(databases, overlay) } else { Err(errors) }
    }

    /// Merges loaded databases and corrections, the two families side by side.
    fn merge(databases: Vec<Database>, overlay: Overlay) -> Result<Self, Vec<DatabaseError>> {
        let (mut infos, mut palettes, mut v4, mut v6) = (vec![], vec![], vec![], vec![]);
        for database in databases {
            infos.push(database.info);
            palettes.push(database.answers);
            v4.push(database.v4);
            v6.push(database.v6);
        }
        if !overlay.is_empty() {
            v4.push(overlay.v4());
            v6.push(overlay.v6());
        }
        let (v4, v6) = thread::scope(|scope| {
            let v4 = scope.spawn(|| merge(v4, MAX_IDS));
            let v6 = merge(v6, MAX_IDS);
            (v4.join().expect("merging reports, never panics"), v6)
        });
        let too_many = |layer| vec![too_many_answers(&infos, layer)];
        let (v4, v6) = (v4.map_err(too_many)?, v6.map_err(too_many)?);
        let voters = infos.iter().filter(|info| info.has_country).count();
        let voters = u8::try_from(voters).expect("the number of databases is limited");
        let mut entries = Entries::new(&palettes, &overlay, voters);
        let (ids_v4, ids_v6) = (entries.number_all(v4.tuples), entries.number_all(v6.tuples));
        let first_host = narrow(entries.list.len());
        (1..=narrow(overlay.corrections().len()))
            .for_each(|correction| entries.push(&[], correction));
        let entries = entries.list;
        if entries.len() > wide(MAX_IDS) {
            return Err(too_many(infos.len()));
        }
        let table = thread::scope(|scope| {
            let v4 = scope.spawn(|| TableV4::new(&by_entry(v4.steps, &ids_v4)));
            let v6 = TableV6::new(&by_entry(v6.steps, &ids_v6));
            Some(Table { v4: v4.join().expect("building a table never panics"), v6: v6? })
        });
        let table = table.ok_or_else(|| too_many(infos.len()))?;
        Ok(Self { databases: infos, table, entries, overlay, first_host })
    }

    /// Says where an address is. It must be canonical: IPv4 carried in IPv6 has been taken out.
    #[inline]
    pub fn locate(&self, address: IpAddr) -> &Entry {
        self.entry(EntryId(self.table.get(address)))
    }

    /// Says where the operator places a host, if at all.
    pub fn locate_host(&self, host: &str) -> Option<&Entry> {
        let correction = self.overlay.host(host)?;
        Some(self.entry(EntryId(self.first_host + correction)))
    }

    /// Returns what holds for every address that is not public.
    pub fn not_public(&self) -> &Entry {
        self.entry(EntryId(NOT_PUBLIC))
    }

    /// Returns what holds for an address that nobody knows.
    pub fn unknown(&self) -> &Entry {
        self.entry(EntryId(UNKNOWN))
    }

    /// Returns an entry of this atlas by name; a name that is not its own is unknown.
    #[inline]
    pub fn entry(&self, id: EntryId) -> &Entry {
        let entry = self.entries.get(wide(id.0)).or_else(|| self.entries.get(wide(UNKNOWN)));
        entry.expect("every atlas has the entries not public and unknown")
    }

    /// Lists the databases, in the order of [`Entry::answers`].
    pub fn databases(&self) -> &[DatabaseInfo] {
        &self.databases
    }

    /// Whether the operator corrects nothing.
    pub fn has_no_corrections(&self) -> bool {
        self.overlay.is_empty()
    }

    /// Counts the distinct entries, for reports.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no database is loaded, so that only corrections answer.
    pub fn is_empty(&self) -> bool {
        self.databases.is_empty()
    }
}

/// Loads every database in a thread of its own; each file's bytes are freed once it is read.
#[expect(clippy::needless_collect, reason = "all threads start before the first is awaited")]
fn load_all(sources: Vec<(Source, Vec<u8>)>) -> Vec<Result<Database, DatabaseError>> {
    thread::scope(|scope| {
        let load = |(source, bytes): (Source, Vec<u8>)| Database::load(&source, &bytes);
        let threads: Vec<_> =
            sources.into_iter().map(|one| scope.spawn(move || load(one))).collect();
        let joined = threads.into_iter().map(thread::ScopedJoinHandle::join);
        joined.map(|one| one.expect("loading reports, never panics")).collect()
    })
}

/// Refuses what can be refused before reading a file.
fn refuse_early(sources: &[(Source, Vec<u8>)]) -> Result<(), Vec<DatabaseError>> {
    let mut errors = Vec::new();
    for (position, (source, _)) in sources.iter().enumerate() {
        let mut refuse = |fault| errors.push(DatabaseError { file: source.file.clone(), fault });
        if position >= MAX_DATABASES {
            refuse(Fault::TooManyDatabases(MAX_DATABASES));
        }
        if sources.iter().take(position).any(|(earlier, _)| earlier.name == source.name) {
            refuse(Fault::DuplicateName(source.name.clone()));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Blames the database that was merged last, or the corrections that come after all databases.
fn too_many_answers(infos: &[DatabaseInfo], layer: usize) -> DatabaseError {
    let file = infos.get(layer).map_or("corrections", |info| &info.file).to_owned();
    DatabaseError { file, fault: Fault::TooManyAnswers(MAX_IDS) }
}

/// Numbers steps by entry instead of by tuple.
fn by_entry<A: Address>(mut steps: Steps<A>, entries: &[u32]) -> Steps<A> {
    steps.relabel(|id| entries.get(wide(id)).copied().unwrap_or(UNKNOWN));
    steps
}

/// The distinct entries, met in both families.
struct Entries<'a> {
    palettes: &'a [Vec<Answer>],
    overlay: &'a Overlay,
    voters: u8,
    numbers: HashMap<Vec<u32>, u32>,
    list: Vec<Entry>,
}

// === impl Entries ===

impl<'a> Entries<'a> {
    fn new(palettes: &'a [Vec<Answer>], overlay: &'a Overlay, voters: u8) -> Self {
        let mut entries =
            Self { palettes, overlay, voters, numbers: HashMap::new(), list: Vec::new() };
        entries.list.push(Entry::not_public(NOT_PUBLIC, vec![Answer::default(); palettes.len()]));
        entries.push(&[], 0);
        let layers = palettes.len() + usize::from(!overlay.is_empty());
        entries.numbers.insert(vec![0; layers], UNKNOWN);
        entries
    }

    /// Appends an entry; answers that the tuple does not number are silent.
    fn push(&mut self, tuple: &[u32], correction: u32) {
        let ids = tuple.iter().copied().chain(std::iter::repeat(0));
        let answer =
            |(palette, id): (&Vec<Answer>, u32)| palette.get(wide(id)).copied().unwrap_or_default();
        let answers = self.palettes.iter().zip(ids).map(answer).collect();
        let correction =
            correction.checked_sub(1).and_then(|at| self.overlay.corrections().get(wide(at)));
        let id = narrow(self.list.len());
        self.list.push(Entry::new(id, answers, self.voters, correction.cloned()));
    }

    /// Numbers the entries of tuples: distinct tuples are distinct entries.
    fn number_all(&mut self, tuples: Vec<Vec<u32>>) -> Vec<u32> {
        tuples.into_iter().map(|tuple| self.number(tuple)).collect()
    }

    fn number(&mut self, tuple: Vec<u32>) -> u32 {
        if let Some(number) = self.numbers.get(&tuple) {
            return *number;
        }
        let number = narrow(self.list.len());
        self.push(&tuple, tuple.get(self.palettes.len()).copied().unwrap_or(0));
        self.numbers.insert(tuple, number);
        number
    }
}
