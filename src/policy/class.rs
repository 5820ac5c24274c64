//! What a law calls the data: a class is made of tags, of certain people, in certain states.
//! Data that counts only in company (28 CFR 202.212) is told by its pairs within one slice.

use crate::data::{TagPattern, Tags};
use crate::geo::CountrySet;

use super::condition::TagMask;
use super::slice::{Slice, State};

/// A class of one pack.
#[derive(Clone, Debug)]
pub struct Class {
    /// Its name in the pack.
    pub name: String,
    /// What the data must carry.
    pub data: Made,
    /// Whose data it must be; empty for anybody's. Unknown is presumed.
    pub subjects: CountrySet,
    /// What is counted.
    pub unit: Unit,
    /// From where on it is bulk; none where its amount does not matter to the law.
    pub threshold: Option<Threshold>,
    /// The states in which the data is not of this class.
    pub except_states: Vec<State>,
    /// Where the law defines it.
    pub cite: String,
}

/// What makes data of a class.
#[derive(Clone, Debug)]
pub enum Made {
    /// One of these tags.
    Of(TagMask),
    /// Several tags in company.
    Together(Together),
}

/// Tags that count only in company.
#[derive(Clone, Debug)]
pub struct Together {
    /// The tags that count.
    pub of: Vec<TagPattern>,
    /// How many distinct ones there must be.
    pub at_least: usize,
    /// Groups within which company is nothing: contact data beside contact data.
    pub apart: Vec<Vec<TagPattern>>,
}

/// What an amount counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Distinct devices.
    Device,
    /// Records.
    Record,
    /// Distinct people.
    Subject,
}

/// From where on an amount is bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// Any amount at all.
    Any,
    /// So many or more.
    AtLeast(u64),
    /// More than so many.
    Over(u64),
}

// === impl Threshold ===

impl Threshold {
    /// Whether an amount is bulk.
    pub fn is_past(self, amount: u64) -> bool {
        amount >= self.least()
    }

    /// The least amount that is bulk; thresholds are compared by it.
    pub fn least(self) -> u64 {
        match self {
            Self::Any => 1,
            Self::AtLeast(least) => least,
            Self::Over(most) => most.saturating_add(1),
        }
    }
}

impl Unit {
    /// The word in packs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Record => "record",
            Self::Subject => "subject",
        }
    }
}

impl Class {
    /// Whether a slice is of this class, and whether only by presumption.
    pub(super) fn holds(&self, slice: &Slice, bits: &super::facts::TagBits) -> (bool, bool) {
        let made = match &self.data {
            Made::Of(mask) => mask.bits.intersects(bits),
            Made::Together(together) => together.holds(&slice.tags),
        };
        let excepted = slice.state.is_some_and(|state| self.except_states.contains(&state));
        if !made || excepted {
            return (false, false);
        }
        match slice.of {
            _ if self.subjects.is_empty() => (true, false),
            Some(country) => (self.subjects.contains(country), false),
            None => (true, true),
        }
    }
}

impl Together {
    fn holds(&self, tags: &Tags) -> bool {
        let among = |patterns: &[TagPattern]| {
            let counted = |tag: &&crate::data::Tag| self.of.iter().any(|one| one.matches(tag));
            let matches = |tag: &crate::data::Tag| patterns.iter().any(|one| one.matches(tag));
            tags.iter().filter(counted).all(matches)
        };
        let found = tags.iter().filter(|tag| self.of.iter().any(|one| one.matches(tag))).count();
        found >= self.at_least && !self.apart.iter().any(|group| among(group))
    }
}

#[cfg(test)]
mod tests {
    use crate::data::Tag;

    use super::*;

    #[test]
    fn company_counts_and_contact_beside_contact_does_not() {
        let patterns =
            |list: &[&str]| list.iter().map(|one| TagPattern::parse(one).unwrap()).collect();
        let identifiers = Together {
            of: patterns(&["id"]),
            at_least: 2,
            apart: vec![patterns(&["id.contact"]), patterns(&["id.network", "id.auth", "id.call"])],
        };
        for (list, holds) in [
            (&["id.government"][..], false),
            (&["id.contact.email", "id.contact.phone"], false),
            (&["id.contact.email", "id.government"], true),
            (&["id.network", "id.call"], false),
            (&["id.network", "id.call", "id.contact"], true),
            (&["id.government.ssn", "id.government.passport"], true),
            (&["id.government", "health"], false),
        ] {
            let tags: Tags = list.iter().filter_map(|tag| Tag::parse(tag)).collect();
            assert_eq!(identifiers.holds(&tags), holds, "{list:?}");
        }
    }

    #[test]
    fn over_is_more_than() {
        let past = |threshold: Threshold| [99, 100, 101].map(|amount| threshold.is_past(amount));
        assert_eq!(past(Threshold::Over(100)), [false, false, true]);
        assert_eq!(past(Threshold::AtLeast(100)), [false, true, true]);
        assert_eq!(past(Threshold::Any), [true; 3]);
        assert!(!Threshold::Any.is_past(0));
    }
}
