//! Looks through what a request carries, as far as it must be known before something leaves.

use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use hyper::body::Body as _;

use crate::data::{Described, Findings, Inspection, Inspector, Tag};
use crate::net::Host;

use super::super::Proxy;
use super::super::error::Error;
use super::super::forward::Client;
use super::super::frame::patience;
use super::super::grpc;
use super::super::wire::{Fault, FaultKind};
use super::source::{Broken, Reading, Source};
use super::{head, redact};

/// A request of which more could be known.
pub(in crate::proxy) struct Look<'r> {
    pub(in crate::proxy) client: &'r Client<'r>,
    pub(in crate::proxy) method: &'r Method,
    pub(in crate::proxy) uri: &'r Uri,
    pub(in crate::proxy) headers: &'r HeaderMap,
    pub(in crate::proxy) body: &'r mut Source,
    /// Whether what it asks for goes on after its answer, and carries data then.
    pub(in crate::proxy) goes_on: bool,
}

/// What was seen.
pub(in crate::proxy) struct Seen {
    /// In the head.
    pub(in crate::proxy) head: Findings,
    /// In the head and in as much of the body as was read.
    pub(in crate::proxy) all: Findings,
    /// Whether more of the body comes.
    pub(in crate::proxy) begun: bool,
}

/// An inspection of a body of which the head says so much.
fn inspection(
    inspector: &Arc<Inspector>,
    host: &Host,
    uri: &Uri,
    headers: &HeaderMap,
) -> Inspection {
    let (kind, coding) =
        (said(headers, header::CONTENT_TYPE), said(headers, header::CONTENT_ENCODING));
    let host = host.to_string();
    let described = Described {
        host: &host,
        path: uri.path(),
        content_type: kind.as_deref(),
        content_encoding: coding.as_deref(),
    };
    Inspection::new(inspector, &described)
}

/// All that a field says, in one: recipients may take any of its lines. What is no text is said
/// as what nobody knows.
fn said(headers: &HeaderMap, name: HeaderName) -> Option<Cow<'_, str>> {
    let text = |value: &HeaderValue| value.to_str().unwrap_or("unreadable").to_owned();
    let mut lines = headers.get_all(&name).iter();
    let only = lines.next()?.to_str().unwrap_or("unreadable");
    if lines.next().is_none() {
        return Some(Cow::Borrowed(only));
    }
    let all: Vec<_> = headers.get_all(name).iter().map(text).collect();
    Some(Cow::Owned(all.join(",")))
}

impl Look<'_> {
    /// Whether it carries something that was not declared.
    pub(in crate::proxy) fn is_worth_it(&self) -> bool {
        self.goes_on
            || !self.body.is_end_stream()
            || head::says_something(self.method, self.uri, self.headers)
    }

    /// Looks; `hold` octets of the body may wait, or none has to.
    pub(in crate::proxy) async fn look(
        &mut self,
        proxy: &Proxy,
        (inspector, hold): (&Arc<Inspector>, Option<usize>),
        host: &Host,
    ) -> Result<Seen, Error> {
        let beside = inspection(inspector, host, self.uri, self.headers);
        let found = head::look(beside, self.method, self.uri, self.headers);
        let mut seen = Seen { head: found.clone(), all: found, begun: self.goes_on };
        if self.body.is_end_stream() {
            return Ok(seen);
        }
        if self.headers.get_all(header::CONTENT_TYPE).iter().nth(1).is_some() {
            let text = "Content-Type is there more than once; whoever reads the body may take any";
            let status = StatusCode::BAD_REQUEST;
            return Err(Error::client(status, "content-type", text, "RFC 9110 section 5.3"));
        }
        let body = std::mem::replace(self.body, Source::Empty);
        let inspection = inspection(inspector, host, self.uri, self.headers);
        // Calls answer one another: each message waits by itself, and none for the end of all.
        let Some(limit) = hold.filter(|_| !grpc::is_spoken(self.headers)) else {
            *self.body = body.watched(inspection, hold.is_none(), &proxy.held);
            return Ok(Seen { begun: true, ..seen });
        };
        let pause = patience(&proxy.settings, self.headers, proxy.settings.body_timeout);
        let held = body.hold(inspection, limit, pause, &proxy.held).await;
        let (body, reading) = held.map_err(|broken| self.blame(broken))?;
        *self.body = body;
        let (found, begun) = match reading {
            Reading::Whole(found) => (found, false),
            Reading::Begun(found) => (found, true),
        };
        seen.all.absorb(found);
        Ok(Seen { begun: begun || self.goes_on, ..seen })
    }

    /// Takes the values out of the body, if it can be done; how many, and what is found then.
    pub(in crate::proxy) fn redact(
        &mut self,
        seen: &Seen,
        (inspector, host): (&Arc<Inspector>, &Host),
        barred: impl Fn(&Tag) -> bool,
    ) -> Option<(u64, Findings)> {
        let values = redact::may_change(self.headers)
            .then(|| redact::redact(self.body, &seen.all, barred))??;
        let inspection = inspection(inspector, host, self.uri, self.headers);
        let mut found = seen.head.clone();
        found.absorb(redact::look_again(self.body, inspection));
        Some((values, found))
    }

    /// A body that ended before it was sent on is its client's fault.
    fn blame(&self, broken: Broken) -> Error {
        match (self.client.wire.body_fault(), broken) {
            (Some(fault), _) => Error::on_the_wire(&fault),
            (None, Broken::Stalled) => Error::on_the_wire(&Fault::new(FaultKind::BodyTimeout, 0)),
            (None, Broken::Cut) => {
                let text = "the request's body ended before its announced end";
                let status = StatusCode::BAD_REQUEST;
                Error::client(status, "request-cut", text, "RFC 9112 section 8")
            }
        }
    }
}
