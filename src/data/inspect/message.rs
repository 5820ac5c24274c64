//! Messages of one direction of a WebSocket: each is a body of its own. Those that are compressed
//! (permessage-deflate, RFC 7692) share a window, which is kept here between them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::coding::{Coded, Coder, Step, Turn};
use super::inflate::Inflate;
use super::stage::{Cannot, Next, Passed, Place, Shared};
use super::{Described, Inspection, Inspector, begin, begin::Said};

/// What stands at the end of each message, and is not sent (RFC 7692 section 7.2.1).
pub(super) const TAIL: &[u8] = &[0, 0, 0xFF, 0xFF];

/// The window of one direction.
#[derive(Clone, Debug)]
pub struct Window(Arc<Mutex<Slot>>);

/// How a message is written.
#[derive(Clone, Copy, Debug)]
pub enum Packing<'w> {
    /// As it is.
    Plain,
    /// By permessage-deflate.
    Deflated(&'w Window),
    /// In a way that is not known.
    Foreign,
}

#[derive(Debug)]
struct Slot {
    kept: Kept,
    /// Whether each message begins without a window, so that nothing is lost with one.
    afresh: bool,
}

#[derive(Debug)]
enum Kept {
    /// Nothing was decoded yet.
    Unused,
    Used(Box<Inflate>),
    /// A message was not decoded to its end: what those after it refer to is not known.
    Lost,
}

/// Decodes one message.
#[derive(Debug)]
pub(super) struct Continued {
    inflate: Box<Inflate>,
    window: Window,
    taken: u64,
    /// The stream has ended before the message, and so many octets came after that.
    ended: Option<u64>,
}

impl Inspection {
    /// Begins with a message, by its number on its connection.
    pub fn of_message(
        inspector: &Arc<Inspector>,
        described: &Described<'_>,
        number: usize,
        packing: Packing<'_>,
    ) -> Self {
        let place = Place::default().view("message").nth(number);
        let mut shared = Shared::new(Arc::clone(inspector));
        shared.route = inspector.fields.route(described.host, described.path);
        let (root, window) = match packing {
            Packing::Plain => (begin::open(&place, Said::default()), None),
            Packing::Foreign => {
                shared.cannot(Cannot::Encoding, &place);
                (begin::open(&place, Said::default()), None)
            }
            Packing::Deflated(window) => (window.open(&place, &mut shared), Some(window.clone())),
        };
        Self { root: Some(root), shared, pushed: 0, decided: 0, place, window }
    }

    /// Says that what comes is written in a way that is not known.
    pub fn turn_foreign(&mut self) {
        self.shared.cannot(Cannot::Encoding, &self.place);
    }
}

// === impl Window ===

impl Window {
    /// Nothing was said yet. `afresh` where both sides agreed that no message refers to one before
    /// it (`client_no_context_takeover`).
    pub fn new(afresh: bool) -> Self {
        Self(Arc::new(Mutex::new(Slot { kept: Kept::Unused, afresh })))
    }

    /// Says that a message was not decoded to its end.
    pub(super) fn lose(&self) {
        self.slot().kept = Kept::Lost;
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the window out; lost unless it comes back.
    fn take(&self) -> Option<Box<Inflate>> {
        let mut slot = self.slot();
        match std::mem::replace(&mut slot.kept, Kept::Lost) {
            // Kept also where messages begin afresh: nothing that is right then differs by it, and
            // a recipient that keeps it reads what we read.
            Kept::Used(inflate) => Some(inflate),
            Kept::Unused => Some(Box::default()),
            Kept::Lost => slot.afresh.then(Box::default),
        }
    }

    fn open(&self, place: &Place, shared: &mut Shared) -> Next {
        let Some(place) = shared.enter(place, "deflate") else { return Box::new(Passed) };
        let Some(inflate) = self.take() else {
            shared.cannot(Cannot::Broken, &place);
            return Box::new(Passed);
        };
        let coder = Continued { inflate, window: self.clone(), taken: 0, ended: None };
        let next = begin::open(&place, Said::default());
        Box::new(Coded::of(Coder::Continued(coder), place, next))
    }
}

// === impl Continued ===

impl Continued {
    /// Octets that the decoder may have taken without having given all that is in them.
    const LAG: u64 = 16;

    /// From which octet of the message on something may still come.
    pub(super) fn position(&self) -> u64 {
        self.taken.saturating_sub(Self::LAG)
    }

    /// What is still to be decoded when the message has ended.
    pub(super) fn tail(&self) -> &'static [u8] {
        if self.ended.is_none() && self.taken > 0 { TAIL } else { &[] }
    }

    /// The message has ended well: those after it may refer to it.
    pub(super) fn close(self) {
        if self.ended.is_none() {
            self.window.slot().kept = Kept::Used(self.inflate);
        }
    }

    /// Decodes a little. After a last block (RFC 7692 section 7.2.3.4) there is one octet of zeros
    /// at most; recipients differ in what they make of anything else.
    pub(super) fn step(&mut self, input: &mut &[u8], output: &mut [u8]) -> Result<Step, Cannot> {
        if let Some(after) = &mut self.ended {
            *after += u64::try_from(input.len()).unwrap_or(u64::MAX);
            let filled = *after <= 1 && input.iter().all(|byte| *byte == 0);
            *input = &[];
            return if filled { Ok(Step::of(Turn::Fed)) } else { Err(Cannot::Broken) };
        }
        let from = self.position();
        let decoded = self.inflate.decode(input, output);
        let (read, written, ended) = decoded.map_err(|_| Cannot::Broken)?;
        self.taken += u64::try_from(read).unwrap_or(0);
        *input = input.get(read..).unwrap_or_default();
        self.ended = ended.then_some(0);
        let more = written == output.len() || !input.is_empty() && (read > 0 || ended);
        Ok(Step { written, from, turn: if more { Turn::Again } else { Turn::Fed } })
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use super::super::Limits;
    use super::*;
    use crate::data::{Detectors, Digester};

    const MAIL: &str = "write to jo.planted@firm.example.com about the offer";

    fn inspector() -> Arc<Inspector> {
        let digester = Digester::new(&[7; 32], "k").unwrap();
        Arc::new(Inspector::new(Arc::new(Detectors::new(digester)), Limits::default()))
    }

    fn begin(number: usize, packing: Packing<'_>) -> Inspection {
        Inspection::of_message(&inspector(), &Described::default(), number, packing)
    }

    fn seen(number: usize, packing: Packing<'_>, octets: &[u8]) -> String {
        let mut inspection = begin(number, packing);
        octets.chunks(5).for_each(|piece| inspection.push(piece));
        told(inspection)
    }

    fn told(inspection: Inspection) -> String {
        let found = inspection.finish();
        let one = |one: &crate::data::Finding| format!("{} {}", one.tag, one.layer.as_str());
        found.kept().iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// As RFC 7692 section 7.2.1 says.
    fn pack(coder: &mut Compress, text: &[u8], flush: FlushCompress) -> Vec<u8> {
        let mut packed = Vec::with_capacity(text.len() + 1_000);
        coder.compress_vec(text, &mut packed, flush).unwrap();
        if flush == FlushCompress::Sync {
            assert!(packed.ends_with(TAIL));
            packed.truncate(packed.len() - TAIL.len());
        }
        packed
    }

    #[test]
    fn messages_are_bodies_of_their_own() {
        assert_eq!(seen(3, Packing::Plain, MAIL.as_bytes()), "id.contact.email message[3]");
        let foreign = seen(0, Packing::Foreign, MAIL.as_bytes());
        assert_eq!(foreign, "uninspectable.encoding message[0], id.contact.email message[0]");
        let mut turned = begin(1, Packing::Plain);
        turned.turn_foreign();
        assert_eq!(told(turned), "uninspectable.encoding message[1]");
    }

    #[test]
    fn a_window_is_kept_between_messages() {
        let (window, mut coder) = (Window::new(false), Compress::new(Compression::best(), false));
        let first = pack(&mut coder, MAIL.as_bytes(), FlushCompress::Sync);
        let second = pack(&mut coder, MAIL.as_bytes(), FlushCompress::Sync);
        assert!(second.len() < 16, "it refers to the first: {}", second.len());
        let see = |number, octets: &[u8]| seen(number, Packing::Deflated(&window), octets);
        assert_eq!(see(0, &first), "id.contact.email message[0]/deflate");
        assert_eq!(see(1, b""), "", "nothing is not decoded");
        assert_eq!(see(2, &second), "id.contact.email message[2]/deflate");
        assert_eq!(see(3, b"\x07\xff\xff\xff"), "uninspectable.broken message[3]/deflate");
        let third = pack(&mut coder, b"clean", FlushCompress::Sync);
        assert_eq!(see(4, &third), "uninspectable.broken message[4]/deflate", "no window any more");
    }

    #[test]
    fn what_is_given_up_is_lost() {
        let mut coder = Compress::new(Compression::best(), false);
        let first = pack(&mut coder, MAIL.as_bytes(), FlushCompress::Sync);
        for (afresh, after) in [(true, ""), (false, "uninspectable.broken message[1]/deflate")] {
            let window = Window::new(afresh);
            let mut inspection = begin(0, Packing::Deflated(&window));
            inspection.push(&first[..10]);
            let found = inspection.abandon();
            assert_eq!(found.tags().to_string(), "uninspectable.too-large");
            let mut alone = Compress::new(Compression::best(), false);
            let second = pack(&mut alone, b"clean", FlushCompress::Sync);
            assert_eq!(seen(1, Packing::Deflated(&window), &second), after);
        }
    }

    #[test]
    fn a_last_block_may_be_followed_by_nothing() {
        let mut coder = Compress::new(Compression::best(), false);
        let mut packed = pack(&mut coder, MAIL.as_bytes(), FlushCompress::Finish);
        let see = |octets: &[u8]| seen(0, Packing::Deflated(&Window::new(false)), octets);
        packed.push(0);
        assert_eq!(see(&packed), "id.contact.email message[0]/deflate");
        packed.push(0);
        assert!(see(&packed).ends_with("uninspectable.broken message[0]/deflate"));
    }

    #[test]
    fn bombs_are_bounded() {
        let mut coder = Compress::new(Compression::best(), false);
        let bomb = pack(&mut coder, &vec![b' '; 8 << 20], FlushCompress::Sync);
        let found = seen(0, Packing::Deflated(&Window::new(false)), &bomb);
        assert_eq!(found, "uninspectable.ratio message[0]/deflate");
    }
}
