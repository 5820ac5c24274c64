//! To which trace a request belongs, as `traceparent` says (W3C Trace Context). The field passes as
//! it came, since signatures may cover it; the record names the trace and the client's span.

use http::{HeaderMap, HeaderName};

use crate::telemetry::Trace;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The place in a trace, if the field is there once and sound.
pub(super) fn of(headers: &HeaderMap) -> Option<Trace> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(())?;
    let mut parts = value.splitn(5, '-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let (parent, flags) = (parts.next()?, parts.next()?);
    let rest = parts.next();
    // Later versions may say more after another `-`.
    let known = match version {
        "00" => rest.is_none(),
        _ => is_hex(version, 2) && version != "ff",
    };
    // The last bit of the flags says whether the client records it.
    let sampled = u8::from_str_radix(flags, 16).ok().filter(|_| is_hex(flags, 2))? & 1 == 1;
    known.then(|| Trace::new(trace, parent, sampled)).flatten()
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|one| matches!(one, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn read(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TRACEPARENT, HeaderValue::from_str(value).unwrap());
        }
        of(&headers).map(|trace| {
            assert_eq!(trace.span(), "00f067aa0ba902b7");
            format!("{} {}", trace.id(), trace.sampled)
        })
    }

    #[test]
    fn a_sound_field_names_its_trace() {
        for (flags, sampled) in [("01", true), ("00", false), ("03", true), ("fe", false)] {
            let found = read(&[&format!("00-{TRACE}-00f067aa0ba902b7-{flags}")]);
            assert_eq!(found, Some(format!("{TRACE} {sampled}")));
        }
        let later = format!("cc-{TRACE}-00f067aa0ba902b7-01-what-the-future-will-be-like");
        assert_eq!(read(&[&later]), Some(format!("{TRACE} true")));
    }

    #[test]
    fn what_is_not_sound_names_none() {
        let (sound, none) = (format!("00-{TRACE}-00f067aa0ba902b7-01"), "0".repeat(32));
        for wrong in [
            "",
            "00",
            TRACE,
            &format!("00-{TRACE}-00f067aa0ba902b7"),
            &format!("00-{TRACE}-00f067aa0ba902b7-1"),
            &format!("00-{TRACE}-00f067aa0ba902b7-+1"),
            &format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            &format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            &format!("0-{TRACE}-00f067aa0ba902b7-01"),
            &format!("01-{TRACE}-00f067aa0ba902b7-01more"),
            &format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            &format!("00-{none}-00f067aa0ba902b7-01"),
            &format!("00-{TRACE}-0000000000000000-01"),
            &format!("00-{TRACE}x-00f067aa0ba902b7-01"),
            &format!("{sound}, {sound}"),
        ] {
            assert_eq!(read(&[wrong]), None, "{wrong}");
        }
        assert_eq!(read(&[&sound, &sound]), None);
        assert_eq!(read(&[]), None);
    }
}
