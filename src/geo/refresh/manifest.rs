//! The manifest of the shipped databases: which file, from where, under which licence.

use serde::{Deserialize, Serialize};

use super::super::{DatabaseInfo, Sha256};

/// What `MANIFEST.toml` holds.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The shipped databases.
    #[serde(default)]
    pub database: Vec<Shipped>,
}

/// One shipped database.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shipped {
    /// The short name, as in decision records.
    pub name: String,
    /// The file beside the manifest.
    pub file: String,
    /// The digest of the file, in hexadecimal digits.
    pub sha256: String,
    /// When its vendor built it, RFC 3339.
    pub build: String,
    /// IPv4 networks with a record.
    pub networks_v4: u32,
    /// IPv6 networks with a record.
    pub networks_v6: u32,
    /// The package it comes from, and the package's version.
    pub package: String,
    /// What was done to it.
    pub changes: String,
    /// The licence of the data, as an SPDX identifier.
    pub licence: String,
    /// What must be said where the data is used.
    pub attribution: String,
}

// === impl Manifest ===

impl Manifest {
    const HEADER: &str =
        "# The shipped databases. Written by the refresh command; do not edit by hand.\n\n";

    /// Reads a manifest.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// Writes the manifest.
    pub fn print(&self) -> Result<String, toml::ser::Error> {
        Ok(format!("{}{}", Self::HEADER, toml::to_string(self)?))
    }

    /// Returns the entry of a database.
    pub fn get(&self, name: &str) -> Option<&Shipped> {
        self.database.iter().find(|shipped| shipped.name == name)
    }

    /// Puts an entry in place of the one of that name.
    pub fn put(&mut self, entry: Shipped) {
        self.database.retain(|shipped| shipped.name != entry.name);
        self.database.push(entry);
        self.database.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

// === impl Shipped ===

impl Shipped {
    /// Returns the digest, if it is one.
    pub fn digest(&self) -> Option<Sha256> {
        Sha256::parse(&self.sha256)
    }

    /// Takes over what the file itself says.
    #[must_use]
    pub fn with(self, info: &DatabaseInfo) -> Self {
        Self {
            sha256: info.sha256.hex(),
            build: info.build.to_string(),
            networks_v4: info.networks_v4,
            networks_v6: info.networks_v6,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_replaces() {
        let shipped = |name: &str, version: &str| Shipped {
            name: name.to_owned(),
            file: format!("{name}.mmdb"),
            sha256: Sha256::of(b"").hex(),
            build: "2026-06-01T20:32:00Z".to_owned(),
            networks_v4: 1,
            networks_v6: 2,
            package: version.to_owned(),
            changes: "none".to_owned(),
            licence: "CC-BY-4.0".to_owned(),
            attribution: "\"quoted\"".to_owned(),
        };
        let mut manifest = Manifest::default();
        for (name, version) in [("b", "1"), ("a", "1"), ("b", "2")] {
            manifest.put(shipped(name, version));
        }
        assert_eq!(Manifest::parse(&manifest.print().unwrap()).unwrap(), manifest);
        assert_eq!(manifest.database.len(), 2);
        assert_eq!(manifest.get("b").map(|b| b.package.as_str()), Some("2"));
        assert_eq!(manifest.get("a").and_then(Shipped::digest), Some(Sha256::of(b"")));
        assert!(Manifest::parse("[[database]]\nunknown = 1").is_err());
    }
}
