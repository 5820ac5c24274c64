//! The one thread that writes: everything that waits goes into one transaction, so that a
//! thousand held requests cost one fsync and not a thousand.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::telemetry::{DeskEvent, Event, Metrics};

use super::board::Board;
use super::candidate::{Candidate, Closing};
use super::docket::Docket;
use super::fault::DeskError;
use super::hold::{Hold, Ruling};
use super::store::Store;

/// How much of what waits goes into one transaction.
const BATCH: usize = 1_024;

/// How long what nobody waits for (a count that rose) may stay out of the file.
const LAZY: Duration = Duration::from_secs(1);

/// Where an answer goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, DeskError>>;

/// What the clerk is asked.
#[derive(Debug)]
pub(super) enum Message {
    /// Keep what is held.
    Hold(Box<Hold>, Reply<Hold>),
    /// Keep candidates; nobody waits where no answer is wanted.
    Note(Vec<Candidate>, Option<Reply<()>>),
    /// Take a decision.
    Rule(Uuid, Ruling, Reply<Hold>),
    /// Close a candidate.
    Close(Uuid, Closing, Reply<Candidate>),
    /// Tell all holds.
    Holds(Reply<Vec<Hold>>),
    /// Tell all candidates.
    Candidates(Reply<Vec<Candidate>>),
    /// Write what is left and end.
    End(oneshot::Sender<()>),
}

/// Answers that wait for the transaction.
type Answer = Box<dyn FnOnce(Option<&str>) + Send>;

pub(super) struct Clerk {
    pub(super) docket: Docket,
    /// Absent where all is kept in memory.
    pub(super) store: Option<Store>,
    pub(super) board: Arc<Board>,
    pub(super) metrics: Arc<Metrics>,
    /// Whether the last transaction failed; told once.
    pub(super) failing: bool,
    /// When something was last written.
    pub(super) written: Instant,
}

impl Clerk {
    pub(super) fn run(mut self, messages: &Receiver<Box<Message>>) {
        self.count();
        let mut ended = None;
        while ended.is_none() {
            let Ok(first) = self.next(messages) else { break };
            let mut batch = Batch::default();
            let mut next = first;
            while let Some(message) = next {
                self.take(message, &mut batch);
                next = (batch.answers.len() < BATCH)
                    .then(|| messages.try_recv().ok())
                    .flatten()
                    .map(|boxed| *boxed);
            }
            ended = batch.ended.take();
            self.finish(batch);
        }
        if self.is_stale() && self.commit().is_err() {
            tracing::error!("the last counts of holds and reports could not be written");
        }
        // The file is free when the end is told; nobody waits where nobody asked for it.
        drop(self);
        drop(ended);
    }

    /// The next message; none where it is time to write what nobody waits for.
    fn next(&self, messages: &Receiver<Box<Message>>) -> Result<Option<Message>, RecvError> {
        if !self.is_stale() {
            return messages.recv().map(|message| Some(*message));
        }
        match messages.recv_timeout(LAZY) {
            Ok(message) => Ok(Some(*message)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(RecvError),
        }
    }

    fn take(&mut self, message: Message, batch: &mut Batch) {
        match message {
            Message::Hold(asked, reply) => {
                let id = asked.id;
                let (hold, dropped) = self.docket.hold(*asked);
                if let Some(dropped) = &dropped {
                    Event::Desk(DeskEvent::Dropped(dropped.id)).record(&self.metrics);
                }
                if hold.id == id {
                    Event::Desk(DeskEvent::Held(id)).record(&self.metrics);
                }
                batch.answer(reply, Ok(hold));
            }
            Message::Note(candidates, reply) => {
                let noted = self.docket.note(candidates);
                match (reply, noted) {
                    (Some(reply), noted) => batch.answer(reply, noted),
                    (None, Err(error)) => {
                        Event::Desk(DeskEvent::Failed(&error)).record(&self.metrics);
                    }
                    (None, Ok(())) => {}
                }
            }
            Message::Rule(id, ruling, reply) => {
                let decision = ruling.decision;
                let ruled = self.docket.rule(id, ruling);
                if ruled.is_ok() {
                    batch.ruled.push(decision.name());
                }
                batch.answer(reply, ruled);
            }
            Message::Close(id, closing, reply) => {
                let closed = self.docket.close(id, closing);
                batch.answer(reply, closed);
            }
            // What is told is what is written: after the transaction.
            Message::Holds(_) | Message::Candidates(_) => batch.questions.push(message),
            Message::End(done) => batch.ended = Some(done),
        }
    }

    /// Tells what is on the desk.
    fn tell(&self, question: Message) {
        let told = match question {
            Message::Holds(reply) => {
                reply.send(Ok(self.docket.holds.iter().cloned().collect())).is_ok()
            }
            Message::Candidates(reply) => {
                reply.send(Ok(self.docket.candidates.iter().cloned().collect())).is_ok()
            }
            Message::Hold(..)
            | Message::Note(..)
            | Message::Rule(..)
            | Message::Close(..)
            | Message::End(_) => true,
        };
        if !told {
            tracing::debug!("who asked what is on the desk has gone");
        }
    }

    /// Writes what has changed, then answers.
    fn finish(&mut self, batch: Batch) {
        let urgent = self.docket.holds.is_urgent() || self.docket.candidates.is_urgent();
        // A count that rose is written with the next that must be, or when a second is over.
        let due = urgent || (self.is_stale() && self.written.elapsed() >= LAZY);
        let written = if due { self.commit() } else { Ok(()) };
        let failure = written.err();
        if failure.is_none() && !batch.ruled.is_empty() {
            self.board.publish(self.docket.approvals(Timestamp::now()));
            batch
                .ruled
                .iter()
                .for_each(|one| Event::Desk(DeskEvent::Decided(one)).record(&self.metrics));
        }
        batch.answers.into_iter().for_each(|answer| answer(failure.as_deref()));
        batch.questions.into_iter().for_each(|question| self.tell(question));
        if urgent {
            self.count();
        }
    }

    /// Writes what has changed, or takes it back.
    fn commit(&mut self) -> Result<(), String> {
        let written = self.store.as_mut().map_or(Ok(()), |store| store.commit(&self.docket));
        match &written {
            Ok(()) => {
                self.docket.holds.settle();
                self.docket.candidates.settle();
                Event::Desk(DeskEvent::Written).record(&self.metrics);
            }
            Err(error) => {
                self.docket.holds.roll_back();
                self.docket.candidates.roll_back();
                if !self.failing {
                    Event::Desk(DeskEvent::Failed(error)).record(&self.metrics);
                }
            }
        }
        self.failing = written.is_err();
        self.written = Instant::now();
        written.map_err(|error| error.to_string())
    }

    fn is_stale(&self) -> bool {
        self.docket.holds.is_stale() || self.docket.candidates.is_stale()
    }

    fn count(&self) {
        let (holds, reports) = (self.docket.open_holds(), self.docket.open_candidates());
        Event::Desk(DeskEvent::Counted(holds, reports)).record(&self.metrics);
    }
}

/// What is answered when one transaction is written.
#[derive(Default)]
struct Batch {
    answers: Vec<Answer>,
    questions: Vec<Message>,
    ruled: Vec<&'static str>,
    ended: Option<oneshot::Sender<()>>,
}

impl Batch {
    fn answer<T: Send + 'static>(&mut self, reply: Reply<T>, result: Result<T, DeskError>) {
        self.answers.push(Box::new(move |failure| {
            let result = match failure {
                Some(what) => result.and(Err(DeskError::Unwritable(what.to_owned()))),
                None => result,
            };
            // Who asked may have gone.
            drop(reply.send(result));
        }));
    }
}
