//! `borderpost import`: what others keep as rows of our configuration. The rows are printed, for a
//! person to look at before they are put into the file.

mod document;
mod openapi;
mod schema;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::data::{PathPattern, Pointer, Tag};

use super::output::{line, news};

use document::Document;

/// Make rows of configuration.
#[derive(Debug, clap::Args)]
pub(super) struct Import {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print a `[[field_map]]` for each field that an OpenAPI description marks as sensitive, by
    /// `x-data-classification`, `x-sensitive-data`, `x-pii` or `x-ms-secret`.
    Openapi(Openapi),
}

#[derive(Debug, clap::Args)]
struct Openapi {
    /// The description, in JSON or YAML; OpenAPI 3 or Swagger 2.
    file: PathBuf,
    /// The hosts, where the description names none or others.
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
}

/// One row, in the order in which rows are printed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    host: String,
    path: String,
    pointer: String,
    tag: String,
}

/// What was read of a description.
#[derive(Debug, Default)]
struct Rows {
    rows: BTreeSet<Row>,
    /// What is marked and cannot be a row, and why.
    left_out: BTreeSet<String>,
}

impl Import {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let Command::Openapi(Openapi { file, hosts }) = self.command;
        let shown = file.display();
        let text = std::fs::read_to_string(&file).with_context(|| shown.to_string())?;
        let document = Document::new(parse(&text).with_context(|| shown.to_string())?);
        let found = openapi::rows(&document, &hosts)?;
        for why in &found.left_out {
            news(format!("left out: {why}"));
        }
        if found.rows.is_empty() {
            bail!("{shown} marks no field that a row could name");
        }
        line(format!("# From {shown}."));
        for Row { host, path, pointer, tag } in &found.rows {
            let quoted = |text: &str| toml::Value::from(text).to_string();
            let (host, path) = (quoted(host), quoted(path));
            let (pointer, tag) = (quoted(pointer), quoted(tag));
            line(format!(
                "\n[[field_map]]\nhost = {host}\npath = {path}\npointer = {pointer}\ntag = {tag}"
            ));
        }
        Ok(())
    }
}

/// JSON, else YAML.
fn parse(text: &str) -> anyhow::Result<Value> {
    if text.trim_start().starts_with('{') {
        return Ok(serde_json::from_str(text)?);
    }
    serde_saphyr::from_str(text).map_err(|error| anyhow::anyhow!("{error}"))
}

impl Rows {
    /// Adds one for each place where the interface is served.
    fn add(&mut self, servers: &[(String, String)], path: &str, pointer: &Pointer, tag: &Tag) {
        for (host, base) in servers {
            let path = format!("{}{path}", base.trim_end_matches('/'));
            match PathPattern::parse(&path) {
                Ok(_) => drop(self.rows.insert(Row {
                    host: host.clone(),
                    path,
                    pointer: pointer.to_string(),
                    tag: tag.to_string(),
                })),
                Err(error) => drop(self.left_out.insert(format!("`{path}`: {error}"))),
            }
        }
    }
}

#[cfg(test)]
mod tests;
