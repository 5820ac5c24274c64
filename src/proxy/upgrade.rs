//! WebSocket: a request that asks to go on in another protocol, over HTTP/1 (RFC 6455) or
//! over a stream of HTTP/2 (RFC 8441). Towards destinations it is always the former.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header,
};
use hyper::ext::Protocol;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use crate::audit::Fault;
use crate::policy::Stake;
use crate::telemetry::{Event, Side};

use super::body::Body;
use super::converse::converse;
use super::draft::Draft;
use super::error::Error;
use super::guard::Served;
use super::ingress::Ingress;
use super::inspect::{Judge, Messages};
use super::relay::{End, Passed, relay_frames};
use super::streams::{Carried, Stream};
use super::tunnel::Standing;
use super::upstream::Answered;
use super::wire::extensions::Extensions;
use super::wire::server_frames;
use super::{Proxy, fields};

const WEBSOCKET: &str = "websocket";
const KEY: HeaderName = header::SEC_WEBSOCKET_KEY;
const ACCEPT: HeaderName = header::SEC_WEBSOCKET_ACCEPT;
/// A message goes against a policy (RFC 6455 section 7.4.1).
const BARRED: u16 = 1008;
/// What turns a key into its acceptance (RFC 6455 section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What a request asks for that wants to go on as WebSocket; kept in its extensions.
#[derive(Clone, Debug)]
pub(super) struct Upgrade {
    /// The client's side, once it has read our answer.
    client: OnUpgrade,
    /// Whether it was asked for over HTTP/2.
    extended: bool,
    /// What the destination's acceptance must answer.
    key: HeaderValue,
}

impl Upgrade {
    /// Notes what the request asks for. One over HTTP/2 becomes the GET that means the same.
    pub(super) fn note<B>(request: &mut Request<B>) {
        let protocol = request.extensions().get::<Protocol>().map(Protocol::as_str);
        let extended = protocol.is_some_and(|one| one.eq_ignore_ascii_case(WEBSOCKET))
            && *request.method() == Method::CONNECT;
        if !extended && !asks(request) {
            return;
        }
        if extended {
            request.extensions_mut().remove::<Protocol>();
            *request.method_mut() = Method::GET;
            let random: [u8; 16] = uuid::Uuid::new_v4().into_bytes();
            let key = HeaderValue::try_from(BASE64_STANDARD.encode(random));
            request.headers_mut().extend(key.ok().map(|key| (KEY, key)));
        }
        let Some(key) = request.headers().get(KEY).cloned() else { return };
        let client = hyper::upgrade::on(&mut *request);
        request.extensions_mut().insert(Self { client, extended, key });
    }

    /// Says it to the destination.
    pub(super) fn dress(headers: &mut HeaderMap) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static(WEBSOCKET));
        headers.remove(header::TE);
    }

    /// Whether any success would tell the client that it was agreed to (RFC 8441 section 5).
    pub(super) fn is_extended(&self) -> bool {
        self.extended
    }

    /// Whether the destination agrees to what was asked (RFC 6455 section 4.1).
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Error> {
        let joined = [self.key.as_bytes(), GUID].concat();
        let expected = BASE64_STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &joined));
        let told = |name| headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
        let agreed = told(header::UPGRADE).eq_ignore_ascii_case(WEBSOCKET.as_bytes())
            && told(ACCEPT) == expected.as_bytes();
        if agreed {
            return Ok(());
        }
        let text = "the destination switched to a protocol that was not asked for";
        let status = StatusCode::BAD_GATEWAY;
        Err(Error::upstream(status, "response", "answer-malformed", "http_protocol_error", text))
    }
}

/// A handshake that the destination agreed to.
pub(super) struct Switched {
    pub(super) answered: Answered,
    pub(super) upgrade: Upgrade,
    pub(super) standing: Standing,
    /// Who decides about what will be said.
    pub(super) judge: Option<Arc<Judge>>,
}

/// How what the client says is looked into.
struct Listening {
    judge: Arc<Judge>,
    stake: Stake,
    extensions: Extensions,
}

/// Whether something depends on what the client will say.
fn listen(
    draft: &Draft,
    standing: &mut Standing,
    judge: Option<Arc<Judge>>,
    headers: &HeaderMap,
) -> Option<Listening> {
    let stake = standing.stake(draft.proxy(), draft.active());
    // Where nobody can decide it must not come to matter: the standing sees to that.
    standing.stake = Some(if judge.is_some() { stake } else { Stake::Nothing });
    let judge = judge.filter(|_| stake != Stake::Nothing)?;
    draft.sent().goes_to(&standing.permit);
    let agreed = headers.get_all(header::SEC_WEBSOCKET_EXTENSIONS);
    let extensions = Extensions::of(agreed.iter().map(HeaderValue::as_bytes));
    Some(Listening { judge, stake, extensions })
}

/// Whether an HTTP/1.1 request asks for WebSocket; nothing else is upgraded to. A handshake has no
/// body, and what has one is an ordinary request.
fn asks<B>(request: &Request<B>) -> bool {
    let upgrade = request.headers().get(header::UPGRADE).map(HeaderValue::as_bytes);
    *request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && upgrade.is_some_and(|value| value.eq_ignore_ascii_case(WEBSOCKET.as_bytes()))
        && !request.headers().contains_key(header::TRANSFER_ENCODING)
        && request.headers().get(header::CONTENT_LENGTH).is_none_or(|length| length == "0")
        && fields::has_token(request.headers(), &header::CONNECTION, "upgrade")
}

/// Answers the client as the destination did, and passes what both say from now on.
pub(super) fn open(
    switched: Switched,
    (mut draft, served): (Draft, Served),
    ingress: Arc<Ingress>,
) -> Response<Body> {
    let Switched { answered, upgrade, mut standing, judge } = switched;
    let Answered { response, .. } = answered;
    let (mut head, body) = response.into_parts();
    let listening = listen(&draft, &mut standing, judge, &head.headers);
    let mut response = Response::new(body);
    *response.extensions_mut() = std::mem::take(&mut head.extensions);
    let upstream = hyper::upgrade::on(&mut response);
    fields::forward_response(&mut head.headers, head.version, draft.proxy().via());
    draft.record().status = Some(head.status.as_u16());
    let mut answer = Response::new(Body::own(Bytes::new(), None));
    if upgrade.extended {
        head.headers.remove(ACCEPT);
    } else {
        *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        head.headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        head.headers.insert(header::UPGRADE, HeaderValue::from_static(WEBSOCKET));
    }
    *answer.headers_mut() = head.headers;
    let tasks = draft.proxy().drain.tasks.clone();
    let stream = Stream::current();
    tasks.spawn(async move {
        run((upgrade.client, stream), upstream, (&standing, listening), draft).await;
        drop((ingress, served));
    });
    answer
}

async fn run(
    (client, stream): (OnUpgrade, Option<Stream>),
    upstream: OnUpgrade,
    (standing, listening): (&Standing, Option<Listening>),
    mut draft: Draft,
) {
    let proxy = Arc::clone(draft.proxy());
    let (Ok(client), Ok(upstream)) = tokio::join!(client, upstream) else {
        return draft.cut(Fault::Client, "client-closed", "a side left before the other switched");
    };
    let counts = Passed::default();
    Event::Connection(Side::Upstream, true).record(&proxy.metrics);
    let (client, upstream) = (Carried::new(client, stream), TokioIo::new(upstream));
    let end = if let Some(listening) = listening {
        let last = server_frames::close(BARRED, &format!("barred: {}", draft.record().id));
        let Listening { judge, stake, extensions } = listening;
        let mut messages = Messages::new(&mut draft, standing, (judge, stake), extensions);
        let end = tokio::select! {
            end = converse(client, upstream, (&mut messages, &counts), &last) => end,
            end = standing.ends(&proxy, &counts) => end,
        };
        messages.rest().await;
        end
    } else {
        tokio::select! {
            end = relay_frames(client, upstream, &counts) => end,
            end = standing.ends(&proxy, &counts) => end,
        }
    };
    Event::Connection(Side::Upstream, false).record(&proxy.metrics);
    told(&end, standing, &proxy);
    end.note(&mut draft);
    let record = draft.record();
    record.bytes_out = counts.out.load(Ordering::Relaxed);
    record.bytes_in = counts.back.load(Ordering::Relaxed);
    record.messages_out = Some(counts.messages.load(Ordering::Relaxed));
}

fn told(end: &End, standing: &Standing, proxy: &Proxy) {
    if matches!(end, End::Revoked) {
        Event::Revoked(standing.permit.socket()).record(&proxy.metrics);
    }
}
