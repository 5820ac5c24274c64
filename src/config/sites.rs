//! Where rules stand, for who is to change one: the file and the line of its `id`.

use crate::policy::Rule;

use super::section::Section;

/// What stands behind the name of a file that is inside the program.
const INSIDE: &str = " (built in)";

/// Where a rule stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSite {
    /// Its pack; `local` for rules of the main file.
    pub pack: String,
    /// Its id there.
    pub rule: String,
    /// The file: as the user named it, or as the repository of this program has it.
    pub file: String,
    /// Whether that is inside the program.
    pub built_in: bool,
    /// The line of its `id`, from 1.
    pub line: usize,
    /// The column at which the id begins, from 1, in characters.
    pub column: usize,
}

/// Where all rules stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleSites(pub(super) Vec<RuleSite>);

// === impl RuleSite ===

impl RuleSite {
    pub(super) fn of(section: &Section<'_>, rule: &Rule) -> Self {
        let text = &section.file.text;
        let before = text.get(..section.span_of("id").start).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default();
        let name = &section.file.name;
        let inside = name.strip_suffix(INSIDE);
        Self {
            pack: rule.pack.clone(),
            rule: rule.id.clone(),
            file: inside.unwrap_or(name).to_owned(),
            built_in: inside.is_some(),
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
        }
    }
}

impl std::fmt::Display for RuleSite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let inside = if self.built_in { INSIDE } else { "" };
        write!(f, "{}:{}{inside}", self.file, self.line)
    }
}

// === impl RuleSites ===

impl RuleSites {
    /// Where a rule stands.
    pub fn get(&self, pack: &str, rule: &str) -> Option<&RuleSite> {
        self.0.iter().find(|site| site.pack == pack && site.rule == rule)
    }

    /// All of them, in the order of packs and rules.
    pub fn iter(&self) -> impl Iterator<Item = &RuleSite> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Origin, load};

    #[test]
    fn every_rule_stands_where_it_says() {
        let text = "packs = [\"default\", \"us-28cfr202\"]\n[geo]\ndatabase = []\n[state]\nfolder = \"s\"\n\
                    [[rule]]\nid = \"mine\"\noutcome = \"block\"\nreason = \"b\"\nwhen = { tags = [\"*\"] }\n";
        let origin = Origin::Text { name: "mine.toml".to_owned(), text: text.to_owned() };
        let loaded = load(&origin).unwrap();
        assert_eq!(loaded.sites.0.len(), loaded.active.policy.rules().len());
        let mine = loaded.sites.get("local", "mine").unwrap();
        assert_eq!((mine.to_string().as_str(), mine.column), ("mine.toml:7", 6));
        for site in loaded.sites.iter().filter(|site| site.pack != "local") {
            assert!(site.built_in, "{site}");
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(&site.file);
            let file = std::fs::read_to_string(path).unwrap();
            let line = file.lines().nth(site.line - 1).unwrap();
            let word: String = line.chars().skip(site.column - 1).collect();
            assert!(word.starts_with(&format!("\"{}\"", site.rule)), "{site}: {line}");
        }
    }
}
