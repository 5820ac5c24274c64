//! One load of the configuration, from files to settings.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use toml::de::DeTable;

use crate::geo::Sha256;
use crate::proxy::Active;

use super::fixed::Fixed;
use super::listeners::Listeners;
use super::pack::PackRoot;
use super::problem::{Collector, Problems, Text};
use super::section::Section;
use super::sites::RuleSites;
use super::sources::{PackText, pack_texts};
use super::trial::Trial;
use super::trust::Trust;
use super::{active, admin, auth, sinks};

/// What errors call the configuration inside the program.
pub(super) const BUILT_IN: &str = "config/borderpost.toml (built in)";

/// Where the configuration comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// The one inside the program.
    BuiltIn,
    /// A file; its paths are relative to its folder.
    File(PathBuf),
    /// A text; its paths are relative to where the shipped databases are found.
    Text {
        /// What errors call it.
        name: String,
        /// The configuration.
        text: String,
    },
}

/// A configuration without a mistake.
#[derive(Debug)]
pub struct Loaded {
    /// What holds until the program stops.
    pub fixed: Fixed,
    /// What the next load replaces.
    pub active: Active,
    /// What is not wrong, but should be known: facts that wait for a person.
    pub notes: Vec<String>,
    /// Where the rules stand.
    pub sites: RuleSites,
}

/// Reads everything that the origin names; all mistakes of all files come at once.
pub fn load(origin: &Origin) -> Result<Loaded, Problems> {
    let problems = Collector::default();
    let loaded = read(origin, &problems);
    problems.finish()?;
    Ok(loaded.expect("whatever is missing has been told as a mistake"))
}

/// The same with other packs: each takes the place of the pack of its id, or is added. For
/// drafts that are tried on the past.
pub fn load_with(origin: &Origin, drafts: &[(String, String)]) -> Result<Loaded, Problems> {
    let problems = Collector::default();
    let loaded = read_with(origin, drafts, None, &problems);
    problems.finish()?;
    Ok(loaded.expect("whatever is missing has been told as a mistake"))
}

/// The same for a run beside the one that is in force. Where its counts are kept is for the caller
/// to say.
pub fn load_trial(origin: &Origin, trial: &Trial) -> Result<Loaded, Problems> {
    let problems = Collector::default();
    let loaded = read_with(origin, &trial.packs, Some(trial), &problems);
    problems.finish()?;
    Ok(loaded.expect("whatever is missing has been told as a mistake"))
}

fn read(origin: &Origin, problems: &Collector) -> Option<Loaded> {
    read_with(origin, &[], None, problems)
}

/// Puts drafts in the place of the packs of their ids.
fn replace(mut texts: Vec<PackText>, drafts: &[(String, String)]) -> Vec<PackText> {
    for (name, text) in drafts {
        let draft = PackText::draft(name, text);
        match texts.iter_mut().find(|known| pack_id(&known.text.text) == pack_id(text)) {
            Some(known) => *known = draft,
            None => texts.push(draft),
        }
    }
    texts
}

/// The id in the head of a pack.
pub(super) fn pack_id(text: &str) -> Option<String> {
    let (table, _) = DeTable::parse_recoverable(text);
    let head = table.get_ref().get("pack")?.get_ref().as_table()?;
    Some(head.get("id")?.get_ref().as_str()?.to_owned())
}

fn read_with(
    origin: &Origin,
    drafts: &[(String, String)],
    trial: Option<&Trial>,
    problems: &Collector,
) -> Option<Loaded> {
    let main = Arc::new(text_of(origin, problems)?);
    let bases = bases(origin);
    let table = parse(&main, problems);
    let root = Section::new(&main, problems, table.get_ref(), 0..0);
    let shipped = Arc::new(Text { name: BUILT_IN.to_owned(), text: super::DEFAULT.to_owned() });
    let shipped_table = parse(&shipped, problems);
    let shipped = Section::new(&shipped, problems, shipped_table.get_ref(), 0..0).partly_read();
    let trust = Trust::read(&root);
    let names = if root.has("packs") { &root } else { &shipped };
    let texts = replace(pack_texts(names, &bases), drafts);
    let tables: Vec<_> = texts.iter().map(|pack| parse(&pack.text, problems)).collect();
    let digest = digest(&main, &texts);
    let packs: Vec<_> = texts
        .iter()
        .zip(&tables)
        .map(|(pack, table)| PackRoot {
            section: Section::new(&pack.text, problems, table.get_ref(), 0..0),
            digest: format!("sha256:{}", Sha256::of(pack.bytes())),
            signer: trust.check(names, pack),
        })
        .collect();
    let (proxy, near) = (root.section("proxy"), near(origin));
    let Listeners { all, acceptors, certificates } = Listeners::read(&root, &proxy, &near);
    let door = admin::read(&root, &near, problems);
    let fixed = Fixed::read(&root, &proxy, &near, all, door);
    let sinks = sinks::read(&root, &near, fixed.journal, &fixed.record);
    let fixed = Fixed { sinks, ..fixed };
    let auth = auth::read(&root, &near, problems, certificates);
    let provable = certificates || auth.reads_requests();
    let load = active::Load { digest: &digest, provable, trial };
    let read = active::read(&root, &shipped, &packs, &bases, problems, &load);
    let (active, notes, sites) = read?;
    let active = Active { auth, acceptors, ..active };
    if trial.is_none() && fixed.state.is_none() && !active.policy.counters().is_empty() {
        let help =
            "add [state] with folder = \"...\": what is forgotten is counted too low".to_owned();
        let message = "these packs count over months, and nothing says where counts are kept";
        root.problem(root.span_of("packs"), message, Some(help));
    }
    Some(Loaded { fixed, active, notes, sites })
}

pub(super) fn text_of(origin: &Origin, problems: &Collector) -> Option<Text> {
    match origin {
        Origin::BuiltIn => {
            Some(Text { name: BUILT_IN.to_owned(), text: super::DEFAULT.to_owned() })
        }
        Origin::Text { name, text } => Some(Text { name: name.clone(), text: text.clone() }),
        Origin::File(path) => {
            let name = path.display().to_string();
            match std::fs::read_to_string(path) {
                Ok(text) => Some(Text { name, text }),
                Err(error) => {
                    let empty = Arc::new(Text { name: name.clone(), text: String::new() });
                    let message = format!("{name}: {error}");
                    let help =
                        "name a readable file in UTF-8, or none for the built-in one".to_owned();
                    problems.add(&empty, 0..0, message, Some(help));
                    None
                }
            }
        }
    }
}

/// Every syntax error is told; what could be read is read on.
pub(super) fn parse<'t>(text: &'t Arc<Text>, problems: &Collector) -> toml::Spanned<DeTable<'t>> {
    let (table, errors) = DeTable::parse_recoverable(&text.text);
    for error in errors {
        problems.add(text, error.span().unwrap_or(0..0), error.message(), None);
    }
    table
}

/// Folders under which relative paths are looked for, in order.
fn bases(origin: &Origin) -> Vec<PathBuf> {
    // The program finds what is shipped with it from a build tree (target/release), from
    // an unpacked archive and from a package, whatever the working folder.
    let program = std::env::current_exe().unwrap_or_default();
    let above = program.ancestors().skip(1).take(4).map(Path::to_owned);
    let packaged = PathBuf::from("/usr/share/borderpost");
    [near(origin)].into_iter().chain(above).chain([packaged]).collect()
}

/// The folder that relative paths begin at.
pub(super) fn near(origin: &Origin) -> PathBuf {
    match origin {
        Origin::File(path) => path.parent().map(Path::to_owned).unwrap_or_default(),
        Origin::BuiltIn | Origin::Text { .. } => PathBuf::new(),
    }
}

/// Names what is in force: the bytes of the main file and of every pack, in order.
fn digest(main: &Text, packs: &[PackText]) -> String {
    let mut context = Context::new(&SHA256);
    for text in [main].into_iter().chain(packs.iter().map(|pack| &*pack.text)) {
        context.update(&u64::try_from(text.text.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(text.text.as_bytes());
    }
    let hex = context.finish();
    let hex = hex.as_ref().iter().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", hex.collect::<String>())
}
