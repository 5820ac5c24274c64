//! Programs that people use, through tunnels that are opened: each trusts the proxy's authority
//! and finds the proxy in the way that README says for it. `tests/run` installs them.

mod bodies;
mod browser;
mod calls;
mod git;
mod java;
mod packages;
mod programs;
mod sockets;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use http::{Method, Version};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::support::{Bench, Config, Site, answer, given, said, script, whole};

/// The rule of the shipped pack by which tagged data does not go to `ABROAD`.
const RULE: &str = "us-country-of-concern";

/// Where the destinations lie: what is not tagged may go there.
const ABROAD: &str = "127.3.0.1";

/// A proxy that opens every tunnel and has the shipped rules.
fn bench() -> Bench {
    Bench::new(ABROAD, |config: Config| config.rules().with("[intercept]\nmode = \"always\""))
}

/// An origin that greets and echoes, in whichever of the protocols the client wants.
fn site(bench: &Bench, protocols: &[&str]) -> Site {
    Site::start(ABROAD, &bench.identity.config(), protocols, |request| {
        Box::pin(async move {
            match (request.method(), request.uri().path()) {
                (&Method::GET, "/hello") => answer(200, "text/plain", whole("hello")),
                (&Method::POST, "/echo") => {
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    answer(200, "text/plain", whole(body))
                }
                _ => answer(404, "text/plain", whole("nothing is here")),
            }
        })
    })
}

/// Puts a rule in force that refuses every `GET` inside a tunnel, for programs that cannot tag.
fn close(bench: &Bench) {
    let rule = "methods = [\"GET\"]";
    bench.proxy.reload(&bench.config.clone().rule("closed", "block", "", rule));
}

fn url(port: u16) -> String {
    format!("https://{}:{port}", Bench::HOST)
}

/// Runs a program that prints one JSON object.
#[track_caller]
fn seen(command: &mut Command) -> Value {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; run the tests by tests/run"));
    let text = said(&output);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn python(bench: &Bench, name: &str) -> Command {
    let mut python = bench.program(given("BORDERPOST_TEST_PYTHON"));
    // What a script is made of stays as it is, without a cache beside it.
    python.arg("-B").arg(script(&format!("real/{name}")));
    python
}

fn node(bench: &Bench, name: &str) -> Command {
    let mut node = bench.program("node");
    let modules = given("BORDERPOST_TEST_NODE_PATH").join("node_modules");
    node.env("NODE_PATH", modules).env("NODE_EXTRA_CA_CERTS", bench.roots());
    node.arg(script(&format!("real/{name}")));
    node
}

/// What each program must have seen that asks for `/hello`, posts to `/echo`, and posts there
/// once more with tagged data; what the origin saw in `version`; and what the records say.
#[track_caller]
fn hold(bench: &Bench, site: &Site, version: Version, seen: &Value) {
    assert_eq!(seen["got"], json!([200, "hello"]), "{seen:#}");
    assert_eq!(seen["posted"], json!([200, "a=1"]), "{seen:#}");
    assert_eq!(seen["blocked"], json!([451, RULE]), "{seen:#}");
    let visits = site.visits();
    let visited: Vec<_> =
        visits.iter().map(|v| (v.version, v.method.as_str(), v.path.as_str())).collect();
    assert_eq!(visited, [(version, "GET", "/hello"), (version, "POST", "/echo")]);
    for visit in &visits {
        assert!(visit.headers.contains_key("via"), "{visit:?}");
        assert!(!visit.headers.contains_key("x-data-class"), "{visit:?}");
    }
    let (tunnels, inside) = bench.records_inside(3);
    for tunnel in &tunnels {
        let is = (&tunnel["tunnel"], &tunnel["server_name"], &tunnel["status"]);
        assert_eq!(is, (&"opened".into(), &Bench::HOST.into(), &200.into()), "{tunnel:#}");
    }
    let told: Vec<_> = inside
        .iter()
        .map(|r| json!([r["scheme"], r["method"], r["path"], r["status"], r["outcome"]]))
        .collect();
    let expected = [
        json!(["https", "GET", "/hello", 200, "allow"]),
        json!(["https", "POST", "/echo", 200, "allow"]),
        json!(["https", "POST", "/echo", 451, "block"]),
    ];
    assert_eq!(told, expected, "{inside:#?}");
    assert_eq!((&inside[1]["bytes_out"], &inside[1]["bytes_in"]), (&3.into(), &3.into()));
    assert_eq!((&inside[2]["bytes_out"], &inside[2]["tags"]), (&0.into(), &json!(["health"])));
}

/// A program that serves, and says on which port.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Starts it with the test's certificate.
    #[track_caller]
    fn start(bench: &Bench, mut command: Command) -> Self {
        let mut child = command
            .env("BENCH_ADDRESS", ABROAD)
            .env("BENCH_CERT", bench.identity.file("cert.pem"))
            .env("BENCH_KEY", bench.identity.file("cert-key.pem"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; run the tests by tests/run"));
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap_or_else(|_| panic!("no port: {line}"));
        Self { child, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The text of a path, for programs that are told of files by arguments.
fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
