//! Dates in configuration: a day begins at midnight in a zone.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use toml::Spanned;
use toml::de::DeValue;

use crate::policy::Validity;

use super::section::Section;

/// The day it is, in UTC.
pub(super) fn today() -> Date {
    TimeZone::UTC.to_datetime(Timestamp::now()).date()
}

impl Section<'_> {
    /// The moment at which a day begins.
    pub(super) fn moment(&self, key: &'static str, zone: &TimeZone) -> Option<Timestamp> {
        let date = self.date(key)?;
        let moment = date.to_zoned_datetime(zone.clone()).ok().map(|zoned| zoned.timestamp());
        if moment.is_none() {
            self.problem(self.span_of(key), format!("`{key}` is beyond the calendar"), None);
        }
        moment
    }

    /// `from` and `until` under the keys given; a time that is over before it begins is told.
    pub(super) fn validity(&self, from: &'static str, zone: &TimeZone) -> Validity {
        let validity =
            Validity { from: self.moment(from, zone), until: self.moment("until", zone) };
        if validity.from.zip(validity.until).is_some_and(|(from, until)| until <= from) {
            let message = format!("`until` is not after `{from}`: this is never in force");
            self.problem(self.span_of("until"), message, None);
        }
        validity
    }

    /// A zone of the IANA database.
    pub(super) fn zone(&self, key: &'static str) -> Option<TimeZone> {
        let word = self.word(key)?;
        self.parse(&word, |text| {
            TimeZone::get(text)
                .map_err(|_| format!("`{text}` is no time zone such as \"Asia/Shanghai\""))
        })
    }

    /// A number with or without a fraction.
    pub(super) fn decimal(&self, key: &'static str) -> Option<f64> {
        let value = self.value(key)?;
        let number = to_decimal(value);
        if number.is_none() {
            self.problem(value.span(), format!("`{key}` must be a number"), None);
        }
        number
    }
}

/// A TOML float or integer.
pub(super) fn to_decimal(value: &Spanned<DeValue<'_>>) -> Option<f64> {
    let float = value.get_ref().as_float().and_then(|float| float.as_str().parse::<f64>().ok());
    let integer = || {
        let integer = value.get_ref().as_integer()?;
        i32::from_str_radix(integer.as_str(), integer.radix()).ok().map(f64::from)
    };
    float.or_else(integer).filter(|number| number.is_finite())
}
