//! `/api/v1/log-level`: what diagnostics tell, seen and changed.

use serde::{Deserialize, Serialize};

use super::asked::{Asked, read};
use super::level::Levels;
use super::params::short;
use super::reply::{self, Answer, Wrong};
use super::state::Admin;

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
