//! One question to the admin listener of a running proxy, so that what a person decides takes
//! effect at once.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, anyhow};
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::admin::Place;
use crate::config::Fixed;
use crate::tls::Trust;

use super::ConfigArgument;

/// The proxy waits five seconds for its disk before it says so.
const PATIENCE: Duration = Duration::from_secs(15);

/// What came back.
type Reply = (StatusCode, Bytes);

/// Which proxy a command talks to.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Admin {
    /// The admin listener of the running proxy: an address, `unix:/path`, or `https://HOST:PORT`;
    /// 127.0.0.1:3129 if none is named.
    #[arg(long, value_name = "WHERE", env = "BORDERPOST_ADMIN")]
    admin: Option<Server>,
    #[command(flatten)]
    proof: Proof,
}

/// By what a command proves who asks.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Proof {
    /// A file with the token; else `BORDERPOST_ADMIN_TOKEN` has it, where one is needed.
    #[arg(long = "admin-token", value_name = "FILE", env = "BORDERPOST_ADMIN_TOKEN_FILE")]
    token: Option<PathBuf>,
    /// A PEM file of the authority that signed the listener's certificate; the platform's if none
    /// is named.
    #[arg(long = "admin-ca", value_name = "FILE", env = "BORDERPOST_ADMIN_CA")]
    roots: Option<PathBuf>,
}

/// Where an admin listener is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Server {
    Plain(Place),
    /// Host and port of one behind TLS.
    Secure(String, u16),
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix("https://") else {
            return text.strip_prefix("http://").unwrap_or(text).parse().map(Self::Plain);
        };
        let rest = rest.trim_end_matches('/');
        let wrong = || format!("`{text}` is no https://HOST:PORT");
        let (host, port) = rest.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() { Err(wrong()) } else { Ok(Self::Secure(host.to_owned(), port)) }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(place) => place.fmt(f),
            Self::Secure(host, port) if host.contains(':') => write!(f, "https://[{host}]:{port}"),
            Self::Secure(host, port) => write!(f, "https://{host}:{port}"),
        }
    }
}

impl Admin {
    /// The admin listener at a place.
    pub(super) const fn at(admin: Server, proof: Proof) -> Self {
        Self { admin: Some(admin), proof }
    }

    /// The same, or where a configuration has it if none was named.
    pub(super) fn or_of(&self, config: &ConfigArgument) -> anyhow::Result<Self> {
        let mut admin = self.clone();
        if admin.admin.is_none() && config.config.is_some() {
            let fixed = Fixed::load(&config.clone().origin())?;
            admin.admin = Some(Server::Plain(fixed.admin.place));
        }
        Ok(admin)
    }

    fn server(&self) -> Server {
        let usual = || Server::Plain(Place::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 3129))));
        self.admin.clone().unwrap_or_else(usual)
    }

    /// Asks, and returns the JSON of the answer; a problem is an error in its words.
    pub(super) fn ask(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Value> {
        let (status, text) = self.exchange(method, path, body)?;
        let answer: Value = serde_json::from_slice(&text)
            .map_err(|_| anyhow!("{status}: {}", String::from_utf8_lossy(&text).trim_end()))?;
        if status.is_success() {
            return Ok(answer);
        }
        let detail = answer.get("detail").and_then(Value::as_str).unwrap_or("no reason is given");
        Err(anyhow!("{detail}"))
    }

    /// Asks for a text, which is returned whatever its status.
    pub(super) fn text(&self, path: &str) -> anyhow::Result<(StatusCode, String)> {
        let (status, text) = self.exchange(Method::GET, path, &Value::Null)?;
        Ok((status, String::from_utf8_lossy(&text).into_owned()))
    }

    fn exchange(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Reply> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let answer =
            runtime.block_on(async { timeout(PATIENCE, self.send(method, path, body)).await });
        answer.with_context(|| format!("{} does not answer", self.server()))?
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Reply> {
        let nobody = || {
            format!(
                "no proxy answers on {}; --admin names the admin listener of one",
                self.server()
            )
        };
        let question = self.question(method, path, body)?;
        match self.server() {
            Server::Plain(Place::Tcp(address)) => {
                let stream = TcpStream::connect(address).await.with_context(nobody)?;
                answer(stream, question).await
            }
            Server::Plain(Place::Unix(socket)) => {
                let stream = UnixStream::connect(socket).await.with_context(nobody)?;
                answer(stream, question).await
            }
            Server::Secure(host, port) => {
                let stream =
                    TcpStream::connect((host.as_str(), port)).await.with_context(nobody)?;
                let roots: Vec<_> = self.proof.roots.iter().cloned().collect();
                let config = Trust::load(&[], &[])?.client(&roots)?;
                let name = ServerName::try_from(host.clone())?;
                let stream = TlsConnector::from(config).connect(name, stream).await;
                answer(stream.with_context(|| self.server().to_string())?, question).await
            }
        }
    }

    fn question(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> anyhow::Result<Request<Full<Bytes>>> {
        let host = match self.server() {
            Server::Plain(Place::Tcp(address)) => address.to_string(),
            Server::Plain(Place::Unix(_)) => "localhost".to_owned(),
            Server::Secure(..) => {
                self.server().to_string().trim_start_matches("https://").to_owned()
            }
        };
        let text = if body.is_null() { Vec::new() } else { serde_json::to_vec(body)? };
        let mut question = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, host)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = self.proof.token()? {
            question = question.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        Ok(question.body(Full::new(Bytes::from(text)))?)
    }
}

impl Proof {
    fn token(&self) -> anyhow::Result<Option<String>> {
        let Some(file) = &self.token else {
            return Ok(std::env::var("BORDERPOST_ADMIN_TOKEN").ok());
        };
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        Ok(Some(text.trim().to_owned()))
    }
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    question: Request<Full<Bytes>>,
) -> anyhow::Result<Reply> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let running = tokio::spawn(connection);
    let response = sender.send_request(question).await?;
    let status = response.status();
    let text = response.into_body().collect().await?.to_bytes();
    running.abort();
    Ok((status, text))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_tells_where_to_ask_unless_somebody_does() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("borderpost.toml");
        std::fs::write(&file, "[admin]\nlisten = \"127.0.0.1:4129\"\n").unwrap();
        let (none, config) =
            (ConfigArgument { config: None }, ConfigArgument { config: Some(file) });
        let unnamed = Admin { admin: None, proof: Proof::default() };
        let named = Admin::at("127.0.0.1:5129".parse().unwrap(), Proof::default());
        for (admin, config, found) in [
            (&unnamed, &none, "127.0.0.1:3129"),
            (&unnamed, &config, "127.0.0.1:4129"),
            (&named, &config, "127.0.0.1:5129"),
        ] {
            assert_eq!(admin.or_of(config).unwrap().server().to_string(), found);
        }
    }

    #[test]
    fn a_listener_is_named_as_people_write_it() {
        for text in ["127.0.0.1:3129", "unix:/run/a.sock", "https://post.example:3129"] {
            assert_eq!(text.parse::<Server>().unwrap().to_string(), text);
        }
        let secure = "https://[::1]:3129/".parse::<Server>().unwrap();
        assert_eq!(secure, Server::Secure("::1".to_owned(), 3129));
        assert_eq!(secure.to_string(), "https://[::1]:3129");
        assert_eq!("http://127.0.0.1:1".parse::<Server>().unwrap().to_string(), "127.0.0.1:1");
        for text in ["https://", "https://a", "https://:1", "https://a:x", "somewhere"] {
            assert!(text.parse::<Server>().is_err(), "{text}");
        }
    }
}
