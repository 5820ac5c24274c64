//! Programs that ask, post, and post what is tagged: each is told of proxy and authority by the
//! environment alone.

use std::process::Command;

use http::Version;
use serde_json::{Value, json};

use crate::support::{Site, given, script};

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

/// From 22.21 and 24.5 on Node asks the proxy by itself; an older one goes around it, which nothing
/// but a closed network can keep it from.
#[test]
fn node_by_itself() {
    let stage = Stage::new();
    let origin = crate::support::Origin::answering(super::ABROAD, crate::support::ok("here"));
    let mut command = stage.exec(&[]);
    let text = format!("fetch('{}').then(a => a.text()).then(console.log)", origin.url());
    let told = stage.ended(command.args(["node", "-e", &text]));
    assert_eq!((told.code, told.out.as_str()), (Some(0), "here\n"), "{told:#?}");
    let version = Command::new("node").arg("-p").arg("process.versions.node").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let mut parts = version.trim().split('.').map(|part| part.parse::<u32>().unwrap());
    let version = (parts.next().unwrap(), parts.next().unwrap());
    let asks = version >= (24, 5) || (version.0 == 22 && version.1 >= 21);
    told.says(if asks { "exec: 1 request to" } else { "exec: 0 requests to" });
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
