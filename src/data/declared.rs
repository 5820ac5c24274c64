//! Carriers: the request headers by which a client declares what it sends.
//!
//! A declaration may raise what is known of the data, never lower it. Our own headers
//! and listed `baggage` members are taken off before the request leaves; headers that
//! an object store's signature covers (`x-amz-*`, `x-ms-*`) are read and left.

use std::borrow::Cow;
use std::collections::HashMap;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

use super::{Tag, Tags};

/// How a carrier's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Values separated by comma, semicolon or space.
    List,
    /// W3C Baggage: `key=value;property, key2=value2`, percent-encoded.
    Baggage,
    /// A URL query: `key=value&key2=value2` (S3 and Azure object tags).
    Query,
}

/// One header, or one family of headers (`x-amz-meta-` and what follows).
#[derive(Clone, Debug)]
pub struct Carrier {
    /// The header's name, or its beginning if `family`.
    pub name: String,
    /// Whether `name` is only the beginning; `keys` then name the rest.
    pub family: bool,
    /// How the value is written.
    pub form: Form,
    /// The member keys that declare a class; lower case. Unused by [`Form::List`]
    /// outside a family.
    pub keys: Vec<String>,
    /// What a declared value means; other values stand as tags of their own name.
    pub values: HashMap<String, Tag>,
    /// Whether the declaration is taken off before the request leaves.
    pub strip: bool,
}

/// All carriers, asked once per request.
#[derive(Clone, Debug, Default)]
pub struct Carriers(Vec<Carrier>);

impl Carriers {
    /// Takes the carriers in the order in which they are read.
    pub fn new(carriers: Vec<Carrier>) -> Self {
        Self(carriers)
    }

    /// The tags that the headers declare.
    pub fn declared(&self, headers: &HeaderMap) -> Tags {
        let mut tags = Tags::default();
        for (name, value) in headers {
            for carrier in self.0.iter().filter(|carrier| carrier.reads(name)) {
                carrier.read(value, &mut tags);
            }
        }
        tags
    }

    /// Takes off what must not leave.
    pub fn strip(&self, headers: &mut HeaderMap) {
        for carrier in self.0.iter().filter(|carrier| carrier.strip) {
            // Most requests declare nothing: looking is cheaper than removing.
            if !headers.keys().any(|name| carrier.reads(name)) {
                continue;
            }
            match carrier.form {
                Form::Baggage => carrier.strip_members(headers),
                Form::List | Form::Query if carrier.family => carrier.strip_family(headers),
                Form::List | Form::Query => drop(headers.remove(carrier.name.as_str())),
            }
        }
    }
}

// === impl Carrier ===

impl Carrier {
    fn reads(&self, name: &HeaderName) -> bool {
        if !self.family {
            return name.as_str() == self.name;
        }
        let rest = name.as_str().strip_prefix(self.name.as_str());
        rest.is_some_and(|rest| self.keys.iter().any(|key| key == rest))
    }

    fn read(&self, value: &HeaderValue, tags: &mut Tags) {
        // A header that is not UTF-8 may say anything: it counts as tagged, not as empty.
        let Ok(text) = str::from_utf8(value.as_bytes()) else {
            return tags.insert(Tag::uninspectable("header"));
        };
        match self.form {
            Form::List => self.read_list(text, tags),
            Form::Baggage => {
                for member in text.split(',') {
                    let member = member.split(';').next().unwrap_or_default();
                    self.read_member(member, tags);
                }
            }
            Form::Query => text.split('&').for_each(|member| self.read_member(member, tags)),
        }
    }

    fn read_member(&self, member: &str, tags: &mut Tags) {
        let Some((key, value)) = member.split_once('=') else { return };
        if !self.is_key(&self.decode(key)) {
            return;
        }
        match self.decode(value) {
            Cow::Borrowed(value) => self.read_list(value, tags),
            Cow::Owned(value) => self.read_list(&value, tags),
        }
    }

    fn is_key(&self, key: &str) -> bool {
        self.keys.iter().any(|mine| mine.eq_ignore_ascii_case(key.trim()))
    }

    /// Percent-decoding; `+` is a space only in a query.
    fn decode<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let decoded = percent_decode_str(text).decode_utf8_lossy();
        match self.form {
            Form::Query if decoded.contains('+') => Cow::Owned(decoded.replace('+', " ")),
            Form::Query | Form::Baggage | Form::List => decoded,
        }
    }

    fn read_list(&self, text: &str, tags: &mut Tags) {
        let separators = [',', ';', ' ', '\t'];
        for value in text.split(separators).filter(|value| !value.is_empty()) {
            let value = value.trim_matches(['"', '.']);
            match self.values.get(&value.to_ascii_lowercase()) {
                Some(tag) => tags.insert(tag.clone()),
                None => tags.insert_declared(value),
            }
        }
    }

    fn strip_family(&self, headers: &mut HeaderMap) {
        for key in &self.keys {
            headers.remove(format!("{}{key}", self.name));
        }
    }

    /// Rewrites the header without our members; other members stay as they were.
    fn strip_members(&self, headers: &mut HeaderMap) {
        let ours = |member: &&str| {
            let key = member.split(['=', ';']).next().unwrap_or_default();
            self.is_key(&self.decode(key))
        };
        let Ok(name) = HeaderName::from_bytes(self.name.as_bytes()) else { return };
        let found = headers.get_all(&name).iter();
        let texts: Vec<_> =
            found.map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned()).collect();
        if !texts.iter().any(|text| text.split(',').any(|member| ours(&member))) {
            return;
        }
        headers.remove(&name);
        for text in &texts {
            let kept: Vec<_> = text.split(',').filter(|member| !ours(member)).collect();
            if let (false, Ok(value)) =
                (kept.is_empty(), HeaderValue::from_str(kept.join(",").trim()))
            {
                headers.append(&name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carriers() -> Carriers {
        let carrier = |name: &str, family, form, strip| Carrier {
            name: name.to_owned(),
            family,
            form,
            keys: vec!["data-class".to_owned()],
            values: HashMap::from([("phi".to_owned(), Tag::parse("health").unwrap())]),
            strip,
        };
        Carriers::new(vec![
            carrier("x-data-class", false, Form::List, true),
            carrier("baggage", false, Form::Baggage, true),
            carrier("x-amz-tagging", false, Form::Query, false),
            carrier("x-amz-meta-", true, Form::List, false),
        ])
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn every_carrier_declares() {
        for pairs in [
            [("x-data-class", "\"PHI\", secret.")],
            [("baggage", "a=b,data-class=phi%2Csecret;p=1")],
            [("x-amz-tagging", "x=y&data-class=phi+secret")],
            [("x-amz-meta-data-class", "phi;secret")],
        ] {
            assert_eq!(carriers().declared(&headers(&pairs)).to_string(), "health, secret");
        }
        let other = headers(&[("x-amz-meta-colour", "phi"), ("baggage", "other=phi")]);
        assert!(carriers().declared(&other).is_empty());
    }

    #[test]
    fn repeated_headers_add_up_and_unreadable_ones_count() {
        let mut map = headers(&[("x-data-class", "a"), ("x-data-class", "b")]);
        map.append("x-data-class", HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(carriers().declared(&map).to_string(), "a, b, uninspectable.header");
    }

    #[test]
    fn own_declarations_are_stripped_and_signed_ones_left() {
        let mut map = headers(&[
            ("x-data-class", "phi"),
            ("baggage", "data-class=phi, user=7"),
            ("x-amz-tagging", "data-class=phi"),
        ]);
        carriers().strip(&mut map);
        assert_eq!(map.get("x-data-class"), None);
        assert_eq!(map.get("baggage").unwrap(), "user=7");
        assert_eq!(map.get("x-amz-tagging").unwrap(), "data-class=phi");
    }

    #[test]
    fn an_empty_baggage_vanishes_and_a_foreign_one_is_untouched() {
        let mut map = headers(&[("baggage", "data-class=phi")]);
        carriers().strip(&mut map);
        assert!(map.is_empty());
        let mut map = headers(&[("baggage", "a=b;c , d=e")]);
        carriers().strip(&mut map);
        assert_eq!(map.get("baggage").unwrap(), "a=b;c , d=e");
    }
}
