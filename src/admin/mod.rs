//! Floor 7: the admin listener: what operators, their browsers and programs ask. `table` has every
//! path, `openapi.json` describes them; `GET /` tells the table.

mod access;
mod admission;
mod answers;
mod asked;
mod assets;
mod crowd;
mod decisions;
mod desk;
mod diagnostics;
mod door;
mod expiry;
mod history;
mod journal;
mod level;
mod meters;
mod moving;
mod oidc;
mod params;
mod people;
mod policy;
mod rates;
mod readings;
mod reply;
mod role;
mod routes;
mod ruled;
mod session;
mod state;
mod status;
mod table;
mod totals;
mod trust;
mod verifier;

use tokio::sync::oneshot;

pub use access::{Access, Holder};
pub use admission::Admission;
pub use door::{Door, Listening, Place, Unlink, run};
pub use history::History;
pub use level::{Level, Levels};
pub use oidc::{Oidc, OidcSettings, Secret, is_guarded};
pub use role::Role;
pub use state::{Admin, Draft, Parts, Store};

/// The description of the interface (OpenAPI 3.1).
const DESCRIPTION: &str = include_str!("openapi.json");

/// Someone asks to read the configuration again.
#[derive(Debug)]
pub struct Reload {
    /// Who asks, for the journal.
    pub who: serde_json::Value,
    /// Takes the digest of what is in force then, or every mistake.
    pub done: oneshot::Sender<Result<String, String>>,
}
