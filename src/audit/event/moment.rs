//! Moments in UTC as lines write them: always three digits of the second.

use jiff::Timestamp;
use serde::Serializer;

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
