//! Answers: bodies that are there, bodies that come, and problems as RFC 9457 has them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Frame;
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc;

/// What an answer carries.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An answer, or why there is none.
pub(super) type Answer = Result<Response<Body>, Wrong>;

/// Why a question is not answered.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) status: StatusCode,
    pub(super) detail: String,
    /// A field that goes with the status.
    field: Option<(header::HeaderName, String)>,
}

/// A body that comes piece by piece; an error cuts it off, so that nobody takes it for whole.
struct Coming(mpsc::Receiver<io::Result<Bytes>>);

impl hyper::body::Body for Coming {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

/// A view as JSON.
pub(super) fn json(value: &impl Serialize) -> Response<Body> {
    respond(StatusCode::OK, "application/json", value)
}

/// Text or octets of a kind.
pub(super) fn text(
    status: StatusCode,
    kind: &'static str,
    octets: impl Into<Bytes>,
) -> Response<Body> {
    let body = Full::new(octets.into()).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A body that comes from somewhere else.
pub(super) fn coming(
    kind: &'static str,
    pieces: mpsc::Receiver<io::Result<Bytes>>,
) -> Response<Body> {
    let mut response = Response::new(Coming(pieces).boxed_unsync());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn respond(status: StatusCode, kind: &'static str, value: &impl Serialize) -> Response<Body> {
    let mut octets = serde_json::to_vec_pretty(value).expect("views have only string keys");
    octets.push(b'\n');
    text(status, kind, octets)
}

impl Wrong {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), field: None }
    }

    /// It can be read and is wrong.
    pub(super) fn unfit(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// It cannot be had now.
    pub(super) fn unavailable(detail: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail.to_string())
    }

    /// Too many do this at the same time.
    pub(super) fn many(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, detail)
    }

    pub(super) fn with(mut self, field: header::HeaderName, value: String) -> Self {
        self.field = Some((field, value));
        self
    }

    pub(super) fn response(self) -> Response<Body> {
        let problem = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        let mut response = respond(self.status, "application/problem+json", &problem);
        let field = self.field.and_then(|(name, value)| Some((name, value.parse().ok()?)));
        if let Some((name, value)) = field {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
