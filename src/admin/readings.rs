//! `GET /api/v1/journal/readings`: who read personal fields, as it is noted in the journal, the last
//! first.

use std::collections::VecDeque;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::audit::journal::{Entry, Fault, Kind, Onward};
use crate::audit::search;

use super::asked::Asked;
use super::reply::{self, Answer, Wrong};
use super::state::Admin;

/// So many entries are looked through for one answer; the cursor goes on before them.
const LOOKED: u64 = 50_000;

/// How every such note begins.
const NOTE: &[u8] = b"{\"read\":";

/// A page.
pub(super) async fn list(admin: &Admin, asked: Asked) -> Answer {
    let Asked { mut params, .. } = asked;
    let limit = params.number("limit", 1..=1_000)?.unwrap_or(100);
    let cursor = params.number("cursor", 0..=u64::MAX)?;
    let since = params.text("since").map(|text| search::moment(&text)).transpose();
    let since = since.map_err(|why| Wrong::unfit(format!("`since`: {why}")))?;
    params.end()?;
    let folder = admin.store()?.journal();
    let head = admin.proxy.metrics().kept().entries;
    let before = cursor.unwrap_or(u64::MAX).min(head);
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let read = admin.work(move || read(&folder, before, since, most)).await?;
    let Page { readings, next, unread } = read.map_err(Wrong::unavailable)?;
    let next = next.map(|next| next.to_string());
    Ok(reply::json(&json!({ "readings": readings, "next": next, "unread": unread })))
}

/// What was found.
struct Page {
    /// The last first.
    readings: Vec<Value>,
    /// Before which entry to go on.
    next: Option<u64>,
    /// Where the journal cannot be read: somebody may have read something there.
    unread: Vec<String>,
}

/// The last of those before an entry.
fn read(folder: &Path, before: u64, since: Option<Timestamp>, most: usize) -> Result<Page, Fault> {
    let from = before.saturating_sub(LOOKED);
    let since = since.map(search::millis);
    let mut reader = Onward::open(folder).from_sequence(from);
    let (mut last, mut more, mut ends) = (VecDeque::new(), false, from == 0);
    while let Some(entry) = reader.next_entry()? {
        let sequence = entry.sequence();
        if sequence >= before {
            break;
        }
        if since.is_some_and(|since| entry.at().is_some_and(|at| at < since)) {
            ends = true;
            continue;
        }
        let Some(reading) = reading(&entry) else { continue };
        if last.len() == most {
            more = true;
            last.pop_front();
        }
        last.push_back((sequence, reading));
    }
    let next = match last.front() {
        Some((first, _)) if more => Some(*first),
        _ => (!ends).then_some(from),
    };
    let readings = last.into_iter().rev().map(|(_, reading)| reading).collect();
    let places = reader.gaps().places().iter().filter(|place| place.from < before);
    Ok(Page { readings, next, unread: places.map(ToString::to_string).collect() })
}

/// What a note says, if it is one of a reading.
fn reading(entry: &Entry<'_>) -> Option<Value> {
    let note = entry.payload().filter(|_| entry.kind() == Some(Kind::Note))?;
    if !note.starts_with(NOTE) {
        return None;
    }
    let mut note: Map<String, Value> = serde_json::from_slice(note).ok()?;
    let mut reading = note.remove("read")?;
    let fields = reading.as_object_mut()?;
    fields.insert("sequence".to_owned(), entry.sequence().into());
    fields.entry("subject").or_insert(Value::Null);
    Some(reading)
}

#[cfg(test)]
mod tests {
    use crate::audit::journal::{Log, Settings, Signer};

    use super::*;

    #[test]
    fn damage_hides_only_what_stood_there() {
        let folder = tempfile::tempdir().unwrap();
        let signer = Signer::open_or_make(folder.path(), "proxy.example/journal").unwrap();
        let now = Timestamp::now();
        let mut settings = Settings { segment_octets: 1, ..Settings::default() };
        settings.checkpoint_entries = 1;
        let (mut log, _) = Log::open(folder.path(), settings, signer, now).unwrap();
        for who in ["ann", "bob", "cyd"] {
            let note = json!({ "read": { "who": who, "what": "GET /api/v1/decisions" } });
            log.append(Kind::Note, now, note.to_string().as_bytes());
            log.sync().unwrap();
            log.tick(now).unwrap();
        }
        let whole = read(folder.path(), 100, None, 9).unwrap();
        let who = |page: &Page| -> Vec<String> {
            page.readings.iter().map(|one| one["who"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!((who(&whole).len(), whole.unread.len()), (3, 0));
        let bob = whole.readings.iter().find(|one| one["who"] == "bob").unwrap();
        let segments = crate::audit::journal::segments(folder.path()).unwrap();
        let at = bob["sequence"].as_u64().unwrap();
        let path = &segments.iter().rfind(|one| one.first <= at).unwrap().file;
        let path = folder.path().join(path);
        let mut octets = std::fs::read(&path).unwrap();
        let place = octets.windows(3).position(|three| three == b"bob").unwrap();
        octets[place] ^= 1;
        std::fs::write(&path, octets).unwrap();
        let page = read(folder.path(), 100, None, 9).unwrap();
        assert_eq!(who(&page), ["cyd", "ann"]);
        assert!(
            page.unread.len() == 1 && page.unread[0].contains("cannot be read"),
            "{:?}",
            page.unread
        );
        assert_eq!(page.next, None);
    }
}
