//! What is known of one meter without reading the table: how many subjects were last seen
//! on each day, and who is in the journal but not yet in the table.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::ask::Meter;
use super::day::{Day, Window};

/// The last day of one subject, twice. `None` is before every day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    /// By what has left.
    pub(super) settled: Option<Day>,
    /// By open reservations too: what counts.
    pub(super) effective: Option<Day>,
}

#[derive(Debug)]
pub(super) struct Account {
    pub(super) id: u32,
    pub(super) meter: Meter,
    /// The zone of all its days, for good: that of the first window.
    pub(super) zone: TimeZone,
    /// As last asked; what gauges show.
    pub(super) window: Window,
    /// The longest reach of all windows it was reserved with.
    pub(super) months: u16,
    /// How many subjects were last seen on the day, open reservations included.
    pub(super) days: BTreeMap<Day, u64>,
    /// Subjects without ids, open reservations included.
    pub(super) amounts: BTreeMap<Day, u128>,
    /// Left, but not yet in the table.
    pub(super) kept: HashMap<u64, Day>,
    /// In how many open reservations a subject is with this day.
    pub(super) open: BTreeMap<(u64, Day), u32>,
}

impl Account {
    pub(super) fn new(id: u32, meter: Meter, zone: TimeZone, window: Window, months: u16) -> Self {
        Self {
            id,
            meter,
            zone,
            window,
            months,
            days: BTreeMap::new(),
            amounts: BTreeMap::new(),
            kept: HashMap::new(),
            open: BTreeMap::new(),
        }
    }

    /// All that count since the day.
    pub(super) fn total(&self, since: Day) -> u64 {
        let subjects: u128 = self.days.range(since..).map(|(_, count)| u128::from(*count)).sum();
        let amounts = self.amounts.range(since..).map(|(_, amount)| *amount);
        let total = amounts.fold(subjects, u128::saturating_add);
        u64::try_from(total).unwrap_or(u64::MAX)
    }

    /// The earliest day within the window on which somebody was last seen.
    pub(super) fn oldest(&self, at: Timestamp) -> Option<Day> {
        let since = self.window.since(at, &self.zone);
        let subjects = self.days.range(since..).next().map(|(day, _)| *day);
        let amounts = self.amounts.range(since..).next().map(|(day, _)| *day);
        subjects.into_iter().chain(amounts).min()
    }

    /// How many within the window were last seen on each day.
    pub(super) fn seen(&self, at: Timestamp) -> Vec<(Date, u64)> {
        let since = self.window.since(at, &self.zone);
        let mut days: BTreeMap<Day, u128> = BTreeMap::new();
        for (day, count) in self.days.range(since..) {
            *days.entry(*day).or_default() += u128::from(*count);
        }
        for (day, amount) in self.amounts.range(since..) {
            let count = days.entry(*day).or_default();
            *count = count.saturating_add(*amount);
        }
        let counts = days.into_iter();
        counts.map(|(day, count)| (day.date(), u64::try_from(count).unwrap_or(u64::MAX))).collect()
    }

    /// Given what the table says.
    pub(super) fn sight(&self, id: u64, table: Option<Day>) -> Sight {
        let settled = table.max(self.kept.get(&id).copied());
        let mut open = self.open.range((id, Day::FIRST)..=(id, Day::LAST));
        let effective = settled.max(open.next_back().map(|((_, day), _)| *day));
        Sight { settled, effective }
    }

    /// One subject is now last seen on another day.
    pub(super) fn shift(&mut self, from: Option<Day>, to: Option<Day>) {
        if from == to {
            return;
        }
        if let Some(from) = from
            && let Some(count) = self.days.get_mut(&from)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.days.remove(&from);
            }
        }
        if let Some(to) = to {
            *self.days.entry(to).or_default() += 1;
        }
    }

    pub(super) fn add_amount(&mut self, day: Day, amount: u64) {
        if amount > 0 {
            *self.amounts.entry(day).or_default() += u128::from(amount);
        }
    }

    pub(super) fn take_amount(&mut self, day: Day, amount: u64) {
        if let Some(left) = self.amounts.get_mut(&day) {
            *left = left.saturating_sub(u128::from(amount));
            if *left == 0 {
                self.amounts.remove(&day);
            }
        }
    }

    pub(super) fn opened(&mut self, id: u64, day: Day) {
        *self.open.entry((id, day)).or_default() += 1;
    }

    pub(super) fn closed(&mut self, id: u64, day: Day) {
        if let Some(count) = self.open.get_mut(&(id, day)) {
            *count -= 1;
            if *count == 0 {
                self.open.remove(&(id, day));
            }
        }
    }

    /// Has left, and waits in the journal for the table.
    pub(super) fn keep(&mut self, id: u64, day: Day) {
        let kept = self.kept.entry(id).or_insert(day);
        *kept = day.max(*kept);
    }

    /// The table has it now.
    pub(super) fn folded(&mut self, id: u64, day: Day) {
        if self.kept.get(&id) == Some(&day) {
            self.kept.remove(&id);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.days.is_empty()
            && self.amounts.is_empty()
            && self.kept.is_empty()
            && self.open.is_empty()
    }
}
