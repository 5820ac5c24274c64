//! Java's `HttpClient`, with a trust store made by `keytool`.

use std::process::Command;

use http::Version;
use serde_json::json;

use crate::support::{BOTH, Bench, said, script};

use super::{Server, bench, hold, node, seen, site, text, url};

fn java(bench: &Bench, port: u16, wanted: &str) -> Command {
    let store = bench.path("trust.p12");
    let mut keytool = bench.program("keytool");
    keytool
        .args(["-importcert", "-noprompt", "-alias", "borderpost", "-storetype", "PKCS12"])
        .args(["-storepass", "changeit", "-keystore", text(&store), "-file", text(&bench.roots())]);
    said(&keytool.output().unwrap_or_else(|error| panic!("keytool: {error}; run tests/run")));
    let mut java = bench.program("java");
    let proxy = bench.proxy.listen;
    java.arg(format!("-Dhttps.proxyHost={}", proxy.ip()))
        .arg(format!("-Dhttps.proxyPort={}", proxy.port()))
        .arg(format!("-Djavax.net.ssl.trustStore={}", text(&store)))
        .arg("-Djavax.net.ssl.trustStorePassword=changeit")
        .arg(script("real/Inside.java"))
        .env("BENCH_URL", url(port))
        .env("BENCH_HTTP", wanted);
    java
}

#[test]
fn requests() {
    for (wanted, version, name) in
        [("1", Version::HTTP_11, "HTTP_1_1"), ("2", Version::HTTP_2, "HTTP_2")]
    {
        let bench = bench();
        let site = site(&bench, BOTH);
        let seen = seen(&mut java(&bench, site.address.port(), wanted));
        hold(&bench, &site, version, &seen);
        assert_eq!(seen["versions"], [name; 3].join(" "));
    }
}

#[test]
fn sockets() {
    let bench = bench();
    let server = Server::start(&bench, node(&bench, "ws_origin.cjs"));
    let seen = seen(java(&bench, server.port, "2").env("BENCH_PLAY", "sockets"));
    let expected = json!({ "protocol": "chat", "text": "in pieces", "code": 4001, "blocked": 451 });
    assert_eq!(seen, expected);
    let (_, inside) = bench.records_inside(2);
    let talk = inside.iter().find(|record| record["status"] == 101).unwrap();
    assert_eq!((&talk["messages_out"], &talk["path"]), (&1.into(), &"/chat".into()), "{talk:#}");
}
