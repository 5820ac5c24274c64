//! What is asked of the volumes, and the same made ready: one [`Draft`] for each meter, its
//! ids keyed, sorted and distinct.

use std::fmt;

use aws_lc_rs::hmac;

use super::VolumeError;
use super::day::Window;

/// How many ids one [`Ask`] may name. A request's head holds fewer.
const MOST_IDS: usize = 100_000;

/// Octets of a key at least, as many as SHA-256 gives: ids can be guessed, the key must not.
const KEY_OCTETS: usize = 32;

/// What is counted apart from everything else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Meter {
    /// Pack, counter and class: `us-28cfr202/bulk/genomic`.
    pub name: String,
    /// Whose data or whose receipt is counted: exporter, recipient or both, as the policy
    /// writes it.
    pub holder: String,
}

/// Whose data a request carries.
#[derive(Clone, Copy, Debug)]
pub enum Subjects<'a> {
    /// By their ids, in any order; the same id counts once. At most 100,000.
    Ids(&'a [&'a str]),
    /// So many without an id: no overlap can be known, so that each number adds.
    Number(u64),
}

/// One question, of one request to one meter.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Where it counts.
    pub meter: &'a Meter,
    /// How long it counts.
    pub window: &'a Window,
    /// Who is counted.
    pub subjects: Subjects<'a>,
}

/// Distinct subjects within the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Before this request.
    pub before: u64,
    /// With this request, all its asks of the same meter included.
    pub after: u64,
}

/// The secret that turns ids into what the file holds. Without it nobody can tell whose id a
/// hash is; whoever has it and the file can guess.
#[derive(Clone)]
pub struct HmacKey(hmac::Key);

impl HmacKey {
    /// Takes at least 32 octets, which should be random.
    pub fn new(octets: &[u8]) -> Result<Self, VolumeError> {
        if octets.len() < KEY_OCTETS {
            return Err(VolumeError::ShortKey { octets: octets.len(), least: KEY_OCTETS });
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, octets)))
    }

    /// What the file keeps to tell another key.
    pub(super) fn check(&self) -> Vec<u8> {
        hmac::sign(&self.0, b"check of the key of volumes").as_ref().to_vec()
    }

    /// A key for each meter, so that a subject cannot be followed from one to the next.
    fn of(&self, meter: &Meter) -> hmac::Key {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"meter\0");
        context.update(meter.name.as_bytes());
        // Not in any text, so that name and holder cannot flow into each other.
        context.update(&[0xff]);
        context.update(meter.holder.as_bytes());
        hmac::Key::new(hmac::HMAC_SHA256, context.sign().as_ref())
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacKey(..)")
    }
}

/// The first eight octets. Among a million subjects two share them once in 37 million files.
fn keyed(key: &hmac::Key, id: &str) -> u64 {
    let tag = hmac::sign(key, id.as_bytes());
    u64::from_be_bytes(*tag.as_ref().first_chunk().expect("SHA-256 has 32 octets"))
}

/// All that one request asks of one meter.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) meter: &'a Meter,
    /// Sorted, so that the file is read in its order.
    pub(super) ids: Vec<u64>,
    pub(super) number: u64,
    /// With the place of its ask; never empty.
    pub(super) windows: Vec<(usize, &'a Window)>,
}

/// The drafts of a request, in the order of its asks.
pub(super) fn drafts<'a>(
    key: &HmacKey,
    asks: &'a [Ask<'a>],
) -> Result<Vec<Draft<'a>>, VolumeError> {
    let mut drafts: Vec<(Draft<'a>, hmac::Key)> = Vec::new();
    for (place, ask) in asks.iter().enumerate() {
        // Refused here, not when it has to be written.
        ask.window.to_text()?;
        let at = drafts.iter().position(|(draft, _)| draft.meter == ask.meter);
        let at = at.unwrap_or_else(|| {
            let draft = Draft { meter: ask.meter, ids: vec![], number: 0, windows: vec![] };
            drafts.push((draft, key.of(ask.meter)));
            drafts.len() - 1
        });
        let (draft, key) = drafts.get_mut(at).expect("found or pushed");
        draft.windows.push((place, ask.window));
        match ask.subjects {
            Subjects::Ids(ids) if ids.len() > MOST_IDS => {
                let meter = ask.meter.name.clone();
                return Err(VolumeError::TooManyIds { meter, ids: ids.len(), most: MOST_IDS });
            }
            Subjects::Ids(ids) => draft.ids.extend(ids.iter().map(|id| keyed(key, id))),
            Subjects::Number(number) => draft.number = draft.number.saturating_add(number),
        }
    }
    let drafts = drafts.into_iter().map(|(mut draft, _)| {
        draft.ids.sort_unstable();
        draft.ids.dedup();
        draft
    });
    Ok(drafts.collect())
}
