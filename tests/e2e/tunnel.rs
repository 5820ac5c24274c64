//! CONNECT: decided and dialled before the 200, then bytes both ways, each end by itself.

use crate::support::{Config, Origin, Proxy, closed_port, wait_for};

fn start() -> Proxy {
    Proxy::start(&Config::new().rules())
}

#[test]
fn bytes_pass_both_ways_and_are_counted() {
    let (proxy, origin) = (start(), Origin::echo("127.0.0.1"));
    let (mut tunnel, answer) = proxy.connect(&origin.address.to_string(), "");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.head.get("content-length"), None);
    assert_eq!(answer.head.get("transfer-encoding"), None);
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
    assert_eq!((&record["method"], &record["scheme"]), (&"CONNECT".into(), &"connect".into()));
    assert_eq!((&record["status"], &record["path"]), (&200.into(), &serde_json::Value::Null));
    assert!(record["error"].is_null());
    assert_eq!(record["address"], origin.address.to_string());
}

#[test]
fn bytes_behind_the_head_are_tunnel_bytes() {
    // More than one read of the server, so that some are still held when the tunnel opens.
    for length in [1, 5, 16 * 1024, 200_000] {
        let (proxy, origin) = (start(), Origin::echo("127.0.0.1"));
        let early: Vec<u8> = (0..=255).cycle().take(length).collect();
        let target = origin.address;
        let mut client = proxy.client();
        let head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
        let mut sender = client.stream.try_clone().unwrap();
        let sent = early.clone();
        let writer = std::thread::spawn(move || {
            std::io::Write::write_all(&mut sender, &[head.as_bytes(), &sent].concat()).unwrap();
        });
        assert_eq!(client.head().unwrap().status(), 200);
        assert!(client.take(length) == early, "{length} bytes come back in order");
        writer.join().unwrap();
        drop(client);
        assert_eq!(proxy.record()["bytes_out"], length);
    }
}

#[test]
fn the_client_may_end_its_side_first() {
    let origin = Origin::start("127.0.0.1", |wire, received| {
        received.note_bytes(&wire.rest());
        wire.send("the answer to all of it");
    });
    let proxy = start();
    let (mut tunnel, _) = proxy.connect(&origin.address.to_string(), "");
    tunnel.send("question");
    tunnel.end();
    assert_eq!(tunnel.rest(), b"the answer to all of it");
    assert_eq!(origin.bytes(), b"question");
    assert!(proxy.record()["error"].is_null());
}

#[test]
fn the_origin_may_end_its_side_first() {
    let origin = Origin::start("127.0.0.1", |wire, received| {
        wire.send("greeting");
        wire.end();
        received.note_bytes(&wire.rest());
    });
    let proxy = start();
    let (mut tunnel, _) = proxy.connect(&origin.address.to_string(), "");
    assert_eq!(tunnel.rest(), b"greeting");
    tunnel.send("still listening?");
    tunnel.end();
    wait_for("the bytes at the origin", || (origin.bytes() == b"still listening?").then_some(()));
    assert!(proxy.record()["error"].is_null());
}

#[test]
fn a_refused_tunnel_is_never_dialled() {
    let (proxy, origin) = (start(), Origin::echo("127.3.0.1"));
    let (mut client, answer) =
        proxy.connect(&origin.address.to_string(), "X-Data-Class: health\r\n");
    assert_eq!(answer.status(), 451);
    assert_eq!(answer.json()["rule"], "us-country-of-concern");
    assert_eq!(answer.head.get("connection"), Some("close"));
    // What the client sent behind the head may have been tunnel bytes.
    assert!(client.has_ended());
    assert_eq!(origin.connections(), 0);
    let record = proxy.record();
    assert_eq!((&record["outcome"], &record["status"]), (&"block".into(), &451.into()));
    assert_eq!((&record["bytes_out"], &record["cite"]), (&0.into(), &"28 CFR 202.601".into()));
}

#[test]
fn there_is_no_200_before_there_is_a_connection() {
    let proxy = start();
    let (mut client, answer) = proxy.connect(&closed_port("127.1.9.1").to_string(), "");
    assert_eq!(answer.status(), 502);
    assert_eq!(answer.json()["code"], "connect-refused");
    assert!(client.has_ended());
    assert_eq!(proxy.record()["error"]["code"], "connect-refused");
}

#[test]
fn a_tunnel_to_a_tagged_place_is_recorded_with_its_rule() {
    let (proxy, origin) = (start(), Origin::echo("127.2.0.1"));
    let (tunnel, answer) = proxy.connect(&origin.address.to_string(), "X-Data-Class: health\r\n");
    assert_eq!(answer.status(), 200);
    drop(tunnel);
    let record = proxy.record();
    assert_eq!(
        (&record["outcome"], &record["tags"]),
        (&"log".into(), &serde_json::json!(["health"]))
    );
    assert_eq!(record["rules"][0]["rule"], "tagged-abroad");
}

#[test]
fn a_tighter_policy_cuts_live_tunnels_and_no_others() {
    let config = Config::new();
    let (proxy, one, two) =
        (Proxy::start(&config), Origin::echo("127.3.0.1"), Origin::echo("127.1.0.1"));
    let (mut doomed, _) = proxy.connect(&one.address.to_string(), "");
    let (mut spared, _) = proxy.connect(&two.address.to_string(), "");
    for tunnel in [&mut doomed, &mut spared] {
        tunnel.send("up");
        assert_eq!(tunnel.take(2), b"up");
    }
    proxy.reload(&config.rule("closed", "block", "", "to = [\"CN\"]"));
    assert!(doomed.has_ended());
    let record = proxy.record();
    assert_eq!(
        (&record["error"]["code"], &record["error"]["fault"]),
        (&"tunnel-revoked".into(), &"policy".into())
    );
    assert_eq!((&record["bytes_out"], &record["bytes_in"]), (&2.into(), &2.into()));
    wait_for("the end at the origin", || (one.ended() == 1).then_some(()));
    spared.send("still up");
    assert_eq!(spared.take(8), b"still up");
    let (_, answer) = proxy.connect(&one.address.to_string(), "");
    assert_eq!(answer.status(), 403);
}

#[test]
fn an_idle_tunnel_ends() {
    let origin = Origin::echo("127.0.0.1");
    let proxy = Proxy::start(&Config::new().limit("tunnel_idle_timeout", "\"100ms\""));
    let (mut tunnel, _) = proxy.connect(&origin.address.to_string(), "");
    assert!(tunnel.has_ended());
    assert_eq!(proxy.record()["error"]["code"], "tunnel-idle");
}

#[test]
fn r0003_a_tunnel_counts_as_a_connection_while_it_stands() {
    let (proxy, origin) = (start(), Origin::echo("127.0.0.1"));
    let (mut tunnel, _) = proxy.connect(&origin.address.to_string(), "");
    tunnel.send("x");
    assert_eq!(tunnel.take(1), b"x");
    let open = || proxy.metric("egress_connections", "client");
    assert!((open() - 1.0).abs() < 0.5, "{}", open());
    tunnel.end();
    assert!(tunnel.has_ended());
    wait_for("the end of the connection", || (open() < 0.5).then_some(()));
}
