//! What `/metrics` shows, as metrics of OpenTelemetry under the same names: sums and histograms since
//! the program started, and gauges.

use serde_json::{Value, json};

use crate::telemetry::{Buckets, Exemplar, MetricFamily, MetricKind, Point, Reading, Snapshot};

use super::super::json;
use super::value::{list, nanos};

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`
const CUMULATIVE: u64 = 2;

/// Appends every family, one after the other; how many points they have.
pub(super) fn write(snapshot: &Snapshot, into: &mut Vec<u8>) -> u64 {
    let mut points = 0;
    for family in snapshot.families.iter().filter(|family| !family.points.is_empty()) {
        if points > 0 {
            into.push(b',');
        }
        points += u64::try_from(family.points.len()).unwrap_or(u64::MAX);
        json::write(metric(family, snapshot), into);
    }
    points
}

fn metric(family: &MetricFamily, snapshot: &Snapshot) -> Value {
    let points: Vec<_> = family.points.iter().map(|one| point(one, family, snapshot)).collect();
    let mut metric = json!({
        "name": family.name,
        "description": family.help,
        "unit": family.unit.as_deref().map(unit),
    });
    let (kind, data) = match family.kind {
        MetricKind::Counter => (
            "sum",
            json!({ "dataPoints": points, "aggregationTemporality": CUMULATIVE, "isMonotonic": true }),
        ),
        MetricKind::Gauge => ("gauge", json!({ "dataPoints": points })),
        MetricKind::Histogram => {
            ("histogram", json!({ "dataPoints": points, "aggregationTemporality": CUMULATIVE }))
        }
    };
    if let Some(fields) = metric.as_object_mut() {
        fields.insert(kind.to_owned(), data);
    }
    metric
}

fn point(point: &Point, family: &MetricFamily, snapshot: &Snapshot) -> Value {
    let labels: serde_json::Map<_, _> =
        point.labels.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    // What a gauge shows has no beginning.
    let since = (family.kind != MetricKind::Gauge).then(|| nanos(snapshot.since));
    let mut fields = json!({
        "attributes": list(labels.into()),
        "startTimeUnixNano": since,
        "timeUnixNano": nanos(snapshot.at),
    });
    let more = match &point.reading {
        Reading::Whole(number) => json!({ "asInt": number.to_string() }),
        Reading::Real(number) => json!({ "asDouble": real(*number) }),
        Reading::Buckets(buckets) => histogram(buckets, snapshot),
    };
    if let (Some(fields), Value::Object(more)) = (fields.as_object_mut(), more) {
        fields.extend(more);
    }
    fields
}

fn histogram(buckets: &Buckets, snapshot: &Snapshot) -> Value {
    let exemplars: Vec<_> = buckets.exemplars.iter().map(|one| exemplar(one, snapshot)).collect();
    let counts: Vec<_> = buckets.counts.iter().map(u64::to_string).collect();
    json!({
        "count": buckets.counts.iter().sum::<u64>().to_string(),
        "sum": real(buckets.sum),
        "bucketCounts": counts,
        "explicitBounds": buckets.bounds,
        "exemplars": exemplars,
    })
}

fn exemplar(exemplar: &Exemplar, snapshot: &Snapshot) -> Value {
    json!({
        "traceId": exemplar.trace,
        "timeUnixNano": nanos(exemplar.at.unwrap_or(snapshot.at)),
        "asDouble": real(exemplar.value),
    })
}

/// JSON has no other numbers than finite ones; the encoding has texts for those.
fn real(number: f64) -> Value {
    if number.is_nan() {
        return "NaN".into();
    }
    let infinite = if number > 0.0 { "Infinity" } else { "-Infinity" };
    if number.is_infinite() { infinite.into() } else { number.into() }
}

/// Units as UCUM has them.
fn unit(unit: &str) -> &str {
    match unit {
        "seconds" => "s",
        "bytes" => "By",
        other => other,
    }
}
