//! All meters in memory, and what reservations do to them. The table is asked for each id;
//! everything else is here, behind one lock.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Gauge;
use super::account::{Account, Sight};
use super::ask::{Counted, Draft, Meter};
use super::day::Day;
use super::entry::{self, Part};
use super::file::{Change, Left, Loaded, Row, Seen, damaged};

/// Nothing is pruned that was not too old already on each of so many different days of use: a
/// clock that is wrong for less than that loses no subject.
pub(super) const USE_DAYS: usize = 32;

/// Months that are kept beyond the window.
const SLACK: u16 = 1;

#[derive(Debug)]
pub(super) struct Book {
    pub(super) accounts: BTreeMap<u32, Account>,
    names: HashMap<Meter, u32>,
    /// Entries of the journal that may still be given back.
    open: BTreeMap<u64, Vec<Part>>,
    /// Entries that have left and wait for the table.
    pub(super) left: Vec<Left>,
    /// The ids in them, counted once for each entry.
    pub(super) left_ids: usize,
    use_days: Vec<Day>,
    most_use_days: usize,
    /// A day has begun since the table was last looked through.
    pub(super) prune_due: bool,
    next_meter: u32,
    next_entry: u64,
    /// Why nothing can be written any more.
    pub(super) stopped: Option<String>,
}

/// What the table and the journal say to one draft.
struct Weighed {
    zone: TimeZone,
    today: Day,
    sights: Vec<Sight>,
    counted: Vec<(usize, Counted)>,
}

impl Book {
    /// What the file says. Whatever is in the journal has left: nobody is there to give it back.
    pub(super) fn new(
        loaded: Loaded,
        seen: &Seen,
        most_use_days: usize,
    ) -> Result<Self, redb::Error> {
        let last = loaded.accounts.iter().map(|account| account.id).max();
        let last_entry = loaded.entries.iter().map(|(entry, _)| *entry).max();
        let names = loaded.accounts.iter().map(|one| (one.meter.clone(), one.id)).collect();
        let accounts = loaded.accounts.into_iter().map(|one| (one.id, one)).collect();
        let mut book = Self {
            accounts,
            names,
            open: BTreeMap::new(),
            left: Vec::new(),
            left_ids: 0,
            use_days: loaded.use_days,
            most_use_days,
            prune_due: true,
            next_meter: last.map_or(0, |last| last + 1),
            next_entry: last_entry.map_or(0, |last| last + 1),
            stopped: None,
        };
        for (entry, parts) in loaded.entries {
            for part in &parts {
                book.enter(part, seen)?;
            }
            book.open.insert(entry, parts);
            book.leave(entry);
        }
        Ok(book)
    }

    fn enter(&mut self, part: &Part, seen: &Seen) -> Result<(), redb::Error> {
        let account = self.accounts.get_mut(&part.meter).ok_or_else(|| {
            damaged(format!("an entry of meter {}, which has no name", part.meter))
        })?;
        account.add_amount(part.day, part.number);
        for id in &part.ids {
            let sight = account.sight(*id, seen.day(part.meter, *id)?);
            account.shift(sight.effective, sight.effective.max(Some(part.day)));
            account.opened(*id, part.day);
        }
        Ok(())
    }

    fn account(&self, meter: &Meter) -> Option<&Account> {
        self.names.get(meter).and_then(|id| self.accounts.get(id))
    }

    fn weigh(&self, draft: &Draft<'_>, at: Timestamp, seen: &Seen) -> Result<Weighed, redb::Error> {
        let account = self.account(draft.meter);
        let (_, first) = draft.windows.first().expect("a draft has at least one ask");
        let zone = account.map_or_else(|| first.zone(), |account| account.zone.clone());
        let nobody = Sight { settled: None, effective: None };
        let sights = draft.ids.iter().map(|id| match account {
            Some(account) => Ok(account.sight(*id, seen.day(account.id, *id)?)),
            None => Ok(nobody),
        });
        let sights = sights.collect::<Result<Vec<_>, redb::Error>>()?;
        let counted = draft.windows.iter().map(|(place, window)| {
            let since = window.since(at, &zone);
            let before = account.map_or(0, |account| account.total(since));
            let new = sights.iter().filter(|sight| sight.effective < Some(since)).count();
            let new = u64::try_from(new).unwrap_or(u64::MAX);
            let after = before.saturating_add(new).saturating_add(draft.number);
            (*place, Counted { before, after })
        });
        let counted = counted.collect();
        Ok(Weighed { today: Day::at(at, &zone), zone, sights, counted })
    }

    /// In the order of the asks.
    pub(super) fn count(
        &self,
        drafts: &[Draft<'_>],
        at: Timestamp,
        seen: &Seen,
    ) -> Result<Vec<Counted>, redb::Error> {
        let mut counted = Vec::new();
        for draft in drafts {
            counted.extend(self.weigh(draft, at, seen)?.counted);
        }
        Ok(in_order(counted))
    }

    /// Counts, and adds what is new. The change must be written before anybody relies on it;
    /// it appends an entry unless there was nothing to add.
    pub(super) fn reserve(
        &mut self,
        drafts: &[Draft<'_>],
        at: Timestamp,
        seen: &Seen,
    ) -> Result<(Change, Vec<Counted>), redb::Error> {
        let weighed = drafts.iter().map(|draft| self.weigh(draft, at, seen));
        let weighed = weighed.collect::<Result<Vec<_>, redb::Error>>()?;
        let (mut change, mut parts, mut counted) = (Change::default(), Vec::new(), Vec::new());
        change.use_days = self.note_day(Day::at(at, &TimeZone::UTC));
        for (draft, weighed) in drafts.iter().zip(weighed) {
            let (part, row) = self.add(draft, &weighed);
            parts.extend(part);
            change.rows.extend(row);
            counted.extend(weighed.counted);
        }
        if !parts.is_empty() {
            change.append = Some((self.next_entry, entry::encode(&parts)));
            self.open.insert(self.next_entry, parts);
            self.next_entry += 1;
        }
        Ok((change, in_order(counted)))
    }

    fn add(&mut self, draft: &Draft<'_>, weighed: &Weighed) -> (Option<Part>, Option<Row>) {
        let today = weighed.today;
        // Who has left today, or later by a clock since put back, is there whatever becomes of
        // this reservation, and needs no entry.
        let ids = draft.ids.iter().zip(&weighed.sights);
        let new: Vec<_> = ids.filter(|(_, sight)| sight.settled < Some(today)).collect();
        if new.is_empty() && draft.number == 0 {
            return (None, None);
        }
        let (account, row) = self.account_for(draft, &weighed.zone);
        for (id, sight) in &new {
            account.shift(sight.effective, sight.effective.max(Some(today)));
            account.opened(**id, today);
        }
        account.add_amount(today, draft.number);
        let ids = new.iter().map(|(id, _)| **id).collect();
        (Some(Part { meter: account.id, day: today, number: draft.number, ids }), row)
    }

    /// The account of a draft, and its row where that is new.
    fn account_for(&mut self, draft: &Draft<'_>, zone: &TimeZone) -> (&mut Account, Option<Row>) {
        let windows = draft.windows.iter();
        let reach = windows.map(|(_, window)| window.reach()).max().unwrap_or_default();
        let (_, window) = draft.windows.first().expect("a draft has at least one ask");
        let id = self.names.get(draft.meter).copied();
        let fresh = id.is_none();
        let id = id.unwrap_or_else(|| {
            self.next_meter += 1;
            self.names.insert(draft.meter.clone(), self.next_meter - 1);
            self.next_meter - 1
        });
        let account = self.accounts.entry(id).or_insert_with(|| {
            Account::new(id, draft.meter.clone(), zone.clone(), (*window).clone(), reach)
        });
        if !fresh && account.window == **window && reach <= account.months {
            return (account, None);
        }
        account.window = (*window).clone();
        account.months = account.months.max(reach);
        let row = row(account);
        (account, Some(row))
    }

    /// The days of use where this is one more.
    fn note_day(&mut self, today: Day) -> Option<Vec<Day>> {
        if self.use_days.contains(&today) {
            return None;
        }
        self.use_days.push(today);
        let surplus = self.use_days.len().saturating_sub(self.most_use_days);
        self.use_days.drain(..surplus);
        self.prune_due = true;
        Some(self.use_days.clone())
    }

    /// What this account may forget: all before this day, if anything.
    pub(super) fn aged(&self, account: &Account) -> Option<Day> {
        let full = self.use_days.len() >= self.most_use_days;
        let day = self.use_days.iter().min().filter(|_| full)?;
        Some(day.months_before(account.months.saturating_add(SLACK)))
    }

    /// The request left: the entry stays, and waits for the table.
    pub(super) fn leave(&mut self, entry: u64) {
        let Some(parts) = self.open.remove(&entry) else { return };
        for part in &parts {
            let Some(account) = self.accounts.get_mut(&part.meter) else { continue };
            for id in &part.ids {
                account.closed(*id, part.day);
                account.keep(*id, part.day);
            }
            self.left_ids += part.ids.len();
        }
        let amounts = parts.iter().map(|part| (part.meter, part.day, part.number)).collect();
        self.left.push(Left { entry, amounts });
    }

    /// The request did not leave: what only this entry added is gone.
    pub(super) fn give_back(
        &mut self,
        entry: u64,
        seen: &Seen,
    ) -> Result<Option<Change>, redb::Error> {
        let Some(parts) = self.open.get(&entry) else { return Ok(None) };
        // All of the table first: an error must not leave half of it done.
        let mut table = Vec::new();
        for part in parts {
            for id in &part.ids {
                table.push(seen.day(part.meter, *id)?);
            }
        }
        let mut table = table.into_iter();
        for part in self.open.remove(&entry).unwrap_or_default() {
            let Some(account) = self.accounts.get_mut(&part.meter) else { continue };
            for id in part.ids {
                let day = table.next().flatten();
                let before = account.sight(id, day).effective;
                account.closed(id, part.day);
                account.shift(before, account.sight(id, day).effective);
            }
            account.take_amount(part.day, part.number);
        }
        Ok(Some(Change { withdraw: Some(entry), ..Change::default() }))
    }

    /// Forgets subjects that the table has just lost, and amounts as old.
    pub(super) fn pruned(&mut self, meter: u32, aged: &[(u64, Day)], since: Option<Day>) {
        let Some(account) = self.accounts.get_mut(&meter) else { return };
        for (id, day) in aged {
            let before = account.sight(*id, Some(*day)).effective;
            account.shift(before, account.sight(*id, None).effective);
        }
        if let Some(since) = since {
            account.amounts = account.amounts.split_off(&since);
        }
    }

    /// Drops the account where nothing is left of it, not even in the journal.
    pub(super) fn drop_empty(&mut self, meter: u32) -> Option<Meter> {
        let named = |left: &Left| left.amounts.iter().any(|(other, _, _)| *other == meter);
        let opened = |parts: &Vec<Part>| parts.iter().any(|part| part.meter == meter);
        let account = self.accounts.get(&meter).filter(|account| account.is_empty())?;
        if self.left.iter().any(named) || self.open.values().any(opened) {
            return None;
        }
        let meter_name = account.meter.clone();
        self.accounts.remove(&meter);
        self.names.remove(&meter_name);
        Some(meter_name)
    }

    pub(super) fn gauges(&self, at: Timestamp) -> Vec<Gauge> {
        let gauges = self.accounts.values().map(|account| Gauge {
            meter: account.meter.clone(),
            window: account.window.clone(),
            count: account.total(account.window.since(at, &account.zone)),
            oldest: account.oldest(at).map(Day::date),
            today: Day::at(at, &account.zone).date(),
            seen: account.seen(at),
        });
        gauges.collect()
    }
}

fn row(account: &Account) -> Row {
    let named = "drafts refuse windows whose zone has no name";
    Row {
        meter: account.meter.clone(),
        id: account.id,
        window: account.window.to_text().expect(named),
        zone: account.zone.iana_name().expect(named).to_owned(),
        months: account.months,
    }
}

fn in_order(mut counted: Vec<(usize, Counted)>) -> Vec<Counted> {
    counted.sort_unstable_by_key(|(place, _)| *place);
    counted.into_iter().map(|(_, counted)| counted).collect()
}
