//! Slices: data of one kind about people of one jurisdiction. A request carries some; each is
//! judged by itself, and the strongest answer counts.

use crate::data::{Findings, Group, Tag, Tags};
use crate::geo::Country;

use super::area::Point;
use super::class::Unit;
use super::facts::TagBits;

/// What is declared of, or found in, one part of a request's data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slice {
    /// What it is.
    pub tags: Tags,
    /// Whose it is; absent if unknown.
    pub of: Option<Country>,
    /// How many distinct people; absent if unknown.
    pub subjects: Option<u64>,
    /// How many distinct devices.
    pub devices: Option<u64>,
    /// How many records.
    pub records: Option<u64>,
    /// Keyed ids of the people or devices, where they are told.
    pub ids: Vec<String>,
    /// Whether it is about the same people as the other linked slices of the request.
    pub linked: bool,
    /// In which state of protection it is.
    pub state: Option<State>,
    /// A place that it tells of.
    pub point: Option<Point>,
}

/// A state of protection. What it changes, each pack says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// No longer about a person.
    Anonymised,
    /// As it is.
    Clear,
    /// Without what identifies at once.
    DeIdentified,
    /// Unreadable without a key.
    Encrypted,
    /// With other names.
    Pseudonymised,
}

impl State {
    /// The words in packs and declarations.
    pub const WORDS: [(&'static str, Self); 5] = [
        ("anonymised", Self::Anonymised),
        ("clear", Self::Clear),
        ("de-identified", Self::DeIdentified),
        ("encrypted", Self::Encrypted),
        ("pseudonymised", Self::Pseudonymised),
    ];

    /// The word in packs and declarations.
    pub fn name(self) -> &'static str {
        Self::WORDS.into_iter().find(|(_, state)| *state == self).map_or("", |(word, _)| word)
    }
}

impl Slice {
    /// Tags of which nothing else is known.
    pub fn of_tags(tags: Tags) -> Self {
        Self { tags, ..Self::default() }
    }

    /// What was found in a body: a slice for each kind of record, since what stands together
    /// counts together. What is true of the whole body is true of each.
    pub fn of_findings(findings: &Findings) -> Vec<Self> {
        let groups = findings.groups();
        let whole: Vec<Tag> = groups.whole().cloned().collect();
        let told = groups.told();
        if told.is_empty() && !whole.is_empty() {
            return vec![Self::of_tags(whole.into_iter().collect())];
        }
        let with_whole = |tags: Vec<Tag>| tags.into_iter().chain(whole.iter().cloned()).collect();
        told.into_iter()
            .flat_map(|(tags, group)| Self::of_group(&with_whole(tags), group))
            .collect()
    }

    /// People who are told apart, and those who are only counted.
    fn of_group(tags: &Tags, group: Group) -> impl Iterator<Item = Self> + use<> {
        let Group { records, ids, others } = group;
        let people = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        let ids: Vec<_> = ids.iter().map(|id| id.as_str().to_owned()).collect();
        let number = |subjects: u64, records: u64| Self {
            tags: tags.clone(),
            subjects: Some(subjects),
            devices: Some(subjects),
            records: Some(records),
            ..Self::default()
        };
        let told =
            (people > 0).then(|| Self { ids, ..number(people, records.saturating_sub(others)) });
        told.into_iter().chain((others > 0).then(|| number(others, others.min(records))))
    }

    /// How much there is, if it is told.
    pub fn amount(&self, unit: Unit) -> Option<u64> {
        let told = match unit {
            Unit::Device => self.devices,
            Unit::Record => self.records,
            Unit::Subject => self.subjects,
        };
        // Records may be many to a person, so that ids do not tell their number. Of a number and
        // of ids that contradict it the larger counts.
        let by_id = unit != Unit::Record && !self.ids.is_empty();
        let ids = by_id.then(|| u64::try_from(self.ids.len()).ok()).flatten();
        told.max(ids)
    }
}

/// A set of classes of one policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassBits([u64; Self::WORDS]);

impl ClassBits {
    const WORDS: usize = 4;
    /// How many classes all packs together may define.
    pub const CAPACITY: usize = Self::WORDS * 64;

    /// Adds a class; beyond the capacity is a mistake of the builder.
    pub(super) fn insert(&mut self, class: usize) {
        let word = self.0.get_mut(class / 64).expect("the builder checks the capacity");
        *word |= 1 << (class % 64);
    }

    /// Whether the class is in the set.
    pub fn contains(&self, class: usize) -> bool {
        self.0.get(class / 64).is_some_and(|word| word >> (class % 64) & 1 == 1)
    }

    pub(super) fn intersects(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(mine, other)| mine & other != 0)
    }

    #[must_use]
    pub(super) fn intersection(&self, other: &Self) -> Self {
        let mut both = *self;
        both.0.iter_mut().zip(&other.0).for_each(|(mine, other)| *mine &= other);
        both
    }

    #[must_use]
    pub(super) fn union(&self, other: &Self) -> Self {
        let mut either = *self;
        either.0.iter_mut().zip(&other.0).for_each(|(mine, other)| *mine |= other);
        either
    }

    /// The classes, in order.
    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(at, word)| {
            std::iter::successors(Some(word).filter(|word| *word != 0), |word| {
                Some(word & (word - 1)).filter(|word| *word != 0)
            })
            .map(move |word| at * 64 + usize::try_from(word.trailing_zeros()).unwrap_or(0))
        })
    }
}

impl FromIterator<usize> for ClassBits {
    fn from_iter<I: IntoIterator<Item = usize>>(classes: I) -> Self {
        let mut set = Self::default();
        classes.into_iter().for_each(|class| set.insert(class));
        set
    }
}

/// A slice as one policy sees it.
#[derive(Clone, Debug)]
pub(super) struct Weighed {
    pub(super) slice: Slice,
    /// The policy's tag patterns that it matches.
    pub(super) bits: TagBits,
    /// The classes it is of.
    pub(super) classes: ClassBits,
    /// Those of them that it is of only because nobody said whose it is.
    pub(super) presumed: ClassBits,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Finding, Source};

    fn finding(tag: &str, record: u64, source: Source) -> Finding {
        Finding { source, record, ..Finding::sample(tag, &record.to_string()) }
    }

    #[test]
    fn findings_make_a_slice_for_each_kind_of_record() {
        let mut findings = Findings::default();
        for record in 0..3 {
            findings.add(finding("id.contact.email", record, Source::Value));
            findings.add(finding("financial.card", record, Source::Value));
        }
        findings.add(finding("health.diagnosis", 9, Source::Value));
        findings.add(finding("label.secret", 0, Source::Label));
        let slices = Slice::of_findings(&findings);
        let told = |slice: &Slice| (slice.tags.to_string(), slice.subjects, slice.ids.len());
        assert_eq!(
            slices.iter().map(told).collect::<Vec<_>>(),
            [
                ("financial.card, id.contact.email, label.secret".to_owned(), Some(3), 3),
                ("health.diagnosis, label.secret".to_owned(), Some(1), 0),
            ]
        );
        let mut label = Findings::default();
        label.add(finding("uninspectable.encrypted", 0, Source::Shape));
        let slices = Slice::of_findings(&label);
        assert_eq!(slices, [Slice::of_tags(slices.first().unwrap().tags.clone())]);
    }

    #[test]
    fn a_set_of_classes_lists_what_was_put_in() {
        let mut set = ClassBits::default();
        [0, 5, 63, 64, 255].into_iter().for_each(|class| set.insert(class));
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 5, 63, 64, 255]);
        assert!(set.contains(64) && !set.contains(65));
    }
}
