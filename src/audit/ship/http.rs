//! A collector that takes batches by HTTP/1.1. What it answered 2xx to has arrived.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use ::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, USER_AGENT};
use ::http::{HeaderMap, HeaderValue, Method, Request, Uri};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use rustls::ClientConfig;
use tokio::time::timeout;

use super::super::event::Envelope;
use super::answer;
use super::backoff::Rest;
use super::batch::{Batch, Limits, Part};
use super::dial::Way;
use super::outlet::{Leftover, Refusal};
use super::settings::HttpSettings;
use super::{Own, ShipContext};

/// How long a collector may take for one batch, its answer included.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is read of an answer, so that the connection can be used again and a mistake be told.
const ANSWER: usize = 64 * 1024;

/// After so many events that were refused one by one, and none that was taken, nobody takes any.
const REFUSED: u64 = 8;

const AGENT: &str = concat!("borderpost/", env!("CARGO_PKG_VERSION"));

/// A collector that takes batches.
pub(super) struct Http {
    settings: HttpSettings,
    tls: Option<Arc<ClientConfig>>,
    own: Own,
    /// What stands around records of OpenTelemetry.
    envelope: Option<Envelope>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// Why a request came to nothing.
enum Failure {
    /// The connection, which had rested, was over: another one may do.
    Stale,
    /// What was sent is at fault, and less of it may do.
    Unfit(String),
    Refused(Refusal),
}

impl Http {
    pub(super) fn new(
        settings: HttpSettings,
        tls: Option<Arc<ClientConfig>>,
        context: &ShipContext,
    ) -> Self {
        let envelope = settings.signal.map(|signal| Envelope::new(signal, &context.origin));
        Self { settings, tls, own: context.own.clone(), envelope, connection: None }
    }

    pub(super) const fn limits(&self) -> Limits {
        self.settings.limits()
    }

    /// For how long events may gather.
    pub(super) const fn gather(&self) -> Duration {
        self.settings.gather
    }

    /// Sends all of a batch. What the collector finds at fault is halved until it is found; that it
    /// is the event and not the collector shows where it takes others.
    pub(super) async fn send(&mut self, batch: &Batch) -> Result<Leftover, Refusal> {
        let (mut left, mut taken) = (Leftover::default(), false);
        let mut parts = vec![batch.whole()];
        while let Some(part) = parts.pop() {
            match self.deliver(part).await {
                Ok(said) => {
                    taken = true;
                    left.add(said.events, &said.why);
                }
                Err(Failure::Unfit(_)) if part.len() > 1 => {
                    let (first, second) = part.halves();
                    parts.extend([second, first]);
                }
                Err(Failure::Unfit(why)) => {
                    left.add(1, &why);
                    if !taken && left.events >= REFUSED {
                        break;
                    }
                }
                Err(Failure::Refused(refusal)) => return Err(refusal),
                Err(Failure::Stale) => parts.push(part),
            }
        }
        if taken { Ok(left) } else { Err(Refusal { why: left.why, rest: Rest::Long }) }
    }

    /// Posts one body that is whole as it is.
    pub(super) async fn push(&mut self, body: &[u8]) -> Result<Leftover, Refusal> {
        let body = self.compressed(Cow::Borrowed(body))?;
        loop {
            return match self.post(body.clone()).await {
                Ok(left) => Ok(left),
                Err(Failure::Stale) => continue,
                Err(Failure::Unfit(why)) => Err(Refusal { why, rest: Rest::Long }),
                Err(Failure::Refused(refusal)) => Err(refusal),
            };
        }
    }

    async fn deliver(&mut self, part: Part<'_>) -> Result<Leftover, Failure> {
        let body = self.body(part).map_err(|error| Failure::Refused(self.wrong(error)))?;
        self.post(body).await
    }

    /// Posts one body, within the time that a collector has.
    async fn post(&mut self, body: Bytes) -> Result<Leftover, Failure> {
        let sent = timeout(PATIENCE, self.once(body)).await;
        sent.unwrap_or_else(|_| Err(Failure::Refused(self.wrong("no answer in 30 s"))))
    }

    fn body(&self, part: Part<'_>) -> io::Result<Bytes> {
        let Some(envelope) = &self.envelope else {
            return self.compressed(Cow::Borrowed(part.octets()));
        };
        let mut body = Vec::with_capacity(part.octets().len() + 1_024);
        envelope.around(part.messages(), &mut body);
        self.compressed(Cow::Owned(body))
    }

    fn compressed(&self, body: Cow<'_, [u8]>) -> io::Result<Bytes> {
        if !self.settings.compressed {
            return Ok(body.into_owned().into());
        }
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&body)?;
        Ok(packed.finish()?.into())
    }

    /// Posts once. Whatever fails takes the connection with it.
    async fn once(&mut self, body: Bytes) -> Result<Leftover, Failure> {
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
        let (head, body) = answer.into_parts();
        let text = Limited::new(body, ANSWER).collect().await;
        let text = text.map(http_body_util::Collected::to_bytes);
        if head.status.is_success() {
            self.connection = text.is_ok().then_some(connection);
            let text = text.unwrap_or_default();
            let signal = self.settings.signal;
            return Ok(signal.map(|signal| answer::partial(signal, &text)).unwrap_or_default());
        }
        let text = answer::shown(&text.unwrap_or_default());
        let why = self.wrong(format!("{} {text}", head.status).trim_end());
        Err(if answer::is_unfit(head.status) {
            Failure::Unfit(why.why)
        } else {
            Failure::Refused(Refusal { rest: answer::rest(&head, Timestamp::now()), ..why })
        })
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
        if self.settings.compressed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        for (name, value) in fields {
            headers.insert(name, value.clone());
        }
        request
    }

    fn wrong(&self, why: impl std::fmt::Display) -> Refusal {
        let HttpSettings { host, port, .. } = &self.settings;
        Refusal { why: format!("{host}:{port}: {why}"), rest: Rest::Usual }
    }
}

/// What is asked for, of a URL: path and query.
pub(super) fn target(url: &url::Url) -> Uri {
    let path = url.query().map_or_else(|| url.path().to_owned(), |q| format!("{}?{q}", url.path()));
    path.parse().unwrap_or_default()
}
