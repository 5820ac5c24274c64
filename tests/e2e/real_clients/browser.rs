//! Chromium without a screen, with the authority in the store of its user.

use std::process::Command;
use std::sync::{Arc, Mutex};

use http::{Method, Version};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::support::site::Answer;
use crate::support::{BOTH, Bench, Site, answer, given, said, whole};

use super::{ABROAD, RULE, Server, bench, close, node, text, url};

/// Asks and posts and talks, and reports what came; its load ends when the report has arrived.
const PAGE: &str = r#"<!doctype html>
<title>bench</title>
<p id="said">nothing yet</p>
<img src="/done" alt="">
<script>
async function ask (path, options) {
  const answer = await fetch(path, options)
  const text = await answer.text()
  return [answer.status, answer.status === 451 ? JSON.parse(text).rule : text]
}
function talk () {
  return new Promise((resolve) => {
    const socket = new WebSocket('wss://CHAT/chat', 'chat')
    socket.onopen = () => socket.send('words')
    socket.onmessage = ({ data }) => { resolve(data); socket.close() }
    socket.onerror = () => resolve('failed')
  })
}
async function play () {
  const headers = { 'X-Data-Class': 'health' }
  const seen = {
    got: await ask('/hello'),
    posted: await ask('/echo', { method: 'POST', body: 'a=1' }),
    blocked: await ask('/echo', { method: 'POST', body: 'a=1', headers }),
    talked: await talk()
  }
  document.getElementById('said').textContent = 'all is said'
  await fetch('/report', { method: 'POST', body: JSON.stringify(seen) })
}
play().catch((error) => fetch('/report', { method: 'POST', body: JSON.stringify(String(error)) }))
</script>
"#;

/// What the page has reported.
type Report = Arc<Mutex<Value>>;

fn stage(bench: &Bench, chat: u16) -> (Site, Report) {
    let report = Report::default();
    let reported = Arc::clone(&report);
    let (said, done) = watch::channel(false);
    let page = PAGE.replace("CHAT", &format!("{}:{chat}", Bench::HOST));
    let site = Site::start(ABROAD, &bench.identity.config(), BOTH, move |request| -> Answer {
        let (reported, page) = (Arc::clone(&reported), page.clone());
        let (said, mut done) = (said.clone(), done.clone());
        Box::pin(async move {
            let (head, body) = request.into_parts();
            match (head.method, head.uri.path()) {
                (Method::GET, "/") => answer(200, "text/html", whole(page)),
                (Method::GET, "/hello") => answer(200, "text/plain", whole("hello")),
                (Method::GET, "/done") => {
                    done.wait_for(|done| *done).await.unwrap();
                    answer(404, "text/plain", whole(""))
                }
                (Method::POST, path) => {
                    let body = body.collect().await.unwrap().to_bytes();
                    if path == "/report" {
                        *reported.lock().unwrap() = serde_json::from_slice(&body).unwrap();
                        said.send(true).unwrap();
                    }
                    answer(200, "text/plain", whole(body))
                }
                _ => answer(404, "text/plain", whole("nothing is here")),
            }
        })
    });
    (site, report)
}

/// Puts the authority into the store of a new user.
fn trust(bench: &Bench) {
    let store = bench.path(".pki/nssdb");
    std::fs::create_dir_all(&store).unwrap();
    let store = format!("sql:{}", text(&store));
    let certutil = |arguments: &[&str]| {
        let mut certutil = bench.program("certutil");
        let output = certutil.args(["-d", &store]).args(arguments).output();
        said(&output.unwrap_or_else(|error| panic!("certutil: {error}; run tests/run")));
    };
    certutil(&["-N", "--empty-password"]);
    certutil(&["-A", "-t", "C,,", "-n", "borderpost", "-i", text(&bench.roots())]);
}

fn chromium(bench: &Bench, page: &str) -> Command {
    let mut chromium = bench.program(given("BORDERPOST_TEST_BROWSER"));
    chromium
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--disable-dev-shm-usage", "--dump-dom"])
        .arg(format!("--user-data-dir={}", text(&bench.path("profile"))))
        .arg(format!("--proxy-server={}", bench.proxy_url()))
        .arg(page);
    chromium
}

#[test]
fn chromium_loads_posts_and_talks() {
    let bench = bench();
    let chat = Server::start(&bench, node(&bench, "ws_origin.cjs"));
    let (site, report) = stage(&bench, chat.port);
    trust(&bench);
    let page = url(site.address.port());
    let shown = said(&chromium(&bench, &page).output().unwrap());
    let expected = json!({
        "got": [200, "hello"], "posted": [200, "a=1"], "blocked": [451, RULE], "talked": "words"
    });
    assert_eq!(*report.lock().unwrap(), expected, "{shown}");
    assert!(shown.contains("all is said"), "{shown}");
    let visits = site.visits();
    assert!(visits.iter().all(|visit| visit.version == Version::HTTP_2), "{visits:#?}");
    let (_, inside) = bench.records_inside(visits.len() + 2);
    let blocked: Vec<_> = inside.iter().filter(|record| record["outcome"] == "block").collect();
    assert_eq!(blocked.len(), 1, "{inside:#?}");
    assert_eq!((&blocked[0]["path"], &blocked[0]["status"]), (&"/echo".into(), &451.into()));
    // A page that is refused is shown as a page.
    close(&bench);
    let refused = said(&chromium(&bench, &page).output().unwrap());
    assert!(refused.contains("Refused by the data-egress policy"), "{refused}");
    assert!(refused.contains("<dd>closed</dd>"), "{refused}");
}
