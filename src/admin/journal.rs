//! The journal's files, what is signed, and checking all of it.

use std::path::Path;
use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::audit::index::{Check, Compared, Tally};
use crate::audit::journal::{
    self, Demands, Fault, Finding, Kind, Onward, Report, first_key, segments,
};
use crate::audit::retention::{Basis, LegalHold};

use super::asked::Asked;
use super::reply::{self, Answer, Wrong};
use super::state::{Admin, Store};
use super::status::{self, checkpoint_view, moment};

/// So many of the last entries are looked through for checkpoints and gaps.
const LAST: u64 = 10_000;

/// Checkpoints and gaps that are told.
const TOLD: usize = 50;

/// `GET /api/v1/journal`
pub(super) async fn view(admin: &Admin, asked: Asked) -> Answer {
    let Asked { who, params, .. } = asked;
    params.end()?;
    let store = admin.store()?.clone();
    let status = status::journal(admin).await?;
    let head = admin.proxy.metrics().kept().entries;
    let masked = !who.sees_people();
    let read = admin.work(move || files(&store, head, masked)).await?;
    let mut view = read.map_err(Wrong::unavailable)?;
    if let Some(fields) = view.as_object_mut() {
        fields.insert("status".to_owned(), status);
        fields.insert("verification".to_owned(), admin.verifier.last().into());
    }
    Ok(reply::json(&view))
}

/// `POST /api/v1/journal/verify`
pub(super) async fn verify(admin: &Admin, asked: Asked) -> Answer {
    asked.params.end()?;
    let records = admin.store()?.records();
    let started = Timestamp::now().to_string();
    let running = json!({ "state": "running", "started": started });
    if !admin.verifier.begin(running) {
        return Err(Wrong::new(StatusCode::CONFLICT, "a verification runs already"));
    }
    let (verifier, (told, done)) = (Arc::clone(&admin.verifier), oneshot::channel());
    // A thread of its own: it may take minutes, and the end of the program does not wait for it.
    let thread = std::thread::Builder::new().name("verify".to_owned());
    let spawned = thread.spawn(move || {
        let mut tally = Tally::default();
        let report = journal::verify_by(&records.folder, Demands::default(), &mut tally);
        let sound = report.as_ref().is_ok_and(Report::is_sound);
        let index = sound.then(|| Check::of(&tally, &records));
        let told_of = found(&started, report, index.as_ref());
        verifier.set(told_of.clone());
        // Who asked may have gone; the result stays.
        drop(told.send(told_of));
    });
    if let Err(error) = spawned {
        admin.verifier.clear();
        return Err(Wrong::unavailable(error));
    }
    Ok(reply::json(&done.await.map_err(Wrong::unavailable)?))
}

fn found(started: &str, report: Result<Report, Fault>, index: Option<&Check>) -> Value {
    let ended = Timestamp::now().to_string();
    let report = match report {
        Ok(report) => report,
        Err(fault) => {
            return json!({
                "state": "failed", "started": started, "ended": ended, "error": fault.to_string(),
            });
        }
    };
    json!({
        "state": "done",
        "started": started,
        "ended": ended,
        "sound": report.is_sound(),
        "entries": report.entries,
        "pruned": report.pruned,
        "segments": report.segments,
        "checkpoints": report.checkpoints,
        "unsigned": report.unsigned,
        "keys": report.signers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "more": report.more,
        "root": report.root.map(|root| root.to_string()),
        "index": index.map(compared),
        "error": null,
    })
}

fn compared(check: &Check) -> Value {
    let counts = match check {
        Check::Compared(counts) => counts.clone(),
        Check::Absent | Check::Awaited | Check::Unusable(_) => Compared::default(),
    };
    let Compared { records, missing, strange, first, labels, passed, hours } = counts;
    json!({
        "state": check.name(),
        "text": check.to_string(),
        "records": records,
        "missing": missing,
        "strange": strange,
        "first": first,
        "labels": labels,
        "passed": passed,
        "hours": hours,
    })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "file": finding.file.file_name().map(|name| name.to_string_lossy().into_owned()),
        "offset": finding.offset,
        "sequence": finding.sequence,
        "fault": finding.what.is_fault(),
        "text": finding.what.to_string(),
    })
}

fn files(store: &Store, head: u64, masked: bool) -> Result<Value, Fault> {
    let folder = store.journal();
    let all = segments(&folder)?;
    let ends = all.iter().skip(1).map(|segment| Some(segment.first)).chain([None]);
    let listed = all.iter().zip(ends).map(|(segment, end)| {
        json!({
            "first": segment.first,
            "entries": end.map(|end| end.saturating_sub(segment.first)),
            "sealed": segment.sealed,
            "octets": segment.octets,
            "file": segment.file,
        })
    });
    let (checkpoints, gaps) = signed(&folder, head.saturating_sub(LAST))?;
    Ok(json!({
        "folder": folder.display().to_string(),
        "origin": store.origin,
        "key": first_key(&folder)?.map(|key| key.to_string()),
        "segments": listed.collect::<Vec<_>>(),
        "checkpoints": checkpoints,
        "gaps": gaps,
        "retention": retention(store),
        "legal_holds": store.retention.holds.iter().map(|one| hold(one, masked)).collect::<Vec<_>>(),
    }))
}

/// The last checkpoints and gaps, the last first, and before them what cannot be read.
fn signed(folder: &Path, from: u64) -> Result<(Vec<Value>, Vec<Value>), Fault> {
    let (mut checkpoints, mut gaps) = (Vec::new(), Vec::new());
    let mut reader = Onward::open(folder).from_sequence(from);
    while let Some(entry) = reader.next_entry()? {
        let text = |payload: &[u8]| String::from_utf8_lossy(payload).into_owned();
        let (sequence, at) = (entry.sequence(), entry.at());
        match (entry.kind(), entry.payload()) {
            (Some(Kind::Checkpoint), Some(payload)) => {
                checkpoints.push(checkpoint_view(&text(payload), sequence, at));
            }
            (Some(Kind::Gap), Some(payload)) => gaps.push(json!({
                "sequence": sequence,
                "at": at.map(moment),
                "text": text(payload),
            })),
            _ => {}
        }
    }
    let unread = reader
        .gaps()
        .places()
        .iter()
        .map(|place| json!({ "sequence": place.from, "at": null, "text": place.to_string() }));
    gaps.extend(unread);
    let last = |mut all: Vec<Value>| {
        all.reverse();
        all.truncate(TOLD);
        all
    };
    Ok((last(checkpoints), last(gaps)))
}

fn retention(store: &Store) -> Value {
    let terms = &store.retention.terms;
    let class = |basis: Basis, days: u32| json!({ "name": basis.name(), "days": days, "setting": basis.setting(terms) });
    let (untagged, tagged, refused) = (terms.untagged.0, terms.tagged.0, terms.refused.0);
    json!({
        "untagged_days": untagged,
        "tagged_days": tagged,
        "refused_days": refused,
        "sweep": store.sweep,
        "classes": [
            class(Basis::Untagged, untagged),
            class(Basis::Tagged, tagged),
            class(Basis::Refused, refused),
        ],
    })
}

fn hold(hold: &LegalHold, masked: bool) -> Value {
    json!({
        "name": hold.name,
        "reason": hold.reason,
        "open": hold.is_open(Timestamp::now()),
        "from": hold.from.map(|at| at.to_string()),
        "until": hold.until.map(|at| at.to_string()),
        "host": hold.host,
        "client": hold.client.as_ref().filter(|_| !masked),
        "tag": hold.tag,
        "rule": hold.rule,
    })
}
