//! `[intercept]`: which tunnels are looked into.

use std::path::Path;

use crate::net::{HostPattern, parse_network};
use crate::policy::{Consensus, Dated, Reach};
use crate::proxy::{OpenMode, OpenRule, Opening, Plan};

use super::places::Jurisdictions;
use super::section::{Section, Word};
use super::world::World;

const PLANS: [(&str, Plan); 3] =
    [("intercept", Plan::Open), ("refuse", Plan::Refuse), ("tunnel", Plan::Tunnel)];
/// What can be done with a tunnel in which nothing can be opened.
const SHUT: [(&str, Plan); 2] = [("refuse", Plan::Refuse), ("tunnel", Plan::Tunnel)];

/// Reads the section.
pub(super) fn read(
    root: &Section<'_>,
    places: &Jurisdictions,
    world: &World<'_>,
    base: &Path,
) -> Opening {
    let section = root.section("intercept");
    let natural = Opening::default();
    let modes =
        [("always", OpenMode::Always), ("need", OpenMode::Need), ("never", OpenMode::Never)];
    let relaxed = section.words("relaxed");
    let rules = section.sections("rule");
    Opening {
        mode: section.choice("mode", &modes).unwrap_or_default(),
        rules: rules.iter().filter_map(|one| rule(one, places, world, base)).collect(),
        without_name: section.choice("without_name", &PLANS).unwrap_or(natural.without_name),
        encrypted: section.choice("encrypted_hello", &PLANS).unwrap_or(natural.encrypted),
        unreadable: section.choice("unreadable", &SHUT).unwrap_or(natural.unreadable),
        relaxed: section.parsed(&relaxed, HostPattern::parse),
        pinned_after: section
            .number("pinned_after", 1..=1000)
            .and_then(|number| u32::try_from(number).ok())
            .unwrap_or(natural.pinned_after),
    }
}

fn rule(
    section: &Section<'_>,
    places: &Jurisdictions,
    world: &World<'_>,
    base: &Path,
) -> Option<OpenRule> {
    let networks = |key| {
        let words = section.words(key);
        section.parsed(&words, parse_network).into_iter().collect()
    };
    let hosts = section.words("hosts");
    let mut hosts = section.parsed(&hosts, HostPattern::parse);
    if let Some(word) = section.word("hosts_from") {
        hosts.extend(listed(section, &word, base));
    }
    let principals = section.some_words("principals");
    if !section.has("action") {
        let help = "one of intercept, refuse, tunnel".to_owned();
        section.problem(section.span(), "`action` is missing here", Some(help));
    }
    Some(OpenRule {
        hosts,
        to: section.some_words("to").map(|words| reach(section, places, &words)),
        networks: networks("networks"),
        clients: networks("clients"),
        principals: principals.map(|words| world.principals(section, &words)),
        plan: section.choice("action", &PLANS)?,
    })
}

/// An unknown place counts: what nobody can place is looked into, or kept out, with the rest.
fn reach(section: &Section<'_>, places: &Jurisdictions, words: &[Word<'_>]) -> Reach {
    Reach {
        names: words.iter().map(|word| word.text.to_owned()).collect(),
        places: Dated::always(places.places(section, words)),
        regions: Vec::new(),
        consensus: Consensus::Any,
        unknown_counts: true,
    }
}

/// Hosts of a file, such as a list of one category: one pattern a line, `#` begins a comment. A
/// list without any is a mistake: it would stand for every host.
fn listed(section: &Section<'_>, word: &Word<'_>, base: &Path) -> Vec<HostPattern> {
    let path = base.join(word.text);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            section.problem(word.span.clone(), format!("{}: {error}", path.display()), None);
            return Vec::new();
        }
    };
    let mut hosts = Vec::new();
    for (line, number) in text.lines().zip(1_u32..) {
        let line = line.split('#').next().unwrap_or_default().trim();
        match HostPattern::parse(line) {
            _ if line.is_empty() => {}
            Ok(pattern) => hosts.push(pattern),
            Err(error) => {
                let message = format!("{}:{number}: {error}", path.display());
                section.problem(word.span.clone(), message, None);
            }
        }
    }
    if hosts.is_empty() {
        let message = format!("{} names no host", path.display());
        section.problem(word.span.clone(), message, None);
    }
    hosts
}
