//! Words to the person at the terminal: results on standard output, news on standard
//! error. A closed pipe is no failure of ours.

use std::fmt::Display;
use std::io::{self, Write};

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

/// One line (or several) of the result.
pub(super) fn line(text: impl Display) {
    tolerate(writeln!(io::stdout(), "{text}"));
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
    // `borderpost locate ... | head -1` closes our pipe; there is nobody left to tell.
    drop(result);
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
