//! `GET /api/v1/decisions/ID` and its proof.

use std::io::ErrorKind;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::audit::index::{Filters, Page, State};
use crate::audit::journal::{Kind, Reader, first_key};
use crate::audit::search::{self, Scan};
use crate::audit::{Event, Replayed, Unproved, prove};
use crate::policy::{Policy, RuleView};

use super::super::reply::{self, Answer, Wrong};
use super::super::routes::Asked;
use super::super::state::Admin;
use super::row;

/// The id is made when the head is read; the record's own time may be a little earlier.
const EARLIER: SignedDuration = SignedDuration::from_secs(60);

/// A record, and what is in force says of it.
pub(in super::super) async fn one(admin: &Admin, asked: Asked) -> Answer {
    let Asked { who, held, mut params, what, .. } = asked;
    let personal = params.flag("personal", true)? && who.sees_people();
    params.end()?;
    if personal {
        admin.note_reading(&who, &what).await?;
    }
    let (sequence, line) = find(admin, &held).await?;
    let active = admin.proxy.active();
    let view = admin
        .work(move || view(sequence, &line, !personal, &active.policy, &active.digest))
        .await??;
    Ok(reply::json(&view))
}

/// That a record is in the journal.
pub(in super::super) async fn proof(admin: &Admin, asked: Asked) -> Answer {
    let Asked { who, held, params, what, .. } = asked;
    params.end()?;
    admin.note_reading(&who, &what).await?;
    let journal = admin.store()?.records();
    let (sequence, _) = find(admin, &held).await?;
    let proved = admin
        .work(move || {
            let mut proof = prove(&journal, sequence)?;
            let key = first_key(&journal.folder)?.map(|key| key.to_string());
            if let Some(fields) = proof.as_object_mut() {
                fields.insert("key".to_owned(), key.into());
            }
            Ok::<Value, Unproved>(proof)
        })
        .await?;
    let proof = proved.map_err(|error| match &error {
        Unproved::Absent(_) => Wrong::new(StatusCode::NOT_FOUND, error.to_string()),
        Unproved::Unsigned { .. } => Wrong::new(StatusCode::CONFLICT, error.to_string()),
        Unproved::File { source, .. } if source.kind() == ErrorKind::NotFound => {
            let detail = "nothing is signed yet; try again in ten seconds";
            Wrong::new(StatusCode::CONFLICT, detail)
        }
        Unproved::File { .. } | Unproved::Journal(_) | Unproved::Note { .. } => {
            Wrong::unavailable(error)
        }
    })?;
    Ok(reply::json(&proof))
}

/// The entry and line of a decision.
async fn find(admin: &Admin, id: &str) -> Result<(u64, Vec<u8>), Wrong> {
    let journal = admin.store()?.records();
    let filters = Filters { id: Some(id.to_owned()), ..Filters::default() };
    let page = Page { newest: true, after: None, limit: 1 };
    let wanted = filters.clone();
    // Where there is no index, or it does not answer, the journal is read.
    let known = admin.look(move |index| Ok((index.sequences(&wanted, page)?, *index.state())));
    let known = known.await.ok();
    let found = admin.work(move || read(&journal, filters, known.as_ref())).await?;
    let found = found.map_err(Wrong::unavailable)?;
    let missing = || Wrong::new(StatusCode::NOT_FOUND, format!("no record has the id `{id}`"));
    found.ok_or_else(missing)
}

fn read(
    journal: &search::Journal,
    mut filters: Filters,
    known: Option<&(Vec<u64>, State)>,
) -> Result<Option<(u64, Vec<u8>)>, search::Fault> {
    if let Some((entries, _)) = known
        && let Some(sequence) = entries.first()
    {
        let line = Reader::one(&journal.folder, *sequence, |entry| {
            let ended = entry.kind() == Some(Kind::Ended);
            let line = entry.payload().filter(|_| ended);
            line.map(|line| journal.keys.opener().open(line).into_owned())
        })?;
        return Ok(line.flatten().map(|line| (*sequence, line)));
    }
    // The moment within the id spares most of the journal.
    filters.since =
        filters.id.as_deref().and_then(made).and_then(|at| at.checked_sub(EARLIER).ok());
    let mut found = None;
    let mut tell = |one: search::Found<'_>| {
        found = Some((one.sequence, one.line.to_vec()));
        Ok::<_, search::Fault>(false)
    };
    let scan = Scan::all(journal, &filters);
    match known {
        Some((_, state)) if search::covers(state, &filters) => {
            Scan { from: state.next, ..scan }.each(&mut tell)?;
        }
        Some(_) | None => scan.each(&mut tell)?,
    }
    Ok(found)
}

/// When an id was made; it tells where it is of version 7.
fn made(id: &str) -> Option<Timestamp> {
    let (seconds, nanos) = Uuid::try_parse(id).ok()?.get_timestamp()?.to_unix();
    Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok()
}

fn view(
    sequence: u64,
    line: &[u8],
    masked: bool,
    policy: &Policy,
    digest: &str,
) -> Result<Value, Wrong> {
    let unread = |error: serde_json::Error| {
        Wrong::unavailable(format!("entry {sequence} of the journal is no record: {error}"))
    };
    let mut record: Value = serde_json::from_slice(line).map_err(unread)?;
    let would = serde_json::from_slice::<Event<'_>>(line).map_err(unread)?.would();
    let config_same = record.get("config").and_then(Value::as_str) == Some(digest);
    let replayed = Replayed::read(line).ok();
    let explained = replayed.as_ref().and_then(|one| one.explain(policy, None));
    let (tried, mut changes) =
        explained.map_or_else(Default::default, |explained| (explained.rules, explained.changes));
    // Whether a condition on clients holds would tell who asked.
    changes.retain(|change| !masked || !change.contains("`client "));
    let tried: Vec<_> = tried.into_iter().map(|rule| of_nobody(rule, masked)).collect();
    let replay = replayed.and_then(|one| one.compare(policy, None)).map(|(before, now)| {
        let same = before == now;
        json!({ "before": before, "now": now, "same": same, "config_same": config_same })
    });
    if masked {
        row::mask(&mut record);
    }
    Ok(json!({
        "sequence": sequence,
        "record": record,
        "would": would.map(|would| would.name()),
        "masked": masked,
        "tried": tried,
        "changes": changes,
        "replay": replay,
    }))
}

/// Whether a condition on clients holds would tell who asked.
fn of_nobody(mut rule: RuleView, masked: bool) -> RuleView {
    if masked {
        for list in [&mut rule.conditions, &mut rule.unless] {
            list.retain(|one| !one.condition.starts_with("client "));
        }
    }
    rule
}
