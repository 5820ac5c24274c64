//! `borderpost audit export`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context;

use crate::audit::event::{Collection, Format, Origin};
use crate::audit::search::Scan;

use super::Place;
use super::select::Select;

/// Write out what was recorded.
#[derive(Debug, clap::Args)]
pub(super) struct Export {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    select: Select,
    /// Also verdicts that were kept before their requests had ended.
    #[arg(long)]
    verdicts: bool,
    /// `record` (lines of JSON as they were kept), `ocsf`, `ecs`, `cef`, `leef`, `syslog`, `squid`,
    /// `combined` or `har`.
    #[arg(long, default_value = "record")]
    format: Format,
    /// Where to; standard output if no file is named.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The name of the machine that the events shall have.
    #[arg(long, default_value = "localhost")]
    hostname: String,
    /// The name of the proxy that they shall have.
    #[arg(long, default_value = "borderpost")]
    instance: String,
}

impl Export {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let folder = self.place.folder()?;
        let out: Box<dyn Write> = match &self.output {
            Some(path) => Box::new(File::create(path).with_context(|| path.display().to_string())?),
            None => Box::new(io::stdout()),
        };
        let mut out = BufWriter::with_capacity(1 << 16, out);
        let origin = Origin::new(&self.hostname, &self.instance);
        let mut text = Vec::new();
        let mut archive =
            (self.format == Format::Har).then(|| Collection::open(&origin, &mut text));
        let filters = self.select.filters();
        let scan = Scan { verdicts: self.verdicts, ..Scan::all(&filters) };
        scan.each(&folder, |found| {
            match &mut archive {
                Some(archive) => archive.add(&found.event, &origin, &mut text),
                None if self.format == Format::Record => {
                    text.extend_from_slice(found.line);
                    text.push(b'\n');
                }
                None => {
                    self.format.write(&found.event, &origin, &mut text);
                    text.push(b'\n');
                }
            }
            out.write_all(&text)?;
            text.clear();
            anyhow::Ok(true)
        })?;
        archive.into_iter().for_each(|archive| archive.close(&mut text));
        out.write_all(&text)?;
        out.flush()?;
        Ok(())
    }
}
