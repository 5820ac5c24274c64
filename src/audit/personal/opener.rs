//! The reader's side: lines with their personal fields, or with a word that says why not.

use std::borrow::Cow;
use std::collections::HashMap;

use aws_lc_rs::aead::LessSafeKey;

use super::hidden::Hidden;
use super::key::KeyId;
use super::line::Stored;
use super::ring::KeyRing;

/// Reads lines. What it once found out about a key it keeps: whoever follows a journal for long
/// takes another one from time to time, so that no key outlives its file.
#[derive(Debug)]
pub struct Opener {
    ring: KeyRing,
    keys: HashMap<KeyId, Result<LessSafeKey, Hidden>>,
}

impl Opener {
    pub(super) fn new(ring: KeyRing) -> Self {
        Self { ring, keys: HashMap::new() }
    }

    /// A line as it was before it was sealed; one that is not is handed back as it is.
    pub fn open<'l>(&mut self, line: &'l [u8]) -> Cow<'l, [u8]> {
        self.look(line).0
    }

    /// The same, and why its personal fields are not there if they are not.
    pub fn look<'l>(&mut self, line: &'l [u8]) -> (Cow<'l, [u8]>, Option<Hidden>) {
        let Some(stored) = Stored::read(line) else { return (Cow::Borrowed(line), None) };
        let ring = &self.ring;
        let key = self.keys.entry(stored.key).or_insert_with_key(|id| ring.find(id));
        let opened = key.as_ref().map_err(|hidden| *hidden);
        let why = match opened.map(|key| stored.open(key).ok_or(Hidden::Damaged)) {
            Ok(Ok(line)) => return (Cow::Owned(line), None),
            Ok(Err(why)) | Err(why) => why,
        };
        // What is no record in itself is told by whoever reads it.
        (stored.without(why).map_or(Cow::Borrowed(line), Cow::Owned), Some(why))
    }
}
