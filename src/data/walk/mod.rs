//! Structured text, read as it comes: JSON, XML and forms become the same few events, whatever
//! the pieces are. What is broken is read on as far as it goes; memory is constant.

mod form;
mod json;
mod text;
mod xml;

pub(super) use form::Form;
pub(super) use json::Json;
pub(super) use xml::Xml;

use text::Held;

/// Levels within levels; what lies deeper is not told.
pub(super) const DEPTH: usize = 128;

/// What stands at a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    /// Its text, without escapes; no more than [`HELD`](text::HELD) octets of it.
    pub(super) text: &'a [u8],
    /// From which octet on.
    pub(super) start: u64,
    /// Where it ends.
    pub(super) end: u64,
    /// Whether it is nothing: `null`, or an empty text.
    pub(super) absent: bool,
}

/// Who is told what is read.
pub(super) trait Visitor {
    /// An object, an array or an element begins.
    fn enter(&mut self, array: bool, place: u64);
    /// It ends.
    fn leave(&mut self, place: u64);
    /// The name of what comes next; of an attribute with `@` before it.
    fn key(&mut self, name: &[u8]);
    /// What stands there: under the name just told, as the next of an array, or as the text of
    /// the element.
    fn value(&mut self, value: Value<'_>);
}

/// One of the three.
#[derive(Debug)]
pub(super) enum Walker {
    Json(Json),
    Xml(Xml),
    Form(Form),
}

impl Walker {
    /// Takes the next piece.
    pub(super) fn push(&mut self, piece: &[u8], visitor: &mut impl Visitor) {
        match self {
            Self::Json(json) => json.push(piece, visitor),
            Self::Xml(xml) => xml.push(piece, visitor),
            Self::Form(form) => form.push(piece, visitor),
        }
    }

    /// The text has ended.
    pub(super) fn finish(&mut self, visitor: &mut impl Visitor) {
        match self {
            Self::Json(json) => json.finish(visitor),
            Self::Xml(xml) => xml.finish(visitor),
            Self::Form(form) => form.finish(visitor),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    /// Writes down what it is told, and counts the levels.
    #[derive(Debug, Default)]
    struct Notes(String, usize);

    impl Visitor for Notes {
        fn enter(&mut self, array: bool, _place: u64) {
            self.1 += 1;
            self.0.push_str(if array { "[ " } else { "{ " });
        }

        fn leave(&mut self, _place: u64) {
            self.1 = self.1.checked_sub(1).expect("what ends has begun");
            self.0.push_str("} ");
        }

        fn key(&mut self, name: &[u8]) {
            write!(self.0, "{}: ", String::from_utf8_lossy(name)).unwrap();
        }

        fn value(&mut self, value: Value<'_>) {
            let text = String::from_utf8_lossy(value.text);
            let Value { start, end, .. } = value;
            let absent = if value.absent { "-" } else { "" };
            write!(self.0, "{absent}{text}@{start}..{end} ").unwrap();
        }
    }

    /// What a walker tells of a text, which is the same for every cut of it.
    pub(super) fn told(walker: impl Fn() -> Walker, text: &str) -> String {
        let read = |pieces: &[&[u8]]| {
            let (mut walker, mut notes) = (walker(), Notes::default());
            pieces.iter().for_each(|piece| walker.push(piece, &mut notes));
            walker.finish(&mut notes);
            notes.0.trim_end().to_owned()
        };
        let whole = read(&[text.as_bytes()]);
        for cut in 0..text.len() {
            let (left, right) = text.as_bytes().split_at(cut);
            assert_eq!(read(&[left, right]), whole, "cut at {cut}: {text}");
        }
        let single: Vec<_> = text.as_bytes().chunks(1).collect();
        assert_eq!(read(&single), whole, "octet by octet: {text}");
        whole
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_to_its_end(
            text in "([{}\\[\\]\",:'<>/=&;%!?-]|\\\\u00e9|\\\\|null|a|é| ){0,80}"
        ) {
            for walker in [
                || Walker::Json(Json::default()),
                || Walker::Xml(Xml::default()),
                || Walker::Form(Form::default()),
            ] {
                told(walker, &text);
            }
        }
    }
}
