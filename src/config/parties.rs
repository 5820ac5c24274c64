//! Where the parties of the register are written: in the main file, and in the files that
//! `[register]` names.

use std::path::PathBuf;
use std::sync::Arc;

use crate::policy::register::Register;

use super::problem::{Collector, Text};
use super::register::Parties;
use super::section::Section;

/// Reads all of them as one register; an empty one where a mistake was told.
pub(super) fn read(root: &Section<'_>, problems: &Collector, bases: &[PathBuf]) -> Register {
    let mut parties = Parties::new(problems);
    parties.read_table(root);
    let section = root.section("register");
    for word in section.words("files") {
        let base = bases.first().cloned().unwrap_or_default();
        let path = base.join(word.text);
        let name = path.display().to_string();
        match std::fs::read_to_string(&path) {
            Ok(text) => parties.read_file(&Arc::new(Text { name, text })),
            Err(error) => section.problem(word.span, format!("{name}: {error}"), None),
        }
    }
    parties.finish().unwrap_or_default()
}
