//! The durable file: tables of redb, and what one transaction does to them. A reservation is
//! one entry of the journal, because a thousand ids in place would write a thousand pages.

use std::collections::BTreeMap;

use redb::{Database, Durability, ReadOnlyTable, ReadableDatabase, ReadableTable, TableDefinition};

use super::account::Account;
use super::ask::Meter;
use super::day::{Day, Window};
use super::entry::{self, Part};

pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// Name and holder to number, window, zone and reach in months.
const METERS: TableDefinition<'_, (&str, &str), (u32, &str, &str, u16)> =
    TableDefinition::new("meters");
/// Meter and id to the day last seen.
const SEEN: TableDefinition<'_, (u32, u64), u16> = TableDefinition::new("seen");
/// Meter and day to the subjects in `SEEN` last seen on it, and the amount without ids.
const DAYS: TableDefinition<'_, (u32, u16), (u64, u64)> = TableDefinition::new("days");
/// Reservations that are open, or have left and are not yet in `SEEN` and `DAYS`.
const JOURNAL: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("journal");

/// The days on which the store was last reserved from.
const USE_DAYS: &str = "use-days";

/// What cannot be true of a file that this program wrote.
pub(super) fn damaged(what: impl Into<String>) -> redb::Error {
    redb::Error::Corrupted(what.into())
}

/// One meter as the file names it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) meter: Meter,
    pub(super) id: u32,
    pub(super) window: String,
    pub(super) zone: String,
    pub(super) months: u16,
}

/// What one request does to the file.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// Meters that are new or asked otherwise than before.
    pub(super) rows: Vec<Row>,
    pub(super) use_days: Option<Vec<Day>>,
    /// A new entry of the journal, encoded.
    pub(super) append: Option<(u64, Vec<u8>)>,
    /// An entry that is given back.
    pub(super) withdraw: Option<u64>,
}

/// An entry all of whose ids have left.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) entry: u64,
    /// Every meter it names, with the number without ids.
    pub(super) amounts: Vec<(u32, Day, u64)>,
}

/// What one look through a part of the table removed.
#[derive(Debug)]
pub(super) struct Pruned {
    pub(super) aged: Vec<(u64, Day)>,
    /// Where to go on; `None` at the end of the meter.
    pub(super) next: Option<u64>,
}

/// All that a start reads: everything but the table of subjects.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) accounts: Vec<Account>,
    pub(super) use_days: Vec<Day>,
    pub(super) entries: Vec<(u64, Vec<Part>)>,
}

/// The table of subjects at one moment.
pub(super) struct Seen(ReadOnlyTable<(u32, u64), u16>);

impl Seen {
    pub(super) fn day(&self, meter: u32, id: u64) -> Result<Option<Day>, redb::Error> {
        Ok(self.0.get((meter, id))?.map(|day| Day(day.value())))
    }
}

#[derive(Debug)]
pub(super) struct File(Database);

impl File {
    pub(super) fn new(database: Database) -> Self {
        Self(database)
    }

    /// The tables of a new file.
    pub(super) fn lay_out(&self, meta: &[(&str, &[u8])]) -> Result<(), redb::Error> {
        let write = self.0.begin_write()?;
        {
            let mut table = write.open_table(META)?;
            for (name, value) in meta {
                table.insert(*name, *value)?;
            }
            write.open_table(METERS)?;
            write.open_table(SEEN)?;
            write.open_table(DAYS)?;
            write.open_table(JOURNAL)?;
        }
        Ok(write.commit()?)
    }

    pub(super) fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, redb::Error> {
        let table = self.0.begin_read()?.open_table(META)?;
        Ok(table.get(name)?.map(|value| value.value().to_vec()))
    }

    pub(super) fn seen(&self) -> Result<Seen, redb::Error> {
        Ok(Seen(self.0.begin_read()?.open_table(SEEN)?))
    }

    pub(super) fn load(&self) -> Result<Loaded, redb::Error> {
        let read = self.0.begin_read()?;
        let mut accounts = BTreeMap::new();
        for row in read.open_table(METERS)?.iter()? {
            let (key, value) = row?;
            let ((name, holder), (id, window, zone, months)) = (key.value(), value.value());
            let window = Window::parse(window)
                .ok_or_else(|| damaged(format!("meter {name} has the window {window:?}")))?;
            let zone = jiff::tz::TimeZone::get(zone)
                .map_err(|_| damaged(format!("meter {name} has the zone {zone:?}")))?;
            let meter = Meter { name: name.to_owned(), holder: holder.to_owned() };
            accounts.insert(id, Account::new(id, meter, zone, window, months));
        }
        for row in read.open_table(DAYS)?.iter()? {
            let (key, value) = row?;
            let ((meter, day), (subjects, amount)) = (key.value(), value.value());
            let account = accounts
                .get_mut(&meter)
                .ok_or_else(|| damaged(format!("days of meter {meter}, which has no name")))?;
            if subjects > 0 {
                account.days.insert(Day(day), subjects);
            }
            account.add_amount(Day(day), amount);
        }
        let mut entries = Vec::new();
        for row in read.open_table(JOURNAL)?.iter()? {
            let (key, value) = row?;
            let parts = entry::decode(value.value())
                .ok_or_else(|| damaged(format!("entry {} of the journal", key.value())))?;
            entries.push((key.value(), parts));
        }
        let use_days = self.meta(USE_DAYS)?.unwrap_or_default();
        let (days, _) = use_days.as_chunks();
        let use_days = days.iter().map(|day| Day(u16::from_be_bytes(*day))).collect();
        Ok(Loaded { accounts: accounts.into_values().collect(), use_days, entries })
    }

    /// All the changes or none; on the disk when it returns, where durable.
    pub(super) fn apply(&self, changes: &[&Change], durable: bool) -> Result<(), redb::Error> {
        let mut write = self.0.begin_write()?;
        write.set_durability(durability(durable))?;
        {
            let mut journal = write.open_table(JOURNAL)?;
            for change in changes {
                if let Some((entry, octets)) = &change.append {
                    journal.insert(entry, octets.as_slice())?;
                }
                if let Some(entry) = &change.withdraw {
                    journal.remove(entry)?;
                }
                for row in &change.rows {
                    let key = (row.meter.name.as_str(), row.meter.holder.as_str());
                    let value = (row.id, row.window.as_str(), row.zone.as_str(), row.months);
                    write.open_table(METERS)?.insert(key, value)?;
                }
                if let Some(days) = &change.use_days {
                    let days: Vec<u8> = days.iter().flat_map(|day| day.0.to_be_bytes()).collect();
                    write.open_table(META)?.insert(USE_DAYS, days.as_slice())?;
                }
            }
        }
        Ok(write.commit()?)
    }

    /// Moves subjects into the table; each keeps its later day, so that it does no harm to do
    /// it twice. Durable, though the journal still has them: pages that only wait to be written
    /// would make the next reservation wait, by 12 ms of 15.
    pub(super) fn fold(&self, subjects: &[(u32, u64, Day)]) -> Result<(), redb::Error> {
        let mut moved: BTreeMap<(u32, Day), (u64, u64)> = BTreeMap::new();
        let write = self.0.begin_write()?;
        {
            let mut seen = write.open_table(SEEN)?;
            for (meter, id, day) in subjects {
                // One way down the tree for most; few were seen on a later day.
                let old = seen.insert((*meter, *id), day.0)?.map(|old| Day(old.value()));
                if let Some(old) = old.filter(|old| old >= day) {
                    seen.insert((*meter, *id), old.0)?;
                    continue;
                }
                moved.entry((*meter, *day)).or_default().0 += 1;
                if let Some(old) = old {
                    moved.entry((*meter, old)).or_default().1 += 1;
                }
            }
            let mut days = write.open_table(DAYS)?;
            for ((meter, day), (more, fewer)) in moved {
                let old = days.get((meter, day.0))?.map(|old| old.value());
                let (subjects, amount) = old.unwrap_or_default();
                let subjects = subjects.saturating_add(more).saturating_sub(fewer);
                put_day(&mut days, (meter, day.0), (subjects, amount))?;
            }
        }
        Ok(write.commit()?)
    }

    /// Takes entries out of the journal whose ids are in the table, and adds their amounts.
    pub(super) fn strike(&self, entries: &[Left]) -> Result<(), redb::Error> {
        let write = self.0.begin_write()?;
        {
            let mut journal = write.open_table(JOURNAL)?;
            let mut days = write.open_table(DAYS)?;
            for left in entries {
                journal.remove(left.entry)?;
                for (meter, day, more) in left.amounts.iter().filter(|(_, _, more)| *more > 0) {
                    let old = days.get((*meter, day.0))?.map(|old| old.value());
                    let (subjects, amount) = old.unwrap_or_default();
                    days.insert((*meter, day.0), (subjects, amount.saturating_add(*more)))?;
                }
            }
        }
        Ok(write.commit()?)
    }

    /// Looks at so many subjects of a meter from `first` on and removes those last seen before
    /// `since`.
    pub(super) fn prune(
        &self,
        meter: u32,
        first: u64,
        since: Day,
        most: usize,
    ) -> Result<Pruned, redb::Error> {
        let (mut aged, mut looked, mut last) = (Vec::new(), 0, None);
        let table = self.0.begin_read()?.open_table(SEEN)?;
        for row in table.range((meter, first)..=(meter, u64::MAX))?.take(most) {
            let (key, day) = row?;
            let (id, day) = (key.value().1, Day(day.value()));
            (looked, last) = (looked + 1, Some(id));
            if day < since {
                aged.push((id, day));
            }
        }
        drop(table);
        if !aged.is_empty() {
            self.remove(meter, &aged)?;
        }
        let more = looked == most;
        let next = last.filter(|_| more).and_then(|id: u64| id.checked_add(1));
        Ok(Pruned { aged, next })
    }

    fn remove(&self, meter: u32, aged: &[(u64, Day)]) -> Result<(), redb::Error> {
        let mut write = self.0.begin_write()?;
        write.set_durability(Durability::None)?;
        {
            let mut seen = write.open_table(SEEN)?;
            let mut days = write.open_table(DAYS)?;
            for (id, day) in aged {
                seen.remove((meter, *id))?;
                let old = days.get((meter, day.0))?.map(|old| old.value());
                let (subjects, amount) = old.unwrap_or_default();
                put_day(&mut days, (meter, day.0), (subjects.saturating_sub(1), amount))?;
            }
        }
        Ok(write.commit()?)
    }

    /// Removes the amounts before a day. No subject of the table is that old any more.
    pub(super) fn forget_days(&self, meter: u32, since: Day) -> Result<(), redb::Error> {
        let mut write = self.0.begin_write()?;
        write.set_durability(Durability::None)?;
        write.open_table(DAYS)?.retain_in((meter, 0)..(meter, since.0), |_, _| false)?;
        Ok(write.commit()?)
    }

    /// Removes the name of a meter of which nothing is left.
    pub(super) fn forget_meter(&self, meter: &Meter) -> Result<(), redb::Error> {
        let mut write = self.0.begin_write()?;
        write.set_durability(Durability::None)?;
        write.open_table(METERS)?.remove((meter.name.as_str(), meter.holder.as_str()))?;
        Ok(write.commit()?)
    }
}

fn put_day(
    days: &mut redb::Table<'_, (u32, u16), (u64, u64)>,
    key: (u32, u16),
    value: (u64, u64),
) -> Result<(), redb::Error> {
    if value == (0, 0) {
        days.remove(key)?;
    } else {
        days.insert(key, value)?;
    }
    Ok(())
}

fn durability(durable: bool) -> Durability {
    if durable { Durability::Immediate } else { Durability::None }
}
