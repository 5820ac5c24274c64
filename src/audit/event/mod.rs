//! An event: what one line of the journal says, typed. The writer borrows it from a record, readers
//! own it (`Event<'static>`); both are this struct, which is the documentation of the format:
//! README's table of fields is tested against it.

mod cef;
mod checkpoint;
mod client;
mod combined;
mod csv;
mod ecs;
mod fields;
mod format;
mod har;
mod json;
mod leef;
mod matching;
mod moment;
mod ocsf;
mod ordered;
mod origin;
mod otlp;
mod parts;
mod squid;
mod syslog;
mod text;
mod view;

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::policy::{Mode, Outcome};

pub use self::csv::{Columns, UnknownField, harmless};
pub use checkpoint::write_checkpoint;
pub use client::Client;
pub use fields::{FIELDS, pick};
pub use format::{Format, UnknownFormat};
pub use har::Collection;
pub use matching::{is_host, is_under};
pub(super) use moment::begun;
pub use ocsf::Findings;
pub(super) use ordered::Ordered;
pub use origin::Origin;
pub use otlp::{Envelope, Signal};
pub use parts::{
    Context, Count, Data, Error, Exporter, Finding, Location, Owner, Recipient, Redacted, Report,
    Rule, Seat, Timings, Tls,
};

/// The code of an error that says that the program ended before the request did: how much of it passed
/// nobody knows.
pub const INTERRUPTED: &str = "interrupted";

/// One request or tunnel, as its record tells it; the fields in the order of a line. Fields that a
/// newer version has are passed over, those that an older one lacks are empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event<'a> {
    /// When the head was read.
    #[serde(serialize_with = "moment::write")]
    pub time: Timestamp,
    /// When the last byte had passed, if that is known.
    #[serde(default, serialize_with = "moment::write_some")]
    pub ended: Option<Timestamp>,
    /// The decision id.
    pub id: Cow<'a, str>,
    /// The trace that the client says it belongs to (W3C Trace Context).
    pub trace: Option<Cow<'a, str>>,
    /// The client's span in it.
    pub span: Option<Cow<'a, str>>,
    /// Whether the client says that the trace is recorded.
    pub sampled: Option<bool>,
    /// Address and port of the client.
    pub client: Client,
    /// Who that is.
    pub principal: Option<Cow<'a, str>>,
    /// By what that is known.
    pub authenticated: Option<Cow<'a, str>>,
    /// On whose behalf the client acts.
    pub exporter: Option<Exporter<'a>>,
    /// The method; `CONNECT` for a tunnel.
    pub method: Cow<'a, str>,
    /// `http`, `https`, or how a tunnel came.
    pub scheme: Cow<'a, str>,
    /// What became of a tunnel: `opened`, or `unread`.
    pub tunnel: Option<Cow<'a, str>>,
    /// The server that the client named in the tunnel (SNI).
    pub server_name: Option<Cow<'a, str>>,
    /// Messages of WebSocket that left.
    pub messages_out: Option<u64>,
    /// The canonical host.
    pub host: Option<Cow<'a, str>>,
    /// Its port.
    pub port: Option<u16>,
    /// The path without query, values in it shown by their form.
    pub path: Option<Cow<'a, str>>,
    /// The socket that was judged; `chained` where a proxy in between finds it.
    pub address: Option<Cow<'a, str>>,
    /// The proxy in between.
    pub via: Option<Cow<'a, str>>,
    /// The session towards the destination.
    #[serde(default)]
    pub tls: Option<Tls<'a>>,
    /// What the databases say of the address.
    pub location: Option<Location<'a>>,
    /// The party behind the destination.
    pub recipient: Option<Recipient<'a>>,
    /// What was declared and found.
    #[serde(default)]
    pub tags: Vec<Cow<'a, str>>,
    /// The data, by jurisdiction of its subjects.
    #[serde(default)]
    pub data: Vec<Data<'a>>,
    /// What was found, by tag.
    #[serde(default)]
    pub found: Vec<Finding<'a>>,
    /// What was taken out of the body.
    pub redacted: Option<Redacted<'a>>,
    /// What was declared of the transfer.
    #[serde(default)]
    pub context: Context<'a>,
    /// Each volume that the request touched.
    #[serde(default)]
    pub counts: Vec<Count<'a>>,
    /// Every rule that holds, the one that decided first.
    #[serde(default)]
    pub rules: Vec<Rule<'a>>,
    /// The decision; absent if it failed before one was reached.
    pub outcome: Option<Outcome>,
    /// `observe` if the first of the rules only observes.
    #[serde(default)]
    pub mode: Mode,
    /// The legal source of the rule that decided.
    pub cite: Option<Cow<'a, str>>,
    /// Candidates for reports.
    #[serde(default)]
    pub reports: Vec<Report<'a>>,
    /// For how many years the record is to be kept.
    pub retain_years: Option<u16>,
    /// The hold that the request waits for.
    pub hold: Option<Cow<'a, str>>,
    /// What the client was answered.
    pub status: Option<u16>,
    /// Why no answer of the destination came back.
    pub error: Option<Error<'a>>,
    /// Body or tunnel bytes to the destination; 0 where that is not known, see
    /// [`Event::is_interrupted`].
    #[serde(default)]
    pub bytes_out: u64,
    /// Body or tunnel bytes back.
    #[serde(default)]
    pub bytes_in: u64,
    /// Where the time went, in microseconds.
    #[serde(default)]
    pub timings_us: Timings,
    /// Digest of the configuration and packs in force.
    #[serde(default)]
    pub config: Cow<'a, str>,
}

impl Event<'static> {
    /// Reads one line.
    pub fn read(line: &str) -> serde_json::Result<Self> {
        serde_json::from_str(line)
    }
}

impl Event<'_> {
    /// Whether nothing was to leave: a rule or setting barred it, or it waits for a person.
    pub fn is_refused(&self) -> bool {
        view::Verdict::of(self).refuses()
    }

    /// Whether it is a tunnel that was opened and came to pass: its requests are told by themselves.
    pub fn is_envelope(&self) -> bool {
        self.tunnel.as_deref() == Some("opened") && !self.is_refused() && self.error.is_none()
    }

    /// Whether the program ended before it did, so that nobody knows how much passed.
    pub fn is_interrupted(&self) -> bool {
        self.error.as_ref().is_some_and(|error| error.code == INTERRUPTED)
    }

    /// The first rule that refuses it, of those in force or of those that only observe.
    pub fn refusing(&self, mode: Mode) -> Option<&Rule<'_>> {
        let acts =
            |rule: &&Rule<'_>| rule.mode == mode && rule.lifted.is_none() && rule.outcome.refuses();
        self.rules.iter().find(acts)
    }

    /// What a rule that only observes would have made of it.
    pub fn would(&self) -> Option<Outcome> {
        let observing = |rule: &&Rule<'_>| rule.mode == Mode::Observe && rule.lifted.is_none();
        would(self.outcome, self.rules.iter().filter(observing).map(|rule| rule.outcome))
    }

    /// Appends the line without its end.
    pub fn write(&self, into: &mut Vec<u8>) -> serde_json::Result<()> {
        if !self.is_interrupted() {
            return serde_json::to_writer(into, self);
        }
        let mut line: Ordered = serde_json::from_slice(&serde_json::to_vec(self)?)?;
        line.forget_end();
        serde_json::to_writer(into, &line)
    }
}

/// The strongest that observing rules would have demanded, where that is more than what was decided,
/// and it went out: of what was refused anyway they would have changed nothing.
pub(super) fn would(
    decided: Option<Outcome>,
    observing: impl Iterator<Item = Outcome>,
) -> Option<Outcome> {
    let decided = decided.filter(|outcome| !outcome.refuses())?;
    observing.max().filter(|outcome| *outcome > decided)
}

#[cfg(test)]
mod tests;
