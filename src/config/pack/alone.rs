//! One pack read by itself, for people who show, compare and check it: no principal, database
//! or register stands beside it, and nothing is said of what only those could tell.

use std::sync::Arc;

use jiff::civil::Date;
use toml::Spanned;
use toml::de::DeTable;

use crate::policy::Rule;
use crate::policy::register::Register;

use super::super::load::{BUILT_IN, Origin, parse, text_of};
use super::super::places::Jurisdictions;
use super::super::problem::{Collector, Problems, Text};
use super::super::rules::{Defaults, Rules};
use super::super::section::Section;
use super::super::sources::PackText;
use super::super::world::World;
use super::{Around, PackRoot, Packs};

/// A pack without a mistake, as written and as read.
pub(super) struct Alone<'a> {
    pub(super) text: &'a Arc<Text>,
    pub(super) table: Spanned<DeTable<'a>>,
    pub(super) packs: Packs,
    pub(super) rules: Vec<Rule>,
}

impl<'a> Alone<'a> {
    /// Reads the pack. Jurisdictions that it names and does not define are those of `origin`.
    pub(super) fn read(pack: &'a PackText, origin: &Origin, today: Date) -> Result<Self, Problems> {
        let problems = Collector::default();
        let table = parse(&pack.text, &problems);
        let (mut packs, mut rules) = (Packs::default(), Rules::default());
        {
            let outer = outer(origin, &problems);
            let world = World::anything();
            let register = Arc::new(Register::default());
            let defaults = Defaults::enforcing();
            let around =
                Around { outer: &outer, defaults, world: &world, register: &register, today };
            let section = Section::new(&pack.text, &problems, table.get_ref(), 0..0);
            packs.read(&PackRoot::of(section), &around, &mut rules);
        }
        problems.finish()?;
        Ok(Self { text: &pack.text, table, packs, rules: rules.finish() })
    }
}

/// The jurisdictions of a configuration, before those of the shipped one.
fn outer(origin: &Origin, problems: &Collector) -> Jurisdictions {
    let shipped = Text { name: BUILT_IN.to_owned(), text: super::super::DEFAULT.to_owned() };
    let shipped = read_places(&Arc::new(shipped), problems, &Jurisdictions::default());
    match text_of(origin, problems) {
        Some(main) => read_places(&Arc::new(main), problems, &shipped),
        None => shipped,
    }
}

fn read_places(text: &Arc<Text>, problems: &Collector, before: &Jurisdictions) -> Jurisdictions {
    let table = parse(text, problems);
    let root = Section::new(text, problems, table.get_ref(), 0..0).partly_read();
    Jurisdictions::read(&root, before)
}
