//! The last ten minutes by the second.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::telemetry::{OUTCOMES, Second};

use super::asked::Asked;
use super::reply::{self, Answer};
use super::state::Admin;

/// `GET /api/v1/rates`
pub(super) fn view(admin: &Admin, asked: Asked) -> Answer {
    asked.params.end()?;
    let rates = admin.proxy.metrics().rates();
    let begin = rates.first().map_or_else(Timestamp::now, |(ago, _)| {
        let ago = jiff::SignedDuration::try_from(*ago).unwrap_or_default();
        Timestamp::now().saturating_sub(ago).unwrap_or(Timestamp::UNIX_EPOCH)
    });
    let seconds: Vec<_> = rates.into_iter().map(|(_, second)| second).collect();
    let mut total = Second::default();
    seconds.iter().for_each(|second| total.add(second));
    let by = |place: usize| -> Vec<u64> {
        seconds.iter().filter_map(|second| second.outcomes.get(place).copied()).collect()
    };
    let outcomes: Map<String, Value> = OUTCOMES
        .into_iter()
        .enumerate()
        .map(|(place, word)| (word.to_owned(), by(place).into()))
        .collect();
    let mut sums: Map<String, Value> = OUTCOMES
        .into_iter()
        .zip(total.outcomes)
        .map(|(word, sum)| (word.to_owned(), sum.into()))
        .collect();
    sums.insert("would_refuse".to_owned(), total.would_refuse.into());
    sums.insert("added_p50_us".to_owned(), micros(&total, 500));
    sums.insert("added_p99_us".to_owned(), micros(&total, 990));
    Ok(reply::json(&json!({
        "begin": begin.to_string(),
        "seconds": seconds.len(),
        "outcomes": outcomes,
        "observed": seconds.iter().map(|second| second.observed).collect::<Vec<_>>(),
        "would_refuse": seconds.iter().map(|second| second.would_refuse).collect::<Vec<_>>(),
        "added_p50_us": seconds.iter().map(|second| micros(second, 500)).collect::<Vec<_>>(),
        "added_p99_us": seconds.iter().map(|second| micros(second, 990)).collect::<Vec<_>>(),
        "total": sums,
    })))
}

fn micros(second: &Second, per_mille: u64) -> Value {
    let time = second.added(per_mille);
    time.map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX)).into()
}
