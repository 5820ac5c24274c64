//! How far counts are from their thresholds.

use std::collections::HashMap;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::audit::{Gauge, Window};
use crate::policy::{Keyed, Meter, Policy};

use super::asked::Asked;
use super::reply::{self, Answer, Wrong};
use super::state::Admin;

/// `GET /api/v1/meters`
pub(super) async fn view(admin: &Admin, asked: Asked) -> Answer {
    asked.params.end()?;
    let volumes = admin.proxy.volumes().ok_or_else(|| {
        let detail = "no counts are kept: set `state.folder` in the configuration";
        Wrong::new(StatusCode::CONFLICT, detail)
    })?;
    let now = Timestamp::now();
    // The book is locked by requests that count, for less than a millisecond each.
    let gauges = admin.work(move || volumes.meters(now)).await?;
    let active = admin.proxy.active();
    let known = by_name(&active.policy);
    let meters = gauges
        .iter()
        .map(|gauge| one(&active.policy, known.get(&gauge.meter.name).copied(), gauge));
    let meters: Vec<_> = meters.collect();
    Ok(reply::json(&json!({ "meters": meters, "at": now.to_string() })))
}

/// The meters of the policy by their names.
fn by_name(policy: &Policy) -> HashMap<String, Meter> {
    let mut names = HashMap::new();
    for (counter, definition) in policy.counters().iter().enumerate() {
        for class in (0..policy.classes().len()).filter(|one| definition.classes.contains(*one)) {
            let meter = Meter { counter, class };
            names.extend(policy.meter_name(meter).map(|name| (name, meter)));
        }
    }
    names
}

fn one(policy: &Policy, meter: Option<Meter>, gauge: &Gauge) -> Value {
    let name = &gauge.meter.name;
    let mut parts = name.splitn(3, '/');
    let [pack, counter, class] = [(); 3].map(|()| parts.next().unwrap_or_default());
    let definition = meter.and_then(|meter| policy.counters().get(meter.counter));
    let kind = meter.and_then(|meter| policy.classes().get(meter.class));
    let limit = meter.and_then(|meter| policy.limit(meter));
    let holder = &*gauge.meter.holder;
    let (exporter, recipient) = match definition.map(|one| one.keyed) {
        Some(Keyed::Exporter) => (Some(holder), None),
        Some(Keyed::Recipient) => (None, Some(holder)),
        Some(Keyed::Both) | None => holder
            .split_once(" -> ")
            .map_or((None, None), |(exporter, recipient)| (Some(exporter), Some(recipient))),
    };
    let days = gauge.leaves().map(|day| day.duration_since(gauge.today).as_hours() / 24);
    json!({
        "pack": pack,
        "counter": counter,
        "class": class,
        "meter": name,
        "holder": holder,
        "exporter": exporter,
        "recipient": recipient,
        "unit": kind.map(|kind| kind.unit.name()),
        "window": window(&gauge.window),
        "counted": gauge.count,
        "limit": limit,
        "percent": limit.map(|limit| percent(gauge.count, limit)),
        "warn_at": definition.map_or(&[][..], |one| &one.warn_at),
        "oldest": gauge.oldest.map(|day| day.to_string()),
        "days_until_oldest_leaves": days.map(|days| days.max(0)),
        "per_day": round(gauge.per_day()),
        "crosses": limit.and_then(|limit| gauge.crosses(limit)).map(|day| day.to_string()),
        "cite": kind.map(|kind| &kind.cite),
    })
}

fn window(window: &Window) -> String {
    match window {
        Window::RollingMonths(months) => format!("rolling {months} months"),
        Window::CalendarYear(zone) => format!("year {}", zone.iana_name().unwrap_or("-")),
    }
}

/// To a tenth.
fn percent(count: u64, limit: u64) -> Value {
    let tenths = u128::from(count) * 1_000 / u128::from(limit.max(1));
    let tenths = u32::try_from(tenths).unwrap_or(u32::MAX);
    round(f64::from(tenths) / 10.0)
}

fn round(number: f64) -> Value {
    Value::from((number * 10.0).round() / 10.0)
}
