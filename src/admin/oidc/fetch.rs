//! Questions to an issuer: one connection each, bounded in time and in what is read, and no redirect is
//! followed, since an answer is believed for the address that was asked.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::time::timeout;
use url::Url;

use crate::audit::ship::{Own, Way};

/// How long an answer may take, all in all.
const PATIENCE: Duration = Duration::from_secs(10);

/// Octets of an answer: keys with their certificates are 20 KiB at the largest issuers.
const MOST: usize = 256 * 1024;

const AGENT: &str = concat!("borderpost/", env!("CARGO_PKG_VERSION"));

/// Asks an issuer.
#[derive(Debug)]
pub(super) struct Fetcher {
    /// None where the issuer is on this machine, without TLS.
    pub(super) tls: Option<Arc<ClientConfig>>,
    /// Our own listeners, which are no issuer.
    pub(super) own: Own,
}

/// What is asked.
#[derive(Debug, Default)]
pub(super) struct Question {
    /// A form that is posted; otherwise it is a `GET`.
    pub(super) form: Option<String>,
    pub(super) authorization: Option<HeaderValue>,
}

impl Fetcher {
    /// The status and the body of an answer, or why there is none.
    pub(super) async fn ask(
        &self,
        url: &Url,
        question: Question,
    ) -> Result<(StatusCode, Bytes), String> {
        let asked = timeout(PATIENCE, self.once(url, question)).await;
        let seconds = PATIENCE.as_secs();
        asked.unwrap_or_else(|_| Err(format!("no answer within {seconds} s"))).map_err(|why| {
            // Its query has nothing secret, but nobody needs it either.
            format!("{}{}: {why}", url.origin().ascii_serialization(), url.path())
        })
    }

    /// The body of an answer that is a success.
    pub(super) async fn get(&self, url: &Url, question: Question) -> Result<Bytes, String> {
        let (status, body) = self.ask(url, question).await?;
        if status == StatusCode::OK {
            return Ok(body);
        }
        Err(format!("{}{}: {status}", url.origin().ascii_serialization(), url.path()))
    }

    async fn once(&self, url: &Url, question: Question) -> Result<(StatusCode, Bytes), String> {
        let host = url.host_str().ok_or("there is no host in this URL")?;
        let port = url.port_or_known_default().ok_or("there is no port in this URL")?;
        let tls = match url.scheme() {
            "https" => Some(self.tls.as_ref().ok_or("TLS was not expected here")?),
            _ => None,
        };
        let way = Way { host: host.trim_matches(['[', ']']), port, tls, own: &self.own };
        let stream = way.connect().await.map_err(|error| error.to_string())?;
        let spoken = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = spoken.map_err(|error| error.to_string())?;
        // Its errors reach whoever waits for the answer.
        let connection = tokio::spawn(async move { drop(connection.await) });
        let answer = sender.send_request(request(url, question)?).await;
        let (head, body) = answer.map_err(|error| error.to_string())?.into_parts();
        let body = Limited::new(body, MOST).collect().await.map_err(|error| error.to_string());
        connection.abort();
        Ok((head.status, body?.to_bytes()))
    }
}

fn request(url: &Url, question: Question) -> Result<Request<Full<Bytes>>, String> {
    let target =
        url.query().map_or_else(|| url.path().to_owned(), |q| format!("{}?{q}", url.path()));
    let target: Uri = target.parse().map_err(|_| "this is no URL to ask")?;
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let method = if question.form.is_some() { "POST" } else { "GET" };
    let mut request = Request::builder().method(method).uri(target);
    request = request.header(HOST, host).header(USER_AGENT, AGENT);
    request = request.header(ACCEPT, "application/json").header(CONNECTION, "close");
    if question.form.is_some() {
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    if let Some(proof) = question.authorization {
        request = request.header(AUTHORIZATION, proof);
    }
    let body = Full::new(question.form.unwrap_or_default().into());
    request.body(body).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// What an issuer is asked that answers so, and what comes of it.
    async fn asked(answer: &[u8], question: Question) -> (String, Result<Bytes, String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = Url::parse(&format!("http://127.0.0.1:{port}/a?b=c")).unwrap();
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = Vec::new();
            let whole = |heard: &[u8]| heard.ends_with(b"\r\n\r\n") || heard.ends_with(b"a=b");
            while !whole(&heard) || (heard.starts_with(b"POST") && !heard.ends_with(b"a=b")) {
                assert!(stream.read_buf(&mut heard).await.unwrap() > 0);
            }
            // The other side may have gone before it has read everything.
            drop(stream.write_all(answer).await);
            drop(stream.shutdown().await);
            String::from_utf8_lossy(&heard).into_owned()
        };
        let fetcher = Fetcher { tls: None, own: Own::default() };
        tokio::join!(serve, fetcher.get(&url, question))
    }

    #[tokio::test]
    async fn an_answer_is_bounded_and_no_redirect_is_followed() {
        let fine = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        let (heard, answer) = asked(fine, Question::default()).await;
        assert!(heard.starts_with("GET /a?b=c HTTP/1.1\r\nhost: 127.0.0.1:"), "{heard}");
        assert_eq!(answer.unwrap(), "{}");
        let form = Question { form: Some("a=b".to_owned()), ..Question::default() };
        let (heard, _) = asked(fine, form).await;
        assert!(heard.starts_with("POST /a?b=c") && heard.ends_with("\r\n\r\na=b"), "{heard}");
        let away = b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n";
        let (_, answer) = asked(away, Question::default()).await;
        assert!(answer.unwrap_err().ends_with("/a: 302 Found"));
        let mut large =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", MOST + 1).into_bytes();
        large.resize(large.len() + MOST + 1, b' ');
        let (_, answer) = asked(&large, Question::default()).await;
        assert!(answer.unwrap_err().contains("limit"));
        for broken in
            [&b""[..], b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"]
        {
            let (_, answer) = asked(broken, Question::default()).await;
            assert!(answer.unwrap_err().starts_with("http://127.0.0.1:"));
        }
    }

    #[tokio::test]
    async fn an_issuer_is_none_of_our_own_listeners() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let fetcher = Fetcher { tls: None, own: Own::new(&[address]) };
        let url = Url::parse(&format!("http://{address}/")).unwrap();
        let why = fetcher.get(&url, Question::default()).await.unwrap_err();
        assert!(why.contains("this proxy itself"), "{why}");
        let url = Url::parse(&format!("https://{address}/")).unwrap();
        assert!(fetcher.get(&url, Question::default()).await.unwrap_err().contains("TLS"));
    }
}
