//! What is set of a sink.

use std::path::PathBuf;
use std::time::Duration;

use ::http::header::HeaderValue;
use ::http::{HeaderMap, Uri};
use url::Url;

use super::super::event::{Event, Format, Signal};
use super::batch::Limits;
use super::http;

/// A sink: which events it ships, in which form, and to where.
#[derive(Clone, Debug)]
pub struct ShipSettings {
    /// Its name in metrics and of its cursor.
    pub name: String,
    /// How events are told.
    pub format: Format,
    /// How often the numbers of findings are told, where they are shipped instead of events.
    pub findings: Option<Duration>,
    /// Which events.
    pub select: Select,
    /// Where it begins, when it is new.
    pub from: From,
    /// Where they go.
    pub to: ShipTo,
}

/// Which events a sink ships.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Select {
    /// All of them.
    #[default]
    All,
    /// Those of requests that were not to leave.
    Refused,
    /// Those of requests with tags.
    Tagged,
    /// No events: the signed checkpoints of the journal, for who can keep them elsewhere.
    Checkpoints,
}

/// Where a sink begins, when it is new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum From {
    /// With the oldest entry of the journal.
    #[default]
    Start,
    /// With what comes next.
    Now,
}

/// Where a sink ships to.
#[derive(Clone, Debug)]
pub enum ShipTo {
    /// Files, one after the other.
    File(FileSettings),
    /// A collector that takes batches by HTTP, lines or OpenTelemetry.
    Http(Box<HttpSettings>),
    /// A collector of OpenTelemetry that is told the metrics.
    Metrics(Box<PushSettings>),
    /// Standard output.
    Stdout,
    /// A collector of syslog.
    Syslog(SyslogSettings),
}

/// A file that is rotated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSettings {
    /// The file that is written.
    pub path: PathBuf,
    /// Octets from which on the next file begins.
    pub octets: Option<u64>,
    /// The age from which on the next file begins.
    pub age: Option<Duration>,
    /// How many full files are kept; all, if absent.
    pub keep: Option<u32>,
}

/// A collector that takes batches by HTTP.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) secure: bool,
    /// Path and query.
    pub(super) target: Uri,
    /// The field `Host`.
    pub(super) authority: HeaderValue,
    /// What the body is.
    pub(super) content: &'static str,
    /// What of OpenTelemetry is sent; lines, if nothing of it.
    pub(super) signal: Option<Signal>,
    /// Whether spans go there as well as log records.
    pub linked: bool,
    /// Whether bodies are compressed (gzip).
    pub compressed: bool,
    /// Fields of every request; what is secret in them is marked so.
    pub fields: HeaderMap,
    /// PEM files of the roots that count for it instead of all others.
    pub roots: Vec<PathBuf>,
    /// Events of a batch.
    pub records: usize,
    /// A batch ends with the event that reaches so many octets.
    pub octets: usize,
    /// For how long events may gather.
    pub gather: Duration,
}

/// A collector that is told the metrics.
#[derive(Clone, Debug)]
pub struct PushSettings {
    /// Where it is.
    pub http: HttpSettings,
    /// How often it is told.
    pub every: Duration,
}

/// A collector of syslog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogSettings {
    /// Where it is.
    pub to: SyslogTo,
    /// PEM files of the roots that count for it instead of all others.
    pub roots: Vec<PathBuf>,
}

/// Where a collector of syslog is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyslogTo {
    /// At a host and port, by TCP (RFC 6587).
    Tcp(String, u16),
    /// At a host and port, by TLS (RFC 5425).
    Tls(String, u16),
    /// At a socket of this machine.
    Unix(PathBuf),
}

// === impl ShipSettings ===

impl ShipSettings {
    /// Whether it goes out under TLS, and the roots that count then.
    pub fn roots(&self) -> Option<&[PathBuf]> {
        match &self.to {
            ShipTo::Syslog(SyslogSettings { to: SyslogTo::Tls(..), roots }) => Some(roots),
            ShipTo::Http(http) if http.secure => Some(&http.roots),
            ShipTo::Metrics(push) if push.http.secure => Some(&push.http.roots),
            ShipTo::File(_)
            | ShipTo::Http(_)
            | ShipTo::Metrics(_)
            | ShipTo::Stdout
            | ShipTo::Syslog(_) => None,
        }
    }
}

// === impl ShipTo ===

impl ShipTo {
    /// What of OpenTelemetry goes there.
    pub const fn signal(&self) -> Option<Signal> {
        match self {
            Self::Http(http) => http.signal,
            Self::Metrics(_) => Some(Signal::Metrics),
            Self::File(_) | Self::Stdout | Self::Syslog(_) => None,
        }
    }

    /// Whether it is told what the journal says.
    pub const fn needs_journal(&self) -> bool {
        !matches!(self, Self::Metrics(_))
    }
}

// === impl HttpSettings ===

impl HttpSettings {
    /// A collector at an `http` or `https` URL; `None` where that is none a request can be made
    /// of. Whoever asks fills in the rest.
    pub fn new(url: &Url, format: Format) -> Option<Self> {
        let secure = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let plain = url.username().is_empty() && url.password().is_none();
        let host = url.host_str().filter(|_| plain && url.fragment().is_none())?;
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let content = match format {
            Format::Ecs | Format::Har | Format::Ocsf | Format::Otlp | Format::Record => {
                "application/x-ndjson"
            }
            Format::Cef | Format::Combined | Format::Leef | Format::Squid | Format::Syslog => {
                "text/plain; charset=utf-8"
            }
        };
        Some(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port_or_known_default()?,
            secure,
            target: http::target(url),
            authority: HeaderValue::try_from(authority).ok()?,
            content,
            signal: None,
            linked: false,
            compressed: false,
            fields: HeaderMap::new(),
            roots: Vec::new(),
            records: 500,
            octets: 1 << 20,
            gather: Duration::from_secs(1),
        })
    }

    /// A collector of OpenTelemetry whose signals stand below an `http` or `https` URL, as
    /// OTEL_EXPORTER_OTLP_ENDPOINT names it; `None` as for [`HttpSettings::new`].
    pub fn otlp(url: &Url, signal: Signal) -> Option<Self> {
        let mut url = url.clone();
        url.path_segments_mut().ok()?.pop_if_empty().extend(["v1", signal.name()]);
        let lines = Self::new(&url, Format::Otlp)?;
        Some(Self { content: "application/json", signal: Some(signal), ..lines })
    }

    /// Whether it is reached by TLS.
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    pub(super) const fn limits(&self) -> Limits {
        Limits { records: self.records, octets: self.octets }
    }
}

// === impl Select ===

impl Select {
    /// Whether this one is among them.
    pub(super) fn takes(self, event: &Event<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Refused => event.is_refused(),
            Self::Tagged => !event.tags.is_empty(),
            Self::Checkpoints => false,
        }
    }
}
