//! One question to the admin listener of a running proxy, so that what a person decides takes
//! effect at once.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, anyhow};
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The proxy waits five seconds for its disk before it says so.
const PATIENCE: Duration = Duration::from_secs(15);

/// Which proxy a command talks to.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Admin {
    /// The admin listener of the running proxy.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3129")]
    admin: SocketAddr,
}

impl Admin {
    /// The admin listener at an address.
    pub(super) const fn at(admin: SocketAddr) -> Self {
        Self { admin }
    }

    /// Asks, and returns the JSON of the answer; a problem is an error in its words.
    pub(super) fn ask(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Value> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let answer =
            runtime.block_on(async { timeout(PATIENCE, self.send(method, path, body)).await });
        answer.with_context(|| format!("{} does not answer", self.admin))?
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Value> {
        let stream = TcpStream::connect(self.admin).await.with_context(|| {
            format!("no proxy answers on {}; --admin names the admin listener of one", self.admin)
        })?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let running = tokio::spawn(connection);
        let text = if body.is_null() { Vec::new() } else { serde_json::to_vec(body)? };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.admin.to_string())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(text)))?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let text = response.into_body().collect().await?.to_bytes();
        running.abort();
        let answer: Value = serde_json::from_slice(&text)
            .map_err(|_| anyhow!("{status}: {}", String::from_utf8_lossy(&text).trim_end()))?;
        if status.is_success() {
            return Ok(answer);
        }
        let detail = answer.get("detail").and_then(Value::as_str).unwrap_or("no reason is given");
        Err(anyhow!("{detail}"))
    }
}

/// The items of a list in an answer.
pub(super) fn items<'a>(answer: &'a Value, key: &str) -> &'a [Value] {
    answer.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A word of an answer; `-` where there is none.
pub(super) fn word<'a>(item: &'a Value, key: &str) -> &'a str {
    item.get(key).and_then(Value::as_str).unwrap_or("-")
}

/// The words of a list in an answer, with commas.
pub(super) fn words(item: &Value, key: &str) -> String {
    let words: Vec<_> = items(item, key).iter().filter_map(Value::as_str).collect();
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}

/// A number of an answer.
pub(super) fn number(item: &Value, key: &str) -> u64 {
    item.get(key).and_then(Value::as_u64).unwrap_or_default()
}
