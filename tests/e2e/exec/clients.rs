//! Programs that ask, post, and post what is tagged: each is told of proxy and authority by the
//! environment alone.

use std::process::Command;

use http::Version;
use serde_json::{Value, json};

use crate::support::{Origin, Site, closed_port, given, ok, script};

use super::{HOST, REFUSED, Stage, Told, url};

/// The rule of the shipped pack by which tagged data does not go abroad.
const RULE: &str = "us-country-of-concern";

/// What each must have seen that asks for `/hello`, posts to `/echo`, and posts there once more what
/// is tagged; and what the summary says.
#[track_caller]
fn hold(told: &Told, site: &Site, version: Version) -> Value {
    let seen: Value = serde_json::from_str(&told.out).unwrap_or_else(|_| panic!("{told:#?}"));
    assert_eq!(seen["got"], json!([200, "hello"]), "{told:#?}");
    assert_eq!(seen["posted"], json!([200, "a=1"]), "{told:#?}");
    assert_eq!(seen["blocked"], json!([451, RULE]), "{told:#?}");
    assert_eq!(told.code, Some(REFUSED), "{told:#?}");
    told.says("borderpost exec: 3 requests to 1 destination in 1 place, 1 refused\n");
    let there = format!("{HOST}:{}", site.address.port());
    let line = told.lines("CN")[0];
    assert!(line.contains(&there), "{line}");
    assert!(line.ends_with("3 requests, 3 octets out, 1 refused: health  (test)"), "{line}");
    told.says(&format!("refused    default/{RULE} [block]  config/packs/default.toml:"));
    told.says(&format!("           1 x POST /echo to {there} (CN), health"));
    let visits = site.visits();
    let visited: Vec<_> =
        visits.iter().map(|one| (one.version, one.method.as_str(), one.path.as_str())).collect();
    assert_eq!(visited, [(version, "GET", "/hello"), (version, "POST", "/echo")]);
    seen
}

/// Runs a program that is told where the destination is, and nothing else.
fn told(stage: &Stage, site: &Site, add: impl Fn(&mut Command)) -> Told {
    let mut command = stage.exec(&[]);
    command.env("BENCH_URL", url(site.address.port())).env("BENCH_HTTP", "1");
    add(&mut command);
    stage.ended(&mut command)
}

fn python(name: &str) {
    let stage = Stage::new();
    let site = stage.site();
    let told = told(&stage, &site, |command| {
        command.arg(given("BORDERPOST_TEST_PYTHON")).arg("-B").arg(script(name));
    });
    hold(&told, &site, Version::HTTP_11);
}

#[test]
fn requests() {
    python("real/requests_inside.py");
}

#[test]
fn urllib() {
    python("real/urllib_inside.py");
}

#[test]
fn node_by_an_agent() {
    let stage = Stage::new();
    let site = stage.site();
    let told = told(&stage, &site, |command| {
        let modules = given("BORDERPOST_TEST_NODE_PATH").join("node_modules");
        command.env("NODE_PATH", modules).arg("node").arg(script("real/fetch_inside.cjs"));
    });
    hold(&told, &site, Version::HTTP_11);
}

/// No Node asks a proxy by itself in all of these ways, and old ones in none.
#[test]
fn node_by_itself() {
    for by in ["fetch", "https", "an agent of its own"] {
        let stage = Stage::new();
        let site = stage.site();
        let told = told(&stage, &site, |command| {
            // Options of the user's own stay.
            command.env("NODE_OPTIONS", "--stack-trace-limit=7").env("BENCH_BY", by);
            command.arg("node").arg(script("real/node_inside.cjs"));
        });
        let seen = hold(&told, &site, Version::HTTP_11);
        assert_eq!(seen["limit"], 7, "{by}");
        assert_eq!(told.lines("unseen"), [""; 0], "{by}: {told:#?}");
    }
}

/// Plain requests are seen and judged, too; what goes another way is told.
#[test]
fn node_around_the_proxy() {
    let stage = Stage::new();
    let origin = Origin::answering("127.0.0.1", ok("here"));
    let ask = |text: &str| {
        let mut command = stage.bare(&["--geo", "localhost=CN"]);
        stage.ended(command.args(["--", "node", "-e", text, &origin.url()]))
    };
    let health = "{ headers: { 'x-data-class': 'health' } }";
    let fetch = format!("fetch(process.argv[1], {health}).then(got => console.log(got.status))");
    let plain = format!(
        "require('http').get(process.argv[1], {health}, got => {{ console.log(got.statusCode); got.resume() }})"
    );
    for text in [fetch, plain] {
        let told = ask(&text);
        assert_eq!((told.code, told.out.as_str()), (Some(REFUSED), "451\n"), "{told:#?}");
        told.says("exec: 1 request to 1 destination in 1 place, 1 refused\n");
        assert_eq!(told.lines("unseen"), [""; 0], "{told:#?}");
    }
    assert!(origin.requests().is_empty(), "a tunnel is dialled, and nothing of it left");
    let told = ask(
        "const { hostname: host, port } = new URL(process.argv[1]); const net = require('net');\n\
         require('http').get({ host, port, createConnection: () => net.connect(port, host) },\n\
         got => { console.log(got.statusCode); got.resume() })",
    );
    assert_eq!((told.code, told.out.as_str()), (Some(0), "200\n"), "{told:#?}");
    told.says("exec: 0 requests to 0 destinations");
    let there = format!("unseen     Node connected to {} around the proxy", origin.address);
    told.says(&there);
    told.says("unseen     nothing came through the proxy; ");
    let told = ask(&format!(
        "fetch('http://{}/').catch(e => console.log(e.cause.code))",
        closed_port("127.0.0.1")
    ));
    told.says("failed     ");
}

#[test]
fn java() {
    let stage = Stage::new();
    let site = stage.site();
    let told = told(&stage, &site, |command| {
        // Options of the user's own stay.
        command.env("JAVA_TOOL_OPTIONS", "-Dbench.mark=1");
        command.arg("java").arg(script("real/Inside.java")).env("BENCH_HTTP", "2");
    });
    let seen = hold(&told, &site, Version::HTTP_2);
    assert_eq!(seen["versions"], "HTTP_2 HTTP_2 HTTP_2");
    told.says("Picked up JAVA_TOOL_OPTIONS: -Dbench.mark=1 -Dhttp.proxyHost=127.0.0.1 ");
}
