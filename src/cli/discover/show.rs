//! Counts as people read them, and as programs do.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::seen::{Flow, Seen, Stopped, Sum};

/// A number with its thousands apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An amount of octets in the unit that leaves at most four digits before the point.
pub(super) fn size(octets: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if octets < 1_024 {
        return format!("{octets} B");
    }
    // Tenths, by whole numbers.
    let mut tenths = u128::from(octets) * 10 / 1_024;
    for unit in UNITS {
        if tenths < 10_240 || unit == "TiB" {
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
        tenths /= 1_024;
    }
    String::new()
}

/// All counts.
pub(super) fn json(seen: &Seen) -> Value {
    let tags = seen.borne().map(|(tag, flow)| (tag.clone(), of(flow)));
    json!({
        "first": seen.span.map(|(first, _)| first),
        "last": seen.span.map(|(_, last)| last),
        "requests": seen.requests,
        "tagged": seen.tagged,
        "refused": seen.refused,
        "failed": seen.failed,
        "all": of(&seen.all),
        "tags": tags.collect::<BTreeMap<_, _>>(),
        "unread": by(&seen.unread),
        "beyond": seen.beyond,
    })
}

fn of(flow: &Flow) -> Value {
    let hosts = flow.hosts.iter().map(|(name, host)| {
        let mut value = amount(&host.sum);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("place".to_owned(), host.place.clone().into());
        }
        (name.clone(), value)
    });
    json!({
        "requests": flow.sum.requests,
        "bytes_out": flow.sum.bytes_out,
        "clients": flow.clients(),
        "places": by(&flow.places),
        "hosts": hosts.collect::<BTreeMap<_, _>>(),
        "refused": stopped(&flow.refused),
        "failed": stopped(&flow.failed),
        "beyond": flow.beyond,
    })
}

fn stopped(stopped: &Stopped) -> Vec<Value> {
    let row = |((by, place), count): (&(String, String), &u64)| json!({"by": by, "place": place, "requests": count});
    stopped.iter().map(row).collect()
}

fn by<K: ToString>(sums: &BTreeMap<K, Sum>) -> BTreeMap<String, Value> {
    sums.iter().map(|(name, sum)| (name.to_string(), amount(sum))).collect()
}

fn amount(sum: &Sum) -> Value {
    json!({
        "requests": sum.requests,
        "bytes_out": sum.bytes_out,
        "agreed": sum.agreed,
        "would_be_refused_by": sum.objections,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let told = [0, 999, 1_000, 1_234_567].map(grouped);
        assert_eq!(told, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn sizes_have_a_unit() {
        let told = [0, 1_023, 1_024, 1_600_000, u64::MAX].map(size);
        assert_eq!(told, ["0 B", "1023 B", "1.0 KiB", "1.5 MiB", "16777215.9 TiB"]);
    }
}
