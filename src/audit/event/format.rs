//! The forms in which an event can be told. Each is a pure function of the event and of who tells.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::view::View;
use super::{Event, Origin, cef, combined, ecs, har, leef, ocsf, otlp, squid, syslog};

/// A form of events. Each tells an event without a line break in it or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// ArcSight's Common Event Format, version 0.
    Cef,
    /// The combined log of web servers.
    Combined,
    /// Elastic Common Schema 9.4.
    Ecs,
    /// An entry of an HTTP Archive 1.2; a [`super::Collection`] makes a file of them.
    Har,
    /// QRadar's Log Event Extended Format, version 2.0.
    Leef,
    /// Open Cybersecurity Schema Framework 1.8.0.
    Ocsf,
    /// A request of OpenTelemetry's protocol with one log record, in its JSON encoding.
    Otlp,
    /// The line of the journal itself.
    Record,
    /// Squid's own access log.
    Squid,
    /// A message of RFC 5424, without its frame.
    Syslog,
}

/// A name that no format has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no format `{0}`; there are {names}", names = Format::ALL.map(Format::name).join(", "))]
pub struct UnknownFormat(String);

impl Format {
    /// All of them, by name.
    pub const ALL: [Self; 10] = [
        Self::Cef,
        Self::Combined,
        Self::Ecs,
        Self::Har,
        Self::Leef,
        Self::Ocsf,
        Self::Otlp,
        Self::Record,
        Self::Squid,
        Self::Syslog,
    ];

    /// Its name in configuration and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cef => "cef",
            Self::Combined => "combined",
            Self::Ecs => "ecs",
            Self::Har => "har",
            Self::Leef => "leef",
            Self::Ocsf => "ocsf",
            Self::Otlp => "otlp",
            Self::Record => "record",
            Self::Squid => "squid",
            Self::Syslog => "syslog",
        }
    }

    /// Appends the event in this form.
    pub fn write(self, event: &Event<'_>, origin: &Origin, into: &mut Vec<u8>) {
        let view = View::of(event, origin);
        match self {
            Self::Cef => cef::write(&view, into),
            Self::Combined => combined::write(&view, into),
            Self::Ecs => ecs::write(&view, into),
            Self::Har => har::write(&view, into),
            Self::Leef => leef::write(&view, into),
            Self::Ocsf => ocsf::write(&view, into),
            Self::Otlp => otlp::write(&view, into),
            Self::Record => {
                event.write(into).expect("an event has only string keys, and a Vec takes all");
            }
            Self::Squid => squid::write(&view, into),
            Self::Syslog => syslog::write(&view, into),
        }
    }
}

impl Format {
    /// Appends the event as a message of RFC 5424, whose text it is in this form; without a frame.
    pub fn write_message(self, event: &Event<'_>, origin: &Origin, into: &mut Vec<u8>) {
        if self != Self::Syslog {
            syslog::head(&View::of(event, origin), into);
            into.extend_from_slice(b" - ");
        }
        self.write(event, origin, into);
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let named = Self::ALL.into_iter().find(|format| format.name() == name);
        named.ok_or_else(|| UnknownFormat(name.chars().take(40).collect()))
    }
}
