//! Precise places: at least three decimals of a degree, which are 110 metres, in a structure
//! that says that they are places.

use super::super::Confidence;
use super::lines::{attribute, holds, is_all, is_place, lines};
use super::{Look, Shape};

const TAG: &str = "geo.precise";

/// What a layer holds.
pub(super) fn of(look: &Look<'_>) -> Option<Shape> {
    let head = look.head;
    if is_gpx(head) {
        return Shape::new(TAG, Confidence::Sure, "gpx");
    }
    if lines(head).any(is_sentence) {
        return Shape::new(TAG, Confidence::Sure, "nmea");
    }
    if is_geojson(head) {
        return Shape::new(TAG, Confidence::Sure, "geojson");
    }
    if is_kml(head) {
        return Shape::new(TAG, Confidence::Likely, "kml");
    }
    if is_wkt(head) {
        return Shape::new(TAG, Confidence::Likely, "wkt");
    }
    None
}

/// `<trkpt lat="52.5186" lon="13.3761">`, a way point, or one of a route.
fn is_gpx(head: &[u8]) -> bool {
    let points = [&b"<trkpt "[..], b"<wpt ", b"<rtept "];
    holds(head, b"<gpx")
        && points.iter().any(|point| {
            memchr::memmem::find_iter(head, point).any(|place| {
                let tag = head.get(place..).unwrap_or_default();
                let tag = tag.split(|byte| *byte == b'>').next().unwrap_or_default();
                match (attribute(tag, b"lon"), attribute(tag, b"lat")) {
                    (Some(longitude), Some(latitude)) => is_place(longitude, latitude),
                    (Some(_) | None, Some(_) | None) => false,
                }
            })
        })
}

/// `"type":"Point"` and `"coordinates":[13.3761,52.5186]` in one object, the longitude first.
fn is_geojson(head: &[u8]) -> bool {
    memchr::memmem::find_iter(head, b"\"coordinates\"").any(|place| {
        let after = head.get(place + 13..).unwrap_or_default().trim_ascii_start();
        let Some(after) = after.strip_prefix(b":").map(<[u8]>::trim_ascii_start) else {
            return false;
        };
        let Some(end) = memchr::memchr(b']', after) else { return false };
        let inner = after.get(..end).and_then(|pair| pair.strip_prefix(b"["));
        let mut numbers = inner.unwrap_or_default().split(|byte| *byte == b',');
        let (Some(longitude), Some(latitude)) = (numbers.next(), numbers.next()) else {
            return false;
        };
        // The type stands in the same object, before or after.
        let before = head.get(..place).unwrap_or_default();
        let open = memchr::memrchr2(b'{', b'}', before).map_or(0, |open| open + 1);
        let rest = after.get(end..).unwrap_or_default();
        let close = memchr::memchr2(b'{', b'}', rest).unwrap_or(rest.len());
        let around =
            [before.get(open..).unwrap_or_default(), rest.get(..close).unwrap_or_default()];
        around.iter().any(|part| is_point(part)) && is_place(longitude, latitude)
    })
}

fn is_point(part: &[u8]) -> bool {
    memchr::memmem::find_iter(part, b"\"type\"").any(|place| {
        let after = part.get(place + 6..).unwrap_or_default().trim_ascii_start();
        let value = after.strip_prefix(b":").map(<[u8]>::trim_ascii_start);
        value.is_some_and(|value| value.starts_with(b"\"Point\""))
    })
}

/// A place mark or a track; the borders of areas are no places.
fn is_kml(head: &[u8]) -> bool {
    let first = |place: usize, divider: &[u8]| {
        let text = head.get(place..).unwrap_or_default().trim_ascii_start();
        let text = text
            .split(|byte| *byte == b'<' || byte.is_ascii_whitespace() && !divider.contains(byte));
        let mut numbers = text.take(1).flat_map(|text| text.split(|byte| divider.contains(byte)));
        match (numbers.next(), numbers.next()) {
            (Some(longitude), Some(latitude)) => is_place(longitude, latitude),
            (Some(_) | None, Some(_) | None) => false,
        }
    };
    let point = |place: usize| {
        let rest = head.get(place..).unwrap_or_default();
        let part = rest.get(..memchr::memmem::find(rest, b"</Point>").unwrap_or(rest.len()));
        let inner = memchr::memmem::find(part.unwrap_or_default(), b"<coordinates>");
        inner.is_some_and(|inner| first(place + inner + 13, b","))
    };
    holds(head, b"<kml")
        && (memchr::memmem::find_iter(head, b"<Point>").any(point)
            || memchr::memmem::find_iter(head, b"<gx:coord>").any(|place| first(place + 10, b" ")))
}

/// `$GPGGA,123519,4807.038,N,01131.000,E,…*47`: the sum is right, and a place is in it.
fn is_sentence(line: &[u8]) -> bool {
    let Some(text) = line.trim_ascii().strip_prefix(b"$") else { return false };
    let Some((text, sum)) = text.len().checked_sub(3).and_then(|end| text.split_at_checked(end))
    else {
        return false;
    };
    let sum = sum.strip_prefix(b"*").and_then(|sum| str::from_utf8(sum).ok());
    let sum = sum.and_then(|sum| u8::from_str_radix(sum, 16).ok());
    if sum != Some(text.iter().fold(0, |all, byte| all ^ byte)) || text.len() > 82 {
        return false;
    }
    let fields: Vec<_> = text.split(|byte| *byte == b',').collect();
    let Some((kind, fields)) = fields.split_first() else { return false };
    let place = match kind.get(2..) {
        Some(b"GGA") => fields.get(1..5),
        Some(b"RMC") => fields.get(2..6),
        Some(b"GLL") => fields.get(..4),
        Some(_) | None => None,
    };
    // Minutes with two decimals are 18 metres.
    let minutes = |text: &[u8], whole: usize| {
        let (degrees, decimals) = text.split_at_checked(whole)?;
        let decimals = decimals.strip_prefix(b".")?;
        let digit = |byte: u8| byte.is_ascii_digit();
        (is_all(degrees, digit) && is_all(decimals, digit) && decimals.len() >= 2).then_some(())
    };
    matches!(place, Some([latitude, b"N" | b"S", longitude, b"E" | b"W"])
        if minutes(latitude, 4).is_some() && minutes(longitude, 5).is_some())
}

/// `POINT(13.3761 52.5186)`, also with a third or fourth number.
fn is_wkt(head: &[u8]) -> bool {
    memchr::memmem::find_iter(head, b"POINT").any(|place| {
        let before = place.checked_sub(1).and_then(|before| head.get(before));
        if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
            return false;
        }
        let rest = head.get(place + 5..).unwrap_or_default().trim_ascii_start();
        let rest = rest.strip_prefix(b"Z").unwrap_or(rest);
        let rest = rest.strip_prefix(b"M").unwrap_or(rest);
        let Some(rest) = rest.trim_ascii_start().strip_prefix(b"(") else { return false };
        let Some(end) = memchr::memchr(b')', rest).filter(|end| *end < 100) else { return false };
        let inner = rest.get(..end).unwrap_or_default();
        let mut numbers = inner.split(u8::is_ascii_whitespace).filter(|number| !number.is_empty());
        match (numbers.next(), numbers.next()) {
            (Some(longitude), Some(latitude)) => is_place(longitude, latitude),
            (Some(_) | None, Some(_) | None) => false,
        }
    })
}
