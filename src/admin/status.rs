//! How the proxy stands.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::audit::HoldState;
use crate::audit::journal::{Checkpoint, Reader};
use crate::geo::DatabaseInfo;
use crate::policy::{Mode, Pack, PackInfo, Policy};
use crate::proxy::Active;
use crate::telemetry::Signed;

use super::asked::Asked;
use super::reply::{self, Answer, Wrong};
use super::state::{Admin, Store};

/// `GET /api/v1/status`
pub(super) async fn view(admin: &Admin, asked: Asked) -> Answer {
    let Asked { who, params, .. } = asked;
    params.end()?;
    let proxy = &admin.proxy;
    let (active, now) = (proxy.active(), Timestamp::now());
    let draining = proxy.drain.is_draining();
    let holds = proxy.desk().holds().await?;
    let reports = proxy.desk().candidates().await?;
    let uptime = now.duration_since(admin.started).as_secs();
    Ok(reply::json(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "mode": mode(&active.policy).name(),
        "started": admin.started.to_string(),
        "uptime_seconds": uptime.max(0),
        "now": now.to_string(),
        "draining": draining,
        "ready": proxy.records_healthy() && !draining,
        "databases": active.atlas.databases().iter().map(|one| database(one, now)).collect::<Vec<_>>(),
        "packs": packs(&active),
        "config": &*active.digest,
        "journal": journal(admin).await?,
        "index": index(admin).await,
        "reload": admin.history.last(who.sees_people()),
        "holds_open": holds.iter().filter(|hold| hold.state(now) == HoldState::Open).count(),
        "reports_open": reports.iter().filter(|report| report.closing.is_none()).count(),
        "proxies": admin.proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })))
}

/// Whether anything acts.
fn mode(policy: &Policy) -> Mode {
    let rules = policy.rules();
    let observes = !rules.is_empty() && rules.iter().all(|rule| rule.mode == Mode::Observe);
    if observes { Mode::Observe } else { Mode::Enforce }
}

fn database(info: &DatabaseInfo, now: Timestamp) -> Value {
    json!({
        "name": info.name,
        "built": info.build.to_string(),
        "age_days": info.age_days(now).max(0),
        "networks_v4": info.networks_v4,
        "networks_v6": info.networks_v6,
    })
}

/// The packs as they are in force.
pub(super) fn packs(active: &Active) -> Vec<Value> {
    let one = |info: &PackInfo| {
        let pack = active.policy.packs().iter().find(|pack| pack.id == info.id);
        json!({
            "id": info.id,
            "version": info.version,
            "digest": pack.map_or("", |pack| &pack.digest),
            "rules": info.rules,
            "signer": info.signer,
            "mode": info.mode.name(),
            "authority": pack.map_or("", |pack| &pack.authority),
            "from": pack.and_then(|pack| pack.validity.from).map(|at| at.to_string()),
            "from_day": pack.and_then(first_day),
            "until": pack.and_then(|pack| pack.validity.until).map(|at| at.to_string()),
            "retain_years": pack.and_then(|pack| pack.retain_years),
        })
    };
    active.packs.iter().map(one).collect()
}

/// The first day on which it is in force, where its days begin at midnight.
fn first_day(pack: &Pack) -> Option<String> {
    Some(pack.zone.to_datetime(pack.validity.from?).date().to_string())
}

/// How the journal stands.
pub(super) async fn journal(admin: &Admin) -> Result<Value, Wrong> {
    let kept = admin.proxy.metrics().kept();
    let store = admin.kept().cloned();
    let has = store.is_some();
    let checkpoint = match store {
        Some(store) => admin.work(move || checkpoint(&store, kept.signed)).await?,
        None => None,
    };
    // The file has the checkpoint a moment before it is counted.
    let signed = checkpoint.as_ref().and_then(|one| one["sequence"].as_u64());
    let head = signed.map_or(kept.entries, |signed| kept.entries.max(signed + 1));
    Ok(json!({
        "kept": has,
        "healthy": admin.proxy.records_healthy(),
        "head": has.then_some(head),
        "queue": kept.queue,
        "checkpoint": checkpoint,
        "gaps": has.then_some(kept.lost),
    }))
}

/// The last one; none where it cannot be read yet.
fn checkpoint(store: &Store, known: Option<Signed>) -> Option<Value> {
    let folder = store.journal();
    let note = std::fs::read_to_string(folder.join("checkpoint")).ok()?;
    let signed = Checkpoint::claimed(&note).ok()?;
    // It is the entry after those that it is over.
    let known = known.filter(|known| known.sequence == signed.size);
    // To find it goes through the open segment: 120 ms at 256 MiB, for each look at a health strip.
    let find = || Reader::one(&folder, signed.size, |entry| entry.at()).ok().flatten();
    let at = known.map_or_else(find, |known| Some(Some(known.at)))?;
    Some(checkpoint_view(&note, signed.size, at))
}

pub(super) fn checkpoint_view(note: &str, sequence: u64, at: Option<i64>) -> Value {
    let signed = Checkpoint::claimed(note).ok();
    json!({
        "sequence": sequence,
        "at": at.map(moment).unwrap_or_default(),
        "size": signed.as_ref().map_or(sequence, |signed| signed.size),
        "root": note.lines().nth(2).unwrap_or_default(),
        "note": note,
    })
}

/// How far the index is; none where there is none.
async fn index(admin: &Admin) -> Option<Value> {
    let state = admin.look(|index| Ok(*index.state())).await.ok()?;
    Some(index_view(admin, &state))
}

pub(super) fn index_view(admin: &Admin, state: &crate::audit::index::State) -> Value {
    let kept = admin.proxy.metrics().kept();
    json!({
        "healthy": kept.indexed,
        "head": state.next,
        "first": state.first,
        "since": moment(state.since),
        "lag": kept.entries.saturating_sub(state.next),
    })
}

/// A moment of the index as text.
pub(super) fn moment(millis: i64) -> String {
    Timestamp::from_millisecond(millis).unwrap_or_default().to_string()
}
