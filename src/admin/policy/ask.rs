//! `POST /api/v1/policy/test`: one request is decided and not sent.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;
use url::Url;

use crate::proxy::{Misasked, Question, look};

use super::super::asked::{Asked, read};
use super::super::people::mask;
use super::super::reply::{self, Answer, Wrong};
use super::super::state::Admin;

/// Octets of a question.
const MOST: usize = 64 * 1024;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    url: String,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    slices: Vec<String>,
    context: Option<String>,
    exporter: Option<String>,
    #[serde(default)]
    counted: BTreeMap<String, u64>,
    at: Option<String>,
    address: Option<String>,
    client: Option<String>,
    principal: Option<String>,
}

/// Decides one request.
pub(in super::super) async fn test(admin: &Admin, asked: Asked) -> Answer {
    let Asked { who, params, request, .. } = asked;
    params.end()?;
    let body = read::<Body>(request, MOST).await?;
    // What rules make of somebody tells who that is, by their address, too.
    if body.client.is_some() || body.principal.is_some() {
        who.may_ask_for_people("`client` or `principal`")?;
    }
    let question = body.question()?;
    let masked = !who.sees_people();
    let active = admin.proxy.active();
    let told = admin
        .work(move || {
            let (host, _) = question.destination()?;
            let host = host.to_string();
            let found = look(&active, &host, &question.url, (None, None)).finish();
            question.answer(&active, &found, |answered| {
                let mut view = answered.as_json();
                if masked {
                    mask(&active.policy, &mut view);
                }
                view
            })
        })
        .await?;
    Ok(reply::json(&told.map_err(|error: Misasked| Wrong::unfit(error.to_string()))?))
}

impl Body {
    fn question(self) -> Result<Question, Wrong> {
        let url = Url::parse(&self.url).map_err(|error| Wrong::unfit(format!("`url`: {error}")))?;
        let address = |key: &str, text: Option<String>| -> Result<Option<IpAddr>, Wrong> {
            let wrong = || Wrong::unfit(format!("`{key}` is an address"));
            text.map(|text| text.parse().map_err(|_| wrong())).transpose()
        };
        let mut question = Question::new(url);
        question.address = address("address", self.address)?;
        question.client = address("client", self.client)?.unwrap_or(question.client);
        question.method = self.method.unwrap_or(question.method);
        let method = http::Method::from_bytes(question.method.as_bytes());
        method.map_err(|_| Wrong::unfit("`method` is no method"))?;
        question.tags = self.tags;
        question.slices = self.slices;
        question.context = self.context;
        question.exporter = self.exporter;
        question.counted = self.counted;
        question.at = self.at;
        question.principal = self.principal;
        Ok(question)
    }
}
