//! What a data record says, whoever wrote it. The schema is found by probing each record, never
//! believed from `database_type`: flat (`country_code`), nested (`country.iso_code`, MaxMind and
//! DB-IP), or flat with full names (IPinfo: `country` "Canada", `asn` "AS174").

use super::country::is_known_non_country;
use super::value::Value;
use super::{Answer, Country, Subdivision};

/// What the country field of a record holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Field<'de> {
    /// There is none.
    Absent,
    /// Something that is not a country code.
    Garbled(&'de str),
    /// A country.
    Known(Country),
    /// A code that says there is no country, such as `EU`.
    NoCountry,
}

/// A record, read for what is asked of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Record<'de> {
    /// What it answers.
    pub(super) answer: Answer,
    /// How its country field was read.
    pub(super) field: Field<'de>,
}

/// Flags that make a country a fiction. `is_hosting_provider` is not among them: a destination
/// in a data centre is really there.
const HIDING: [&str; 6] = [
    "is_anonymous_proxy",
    "is_anonymous_vpn",
    "is_anycast",
    "is_public_proxy",
    "is_residential_proxy",
    "is_tor_exit_node",
];

// === impl Record ===

impl<'de> Record<'de> {
    /// Reads a record of any schema.
    pub(super) fn read(value: &Value<'de>) -> Self {
        let field = country(value);
        let hidden = hides(value) || value.get("traits").is_some_and(hides);
        let known = match field {
            Field::Known(country) if !hidden => Some(country),
            Field::Known(_) | Field::Absent | Field::Garbled(_) | Field::NoCountry => None,
        };
        let subdivision = known.and_then(|country| subdivision(value, country));
        Self { answer: Answer { country: known, subdivision, asn: asn(value), hidden }, field }
    }
}

/// Reads the country. `registered_country` is never read: it says where a block was registered,
/// not where it is.
fn country<'de>(value: &Value<'de>) -> Field<'de> {
    let nested = value.get("country");
    let code = value
        .text("country_code")
        .or_else(|| nested.and_then(|country| country.text("iso_code")))
        .or_else(|| nested.and_then(Value::as_text));
    let Some(code) = code else {
        return if matches!(value, Value::Map(_)) {
            Field::Absent
        } else {
            Field::Garbled(value.kind())
        };
    };
    match Country::from_database(code) {
        Some(country) => Field::Known(country),
        None if is_known_non_country(code) => Field::NoCountry,
        None => Field::Garbled(code),
    }
}

fn hides(value: &Value<'_>) -> bool {
    // Vendors set `is_anonymous` for hosting providers too, which hide nothing.
    let anonymous = value.flag("is_anonymous") && !value.flag("is_hosting_provider");
    anonymous || HIDING.iter().any(|key| value.flag(key))
}

fn subdivision(value: &Value<'_>, country: Country) -> Option<Subdivision> {
    let Some(Value::Array(list)) = value.get("subdivisions") else { return None };
    let part = list.first()?.text("iso_code")?;
    Subdivision::parse(part).or_else(|| Subdivision::join(country, part))
}

fn asn(value: &Value<'_>) -> Option<u32> {
    const NUMBER: &str = "autonomous_system_number";
    let field = value.get(NUMBER).or_else(|| value.get("asn"));
    let number = match field.or_else(|| value.get("traits")?.get(NUMBER))? {
        Value::Uint(number) => u32::try_from(*number).ok()?,
        Value::Text(text) => text.strip_prefix("AS").unwrap_or(text).parse().ok()?,
        Value::Array(_) | Value::Bool(_) | Value::Map(_) | Value::Other => return None,
    };
    (number != 0).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map<'a>(entries: &[(&'a str, Value<'a>)]) -> Value<'a> {
        Value::Map(entries.to_vec())
    }

    fn known(code: &str) -> Field<'static> {
        Field::Known(Country::parse(code).unwrap())
    }

    #[test]
    fn reads_every_schema() {
        let flat = map(&[("country_code", Value::Text("AU"))]);
        assert_eq!(Record::read(&flat).field, known("AU"));
        let part = map(&[("iso_code", Value::Text("43"))]);
        let nested = map(&[
            ("country", map(&[("iso_code", Value::Text("UA"))])),
            ("subdivisions", Value::Array(vec![part])),
            ("registered_country", map(&[("iso_code", Value::Text("RU"))])),
            ("traits", map(&[("autonomous_system_number", Value::Uint(174))])),
        ]);
        let answer = Record::read(&nested).answer;
        assert_eq!(answer.subdivision, Subdivision::parse("UA-43"));
        assert_eq!(answer.asn, Some(174));
        let ipinfo = map(&[
            ("country", Value::Text("Canada")),
            ("country_code", Value::Text("CA")),
            ("asn", Value::Text("AS174")),
        ]);
        assert_eq!(Record::read(&ipinfo).field, known("CA"));
        assert_eq!(Record::read(&ipinfo).answer.asn, Some(174));
    }

    #[test]
    fn a_registration_is_no_location() {
        let registered = map(&[("registered_country", map(&[("iso_code", Value::Text("RU"))]))]);
        assert_eq!(Record::read(&registered).field, Field::Absent);
        assert_eq!(Record::read(&registered).answer, Answer::default());
    }

    #[test]
    fn a_hidden_address_has_no_country() {
        let us = ("country_code", Value::Text("US"));
        let flagged = |flags: &[&'static str]| {
            let mut entries = vec![us.clone()];
            entries.extend(flags.iter().map(|flag| (*flag, Value::Bool(true))));
            Record::read(&map(&[us.clone(), ("traits", Value::Map(entries))])).answer
        };
        assert_eq!(flagged(&["is_anycast"]).country, None);
        assert!(flagged(&["is_anonymous", "is_tor_exit_node"]).hidden);
        assert!(flagged(&["is_anonymous"]).hidden);
        assert!(!flagged(&["is_anonymous", "is_hosting_provider"]).hidden);
        assert_eq!(flagged(&[]).country, Country::parse("US"));
    }

    #[test]
    fn tells_no_country_from_nonsense() {
        let field = |code| Record::read(&map(&[("country_code", Value::Text(code))])).field;
        assert_eq!(field("EU"), Field::NoCountry);
        assert_eq!(field("UK"), known("GB"));
        assert_eq!(field("Canada"), Field::Garbled("Canada"));
        assert_eq!(Record::read(&Value::Text("x")).field, Field::Garbled("a text"));
    }
}
