//! WebSocket through the proxy: decided as a request, followed frame by frame.

use crate::support::{Config, Origin, Proxy, Wire};

/// The example of RFC 6455 section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// `Hello` from a client (RFC 6455 section 5.7), and from a server.
const MASKED: &[u8] = &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
const PLAIN: &[u8] = &[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];

/// Switches, and answers the first frame.
fn origin(ip: &str, accept: &'static str) -> Origin {
    Origin::start(ip, move |wire, received| {
        let Some(request) = wire.request() else { return };
        received.note(request);
        wire.send(format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        ));
        let frame = wire.take(MASKED.len());
        received.note_bytes(&frame);
        drop(wire.try_send(PLAIN));
        drop(wire.rest());
    })
}

fn ask(proxy: &Proxy, origin: &Origin, fields: &str) -> (Wire, u16) {
    let mut client = proxy.client();
    client.send(format!(
        "GET {}/chat HTTP/1.1\r\nHost: {}\r\nConnection: keep-alive, Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{fields}\r\n",
        origin.url(),
        origin.address
    ));
    let head = client.head().expect("an answer");
    let status = head.status();
    if status == 101 {
        assert_eq!(head.get("sec-websocket-accept"), Some(ACCEPT));
        assert_eq!(head.get("upgrade"), Some("websocket"));
    }
    (client, status)
}

#[test]
fn frames_pass_both_ways_and_messages_are_counted() {
    let (proxy, origin) = (Proxy::start(&Config::new()), origin("127.1.0.1", ACCEPT));
    let (mut client, status) = ask(&proxy, &origin, "");
    assert_eq!(status, 101);
    let seen = origin.request(0);
    assert_eq!(seen.head.get("connection"), Some("upgrade"));
    assert_eq!(seen.head.get("sec-websocket-key"), Some(KEY));
    client.send(MASKED);
    assert_eq!(client.take(PLAIN.len()), PLAIN);
    assert_eq!(origin.bytes(), MASKED);
    drop(client);
    let record = proxy.record();
    let counted = (&record["status"], &record["messages_out"], &record["bytes_out"]);
    assert_eq!(counted, (&101.into(), &1.into(), &MASKED.len().into()), "{record:#}");
    assert_eq!(record["bytes_in"], PLAIN.len());
}

#[test]
fn frames_that_do_not_hold_to_the_form_do_not_leave() {
    let (proxy, origin) = (Proxy::start(&Config::new()), origin("127.1.0.1", ACCEPT));
    let (mut client, _) = ask(&proxy, &origin, "");
    client.send(PLAIN);
    assert!(client.some().is_empty(), "the connection ends");
    let record = proxy.record();
    assert_eq!(record["error"]["code"], "websocket-malformed", "{record:#}");
    assert!(origin.bytes().is_empty());
}

#[test]
fn a_switch_that_nobody_asked_for_is_refused() {
    let proxy = Proxy::start(&Config::new());
    let wrong = origin("127.1.0.1", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    assert_eq!(ask(&proxy, &wrong, "").1, 502);
    assert_eq!(proxy.record()["error"]["code"], "answer-malformed");
}

#[test]
fn a_handshake_is_decided_as_any_request() {
    let proxy = Proxy::start(&Config::new().rules());
    let abroad = origin("127.3.0.1", ACCEPT);
    assert_eq!(ask(&proxy, &abroad, "X-Data-Class: health\r\n").1, 451);
    assert_eq!(abroad.connections(), 0);
}

#[test]
fn a_tighter_policy_ends_it() {
    let (proxy, origin) = (Proxy::start(&Config::new()), origin("127.1.0.1", ACCEPT));
    let (mut client, _) = ask(&proxy, &origin, "");
    client.send(MASKED);
    assert_eq!(client.take(PLAIN.len()), PLAIN);
    proxy.reload(&Config::new().rule("none", "block", "", "hosts = [\"127.1.0.1\"]"));
    assert!(client.some().is_empty());
    assert_eq!(proxy.record()["error"]["code"], "tunnel-revoked");
}
