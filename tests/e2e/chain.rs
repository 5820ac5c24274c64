//! Destinations behind another proxy: it is asked for the address that was judged, it is told
//! apart from the destination when something fails, and no request goes round.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::support::{
    Config, Dns, Identity, Message, Origin, Proxy, Wire, closed_port, ok, wait_for,
};

const HOST: &str = "api.test.example";

fn config(chain: &str) -> Config {
    Config::new().rules().name(HOST, &["127.1.0.1"]).with(chain)
}

fn through(via: &str, more: &str) -> Config {
    config(&format!("[[chain]]\nvia = \"{via}\"\n{more}"))
}

fn url(origin: &Origin) -> String {
    format!("http://{HOST}:{}/path", origin.address.port())
}

/// A parent that answers every head with the same bytes and then sends back what comes.
fn parent(answer: &'static str) -> Origin {
    Origin::start("127.0.0.9", move |wire, received| {
        let Some(head) = wire.head() else { return };
        received.note(Message { head, whole: true, ..Message::default() });
        wire.send(answer);
        loop {
            let bytes = wire.some();
            if bytes.is_empty() || wire.try_send(bytes).is_err() {
                return;
            }
        }
    })
}

fn code(answer: &Message) -> (u16, String) {
    (answer.status(), answer.json()["code"].as_str().unwrap().to_owned())
}

/// A request twice, a tunnel once, and what both proxies say of it.
#[track_caller]
fn through_another(kind: &str, inner: &Proxy, address: SocketAddr) {
    let outer = Proxy::start(&through(&format!("{kind}://{address}"), ""));
    let (plain, echo) = (Origin::answering("127.1.0.1", ok("hello")), Origin::echo("127.1.0.1"));
    for _ in 0..2 {
        let answer = outer.ask("GET", &url(&plain), "", "");
        assert_eq!((answer.status(), answer.text().as_str()), (200, "hello"));
    }
    let (mut tunnel, answer) = outer.connect(&format!("{HOST}:{}", echo.address.port()), "");
    assert_eq!(answer.status(), 200);
    tunnel.send("through both");
    assert_eq!(tunnel.take(12), b"through both");
    tunnel.end();
    assert!(tunnel.has_ended());
    let records = outer.wait_records(3);
    let told = records.iter().map(|record| {
        ["via", "host", "address"].map(|key| record[key].as_str().unwrap().to_owned())
    });
    let wanted = [&plain, &plain, &echo]
        .map(|origin| [format!("{kind}://{address}"), HOST.to_owned(), origin.address.to_string()]);
    assert_eq!(told.collect::<Vec<_>>(), wanted);
    assert_eq!(records[2]["bytes_out"], 12);
    assert_eq!(plain.request(0).head.line, "GET /path HTTP/1.1");
    assert_eq!(plain.connections(), 1, "the way through the parent rests and is used again");
    drop(outer);
    // The address that was judged is what the parent is asked for.
    for record in inner.wait_records(2) {
        assert_eq!((&record["method"], &record["host"]), (&"CONNECT".into(), &"127.1.0.1".into()));
    }
}

#[test]
fn requests_and_tunnels_go_through_another_borderpost() {
    let inner = Proxy::start(&Config::new());
    through_another("http", &inner, inner.listen);
}

#[test]
fn requests_and_tunnels_go_through_its_socks_listener() {
    let inner = Proxy::start(&Config::new().listener("socks5", ""));
    through_another("socks5", &inner, inner.listener("socks5h"));
}

#[test]
fn tls_to_the_destination_is_ours_through_a_parent() {
    let identity = Identity::new(HOST, "127.1.0.1");
    let secure = identity.serve("127.1.0.1", ok("secret words"));
    let inner = Proxy::start(&Config::new());
    let roots = format!("[tls]\nroots = [\"{}\"]", identity.certificate().display());
    let outer = Proxy::start(&through(&format!("http://{}", inner.listen), "").with(&roots));
    let answer = outer.ask("GET", &format!("https://{HOST}:{}/", secure.address.port()), "", "");
    assert_eq!((answer.status(), answer.text().as_str()), (200, "secret words"));
    assert_eq!(outer.record()["via"], format!("http://{}", inner.listen));
}

#[test]
fn a_parent_under_tls_is_verified() {
    let identity = Identity::new("parent.example", "127.0.0.9");
    let parent = identity.accept("127.0.0.9", |wire, received| {
        let Some(head) = wire.head() else { return };
        received.note(Message { head, whole: true, ..Message::default() });
        wire.send("HTTP/1.1 200 OK\r\n\r\nearly");
        let bytes = wire.some();
        wire.send(bytes);
    });
    let via = format!("https://parent.example:{}", parent.address.port());
    let names = |config: Config| config.name("parent.example", &["127.0.0.9"]);
    let roots = format!("[tls]\nroots = [\"{}\"]", identity.certificate().display());
    let proxy = Proxy::start(&names(through(&via, "")).with(&roots));
    let (mut tunnel, answer) = proxy.connect(&format!("{HOST}:22"), "");
    assert_eq!(answer.status(), 200);
    assert_eq!(tunnel.take(5), b"early");
    tunnel.send("late");
    assert_eq!(tunnel.take(4), b"late");
    assert_eq!(parent.request(0).head.line, "CONNECT 127.1.0.1:22 HTTP/1.1");
    let proxy = Proxy::start(&names(through(&via, "")));
    let (_, answer) = proxy.connect(&format!("{HOST}:22"), "");
    assert_eq!(code(&answer), (502, "chain-tls".to_owned()));
}

#[test]
fn the_parent_is_asked_in_so_many_words() {
    let parent = parent("HTTP/1.1 200 Connection established\r\nX: y\r\n\r\nSSH-2.0-early\r\n");
    let folder = tempfile::TempDir::new().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "p:w \u{e4}\n").unwrap();
    let cargo = env!("CARGO_MANIFEST_DIR");
    let address = parent.address;
    let from_file = format!("password_file = \"{}\"", secret.display());
    let cases = [
        ("etl@", from_file.as_str(), "ZXRsOnA6dyDDpA==".to_owned()),
        ("etl:p%3Aw%20%C3%A4@", "", "ZXRsOnA6dyDDpA==".to_owned()),
        ("etl@", "password_env = \"CARGO_MANIFEST_DIR\"", base64(&format!("etl:{cargo}"))),
    ];
    for (number, (login, more, wanted)) in cases.iter().enumerate() {
        let proxy = Proxy::start(&through(&format!("http://{login}{address}"), more));
        let (mut tunnel, answer) = proxy.connect(&format!("{HOST}:22"), "Via: 1.0 before\r\n");
        assert_eq!(answer.status(), 200);
        assert_eq!(tunnel.take(15), b"SSH-2.0-early\r\n", "not a byte of the destination is lost");
        let head = parent.request(number).head;
        assert_eq!(head.line, "CONNECT 127.1.0.1:22 HTTP/1.1");
        assert_eq!(head.get("host"), Some("127.1.0.1:22"));
        assert_eq!(head.get("proxy-authorization"), Some(&*format!("Basic {wanted}")));
        assert!(head.get("via").unwrap().starts_with("1.0 before, 1.1 borderpost-"), "{head:?}");
        drop(tunnel);
        assert_eq!(proxy.record()["via"], format!("http://{address}"), "without the password");
    }
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[test]
fn every_failure_says_whose_it_is() {
    let cases = [
        ("HTTP/1.1 407 Who\r\n\r\n", 502, "chain-login", "407 Who"),
        (
            "HTTP/1.1 403 No\r\nProxy-Status: squid; error=http_request_denied\r\n\r\n",
            502,
            "chain-refused",
            "403 No (Proxy-Status: squid; error=http_request_denied)",
        ),
        ("SSH-2.0-x\r\n\r\n", 502, "chain-malformed", "SSH-2.0-x"),
        ("\u{5}\0", 504, "chain-timeout", "answer in time"),
    ];
    for (answer, status, wanted, detail) in cases {
        let (parent, origin) = (parent(answer), Origin::answering("127.1.0.1", ok("")));
        let config = through(&format!("http://{}", parent.address), "");
        let proxy = Proxy::start(&config.limit("connect_timeout", "\"200ms\""));
        let (_, answer) = proxy.connect(&format!("{HOST}:80"), "");
        assert_eq!(code(&answer), (status, wanted.to_owned()));
        let record = proxy.record();
        assert!(record["error"]["detail"].as_str().unwrap().contains(detail), "{record:#}");
        assert_eq!((&record["error"]["fault"], origin.connections()), (&"upstream".into(), 0));
    }
    let cut = Origin::start("127.0.0.9", |wire, _| drop(wire.head()));
    let closed = closed_port("127.0.0.9");
    for (via, wanted) in [
        (format!("http://{}", cut.address), "chain-cut"),
        (format!("socks5://{}", socks_parent(&[]).address), "chain-cut"),
        (format!("http://{closed}"), "chain-unreachable"),
        ("http://nowhere.example:3128".to_owned(), "chain-unreachable"),
    ] {
        let dns = Dns::start();
        let proxy = Proxy::start(&through(&via, "").with(&dns.table("")).listener("socks5", ""));
        let answer = proxy.ask("GET", &format!("http://{HOST}/"), "", "");
        assert_eq!(code(&answer), (502, wanted.to_owned()), "{via}");
    }
}

/// How many bytes are read before each answer.
type Script = &'static [(usize, &'static [u8])];

fn socks_parent(script: Script) -> Origin {
    Origin::start("127.0.0.9", move |wire, received| {
        for (count, answer) in script {
            let bytes = wire.take(*count);
            received.note_bytes(&bytes);
            if wire.try_send(answer).is_err() {
                return;
            }
        }
        wire.end();
        wire.rest();
    })
}

#[test]
fn a_socks_parent_is_asked_for_the_address_and_told_who_asks() {
    let script: Script =
        &[(4, &[5, 2]), (12, &[1, 0]), (10, &[5, 0, 0, 3, 1, b'x', 0, 1, b'h', b'i'])];
    let parent = socks_parent(script);
    let via = format!("socks5://etl:s3cret@{}", parent.address);
    let proxy = Proxy::start(&through(&via, ""));
    let (mut tunnel, answer) = proxy.connect(&format!("{HOST}:22"), "");
    assert_eq!(answer.status(), 200);
    assert_eq!(tunnel.rest(), b"hi");
    let wanted = [&[5, 2, 0, 2, 1, 3][..], b"etl\x06s3cret", &[5, 1, 0, 1, 127, 1, 0, 1, 0, 22]];
    assert_eq!(parent.bytes(), wanted.concat());
    let failing: [(Script, &str, &str); 5] = [
        (&[(4, &[5, 0xff])], "chain-login", "no method"),
        (&[(4, &[5, 2]), (12, &[1, 1])], "chain-login", "password"),
        (&[(4, &[5, 0]), (10, &[5, 2, 0, 1, 0, 0, 0, 0, 0, 0])], "chain-refused", "not allowed"),
        (&[(4, &[4, 0])], "chain-malformed", "0x04"),
        (&[(4, &[5, 0]), (10, &[5, 0, 0, 7, 0, 0, 0, 0, 0, 0])], "chain-malformed", "type 0x07"),
    ];
    for (script, wanted, detail) in failing {
        let parent = socks_parent(script);
        let proxy = Proxy::start(&through(&format!("socks5://etl:s3cret@{}", parent.address), ""));
        let (_, answer) = proxy.connect(&format!("{HOST}:22"), "");
        assert_eq!(code(&answer), (502, wanted.to_owned()));
        assert!(answer.json()["detail"].as_str().unwrap().contains(detail), "{}", answer.text());
    }
}

#[test]
fn names_can_be_left_to_the_parent() {
    let dns = Dns::start();
    let parent = parent("HTTP/1.1 200 OK\r\n\r\n");
    let chain = format!(
        "[[chain]]\nto = [\"*.inner.example\"]\nvia = \"http://{}\"\nnames = \"host\"",
        parent.address
    );
    let proxy = Proxy::start(&config(&chain).with(&dns.table("")).listener("socks5", ""));
    let (mut tunnel, answer) = proxy.connect("db.inner.example:5432", "");
    assert_eq!(answer.status(), 200);
    tunnel.send("x");
    assert_eq!(tunnel.take(1), b"x");
    drop(tunnel);
    assert_eq!(parent.request(0).head.line, "CONNECT db.inner.example:5432 HTTP/1.1");
    let record = proxy.record();
    assert_eq!(
        (&record["address"], &record["location"]["state"]),
        (&"chained".into(), &"unknown".into())
    );
    assert_eq!(record["via"], format!("http://{}", parent.address));
    // Where nobody knows, tagged data does not go.
    let (_, answer) = proxy.connect("db.inner.example:5432", "X-Data-Class: health\r\n");
    assert_eq!((answer.status(), parent.requests().len()), (403, 1));
    assert_eq!(answer.json()["rule"], "unknown-location");
    let record = &proxy.wait_records(2)[1];
    assert_eq!((&record["address"], &record["via"]), (&"chained".into(), &Value::Null));
    assert!(dns.asked().is_empty(), "{:?}", dns.asked());
    // A record of it can be decided again.
    let records = proxy.folder.path().join("records.jsonl");
    let replayed = crate::support::program()
        .args(["replay", records.to_str().unwrap(), "--config", proxy.file().to_str().unwrap()])
        .output()
        .unwrap();
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
}

#[test]
fn the_first_chain_that_covers_decides_and_policy_comes_before() {
    let (parent, near) =
        (parent("HTTP/1.1 200 OK\r\n\r\n"), Origin::answering("127.2.0.1", ok("near")));
    let abroad = Origin::answering("127.3.0.1", ok(""));
    let chain = format!(
        "[[chain]]\nto = [\"127.2.0.0/16\", \"*.near.example\"]\nvia = \"direct\"\n\
         [[chain]]\nvia = \"http://{}\"",
        parent.address
    );
    let config =
        config(&chain).name("a.near.example", &["127.2.0.1"]).name("b.example", &["127.2.0.1"]);
    let proxy = Proxy::start(&config);
    for host in ["a.near.example", "b.example", "127.2.0.1"] {
        let url = format!("http://{host}:{}/", near.address.port());
        assert_eq!(proxy.ask("GET", &url, "", "").text(), "near");
    }
    assert_eq!(parent.connections(), 0);
    let answer = proxy.ask("GET", &abroad.url(), "X-Data-Class: health\r\n", "");
    assert_eq!(
        (answer.status(), parent.connections()),
        (451, 0),
        "refused before anybody is asked"
    );
    let records = proxy.wait_records(4);
    assert!(records.iter().all(|record| record["via"].is_null()), "{records:#?}");
    // Another way to the same socket is another connection.
    proxy.reload(
        &through(&format!("http://{}", parent.address), "").name("a.near.example", &["127.2.0.1"]),
    );
    let (_, answer) = proxy.connect(&format!("a.near.example:{}", near.address.port()), "");
    assert_eq!((answer.status(), parent.connections()), (200, 1));
}

#[test]
fn nothing_goes_round() {
    let proxy = Proxy::start(&Config::new());
    let (own, admin) = (proxy.listen, proxy.admin);
    for address in [own, admin] {
        proxy.reload(&through(&format!("http://{address}"), ""));
        let (_, answer) = proxy.connect(&format!("{HOST}:22"), "");
        assert_eq!(code(&answer), (508, "loop".to_owned()));
    }
    // Each is the other's parent: the mark in Via comes back.
    let other = Proxy::start(&through(&format!("http://{own}"), ""));
    proxy.reload(&through(&format!("http://{}", other.listen), ""));
    let (_, answer) = proxy.connect(&format!("{HOST}:22"), "");
    assert_eq!(code(&answer), (502, "chain-refused".to_owned()));
    let came_back = other.record();
    assert!(came_back["error"]["detail"].as_str().unwrap().contains("508"), "{came_back:#}");
    wait_for("four records", || (proxy.records().len() == 4).then_some(()));
    let codes: Vec<_> =
        proxy.records().iter().map(|record| record["error"]["code"].clone()).collect();
    assert_eq!(codes, ["loop", "loop", "loop", "chain-refused"].map(|code| json!(code)));
}

#[test]
fn a_socks_client_goes_through_a_parent_too() {
    let parent = parent("HTTP/1.1 200 OK\r\n\r\n");
    let config = through(&format!("http://{}", parent.address), "").listener("socks5", "");
    let proxy = Proxy::start(&config);
    let mut client = Wire::connect(proxy.listener("socks5h"));
    client.send([5, 1, 0, 5, 1, 0, 1, 127, 1, 0, 1, 0, 22, b'e', b'a', b'r', b'l', b'y']);
    assert_eq!(client.take(4), [5, 0, 5, 0]);
    assert_eq!(client.take(13)[8..], *b"early");
    drop(client);
    let record = proxy.record();
    assert_eq!((&record["scheme"], &record["bytes_out"]), (&"socks5".into(), &5.into()));
    assert_eq!(record["via"], format!("http://{}", parent.address));
}
