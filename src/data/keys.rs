//! Names beside values: which kinds a key, a tag or a word announces. A name is first brought
//! into one form (`deviceIMEI`, `Device-Imei`, `device imei`: `_device_imei_`), then searched.

use std::cell::RefCell;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::values::{FOREIGN, Kind, ROWS};

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kinds(u64);

/// What stands beside a value announces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Key {
    /// The kinds that it names.
    pub(super) kinds: Kinds,
    /// Whether it speaks against other kinds: it names one, or something that no detector looks
    /// for (an order, a time, a hash).
    pub(super) foreign: bool,
    /// Whether the name itself says nothing, so that what stands beside it may.
    pub(super) generic: bool,
}

/// All names, and what each announces.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    search: AhoCorasick,
    /// For each pattern the kind; `None` for a foreign one.
    kinds: Vec<Option<Kind>>,
}

/// Names that say nothing; what is beside them does: `{"name": "ssn", "value": "..."}`.
const GENERIC: [&[u8]; 14] = [
    b"v",
    b"value",
    b"val",
    b"content",
    b"text",
    b"stringvalue",
    b"string",
    b"data",
    b"answer",
    b"s",
    b"intvalue",
    b"n",
    b"raw",
    b"body",
];

/// The longest text that is read for names, in octets.
pub(super) const READ: usize = 160;

impl Kinds {
    /// Adds one.
    pub(super) fn insert(&mut self, kind: Kind) {
        self.0 |= 1 << kind.index();
    }

    /// Whether it is among them.
    pub(super) fn contains(self, kind: Kind) -> bool {
        self.0 >> kind.index() & 1 == 1
    }

    /// Whether there is none.
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl Key {
    /// Whether it says nothing.
    pub(super) fn is_empty(self) -> bool {
        self.kinds.is_empty() && !self.foreign
    }
}

impl Keys {
    /// The names of all rows, and own ones of custom detectors.
    pub(super) fn new() -> Self {
        let rows = ROWS.iter().flat_map(|row| row.keys.iter().map(|key| (*key, Some(row.kind))));
        let foreign = FOREIGN.iter().map(|key| (*key, None));
        let (patterns, kinds): (Vec<_>, Vec<_>) = rows.chain(foreign).unzip();
        let search = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::DFA))
            .prefilter(false)
            .build(&patterns)
            .expect("some hundred short names fit into a DFA");
        Self { search, kinds }
    }

    /// All that one name announces, `taxpayerSSN` as much as `<f n="ssn">`.
    pub(super) fn read(&self, name: &[u8]) -> Key {
        let generic = GENERIC.iter().any(|generic| name.eq_ignore_ascii_case(generic));
        Key { generic, ..self.matches(name, false) }
    }

    /// What the words before a value announce: the nearest name counts.
    pub(super) fn nearest(&self, words: &[u8]) -> Key {
        self.matches(words, true)
    }

    fn matches(&self, text: &[u8], nearest: bool) -> Key {
        let mut folded = Folded::default();
        folded.read(text);
        let mut key = Key::default();
        let mut end = 0;
        for found in self.search.find_overlapping_iter(folded.text()) {
            let kind = self.kinds.get(found.pattern().as_usize()).copied().flatten();
            let against = !nearest || only_links(folded.text(), found.end());
            if kind.is_none() && !against {
                continue;
            }
            if nearest && found.end() > end {
                // Names that touch (`card`, `card_number`) are one; a later word is another.
                if found.start() + 1 >= end {
                    key = Key::default();
                }
                end = found.end();
            }
            kind.iter().for_each(|kind| key.kinds.insert(*kind));
            key.foreign |= against;
        }
        key
    }
}

/// Names that were read before. Texts repeat few names over and over. Most texts are short and
/// have none: it takes its 6 KiB with the first.
#[derive(Debug, Default)]
pub(super) struct Memo(RefCell<Vec<(Vec<u8>, Key)>>);

/// So many names are remembered.
const REMEMBERED: usize = 128;

/// Longer names are read each time.
const SHORT: usize = 40;

impl Memo {
    /// What a name announces, from memory if it is there.
    fn recall(&self, name: &[u8], read: impl FnOnce() -> Key) -> Key {
        const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
        let (words, rest) = name.as_chunks();
        let last = rest.iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
        let hash = words.iter().fold(last, |hash, word| {
            (hash.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(ODD)
        });
        let place = usize::try_from(hash.wrapping_mul(ODD) >> 32).unwrap_or(0) % REMEMBERED;
        let mut all = self.0.borrow_mut();
        if all.is_empty() {
            all.resize(REMEMBERED, (Vec::new(), Key::default()));
        }
        let Some((known, key)) = all.get_mut(place) else { return read() };
        if known != name || name.is_empty() {
            *key = read();
            known.clear();
            known.extend_from_slice(name);
        }
        *key
    }
}

/// The names, with what is remembered of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'k> {
    pub(super) keys: &'k Keys,
    pub(super) memo: &'k Memo,
}

impl Names<'_> {
    /// All that one name announces.
    pub(super) fn read(self, name: &[u8]) -> Key {
        if name.len() > SHORT {
            return self.keys.read(name);
        }
        self.memo.recall(name, || self.keys.read(name))
    }

    /// What the words before a value announce.
    pub(super) fn nearest(self, words: &[u8]) -> Key {
        self.keys.nearest(words)
    }
}

/// Words that may stand between a name and its value.
const LINKS: [&[u8]; 14] = [
    b"is", b"was", b"are", b"no", b"nr", b"num", b"number", b"id", b"code", b"of", b"the",
    b"value", b"as", b"to",
];

/// Whether only such words follow: in prose, what is foreign must be next to the value.
fn only_links(folded: &[u8], end: usize) -> bool {
    let rest = folded.get(end..).unwrap_or_default();
    // A name that ends within a word (`_order` in `_orders_`) has the rest of it behind it.
    let rest = match end.checked_sub(1).and_then(|last| folded.get(last)) {
        Some(b'_') => rest,
        _ => rest.splitn(2, |byte| *byte == b'_').nth(1).unwrap_or_default(),
    };
    rest.split(|byte| *byte == b'_').all(|word| word.is_empty() || LINKS.contains(&word))
}

/// A name in the one form: lower-case words, each between underscores.
#[derive(Debug)]
struct Folded {
    text: [u8; READ * 2],
    length: usize,
}

impl Default for Folded {
    fn default() -> Self {
        Self { text: [0; READ * 2], length: 0 }
    }
}

/// Kinds of characters, as they divide words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Gap,
    Upper,
    Lower,
}

impl Folded {
    fn text(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }

    fn push(&mut self, byte: u8) {
        if byte == b'_' && self.text().last() == Some(&b'_') {
            return;
        }
        if let Some(place) = self.text.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    fn read(&mut self, text: &[u8]) {
        let text = text.get(text.len().saturating_sub(READ - 2)..).unwrap_or_default();
        self.push(b'_');
        let mut last = Class::Gap;
        for (place, byte) in text.iter().enumerate() {
            let class = match byte {
                b'A'..=b'Z' => Class::Upper,
                b'a'..=b'z' | b'0'..=b'9' | 0x80.. => Class::Lower,
                _ => Class::Gap,
            };
            // `deviceImei`, and `IPAddress`: the last capital begins the next word.
            let next_is_small = text.get(place + 1).is_some_and(u8::is_ascii_lowercase);
            let begins = class == Class::Upper
                && (last == Class::Lower || last == Class::Upper && next_is_small);
            if class == Class::Gap || begins {
                self.push(b'_');
            }
            if class != Class::Gap {
                self.push(byte.to_ascii_lowercase());
            }
            last = class;
        }
        self.push(b'_');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_is_made_with_the_first_name() {
        let (keys, memo) = (Keys::new(), Memo::default());
        assert_eq!(memo.0.borrow().capacity(), 0);
        let key = memo.recall(b"ssn", || keys.read(b"ssn"));
        assert_eq!(memo.recall(b"ssn", || unreachable!("it is remembered")), key);
    }

    fn folded(text: &str) -> String {
        let mut folded = Folded::default();
        folded.read(text.as_bytes());
        String::from_utf8(folded.text().to_vec()).unwrap()
    }

    #[test]
    fn names_have_one_form() {
        for text in ["deviceIMEI", "device_imei", "Device-Imei", "DEVICE IMEI", " deviceImei: "] {
            assert_eq!(folded(text), "_device_imei_");
        }
        assert_eq!(folded("IPAddress"), "_ip_address_");
        assert_eq!(folded("身份证号"), "_身份证号_");
        assert!(folded(&"x".repeat(999)).len() <= READ);
    }

    #[test]
    fn whole_words_count_and_known_ones_win() {
        let keys = Keys::new();
        let read = |text: &str| keys.read(text.as_bytes());
        assert!(read("clientIp").kinds.contains(Kind::Ip));
        assert!(read("shipment").kinds.is_empty() && read("description").is_empty());
        assert!(read("taxpayerSSN").kinds.contains(Kind::Ssn));
        assert!(read("order_id").foreign && read("orderPhone").kinds.contains(Kind::Phone));
        assert!(read("身份证号").kinds.contains(Kind::ResidentId));
    }

    #[test]
    fn of_several_words_the_nearest_counts() {
        let keys = Keys::new();
        let key = keys.nearest(b"the ssn of the card number is");
        assert!(key.kinds.contains(Kind::Card) && !key.kinds.contains(Kind::Ssn));
        let key = keys.nearest(b"imei for order no.");
        assert!(key.foreign && key.kinds.is_empty());
        assert!(!keys.nearest(b"the order that he gave from").foreign);
        assert!(!keys.nearest(b"failed password for root from").foreign);
    }
}
