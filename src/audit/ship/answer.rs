//! What a collector's answer means: whether to come again, when, and what it left out.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::response::Parts;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::Value;

use super::super::event::Signal;
use super::backoff::Rest;
use super::outlet::Leftover;

/// What of an answer is told, in characters.
const TOLD: usize = 200;

/// Whether what was sent is at fault, and not who sent it or where to.
pub(super) fn is_unfit(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY
    )
}

/// For how long to rest after an answer that is no success. A fault of the collector may pass; a
/// token or path that is wrong is mended by a person.
pub(super) fn rest(answer: &Parts, now: Timestamp) -> Rest {
    let passing = answer.status.is_server_error()
        || matches!(answer.status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    if !passing {
        return Rest::Long;
    }
    retry_after(&answer.headers, now).map_or(Rest::Usual, Rest::Asked)
}

/// Seconds, or a moment (RFC 9110 section 10.2.3).
fn retry_after(fields: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = fields.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let moment = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Some(Duration::try_from(moment.duration_since(now)).unwrap_or_default())
}

/// What the answer to a request of OpenTelemetry says of records that were left out.
pub(super) fn partial(signal: Signal, answer: &[u8]) -> Leftover {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let said = |name| answer.get("partialSuccess")?.get(name);
    // A 64-bit number is text in this encoding; some write it as a number nevertheless.
    let number = |one: &Value| one.as_u64().or_else(|| one.as_str()?.parse().ok());
    let events = said(signal.rejected()).and_then(number).unwrap_or(0);
    let why = said("errorMessage").and_then(Value::as_str).unwrap_or_default();
    let why = shown(why.as_bytes());
    Leftover { events, why }
}

/// The beginning of what a collector says, on one line.
pub(super) fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let plain = |one: char| if one.is_control() { ' ' } else { one };
    text.chars().map(plain).take(TOLD).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rested(status: u16, fields: &[(&'static str, &str)]) -> Rest {
        let mut answer = http::Response::builder().status(status);
        for (name, value) in fields {
            answer = answer.header(*name, *value);
        }
        let now = "2026-11-26T08:00:00Z".parse().unwrap();
        rest(&answer.body(()).unwrap().into_parts().0, now)
    }

    #[test]
    fn a_collector_says_when_to_come_again() {
        let asked = |seconds| Rest::Asked(Duration::from_secs(seconds));
        for status in [408, 429, 500, 502, 503, 504] {
            assert_eq!(rested(status, &[]), Rest::Usual);
            assert_eq!(rested(status, &[("retry-after", "17")]), asked(17));
        }
        let at = |moment| rested(503, &[("retry-after", moment)]);
        assert_eq!(at("Thu, 26 Nov 2026 08:02:00 GMT"), asked(120));
        assert_eq!(at("Thu, 26 Nov 2026 07:00:00 GMT"), asked(0));
        for wrong in ["", "-1", "soon", "1.5", "99999999999999999999"] {
            assert_eq!(at(wrong), Rest::Usual, "{wrong}");
        }
        for status in [301, 401, 403, 404, 415] {
            assert_eq!(rested(status, &[("retry-after", "1")]), Rest::Long);
            assert!(!is_unfit(StatusCode::from_u16(status).unwrap()));
        }
    }

    #[test]
    fn what_is_left_out_of_a_success_is_read() {
        let of = |text: &str| {
            let Leftover { events, why } = partial(Signal::Logs, text.as_bytes());
            (events, why)
        };
        for text in [
            r#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"too\nold"}}"#,
            r#"{"partialSuccess":{"rejectedLogRecords":3,"errorMessage":"too old"}}"#,
        ] {
            assert_eq!(of(text), (3, "too old".to_owned()));
        }
        assert_eq!(of(r#"{"partialSuccess":{"errorMessage":"beware"}}"#), (0, "beware".to_owned()));
        for nothing in
            ["", "{}", "[]", "x", r#"{"partialSuccess":{}}"#, r#"{"partialSuccess":null}"#]
        {
            assert_eq!(of(nothing), (0, String::new()));
        }
    }
}
