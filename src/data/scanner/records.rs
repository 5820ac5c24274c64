//! Records: which findings stand together. A record is an element of the outermost array of
//! JSON, a line of NDJSON, a row of a table, an element of XML that has elements, else a line.

use super::super::values::masks::{Marks, Masks, WORD};
use super::super::values::text::at;
use super::nesting::{JsonNesting, XmlNesting};

/// Places of the window, a bit each.
#[derive(Clone, Debug, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// Marks a place.
    pub(super) fn set(&mut self, place: usize) {
        let word = place / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << (place % 64);
        }
    }

    /// How many are marked after `from` and up to and with `to`.
    pub(super) fn count(&self, from: usize, to: usize) -> usize {
        self.until(to).saturating_sub(self.until(from))
    }

    /// How many are marked up to and with a place.
    fn until(&self, place: usize) -> usize {
        let whole: u32 = self.0.iter().take(place / 64).map(|word| word.count_ones()).sum();
        let last = self.0.get(place / 64).map_or(0, |word| word << (63 - place % 64));
        usize::try_from(whole + last.count_ones()).unwrap_or(0)
    }

    /// The last that is marked, up to and with a place.
    pub(super) fn last_until(&self, place: usize) -> Option<usize> {
        let word = self.0.get(place / 64).map_or(0, |word| word << (63 - place % 64));
        if word != 0 {
            return place.checked_sub(usize::try_from(word.leading_zeros()).unwrap_or(0));
        }
        let words = self.0.get(..(place / 64).min(self.0.len())).unwrap_or_default();
        let (index, word) = words.iter().enumerate().rev().find(|(_, word)| **word != 0)?;
        Some(index * 64 + 63 - usize::try_from(word.leading_zeros()).unwrap_or(0))
    }

    /// Forgets so many places, a multiple of 64 unless all ends.
    pub(super) fn moved(&mut self, by: usize) {
        self.0.drain(..(by / 64).min(self.0.len()));
    }
}

/// Reads along and marks where records begin.
#[derive(Debug)]
pub(super) struct Records {
    form: Form,
    starts: Bits,
    /// How many began before the window.
    before: u64,
}

#[derive(Debug)]
enum Form {
    Json(Json),
    Lines,
    Xml(XmlNesting),
}

/// How far into a JSON text the reader is.
#[derive(Debug, Default)]
struct Json {
    nesting: JsonNesting,
    text: bool,
    escaped: bool,
}

impl Records {
    pub(super) fn json(lines: bool) -> Self {
        Self::new(Form::Json(Json { nesting: JsonNesting::new(lines), ..Json::default() }))
    }

    pub(super) fn lines() -> Self {
        Self::new(Form::Lines)
    }

    pub(super) fn xml() -> Self {
        Self::new(Form::Xml(XmlNesting::default()))
    }

    fn new(form: Form) -> Self {
        Self { form, starts: Bits::default(), before: 0 }
    }

    /// Reads a stretch of the window, of which there are masks.
    pub(super) fn read(&mut self, text: &[u8], masks: &Masks, from: usize, to: usize) {
        let starts = &mut self.starts;
        match &mut self.form {
            Form::Json(json) => json.read(text, masks, (from, to), starts),
            Form::Lines => {
                let part = text.get(from..to).unwrap_or_default();
                memchr::memchr_iter(b'\n', part).for_each(|place| starts.set(from + place + 1));
            }
            Form::Xml(nesting) => read_xml(nesting, (text, from, to), starts),
        }
    }

    /// In which record a place lies.
    pub(super) fn record(&self, place: usize) -> u64 {
        self.before + u64::try_from(self.starts.until(place)).unwrap_or(0)
    }

    /// The window goes on by so many octets.
    pub(super) fn moved(&mut self, by: usize) {
        if let Some(last) = by.checked_sub(1) {
            self.before = self.record(last);
        }
        self.starts.moved(by);
    }
}

impl Json {
    fn read(&mut self, text: &[u8], masks: &Masks, (from, to): (usize, usize), starts: &mut Bits) {
        for (place, marks) in (from..to).step_by(WORD).zip(masks.marks()) {
            self.word(text, marks, place, starts);
        }
    }

    /// Reads 64 octets by masks, as simdjson does. A backslash hides the next octet, which
    /// outside of a string no JSON has.
    fn word(&mut self, text: &[u8], marks: Marks, place: usize, starts: &mut Bits) {
        let hidden = self.hidden(marks.backslash);
        let quotes = marks.quote & !hidden;
        // Each bit becomes the parity of the quotes up to it.
        let parity = [1, 2, 4, 8, 16, 32].iter().fold(quotes, |all, by| all ^ all << by);
        let inside = if self.text { !parity } else { parity };
        let mut structural = marks.bracket & !inside & !hidden;
        while structural != 0 {
            let bit = usize::try_from(structural.trailing_zeros()).unwrap_or(0);
            match at(text, place + bit) {
                byte @ (b'{' | b'[') => self.open(byte == b'[', place + bit + 1, starts),
                b'}' | b']' => self.close(place + bit + 1, starts),
                _ => {}
            }
            structural &= structural - 1;
        }
        self.text = inside >> 63 == 1;
    }

    /// What backslashes hide.
    fn hidden(&mut self, backslashes: u64) -> u64 {
        let mut hidden = u64::from(self.escaped);
        let mut rest = backslashes & !hidden;
        self.escaped = false;
        while rest != 0 {
            let first = rest & rest.wrapping_neg();
            hidden |= first << 1;
            self.escaped = first >> 63 == 1;
            rest &= !(first | first << 1);
        }
        hidden
    }

    fn open(&mut self, array: bool, place: usize, starts: &mut Bits) {
        if self.nesting.open(array) {
            starts.set(place);
        }
    }

    fn close(&mut self, place: usize, starts: &mut Bits) {
        if self.nesting.close() {
            starts.set(place);
        }
    }
}

fn read_xml(nesting: &mut XmlNesting, (text, from, to): (&[u8], usize, usize), starts: &mut Bits) {
    let part = text.get(from..to).unwrap_or_default();
    for place in memchr::memchr2_iter(b'<', b'/', part) {
        let place = from + place;
        let (one, next) = (at(text, place), at(text, place + 1));
        let ends = matches!((one, next), (b'<', b'/') | (b'/', b'>'));
        if ends && nesting.close() {
            starts.set(place);
        } else if !ends && one == b'<' && !matches!(next, b'!' | b'?') {
            nesting.open();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masks(text: &str) -> Masks {
        let mut masks = Masks::default();
        masks.read(text.as_bytes());
        masks
    }

    /// Reads octet by octet.
    fn slowly(json: &mut Json, text: &[u8], starts: &mut Bits) {
        for (place, byte) in text.iter().enumerate() {
            match byte {
                _ if json.escaped => json.escaped = false,
                b'\\' => json.escaped = true,
                b'"' => json.text = !json.text,
                b'{' | b'[' if !json.text => json.open(*byte == b'[', place + 1, starts),
                b'}' | b']' if !json.text => json.close(place + 1, starts),
                _ => {}
            }
        }
    }

    fn records(mut records: Records, text: &str) -> Vec<u64> {
        records.read(text.as_bytes(), &masks(text), 0, text.len());
        let places = text.match_indices('#').map(|(place, _)| records.record(place));
        let first = records.record(text.find('#').unwrap());
        places.map(|record| record - first).collect()
    }

    #[test]
    fn what_stands_together() {
        let json = |text| records(Records::json(false), text);
        assert_eq!(json("[{\"a\":\"#\",\"b\":{\"c\":\"#}\\\"{#\"}},{\"a\":\"#\"}]"), [0, 0, 0, 2]);
        assert_eq!(
            json("{\"u\":[{\"a\":\"#\",\"x\":[{\"b\":\"#\"},{}]},{\"a\":\"#\"}]}"),
            [0, 0, 2]
        );
        assert_eq!(json("{\"a\":\"#\",\"b\":{\"c\":\"#\"}}"), [0, 0]);
        let lines =
            records(Records::json(true), "{\"x\":[{\"a\":\"#\"},{\"a\":\"#\"}]}\n{\"a\":\"#\"}");
        assert_eq!(lines, [0, 0, 1]);
        let xml = |text| records(Records::xml(), text);
        assert_eq!(xml("<r><p><a>#</a><b>#</b></p><p><a>#</a></p></r>"), [0, 0, 1]);
        assert_eq!(xml("<r><a>#</a><b>#</b></r>"), [0, 0]);
        assert_eq!(records(Records::lines(), "#\n# #\n"), [0, 1, 1]);
    }

    proptest::proptest! {
        #[test]
        fn masks_read_as_octets_do(text in "([{}\\[\\]\",aYy_]|\"a|\\\\.){0,400}") {
            let (mut masked, mut slow) = (Json::default(), Json::default());
            let (mut left, mut right) = (Bits::default(), Bits::default());
            masked.read(text.as_bytes(), &masks(&text), (0, text.len()), &mut left);
            slowly(&mut slow, text.as_bytes(), &mut right);
            proptest::prop_assert_eq!(left.0, right.0);
            proptest::prop_assert_eq!((masked.nesting.depth(), masked.text), (slow.nesting.depth(), slow.text));
        }
    }

    #[test]
    fn bits_count_and_move() {
        let mut bits = Bits::default();
        [0, 63, 64, 200].into_iter().for_each(|place| bits.set(place));
        assert_eq!(
            (bits.until(0), bits.until(63), bits.until(999), bits.count(0, 64)),
            (1, 2, 4, 2)
        );
        assert_eq!((bits.last_until(199), bits.last_until(999)), (Some(64), Some(200)));
        bits.moved(64);
        assert_eq!((bits.until(0), bits.last_until(200)), (1, Some(136)));
    }
}
