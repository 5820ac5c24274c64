//! Packs: files of rules for one legal instrument, some of them shipped inside the program.
//! `config/packs/README.md` is their language.

mod alone;
mod areas;
mod classes;
mod conditions;
mod counters;
mod head;
mod lint;
mod plain;
mod recipients;
mod records;
mod relief;
mod rules;
mod territories;

use std::sync::Arc;

use jiff::civil::Date;

use crate::policy::register::Register;
use crate::policy::{Class, Counter, Pack, PackInfo, Rule};

use super::places::Jurisdictions;
use super::rules::{Defaults, Rules};
use super::section::Section;
use super::world::World;

pub(super) use conditions::of_peer;
pub(super) use head::Head;
pub use lint::lint_pack;
pub use plain::{Fact, PlainPack, PlainPart};
pub use records::{Kept, RecordItem, RecordSet, record_set};
pub(super) use rules::OUTCOMES;

/// The packs inside the program, by the name that `packs` uses.
pub(super) const SHIPPED: [(&str, &str); 11] = [
    ("cn-cross-border", include_str!("../../../config/packs/cn-cross-border.toml")),
    ("company-example", include_str!("../../../config/packs/company-example.toml")),
    ("default", include_str!("../../../config/packs/default.toml")),
    ("eu-gdpr-ch5", include_str!("../../../config/packs/eu-gdpr-ch5.toml")),
    ("gids-2020", include_str!("../../../config/packs/gids-2020.toml")),
    ("in-dpdp", include_str!("../../../config/packs/in-dpdp.toml")),
    ("ru-152fz", include_str!("../../../config/packs/ru-152fz.toml")),
    ("sanctions-us", include_str!("../../../config/packs/sanctions-us.toml")),
    ("uk-transfer", include_str!("../../../config/packs/uk-transfer.toml")),
    ("us-28cfr202", include_str!("../../../config/packs/us-28cfr202.toml")),
    ("us-padfa", include_str!("../../../config/packs/us-padfa.toml")),
];

/// What all packs together bring; each is read into it.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "the packs themselves, beside what they bring")]
pub(super) struct Packs {
    pub(super) packs: Vec<Pack>,
    pub(super) classes: Vec<Class>,
    pub(super) counters: Vec<Counter>,
    pub(super) infos: Vec<PackInfo>,
    /// What each wants to be kept of a transaction.
    pub(super) records: Vec<Vec<RecordItem>>,
    /// What a person has not verified, and what has grown old: not wrong, but to be told.
    pub(super) notes: Vec<String>,
}

/// A pack as it was found.
pub(super) struct PackRoot<'a> {
    pub(super) section: Section<'a>,
    /// `sha256:` and the digest of its text.
    pub(super) digest: String,
    /// Who signed it; none where it is unsigned.
    pub(super) signer: Option<String>,
}

impl<'a> PackRoot<'a> {
    /// A pack of which only the text matters.
    pub(super) fn of(section: Section<'a>) -> Self {
        Self { section, digest: String::new(), signer: None }
    }
}

/// What a pack is read with.
pub(super) struct Around<'w> {
    pub(super) outer: &'w Jurisdictions,
    pub(super) defaults: Defaults,
    pub(super) world: &'w World<'w>,
    pub(super) register: &'w Arc<Register>,
    /// The day on which it is read.
    pub(super) today: Date,
}

impl Packs {
    /// Reads one pack: its head, its definitions, its rules and what lifts them.
    pub(super) fn read(&mut self, pack: &PackRoot<'_>, around: &Around<'_>, rules: &mut Rules) {
        let root = &pack.section;
        let index = self.packs.len();
        let head = Head::read(root);
        let zone = head.zone.clone();
        let territories = territories::Territories::read(root, around.outer, &zone);
        let recipients = recipients::Recipients::read(root, &territories, around.register);
        let areas = areas::read(root);
        let classes = classes::Classes::read(root, self, rules);
        let counters = counters::Counters::read(root, &classes, &territories, index, self);
        let first = rules.len();
        let reading = rules::Reading {
            head: &head,
            index,
            around,
            territories: &territories,
            recipients: &recipients,
            areas: &areas,
            classes: &classes,
            counters: &counters,
        };
        let count = reading.read(root, rules);
        let own = rules.get(first..).unwrap_or_default();
        let (exemptions, reports) = relief::read(root, own, first);
        self.records.push(records::read(root));
        let unverified = root.count_flags("verify");
        self.infos.push(head.info(count, pack.signer.clone()));
        self.note(&head, unverified, around.today);
        self.packs.push(head.pack(pack, exemptions, reports));
    }

    fn note(&mut self, head: &Head, unverified: usize, today: Date) {
        if let Some((as_of, days)) = head.stale(today) {
            self.notes.push(format!(
                "pack {}: its sources were last read on {as_of}, {days} days ago",
                head.id
            ));
        }
        if unverified > 0 {
            let things = if unverified == 1 { "fact" } else { "facts" };
            self.notes.push(format!(
                "pack {}: {unverified} {things} marked `verify` wait for a person",
                head.id
            ));
        }
    }
}

/// The rules of one pack, with their place in the policy.
pub(super) fn numbered(rules: &[Rule], first: usize) -> impl Iterator<Item = (usize, &Rule)> {
    (first..).zip(rules)
}
