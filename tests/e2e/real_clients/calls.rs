//! gRPC: calls of every kind, their trailers, and what is cancelled.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::site::Answer;
use crate::support::{BOTH, Bench, Site, answer, flowing};

use super::{ABROAD, RULE, Server, bench, python, seen, url};

#[test]
fn grpc() {
    let bench = bench();
    let server = Server::start(&bench, python(&bench, "grpc_origin.py"));
    let mut client = python(&bench, "grpc_inside.py");
    client
        .env("BENCH_TARGET", format!("{}:{}", Bench::HOST, server.port))
        .env("https_proxy", bench.proxy_url())
        .env("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", bench.roots());
    let seen = seen(&mut client);
    assert_eq!((&seen["unary"], &seen["status"]), (&"WORDS".into(), &"OK".into()));
    assert_eq!(seen["trailers"], json!(["after all", [0, 255]]));
    assert_eq!(seen["large"], true);
    assert_eq!(seen["fails"], json!(["FAILED_PRECONDITION", "not now: \u{e4}, 100 %"]));
    assert_eq!((&seen["server"], &seen["client"]), (&4950.into(), &1_000_000.into()));
    assert_eq!(seen["both"], json!([["re: one", "re: two", "re: three"], []]));
    // By a reset of its stream: the connection to the origin is the first and only one.
    assert_eq!(seen["began"], "yes");
    assert_eq!(seen["cancelled"], json!(["CANCELLED", "True 1"]));
    assert_eq!(seen["blocked"][0], "PERMISSION_DENIED", "{seen:#}");
    let told = seen["blocked"][1].as_str().unwrap();
    assert!(told.contains(RULE), "{told}");
    let (_, inside) = bench.records_inside(10);
    let told = |path: &str| -> Vec<&Value> {
        inside.iter().filter(|record| record["path"] == path).collect()
    };
    let upper = told("/test.Test/Upper");
    let statuses: Vec<_> = upper.iter().map(|record| &record["status"]).collect();
    assert_eq!(statuses, [200, 200, 451], "{upper:#?}");
    // Five octets of frame before each message.
    assert_eq!(upper[0]["bytes_out"], 10);
    assert_eq!(upper[2]["bytes_out"], 0);
    let waits = told("/test.Test/Waits");
    assert_eq!(waits[0]["error"]["code"], "client-closed", "{waits:#?}");
}

/// Never goes on: `/body` in its body, all others before their answer.
fn silent(bench: &Bench) -> Site {
    Site::start(ABROAD, &bench.identity.config(), BOTH, |request| -> Answer {
        Box::pin(async move {
            let (sender, body) = flowing();
            if request.uri().path() == "/body" {
                tokio::spawn(async move {
                    drop(sender.send("some".into()).await);
                    std::future::pending::<()>().await;
                });
                return answer(200, "application/octet-stream", body);
            }
            std::future::pending().await
        })
    })
}

#[test]
fn a_silent_call_outlives_a_silent_body() {
    let bench = Bench::new(ABROAD, |config| {
        let config = config.limit("body_timeout", "\"200ms\"");
        config.limit("response_timeout", "\"200ms\"").with("[intercept]\nmode = \"always\"")
    });
    let server = Server::start(&bench, python(&bench, "grpc_origin.py"));
    let mut client = python(&bench, "grpc_silent.py");
    client
        .env("BENCH_TARGET", format!("{}:{}", Bench::HOST, server.port))
        .env("https_proxy", bench.proxy_url())
        .env("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", bench.roots());
    let mut client = client.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "re: one");
    // Whatever else is silent for as long as both calls are now has been cut in the meantime.
    let site = silent(&bench);
    let url = url(site.address.port());
    let cut = bench.curl(&["--http2", &format!("{url}/body")]);
    assert!(cut.starts_with("somecurl: (92)"), "{cut}");
    let late = bench.curl(&["--http2", "--data", "a", &url]);
    assert!(late.contains("answer-timeout"), "{late}");
    client.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "re: two re: three [] []");
    assert!(client.wait().unwrap().success());
}
