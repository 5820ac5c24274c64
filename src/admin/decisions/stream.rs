//! `GET /api/v1/decisions/stream`: server-sent events, read from the journal as far as it is on the
//! disk. Who reads slowly is waited for; nothing gathers meanwhile but in the journal.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use crate::audit::Event;
use crate::audit::index::Filters;
use crate::audit::search::{Fault, Follow};

use super::super::crowd::Room;
use super::super::moving::STALLED;
use super::super::reply::{self, Answer, Wrong};
use super::super::role::By;
use super::super::routes::Asked;
use super::super::state::Admin;
use super::row;

/// Rows of one event.
const ROWS: usize = 50;

/// Between two events.
const REST: Duration = Duration::from_millis(250);

/// A comment comes at least so often, so that who has gone is noticed.
const ALIVE: Duration = Duration::from_secs(15);

/// Entries that are read for one event at most.
const ENTRIES: u64 = 20_000;

/// One event.
struct Batch {
    rows: Vec<Value>,
    more: u64,
    /// What to read next.
    next: u64,
}

/// What one stream is about.
struct Stream {
    /// Away while it reads.
    follow: Option<Follow>,
    filters: Arc<Filters>,
    masked: bool,
    next: u64,
    synced: watch::Receiver<u64>,
    out: mpsc::Sender<io::Result<Bytes>>,
    /// What carries the session that it was opened with; none where it was opened by another proof,
    /// which lasts as long as the program.
    session: Option<HeaderMap>,
    /// Its place among the streams.
    _room: Room,
}

/// Decisions as they are recorded.
pub(in super::super) async fn stream(admin: &Arc<Admin>, asked: Asked) -> Answer {
    let Asked { who, mut params, what, request, .. } = asked;
    let personal = params.flag("personal", true)? && who.sees_people();
    let after = params.number("after", 0..=u64::MAX)?;
    let filters = params.filters()?;
    params.end()?;
    admin.may_filter(&who, &filters)?;
    if filters.since.is_some() || filters.until.is_some() || filters.id.is_some() {
        return Err(Wrong::unfit("a stream is of what comes; it has no `since`, `until` or `id`"));
    }
    let last = request.headers().get("last-event-id");
    let last = last.map(|last| last.to_str().ok().and_then(|last| last.parse::<u64>().ok()));
    let after = match last {
        Some(None) => return Err(Wrong::unfit("`Last-Event-ID` is the number of an entry")),
        Some(Some(last)) => Some(last),
        None => after,
    };
    let journal = admin.store()?.records();
    let synced = admin.proxy.synced().ok_or_else(|| Wrong::unavailable("no journal is open"))?;
    let room = admin.streams.enter(&who)?;
    if personal || filters.client.is_some() {
        admin.note_reading(&who, &what).await?;
    }
    let head = *synced.borrow();
    // An entry that is ahead of all there are is of another journal.
    let next = after.map_or(head, |after| after.saturating_add(1));
    let foreign = next > head;
    let next = next.min(head);
    let (out, coming) = mpsc::channel(1);
    let filters = Arc::new(filters);
    let follow = Some(Follow::new(&journal, next));
    let masked = !personal;
    let session = (who.by == By::Session).then(|| request.headers().clone());
    let stream = Stream { follow, filters, masked, next, synced, out, session, _room: room };
    tokio::spawn(stream.run(Arc::clone(admin), foreign));
    Ok(reply::coming("text/event-stream", coming))
}

impl Stream {
    async fn run(mut self, admin: Arc<Admin>, foreign: bool) {
        // Who goes away before anything has come can come back to this very place.
        let (id, after) = (before(self.next), json!({ "after": before(self.next) }));
        let mut greeting = format!("retry: 1000\nevent: begin\nid: {id}\ndata: {after}\n\n");
        if foreign {
            let why = json!({ "why": "the journal has no such entry yet; it may be another one" });
            greeting.push_str(&format!("event: gap\nid: {id}\ndata: {why}\n\n"));
        }
        if !self.say(greeting).await {
            return;
        }
        loop {
            let next = self.next;
            let grown = timeout(ALIVE, self.synced.wait_for(|head| *head > next)).await;
            let head = match grown.map(|grown| grown.map(|head| *head)) {
                _ if !self.is_permitted(&admin) => return,
                Ok(Ok(head)) => head,
                Err(_) if self.say(":\n\n".to_owned()).await => continue,
                // Nobody is there any more, or the program ends.
                Ok(Err(_)) | Err(_) => return,
            };
            let Some(text) = self.read(&admin, head).await else { return };
            // It may have ended while the journal was read.
            let told = text.is_empty() || (self.is_permitted(&admin) && self.say(text).await);
            if !told {
                return;
            }
            sleep(REST).await;
        }
    }

    /// Whether the session that it was opened with goes on.
    fn is_permitted(&self, admin: &Admin) -> bool {
        let goes_on =
            |headers| admin.memory.sessions.find(headers, false, Timestamp::now()).is_some();
        self.session.as_ref().is_none_or(goes_on)
    }

    /// Waits until it is taken, but not for ever; whether anybody is there.
    async fn say(&self, text: String) -> bool {
        let said = timeout(STALLED, self.out.send(Ok(Bytes::from(text)))).await;
        said.is_ok_and(|said| said.is_ok())
    }

    /// The next event; none where the journal cannot be read.
    async fn read(&mut self, admin: &Admin, head: u64) -> Option<String> {
        let (mut follow, filters) = (self.follow.take()?, Arc::clone(&self.filters));
        let (from, masked) = (self.next, self.masked);
        let until = head.min(from.saturating_add(ENTRIES));
        let read = admin.work(move || {
            let batch = batch(&mut follow, &filters, masked, until);
            (follow, batch)
        });
        let batch = match read.await {
            Ok((follow, Ok(batch))) => {
                self.follow = Some(follow);
                batch
            }
            Ok((_, Err(fault))) => {
                tracing::warn!(%fault, "a stream of decisions ends: the journal cannot be read");
                return None;
            }
            Err(_) => return None,
        };
        self.next = batch.next;
        if batch.rows.is_empty() {
            return Some(String::new());
        }
        let data = json!({ "decisions": batch.rows, "more": batch.more });
        Some(format!("event: decisions\nid: {}\ndata: {data}\n\n", before(batch.next)))
    }
}

fn batch(
    follow: &mut Follow,
    filters: &Filters,
    masked: bool,
    before: u64,
) -> Result<Batch, Fault> {
    let mut last: VecDeque<(u64, Vec<u8>)> = VecDeque::with_capacity(ROWS);
    let mut more = 0;
    // Only what is shown is read: of a busy proxy one record in a hundred.
    follow.lines(filters, before, |sequence, line| {
        let mut room = Vec::new();
        if last.len() == ROWS {
            more += 1;
            room = last.pop_front().map(|(_, line)| line).unwrap_or_default();
        }
        room.clear();
        room.extend_from_slice(line);
        last.push_back((sequence, room));
    })?;
    let row = |(sequence, line): &(u64, Vec<u8>)| {
        let sequence = *sequence;
        let event: Event<'_> =
            serde_json::from_slice(line).map_err(|source| Fault::NoRecord { sequence, source })?;
        Ok(row::recorded(sequence, &event, masked))
    };
    let rows = last.iter().map(row).collect::<Result<_, Fault>>()?;
    Ok(Batch { rows, more, next: follow.next() })
}

/// The id after which a stream goes on with an entry.
const fn before(next: u64) -> u64 {
    next.saturating_sub(1)
}
