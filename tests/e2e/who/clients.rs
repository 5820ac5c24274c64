//! Real clients prove who they are.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{Credentials, PASSWORD, REQUIRED};
use crate::support::{Identity, Origin, Proxy, ok};

#[test]
fn curl_and_requests_prove_who_they_are() {
    let credentials = Credentials::new();
    let proxy = Proxy::start(&credentials.config(REQUIRED).name("a.example", &["127.1.0.1"]));
    let plain = Origin::answering("127.1.0.1", ok("plain"));
    let identity = Identity::new("a.example", "127.1.0.1");
    let secure = identity.serve("127.1.0.1", ok("secret"));
    let https = format!("https://a.example:{}/", secure.address.port());
    let curl = |user: &str, more: &[&str]| {
        let mut command = Command::new("curl");
        command.args([
            "-q",
            "-sS",
            "--max-time",
            "60",
            "--noproxy",
            "",
            "-w",
            "%{http_code} %{http_connect}",
        ]);
        command.args(["-x", &format!("http://{}", proxy.listen), "--proxy-user", user]);
        let output = command.args(["-o", "-"]).args(more).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let ann = format!("ann:{PASSWORD}");
    let ca = identity.certificate();
    let ca = ca.to_str().unwrap();
    assert_eq!(curl(&ann, &[&plain.url()]), "plain200 000");
    assert_eq!(
        curl(&ann, &["--proxy-anyauth", &plain.url()]).split("plain").nth(1),
        Some("200 000")
    );
    assert_eq!(curl(&ann, &["--cacert", ca, &https]), "secret200 200");
    assert_eq!(curl("ann:no", &["--cacert", ca, &https]), "000 407");
    let mut python = Command::new(given("BORDERPOST_TEST_PYTHON"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/client_credentials.py");
    let output = python
        .arg(script)
        .env("BENCH_PROXY", proxy.listen.to_string())
        .env("BENCH_PLAIN", plain.url())
        .env("BENCH_SECURE", https)
        .env("BENCH_CA", ca)
        .output()
        .unwrap();
    let seen: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(seen["plain"], serde_json::json!([200, 407, 407]));
    assert_eq!(seen["secure"], 200);
    assert!(seen["refused"].as_str().unwrap().contains("407"), "{seen}");
}

fn given(name: &str) -> PathBuf {
    std::env::var_os(name).unwrap_or_else(|| panic!("{name}: run the tests by tests/run")).into()
}
