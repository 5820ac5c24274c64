//! What all formats say of an event, each in its own words.

use std::borrow::Cow;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::policy::{Mode, Outcome};

use super::super::personal::Hidden;

use super::{Event, Origin, Rule, text};

/// An event, and who tells it.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'e> {
    pub(super) event: &'e Event<'e>,
    pub(super) origin: &'e Origin,
    pub(super) verdict: Verdict,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It went out.
    Allowed,
    /// A rule or setting barred it.
    Blocked,
    /// It was allowed, and came to nothing.
    Failed,
    /// It waits for a person.
    Held,
    /// It went out, and a rule wants it known.
    Logged,
    /// It went out; a rule that only observes would have had a say.
    Observed,
}

// === impl View ===

impl<'e> View<'e> {
    pub(super) fn of(event: &'e Event<'_>, origin: &'e Origin) -> Self {
        Self { event, origin, verdict: Verdict::of(event) }
    }

    /// The rule that decided, or would have.
    pub(super) fn rule(&self) -> Option<&'e Rule<'e>> {
        self.event.rules.first()
    }

    /// That rule, by pack and name.
    pub(super) fn rule_id(&self) -> Option<String> {
        self.rule().map(|rule| format!("{}/{}", rule.pack, rule.rule))
    }

    /// The socket that was judged, if it is known.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.event.address.as_deref()?.parse().ok()
    }

    /// The host as other schemas have it: an address without its brackets.
    pub(super) fn host(&self) -> Option<&'e str> {
        let host = self.event.host.as_deref()?;
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        Some(bare.unwrap_or(host))
    }

    /// Whether it is a tunnel, whatever became of it.
    pub(super) fn is_tunnel(&self) -> bool {
        !matches!(&*self.event.scheme, "http" | "https")
    }

    /// The country, if there is but one in which the address may be.
    pub(super) fn country(&self) -> Option<&'e str> {
        match &*self.event.location.as_ref()?.countries {
            [one] => Some(one),
            [] | [_, ..] => None,
        }
    }

    /// All countries in which it may be.
    pub(super) fn countries(&self) -> String {
        self.event.location.as_ref().map(|place| place.countries.join(",")).unwrap_or_default()
    }

    /// Where it goes: the URL without query, or host and port of a tunnel. What cannot stand in a
    /// URL is percent-encoded.
    pub(super) fn url(&self) -> Option<String> {
        let (host, port) = (text::url(self.event.host.as_deref()?), self.event.port);
        if self.is_tunnel() {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            return Some(format!("{host}{port}"));
        }
        let usual = if self.event.scheme == "http" { 80 } else { 443 };
        let port = port.filter(|port| *port != usual);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let path = self.event.path.as_deref().unwrap_or("/");
        // What stands for a path is none itself.
        let slash = if Hidden::of(path).is_some() { "/" } else { "" };
        let path = format!("{slash}{}", text::url(path));
        Some(format!("{}://{host}{port}{path}", self.event.scheme))
    }

    /// The person or program that asks.
    pub(super) fn principal(&self) -> Option<&'e str> {
        self.event.principal.as_deref()
    }

    /// Microseconds that it took, if that is known.
    pub(super) fn took(&self) -> Option<u64> {
        (!self.event.is_interrupted()).then_some(self.event.timings_us.total)
    }

    /// Milliseconds that it took, if that is known.
    pub(super) fn millis(&self) -> Option<u64> {
        self.took().map(|took| took / 1_000)
    }

    /// Where the time went, without the whole of it where that is not known.
    pub(super) fn timings(&self) -> Value {
        let mut timings = json!(self.event.timings_us);
        if self.took().is_none()
            && let Some(timings) = timings.as_object_mut()
        {
            timings.remove("total");
        }
        timings
    }

    /// Bytes to the destination, if it is known how many.
    pub(super) fn bytes_out(&self) -> Option<u64> {
        (!self.event.is_interrupted()).then_some(self.event.bytes_out)
    }

    /// Bytes back, if it is known how many.
    pub(super) fn bytes_in(&self) -> Option<u64> {
        (!self.event.is_interrupted()).then_some(self.event.bytes_in)
    }

    /// Both together.
    pub(super) fn bytes(&self) -> Option<u64> {
        Some(self.bytes_out()?.saturating_add(self.bytes_in()?))
    }

    /// Why it did not go out, or what did not work.
    pub(super) fn reason(&self) -> Option<&'e str> {
        self.event.error.as_ref().map(|error| &*error.detail)
    }

    /// It in one sentence.
    pub(super) fn message(&self) -> String {
        let event = self.event;
        let what =
            if event.tags.is_empty() { event.method.clone() } else { event.tags.join(", ").into() };
        let host = event.host.as_deref().unwrap_or("nowhere");
        let countries = self.countries();
        let place = if countries.is_empty() { countries } else { format!(" ({countries})") };
        let by = match (&event.error, self.rule_id()) {
            (Some(error), None) => format!(", {}", error.code),
            (_, Some(rule)) => format!(" by {rule}"),
            (None, None) => String::new(),
        };
        format!("{}: {what} to {host}{place}{by}", self.verdict.name())
    }

    /// The status that the client got, where it got one.
    pub(super) fn status(&self) -> Cow<'static, str> {
        self.event.status.map_or(Cow::Borrowed("000"), |status| status.to_string().into())
    }
}

// === impl Verdict ===

impl Verdict {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let barred = event.error.as_ref().is_some_and(|error| error.fault == "policy");
        match event.outcome {
            Some(Outcome::Hold) => Self::Held,
            Some(Outcome::Block | Outcome::Require) => Self::Blocked,
            _ if barred => Self::Blocked,
            _ if event.error.is_some() => Self::Failed,
            _ if event.mode == Mode::Observe => Self::Observed,
            Some(Outcome::Log) => Self::Logged,
            Some(Outcome::Allow) | None => Self::Allowed,
        }
    }

    /// The word that all formats have for it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Blocked => "blocked",
            Self::Failed => "failed",
            Self::Held => "held",
            Self::Logged => "logged",
            Self::Observed => "observed",
        }
    }

    /// Whether nothing was to leave.
    pub(super) const fn refuses(self) -> bool {
        matches!(self, Self::Blocked | Self::Held)
    }

    /// From 0 to 10, as CEF and LEEF have it.
    pub(super) const fn severity(self) -> u8 {
        match self {
            Self::Allowed => 1,
            Self::Logged => 3,
            Self::Observed => 4,
            Self::Failed => 5,
            Self::Held => 6,
            Self::Blocked => 8,
        }
    }
}
