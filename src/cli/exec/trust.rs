//! Whom programs shall trust: the platform's roots, an authority for this run alone, and what the
//! environment names already.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::tls::authority::{roots_in_pem, trust_store};
use crate::tls::{Authority, certificates};

use super::variables::VARIABLES;

/// The files that programs are told of.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) roots: PathBuf,
    pub(super) more: PathBuf,
    pub(super) store: PathBuf,
}

/// The files of roots that the environment names now: who runs a program so that it trusts an
/// authority means that, whoever does the trusting. What is no file of certificates is told.
pub(super) fn asked_for(
    environment: impl Fn(&str) -> Option<OsString>,
) -> (Vec<PathBuf>, Vec<String>) {
    let named = VARIABLES.iter().filter(|variable| variable.names_roots());
    let named = named.filter_map(|variable| {
        let path = environment(variable.name).filter(|path| !path.is_empty())?;
        Some((PathBuf::from(path), variable.name))
    });
    let (mut files, mut notes, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (path, name) in named.filter(|(path, _)| seen.insert(path.clone())) {
        match read(&path) {
            Ok(_) => files.push(path),
            Err(why) => notes.push(format!("{name} is left out: {}: {why}", path.display())),
        }
    }
    (files, notes)
}

/// Writes them.
pub(super) fn write(
    folder: &Path,
    authority: &Authority,
    asked_for: &[PathBuf],
) -> anyhow::Result<Files> {
    let mut asked = Vec::new();
    for path in asked_for {
        let found = read(path).map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))?;
        asked.extend(found);
    }
    let mut all = authority.bundle();
    all.extend(asked.iter().cloned());
    let files = Files {
        roots: folder.join("roots.pem"),
        more: folder.join("more.pem"),
        store: folder.join("roots.p12"),
    };
    let mut more = authority.roots_pem();
    more.push_str(&roots_in_pem(&asked));
    let written = put(&files.roots, roots_in_pem(&all).as_bytes())
        .and_then(|()| put(&files.more, more.as_bytes()))
        .and_then(|()| put(&files.store, &trust_store(&all)));
    written.with_context(|| format!("cannot write in {}", folder.display()))?;
    Ok(files)
}

/// A file for this user alone.
fn put(path: &Path, octets: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(path)?.write_all(octets)
}

fn read(path: &Path) -> Result<Vec<rustls::pki_types::CertificateDer<'static>>, String> {
    let pem = fs::read(path).map_err(|error| error.to_string())?;
    certificates(&pem)
}
