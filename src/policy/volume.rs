//! Volumes as the law counts them: which classes add up, over which time, for whom, and from
//! where on an amount is bulk. The numbers come from outside; here is only what they mean.

use jiff::tz::TimeZone;

use super::class::{Class, Threshold};
use super::facts::Facts;
use super::reach::Reach;
use super::slice::ClassBits;
use super::truth::Truth;

/// What adds up in one pack.
#[derive(Clone, Debug)]
pub struct Counter {
    /// Its name in the pack.
    pub name: String,
    /// The pack it belongs to.
    pub pack: usize,
    /// The classes that it counts, each by itself.
    pub classes: ClassBits,
    /// For whom it is counted apart.
    pub keyed: Keyed,
    /// Where what is counted must go to; anywhere if absent.
    pub to: Option<Reach>,
    /// Over which time.
    pub window: Span,
    /// Whether linked classes share the lowest threshold present (28 CFR 202.205(g)).
    pub lowest: bool,
    /// Whether what an exemption let out is not counted.
    pub skip_exempt: bool,
    /// Percentages of a threshold at which to warn.
    pub warn_at: Vec<u8>,
}

/// For whom a counter counts apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyed {
    /// Each exporter with each recipient.
    Both,
    /// Each exporter, all recipients together.
    Exporter,
    /// Each recipient, all exporters together.
    Recipient,
}

/// The time over which a counter adds up.
#[derive(Clone, Debug, PartialEq)]
pub enum Span {
    /// The preceding months.
    RollingMonths(u16),
    /// Since 1 January in this zone.
    CalendarYear(TimeZone),
}

/// One number that a counter keeps: a class of one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meter {
    /// The counter's place in the policy.
    pub counter: usize,
    /// The class's place in the policy.
    pub class: usize,
}

/// What has been counted: before this request, and with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Without this request.
    pub before: u64,
    /// With it.
    pub after: u64,
    /// Whether there may be more: a slice does not say how much it carries.
    pub open: bool,
}

/// The numbers of one request, by meter. What is missing is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(Vec<(Meter, Counted)>);

/// Bounds on a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// What is counted.
    pub meter: Meter,
    /// At least so many.
    pub least: u64,
    /// At most so many.
    pub most: u64,
}

/// That the count of some class is past its threshold.
#[derive(Clone, Debug)]
pub struct Bulk {
    /// The counter.
    pub counter: usize,
    /// The classes that matter.
    pub classes: ClassBits,
    /// How the rule names them.
    pub names: Vec<String>,
}

impl Counter {
    /// Whether a request goes where this counter counts. What nobody places counts.
    pub(super) fn is_about(&self, facts: &Facts<'_>) -> bool {
        let at = facts.circumstances.at;
        let within = |reach: &Reach| facts.place.is_none_or(|place| reach.holds(place.entry, at).0);
        self.to.as_ref().is_none_or(within)
    }
}

impl Counts {
    /// Notes one number.
    pub fn insert(&mut self, meter: Meter, counted: Counted) {
        self.0.push((meter, counted));
    }

    /// One number, if it is known.
    pub fn get(&self, meter: Meter) -> Option<Counted> {
        self.0.iter().find(|(known, _)| *known == meter).map(|(_, counted)| *counted)
    }

    /// Every number.
    pub fn iter(&self) -> impl Iterator<Item = (Meter, Counted)> {
        self.0.iter().copied()
    }
}

/// What a slice is of, for a counter: its own classes, and those of the slices linked to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Company {
    pub(super) own: ClassBits,
    pub(super) presumed: ClassBits,
    pub(super) linked: ClassBits,
}

impl Bulk {
    /// Whether an amount is past a threshold. A count that nobody knows is presumed to be.
    pub(super) fn test(
        &self,
        counter: &Counter,
        classes: &[Class],
        company: Company,
        counts: Option<&Counts>,
    ) -> (Truth, bool) {
        let named = self.classes.intersection(&company.own).intersection(&counter.classes);
        let present = company.linked.union(&company.own).intersection(&counter.classes);
        let threshold = |class| classes.get(class).and_then(|class: &Class| class.threshold);
        let lowest = present.iter().filter_map(threshold).map(Threshold::least).min();
        let combined = counter.lowest && present.iter().count() > 1;
        let mut found = (Truth::No, false);
        for class in named.iter() {
            let Some(own) = threshold(class) else { continue };
            let presumed = company.presumed.contains(class);
            let one = if own == Threshold::Any {
                (Truth::Yes, presumed)
            } else if let (true, Some(least)) = (combined, lowest) {
                self.past(present.iter(), least, counts, presumed)
            } else {
                self.past(std::iter::once(class), own.least(), counts, presumed)
            };
            found = better(found, one);
        }
        found
    }

    /// Whether the count of one of the classes reaches `least`.
    fn past(
        &self,
        classes: impl Iterator<Item = usize>,
        least: u64,
        counts: Option<&Counts>,
        presumed: bool,
    ) -> (Truth, bool) {
        let mut found = (Truth::No, false);
        for class in classes {
            let counted = counts.map(|counts| counts.get(Meter { counter: self.counter, class }));
            let one = match counted {
                None => (Truth::Unknown, false),
                Some(None) => (Truth::Yes, true),
                Some(Some(counted)) if counted.after >= least => (Truth::Yes, presumed),
                Some(Some(counted)) => (counted.open.into(), true),
            };
            found = better(found, one);
        }
        found
    }
}

impl Band {
    /// Whether the count lies within, and whether only because nobody knows it.
    pub(super) fn test(&self, company: Company, counts: Option<&Counts>) -> (Truth, bool) {
        if !company.own.contains(self.meter.class) {
            return (Truth::No, false);
        }
        let presumed = company.presumed.contains(self.meter.class);
        match counts.map(|counts| counts.get(self.meter)) {
            // One is there, whoever counts: a band that begins there needs no number.
            _ if self.least <= 1 && self.most == u64::MAX => (Truth::Yes, presumed),
            None => (Truth::Unknown, false),
            Some(None) => (Truth::Yes, true),
            Some(Some(counted)) => {
                let within = (self.least..=self.most).contains(&counted.after);
                // More may be there than was told: then any band further up may be the one.
                let sure = within && !(counted.open && self.most < u64::MAX);
                let possible = within || (counted.open && counted.after < self.least);
                if sure { (Truth::Yes, presumed) } else { (possible.into(), true) }
            }
        }
    }
}

/// Either of two: evidence before presumption before what is not known yet.
pub(super) fn better(a: (Truth, bool), b: (Truth, bool)) -> (Truth, bool) {
    let rank = |(truth, presumed): (Truth, bool)| match truth {
        Truth::Yes if !presumed => 3,
        Truth::Yes => 2,
        Truth::Unknown => 1,
        Truth::No => 0,
    };
    if rank(b) > rank(a) { b } else { a }
}
