//! Moments in UTC as lines write them: always three digits of the second. And the first of them,
//! which every line begins with.

use jiff::Timestamp;
use serde::Serializer;

/// When what a line tells of began, where it begins with that, as records and verdicts do.
pub(in super::super) fn begun(line: &[u8]) -> Option<Timestamp> {
    let rest = line.strip_prefix(b"{\"time\":\"")?;
    let end = rest.iter().take(40).position(|octet| *octet == b'"')?;
    std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok()
}

pub(super) fn write<S: Serializer>(moment: &Timestamp, into: S) -> Result<S::Ok, S::Error> {
    into.collect_str(&format_args!("{moment:.3}"))
}

#[expect(clippy::ref_option, reason = "serde hands a reference to the field")]
pub(super) fn write_some<S: Serializer>(
    moment: &Option<Timestamp>,
    into: S,
) -> Result<S::Ok, S::Error> {
    match moment {
        Some(moment) => write(moment, into),
        None => into.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Event;
    use super::*;

    #[test]
    fn a_line_begins_with_its_time() {
        let records = include_str!("../../../tests/golden/events/records.jsonl");
        for line in records.lines() {
            let event = Event::read(line).unwrap();
            assert_eq!(begun(line.as_bytes()), Some(event.time));
            let mut own = Vec::new();
            event.write(&mut own).unwrap();
            assert_eq!(begun(&own), Some(event.time));
        }
        for none in ["", "{}", "{\"time\":\"", "{\"time\":\"x\"}", "{\"time\":7}"] {
            assert_eq!(begun(none.as_bytes()), None, "{none}");
        }
    }
}
