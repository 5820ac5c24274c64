//! Packs: files of rules for one purpose, some of them shipped inside the program.

use crate::policy::PackInfo;

use super::places::Jurisdictions;
use super::rules::{Defaults, Rules};
use super::section::Section;
use super::world::World;

/// The packs inside the program, by the name that `packs` uses.
pub(super) const SHIPPED: [(&str, &str); 1] =
    [("default", include_str!("../../config/packs/default.toml"))];

/// Reads one pack: its head, its jurisdictions and its rules.
pub(super) fn read(
    root: &Section<'_>,
    outer: &Jurisdictions,
    defaults: Defaults,
    world: &World<'_>,
    rules: &mut Rules,
) -> PackInfo {
    let head = root.section("pack");
    let text = |key| head.required(key).map_or(String::new(), |word| word.text.to_owned());
    let (id, version) = (text("id"), text("version"));
    // For people; the engine does not read it.
    head.word("title");
    let places = Jurisdictions::read(root, outer);
    let count = rules.read(root, &id, &places, defaults, world);
    PackInfo { id, version, rules: count }
}
