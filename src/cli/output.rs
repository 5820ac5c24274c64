//! Words to the person at the terminal: results on standard output, news on standard
//! error. A closed pipe is no failure of ours.

use std::fmt::Display;
use std::fs::Permissions;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::PermissionsExt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::Context;
use tempfile::TempDir;
use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::reload::Handle;

use crate::admin::{Level, Levels};

/// An argument that clap could not know to be wrong.
#[derive(Debug, Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) String);

/// The answer is no, and has been told: nothing is left to say but the exit code.
#[derive(Debug, Error)]
#[error("the answer is no")]
pub(super) struct Told;

/// Nothing is left to say but this exit code.
#[derive(Debug, Error)]
#[error("exit code {0}")]
pub(super) struct Ended(pub(super) u8);

/// Why a part of the result is nowhere.
static UNTOLD: OnceLock<String> = OnceLock::new();

/// Why a part of the result could not be written, if it could not.
pub(super) fn untold() -> Option<&'static str> {
    UNTOLD.get().map(String::as_str)
}

/// One line (or several) of the result. A closed pipe is no failure: `borderpost locate ... | head -1`
/// has what it wanted. Any other is told by the exit code.
pub(super) fn line(text: impl Display) {
    if let Err(error) = writeln!(io::stdout(), "{text}")
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        // Once is enough; the exit code tells it.
        drop(UNTOLD.set(error.to_string()));
    }
}

/// One line (or several) of news.
pub(super) fn news(text: impl Display) {
    tolerate(writeln!(io::stderr(), "{text}"));
}

/// Why a command failed.
pub(super) fn error(error: &anyhow::Error) {
    tolerate(writeln!(io::stderr(), "borderpost: {error:#}"));
}

fn tolerate(result: io::Result<()>) {
    // Where news cannot be told, nobody can be told that either.
    drop(result);
}

/// How far something is that takes long: now and then a line, and only where a person watches.
#[derive(Debug)]
pub(super) struct Progress {
    things: &'static str,
    told: Instant,
    watched: bool,
}

// === impl Progress ===

impl Progress {
    /// So long nobody wonders.
    const REST: Duration = Duration::from_secs(1);

    /// Of these things.
    pub(super) fn of(things: &'static str) -> Self {
        Self { things, told: Instant::now(), watched: io::stderr().is_terminal() }
    }

    /// So many are done.
    pub(super) fn at(&mut self, done: u64) {
        if let Some(text) = self.due(done, Instant::now()) {
            news(text);
        }
    }

    fn due(&mut self, done: u64, now: Instant) -> Option<String> {
        if !self.watched || now.duration_since(self.told) < Self::REST {
            return None;
        }
        self.told = now;
        Some(format!("{done} {}", self.things))
    }
}

/// A folder for this user alone, with what others must not read or change; it goes with its handle.
pub(super) fn private_folder(prefix: &str) -> anyhow::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    let folder = builder.prefix(prefix).permissions(Permissions::from_mode(0o700)).tempdir();
    folder.context("no private folder for this run")
}

/// `1 rule`, `2 rules`.
pub(super) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Diagnostics on standard error; `RUST_LOG` chooses how much. Records are not among
/// them: they have their own sink.
pub(super) fn diagnostics() -> Level {
    let filter = EnvFilter::builder()
        .with_default_directive(tracing::level_filters::LevelFilter::WARN.into())
        .from_env_lossy();
    let written = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let written = written.with_filter_reloading();
    let handle = written.reload_handle();
    // A second call (tests in one process) changes nothing.
    drop(written.try_init());
    Level(Some(Box::new(Filter(handle))))
}

/// The filter of diagnostics.
struct Filter<S>(Handle<EnvFilter, S>);

impl<S> Levels for Filter<S> {
    fn get(&self) -> String {
        self.0.with_current(ToString::to_string).unwrap_or_default()
    }

    fn set(&self, directives: &str) -> Result<(), String> {
        let filter = EnvFilter::builder().parse(directives).map_err(|error| error.to_string())?;
        self.0.reload(filter).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_now_and_then_and_to_people() {
        let begun = Instant::now();
        let mut progress = Progress { things: "entries", told: begun, watched: true };
        assert_eq!(progress.due(1, begun + Duration::from_millis(999)), None);
        let later = begun + Duration::from_secs(1);
        assert_eq!(progress.due(2, later).as_deref(), Some("2 entries"));
        assert_eq!(progress.due(3, later), None);
        progress.watched = false;
        assert_eq!(progress.due(4, later + Duration::from_hours(1)), None);
    }
}
