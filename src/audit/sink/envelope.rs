//! Personal fields on their way into the journal: enciphered where that is wanted, and lost rather
//! than in the clear where no key can be had.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;

use crate::telemetry::{Event, JournalEvent, Metrics};

use super::super::personal::{Fault, Sealer};

/// What lines of records pass before they are kept.
pub(super) struct Envelope {
    /// Lines stay as they are if there is none.
    sealer: Option<Sealer>,
    /// Whether no key could be had, so that what comes is kept without those fields.
    keyless: bool,
    metrics: Arc<Metrics>,
}

impl Envelope {
    pub(super) const fn new(sealer: Option<Sealer>, metrics: Arc<Metrics>) -> Self {
        Self { sealer, keyless: false, metrics }
    }

    /// The line as it is kept, and whether all of it is.
    pub(super) fn put<'l>(&mut self, line: &'l [u8]) -> (Cow<'l, [u8]>, bool) {
        let Some(sealer) = &mut self.sealer else { return (Cow::Borrowed(line), true) };
        let (line, sealed) = sealer.seal(line, Timestamp::now());
        let whole = sealed.is_ok();
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

    /// Whether it is to be looked for a key.
    pub(super) const fn is_keyless(&self) -> bool {
        self.keyless
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
