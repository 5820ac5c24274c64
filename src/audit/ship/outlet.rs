//! Where a sink's events leave.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use super::ShipContext;
use super::backoff::Rest;
use super::batch::{Batch, Limits};
use super::file::Rotated;
use super::http::Http;
use super::settings::ShipTo;
use super::syslog::Syslog;

/// For how long events gather where no request is saved by it. Verdicts on tagged data reach the disk
/// every millisecond under load, and nobody need be woken for each.
const GATHER: Duration = Duration::from_millis(100);

/// Where events leave.
pub(super) enum Outlet {
    File(Rotated),
    Http(Box<Http>),
    Stdout,
    Syslog(Box<Syslog>),
}

/// Why a destination took nothing.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) why: String,
    /// For how long to rest.
    pub(super) rest: Rest,
}

/// What of a batch a destination does not take and never will, though it took the rest; and what
/// it says to it. Most often nothing.
#[derive(Debug, Default)]
pub(super) struct Leftover {
    pub(super) events: u64,
    pub(super) why: String,
}

// === impl Outlet ===

impl Outlet {
    /// Where events go; `None` for what takes none.
    pub(super) fn new(
        to: &ShipTo,
        tls: Option<Arc<ClientConfig>>,
        context: &ShipContext,
    ) -> Option<Self> {
        Some(match to {
            ShipTo::File(settings) => Self::File(Rotated::new(settings.clone())),
            ShipTo::Http(settings) => {
                let settings = (**settings).clone();
                Self::Http(Box::new(Http::new(settings, tls, context)))
            }
            ShipTo::Metrics(_) => return None,
            ShipTo::Stdout => Self::Stdout,
            ShipTo::Syslog(settings) => {
                Self::Syslog(Box::new(Syslog::new(settings.to.clone(), tls, context.own.clone())))
            }
        })
    }

    /// From when on a batch is full.
    pub(super) const fn limits(&self) -> Limits {
        match self {
            Self::Http(http) => http.limits(),
            Self::File(_) | Self::Stdout | Self::Syslog(_) => {
                Limits { records: 1_000, octets: 256 * 1024 }
            }
        }
    }

    /// For how long events may gather before they are sent.
    pub(super) const fn gather(&self) -> Duration {
        match self {
            Self::Http(http) => http.gather(),
            Self::File(_) | Self::Stdout | Self::Syslog(_) => GATHER,
        }
    }

    /// Sends all of a batch. Where it fails, some of it may have arrived.
    pub(super) async fn send(&mut self, batch: &Batch) -> Result<Leftover, Refusal> {
        match self {
            Self::File(file) => file.write(batch)?,
            Self::Http(http) => return http.send(batch).await,
            Self::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(batch.octets()).and_then(|()| out.flush())?;
            }
            Self::Syslog(syslog) => syslog.send(batch).await?,
        }
        Ok(Leftover::default())
    }

    /// Makes sure of what was sent, as far as this side can.
    pub(super) fn keep(&mut self) -> Result<(), Refusal> {
        match self {
            Self::File(file) => Ok(file.sync()?),
            Self::Http(_) | Self::Stdout | Self::Syslog(_) => Ok(()),
        }
    }

    /// For how long the destination may still lose what it was sent, as long as the connection
    /// stands: nothing tells when it has taken it.
    pub(super) fn doubt(&self) -> Option<Duration> {
        match self {
            Self::File(_) | Self::Http(_) | Self::Stdout => None,
            Self::Syslog(syslog) => syslog.doubt(),
        }
    }

    /// Ends when the destination has gone away; whether it had taken all that it was sent.
    pub(super) async fn gone(&mut self) -> bool {
        match self {
            Self::File(_) | Self::Http(_) | Self::Stdout => std::future::pending().await,
            Self::Syslog(syslog) => syslog.gone().await,
        }
    }

    /// Says goodbye; whether the destination has taken all that it was sent.
    pub(super) async fn close(&mut self) -> bool {
        match self {
            Self::File(_) | Self::Http(_) | Self::Stdout => true,
            Self::Syslog(syslog) => syslog.close().await,
        }
    }
}

// === impl Leftover ===

impl Leftover {
    /// More of it. What is said again is told once, and not without end.
    pub(super) fn add(&mut self, events: u64, why: &str) {
        const TOLD: usize = 1_000;
        self.events = self.events.saturating_add(events);
        if self.why.len() < TOLD && !self.why.contains(why) {
            let between = if self.why.is_empty() { "" } else { "; " };
            self.why.extend([between, why]);
        }
    }
}

// === impl Refusal ===

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self { why: error.to_string(), rest: Rest::Usual }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}
