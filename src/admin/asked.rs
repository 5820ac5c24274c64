//! A question, once it is known who asks, and its body.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::access::Proof;
use super::params::Params;
use super::reply::Wrong;
use super::role::Who;

/// How long a body may take: else whoever sends none keeps a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who asks for what.
pub(super) struct Asked {
    pub(super) who: Who,
    /// By what that is known.
    pub(super) proof: Proof,
    /// What stands for the placeholder of the path.
    pub(super) held: String,
    pub(super) params: Params,
    /// Method, path and query, for the note of who read what.
    pub(super) what: String,
    pub(super) request: Request<Incoming>,
}

/// Whether a client names a media type.
pub(super) fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|one| one.to_str().ok());
    accepted.flat_map(|list| list.split(',')).any(|one| {
        let kind = one.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case(wanted)
    })
}

/// Reads a body of JSON that is not longer than so many octets.
pub(super) async fn read<T: DeserializeOwned>(
    request: Request<Incoming>,
    most: usize,
) -> Result<T, Wrong> {
    let octets = octets(request.into_body(), most).await?;
    serde_json::from_slice(&octets).map_err(|error| {
        let detail = format!("the body is not the JSON that this path takes: {error}");
        Wrong::new(StatusCode::BAD_REQUEST, detail)
    })
}

async fn octets<B>(body: B, most: usize) -> Result<Bytes, Wrong>
where
    B: hyper::body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Ok(read) = timeout(PATIENCE, Limited::new(body, most).collect()).await else {
        let detail = format!("a body comes within {} seconds here", PATIENCE.as_secs());
        return Err(Wrong::new(StatusCode::REQUEST_TIMEOUT, detail));
    };
    let body = read.map_err(|error| {
        if error.is::<LengthLimitError>() {
            let detail = format!("a body has at most {most} octets here");
            Wrong::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
        } else {
            Wrong::new(StatusCode::BAD_REQUEST, error.to_string())
        }
    })?;
    Ok(body.to_bytes())
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::super::reply;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_not_waited_for() {
        let (pieces, coming) = mpsc::channel(1);
        pieces.send(Ok(Bytes::from_static(b"{"))).await.unwrap();
        let never = reply::coming("text/plain", coming).into_body();
        let wrong = octets(never, 60_000).await.unwrap_err();
        assert_eq!(wrong.status, StatusCode::REQUEST_TIMEOUT);
    }
}
