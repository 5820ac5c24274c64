//! What the digest of a configuration stands for: packs, databases, and who put it in force. The
//! journal has it where a run begins and at each reload, so that a record which names nothing but
//! the digest, because no rule held, still says by which packs it was let out.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::geo::DatabaseInfo;
use crate::policy::{PackInfo, Policy};

/// So many packs, and so many databases, are named.
const MOST: usize = 200;

/// Characters of one name.
const LONGEST: usize = 200;

/// Why a configuration was put in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A run begins.
    Start,
    /// The system told the program to read it again.
    Signal,
    /// Somebody asked the interface to, who is told as in notes of readings.
    Asked(Value),
}

/// A configuration that was put in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configured {
    /// When, by the clock of the program.
    pub at: String,
    /// `start`, `signal` or `api`.
    pub by: String,
    /// Who asked the interface for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Value>,
    /// The digest that records name.
    pub digest: String,
    /// The version of the program.
    pub program: String,
    /// Packs in the order of the configuration; `local` stands for rules of the main file.
    pub packs: Vec<Named>,
    /// Databases of places.
    pub databases: Vec<Built>,
    /// How many of both have no room.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: usize,
}

/// A pack that is in force.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Named {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// `sha256:` and the digest of its text; empty for rules of the main file.
    pub digest: String,
    /// Who signed it: the name of a trusted key, or `built in`; none where it is unsigned.
    pub signer: Option<String>,
    /// `enforce` or `observe`.
    pub mode: String,
    /// How many rules it brings.
    pub rules: usize,
}

/// A database that is in force.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Built {
    /// Its name.
    pub name: String,
    /// When it was built.
    pub build: String,
    /// The digest of its file.
    pub sha256: String,
}

impl Configured {
    /// What is in force from now on.
    pub fn new(
        cause: &Cause,
        digest: &str,
        (packs, policy): (&[PackInfo], &Policy),
        databases: &[DatabaseInfo],
    ) -> Self {
        let named = |info: &PackInfo| {
            let known = policy.packs().iter().find(|pack| pack.id == info.id);
            Named {
                id: short(&info.id),
                version: short(&info.version),
                digest: known.map_or_else(String::new, |pack| short(&pack.digest)),
                signer: info.signer.as_deref().map(short),
                mode: info.mode.name().to_owned(),
                rules: info.rules,
            }
        };
        let built = |info: &DatabaseInfo| Built {
            name: short(&info.name),
            build: info.build.to_string(),
            sha256: info.sha256.to_string(),
        };
        Self {
            at: Timestamp::now().to_string(),
            by: cause.word().to_owned(),
            who: cause.who().cloned(),
            digest: digest.to_owned(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            packs: packs.iter().take(MOST).map(named).collect(),
            databases: databases.iter().take(MOST).map(built).collect(),
            more: packs.len().saturating_sub(MOST) + databases.len().saturating_sub(MOST),
        }
    }

    /// As the payload of an entry, or as a part of one.
    pub fn note(&self) -> Value {
        json!({ "configuration": self })
    }

    /// The note of a configuration that was not taken; its mistakes are not told, for they quote
    /// what it says.
    pub fn refused(cause: &Cause, stays: &str) -> Value {
        json!({ "configuration": {
            "at": Timestamp::now().to_string(),
            "by": cause.word(),
            "who": cause.who(),
            "refused": true,
            "stays": stays,
        }})
    }

    /// Reads it from the payload of an entry; none where that is about something else.
    pub fn read(payload: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Note {
            configuration: Configured,
        }
        serde_json::from_slice::<Note>(payload).ok().map(|note| note.configuration)
    }
}

// === impl Cause ===

impl Cause {
    const fn word(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Signal => "signal",
            Self::Asked(_) => "api",
        }
    }

    const fn who(&self) -> Option<&Value> {
        match self {
            Self::Start | Self::Signal => None,
            Self::Asked(who) => Some(who),
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference to the field")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::journal::LONGEST as ENTRY;
    use crate::policy::{Mode, PolicySettings};

    #[test]
    fn however_much_is_in_force_it_fits_an_entry_and_is_read_again() {
        let info = |number: usize| PackInfo {
            id: format!("{number}{}", "\u{1f310}".repeat(5_000)),
            version: "\u{1f310}".repeat(5_000),
            rules: number,
            signer: Some("\u{1f310}".repeat(5_000)),
            mode: Mode::Observe,
        };
        let packs: Vec<_> = (0..MOST + 7).map(info).collect();
        let policy = Policy::new(Vec::new(), PolicySettings::default());
        let noted = Configured::new(&Cause::Start, "sha256:00", (&packs, &policy), &[]);
        assert_eq!((noted.packs.len(), noted.more), (MOST, 7));
        let payload = noted.note().to_string();
        assert!(payload.len() <= ENTRY, "{}", payload.len());
        assert_eq!(Configured::read(payload.as_bytes()), Some(noted));
        let refused = Configured::refused(&Cause::Signal, "sha256:00").to_string();
        assert_eq!(Configured::read(refused.as_bytes()), None, "{refused}");
        assert_eq!(Configured::read(b"{\"read\": {}}"), None);
    }
}
