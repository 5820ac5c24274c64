//! Candidates for reports and how people closed them: from their file, or from the proxy that has
//! it open.

use std::path::Path;

use http::Method;
use serde::Serialize;
use serde_json::Value;

use crate::audit::{Candidate, read_candidates};

use super::super::super::ask::{Admin, items};
use super::walk::Walk;

/// What could be learned of candidates.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Candidates {
    /// Whether they could be read.
    pub(super) read: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
    /// Those that were made in the period, the first due first.
    pub(super) list: Vec<Candidate>,
}

impl Candidates {
    pub(super) fn find(walk: &Walk<'_>, store: Option<&Path>, admin: Option<&Admin>) -> Self {
        let read = match admin {
            Some(admin) => ask(admin).map_err(|error| format!("{error:#}")),
            None => match store {
                Some(path) if path.exists() => {
                    read_candidates(path).map_err(|error| error.to_string())
                }
                Some(path) => Err(format!("{}: there is none", path.display())),
                None => Err("it is not known where they are kept".to_owned()),
            },
        };
        match read {
            Ok(all) => {
                let meant = |one: &Candidate| one.pack == walk.pack && walk.period.has(one.made);
                let mut list: Vec<_> = all.into_iter().filter(meant).collect();
                list.sort_by_key(|one| (one.due, one.made));
                Self { read: true, why: None, list }
            }
            Err(why) => {
                let hint = "; --admin names the admin listener of the proxy that has them";
                let hint = if admin.is_some() { "" } else { hint };
                Self { read: false, why: Some(format!("{why}{hint}")), list: Vec::new() }
            }
        }
    }
}

fn ask(admin: &Admin) -> anyhow::Result<Vec<Candidate>> {
    let answer = admin.ask(Method::GET, "/api/v1/reports", &Value::Null)?;
    let all = items(&answer, "reports").iter().cloned();
    Ok(all.map(serde_json::from_value).collect::<Result<_, _>>()?)
}
