//! What must be counted for a request: which meters, for whom, and how much.

use std::borrow::Cow;

use super::decide::Policy;
use super::facts::Facts;
use super::slice::Slice;
use super::view::{Recognised, View};
use super::volume::{Counted, Keyed, Meter};

/// A question to whoever keeps the counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metered<'a> {
    /// Which number.
    pub meter: Meter,
    /// Its name: pack, counter and class.
    pub name: String,
    /// Whom it is counted for: exporter, recipient, or both.
    pub holder: String,
    /// What this request adds; none where nobody says how much it carries.
    pub amount: Option<Amount<'a>>,
}

/// How much a request adds to a meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amount<'a> {
    /// People or devices by keyed id: who was counted before adds nothing.
    Ids(Vec<&'a str>),
    /// So many of whom no more is known: none of them was counted before.
    Number(u64),
}

impl Policy {
    /// The meters that a request touches, in a stable order.
    pub fn meters<'a>(&'a self, facts: &'a Facts<'a>) -> Vec<Metered<'a>> {
        let mut found = Vec::new();
        let circumstances = &facts.circumstances;
        for (at, counter) in self.counters().iter().enumerate() {
            let bound = self.packs().get(counter.pack).is_some_and(|pack| {
                pack.binds.holds(circumstances.exporter).0 && pack.validity.holds(circumstances.at)
            });
            if !bound {
                continue;
            }
            for class in counter.classes.iter() {
                let slices =
                    || facts.content.slices.iter().filter(move |one| one.classes.contains(class));
                let Some(definition) =
                    self.classes().get(class).filter(|_| slices().next().is_some())
                else {
                    continue;
                };
                let pack = self.packs().get(counter.pack).map_or("", |pack| &pack.id);
                found.push(Metered {
                    meter: Meter { counter: at, class },
                    name: format!("{pack}/{}/{}", counter.name, definition.name),
                    holder: self.holder(facts, counter.keyed),
                    amount: amount(slices().map(|one| &one.slice), definition.unit),
                });
            }
        }
        found
    }

    /// Whom a counter is kept for. A recipient that the register does not know is its host.
    fn holder(&self, facts: &Facts<'_>, keyed: Keyed) -> String {
        let exporter = facts.circumstances.exporter.map_or("-", |one| &one.id);
        let recipient = match View::of(self, facts).party() {
            Recognised::Party(found) => Cow::Borrowed(&*self.register().get(found.party).id),
            Recognised::Nobody | Recognised::NotYet => format!("host {}", facts.host).into(),
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

    /// The highest of the counter's warning marks that a request crosses, in percent.
    pub fn crossed(&self, meter: Meter, counted: Counted) -> Option<u8> {
        let counter = self.counters().get(meter.counter)?;
        let least = self.classes().get(meter.class)?.threshold?.least();
        let reached = |count: u64, percent: u8| {
            u128::from(count) * 100 >= u128::from(least) * u128::from(percent)
        };
        let crosses = |percent: &&u8| {
            !reached(counted.before, **percent) && reached(counted.after, **percent)
        };
        counter.warn_at.iter().filter(crosses).max().copied()
    }
}

/// The sum over slices: ids where all have ids, else a number; none where one does not tell.
fn amount<'a>(
    slices: impl Iterator<Item = &'a Slice> + Clone,
    unit: super::class::Unit,
) -> Option<Amount<'a>> {
    let by_id = unit != super::class::Unit::Record;
    if by_id && slices.clone().all(|slice| !slice.ids.is_empty()) {
        return Some(Amount::Ids(
            slices.flat_map(|slice| &slice.ids).map(String::as_str).collect(),
        ));
    }
    let sum = slices
        .map(|slice| slice.amount(unit))
        .try_fold(0_u64, |sum, one| one.map(|one| sum.saturating_add(one)));
    sum.map(Amount::Number)
}
