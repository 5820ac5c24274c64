//! What people decide: holds and report candidates as JSON, problems as RFC 9457 has them.

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::audit::{Candidate, Closing, Decided, Desk, DeskError, Hold, HoldState, Ruling, Told};

use super::expiry;

/// A decision is a few words.
const MOST_BODY: usize = 16 * 1024;

/// Letters of who decides, and of why.
const MOST_NAME: usize = 200;
const MOST_TEXT: usize = 4_000;

/// Why a question is not answered.
#[derive(Debug)]
pub(super) struct Wrong {
    status: StatusCode,
    detail: String,
}

/// A hold and how it stands.
#[derive(Debug, Serialize)]
struct HoldView {
    state: HoldState,
    #[serde(flatten)]
    hold: Hold,
}

/// A candidate and how it stands.
#[derive(Debug, Serialize)]
struct CandidateView {
    state: &'static str,
    #[serde(flatten)]
    candidate: Candidate,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Approve {
    by: String,
    reason: String,
    expires: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Deny {
    by: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Close {
    by: String,
    outcome: Told,
    #[serde(default)]
    note: String,
    evidence: Option<String>,
}

/// What a path under `/api/v1/holds` or `/api/v1/reports` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted<'p> {
    /// All holds, or those of one state.
    Holds(Option<&'p str>),
    /// All candidates, or those of one state.
    Reports(Option<&'p str>),
    /// A decision on the hold with this id.
    Rule(&'p str, Decided),
    /// The end of the candidate with this id.
    Close(&'p str),
}

impl<'p> Wanted<'p> {
    /// Reads the path and query of a request.
    pub(super) fn of(path: &'p str, query: Option<&'p str>) -> Option<Self> {
        let mut parts = path.strip_prefix("/api/v1/")?.split('/');
        let state =
            query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("state=")));
        let found = match (parts.next()?, parts.next(), parts.next()) {
            ("holds", None, None) => Self::Holds(state),
            ("reports", None, None) => Self::Reports(state),
            ("holds", Some(id), Some("approve")) => Self::Rule(id, Decided::Approve),
            ("holds", Some(id), Some("deny")) => Self::Rule(id, Decided::Deny),
            ("reports", Some(id), Some("close")) => Self::Close(id),
            _ => return None,
        };
        parts.next().is_none().then_some(found)
    }

    /// The method that the path takes.
    pub(super) fn method(self) -> http::Method {
        match self {
            Self::Holds(_) | Self::Reports(_) => http::Method::GET,
            Self::Rule(..) | Self::Close(_) => http::Method::POST,
        }
    }

    /// Answers.
    pub(super) async fn answer(
        self,
        desk: &Desk,
        body: Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        let now = Timestamp::now();
        let told = match self {
            Self::Holds(state) => holds(desk, state, now).await,
            Self::Reports(state) => reports(desk, state).await,
            Self::Rule(id, decision) => rule(desk, id, decision, body, now).await,
            Self::Close(id) => close(desk, id, body, now).await,
        };
        told.unwrap_or_else(|wrong| wrong.response())
    }
}

type Answer = Result<Response<Full<Bytes>>, Wrong>;

async fn holds(desk: &Desk, state: Option<&str>, now: Timestamp) -> Answer {
    let state = state.map(|word| one_of(word, &HoldState::WORDS)).transpose()?;
    let holds = desk.holds().await?.into_iter().map(|hold| view(hold, now));
    let holds: Vec<_> = holds.filter(|view| state.is_none_or(|one| one == view.state)).collect();
    Ok(reply(&json!({ "holds": holds })))
}

async fn reports(desk: &Desk, state: Option<&str>) -> Answer {
    let closed =
        state.map(|word| one_of(word, &[("open", false), ("closed", true)])).transpose()?;
    let all = desk.candidates().await?.into_iter();
    let wanted = all.filter(|one| closed.is_none_or(|closed| closed == one.closing.is_some()));
    let reports: Vec<_> = wanted.map(candidate_view).collect();
    Ok(reply(&json!({ "reports": reports })))
}

async fn rule(
    desk: &Desk,
    id: &str,
    decision: Decided,
    body: Request<Incoming>,
    at: Timestamp,
) -> Answer {
    let id = parse_id(id)?;
    let (by, reason, expires) = match decision {
        Decided::Approve => {
            let Approve { by, reason, expires } = read(body).await?;
            let expires = expiry::parse(&expires, at).map_err(|detail| unfit(&detail))?;
            (by, reason, Some(expires))
        }
        Decided::Deny => {
            let Deny { by, reason } = read(body).await?;
            (by, reason, None)
        }
    };
    let (by, reason) = (said("by", by, MOST_NAME)?, said("reason", reason, MOST_TEXT)?);
    let hold = desk.rule(id, Ruling { decision, at, by, reason, expires }).await?;
    Ok(reply(&view(hold, at)))
}

async fn close(desk: &Desk, id: &str, body: Request<Incoming>, at: Timestamp) -> Answer {
    let id = parse_id(id)?;
    let Close { by, outcome, note, evidence } = read(body).await?;
    let by = said("by", by, MOST_NAME)?;
    // That nothing was due is a judgement, and someone will ask for its reason.
    let optional = outcome == Told::Reported && note.is_empty();
    let note = if optional { note } else { said("note", note, MOST_TEXT)? };
    let evidence = evidence.map(|text| said("evidence", text, MOST_TEXT)).transpose()?;
    let closed = desk.close(id, Closing { at, by, outcome, note, evidence }).await?;
    Ok(reply(&candidate_view(closed)))
}

fn view(hold: Hold, at: Timestamp) -> HoldView {
    HoldView { state: hold.state(at), hold }
}

fn candidate_view(candidate: Candidate) -> CandidateView {
    let state = if candidate.closing.is_some() { "closed" } else { "open" };
    CandidateView { state, candidate }
}

async fn read<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Wrong> {
    let body = Limited::new(request.into_body(), MOST_BODY).collect().await;
    let body = body.map_err(|error| {
        if error.is::<LengthLimitError>() {
            let detail = format!("a decision has at most {MOST_BODY} octets");
            Wrong { status: StatusCode::PAYLOAD_TOO_LARGE, detail }
        } else {
            Wrong { status: StatusCode::BAD_REQUEST, detail: error.to_string() }
        }
    })?;
    serde_json::from_slice(&body.to_bytes()).map_err(|error| Wrong {
        status: StatusCode::BAD_REQUEST,
        detail: format!("the body is not the JSON that this path takes: {error}"),
    })
}

fn parse_id(text: &str) -> Result<Uuid, Wrong> {
    let wrong = |_| Wrong {
        status: StatusCode::NOT_FOUND,
        detail: "an id looks like 01989f3e-7b1c-7d3a-9c53-0242ac120002".to_owned(),
    };
    text.parse().map_err(wrong)
}

/// Words of a person: some, not too many, and nothing that a terminal would obey.
fn said(key: &str, text: String, most: usize) -> Result<String, Wrong> {
    if text.trim().is_empty() {
        return Err(unfit(&format!("`{key}` must say something")));
    }
    if text.chars().count() > most {
        return Err(unfit(&format!("`{key}` has more than {most} letters")));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(unfit(&format!("`{key}` has control characters")));
    }
    Ok(text)
}

fn one_of<T: Copy>(word: &str, choices: &[(&str, T)]) -> Result<T, Wrong> {
    let found = choices.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
    let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| unfit(&format!("`state` is one of {}", names())))
}

fn unfit(detail: &str) -> Wrong {
    Wrong { status: StatusCode::UNPROCESSABLE_ENTITY, detail: detail.to_owned() }
}

fn reply(value: &impl Serialize) -> Response<Full<Bytes>> {
    respond(StatusCode::OK, "application/json", value)
}

fn respond(
    status: StatusCode,
    kind: &'static str,
    value: &impl Serialize,
) -> Response<Full<Bytes>> {
    let mut text = serde_json::to_vec_pretty(value).expect("views have only string keys");
    text.push(b'\n');
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

impl Wrong {
    pub(super) fn response(&self) -> Response<Full<Bytes>> {
        let problem = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        respond(self.status, "application/problem+json", &problem)
    }

    pub(super) fn new(status: StatusCode, detail: String) -> Self {
        Self { status, detail }
    }

    pub(super) fn method(wanted: &http::Method) -> Self {
        let detail = format!("this path takes {wanted}");
        Self { status: StatusCode::METHOD_NOT_ALLOWED, detail }
    }
}

impl From<DeskError> for Wrong {
    fn from(error: DeskError) -> Self {
        let status = match &error {
            DeskError::Unknown(_) => StatusCode::NOT_FOUND,
            DeskError::Late(_) => StatusCode::CONFLICT,
            DeskError::Unwritable(_)
            | DeskError::Full
            | DeskError::Busy
            | DeskError::File { .. }
            | DeskError::InUse { .. }
            | DeskError::Damaged { .. }
            | DeskError::Unsettled { .. }
            | DeskError::Format { .. } => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self { status, detail: error.to_string() }
    }
}
