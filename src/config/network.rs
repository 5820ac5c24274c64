//! What decides beside rules and databases: open destinations, static names, principals.

use std::collections::HashSet;
use std::net::IpAddr;

use ipnetwork::IpNetwork;

use crate::net::{Host, Nat64, Special, parse_network};
use crate::policy::PolicySettings;
use crate::proxy::{Mixed, StaticNames};

use super::rules::Defaults;
use super::section::Section;
use super::words::nearest;

/// Reads `[destinations]`.
pub(super) fn destinations(
    root: &Section<'_>,
    defaults: Defaults,
) -> (PolicySettings, Nat64, Mixed) {
    let section = root.section("destinations");
    let mut kinds = HashSet::new();
    let mut networks = Vec::new();
    for word in section.words("open") {
        if let Some(kind) = Special::parse(word.text) {
            kinds.insert(kind);
        } else if let Ok(network) = parse_network(word.text) {
            networks.push(network);
        } else {
            let names = Special::ALL.map(Special::name);
            let help = match nearest(word.text, names) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("kinds: {}", names.join(", ")),
            };
            let message =
                format!("`{}` is neither a network nor a kind of special network", word.text);
            section.problem(word.span, message, Some(help));
        }
    }
    let mixed = [("avoid", Mixed::Avoid), ("refuse", Mixed::Refuse)];
    let mixed = section.choice("mixed", &mixed).unwrap_or_default();
    let prefixes = section.words("nat64");
    let prefixes = section.parsed(&prefixes, |text| match parse_network(text) {
        Ok(IpNetwork::V6(network)) if network.prefix() == 96 => Ok(network),
        _ => Err(format!("`{text}` is not an IPv6 /96 prefix")),
    });
    let settings = PolicySettings {
        default: defaults.fallback,
        open_kinds: kinds,
        open_networks: networks.into_iter().collect(),
    };
    (settings, Nat64::new(prefixes), mixed)
}

/// Reads `[names]`: host = address or addresses.
pub(super) fn names(root: &Section<'_>) -> StaticNames {
    let section = root.section("names");
    let entry = |(name, words): (super::section::Word<'_>, Vec<super::section::Word<'_>>)| {
        let host = section.parse(&name, Host::parse);
        let wrong = |text: &str| format!("`{text}` is not an address");
        let parse = |text: &str| text.parse::<IpAddr>().map_err(|_| wrong(text));
        let addresses = section.parsed(&words, parse);
        if words.is_empty() {
            section.problem(name.span.clone(), format!("`{}` has no address", name.text), None);
        }
        Some((host?, addresses))
    };
    section.named_words().into_iter().filter_map(entry).collect()
}
