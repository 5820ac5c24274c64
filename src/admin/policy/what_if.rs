//! `POST /api/v1/policy/whatif`: stored decisions, taken again with a draft of a pack.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::audit::Replayed;
use crate::audit::index::{Filters, Page};
use crate::audit::search::{self, Scan, moment};
use crate::policy::Policy;

use super::super::asked::{Asked, read};
use super::super::reply::{self, Answer, Wrong};
use super::super::state::Admin;

/// Octets of a draft; JSON writes some of them as two or six.
const MOST: usize = 2 * 1024 * 1024;

/// Decisions that are taken again at most.
const LAST: u32 = 100_000;

/// Changes that are listed.
const LISTED: usize = 1_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    pack: String,
    #[serde(default = "usual")]
    last: u32,
    at: Option<String>,
}

#[derive(Debug, Default)]
struct Totals {
    asked: u64,
    changed: u64,
    left: u64,
    changes: Vec<Value>,
}

const fn usual() -> u32 {
    1_000
}

/// Which decisions would be others.
pub(in super::super) async fn what_if(admin: &Admin, asked: Asked) -> Answer {
    let Asked { params, request, .. } = asked;
    params.end()?;
    let Body { pack, last, at } = read(request, MOST).await?;
    if !(1..=LAST).contains(&last) {
        return Err(Wrong::unfit(format!("`last` is a number from 1 to {LAST}")));
    }
    let at = at.map(|at| moment(&at)).transpose();
    let at = at.map_err(|why| Wrong::unfit(format!("`at`: {why}")))?;
    let journal = admin.store()?.records();
    let page = Page { newest: true, after: None, limit: last };
    let find = move |index: &crate::audit::index::Index| index.sequences(&Filters::default(), page);
    let mut entries = admin.look(find).await?;
    entries.reverse();
    // It is held until the policy is dropped, which keeps the databases.
    let one = Arc::clone(&admin.drafts).acquire_owned().await;
    let draft = Arc::clone(&admin.draft);
    let done = admin
        .work(move || {
            let policy = draft(&pack).map_err(Wrong::unfit)?;
            let told = again(&journal, &entries, &policy, at);
            drop(policy);
            drop(one);
            told.map_err(Wrong::unavailable)
        })
        .await?;
    let Totals { asked, changed, left, changes } = done?;
    Ok(reply::json(&json!({
        "asked": asked,
        "changed": changed,
        "left": left,
        "changes": changes,
    })))
}

fn again(
    journal: &search::Journal,
    entries: &[u64],
    policy: &Policy,
    at: Option<Timestamp>,
) -> Result<Totals, search::Fault> {
    let (mut totals, filters) = (Totals::default(), Filters::default());
    let gaps = Scan::all(journal, &filters).those(entries, |found| {
        let sequence = found.sequence;
        let replayed = Replayed::read(found.line).ok();
        let compared = replayed.as_ref().and_then(|one| Some((one, one.compare(policy, at)?)));
        match compared {
            None => totals.left += 1,
            Some((one, (before, after))) => {
                totals.asked += 1;
                let changed = before != after;
                totals.changed += u64::from(changed);
                if changed && totals.changes.len() < LISTED {
                    totals.changes.push(json!({
                        "sequence": sequence,
                        "time": one.time.to_string(),
                        "id": one.id,
                        "host": one.host,
                        "before": before,
                        "after": after,
                    }));
                }
            }
        }
        Ok::<_, search::Fault>(true)
    })?;
    gaps.whole()?;
    Ok(totals)
}
