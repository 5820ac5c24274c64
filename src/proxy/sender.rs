//! One way to put a request on a connection, whichever HTTP is spoken there, and the dress
//! that each version wants (RFC 9112 section 3.2, RFC 9113 section 8.3).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::uri::{PathAndQuery, Uri};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::{TrySendError, http1, http2};

use super::error::Error;
use super::outgoing::Outgoing;
use super::target::{Speech, Target};
use super::upgrade::Upgrade;

/// A live connection to a destination.
#[derive(Debug)]
pub(super) enum Sender {
    /// One request at a time.
    Http1(http1::SendRequest<Outgoing>),
    /// Many at a time.
    Http2(http2::SendRequest<Outgoing>, Arc<Room>),
}

/// How many requests the other side takes at a time (RFC 9113 section 5.1.2). Whoever sends holds
/// it, and so do the pool and the task of the connection.
#[derive(Debug, Default)]
pub(super) struct Room(AtomicUsize);

/// Where a request goes, as each version says it.
#[derive(Clone, Debug)]
pub(super) struct Address {
    host: HeaderValue,
    path: PathAndQuery,
    scheme: Speech,
}

// === impl Sender ===

impl Sender {
    pub(super) fn is_closed(&self) -> bool {
        match self {
            Self::Http1(sender) => sender.is_closed(),
            Self::Http2(sender, _) => sender.is_closed(),
        }
    }

    /// Whether others can send at the same time.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Self::Http2(..))
    }

    /// Whether the other side takes one more beside those that are sent already; asked of the
    /// pool's own.
    pub(super) fn has_room(&self) -> bool {
        match self {
            Self::Http1(_) => true,
            Self::Http2(_, room) => {
                let sending = Arc::strong_count(room).saturating_sub(2);
                sending < room.0.load(Ordering::Relaxed).max(1)
            }
        }
    }

    /// A second way onto the same connection.
    pub(super) fn share(&self) -> Option<Self> {
        match self {
            Self::Http1(_) => None,
            Self::Http2(sender, room) => Some(Self::Http2(sender.clone(), Arc::clone(room))),
        }
    }

    /// Sends a request; one of which nothing was sent comes back with the error.
    pub(super) async fn send(
        &mut self,
        mut request: Request<Outgoing>,
        address: &Address,
    ) -> Result<Response<Incoming>, TrySendError<Request<Outgoing>>> {
        match self {
            Self::Http1(sender) => {
                address.dress_1(&mut request);
                sender.try_send_request(request).await
            }
            Self::Http2(sender, _) => {
                address.dress_2(&mut request);
                sender.try_send_request(request).await
            }
        }
    }
}

// === impl Room ===

impl Room {
    /// Notes what the other side says now.
    pub(super) fn note(&self, streams: usize) {
        self.0.store(streams, Ordering::Relaxed);
    }
}

// === impl Address ===

impl Address {
    /// The address of a request's target; `whole_server` asks for `*`.
    pub(super) fn of<B>(
        request: &Request<B>,
        target: &Target,
        whole_server: bool,
    ) -> Result<Self, Error> {
        let port = target.scheme.default_port().unwrap_or(target.authority.port);
        let host = HeaderValue::try_from(target.authority.to_host_field(port));
        let host = host.map_err(|_| bad_target())?;
        let path = match request.uri().path_and_query() {
            _ if whole_server => PathAndQuery::from_static("*"),
            Some(path) => path.clone(),
            None => PathAndQuery::from_static("/"),
        };
        Ok(Self { host, path, scheme: target.scheme })
    }

    /// Origin form and `Host` (RFC 9112 sections 3.2.1 and 3.2.2), and how the body is framed
    /// where hyper would guess that a method has none: a chunked GET would lose its body
    /// (section 6.3).
    fn dress_1(&self, request: &mut Request<Outgoing>) {
        *request.version_mut() = Version::HTTP_11;
        *request.uri_mut() = Uri::from(self.path.clone());
        let unsized_body = !request.body().is_end_stream()
            && !request.headers().contains_key(header::CONTENT_LENGTH);
        let upgrades = request.extensions().get::<Upgrade>().is_some();
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.host.clone());
        join_cookies(headers);
        if upgrades {
            Upgrade::dress(headers);
        } else if headers.contains_key(header::TE) {
            headers.insert(header::CONNECTION, HeaderValue::from_static("te"));
        }
        if unsized_body {
            headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    }

    /// The target in pseudo-header fields, and no field that concerns the connection
    /// (RFC 9113 sections 8.2.2 and 8.3.1).
    fn dress_2(&self, request: &mut Request<Outgoing>) {
        *request.version_mut() = Version::HTTP_2;
        let mut parts = http::uri::Parts::default();
        parts.scheme = self.scheme.scheme();
        parts.authority = http::uri::Authority::try_from(self.host.as_bytes()).ok();
        parts.path_and_query = Some(self.path.clone());
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
        let headers = request.headers_mut();
        for name in [header::HOST, header::CONNECTION, header::TRANSFER_ENCODING, header::EXPECT] {
            headers.remove(name);
        }
        // Interim answers of an HTTP/2 destination do not reach us, so nobody would open it.
        request.body_mut().open();
    }
}

/// HTTP/2 may send one Cookie in pieces; HTTP/1 takes it in one (RFC 9113 section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(header::COOKIE).iter().nth(1).is_none() {
        return;
    }
    let pieces = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
    let joined = HeaderValue::from_bytes(&pieces.collect::<Vec<_>>().join(&b"; "[..]));
    if let Ok(joined) = joined {
        headers.insert(header::COOKIE, joined);
    }
}

fn bad_target() -> Error {
    let status = StatusCode::BAD_REQUEST;
    Error::client(
        status,
        "target-invalid",
        "the target cannot stand in Host",
        "RFC 9112 section 3.2",
    )
}
