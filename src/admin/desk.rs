//! What people decide: holds and report candidates as JSON, problems as RFC 9457 has them.

use http::{Request, StatusCode};
use hyper::body::Incoming;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::audit::{Candidate, Closing, Decided, Desk, DeskError, Hold, HoldState, Ruling, Told};

use super::asked::{Asked, read};
use super::expiry;
use super::reply::{self, Answer, Wrong};
use super::role::{By, Who};
use super::ruled::Decision;
use super::state::Admin;
use super::table::Desk as Op;

/// A decision is a few words.
const MOST_BODY: usize = 16 * 1024;

/// Letters of who decides, and of why.
const MOST_NAME: usize = 200;
const MOST_TEXT: usize = 4_000;

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

/// Answers what is about holds and candidates.
pub(super) async fn answer(admin: &Admin, op: Op, asked: Asked) -> Answer {
    let Asked { who, held, mut params, what, request, .. } = asked;
    let (desk, now) = (admin.proxy.desk(), Timestamp::now());
    let list = matches!(op, Op::Holds | Op::Reports);
    let state = if list { params.take("state") } else { None };
    let personal = !list || (params.flag("personal", true)? && who.sees_people());
    params.end()?;
    if list && personal {
        admin.note_reading(&who, &what).await?;
    }
    let state = state.as_deref();
    match op {
        Op::Approve => rule(admin, &who, &held, Decided::Approve, request, now).await,
        Op::Close => close(admin, &who, &held, request, now).await,
        Op::Deny => rule(admin, &who, &held, Decided::Deny, request, now).await,
        Op::Holds => holds(desk, state, now, personal).await,
        Op::Reports => reports(desk, state, personal).await,
    }
}

async fn holds(desk: &Desk, state: Option<&str>, now: Timestamp, personal: bool) -> Answer {
    let state = state.map(|word| one_of(word, &HoldState::WORDS)).transpose()?;
    let holds = desk.holds().await?.into_iter().map(|hold| view(hold, now));
    let holds: Vec<_> = holds.filter(|view| state.is_none_or(|one| one == view.state)).collect();
    Ok(reply::json(&json!({ "holds": masked(&holds, personal) })))
}

async fn reports(desk: &Desk, state: Option<&str>, personal: bool) -> Answer {
    let closed =
        state.map(|word| one_of(word, &[("open", false), ("closed", true)])).transpose()?;
    let all = desk.candidates().await?.into_iter();
    let wanted = all.filter(|one| closed.is_none_or(|closed| closed == one.closing.is_some()));
    let reports: Vec<_> = wanted.map(candidate_view).collect();
    Ok(reply::json(&json!({ "reports": masked(&reports, personal) })))
}

async fn rule(
    admin: &Admin,
    who: &Who,
    id: &str,
    decision: Decided,
    body: Request<Incoming>,
    at: Timestamp,
) -> Answer {
    let id = parse_id(id)?;
    let (by, reason, expires) = match decision {
        Decided::Approve => {
            let Approve { by, reason, expires } = read(body, MOST_BODY).await?;
            let expires = expiry::parse(&expires, at).map_err(Wrong::unfit)?;
            (by, reason, Some(expires))
        }
        Decided::Deny => {
            let Deny { by, reason } = read(body, MOST_BODY).await?;
            (by, reason, None)
        }
    };
    let (by, reason) =
        (signed(who, said("by", by, MOST_NAME)?), said("reason", reason, MOST_TEXT)?);
    let desk = admin.proxy.desk();
    let hold = desk.holds().await?.into_iter().find(|hold| hold.id == id);
    let hold = hold.ok_or(DeskError::Unknown(id))?;
    let ruling = Ruling { decision, at, by, reason, expires };
    let decision = Decision::on_hold(who, &hold, &ruling);
    decision.enter(admin).await?;
    let ruled = desk.rule(id, ruling).await;
    let hold = ruled.inspect_err(|error| decision.take_back(admin, error))?;
    Ok(reply::json(&view(hold, at)))
}

async fn close(
    admin: &Admin,
    who: &Who,
    id: &str,
    body: Request<Incoming>,
    at: Timestamp,
) -> Answer {
    let id = parse_id(id)?;
    let Close { by, outcome, note, evidence } = read(body, MOST_BODY).await?;
    let by = signed(who, said("by", by, MOST_NAME)?);
    // That nothing was due is a judgement, and someone will ask for its reason.
    let optional = outcome == Told::Reported && note.is_empty();
    let note = if optional { note } else { said("note", note, MOST_TEXT)? };
    let evidence = evidence.map(|text| said("evidence", text, MOST_TEXT)).transpose()?;
    let desk = admin.proxy.desk();
    let candidate = desk.candidates().await?.into_iter().find(|one| one.id == id);
    let candidate = candidate.ok_or(DeskError::Unknown(id))?;
    let closing = Closing { at, by, outcome, note, evidence };
    let decision = Decision::on_report(who, &candidate, &closing);
    decision.enter(admin).await?;
    let closed = desk.close(id, closing).await;
    let closed = closed.inspect_err(|error| decision.take_back(admin, error))?;
    Ok(reply::json(&candidate_view(closed)))
}

/// Who decides, as they say; and who has proved to be asking, where somebody has.
fn signed(who: &Who, by: String) -> String {
    if who.by == By::Local || *who.name == *by { by } else { format!("{by} ({})", who.name) }
}

fn view(hold: Hold, at: Timestamp) -> HoldView {
    HoldView { state: hold.state(at), hold }
}

fn candidate_view(candidate: Candidate) -> CandidateView {
    let state = if candidate.closing.is_some() { "closed" } else { "open" };
    CandidateView { state, candidate }
}

/// The items of a list, without who they are about where that is not wanted.
fn masked(items: &[impl Serialize], personal: bool) -> Value {
    let mut all = serde_json::to_value(items).expect("views have only string keys");
    for item in all.as_array_mut().into_iter().flatten().filter(|_| !personal) {
        item["client"] = Value::Null;
    }
    all
}

fn parse_id(text: &str) -> Result<Uuid, Wrong> {
    let detail = "an id looks like 01989f3e-7b1c-7d3a-9c53-0242ac120002";
    let wrong = |_| Wrong::new(StatusCode::NOT_FOUND, detail);
    text.parse().map_err(wrong)
}

/// Words of a person: some, not too many, and nothing that a terminal would obey.
fn said(key: &str, text: String, most: usize) -> Result<String, Wrong> {
    if text.trim().is_empty() {
        return Err(Wrong::unfit(format!("`{key}` must say something")));
    }
    if text.chars().count() > most {
        return Err(Wrong::unfit(format!("`{key}` has more than {most} letters")));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Wrong::unfit(format!("`{key}` has control characters")));
    }
    Ok(text)
}

fn one_of<T: Copy>(word: &str, choices: &[(&str, T)]) -> Result<T, Wrong> {
    let found = choices.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
    let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| Wrong::unfit(format!("`state` is one of {}", names())))
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
        Self::new(status, error.to_string())
    }
}
