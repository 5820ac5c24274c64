//! `borderpost digest`: what records would have in the place of a value, to confirm a suspicion.

use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

use anyhow::{Context, ensure};

use crate::config;
use crate::data::{Dictionary, Tag};

use super::ConfigArgument;
use super::output::{Usage, line, news};

/// Show the digest that records would have in the place of a value.
#[derive(Debug, clap::Args)]
pub(super) struct Digest {
    /// The value; from standard input if none is given, so that no history of a shell keeps it.
    value: Option<String>,
    /// The tag that it was found as, such as `id.contact.email`.
    #[arg(long, required_unless_present = "list")]
    tag: Option<String>,
    /// Hash a list of values instead, one a line, for the `file` of a `[[dictionary]]`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["value", "tag"])]
    list: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgument,
}

/// More of standard input is no value.
const MOST: u64 = 64 << 10;

impl Digest {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let digester = config::digester(&self.config.origin())?;
        ensure!(
            !digester.is_of_this_run(),
            "the configuration has no key for digests, so that they compare with nothing; \
             add `digest_key` to `[inspect]`"
        );
        if let Some(file) = &self.list {
            let shown = file.display();
            let text = std::fs::read_to_string(file).with_context(|| shown.to_string())?;
            let (list, short) =
                Dictionary::of_lines("list", &Tag::uninspectable("none"), &digester, &text);
            if let Some(number) = short.first() {
                let why = "shorter than 5 letters and digits";
                news(format!("{} left out: {why} (the first is line {number})", short.len()));
            }
            list.to_lines(&digester).for_each(line);
            return Ok(());
        }
        let text = self.tag.unwrap_or_default();
        let tag = Tag::parse(&text).filter(|tag| tag.as_str() == text);
        let tag = tag.ok_or_else(|| Usage(format!("--tag: `{text}` is not a tag")))?;
        let value = self.value.map_or_else(read, Ok)?;
        let digest = digester.of_value(&tag, value.as_bytes());
        line(format!("{digest}  {tag}  key {}", digester.key_id()));
        Ok(())
    }
}

/// The value from standard input, without the line's end.
fn read() -> anyhow::Result<String> {
    let input = io::stdin();
    if input.is_terminal() {
        news("the value, then Ctrl-D:");
    }
    let mut text = String::new();
    input.lock().take(MOST + 1).read_to_string(&mut text).context("standard input")?;
    let most = usize::try_from(MOST).unwrap_or(usize::MAX);
    ensure!(text.len() <= most, "no value is longer than {MOST} octets");
    let value = text.strip_suffix('\n').unwrap_or(&text);
    let value = value.strip_suffix('\r').unwrap_or(value);
    ensure!(!value.is_empty(), "there is no value on standard input");
    Ok(value.to_owned())
}
