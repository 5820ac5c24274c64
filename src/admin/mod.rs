//! Floor 7: the admin listener: what operators, their browsers and programs ask. `table` has every
//! path, `openapi.json` describes them; `GET /` tells the table.

mod access;
mod answers;
mod assets;
mod crowd;
mod decisions;
mod desk;
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
mod session;
mod state;
mod status;
mod table;
mod totals;
mod trust;

use tokio::sync::oneshot;

pub use access::{Access, Holder};
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
    /// Takes the digest of what is in force then, or every mistake.
    pub done: oneshot::Sender<Result<String, String>>,
}
