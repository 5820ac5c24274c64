//! Tags: dotted paths that say what kind of data a request carries.

use std::fmt;
use std::sync::Arc;

/// More distinct tags than this become one `uninspectable.too-many-tags`: a client
/// cannot make us remember without bound.
pub const MAX_TAGS: usize = 64;

/// The longest tag in octets; what is longer is cut, and `uninspectable.tag` is added.
const MAX_LENGTH: usize = 128;

/// One kind of data, as a dotted lower-case path: `health`, `financial.card`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Arc<str>);

impl Tag {
    /// Data that could not be read and therefore counts as tagged.
    pub fn uninspectable(what: &str) -> Self {
        Self(format!("uninspectable.{what}").into())
    }

    /// Brings any text into the form of a tag: lower case, every character outside
    /// `[a-z0-9._-]` becomes `-`, empty path segments vanish. `None` if nothing is left.
    pub fn parse(text: &str) -> Option<Self> {
        let lower = |c: char| match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9' | '.' | '_' | '-') => c,
            _ => '-',
        };
        let trimmed = text.trim();
        if trimmed.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
            && (1..=MAX_LENGTH).contains(&trimmed.len())
        {
            return Some(Self(trimmed.into()));
        }
        let cleaned: String = trimmed.chars().take(MAX_LENGTH).map(lower).collect();
        let path = cleaned.split('.').filter(|segment| !segment.is_empty());
        let joined = path.collect::<Vec<_>>().join(".");
        (!joined.is_empty()).then(|| Self(joined.into()))
    }

    /// The dotted path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Tags ===

/// A set of tags, in order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(Vec<Tag>);

impl Tags {
    /// Adds one tag; beyond [`MAX_TAGS`] the set says that it is not whole.
    pub fn insert(&mut self, tag: Tag) {
        let Err(place) = self.0.binary_search(&tag) else { return };
        if self.0.len() < MAX_TAGS - 1 {
            self.0.insert(place, tag);
            return;
        }
        let overflow = Tag::uninspectable("too-many-tags");
        if let Err(place) = self.0.binary_search(&overflow) {
            self.0.insert(place, overflow);
        }
    }

    /// Adds what a text declares. A text that is not wholly a tag is kept as far as it
    /// goes and marked, so that a rule on any tag still holds.
    pub fn insert_declared(&mut self, text: &str) {
        match Tag::parse(text) {
            Some(tag) => self.insert(tag),
            None if text.trim().is_empty() => return,
            None => self.insert(Tag::uninspectable("tag")),
        }
        if text.len() > MAX_LENGTH {
            self.insert(Tag::uninspectable("tag"));
        }
    }

    /// Whether more tags were declared than are kept: the set is not whole.
    pub fn has_overflown(&self) -> bool {
        self.0.iter().any(|tag| tag.as_str() == "uninspectable.too-many-tags")
    }

    /// Whether no tag is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tags in order.
    pub fn iter(&self) -> impl Iterator<Item = &Tag> {
        self.0.iter()
    }

    /// Whether every tag of `other` is in this set.
    pub fn contains_all(&self, other: &Self) -> bool {
        other.iter().all(|tag| self.0.binary_search(tag).is_ok())
    }
}

impl FromIterator<Tag> for Tags {
    fn from_iter<I: IntoIterator<Item = Tag>>(tags: I) -> Self {
        let mut set = Self::default();
        tags.into_iter().for_each(|tag| set.insert(tag));
        set
    }
}

impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, tag) in self.0.iter().enumerate() {
            write!(f, "{}{tag}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

// === impl TagPattern ===

/// What a rule says of tags: `*` is any, `health` is `health` and all below it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TagPattern {
    /// Any tag at all.
    Any,
    /// The tag and every tag below it.
    Prefix(Tag),
}

impl TagPattern {
    /// Parses `*`, `health` or `health.*` (the last two mean the same). `None` if the
    /// text is not exactly a tag.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        let path = text.strip_suffix(".*").unwrap_or(text);
        Tag::parse(path).filter(|tag| tag.as_str() == path).map(Self::Prefix)
    }

    /// Whether the tag falls under the pattern.
    pub fn matches(&self, tag: &Tag) -> bool {
        match self {
            Self::Any => true,
            Self::Prefix(prefix) => match tag.as_str().strip_prefix(prefix.as_str()) {
                Some(rest) => rest.is_empty() || rest.starts_with('.'),
                None => false,
            },
        }
    }
}

impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Prefix(tag) => tag.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_becomes_a_tag_or_a_mark() {
        let parsed = |text| Tag::parse(text).map(|tag| tag.to_string());
        assert_eq!(parsed(" Health.Genomic ").as_deref(), Some("health.genomic"));
        assert_eq!(parsed("..a..b.").as_deref(), Some("a.b"));
        assert_eq!(parsed("top secret\u{e9}").as_deref(), Some("top-secret-"));
        assert_eq!(parsed("."), None);
        let mut tags = Tags::default();
        tags.insert_declared("...");
        assert_eq!(tags.to_string(), "uninspectable.tag");
    }

    #[test]
    fn patterns_match_whole_segments() {
        let pattern = TagPattern::parse("health").unwrap();
        assert!(pattern.matches(&Tag::parse("health.x").unwrap()));
        assert!(!pattern.matches(&Tag::parse("healthy").unwrap()));
        assert_eq!(TagPattern::parse("health.*"), TagPattern::parse("health"));
        assert_eq!(TagPattern::parse("He alth"), None);
    }

    #[test]
    fn a_flood_of_tags_is_bounded_and_told() {
        let tags: Tags = (0..1_000).filter_map(|n| Tag::parse(&format!("t{n}"))).collect();
        assert_eq!(tags.iter().count(), MAX_TAGS);
        assert!(tags.to_string().contains("uninspectable.too-many-tags"));
    }
}
