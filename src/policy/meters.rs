//! What must be counted for a request: which meters, for whom, and how much.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::class::Unit;
use super::decide::Policy;
use super::facts::Facts;
use super::slice::Slice;
use super::view::{Recognised, View};
use super::volume::{Counted, Counter, Keyed, Meter};

/// A question to whoever keeps the counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metered<'a> {
    /// Which number.
    pub meter: Meter,
    /// Its name: pack, counter and class.
    pub name: String,
    /// Whom it is counted for: exporter, recipient, or both.
    pub holder: String,
    /// What this request adds at least.
    pub amount: Amount<'a>,
    /// Whether it may add more: some slice does not say how much it carries.
    pub open: bool,
    /// The slices that it counts.
    pub slices: Vec<u8>,
}

/// How much a request adds to a meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amount<'a> {
    /// People or devices by keyed id: who was counted before adds nothing.
    Ids(Vec<&'a str>),
    /// So many of whom no more is known: none of them was counted before.
    Number(u64),
}

impl Metered<'_> {
    /// The count where so many were counted before, and none of these.
    pub fn after(&self, before: u64) -> Counted {
        let added = match &self.amount {
            Amount::Ids(ids) => u64::try_from(ids.len()).unwrap_or(u64::MAX),
            Amount::Number(number) => *number,
        };
        Counted { before, after: before.saturating_add(added), open: self.open }
    }
}

impl Policy {
    /// The meters that a request touches, in a stable order.
    pub fn meters<'a>(&'a self, facts: &'a Facts<'a>) -> Vec<Metered<'a>> {
        let circumstances = &facts.circumstances;
        let bound = |counter: &Counter| {
            self.packs().get(counter.pack).is_some_and(|pack| {
                pack.binds.holds(circumstances.exporter).0 && pack.validity.holds(circumstances.at)
            })
        };
        let counters = self.counters().iter().enumerate();
        let counters = counters.filter(|(_, one)| bound(one) && one.is_about(facts));
        counters
            .flat_map(|(at, counter)| {
                let classes = counter.classes.iter();
                classes.filter_map(move |class| {
                    self.metered(facts, counter, Meter { counter: at, class })
                })
            })
            .collect()
    }

    /// The names of all that is counted: pack, counter and class.
    pub fn meter_names(&self) -> BTreeSet<String> {
        let counters = self.counters().iter().enumerate();
        let meters = counters.flat_map(|(counter, one)| {
            one.classes.iter().map(move |class| Meter { counter, class })
        });
        meters.filter_map(|meter| self.meter_name(meter)).collect()
    }

    fn metered<'a>(
        &'a self,
        facts: &'a Facts<'a>,
        counter: &Counter,
        meter: Meter,
    ) -> Option<Metered<'a>> {
        let definition = self.classes().get(meter.class)?;
        let slices = facts.content.slices.iter().zip(0_u8..);
        let slices: Vec<_> = slices.filter(|(one, _)| one.classes.contains(meter.class)).collect();
        if slices.is_empty() {
            return None;
        }
        let pack = self.packs().get(counter.pack).map_or("", |pack| &pack.id);
        let (amount, open) = amount(slices.iter().map(|(one, _)| &one.slice), definition.unit);
        Some(Metered {
            meter,
            name: format!("{pack}/{}/{}", counter.name, definition.name),
            holder: self.holder(facts, counter.keyed),
            amount,
            open,
            slices: slices.iter().map(|(_, at)| *at).collect(),
        })
    }

    /// Whom a counter is kept for. Recipients that the register does not know are one for each
    /// place: the names and addresses of one recipient are many, and a count for each would
    /// never be full.
    fn holder(&self, facts: &Facts<'_>, keyed: Keyed) -> String {
        let exporter = facts.circumstances.exporter.map_or("-", |one| &one.id);
        let recipient = match (View::of(self, facts).party(), &facts.place) {
            (Recognised::Party(found), _) => Cow::Borrowed(&*self.register().get(found.party).id),
            (Recognised::Nobody | Recognised::NotYet, Some(place))
                if !place.entry.candidates().is_empty() =>
            {
                format!("recipients in {}", place.entry.candidates()).into()
            }
            (Recognised::Nobody | Recognised::NotYet, _) => {
                Cow::Borrowed("recipients nobody places")
            }
        };
        match keyed {
            Keyed::Both => format!("{exporter} -> {recipient}"),
            Keyed::Exporter => exporter.to_owned(),
            Keyed::Recipient => recipient.into_owned(),
        }
    }

    /// How far the strongest of the held rules' counts stand: for records and explanations.
    pub fn meter_name(&self, meter: Meter) -> Option<String> {
        let counter = self.counters().get(meter.counter)?;
        let class = self.classes().get(meter.class)?;
        let pack = self.packs().get(counter.pack)?;
        Some(format!("{}/{}/{}", pack.id, counter.name, class.name))
    }

    /// The least count that a meter's class is past its threshold with.
    pub fn limit(&self, meter: Meter) -> Option<u64> {
        Some(self.classes().get(meter.class)?.threshold?.least())
    }

    /// The highest of the counter's warning marks that a request crosses, in percent.
    pub fn crossed(&self, meter: Meter, counted: Counted) -> Option<u8> {
        let counter = self.counters().get(meter.counter)?;
        let least = self.limit(meter)?;
        let reached = |count: u64, percent: u8| {
            u128::from(count) * 100 >= u128::from(least) * u128::from(percent)
        };
        let crosses = |percent: &&u8| {
            !reached(counted.before, **percent) && reached(counted.after, **percent)
        };
        counter.warn_at.iter().filter(crosses).max().copied()
    }
}

/// The sum over slices: ids where all have ids and none tells of more, else a number. A slice
/// that does not tell has one at least, and leaves the sum open.
fn amount<'a>(slices: impl Iterator<Item = &'a Slice> + Clone, unit: Unit) -> (Amount<'a>, bool) {
    let named = |slice: &Slice| {
        let ids = u64::try_from(slice.ids.len()).unwrap_or(u64::MAX);
        unit != Unit::Record && ids > 0 && slice.amount(unit) == Some(ids)
    };
    if slices.clone().all(named) {
        let ids = slices.flat_map(|slice| &slice.ids).map(String::as_str).collect();
        return (Amount::Ids(ids), false);
    }
    let told = slices.map(|slice| slice.amount(unit));
    let open = told.clone().any(|one| one.is_none());
    let add = |sum: u64, one: Option<u64>| sum.saturating_add(one.unwrap_or(1));
    (Amount::Number(told.fold(0, add)), open)
}
