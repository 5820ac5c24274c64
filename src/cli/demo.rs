//! `borderpost demo`: origins on loopback addresses that corrections place in different
//! countries, a real proxy before them, and real requests through it.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::admin::Level;
use crate::config::{self, DEFAULT, Origin};

use super::exec::in_shell;
use super::origins;
use super::output::{self, line, news};
use super::serve::Serving;
use super::service::Passed;
use super::shutdown::{Ask, Signals};

/// Show allowed, logged and blocked requests.
#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// Leave the proxy and the origins running afterwards.
    #[arg(long)]
    stay: bool,
}

/// The origins: name, last part of the address in 127.83.0.0/24, and where a correction
/// places it.
const PLACES: &str = include_str!("../../config/demo.txt");

/// The origins, one in a line.
fn places() -> impl Iterator<Item = (&'static str, u8, &'static str)> {
    PLACES.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.next()?.parse().ok()?, words.next()?))
    })
}

/// A request: method, host, what is declared, what one learns.
type Shown = (&'static str, &'static str, Option<(&'static str, &'static str)>, &'static str);

/// The requests that are shown.
const REQUESTS: [Shown; 10] = [
    ("GET", "api.home.example", None, "untagged traffic passes"),
    ("GET", "api.china.example", None, "wherever it goes"),
    ("POST", "api.home.example", Some(("X-Data-Class", "health")), "tagged data stays at home"),
    ("POST", "api.germany.example", Some(("X-Data-Class", "health")), "abroad it is logged"),
    (
        "POST",
        "api.china.example",
        Some(("X-Data-Class", "health")),
        "to a country of concern it is blocked",
    ),
    (
        "POST",
        "api.hongkong.example",
        Some(("baggage", "data-class=omic.human")),
        "28 CFR 202.208 counts Hong Kong",
    ),
    (
        "PUT",
        "api.china.example",
        Some(("x-amz-tagging", "data-class=financial.card")),
        "object tags declare, too",
    ),
    (
        "POST",
        "api.nowhere.example",
        Some(("X-Data-Class", "health")),
        "where nobody knows, nothing goes",
    ),
    (
        "CONNECT",
        "api.china.example",
        Some(("X-Data-Class", "health")),
        "a tunnel is decided before it is dialled",
    ),
    ("GET", "169.254.169.254", None, "metadata services are never reached"),
];

impl Demo {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let level = output::diagnostics();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(self.show(level))
    }

    async fn show(self, level: Level) -> anyhow::Result<()> {
        let port = start_origins().await;
        let port =
            port.context("the demo needs the loopback addresses 127.83.0.1 to 127.83.0.5")?;
        let folder = output::private_folder("borderpost-demo-")?;
        let records = folder.path().join("records.jsonl");
        let text = configuration(&records.display().to_string());
        let file = folder.path().join("demo.toml");
        std::fs::write(&file, &text).with_context(|| file.display().to_string())?;
        let origin = Origin::Text { name: "demo".to_owned(), text };
        let mut loaded = config::load(&origin)?;
        loaded.fixed.settings.explain =
            format!(" --config {}", in_shell(&file.display().to_string()));
        let mut signals = Signals::new()?;
        let serving = Serving::start(origin, loaded, Passed::none(), level)?;
        let (_, listen) = *serving.listeners.first().context("the demo has a plain listener")?;
        line(format!(
            "proxy on http://{listen}, {} origins behind it; no packet leaves this machine",
            places().count()
        ));
        for (name, last, country) in places() {
            line(format!("  {name:<22} 127.83.0.{last}  placed in {country} by a correction"));
        }
        for (number, request) in REQUESTS.iter().enumerate() {
            show_one(number + 1, listen, port, request).await?;
        }
        if self.stay {
            news(format!(
                "\nrunning until Ctrl-C; try\n  curl -x http://{listen} -H 'X-Data-Class: health' http://api.china.example:{port}/\n\
                 dashboard http://{}/\n\
                 its records, while it runs: {}",
                serving.admin,
                records.display()
            ));
            while signals.next().await != Ask::Stop {}
        }
        if let Some(lost) = serving.finish().await.lost {
            news(format!("borderpost: {lost}"));
        }
        let text = std::fs::read_to_string(&records).context("the records of the demo")?;
        line(format!("\none record for each request:\n{}", text.trim_end()));
        Ok(())
    }
}

/// The shipped configuration, opened towards the demo's own origins.
fn configuration(records: &str) -> String {
    let mut text = DEFAULT
        .replace("listen = \"127.0.0.1:3128\"", "listen = \"127.0.0.1:0\"")
        .replace("listen = \"127.0.0.1:3129\"", "listen = \"127.0.0.1:0\"")
        .replace("to = \"stdout\"", &format!("to = {}", toml::Value::from(records)))
        .replace("open = []", "open = [\"127.83.0.0/24\"]");
    let mut names = "[names]\n".to_owned();
    for (name, last, country) in places() {
        names.push_str(&format!("\"{name}\" = \"127.83.0.{last}\"\n"));
        text.push_str(&format!(
            "\n[[geo.overlay]]\nnetwork = \"127.83.0.{last}/32\"\ncountry = \"{country}\"\nreason = \"demo\"\n"
        ));
    }
    text.replace("[names]\n", &names)
}

/// All origins on one port, each on its own address.
async fn start_origins() -> std::io::Result<u16> {
    let mut port = 0;
    for (_, last, _) in places() {
        let address = SocketAddr::from((Ipv4Addr::new(127, 83, 0, last), port));
        port = origins::start(address).await?.port();
    }
    Ok(port)
}

/// Sends one request as a client would, and shows what came back.
async fn show_one(
    number: usize,
    proxy: SocketAddr,
    port: u16,
    request: &Shown,
) -> anyhow::Result<()> {
    let (method, host, declared, lesson) = *request;
    let authority =
        if host.parse::<Ipv4Addr>().is_ok() { host.to_owned() } else { format!("{host}:{port}") };
    let tunnel = method == Method::CONNECT.as_str();
    let target = if tunnel { authority.clone() } else { format!("http://{authority}/") };
    let body = if method == "POST" || method == "PUT" { "name=Jane+Doe&diagnosis=J45" } else { "" };
    let mut sent = Request::builder().method(method).uri(&target).header("host", &authority);
    let mut shown = String::new();
    if let Some((name, value)) = declared {
        sent = sent.header(name, value);
        shown = format!(" -H '{name}: {value}'");
    }
    line(format!("\n{number:>2}. {lesson}\n$ curl -x http://{proxy} -X {method}{shown} {target}"));
    let stream = TcpStream::connect(proxy).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let running = tokio::spawn(connection);
    let response = sender.send_request(sent.body(Full::new(Bytes::from(body)))?).await?;
    let status = response.status();
    let text = response.into_body().collect().await?.to_bytes();
    line(format!("HTTP/1.1 {status}\n{}", told(&text)));
    drop(sender);
    running.abort();
    Ok(())
}

/// The lines of an answer that say why.
fn told(text: &[u8]) -> String {
    let Ok(problem) = serde_json::from_slice::<serde_json::Value>(text) else {
        return String::from_utf8_lossy(text).trim_end().to_owned();
    };
    let keys = ["detail", "rule", "cite", "decision"];
    let said = keys.iter().filter_map(|key| Some((key, problem.get(*key)?.as_str()?)));
    said.map(|(key, value)| format!("  {key:<9} {value}")).collect::<Vec<_>>().join("\n")
}
