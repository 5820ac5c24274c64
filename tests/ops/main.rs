//! What operators get beside the program (alerts, dashboards, unit files, an image) names only what
//! the program has, and is well formed as far as tools on this machine can tell.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and says why"
)]

mod alerts;
mod dashboards;
mod deploy;
mod image;
mod promql;

use std::path::{Path, PathBuf};
use std::process::Command;

use borderpost::config;

/// A file of `config`.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The default of a setting, as the shipped configuration writes it.
fn shipped_address() -> String {
    let line = config::DEFAULT.lines().find(|line| line.starts_with("listen = ")).unwrap();
    line.split('"').nth(1).unwrap().to_owned()
}

/// Prometheus' own tool must find nothing.
fn promtool(arguments: &[&str], on: &Path) {
    let mut tool = Command::new("promtool");
    let told = tool.args(arguments).arg(on).output().expect("promtool, which tests/run installs");
    let texts = [told.stdout, told.stderr].concat();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&texts));
}
