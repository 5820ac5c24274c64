//! Which findings stand together: records that hold the same kinds of data, and how many people
//! they tell of. Bounded; where a bound is reached, more is told than there is, never less.

use std::collections::{BTreeMap, BTreeSet};

use super::{Confidence, Digest, Finding, Source, Tag};

/// So many combinations of tags are told apart; further ones become one that has all their tags.
const MAX_GROUPS: usize = 32;

/// So many people are told apart in all groups together; further ones are counted each time.
const MAX_IDS: usize = 4_096;

/// What tells who a record is about, the best first: the beginnings of tags.
const IDENTIFYING: [&str; 8] = [
    "id.government",
    "health.record",
    "id.contact.email",
    "id.contact",
    "financial.account",
    "financial.card",
    "id.device",
    "id.",
];

/// Records with the same kinds of data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// How many records.
    pub records: u64,
    /// Whom they are about: a keyed digest of what identifies each.
    pub ids: BTreeSet<Digest>,
    /// How many people beside those: of records in which nothing identifies anybody, or that came
    /// when no more could be told apart.
    pub others: u64,
}

/// All groups of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    closed: BTreeMap<Vec<Tag>, Group>,
    /// The record that is being read.
    open: Option<Open>,
    /// What is true of the whole body.
    whole: BTreeSet<Tag>,
    /// Whether all of them stand together: in a text that has no records.
    together: bool,
    ids: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Open {
    record: u64,
    tags: Vec<Tag>,
    /// Whom it is about, by how well that is told.
    ids: BTreeMap<usize, BTreeSet<Digest>>,
    /// Values that tell of somebody, when no more could be told apart.
    beyond: u64,
}

// === impl Groups ===

impl Groups {
    /// Takes one finding in. Findings of a layer come in the order of their records. What a map
    /// of fields knows is counted by who reads the values, in their order.
    pub(super) fn note(&mut self, finding: &Finding) {
        if finding.confidence < Confidence::Likely {
            return;
        }
        match finding.source {
            Source::Header | Source::Label | Source::Shape => {
                self.whole.insert(finding.tag.clone());
            }
            Source::Value => self.count(&finding.tag, finding.record, finding.digest),
            Source::FieldMap => {}
        }
    }

    /// Takes one value in of which no more is kept.
    pub(super) fn count(&mut self, tag: &Tag, record: u64, digest: Digest) {
        if self.open.as_ref().is_some_and(|open| open.record != record) {
            self.close();
        }
        let fresh = || Open { record, ..Open::default() };
        self.open.get_or_insert_with(fresh).count(tag, digest);
    }

    /// Says that all of them stand together, whatever records they are in: lines of prose and
    /// fields of a form are of one thing, and beside all else of the body.
    pub(super) fn stand_together(&mut self) {
        self.together = true;
    }

    /// Adds those of another layer or part.
    pub(super) fn absorb(&mut self, mut other: Self) {
        self.close();
        other.close();
        self.whole.append(&mut other.whole);
        if other.together {
            self.whole.extend(other.closed.keys().flatten().cloned());
        }
        for (tags, Group { records, ids, others }) in other.closed {
            let mut room = MAX_IDS.saturating_sub(self.ids);
            let mine = self.group(tags);
            mine.records += records;
            mine.others += others;
            let mut fresh = 0;
            for id in ids {
                if room == 0 && !mine.ids.contains(&id) {
                    mine.others += 1;
                } else if mine.ids.insert(id) {
                    (room, fresh) = (room - 1, fresh + 1);
                }
            }
            self.ids += fresh;
        }
    }

    /// Leaves out what others tell as well: of tags of which all values are known, standing
    /// together as they do there, and of nobody else.
    pub(super) fn forget(&mut self, known: &BTreeSet<Tag>, others: &Self) {
        self.close();
        if self.closed.is_empty() || known.is_empty() {
            return;
        }
        if std::mem::take(&mut self.together) {
            self.whole.extend(self.closed.keys().flatten().cloned());
        }
        let told = others.told();
        let people: BTreeSet<_> = told.values().flat_map(|group| &group.ids).collect();
        let full = others.ids >= MAX_IDS;
        self.closed.retain(|tags, group| {
            let holds = |theirs: &Vec<Tag>| tags.iter().all(|tag| theirs.contains(tag));
            let nobody = full || group.ids.iter().all(|id| people.contains(id));
            !(tags.iter().all(|tag| known.contains(tag)) && nobody && told.keys().any(holds))
        });
        self.ids = self.closed.values().map(|group| group.ids.len()).sum();
    }

    /// What is true of the whole body.
    pub fn whole(&self) -> impl Iterator<Item = &Tag> {
        self.whole.iter()
    }

    /// The groups as they stand, with the tags of each.
    pub fn told(&self) -> BTreeMap<Vec<Tag>, Group> {
        let mut told = self.clone();
        told.close();
        told.closed
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let (mut ids, mut others) = open.people();
        let room = MAX_IDS.saturating_sub(self.ids);
        let group = self.group(open.tags);
        group.records += 1;
        let before = group.ids.len();
        while group.ids.len() - before < room
            && let Some(id) = ids.pop_first()
        {
            group.ids.insert(id);
        }
        let unknown = ids.iter().filter(|id| !group.ids.contains(id)).count();
        others += u64::try_from(unknown).unwrap_or(u64::MAX);
        group.others += others;
        let fresh = group.ids.len() - before;
        self.ids += fresh;
    }

    fn group(&mut self, tags: Vec<Tag>) -> &mut Group {
        if self.closed.len() < MAX_GROUPS || self.closed.contains_key(&tags) {
            return self.closed.entry(tags).or_default();
        }
        // The last group takes all further ones in, under the tags of both.
        let (mut all, group) = self.closed.pop_last().unwrap_or_default();
        all.extend(tags);
        all.sort_unstable();
        all.dedup();
        let merged = self.closed.entry(all).or_default();
        merged.records += group.records;
        merged.others += group.others;
        merged.ids.extend(group.ids);
        merged
    }
}

// === impl Open ===

impl Open {
    fn count(&mut self, tag: &Tag, digest: Digest) {
        if let Err(place) = self.tags.binary_search(tag) {
            self.tags.insert(place, tag.clone());
        }
        let rank = IDENTIFYING.iter().position(|start| tag.as_str().starts_with(start));
        let Some(rank) = rank else { return };
        let known: usize = self.ids.values().map(BTreeSet::len).sum();
        if known < MAX_IDS {
            self.ids.entry(rank).or_default().insert(digest);
        } else if !self.ids.get(&rank).is_some_and(|ids| ids.contains(&digest)) {
            self.beyond += 1;
        }
    }

    /// Whom it tells of, by what tells it best, and how many more there are at least: a record
    /// may list many, and of what tells less there may be more.
    fn people(&self) -> (BTreeSet<Digest>, u64) {
        let best = self.ids.values().next().cloned().unwrap_or_default();
        let most = self.ids.values().map(BTreeSet::len).max().unwrap_or(0);
        let more = u64::try_from(most - best.len()).unwrap_or(0) + self.beyond;
        let nobody = u64::from(best.is_empty() && more == 0);
        (best, more + nobody)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(tag: &str, record: u64, value: &str) -> Finding {
        Finding { record, ..Finding::sample(tag, value) }
    }

    fn told(groups: &Groups) -> Vec<(String, u64, usize, u64)> {
        let name = |tags: &[Tag]| tags.iter().map(Tag::as_str).collect::<Vec<_>>().join("+");
        let one = |(tags, group): (&Vec<Tag>, &Group)| {
            (name(tags), group.records, group.ids.len(), group.others)
        };
        groups.told().iter().map(one).collect()
    }

    #[test]
    fn people_are_told_apart_by_what_identifies_them_best() {
        let mut groups = Groups::default();
        for (tag, record, value) in [
            ("id.contact.email", 1, "a@x"),
            ("id.government.ssn", 1, "1"),
            ("id.contact.email", 2, "b@x"),
            ("id.government.ssn", 2, "1"),
            ("id.government.ssn", 3, "2"),
            ("health.diagnosis", 4, "E11"),
        ] {
            groups.note(&finding(tag, record, value));
        }
        assert_eq!(
            told(&groups),
            [
                ("health.diagnosis".to_owned(), 1, 0, 1),
                ("id.contact.email+id.government.ssn".to_owned(), 2, 1, 0),
                ("id.government.ssn".to_owned(), 1, 1, 0),
            ]
        );
    }

    #[test]
    fn a_record_that_lists_many_tells_of_many() {
        let mut groups = Groups::default();
        for number in 0..50 {
            groups.note(&finding("id.government.ssn", 1, &number.to_string()));
            groups.note(&finding("id.contact.email", 1, &(number / 2).to_string()));
        }
        for number in 0..7 {
            groups.note(&finding("id.contact.email", 2, &format!("m{number}")));
        }
        groups.note(&finding("id.government.ssn", 2, "0"));
        let name = "id.contact.email+id.government.ssn".to_owned();
        assert_eq!(told(&groups), [(name, 2, 50, 6)]);
    }

    #[test]
    fn what_is_weak_is_nothing_and_labels_are_of_the_whole() {
        let mut groups = Groups::default();
        groups.note(&Finding { confidence: Confidence::Weak, ..finding("a", 0, "1") });
        groups.note(&Finding { source: Source::Label, ..finding("label.secret", 0, "1") });
        assert!(groups.told().is_empty());
        assert_eq!(groups.whole().map(Tag::as_str).collect::<Vec<_>>(), ["label.secret"]);
    }

    proptest::proptest! {
        /// Wherever a body is parted at a record, the parts add up, and no person is lost.
        #[test]
        fn parts_add_up(
            rows in proptest::collection::vec((0_u8..40, 0_u16..6_000), 1..300),
            cut in 0_usize..300,
        ) {
            let all: Vec<_> = (0_u64..).zip(&rows).map(|(record, (kind, id))| {
                finding(&format!("id.k{kind}"), record, &id.to_string())
            }).collect();
            let (left, right) = all.split_at(cut.min(all.len()));
            let sum = |part: &[Finding]| {
                let mut groups = Groups::default();
                part.iter().for_each(|one| groups.note(one));
                groups
            };
            let (mut parts, whole) = (sum(left), sum(&all));
            parts.absorb(sum(right));
            let count = |groups: &Groups| {
                let told = groups.told();
                proptest::prop_assert!(told.len() <= MAX_GROUPS + 1);
                let people = |group: &Group| u64::try_from(group.ids.len()).unwrap() + group.others;
                Ok((told.values().map(|one| one.records).sum::<u64>(), told.values().map(people).sum::<u64>()))
            };
            let distinct: BTreeSet<_> = rows.iter().collect();
            let ((records, people), (parted, several)) = (count(&whole)?, count(&parts)?);
            proptest::prop_assert_eq!(records, parted);
            proptest::prop_assert_eq!(records, u64::try_from(rows.len()).unwrap());
            let distinct = u64::try_from(distinct.len()).unwrap();
            proptest::prop_assert!(people >= distinct && several >= distinct);
        }
    }
}
