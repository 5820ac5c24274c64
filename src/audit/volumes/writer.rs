//! The one thread that writes. What waits together is committed together, with one fsync;
//! between two commits the journal is folded into the table, and old subjects go, in small steps.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use super::Shared;
use super::day::Day;
use super::file::{Change, Left};

/// How many requests one commit takes at most.
const BATCH: usize = 256;

/// When the writer does what nobody waits for, and how much of it at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Folding begins with so many ids in the journal: the more there are, the more of them
    /// share a page of the table ...
    pub(super) fold_ids: usize,
    /// ... or so many entries.
    pub(super) fold_entries: usize,
    /// Subjects that one step folds; each writes a page at worst.
    pub(super) fold_step: usize,
    /// Subjects that one step looks at for those too old.
    pub(super) prune_step: usize,
    /// How long nobody must have reserved before a step. Without it a thousand subjects took
    /// 5 ms where they came one request after the other, not 2.
    pub(super) idle: Duration,
    /// See [`super::book::USE_DAYS`].
    pub(super) use_days: usize,
}

impl Pace {
    pub(super) const USUAL: Self = Self {
        fold_ids: 100_000,
        fold_entries: 512,
        fold_step: 256,
        prune_step: 4_096,
        idle: Duration::from_millis(5),
        use_days: super::book::USE_DAYS,
    };
}

/// By how much the journal may outgrow `fold_ids` and `fold_entries` before requests wait for
/// the table: each then for twice as many ids as it adds, so that it shrinks again.
const OVERDUE: usize = 4;

/// Commits after which there is a step of pruning though nobody is idle.
const PRUNE_EVERY: u32 = 64;

#[derive(Debug)]
pub(super) struct Job {
    pub(super) change: Change,
    /// Who waits until it is on the disk.
    pub(super) done: Option<SyncSender<Result<(), String>>>,
}

/// A round of folding: all that had left when it began.
struct Fold {
    subjects: std::vec::IntoIter<(u32, u64, Day)>,
    left: Vec<Left>,
}

/// A round of pruning: the meters still to look through, and where in the first of them.
struct Prune {
    meters: Vec<u32>,
    from: u64,
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    jobs: Receiver<Job>,
    pace: Pace,
    fold: Option<Fold>,
    prune: Option<Prune>,
    /// Ids to fold before the next commit, where folding is overdue.
    debt: usize,
    commits: u32,
    /// Nobody has reserved since the last step.
    quiet: bool,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, jobs: Receiver<Job>, pace: Pace) -> Self {
        Self { shared, jobs, pace, fold: None, prune: None, debt: 0, commits: 0, quiet: false }
    }

    /// Until the volumes are dropped. What is in the journal then stays there.
    pub(super) fn run(mut self) {
        loop {
            self.plan();
            let first = if self.fold.is_none() && self.prune.is_none() {
                self.jobs.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                let wait = if self.quiet { Duration::ZERO } else { self.pace.idle };
                self.jobs.recv_timeout(wait)
            };
            self.quiet = first.is_err();
            let stepped = match first {
                Ok(first) => {
                    self.commit(first);
                    self.pay()
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.prune_step().and_then(|()| self.fold_step(self.pace.fold_step))
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if let Err(error) = stepped {
                self.stop(&error.to_string());
            }
        }
    }

    /// Begins what is due.
    fn plan(&mut self) {
        let mut book = self.shared.book();
        if book.stopped.is_some() {
            (self.fold, self.prune) = (None, None);
            return;
        }
        let due = book.left_ids >= self.pace.fold_ids || book.left.len() >= self.pace.fold_entries;
        if self.fold.is_none() && due {
            let accounts = book.accounts.values();
            let kept =
                accounts.flat_map(|one| one.kept.iter().map(|(id, day)| (one.id, *id, *day)));
            let mut subjects: Vec<_> = kept.collect();
            let left = std::mem::take(&mut book.left);
            book.left_ids = 0;
            drop(book);
            subjects.sort_unstable();
            self.fold = Some(Fold { subjects: subjects.into_iter(), left });
            return;
        }
        if self.prune.is_none() && std::mem::take(&mut book.prune_due) {
            self.prune = Some(Prune { meters: book.accounts.keys().copied().collect(), from: 0 });
        }
    }

    fn commit(&mut self, first: Job) {
        let mut jobs = vec![first];
        jobs.extend(self.jobs.try_iter().take(BATCH - 1));
        let octets = jobs.iter().filter_map(|job| job.change.append.as_ref());
        let ids: usize = octets.map(|(_, octets)| octets.len() / 8).sum();
        self.debt = self.debt.saturating_add(ids.saturating_mul(2));
        self.commits = self.commits.wrapping_add(1);
        let durable = jobs.iter().any(|job| job.done.is_some());
        let stopped = self.shared.book().stopped.clone();
        let result = stopped.map_or_else(
            || {
                let changes: Vec<_> = jobs.iter().map(|job| &job.change).collect();
                self.shared.file.apply(&changes, durable).map_err(|error| error.to_string())
            },
            Err,
        );
        if let Err(what) = &result {
            self.stop(what);
        }
        for done in jobs.into_iter().filter_map(|job| job.done) {
            // Nobody listens where the request has ended meanwhile.
            drop(done.send(result.clone()));
        }
    }

    fn stop(&self, what: &str) {
        self.shared.book().stopped.get_or_insert_with(|| what.to_owned());
    }

    /// The steps that cannot wait until nobody reserves.
    fn pay(&mut self) -> Result<(), redb::Error> {
        if self.commits.is_multiple_of(PRUNE_EVERY) {
            self.prune_step()?;
        }
        let book = self.shared.book();
        let overdue = book.left_ids >= self.pace.fold_ids.saturating_mul(OVERDUE)
            || book.left.len() >= self.pace.fold_entries.saturating_mul(OVERDUE);
        drop(book);
        if !overdue {
            self.debt = 0;
        }
        // At once, because each step has an fsync of its own.
        if self.debt >= self.pace.fold_step {
            let debt = std::mem::take(&mut self.debt);
            return self.fold_step(debt);
        }
        Ok(())
    }

    fn fold_step(&mut self, most: usize) -> Result<(), redb::Error> {
        let Some(fold) = &mut self.fold else { return Ok(()) };
        let step: Vec<_> = fold.subjects.by_ref().take(most).collect();
        if step.is_empty() {
            self.shared.file.strike(&fold.left)?;
            self.fold = None;
            return Ok(());
        }
        self.shared.file.fold(&step)?;
        let mut book = self.shared.book();
        for (meter, id, day) in step {
            if let Some(account) = book.accounts.get_mut(&meter) {
                account.folded(id, day);
            }
        }
        Ok(())
    }

    /// The lock is held meanwhile: whoever reads the table must find the book to match it.
    fn prune_step(&mut self) -> Result<(), redb::Error> {
        let Some(prune) = &mut self.prune else { return Ok(()) };
        let Some(meter) = prune.meters.last().copied() else {
            self.prune = None;
            return Ok(());
        };
        let mut book = self.shared.book();
        let since = book.accounts.get(&meter).and_then(|account| {
            let since = book.aged(account)?;
            let days = account.days.range(..since).next().is_some();
            let amounts = account.amounts.range(..since).next().is_some();
            (days || amounts || account.is_empty()).then_some(since)
        });
        let Some(since) = since else {
            (prune.from, _) = (0, prune.meters.pop());
            return Ok(());
        };
        let pruned = self.shared.file.prune(meter, prune.from, since, self.pace.prune_step)?;
        if let Some(next) = pruned.next {
            book.pruned(meter, &pruned.aged, None);
            prune.from = next;
            return Ok(());
        }
        book.pruned(meter, &pruned.aged, Some(since));
        self.shared.file.forget_days(meter, since)?;
        let named = |left: &Left| left.amounts.iter().any(|(other, _, _)| *other == meter);
        let folding = self.fold.as_ref().is_some_and(|fold| fold.left.iter().any(named));
        if !folding && let Some(name) = book.drop_empty(meter) {
            self.shared.file.forget_meter(&name)?;
        }
        (prune.from, _) = (0, prune.meters.pop());
        Ok(())
    }
}
