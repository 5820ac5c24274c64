//! The body of a request to be explained: looked through as the proxy would, from a file.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;

use crate::config::{self, Origin};
use crate::data::{Described, Findings, Inspection, Inspector};
use crate::net::Host;
use crate::proxy::Active;

/// How much is read at once.
const PIECE: usize = 64 << 10;

/// A body, and what the head would say of it.
#[derive(Debug, clap::Args)]
pub(super) struct Body {
    /// A file that it would carry as its body; what is found in it counts as its data.
    #[arg(long = "body", value_name = "FILE")]
    file: Option<PathBuf>,
    /// The body's `Content-Type`.
    #[arg(long, value_name = "TYPE", requires = "file")]
    content_type: Option<String>,
    /// The body's `Content-Encoding`.
    #[arg(long, value_name = "CODING", requires = "file")]
    content_encoding: Option<String>,
}

impl Body {
    /// What is found in it; `None` if there is none.
    pub(super) fn found(
        &self,
        (active, origin): (&Active, &Origin),
        (host, path): (&Host, &str),
    ) -> anyhow::Result<Option<Findings>> {
        let Some(file) = &self.file else { return Ok(None) };
        let inspector: Arc<Inspector> = match &active.inspector {
            Some(inspector) => Arc::clone(inspector),
            None => config::inspector(origin)?,
        };
        let shown = file.display();
        let mut input = File::open(file).with_context(|| format!("cannot read {shown}"))?;
        let host = host.to_string();
        let (content_type, content_encoding) =
            (self.content_type.as_deref(), self.content_encoding.as_deref());
        let described = Described { host: &host, path, content_type, content_encoding };
        let mut inspection = Inspection::new(&inspector, &described);
        let mut piece = vec![0; PIECE];
        loop {
            let read = input.read(&mut piece).with_context(|| format!("cannot read {shown}"))?;
            let Some(text) = piece.get(..read).filter(|text| !text.is_empty()) else { break };
            inspection.push(text);
        }
        Ok(Some(inspection.finish()))
    }
}
