//! One sink at work: woken by the writer of the journal, it reads, sends, and keeps how far it came.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::sleep_until;

use crate::telemetry::{Event, Metrics, ShipEvent};

use super::super::journal::Fault;
use super::backoff::{Backoff, Rest};
use super::batch::Batch;
use super::cursor::{Cursor, CursorFile};
use super::doubts::Doubts;
use super::outlet::{Leftover, Outlet, Refusal};
use super::source::Source;

/// How often a cursor is kept, at most.
const KEEP: Duration = Duration::from_secs(1);

/// A sink.
pub(super) struct Shipper {
    name: String,
    source: Source,
    outlet: Outlet,
    cursor: CursorFile,
    /// How many entries of the journal are on the disk.
    synced: watch::Receiver<u64>,
    metrics: Arc<Metrics>,
    backoff: Backoff,
    /// Why it last failed.
    why: String,
    /// What was read and not sent.
    batch: Option<Batch>,
    /// Up to where it was sent.
    sent: Cursor,
    /// Up to where it has arrived.
    sure: Cursor,
    doubts: Doubts,
    kept: Instant,
}

impl Shipper {
    pub(super) fn new(
        name: String,
        source: Source,
        outlet: Outlet,
        cursor: CursorFile,
        synced: watch::Receiver<u64>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            name,
            source,
            outlet,
            cursor,
            synced,
            metrics,
            backoff: Backoff::default(),
            why: String::new(),
            batch: None,
            sent: Cursor::START,
            sure: Cursor::START,
            doubts: Doubts::default(),
            kept: Instant::now(),
        }
    }

    /// Ships until the writer of the journal has ended, and what is there then.
    pub(super) async fn run(mut self) {
        let mut begun = false;
        loop {
            self.gather().await;
            // In this order: after the last entry was told of there is no other.
            let closing = self.synced.has_changed().is_err();
            let until = *self.synced.borrow_and_update();
            if !begun && let Err(rest) = self.begin() {
                // The cursor that is kept stays: nobody knows yet whether it holds.
                if closing {
                    return;
                }
                self.rest(rest).await;
                continue;
            }
            begun = true;
            let went = self.ship(until).await;
            let kept = self.settle(false);
            if let Err(refusal) = went.and(kept) {
                let rest = self.failed(&refusal);
                if !closing {
                    self.rest(rest).await;
                    continue;
                }
            }
            if closing {
                return self.end().await;
            }
            self.wait().await;
        }
    }

    /// Finds where it was; for how long to rest where the journal could not be read.
    fn begin(&mut self) -> Result<(), Duration> {
        let from = match self.place() {
            Ok(from) => from,
            Err(refusal) => return Err(self.failed(&refusal)),
        };
        self.tell(ShipEvent::Opened(&self.name, from.next));
        self.source.go(from);
        (self.sent, self.sure) = (from, from);
        Ok(())
    }

    fn place(&self) -> Result<Cursor, Refusal> {
        let unread = |fault: Fault| Refusal { why: fault.to_string(), rest: Rest::Long };
        let journal = self.source.folder();
        let kept = self.cursor.kept();
        if kept.is_of(journal).map_err(unread)? {
            return Ok(kept);
        }
        let why = "what it has read before is not this journal";
        self.tell(ShipEvent::Began(&self.name, why));
        Ok(Cursor::START)
    }

    /// Ships all entries before `until`.
    async fn ship(&mut self, until: u64) -> Result<(), Refusal> {
        while self.batch.is_some() || self.sent.next < until {
            let batch = match self.batch.take() {
                Some(batch) => batch,
                None => self.read(until)?,
            };
            self.deliver(batch).await?;
            self.settle(false)?;
        }
        if let Some(batch) = self.source.updates(Timestamp::now(), false) {
            self.deliver(batch).await?;
        }
        self.behind();
        Ok(())
    }

    async fn deliver(&mut self, batch: Batch) -> Result<(), Refusal> {
        if batch.len() > 0 {
            match self.outlet.send(&batch).await {
                Ok(leftover) => self.left(&leftover),
                Err(refusal) => {
                    self.kept_back(batch, &refusal);
                    return Err(refusal);
                }
            }
        }
        self.sent(&batch);
        Ok(())
    }

    /// Tells what a destination does not take for good.
    fn left(&self, leftover: &Leftover) {
        if leftover.events > 0 {
            self.tell(ShipEvent::Refused(&self.name, leftover.events, &leftover.why));
        } else if !leftover.why.is_empty() {
            self.tell(ShipEvent::Warned(&self.name, &leftover.why));
        }
    }

    /// A batch that was not taken comes again.
    fn kept_back(&mut self, batch: Batch, refusal: &Refusal) {
        if refusal.rest == Rest::Long && self.doubts.is_empty() {
            // Read anew, so that what has come since stands beside it: a destination that takes
            // that one has proved that it takes some.
            self.source.go(self.sent);
        } else {
            self.batch = Some(batch);
        }
        self.doubt();
    }

    fn read(&mut self, until: u64) -> Result<Batch, Refusal> {
        let read = self.source.read(until, self.outlet.limits(), &self.metrics);
        let batch = read.map_err(|fault| Refusal { why: fault.to_string(), rest: Rest::Long })?;
        if batch.after.next == self.sent.next {
            let why = format!("entry {} cannot be read yet", batch.after.next);
            return Err(Refusal { why, rest: Rest::Usual });
        }
        Ok(batch)
    }

    fn sent(&mut self, batch: &Batch) {
        self.sent = batch.after;
        match self.outlet.doubt() {
            // What says nothing was not sent, but stands behind what was.
            Some(_) if batch.len() > 0 || !self.doubts.is_empty() => {
                self.doubts.add(batch.after, Instant::now());
            }
            Some(_) | None => {
                self.doubts.clear();
                self.sure = batch.after;
            }
        }
        if batch.len() > 0 {
            let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
            self.tell(ShipEvent::Shipped(&self.name, count));
            if self.backoff.mended() {
                self.why.clear();
                self.tell(ShipEvent::Mended(&self.name));
            }
        }
        self.behind();
    }

    /// Keeps how far it came, where that is due or `now`.
    fn settle(&mut self, now: bool) -> Result<(), Refusal> {
        if let Some(doubt) = self.outlet.doubt()
            && let Some(sure) = self.doubts.older_than(doubt, Instant::now())
        {
            self.sure = sure;
        }
        if self.sure == self.cursor.kept() || !(now || self.kept.elapsed() >= KEEP) {
            return Ok(());
        }
        if let Err(refusal) = self.outlet.keep() {
            // What was written and is not on the disk is sent again.
            self.go(self.cursor.kept());
            return Err(refusal);
        }
        self.cursor.keep(self.sure)?;
        self.kept = Instant::now();
        Ok(())
    }

    /// What is in doubt has not arrived, perhaps: it is sent again.
    fn doubt(&mut self) {
        if !self.doubts.is_empty() {
            self.go(self.sure);
        }
    }

    /// Notes a failure. Returns for how long to rest.
    fn failed(&mut self, refusal: &Refusal) -> Duration {
        let news = self.why != refusal.why;
        self.tell(ShipEvent::Failed(&self.name, &refusal.why, news));
        self.why.clone_from(&refusal.why);
        self.behind();
        self.backoff.next(refusal.rest)
    }

    fn go(&mut self, to: Cursor) {
        self.source.go(to);
        self.batch = None;
        (self.sent, self.sure) = (to, to);
        self.doubts.clear();
    }

    /// Waits a little for more.
    async fn gather(&mut self) {
        let most = u64::try_from(self.outlet.limits().records).unwrap_or(u64::MAX);
        let waiting = self.synced.borrow().saturating_sub(self.sent.next);
        let worth = (1..most).contains(&waiting) && self.batch.is_none();
        if worth {
            self.rest(self.outlet.gather()).await;
        }
    }

    /// Rests, but not beyond the end of the journal.
    async fn rest(&mut self, rest: Duration) {
        let end = tokio::time::Instant::now() + rest;
        loop {
            tokio::select! {
                () = sleep_until(end) => return,
                changed = self.synced.changed() => if changed.is_err() {
                    return;
                },
            }
        }
    }

    /// Waits until there is something to do.
    async fn wait(&mut self) {
        let unkept = (self.sure != self.cursor.kept()).then(|| self.kept + KEEP);
        let sure = self.outlet.doubt().and_then(|doubt| self.doubts.first().map(|at| at + doubt));
        let now = Timestamp::now();
        let news = self.source.due().map(|at| {
            Instant::now() + Duration::try_from(at.duration_since(now)).unwrap_or_default()
        });
        let due = unkept.into_iter().chain(sure).chain(news).min();
        let timer = async {
            match due {
                Some(due) => sleep_until(due.into()).await,
                None => std::future::pending().await,
            }
        };
        let read = tokio::select! {
            // Its end is seen by who asks next.
            _ = self.synced.changed() => return,
            () = timer => return,
            read = self.outlet.gone() => read,
        };
        if read {
            self.doubts.clear();
            self.sure = self.sent;
        } else if !self.doubts.is_empty() {
            self.doubt();
            let why = "the collector has ended the connection".to_owned();
            let rest = self.failed(&Refusal { why, rest: Rest::Usual });
            self.rest(rest).await;
        }
    }

    async fn end(mut self) {
        if let Some(batch) = self.source.updates(Timestamp::now(), true)
            && let Err(refusal) = self.deliver(batch).await
        {
            // The next start gathers them anew.
            self.failed(&refusal);
        }
        if !self.doubts.is_empty() && self.outlet.close().await {
            self.doubts.clear();
            self.sure = self.sent;
        }
        if let Err(refusal) = self.settle(true) {
            self.failed(&refusal);
        }
    }

    fn behind(&self) {
        self.tell(ShipEvent::Reached(&self.name, self.sent.next));
    }

    fn tell(&self, event: ShipEvent<'_>) {
        Event::Ship(event).record(&self.metrics);
    }
}
