//! Files that are asked for: the summary and the events in forms that other programs read.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::audit;
use crate::audit::event::Collection;

use super::super::output::Usage;
use super::super::serve::hostname;
use super::summary::{Summary, each};
use super::{junit, sarif};

/// Which are asked for.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Reports {
    /// Write a JUnit report: a test case for each destination, failed where something was refused.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write SARIF 2.1.0: a result for each rule that refused and destination, where the rule stands.
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// Write an HTTP Archive 1.2 of all requests, without fields and bodies.
    #[arg(long, value_name = "FILE")]
    har: Option<PathBuf>,
    /// Write the events as records, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    ndjson: Option<PathBuf>,
}

/// Those files, open: what cannot be written is told before the program has run.
#[derive(Debug)]
pub(super) struct Open {
    junit: Option<Output>,
    sarif: Option<Output>,
    har: Option<Output>,
    ndjson: Option<Output>,
}

type Output = (PathBuf, BufWriter<File>);

impl Reports {
    /// Opens them.
    pub(super) fn open(&self) -> anyhow::Result<Open> {
        let all = [&self.junit, &self.sarif, &self.har, &self.ndjson];
        let mut named: Vec<_> = all.into_iter().flatten().collect();
        named.sort_unstable();
        if let Some([twice, _]) = named.windows(2).find(|two| two.first() == two.last()) {
            let file = twice.display();
            return Err(
                Usage(format!("{file} is named for two reports: give each its own file")).into()
            );
        }
        let open = |path: &Option<PathBuf>| {
            let open = |path: &PathBuf| {
                let file = File::create(path);
                let file = file.with_context(|| format!("cannot write {}", path.display()))?;
                anyhow::Ok((path.clone(), BufWriter::new(file)))
            };
            path.as_ref().map(open).transpose()
        };
        Ok(Open {
            junit: open(&self.junit)?,
            sarif: open(&self.sarif)?,
            har: open(&self.har)?,
            ndjson: open(&self.ndjson)?,
        })
    }
}

impl Open {
    /// Writes them; `code` is what the whole ends with.
    pub(super) fn write(self, records: &Path, summary: &Summary, code: u8) -> anyhow::Result<()> {
        let Self { junit, sarif, har, ndjson } = self;
        put(junit, |file| Ok(file.write_all(junit::document(summary).as_bytes())?))?;
        put(sarif, |file| {
            serde_json::to_writer_pretty(&mut *file, &sarif::document(summary, code))?;
            Ok(file.write_all(b"\n")?)
        })?;
        put(har, |file| archive(records, file))?;
        put(ndjson, |file| {
            std::io::copy(&mut File::open(records)?, file)?;
            Ok(())
        })
    }
}

fn put(
    output: Option<Output>,
    write: impl FnOnce(&mut BufWriter<File>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let Some((path, mut file)) = output else { return Ok(()) };
    let written = write(&mut file).and_then(|()| Ok(file.flush()?));
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn archive(records: &Path, file: &mut impl Write) -> anyhow::Result<()> {
    let origin = audit::Origin::new(hostname(), "borderpost exec");
    let mut piece = Vec::new();
    let mut collection = Collection::open(&origin, &mut piece);
    each(records, |event| {
        collection.add(event, &origin, &mut piece);
        file.write_all(&piece)?;
        piece.clear();
        Ok(())
    })?;
    collection.close(&mut piece);
    Ok(file.write_all(&piece)?)
}
