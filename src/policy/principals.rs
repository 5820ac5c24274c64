//! Who is named in a rule, a route or a grant: principals, and groups of them.

use std::collections::BTreeSet;

/// Principals by name. Groups are taken apart when the configuration is read, so that a request
/// costs one look-up however large they are; what was written is kept for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrincipalSet {
    written: Vec<String>,
    names: BTreeSet<String>,
}

impl PrincipalSet {
    /// Those who are `written`, of which groups mean these `names`.
    pub fn new(written: Vec<String>, names: impl IntoIterator<Item = String>) -> Self {
        Self { written, names: names.into_iter().collect() }
    }

    /// Whether nobody was named.
    pub fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    /// Whether it names somebody.
    pub fn contains(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// What was written: names, and groups with their `@`.
    pub fn written(&self) -> &[String] {
        &self.written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_their_members_and_shown_as_written() {
        let written = vec!["@finance".to_owned(), "svc".to_owned()];
        let set = PrincipalSet::new(written.clone(), ["ann", "svc"].map(str::to_owned));
        assert!(set.contains("ann") && set.contains("svc"));
        assert!(!set.contains("@finance") && !set.contains("bob"));
        assert_eq!(set.written(), written);
        assert!(PrincipalSet::default().is_empty() && !set.is_empty());
    }
}
