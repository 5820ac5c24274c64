//! Who sends and under what: `[[exporter]]`, `[[principal]]`, `[[route]]` and `[[grant]]`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::geo::Country;
use crate::net::{HostPattern, parse_network};
use crate::policy::{Declared, Exporter, Grant, Pack, Validity};
use crate::proxy::{Principal, Principals, Route};

use super::rules::parse_tag;
use super::section::{Section, Word};
use super::words::{nearest, parse_id};
use super::world::World;

/// Exporters by id, and the one for clients that are no principal.
#[derive(Clone, Debug, Default)]
pub(super) struct Exporters {
    named: BTreeMap<String, Arc<Exporter>>,
    default: Option<Arc<Exporter>>,
}

impl Exporters {
    pub(super) fn read(root: &Section<'_>) -> Self {
        let mut all = Self::default();
        for section in root.sections("exporter") {
            let default = section.flag("default").unwrap_or(false);
            let Some(exporter) = exporter(&section).map(Arc::new) else { continue };
            if default && all.default.replace(Arc::clone(&exporter)).is_some() {
                let message = "another exporter is the default already";
                section.problem(section.span_of("default"), message, None);
            }
            let id = exporter.id.clone();
            if all.named.insert(id.clone(), exporter).is_some() {
                let message = format!("exporter `{id}` is defined twice");
                section.problem(section.span_of("id"), message, None);
            }
        }
        all
    }

    /// On whose behalf clients act that are no principal.
    pub(super) fn of_anybody(&self) -> Option<Arc<Exporter>> {
        self.default.clone()
    }

    fn find(&self, section: &Section<'_>, word: &Word<'_>) -> Option<Arc<Exporter>> {
        let found = self.named.get(word.text).cloned();
        if found.is_none() {
            let near = nearest(word.text, self.named.keys().map(String::as_str));
            let help = near.map(|name| format!("did you mean `{name}`?"));
            let message = format!("no `[[exporter]]` has the id `{}`", word.text);
            section.problem(word.span.clone(), message, help);
        }
        found
    }
}

fn exporter(section: &Section<'_>) -> Option<Exporter> {
    let (id, place) = (section.required("id"), section.required("jurisdiction"));
    let attributes = texts(section, "attributes");
    section.word("name");
    let place = place?;
    let jurisdiction = Country::parse(place.text);
    if jurisdiction.is_none() {
        let near = Country::suggest(place.text);
        let help = near.map(|near| format!("did you mean `{}` ({})?", near.code(), near.name()));
        section.problem(
            place.span,
            format!("`{}` is no ISO 3166-1 country code", place.text),
            help,
        );
    }
    Some(Exporter { id: id?.text.to_owned(), jurisdiction: jurisdiction?, attributes })
}

/// Reads `[[principal]]`. Where clients can prove a name, a principal needs no network.
pub(super) fn principals(root: &Section<'_>, exporters: &Exporters, provable: bool) -> Principals {
    let mut seen = BTreeSet::new();
    let entry = |section: &Section<'_>| {
        let name = section.required("name");
        if let Some(word) = &name
            && !seen.insert(word.text.to_owned())
        {
            let message = format!("principal `{}` is defined twice", word.text);
            section.problem(word.span.clone(), message, None);
        }
        let name = name.and_then(|word| section.parse(&word, parse_principal));
        let words = section.some_words("networks").unwrap_or_default();
        if words.is_empty() && !provable {
            let help = "or let clients prove their names: `users` or `tokens` of `[auth]`, \
                        `client_roots` of a `[[listener]]`";
            let message = "`networks` is missing here";
            section.problem(section.span(), message, Some(help.to_owned()));
        }
        let exporter = section.word("exporter").and_then(|word| exporters.find(section, &word));
        let groups = section.some_words("groups").unwrap_or_default();
        let principal = Principal {
            name: name.unwrap_or_default().into(),
            exporter: exporter.or_else(|| exporters.of_anybody()),
            declares: section.flag("declares").unwrap_or(false),
            groups: section.parsed(&groups, parse_id),
        };
        (principal, section.parsed(&words, parse_network))
    };
    root.sections("principal").iter().map(entry).collect()
}

/// A name that rules can tell from a group.
fn parse_principal(text: &str) -> Result<String, String> {
    if text.starts_with('@') || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("a principal's name has no spaces and does not begin with `@`".to_owned());
    }
    Ok(text.to_owned())
}

/// Reads `[[route]]`: what is true of every request of its kind.
pub(super) fn routes(root: &Section<'_>, world: &World<'_>) -> Vec<Route> {
    let route = |section: &Section<'_>| {
        let hosts = section.words("hosts");
        let tags = section.words("tags");
        Route {
            hosts: section.parsed(&hosts, HostPattern::parse),
            principals: world.principals(section, &section.words("principals")),
            tags: section.parsed(&tags, parse_tag),
            declared: declared(&section.section("context")),
        }
    };
    root.sections("route").iter().map(route).collect()
}

/// A declared context, as routes and cases write it.
pub(super) fn declared(section: &Section<'_>) -> Declared {
    let word = |key| section.word(key).map(|word| word.text.to_owned());
    Declared {
        transaction: word("transaction"),
        contract: word("contract"),
        contract_has: texts(section, "contract_has"),
        purpose: word("purpose"),
        mechanism: texts(section, "mechanism"),
        consent: texts(section, "consent"),
        approval: texts(section, "approval"),
        recipient_kind: word("recipient_kind"),
        phase: word("phase"),
    }
}

/// Reads `[[grant]]`: exemptions in use. What an exemption needs must be said.
pub(super) fn grants(root: &Section<'_>, packs: &[Pack], world: &World<'_>) -> Vec<Grant> {
    root.sections("grant").iter().filter_map(|section| grant(section, packs, world)).collect()
}

fn grant(section: &Section<'_>, packs: &[Pack], world: &World<'_>) -> Option<Grant> {
    for key in ["reason", "approver", "evidence"] {
        let help = "an auditor will ask".to_owned();
        if !section.has(key) {
            section.problem(section.span(), format!("`{key}` is missing here"), Some(help));
        }
        section.word(key);
    }
    let approved = section.moment("approved", &TimeZone::UTC);
    let expires = section.moment("expires", &TimeZone::UTC);
    if expires.is_none() && !section.has("expires") {
        let help = "an exemption without an end is a rule".to_owned();
        section.problem(section.span(), "`expires` is missing here", Some(help));
    }
    let hosts = section.words("hosts");
    let principals = world.principals(section, &section.words("principals"));
    let word = section.required("exemption")?;
    let found = find(packs, word.text);
    if found.is_none() {
        let names = packs.iter().flat_map(|pack| {
            pack.exemptions.iter().map(move |one| format!("{}/{}", pack.id, one.id))
        });
        let names: Vec<_> = names.collect();
        let near = nearest(word.text, names.iter().map(String::as_str));
        let help = near.map(|name| format!("did you mean `{name}`?"));
        let message = format!("`{}` is no exemption of a pack in force", word.text);
        section.problem(word.span.clone(), message, help);
    }
    let (pack, exemption) = found?;
    Some(Grant {
        name: word.text.to_owned(),
        pack,
        exemption,
        validity: Validity { from: approved, until: expires },
        principals,
        hosts: section.parsed(&hosts, HostPattern::parse),
        purposes: texts(section, "purpose"),
    })
}

/// The place of `pack/exemption`.
pub(super) fn find(packs: &[Pack], name: &str) -> Option<(usize, usize)> {
    let (pack, exemption) = name.split_once('/')?;
    let at = packs.iter().position(|one| one.id == pack)?;
    let exemption = packs.get(at)?.exemptions.iter().position(|one| one.id == exemption)?;
    Some((at, exemption))
}

fn texts(section: &Section<'_>, key: &'static str) -> Vec<String> {
    section.words(key).iter().map(|word| word.text.to_owned()).collect()
}
