//! Rankings and counts over time, by the index.

use http::header;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::audit::index::{Dimension, Filters, Index, Ranked};

use super::asked::Asked;
use super::reply::{self, Answer, Wrong};
use super::state::Admin;
use super::status::{index_view, moment};

/// Times of a series at most.
const TIMES: i64 = 5_000;

/// How far back a series goes where nobody says.
const BACK: SignedDuration = SignedDuration::from_hours(30 * 24);

/// `GET /api/v1/top`
pub(super) async fn top(admin: &Admin, asked: Asked) -> Answer {
    let Asked { who, mut params, what, .. } = asked;
    let by = params.take("by").ok_or_else(|| Wrong::unfit("`by` is missing"))?;
    let by: Dimension = by.parse().map_err(|why| Wrong::unfit(format!("`by`: {why}")))?;
    let limit = params.number("limit", 1..=1_000)?.unwrap_or(10);
    let filters = params.filters()?;
    params.end()?;
    let people = matches!(by, Dimension::Client | Dimension::Principal);
    if people {
        who.may_ask_for_people("a ranking of people")?;
    }
    admin.may_filter(&who, &filters)?;
    if people || filters.client.is_some() {
        admin.note_reading(&who, &what).await?;
    }
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let found = admin.rankings.get(&what, ranking(admin, by, filters, most)).await?;
    let age = found.at.elapsed().as_secs();
    let mut answer = reply::json(&*found.value);
    answer.headers_mut().insert(header::AGE, age.into());
    Ok(answer)
}

async fn ranking(
    admin: &Admin,
    by: Dimension,
    filters: Filters,
    most: usize,
) -> Result<Value, Wrong> {
    let find = move |index: &Index| {
        let ranked = index.top(by, &filters, most)?;
        let unseen = if ranked.is_empty() { index.unseen(&filters)? } else { Vec::new() };
        Ok((ranked, *index.state(), unseen))
    };
    let (ranked, state, unseen) = admin.look(find).await?;
    let row = |one: Ranked| {
        json!({
            "name": one.name,
            "requests": one.sums.requests,
            "bytes_out": one.sums.bytes_out,
            "bytes_in": one.sums.bytes_in,
        })
    };
    Ok(json!({
        "by": by.name(),
        "top": ranked.into_iter().map(row).collect::<Vec<_>>(),
        "unseen": unseen,
        "since": moment(state.since),
        "at": Timestamp::now().to_string(),
        "index": index_view(admin, &state),
    }))
}

/// `GET /api/v1/series`
pub(super) async fn series(admin: &Admin, asked: Asked) -> Answer {
    let Asked { who, mut params, what, .. } = asked;
    let step = params.number("step", 1..=2_592_000)?;
    let step = step.ok_or_else(|| Wrong::unfit("`step` is missing: seconds of each time"))?;
    let mut filters = params.filters()?;
    params.end()?;
    admin.may_filter(&who, &filters)?;
    if filters.client.is_some() {
        admin.note_reading(&who, &what).await?;
    }
    let now = Timestamp::now();
    let until = filters.until.unwrap_or(now);
    let since = filters.since.or_else(|| until.checked_sub(BACK).ok()).unwrap_or(now);
    filters.since = Some(since);
    let seconds = i64::try_from(step).unwrap_or(i64::MAX);
    if until.duration_since(since).as_secs() / seconds > TIMES {
        let detail =
            format!("more than {TIMES} times of {step} seconds lie between; take a longer `step`");
        return Err(Wrong::unfit(detail));
    }
    let millis = u32::try_from(step * 1_000).unwrap_or(u32::MAX);
    let find = move |index: &Index| Ok((index.over_time(&filters, millis)?, *index.state()));
    let (buckets, state) = admin.look(find).await?;
    let row = |one: crate::audit::index::Bucket| {
        json!({
            "begin": one.begin.to_string(),
            "outcome": one.outcome.map(|outcome| outcome.name()),
            "requests": one.sums.requests,
            "bytes_out": one.sums.bytes_out,
            "bytes_in": one.sums.bytes_in,
        })
    };
    Ok(reply::json(&json!({
        "step": step,
        "buckets": buckets.into_iter().map(row).collect::<Vec<_>>(),
        "index": index_view(admin, &state),
    })))
}
