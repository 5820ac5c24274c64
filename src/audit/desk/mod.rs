//! The desk: holds and report candidates, which wait for a person. What is put on it is on the
//! disk before anybody is told of it, and an approval counts for the next request.

mod board;
mod candidate;
mod clerk;
mod docket;
mod fault;
mod hold;
mod shelf;
mod store;
mod written;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use uuid::Uuid;

use crate::net::Host;
use crate::policy::Approval;
use crate::telemetry::Metrics;

use super::sink::PATIENCE;

use board::Board;
use clerk::{Clerk, Message, Reply};
use docket::Docket;
use store::Store;

pub use candidate::{Candidate, Closing, Deed, Told};
pub use fault::DeskError;
pub use hold::{Decided, Hold, HoldState, HoldingRule, Ruling};
pub use store::read_candidates;

/// How much may wait for the disk; more is refused.
const QUEUE: usize = 4_096;

/// The way to what waits for a person; cloned freely.
#[derive(Clone, Debug)]
pub struct Desk {
    /// Boxed: a queue of large slots took a megabyte, and as much again of the allocator.
    messages: SyncSender<Box<Message>>,
    board: Arc<Board>,
}

impl Desk {
    /// Opens the file, or keeps all in memory where none is named, and starts its thread.
    pub fn open(file: Option<&Path>, metrics: Arc<Metrics>) -> Result<Self, DeskError> {
        let store = file.map(Store::open).transpose()?;
        let rows = store.as_ref().map(Store::load).transpose()?;
        let (holds, candidates) = rows.unwrap_or_default();
        let docket = Docket::new(holds, candidates);
        let board = Arc::new(Board::new(docket.approvals(Timestamp::now())));
        let (messages, inbox) = sync_channel(QUEUE);
        let shown = Arc::clone(&board);
        let written = Instant::now();
        let clerk = Clerk { docket, store, board: shown, metrics, failing: false, written };
        let thread = std::thread::Builder::new().name("desk".to_owned());
        let started = thread.spawn(move || clerk.run(&inbox));
        let no_thread = |source| DeskError::File { path: "desk".into(), source };
        drop(started.map_err(no_thread)?);
        Ok(Self { messages, board })
    }

    /// What people have approved towards a host.
    pub fn approvals(&self, host: &Host) -> Option<Arc<[Approval]>> {
        self.board.of(host)
    }

    /// When an approval ends next.
    pub fn next_end(&self, after: Timestamp) -> Option<Timestamp> {
        self.board.next_end(after)
    }

    /// Tells when approvals have come or gone.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.board.changes()
    }

    /// Keeps what is held: a new hold, or one more time that the same was asked. It is on the
    /// disk when this returns.
    pub async fn hold(&self, asked: Hold) -> Result<Hold, DeskError> {
        self.ask(|reply| Message::Hold(Box::new(asked), reply)).await
    }

    /// Keeps candidates for reports; they are on the disk when this returns.
    pub async fn note(&self, candidates: Vec<Candidate>) -> Result<(), DeskError> {
        self.ask(|reply| Message::Note(candidates, Some(reply))).await
    }

    /// Keeps candidates for reports, soon.
    pub fn note_later(&self, candidates: Vec<Candidate>) -> Result<(), DeskError> {
        self.send(Message::Note(candidates, None))
    }

    /// Takes a person's decision; it counts from now on.
    pub async fn rule(&self, hold: Uuid, ruling: Ruling) -> Result<Hold, DeskError> {
        self.ask(|reply| Message::Rule(hold, ruling, reply)).await
    }

    /// Takes what a person found of a candidate.
    pub async fn close(&self, candidate: Uuid, closing: Closing) -> Result<Candidate, DeskError> {
        self.ask(|reply| Message::Close(candidate, closing, reply)).await
    }

    /// All holds, the oldest first.
    pub async fn holds(&self) -> Result<Vec<Hold>, DeskError> {
        self.ask(Message::Holds).await
    }

    /// All candidates, the oldest first.
    pub async fn candidates(&self) -> Result<Vec<Candidate>, DeskError> {
        self.ask(Message::Candidates).await
    }

    /// Writes what is left and ends.
    pub async fn end(&self) {
        let (done, ended) = oneshot::channel();
        if self.send(Message::End(done)).is_ok() && timeout(PATIENCE, ended).await.is_err() {
            tracing::error!("the last counts of holds and reports are not written");
        }
    }

    async fn ask<T>(&self, message: impl FnOnce(Reply<T>) -> Message) -> Result<T, DeskError> {
        let (reply, answer) = oneshot::channel();
        self.send(message(reply))?;
        match timeout(PATIENCE, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(DeskError::Unwritable("the thread has ended".to_owned())),
            Err(_) => Err(DeskError::Busy),
        }
    }

    fn send(&self, message: Message) -> Result<(), DeskError> {
        self.messages.try_send(Box::new(message)).map_err(|error| match error {
            TrySendError::Full(_) => DeskError::Busy,
            TrySendError::Disconnected(_) => {
                DeskError::Unwritable("the thread has ended".to_owned())
            }
        })
    }
}
