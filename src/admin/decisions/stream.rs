//! `GET /api/v1/decisions/stream`: server-sent events, read from the journal as far as it is on the
//! disk. Who reads slowly is waited for; nothing gathers meanwhile but in the journal.

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
use crate::audit::search::{Fault, Follow, Last};

use super::super::access::Proof;
use super::super::admission::Admission;
use super::super::asked::Asked;
use super::super::crowd::Room;
use super::super::moving::STALLED;
use super::super::reply::{self, Answer, Wrong};
use super::super::role::{By, Role};
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
    /// By what, and as what, it was opened.
    proof: Proof,
    role: Role,
    /// What carries the session that it was opened with, if it was one.
    session: Option<HeaderMap>,
    /// Tells when who may ask has changed.
    admitting: watch::Receiver<Arc<Admission>>,
    /// Its place among the streams.
    _room: Room,
}

/// Why it goes on.
enum Woken {
    /// The journal is so long.
    Grown(u64),
    /// Others may ask now.
    Changed,
    /// Nothing has come for a while.
    Rested,
    /// The program ends.
    Over,
}

/// Decisions as they are recorded.
pub(in super::super) async fn stream(admin: &Arc<Admin>, asked: Asked) -> Answer {
    let Asked { who, proof, mut params, what, request, .. } = asked;
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
    let (role, admitting) = (who.role, admin.admitting());
    let stream = Stream {
        follow,
        filters,
        masked,
        next,
        synced,
        out,
        proof,
        role,
        session,
        admitting,
        _room: room,
    };
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
            let woken = self.wait().await;
            let head = match woken {
                _ if !self.is_permitted(&admin) => return,
                Woken::Grown(head) => head,
                Woken::Changed => continue,
                Woken::Rested if self.say(":\n\n".to_owned()).await => continue,
                // Nobody is there any more, or the program ends.
                Woken::Rested | Woken::Over => return,
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

    /// Waits for more to read, but not longer than what it was opened by counts.
    async fn wait(&mut self) -> Woken {
        let next = self.next;
        let left = self.proof.until().map(|until| until.duration_since(Timestamp::now()));
        let left = left.map(|left| Duration::try_from(left).unwrap_or_default());
        tokio::select! {
            grown = self.synced.wait_for(|head| *head > next) => {
                grown.map_or(Woken::Over, |head| Woken::Grown(*head))
            }
            changed = self.admitting.changed() => {
                if changed.is_ok() { Woken::Changed } else { Woken::Over }
            }
            () = sleep(left.map_or(ALIVE, |left| left.min(ALIVE))) => Woken::Rested,
        }
    }

    /// Whether what it was opened by counts still, for all that it shows: it is not begun again with
    /// less, but by who opened it.
    fn is_permitted(&self, admin: &Admin) -> bool {
        let now = Timestamp::now();
        let lasts = |headers| admin.memory.sessions.find(headers, false, now).is_some();
        let who = admin.admission().again(&self.proof, now);
        self.session.as_ref().is_none_or(lasts)
            && who.is_some_and(|who| {
                who.role >= self.role && admin.may_filter(&who, &self.filters).is_ok()
            })
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
    let Last { lines, more } = follow.last(filters, before, ROWS)?;
    let row = |(sequence, line): &(u64, Vec<u8>)| {
        let sequence = *sequence;
        let event: Event<'_> =
            serde_json::from_slice(line).map_err(|source| Fault::NoRecord { sequence, source })?;
        Ok(row::recorded(sequence, &event, masked))
    };
    let rows = lines.iter().map(row).collect::<Result<_, Fault>>()?;
    Ok(Batch { rows, more, next: follow.next() })
}

/// The id after which a stream goes on with an entry.
const fn before(next: u64) -> u64 {
    next.saturating_sub(1)
}
