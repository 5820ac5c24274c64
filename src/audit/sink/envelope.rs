//! Personal fields on their way into the journal: enciphered where that is wanted, and lost rather
//! than in the clear where no key can be had.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::telemetry::{Event, JournalEvent, Metrics};

use super::super::personal::{Fault, KeyRing, Sealer};

/// So often it is looked whether somebody erases.
const LOOK: Duration = Duration::from_secs(1);

/// What lines of records pass before they are kept.
pub(super) struct Envelope {
    /// Lines stay as they are if there is none.
    sealer: Option<Sealer>,
    /// Whether no key could be had, so that what comes is kept without those fields.
    keyless: bool,
    /// When it was last looked whether somebody erases.
    looked: Instant,
    metrics: Arc<Metrics>,
}

impl Envelope {
    pub(super) fn new(sealer: Option<Sealer>, metrics: Arc<Metrics>) -> Self {
        Self { sealer, keyless: false, looked: Instant::now(), metrics }
    }

    /// The line as it is kept, and whether all of it is.
    pub(super) fn put<'l>(&mut self, line: &'l [u8]) -> (Cow<'l, [u8]>, bool) {
        let Some(sealer) = &mut self.sealer else { return (Cow::Borrowed(line), true) };
        let (line, sealed) = sealer.seal(line, Timestamp::now());
        let whole = sealed.is_ok();
        if !whole {
            Event::Journal(JournalEvent::Faceless).record(&self.metrics);
        }
        self.tell(sealed);
        (Cow::Owned(line), whole)
    }

    /// Looks for a key again where there was none; whether all that comes can be kept.
    pub(super) fn mend(&mut self) -> bool {
        if let Some(sealer) = self.sealer.as_mut().filter(|_| self.keyless) {
            let mended = sealer.mend(Timestamp::now());
            self.tell(mended);
        }
        !self.keyless
    }

    /// A note of an erasure that somebody wants in the journal before keys go.
    pub(super) fn asked(&mut self) -> Option<Vec<u8>> {
        let sealer = self.sealer.as_ref().filter(|_| self.looked.elapsed() >= LOOK)?;
        self.looked = Instant::now();
        let note = sealer.ring().asked()?;
        let read = serde_json::from_slice::<serde_json::Value>(&note);
        if read.is_ok_and(|note| note.get("erasure").is_some_and(|one| one.is_object())) {
            return Some(note);
        }
        tracing::error!("what is asked for in the folder of keys is no erasure; it is removed");
        self.answer(&note);
        None
    }

    /// The note is on the disk: whoever asked may go on.
    pub(super) fn answer(&self, note: &[u8]) {
        let ring = self.sealer.as_ref().map(Sealer::ring);
        // Another command may have asked for something else meanwhile.
        let ring = ring.filter(|ring| ring.asked().is_some_and(|asked| asked == note));
        let answered = ring.map_or(Ok(()), KeyRing::answered);
        if let Err(fault) = answered {
            tracing::error!(%fault, "who erases cannot be told that it was noted");
        }
    }

    /// Tells once that personal fields are lost, and once that they are not any more.
    fn tell(&mut self, sealed: Result<(), Fault>) {
        match (sealed, self.keyless) {
            (Err(fault), false) => {
                let why = format!("there is no key for personal fields, which are lost: {fault}");
                Event::Journal(JournalEvent::Failed(&why)).record(&self.metrics);
                self.keyless = true;
            }
            (Ok(()), true) => {
                Event::Journal(JournalEvent::Mended).record(&self.metrics);
                self.keyless = false;
            }
            (Err(_), true) | (Ok(()), false) => {}
        }
    }
}
