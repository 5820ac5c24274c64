//! `[[carrier]]`: the headers that declare tags.

use std::collections::HashMap;

use http::HeaderName;

use crate::data::{Carrier, Carriers, Form, Tag};

use super::section::Section;

/// Headers that must keep their meaning on the way.
const RESERVED: [&str; 9] = [
    "connection",
    "content-length",
    "cookie",
    "host",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Reads every carrier.
pub(super) fn read(root: &Section<'_>) -> Carriers {
    Carriers::new(root.sections("carrier").iter().filter_map(carrier).collect())
}

fn carrier(section: &Section<'_>) -> Option<Carrier> {
    let header = section.required("header");
    let forms = [("baggage", Form::Baggage), ("list", Form::List), ("query", Form::Query)];
    let form = section.choice("form", &forms).unwrap_or(Form::List);
    let keys: Vec<_> =
        section.words("keys").iter().map(|key| key.text.to_ascii_lowercase()).collect();
    let strip = section.flag("strip").unwrap_or(false);
    let values = values(section);
    let header = header?;
    let (name, family) = match header.text.strip_suffix('*') {
        Some(start) => (start, true),
        None => (header.text, false),
    };
    let name = name.to_ascii_lowercase();
    if HeaderName::from_bytes(name.as_bytes()).is_err() || RESERVED.contains(&name.as_str()) {
        let message = format!("`{}` is not a header that can carry tags", header.text);
        section.problem(header.span, message, None);
        return None;
    }
    if keys.is_empty() && (family || form != Form::List) {
        let message = format!("`{}` needs `keys`: which members declare a class", header.text);
        section.problem(
            header.span,
            message,
            Some("for example keys = [\"data-class\"]".to_owned()),
        );
        return None;
    }
    Some(Carrier { name, family, form, keys, values, strip })
}

fn values(section: &Section<'_>) -> HashMap<String, Tag> {
    let table = section.section("values");
    let pair = |(name, words): (super::section::Word<'_>, Vec<super::section::Word<'_>>)| {
        let tag = table.tag(words.first()?)?;
        Some((name.text.to_ascii_lowercase(), tag))
    };
    table.named_words().into_iter().filter_map(pair).collect()
}
