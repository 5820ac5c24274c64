//! What was found: findings, and their sums. No value is kept, nor can it be read from what is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::{Digest, Groups, Tag};

/// So many findings are kept; beyond them only the sums go on.
pub const MAX_FINDINGS: usize = 1_000;

/// So many distinct values are counted exactly; beyond them their number is estimated, with a
/// standard error of 3 %.
const EXACT: usize = 1_024;

/// How sure a detector is. Rules act from `Likely`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// The shape alone.
    Weak,
    /// A check digit and a range, or a name beside it and the exact shape.
    Likely,
    /// A check that one random value in 97 passes, or a check and a name beside it.
    Sure,
}

/// How it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A header declares it.
    Header,
    /// A label inside a document says so.
    Label,
    /// The structure of a document.
    Shape,
    /// A value.
    Value,
    /// A map of fields says what stands there.
    FieldMap,
}

/// Where in a body the text stood that was looked at: `multipart[0]/gzip`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Layer(Option<Arc<str>>);

/// The outline of a value: digits become `d`, letters `a`, what is neither stays.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outline(Box<str>);

/// One value that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub tag: Tag,
    /// Which detector says so.
    pub detector: Arc<str>,
    /// How sure it is.
    pub confidence: Confidence,
    /// How it was found.
    pub source: Source,
    /// In which layer of the body.
    pub layer: Layer,
    /// From which octet of the layer's text on.
    pub offset: u64,
    /// Over how many octets.
    pub length: u32,
    /// In which record of the layer: findings of one record share the number. Numbers grow, and
    /// may skip.
    pub record: u64,
    /// Its outline.
    pub shape: Outline,
    /// Its keyed digest.
    pub digest: Digest,
}

/// The sums of one tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How many values.
    pub count: u64,
    /// How sure the surest is.
    pub confidence: Confidence,
    distinct: Distinct,
}

/// All findings of a body: some of them in full, the sums of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    kept: Vec<Finding>,
    limit: Option<usize>,
    sums: BTreeMap<Tag, Summary>,
    groups: Groups,
    /// How many were found once more in another view: the sums have none of them.
    again: u64,
}

#[cfg(test)]
impl Finding {
    /// One for tests: a value of a tag, likely, in record 0 of the body.
    pub(crate) fn sample(tag: &str, value: &str) -> Self {
        let tag = Tag::parse(tag).expect("tests name tags that are tags");
        let digester = super::Digester::new(&[7; 32], "k").expect("the secret is long enough");
        Self {
            digest: digester.digest(&tag, value.as_bytes()),
            tag,
            detector: "x".into(),
            confidence: Confidence::Likely,
            source: Source::Value,
            layer: Layer::body(),
            offset: 0,
            length: 1,
            record: 0,
            shape: Outline::of(value.as_bytes()),
        }
    }
}

// === impl Layer, Outline ===

impl Layer {
    /// The body itself.
    pub fn body() -> Self {
        Self::default()
    }

    /// A layer within this one.
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        Self(Some(match &self.0 {
            Some(path) => format!("{path}/{name}").into(),
            None => name.into(),
        }))
    }

    /// One of several such layers.
    #[must_use]
    pub fn nth(&self, number: usize) -> Self {
        Self(Some(format!("{}[{number}]", self.as_str()).into()))
    }

    /// The path; empty for the body itself.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

impl Outline {
    /// No longer than this many characters; the rest is `..`.
    const LENGTH: usize = 40;

    /// The outline of a text.
    pub fn of(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let character = |c: char| match c {
            c if c.is_numeric() => 'd',
            c if c.is_alphabetic() => 'a',
            c if c.is_ascii_graphic() || c == ' ' => c,
            _ => '?',
        };
        let mut shape: String = text.chars().take(Self::LENGTH).map(character).collect();
        if text.chars().nth(Self::LENGTH).is_some() {
            shape.push_str("..");
        }
        Self(shape.into())
    }

    /// The outline.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Outline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Confidence {
    /// The word in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Weak => "weak",
            Self::Likely => "likely",
            Self::Sure => "sure",
        }
    }
}

impl Source {
    /// The word in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Label => "label",
            Self::Shape => "shape",
            Self::Value => "value",
            Self::FieldMap => "field-map",
        }
    }
}

// === impl Findings ===

impl Findings {
    /// Keeps another number of findings than [`MAX_FINDINGS`].
    pub fn keeping(limit: usize) -> Self {
        Self { limit: Some(limit), ..Self::default() }
    }

    /// Adds one.
    pub fn add(&mut self, finding: Finding) {
        self.sum(&finding.tag, finding.confidence, finding.digest);
        self.groups.note(&finding);
        // Of each tag one is kept, however many there are of others.
        if !self.is_full() || self.sums.get(&finding.tag).is_some_and(|sum| sum.count == 1) {
            self.kept.push(finding);
        }
    }

    /// Whether further ones are only counted.
    pub fn is_full(&self) -> bool {
        self.kept.len() >= self.limit.unwrap_or(MAX_FINDINGS)
    }

    /// Which of them stand together, to be said more of.
    pub(super) fn groups_mut(&mut self) -> &mut Groups {
        &mut self.groups
    }

    /// Whether one of this tag has been kept.
    pub fn knows(&self, tag: &Tag) -> bool {
        self.sums.contains_key(tag)
    }

    /// Counts one value without keeping it.
    pub fn tally(&mut self, tag: &Tag, confidence: Confidence, record: u64, digest: Digest) {
        self.sum(tag, confidence, digest);
        if confidence >= Confidence::Likely {
            self.groups.count(tag, record, digest);
        }
    }

    fn sum(&mut self, tag: &Tag, confidence: Confidence, digest: Digest) {
        let sum = match self.sums.get_mut(tag) {
            Some(sum) => sum,
            None => self.sums.entry(tag.clone()).or_insert_with(|| Summary {
                count: 0,
                confidence,
                distinct: Distinct::default(),
            }),
        };
        sum.count += 1;
        sum.confidence = sum.confidence.max(confidence);
        sum.distinct.insert(digest.rank());
    }

    /// Adds those of another layer or part of the same body.
    pub fn absorb(&mut self, other: Self) {
        let before = self.kept.len();
        let free = self.limit.unwrap_or(MAX_FINDINGS).saturating_sub(before);
        for (place, one) in other.kept.into_iter().enumerate() {
            let told = || self.kept.iter().skip(before).any(|known| known.tag == one.tag);
            // Of each tag one is kept, as where it is added.
            if place < free || !self.sums.contains_key(&one.tag) && !told() {
                self.kept.push(one);
            }
        }
        self.groups.absorb(other.groups);
        self.again += other.again;
        for (tag, theirs) in other.sums {
            match self.sums.entry(tag) {
                std::collections::btree_map::Entry::Vacant(entry) => drop(entry.insert(theirs)),
                std::collections::btree_map::Entry::Occupied(mut entry) => {
                    let mine = entry.get_mut();
                    mine.count += theirs.count;
                    mine.confidence = mine.confidence.max(theirs.confidence);
                    mine.distinct.absorb(theirs.distinct);
                }
            }
        }
    }

    /// Adds those of another view of the same octets: a value that is known is none more. It is
    /// kept all the same, for the views may have seen it in two places.
    pub(super) fn absorb_view(&mut self, mut other: Self) {
        let mut known = BTreeSet::new();
        for (tag, theirs) in &mut other.sums {
            let Some(mine) = self.sums.get(tag) else { continue };
            let again = if mine.covers(theirs) {
                known.insert(tag.clone());
                theirs.count
            } else {
                let ours = |one: &&Finding| one.tag == *tag && mine.distinct.knows(one.digest);
                let kept = other.kept.iter().filter(ours).count();
                u64::try_from(kept.max(mine.distinct.common(&theirs.distinct))).unwrap_or(0)
            };
            // What is kept of views within views has each place of its own.
            let again = again.min(theirs.count);
            theirs.count -= again;
            other.again += again;
        }
        other.groups.forget(&known, &self.groups);
        self.absorb(other);
    }

    /// Those that are kept, in order of their places.
    pub fn kept(&self) -> &[Finding] {
        &self.kept
    }

    /// Which of them stand together, and how many people they tell of.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// The sums by tag.
    pub fn sums(&self) -> &BTreeMap<Tag, Summary> {
        &self.sums
    }

    /// How many there are, kept or not, and in whatever view of the body.
    pub fn count(&self) -> u64 {
        self.again + self.sums.values().map(|sum| sum.count).sum::<u64>()
    }

    /// The tags on which rules act: those found with `Likely` or more.
    pub fn tags(&self) -> super::Tags {
        let acted = self.sums.iter().filter(|(_, sum)| sum.confidence >= Confidence::Likely);
        acted.map(|(tag, _)| tag.clone()).collect()
    }
}

// === impl Summary ===

impl Summary {
    /// How many distinct values: exact up to 1,024, an estimate beyond.
    pub fn distinct(&self) -> u64 {
        self.distinct.count().min(self.count)
    }

    /// Whether it holds all values of another, as far as that can be told.
    fn covers(&self, other: &Self) -> bool {
        let common = self.distinct.common(&other.distinct);
        let exact = other.distinct.0.len() < EXACT || other.count <= self.count;
        exact && common == other.distinct.0.len()
    }
}

/// The smallest ranks of what was seen (k minimum values): the share of all ranks that they
/// take tells how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Distinct(BTreeSet<u64>);

impl Distinct {
    /// Ranks are of 60 bits.
    const RANKS: u64 = 1 << 60;

    fn insert(&mut self, rank: u64) {
        if self.0.len() >= EXACT && self.0.last().is_some_and(|last| rank >= *last) {
            return;
        }
        if self.0.insert(rank) && self.0.len() > EXACT {
            self.0.pop_last();
        }
    }

    /// Whether a value is among those that are held.
    fn knows(&self, digest: Digest) -> bool {
        self.0.contains(&digest.rank())
    }

    /// How many values both hold.
    fn common(&self, other: &Self) -> usize {
        self.0.intersection(&other.0).count()
    }

    fn absorb(&mut self, other: Self) {
        other.0.into_iter().for_each(|rank| self.insert(rank));
    }

    fn count(&self) -> u64 {
        let held = u64::try_from(self.0.len()).unwrap_or(u64::MAX);
        let last = self.0.last().copied().unwrap_or(0);
        if self.0.len() < EXACT {
            return held;
        }
        let all = u128::from(held - 1) * u128::from(Self::RANKS) / u128::from(last.max(1));
        u64::try_from(all).unwrap_or(u64::MAX).max(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(tag: &str, value: &str, confidence: Confidence) -> Finding {
        let layer = Layer::body().below("multipart[0]").below("gzip");
        Finding { confidence, layer, ..Finding::sample(tag, value) }
    }

    #[test]
    fn nothing_shows_a_value() {
        let one = finding("id", "219-09-9999", Confidence::Sure);
        let shown = format!("{one:?} {:?}", Findings::default());
        assert!(shown.contains("ddd-dd-dddd") && !shown.contains("219"), "{shown}");
        assert_eq!(one.layer.as_str(), "multipart[0]/gzip");
        assert_eq!(Outline::of("Zoë 1\u{7}".as_bytes()).as_str(), "aaa d?");
        assert_eq!(Outline::of(&[b'x'; 99]).as_str().len(), 42);
    }

    #[test]
    fn sums_go_on_where_keeping_ends() {
        let mut all = Findings::keeping(2);
        for value in ["a", "b", "a", "c"] {
            all.add(finding("t", value, Confidence::Weak));
        }
        assert!(all.tags().is_empty());
        all.add(finding("t", "a", Confidence::Sure));
        assert_eq!(all.kept().len(), 2);
        let sum = &all.sums()[&Tag::parse("t").unwrap()];
        assert_eq!((sum.count, sum.distinct(), sum.confidence), (5, 3, Confidence::Sure));
        assert_eq!(all.tags().to_string(), "t");
    }

    #[test]
    fn of_what_is_absorbed_one_of_each_tag_is_kept() {
        let of = |tags: &str| {
            let mut all = Findings::keeping(3);
            for (place, tag) in tags.split(' ').enumerate() {
                all.add(finding(tag, &place.to_string(), Confidence::Sure));
            }
            all
        };
        let mut all = of("a a");
        all.absorb(of("b b a c c d"));
        let kept: Vec<_> = all.kept().iter().map(|one| one.tag.as_str()).collect();
        assert_eq!((kept.join(" "), all.count()), ("a a b c d".to_owned(), 8));
    }

    #[test]
    fn many_distinct_values_are_estimated_and_parts_add_up() {
        let (mut whole, mut left, mut right) =
            (Findings::default(), Findings::default(), Findings::default());
        for number in 0..20_000 {
            let one = finding("t", &number.to_string(), Confidence::Likely);
            whole.add(one.clone());
            if number % 2 == 0 { left.add(one) } else { right.add(one) }
        }
        left.absorb(right);
        let tag = Tag::parse("t").unwrap();
        let (one, two) = (&whole.sums()[&tag], &left.sums()[&tag]);
        assert_eq!(one, two);
        assert!((18_000..22_000).contains(&one.distinct()), "{}", one.distinct());
    }
}
