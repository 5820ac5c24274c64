//! gRPC: calls of every kind, their trailers, and what is cancelled.

use serde_json::{Value, json};

use crate::support::Bench;

use super::{RULE, Server, bench, python, seen};

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
