//! Fields are found at any cut, and as the scanner would count them.

use std::sync::LazyLock;

use super::super::{Detectors, Digester, Layer, Options, Scanner};
use super::*;

static MAP: LazyLock<Arc<FieldMap>> = LazyLock::new(|| {
    let row = |path, pointer, tag| FieldRow {
        host: HostPattern::parse("*.acme.example").unwrap(),
        path: PathPattern::parse(path).unwrap(),
        pointer: Pointer::parse(pointer).unwrap(),
        tag: Tag::parse(tag).unwrap(),
    };
    Arc::new(FieldMap::new([
        row("/people/{id}", "/ssn", "id.government.ssn"),
        row("/people/{id}", "/people/*/ssn", "id.government.ssn"),
        row("/people/{id}", "/people/1/name", "pi.second"),
        row("/people/{id}", "/address", "pi.address"),
        row("/people/{id}", "/person/@id", "pi.id"),
        row("/people/{id}", "/person/ssn", "id.government.ssn"),
        row("/**", "/note", "pi.note"),
    ]))
});

fn found(text: &str) -> Vec<(String, String, u64)> {
    let syntax = Syntax::of(text.as_bytes());
    let read = |pieces: &[&[u8]]| {
        let mut fields =
            MAP.route("api.acme.example", "/people/7").unwrap().fields(syntax).unwrap();
        let mut marks = Vec::new();
        for piece in pieces {
            fields.push(piece);
            marks.extend(fields.found());
        }
        fields.finish();
        marks.extend(fields.found());
        marks
    };
    let whole = read(&[text.as_bytes()]);
    for cut in 0..text.len() {
        let (left, right) = text.as_bytes().split_at(cut);
        assert_eq!(read(&[left, right]), whole, "cut at {cut}: {text}");
    }
    let one = |mark: &Mark| {
        let from = usize::try_from(mark.offset).unwrap();
        let to = from + usize::try_from(mark.length).unwrap();
        (mark.tag.to_string(), text.get(from..to).unwrap().to_owned(), mark.record)
    };
    whole.iter().map(one).collect()
}

fn tagged(text: &str) -> String {
    let one = |(tag, value, _): &(String, String, u64)| format!("{tag}={value}");
    found(text).iter().map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_stands_at_a_place_is_found() {
    assert_eq!(tagged("{\"ssn\":\"x1\",\"other\":{\"ssn\":\"x2\"}}"), "id.government.ssn=x1");
    assert_eq!(
        tagged("{\"people\":[{\"ssn\":1,\"name\":\"a\"},{\"name\":\"b\"}]}"),
        "id.government.ssn=1 pi.second=b"
    );
    assert_eq!(tagged("{\"ssn\":null,\"note\":\"\",\"\\u0073sn\":\"x\"}"), "id.government.ssn=x");
    assert_eq!(
        tagged("<p:person id=\"7\"><ssn> x </ssn><ssn/></p:person>"),
        "pi.id=7 id.government.ssn=x "
    );
    assert_eq!(tagged("ssn=%20x&note=&people[1][name]=b"), "id.government.ssn=%20x pi.second=b");
}

#[test]
fn a_whole_is_told_once_if_something_stands_in_it() {
    assert_eq!(tagged("{\"address\":{\"a\":null,\"b\":[\"x\",\"y\"]}}"), "pi.address=x");
    assert_eq!(tagged("{\"address\":{\"a\":null}}"), "");
    assert_eq!(tagged("{\"address\":\"x\",\"address\":[\"y\"]}"), "pi.address=x pi.address=y");
}

#[test]
fn nothing_is_built_where_no_row_speaks() {
    assert!(MAP.route("acme.other", "/people/7").is_none());
    assert!(MAP.route("api.acme.example", "/x").unwrap().fields(Syntax::Text).is_none());
    let mut fields = MAP.route("api.acme.example", "/x").unwrap().fields(Syntax::Json).unwrap();
    fields.push(b"{\"ssn\":1,\"note\":2}");
    assert_eq!(fields.found().count(), 1);
    assert!(Arc::new(FieldMap::default()).route("a.example", "/").is_none());
}

#[test]
fn a_field_and_the_same_value_are_one_subject_in_one_record() {
    let digester = Digester::new(&[7; 32], "k").unwrap();
    let detectors = Arc::new(Detectors::new(digester.clone()));
    for text in [
        "{\"people\":[{\"ssn\":\"219-09-1234\"},{\"ssn\":\"219-09-1235\"}]}",
        "{\"ssn\":\"219-09-1234\"}\n{\"ssn\":\"219-09-1235\"}\n",
        "[{\"x\":[{}]}]\n{\"ssn\":\"219-09-1234\"}",
        "<person><ssn>219-09-1234</ssn><q><r/></q><ssn>219-09-1235</ssn></person>",
    ] {
        let mut scanner =
            Scanner::new(detectors.clone(), Options { records: true, ..Options::default() });
        scanner.push(text.as_bytes());
        let values = scanner.finish();
        let syntax = Syntax::of(text.as_bytes());
        let mut fields =
            MAP.route("api.acme.example", "/people/7").unwrap().fields(syntax).unwrap();
        fields.push(text.as_bytes());
        let marks: Vec<_> =
            fields.found().map(|mark| mark.finding(&Layer::body(), &digester)).collect();
        assert!(!marks.is_empty() && marks.len() == values.kept().len(), "{text}");
        for (mark, value) in marks.iter().zip(values.kept()) {
            assert_eq!((mark.record, mark.digest), (value.record, value.digest), "{text}");
            assert_eq!((mark.offset, mark.length), (value.offset, value.length));
        }
    }
}

#[test]
fn memory_stays_constant() {
    let mut fields =
        MAP.route("api.acme.example", "/people/7").unwrap().fields(Syntax::Json).unwrap();
    for text in ["{\"people\":[", "[", "\"aaaaaaaa", "{\"a\":"] {
        (0..40_000).for_each(|_| fields.push(text.as_bytes()));
    }
    assert!(fields.place.levels.capacity() <= 256);
}
