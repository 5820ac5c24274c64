//! What a request to be explained would carry: looked through as the proxy would, the body from a
//! file.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, Result};
use url::Url;

use crate::data::Findings;
use crate::net::Host;
use crate::proxy::{Active, look};

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
    /// What is found in it, and in the path and query of the URL.
    pub(super) fn found(&self, active: &Active, (host, url): (&Host, &Url)) -> Result<Findings> {
        let host = host.to_string();
        let described = (self.content_type.as_deref(), self.content_encoding.as_deref());
        let mut inspection = look(active, &host, url, described);
        if let Some(file) = &self.file {
            let unread = || format!("cannot read {}", file.display());
            let mut input = File::open(file).with_context(unread)?;
            let mut piece = vec![0; PIECE];
            loop {
                let read = input.read(&mut piece).with_context(unread)?;
                let Some(text) = piece.get(..read).filter(|text| !text.is_empty()) else { break };
                inspection.push(text);
            }
        }
        Ok(inspection.finish())
    }
}
