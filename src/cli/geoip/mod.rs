//! `geoip refresh`: fetches newer builds of the shipped databases with the package clients that
//! are installed anyway, checks them, and puts them in place of the old ones or says why not.

mod fetch;
mod place;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::geo::refresh::{Manifest, Shipped, compare};
use crate::geo::{Database, DatabaseError, Source};

/// What to refresh, and from where.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct RefreshOptions {
    /// The folder of the shipped databases.
    pub(super) into: PathBuf,
    /// Takes DB-IP from this file instead of its package.
    pub(super) from_dbip: Option<PathBuf>,
    /// Takes IPFire from this unpacked package instead of fetching it.
    pub(super) from_ipfire: Option<PathBuf>,
    /// Writes the new files although they differ too much from the old ones.
    pub(super) force: bool,
}

/// What a refresh did, a line for each database.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Report(Vec<String>);

/// A database as fetched and converted.
struct Fetched {
    bytes: Vec<u8>,
    /// What the manifest says of it, except what the file itself says.
    shipped: Shipped,
}

/// Refreshes the shipped databases. Each stands for itself: one that is refused keeps its old
/// file, and the refusal is returned after the others have been put in place.
pub(super) fn refresh(options: &RefreshOptions) -> Result<Report> {
    let mut manifest = read_manifest(&options.into)?;
    let (mut report, mut refused, mut files) = (Report::default(), Vec::new(), Vec::new());
    let fetched = [
        ("dbip", fetch::dbip(options.from_dbip.as_deref())),
        ("ipfire", fetch::ipfire(options.from_ipfire.as_deref())),
    ];
    for (name, fetched) in fetched {
        match fetched.and_then(|fetched| check(options, &manifest, fetched)) {
            Ok((line, None)) => report.0.push(format!("{name}: {line}")),
            Ok((line, Some(Fetched { bytes, shipped }))) => {
                report.0.push(format!("{name}: {line}"));
                files.push((shipped.file.clone(), bytes));
                manifest.put(shipped);
            }
            Err(error) => refused.push(format!("{name}: {error:#}; the old file stays")),
        }
    }
    if !files.is_empty() {
        files.push((MANIFEST.to_owned(), manifest.print()?.into_bytes()));
        place::all(&options.into, &files)?;
    }
    ensure!(refused.is_empty(), "{}", refused.join("\n"));
    Ok(report)
}

const MANIFEST: &str = "MANIFEST.toml";

fn read_manifest(folder: &Path) -> Result<Manifest> {
    let path = folder.join(MANIFEST);
    if !path.exists() {
        return Ok(Manifest::default());
    }
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Manifest::parse(&text).with_context(|| format!("{} is not a manifest", path.display()))
}

/// Loads what was fetched as the proxy would, and compares it with the file in place. Returns
/// what to report, and the database if it is to be put in place.
fn check(
    options: &RefreshOptions,
    manifest: &Manifest,
    fetched: Fetched,
) -> Result<(String, Option<Fetched>)> {
    let Fetched { bytes, shipped } = fetched;
    let new = load(&shipped, &bytes).context("the new build is refused")?;
    let info = new.info();
    let shipped = shipped.with(info);
    ensure!(info.has_country, "the new build has no countries");
    let path = options.into.join(&shipped.file);
    let line = if path.exists() {
        let old = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if old == bytes && manifest.get(&shipped.name).is_some_and(|entry| *entry == shipped) {
            return Ok((format!("unchanged, build {}", info.build), None));
        }
        let old = load(&shipped, &old)
            .context("the file in place is damaged; remove it to take the new build")?;
        match compare(&old, &new) {
            Ok(comparison) => {
                format!("build {} replaces {}: {comparison}", info.build, old.info().build)
            }
            Err(refusal) if options.force => format!("build {} forced: {refusal}", info.build),
            Err(refusal) => bail!(refusal),
        }
    } else {
        format!(
            "build {}, {} IPv4 and {} IPv6 networks",
            info.build, info.networks_v4, info.networks_v6
        )
    };
    Ok((line, Some(Fetched { bytes, shipped })))
}

fn load(shipped: &Shipped, bytes: &[u8]) -> Result<Database, DatabaseError> {
    Database::load(&Source::new(&shipped.name, &shipped.file), bytes)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

#[cfg(test)]
mod tests;
