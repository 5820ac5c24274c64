//! A signed checkpoint of the journal as a line of JSON, for who keeps it elsewhere. `note` is the
//! note octet for octet; the rest is what it says, for who looks.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Serialize;

use super::super::journal::{Checkpoint, NoteFault};
use super::{Origin, syslog};

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    instance: &'a str,
    sequence: u64,
    origin: &'a str,
    size: u64,
    root: String,
    note: &'a str,
}

/// Appends the checkpoint that an entry is, without a line break; as the text of a message of
/// RFC 5424 where `message` is.
pub fn write_checkpoint(
    (sequence, at): (u64, Timestamp),
    note: &[u8],
    origin: &Origin,
    message: bool,
    into: &mut Vec<u8>,
) -> Result<(), NoteFault> {
    let note = std::str::from_utf8(note).map_err(|_| NoteFault::NotANote)?;
    let Checkpoint { origin: name, size, root } = Checkpoint::claimed(note)?;
    if message {
        syslog::head_of(syslog::NOTICE, at, "CHECKPOINT", origin, into);
        write!(into, " - ").expect("a Vec takes every write");
    }
    let line = Line {
        time: format!("{at:.3}"),
        instance: &origin.instance,
        sequence,
        origin: &name,
        size,
        root: STANDARD.encode(root.octets()),
        note,
    };
    serde_json::to_writer(into, &line).expect("there are only string keys, and a Vec takes all");
    Ok(())
}
