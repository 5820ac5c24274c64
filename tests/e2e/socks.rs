//! SOCKS 5: one connection is one tunnel, decided and dialled before its success, and every
//! reply says what happened.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Config, Dns, Identity, Origin, Proxy, Wire, Zone, closed_port, ok, wait_for};

const HOST: &str = "api.test.example";

/// The shipped rules, and what goes to `*.tagged.example` is health data.
fn config() -> Config {
    Config::new()
        .rules()
        .listener("socks5", "")
        .name(HOST, &["127.1.0.1"])
        .name("api.tagged.example", &["127.3.0.1"])
        .with("[[route]]\nhosts = [\"*.tagged.example\"]\ntags = [\"health\"]")
}

fn start() -> Proxy {
    Proxy::start(&config())
}

/// A request for an IPv4 address.
fn to_address(origin: &std::net::SocketAddr) -> Vec<u8> {
    let std::net::IpAddr::V4(ip) = origin.ip() else { panic!("{origin}") };
    [&[5, 1, 0, 1][..], &ip.octets(), &origin.port().to_be_bytes()].concat()
}

/// A request for a name.
fn to_name(name: &str, port: u16) -> Vec<u8> {
    let length = u8::try_from(name.len()).unwrap();
    [&[5, 1, 0, 3, length][..], name.as_bytes(), &port.to_be_bytes()].concat()
}

/// A client that has greeted.
#[track_caller]
fn greeted(proxy: &Proxy) -> Wire {
    let mut client = Wire::connect(proxy.listener("socks5h"));
    client.send([5, 1, 0]);
    assert_eq!(client.take(2), [5, 0]);
    client
}

/// Asks, and reads the reply.
#[track_caller]
fn ask(proxy: &Proxy, request: &[u8]) -> (Wire, u8) {
    let mut client = greeted(proxy);
    client.send(request);
    let reply = client.take(10);
    assert_eq!((reply.len(), reply[0], reply[2], reply[3]), (10, 5, 0, 1), "{reply:?}");
    (client, reply[1])
}

#[test]
fn bytes_pass_both_ways_and_are_counted() {
    let (proxy, origin) = (start(), Origin::echo("127.0.0.1"));
    let (mut tunnel, reply) = ask(&proxy, &to_address(&origin.address));
    assert_eq!(reply, 0);
    for text in ["hello", "\0\u{1}binary\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"] {
        tunnel.send(text);
        assert_eq!(tunnel.take(text.len()), text.as_bytes());
    }
    assert_eq!(proxy.records().len(), 0, "the record is written when the tunnel ends");
    tunnel.end();
    assert!(tunnel.has_ended());
    let record = proxy.record();
    let sent = origin.bytes().len();
    assert_eq!((&record["bytes_out"], &record["bytes_in"]), (&sent.into(), &sent.into()));
    assert_eq!((&record["method"], &record["scheme"]), (&"CONNECT".into(), &"socks5".into()));
    assert_eq!((&record["status"], &record["path"]), (&200.into(), &Value::Null));
    assert_eq!(record["address"], origin.address.to_string());
    assert!(record["error"].is_null());
}

#[test]
fn the_reply_says_from_where_the_connection_was_made() {
    let origin = Origin::start("127.0.0.1", |wire, _| {
        let peer = wire.stream.peer_addr().unwrap().port();
        wire.send(peer.to_string());
    });
    let proxy = start();
    let mut client = greeted(&proxy);
    client.send(to_address(&origin.address));
    let reply = client.take(10);
    assert_eq!(reply[..8], [5, 0, 0, 1, 127, 0, 0, 1]);
    let port = u16::from_be_bytes([reply[8], reply[9]]);
    assert_eq!(String::from_utf8(client.rest()).unwrap(), port.to_string());
}

#[test]
fn names_are_resolved_by_the_proxy() {
    let (proxy, origin) = (start(), Origin::echo("127.1.0.1"));
    for (before, name) in [HOST, "API.Test.Example.", "127.1.0.1"].into_iter().enumerate() {
        let (mut tunnel, reply) = ask(&proxy, &to_name(name, origin.address.port()));
        assert_eq!(reply, 0, "{name}");
        tunnel.send("x");
        assert_eq!(tunnel.take(1), b"x");
        drop(tunnel);
        // Tunnels that end together are recorded in any order.
        proxy.wait_records(before + 1);
    }
    let records = proxy.wait_records(3);
    assert_eq!(records[0]["host"], HOST);
    assert_eq!(records[1]["host"], HOST);
    assert_eq!(records[2]["host"], "127.1.0.1");
}

#[test]
fn ipv6_addresses_are_destinations() {
    let Ok(listener) = std::net::TcpListener::bind("[::1]:0") else {
        println!("skipped: this machine has no IPv6 loopback");
        return;
    };
    let port = listener.local_addr().unwrap().port();
    let proxy = start();
    let mut client = greeted(&proxy);
    let address = [[0; 15].as_slice(), &[1]].concat();
    client.send([&[5, 1, 0, 4][..], &address, &port.to_be_bytes()].concat());
    let reply = client.take(22);
    assert_eq!((reply.len(), reply[1], reply[3]), (22, 0, 4));
    let (accepted, _) = listener.accept().unwrap();
    Wire::new(accepted).send("six");
    assert_eq!(client.rest(), b"six");
}

#[test]
fn a_handshake_may_come_byte_by_byte() {
    let (proxy, origin) = (start(), Origin::echo("127.1.0.1"));
    let mut client = Wire::connect(proxy.listener("socks5h"));
    for byte in [5, 3, 2, 1, 0] {
        client.send([byte]);
    }
    assert_eq!(client.take(2), [5, 0]);
    for byte in to_name(HOST, origin.address.port()) {
        client.send([byte]);
    }
    assert_eq!(client.take(10)[..2], [5, 0]);
    client.send("through");
    assert_eq!(client.take(7), b"through");
}

#[test]
fn bytes_behind_the_request_are_tunnel_bytes() {
    for length in [1, 900, 2_000, 200_000] {
        let (proxy, origin) = (start(), Origin::echo("127.0.0.1"));
        let early: Vec<u8> = (0..=255).cycle().take(length).collect();
        let all = [&[5, 1, 0][..], &to_address(&origin.address), &early].concat();
        let mut client = Wire::connect(proxy.listener("socks5h"));
        let mut sender = client.stream.try_clone().unwrap();
        let writer =
            std::thread::spawn(move || std::io::Write::write_all(&mut sender, &all).unwrap());
        assert_eq!(client.take(12)[..4], [5, 0, 5, 0]);
        assert!(client.take(length) == early, "{length} bytes come back in order");
        writer.join().unwrap();
        drop(client);
        assert_eq!(proxy.record()["bytes_out"], length);
    }
}

#[test]
fn either_side_may_end_first() {
    let origin = Origin::start("127.0.0.1", |wire, received| {
        received.note_bytes(&wire.rest());
        wire.send("the answer to all of it");
    });
    let greeter = Origin::start("127.0.0.1", |wire, received| {
        wire.send("greeting");
        wire.end();
        received.note_bytes(&wire.rest());
    });
    let proxy = start();
    let (mut tunnel, _) = ask(&proxy, &to_address(&origin.address));
    tunnel.send("question");
    tunnel.end();
    assert_eq!(tunnel.rest(), b"the answer to all of it");
    assert_eq!(origin.bytes(), b"question");
    let (mut tunnel, _) = ask(&proxy, &to_address(&greeter.address));
    assert_eq!(tunnel.rest(), b"greeting");
    tunnel.send("still listening?");
    tunnel.end();
    wait_for("the bytes", || (greeter.bytes() == b"still listening?").then_some(()));
    let records = proxy.wait_records(2);
    assert!(records.iter().all(|record| record["error"].is_null()), "{records:#?}");
}

#[test]
fn a_refused_tunnel_is_never_dialled() {
    let (proxy, origin) = (start(), Origin::echo("127.3.0.1"));
    let (mut client, reply) = ask(&proxy, &to_name("api.tagged.example", origin.address.port()));
    assert_eq!(reply, 2);
    assert!(client.has_ended());
    assert_eq!(origin.connections(), 0);
    let record = proxy.record();
    assert_eq!((&record["outcome"], &record["status"]), (&"block".into(), &451.into()));
    assert_eq!(record["rules"][0]["rule"], "us-country-of-concern");
    assert_eq!((&record["tags"], &record["bytes_out"]), (&json!(["health"]), &0.into()));
}

#[test]
fn every_failure_has_its_own_reply() {
    let dns = Dns::start();
    dns.set("silent.example", Zone::Silent);
    dns.set("empty.example", Zone::Empty);
    let proxy =
        Proxy::start(&config().open("\"127.0.0.0/8\"").with(&dns.table("timeout = \"200ms\"")));
    let closed = closed_port("127.1.9.1");
    let own = proxy.listener("socks5h");
    let cases = [
        (to_address(&closed), 5, "connect-refused"),
        (to_name("nowhere.example", 80), 4, "dns-no-such-name"),
        (to_name("empty.example", 80), 4, "dns-no-address"),
        (to_name("silent.example", 80), 6, "dns-timeout"),
        (to_address(&"10.1.2.3:80".parse().unwrap()), 2, "special-network"),
        (to_address(&own), 2, "loop"),
        (to_address(&proxy.listen), 2, "loop"),
        (to_name("no host", 80), 1, "target-invalid"),
        (to_name(HOST, 0), 1, "target-invalid"),
        ([5, 2, 0, 1, 127, 0, 0, 1, 0, 80].to_vec(), 7, "socks-command"),
        ([5, 3, 0, 1, 0, 0, 0, 0, 0, 0].to_vec(), 7, "socks-command"),
        ([5, 1, 0, 2].to_vec(), 8, "socks-address-type"),
    ];
    for (number, (request, wanted, code)) in cases.iter().enumerate() {
        let (mut client, reply) = ask(&proxy, request);
        assert_eq!(reply, *wanted, "{code}");
        assert!(client.has_ended(), "{code}");
        assert_eq!(proxy.wait_records(number + 1)[number]["error"]["code"], *code);
    }
}

#[test]
fn a_password_is_refused_where_nobody_has_one() {
    let proxy = start();
    let mut client = Wire::connect(proxy.listener("socks5h"));
    client.send([5, 1, 2]);
    assert_eq!(client.rest(), [5, 0xff]);
    let record = proxy.record();
    assert_eq!(
        (&record["error"]["code"], &record["error"]["fault"]),
        (&"socks-method".into(), &"client".into())
    );
    assert!(record["error"]["detail"].as_str().unwrap().contains("no users"), "{record:#}");
}

#[test]
fn other_protocols_are_told_apart_in_the_record() {
    let proxy = start();
    for (number, first) in
        [&b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"[..], &[4, 1, 0, 80], &[0x16, 3, 1]]
            .iter()
            .enumerate()
    {
        let mut client = Wire::connect(proxy.listener("socks5h"));
        client.send(first);
        assert!(client.has_ended());
        assert_eq!(proxy.wait_records(number + 1)[number]["error"]["code"], "socks-version");
    }
    // Who says nothing has asked for nothing.
    drop(Wire::connect(proxy.listener("socks5h")));
    let mut client = Wire::connect(proxy.listener("socks5h"));
    client.send([5]);
    client.end();
    assert!(client.has_ended());
    assert_eq!(proxy.wait_records(4)[3]["error"]["code"], "socks-cut");
}

#[test]
fn half_a_handshake_ends_in_time() {
    let proxy = Proxy::start(&config().limit("head_timeout", "\"100ms\""));
    let mut client = greeted(&proxy);
    client.send([5, 1, 0]);
    assert!(client.has_ended());
    let record = proxy.record();
    assert_eq!(
        (&record["error"]["code"], &record["status"]),
        (&"socks-timeout".into(), &408.into())
    );
}

#[test]
fn policies_idleness_and_drain_end_tunnels() {
    let config = Config::new().listener("socks5", "").limit("drain_timeout", "\"50ms\"");
    let (mut proxy, one, two) =
        (Proxy::start(&config), Origin::echo("127.3.0.1"), Origin::echo("127.1.0.1"));
    let (mut doomed, _) = ask(&proxy, &to_address(&one.address));
    let (mut spared, _) = ask(&proxy, &to_address(&two.address));
    for tunnel in [&mut doomed, &mut spared] {
        tunnel.send("up");
        assert_eq!(tunnel.take(2), b"up");
    }
    proxy.reload(&config.rule("closed", "block", "", "to = [\"CN\"]"));
    assert!(doomed.has_ended());
    assert_eq!(proxy.record()["error"]["code"], "tunnel-revoked");
    spared.send("still up");
    assert_eq!(spared.take(8), b"still up");
    let open = proxy.metric("egress_connections", "client");
    assert!((open - 1.0).abs() < 0.5, "{open}");
    proxy.signal("TERM");
    assert!(spared.has_ended());
    assert!(proxy.ended().success());
    assert_eq!(proxy.wait_records(2)[1]["error"]["code"], "tunnel-drained");
    let proxy = Proxy::start(
        &Config::new().listener("socks5", "").limit("tunnel_idle_timeout", "\"100ms\""),
    );
    let (mut tunnel, _) = ask(&proxy, &to_address(&two.address));
    assert!(tunnel.has_ended());
    assert_eq!(proxy.record()["error"]["code"], "tunnel-idle");
}

#[test]
fn curl_resolves_here_or_there() {
    let identity = Identity::new(HOST, "127.1.0.1");
    let proxy = Proxy::start(&config());
    let secure = identity.serve("127.1.0.1", ok("secret words"));
    let abroad = Origin::answering("127.3.0.1", ok(""));
    let (socks, port) = (proxy.listener("socks5h").to_string(), secure.address.port());
    let here = format!("{HOST}:{port}:127.1.0.1");
    let there = format!("socks5h://{socks}");
    let url = format!("https://{HOST}:{port}/");
    let curl = |arguments: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["-q", "-sS", "--max-time", "60", "--noproxy", "", "--cacert"]);
        let output = command.arg(identity.certificate()).args(arguments).output();
        output.unwrap_or_else(|error| panic!("curl: {error}; run tests/run"))
    };
    for arguments in [
        &["--socks5", &socks, "--resolve", &here, &url][..],
        &["--socks5-hostname", &socks, &url],
        &["--proxy", &there, &url],
        &["--proxy", &format!("socks5h://name:password@{socks}"), &url],
    ] {
        let output = curl(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.stdout, b"secret words", "{arguments:?}: {error}");
    }
    let url = format!("http://api.tagged.example:{}/", abroad.address.port());
    let refused = curl(&["--socks5-hostname", &socks, &url]);
    assert_eq!(refused.status.code(), Some(97), "curl's word for a SOCKS refusal");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("(2)"), "{refused:?}");
    let hosts: Vec<_> = proxy.wait_records(5).iter().map(|r| r["host"].clone()).collect();
    assert_eq!(hosts, ["127.1.0.1", HOST, HOST, HOST, "api.tagged.example"]);
    assert_eq!(abroad.connections(), 0);
}

#[test]
fn python_requests_and_pysocks() {
    let identity = Identity::new(HOST, "127.1.0.1");
    let proxy = Proxy::start(&config());
    let plain = Origin::answering("127.1.0.1", ok("plain words"));
    let secure = identity.serve("127.1.0.1", ok("secret words"));
    let abroad = Origin::echo("127.3.0.1");
    let python = std::env::var_os("BORDERPOST_TEST_PYTHON");
    let python = python.expect("BORDERPOST_TEST_PYTHON is not set: run the tests by tests/run");
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/client_socks.py");
    let output = Command::new(python)
        .arg(script)
        .env("BENCH_PROXY", format!("http://{}", proxy.listener("socks5h")))
        .env("BENCH_PLAIN", plain.url())
        .env("BENCH_SECURE", format!("https://{HOST}:{}/path", secure.address.port()))
        .env("BENCH_ABROAD", format!("http://api.tagged.example:{}", abroad.address.port()))
        .env("BENCH_CA", identity.certificate())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(seen["socks5"], json!([200, "plain words"]));
    assert_eq!(seen["socks5h"], json!([200, "plain words"]));
    assert_eq!(seen["secure"], json!([200, "secret words"]));
    assert!(seen["blocked"].as_str().unwrap().starts_with("0x02"), "{seen}");
    assert_eq!(abroad.connections(), 0);
}
