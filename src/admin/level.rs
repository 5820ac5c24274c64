//! What diagnostics tell, changed while the program runs.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::params::short;
use super::reply::{self, Answer, Wrong};
use super::routes::{Asked, read};
use super::state::Admin;

/// Who changes what diagnostics tell.
pub trait Levels: Send + Sync {
    /// What they tell now.
    fn get(&self) -> String;
    /// Lets them tell this from now on, or says what is wrong with it.
    fn set(&self, directives: &str) -> Result<(), String>;
}

/// The way to them, where there is one.
#[derive(Default)]
pub struct Level(pub Option<Box<dyn Levels>>);

/// Octets of a body.
const MOST: usize = 64 * 1024;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct View {
    level: String,
}

/// `GET /api/v1/log-level`
pub(super) fn get(admin: &Admin, asked: Asked) -> Answer {
    asked.params.end()?;
    Ok(reply::json(&View { level: levels(admin)?.get() }))
}

/// `PUT /api/v1/log-level`
pub(super) async fn set(admin: &Admin, asked: Asked) -> Answer {
    asked.params.end()?;
    let View { level } = read(asked.request, MOST).await?;
    short("level", &level, 1_024)?;
    let levels = levels(admin)?;
    levels.set(&level).map_err(|why| Wrong::unfit(format!("`level`: {why}")))?;
    tracing::warn!(level, "diagnostics tell something else from now on");
    Ok(reply::json(&View { level: levels.get() }))
}

fn levels(admin: &Admin) -> Result<&dyn Levels, Wrong> {
    let none = || Wrong::unavailable("diagnostics of this process cannot be changed");
    admin.level.0.as_deref().ok_or_else(none)
}

impl fmt::Debug for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Level(..)")
    }
}
