//! A collector that takes batches by HTTP/1.1. What it answered 2xx to has arrived.

use std::sync::Arc;
use std::time::Duration;

use ::http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use ::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::time::timeout;

use super::Own;
use super::batch::{Batch, Limits};
use super::dial::Way;
use super::outlet::Refusal;
use super::settings::HttpSettings;

/// How long a collector may take for one batch, its answer included.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is read of an answer, so that the connection can be used again and a mistake be told.
const ANSWER: usize = 64 * 1024;

/// What of an answer is told, in characters.
const TOLD: usize = 200;

const AGENT: &str = concat!("borderpost/", env!("CARGO_PKG_VERSION"));

/// A collector that takes batches.
pub(super) struct Http {
    settings: HttpSettings,
    tls: Option<Arc<ClientConfig>>,
    own: Own,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// Why a request came to nothing.
enum Failure {
    /// The connection, which had rested, was over: another one may do.
    Stale,
    Refused(Refusal),
}

impl Http {
    pub(super) const fn new(
        settings: HttpSettings,
        tls: Option<Arc<ClientConfig>>,
        own: Own,
    ) -> Self {
        Self { settings, tls, own, connection: None }
    }

    pub(super) const fn limits(&self) -> Limits {
        self.settings.limits()
    }

    /// For how long events may gather.
    pub(super) const fn gather(&self) -> Duration {
        self.settings.gather
    }

    pub(super) async fn send(&mut self, batch: &Batch) -> Result<(), Refusal> {
        let body = Bytes::copy_from_slice(batch.octets());
        loop {
            let sent = timeout(PATIENCE, self.post(body.clone())).await;
            return match sent {
                Ok(Ok(())) => Ok(()),
                Ok(Err(Failure::Stale)) => continue,
                Ok(Err(Failure::Refused(refusal))) => Err(refusal),
                Err(_) => Err(self.wrong("no answer in 30 s")),
            };
        }
    }

    /// Posts once. Whatever fails takes the connection with it.
    async fn post(&mut self, body: Bytes) -> Result<(), Failure> {
        let rested = self.connection.take();
        let fresh = rested.is_none();
        let mut connection = match rested {
            Some(connection) => connection,
            None => self.connect().await.map_err(Failure::Refused)?,
        };
        let request = self.request(body);
        let answer = async {
            connection.ready().await?;
            connection.send_request(request).await
        };
        let answer = match answer.await {
            Ok(answer) => answer,
            Err(_) if !fresh => return Err(Failure::Stale),
            Err(error) => return Err(Failure::Refused(self.wrong(&error))),
        };
        let status = answer.status();
        let text = Limited::new(answer.into_body(), ANSWER).collect().await;
        let text = text.map(http_body_util::Collected::to_bytes);
        if status.is_success() {
            // Of what it says nothing is needed but its end.
            self.connection = text.is_ok().then_some(connection);
            return Ok(());
        }
        let text = text.unwrap_or_default();
        Err(Failure::Refused(self.refused(status, &text)))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Refusal> {
        let HttpSettings { host, port, secure, .. } = &self.settings;
        let tls = if *secure { self.tls.as_ref() } else { None };
        let stream = Way { host, port: *port, tls, own: &self.own }.connect().await?;
        let spoken = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = spoken.map_err(|error| self.wrong(&error))?;
        // Its errors reach whoever waits for the answer.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }

    fn request(&self, body: Bytes) -> Request<Full<Bytes>> {
        let HttpSettings { target, authority, fields, content, .. } = &self.settings;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target.clone();
        let headers: &mut HeaderMap = request.headers_mut();
        headers.insert(HOST, authority.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content));
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        for (name, value) in fields {
            headers.insert(name, value.clone());
        }
        request
    }

    fn refused(&self, status: StatusCode, text: &[u8]) -> Refusal {
        let text = String::from_utf8_lossy(text);
        let plain = |one: char| if one.is_control() { ' ' } else { one };
        let text: String = text.chars().map(plain).take(TOLD).collect();
        let passing = status.is_server_error()
            || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
        Refusal { slow: !passing, ..self.wrong(format!("{status} {text}").trim_end()) }
    }

    fn wrong(&self, why: impl std::fmt::Display) -> Refusal {
        let HttpSettings { host, port, .. } = &self.settings;
        Refusal { why: format!("{host}:{port}: {why}"), slow: false }
    }
}

/// What is asked for, of a URL: path and query.
pub(super) fn target(url: &url::Url) -> Uri {
    let path = url.query().map_or_else(|| url.path().to_owned(), |q| format!("{}?{q}", url.path()));
    path.parse().unwrap_or_default()
}
