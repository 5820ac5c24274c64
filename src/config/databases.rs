//! `[geo]`: database files and the operator's corrections.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread;

use crate::geo::refresh::Manifest;
use crate::geo::{Atlas, Correction, Country, Overlay, Sha256, Source};
use crate::net::parse_network;

use super::section::{Section, Word};
use super::trial::Trial;

/// A database file as written: its source, its path and where it stands.
struct Listed {
    source: Source,
    path: PathBuf,
    span: Range<usize>,
}

/// Reads the files, checks each as a whole and merges them. `None` where a mistake was
/// told.
pub(super) fn atlas(
    root: &Section<'_>,
    shipped: &Section<'_>,
    bases: &[PathBuf],
    trial: Option<&Trial>,
) -> Option<Atlas> {
    let own = root.section("geo");
    let tried = trial.map(Trial::overlay).transpose();
    let tried = tried.map_err(|error| root.problem(0..0, format!("--geo: {error}"), None));
    let overlay = overlay(&own, tried.ok().flatten().unwrap_or_default());
    let section = if own.has("database") { own } else { shipped.section("geo") };
    let listed: Vec<_> =
        section.sections("database").iter().filter_map(|one| database(one, bases)).collect();
    let mut spans = Vec::new();
    let mut sources = Vec::new();
    for (Listed { source, path, span }, bytes) in read_all(listed) {
        match bytes {
            Ok(bytes) => {
                spans.push((source.file.clone(), span));
                sources.push((source, bytes));
            }
            Err(error) => section.problem(span, format!("{}: {error}", path.display()), None),
        }
    }
    match Atlas::load(sources, overlay) {
        Ok(atlas) => Some(atlas),
        Err(errors) => {
            for error in errors {
                let place = spans.iter().find(|(file, _)| *file == error.file);
                let span = place.map_or_else(|| section.span(), |(_, span)| span.clone());
                section.problem(span, error.to_string(), None);
            }
            None
        }
    }
}

/// Reads every file in a thread of its own: one after the other they took 12 ms of 80 at start.
#[expect(clippy::needless_collect, reason = "all threads start before the first is awaited")]
fn read_all(listed: Vec<Listed>) -> Vec<(Listed, io::Result<Vec<u8>>)> {
    let files = thread::scope(|scope| {
        let read = |one: &Listed| {
            let path = one.path.clone();
            scope.spawn(move || std::fs::read(path))
        };
        let threads: Vec<_> = listed.iter().map(read).collect();
        let joined = threads.into_iter().map(thread::ScopedJoinHandle::join);
        joined.map(|one| one.expect("reading a file reports, never panics")).collect::<Vec<_>>()
    });
    listed.into_iter().zip(files).collect()
}

fn database(section: &Section<'_>, bases: &[PathBuf]) -> Option<Listed> {
    let (name, file) = (section.required("name"), section.required("file"));
    let sha256 = section.word("sha256").and_then(|word| {
        section.parse(&word, |text| {
            Sha256::parse(text).ok_or("`sha256` must be 64 hexadecimal digits")
        })
    });
    let probes = section.flag("probes").unwrap_or(true);
    let (name, file) = (name?, file?);
    let path = find(file.text, bases);
    let sha256 = sha256.or_else(|| pinned(section, &file, &path));
    let source = Source {
        name: name.text.to_owned(),
        file: path.display().to_string(),
        sha256,
        skip_probes: !probes,
    };
    Some(Listed { source, path, span: file.span })
}

/// The digest that the manifest beside the file gives it. The shipped files are pinned
/// there, so that a refresh has one place to write.
fn pinned(section: &Section<'_>, file: &Word<'_>, path: &Path) -> Option<Sha256> {
    let text = std::fs::read_to_string(path.with_file_name("MANIFEST.toml")).ok()?;
    let name = path.file_name()?.to_str()?;
    match Manifest::parse(&text) {
        Ok(manifest) => manifest.database.iter().find(|one| one.file == name)?.digest(),
        Err(error) => {
            let message =
                format!("MANIFEST.toml beside {} cannot be read: {error}", path.display());
            section.problem(file.span.clone(), message, None);
            None
        }
    }
}

/// The first base under which the file exists; else the path as the first base gives it,
/// so that the error names it.
fn find(file: &str, bases: &[PathBuf]) -> PathBuf {
    let candidates = bases.iter().map(|base| base.join(file));
    let found = candidates.clone().find(|path| path.exists());
    found.or_else(|| candidates.into_iter().next()).unwrap_or_else(|| Path::new(file).to_owned())
}

/// Corrections of a trial come first: those here of the same network or host give way.
fn overlay(section: &Section<'_>, tried: Overlay) -> Overlay {
    let mut overlay = Overlay::default();
    for entry in section.sections("overlay") {
        let reason = entry.word("reason").map(|word| word.text.to_owned());
        let correction =
            entry.required("country").and_then(|word| correction(&entry, &word, reason));
        let (network, host) = (entry.word("network"), entry.word("host"));
        if network.is_some() == host.is_some() {
            entry.problem(entry.span(), "a correction names either `network` or `host`", None);
        }
        let Some(correction) = correction else { continue };
        if let Some(word) = &network
            && let Some(network) = entry.parse(word, parse_network)
            && let Err(error) = overlay.add_network(network, correction.clone())
        {
            entry.problem(word.span.clone(), error.to_string(), None);
        }
        if let Some(word) = &host
            && let Err(error) = overlay.add_host(word.text, correction)
        {
            entry.problem(word.span.clone(), error.to_string(), None);
        }
    }
    overlay.yield_to(tried)
}

/// A country, or `unknown` for an address of which nobody knows where it lies.
fn correction(entry: &Section<'_>, word: &Word<'_>, reason: Option<String>) -> Option<Correction> {
    if word.text == "unknown" {
        return Some(Correction { to: None, reason });
    }
    let country = Country::parse(word.text);
    if country.is_none() {
        let help = Country::suggest(word.text)
            .map(|near| format!("did you mean `{}` ({})?", near.code(), near.name()));
        let message = format!("`{}` is no ISO 3166-1 country code, nor `unknown`", word.text);
        entry.problem(word.span.clone(), message, help);
    }
    country.map(|country| Correction { to: Some(country), reason })
}
