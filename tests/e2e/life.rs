//! How the program ends, and what it survives.

use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use crate::support::{Config, Origin, Proxy, Wire, ok, program, request, wait_for};

/// An origin whose answer's second half waits until the sender is dropped.
fn slow() -> (Origin, Sender<()>) {
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let origin = Origin::start("127.1.0.1", move |wire, received| {
        received.note(wire.request().unwrap());
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst");
        wait.lock().unwrap().recv().unwrap_err();
        drop(wire.try_send("other"));
    });
    (origin, go)
}

fn refuses(proxy: &Proxy) -> bool {
    TcpStream::connect(proxy.listen).is_err()
}

#[test]
fn a_drain_lets_requests_end_and_takes_no_new_ones() {
    let (origin, go) = slow();
    let quick = Origin::answering("127.1.0.1", ok("quick"));
    let mut proxy = Proxy::start(&Config::new());
    let mut idle = proxy.client();
    idle.send(request("GET", &format!("{}/", quick.url()), "", ""));
    assert_eq!(idle.response("GET").text(), "quick");
    let mut client = proxy.client();
    client.send(request("GET", &format!("{}/", origin.url()), "", ""));
    let head = client.head().unwrap();
    assert_eq!(client.take(5), b"first");
    proxy.signal("TERM");
    assert!(idle.has_ended(), "a connection at rest is closed");
    wait_for("new connections to be refused", || refuses(&proxy).then_some(()));
    assert_eq!(proxy.ask_admin("GET", "/readyz").status(), 503);
    assert_eq!(proxy.ask_admin("GET", "/livez").status(), 200);
    drop(go);
    assert_eq!((head.status(), client.take(5)), (200, b"other".to_vec()));
    assert!(client.has_ended());
    assert_eq!(proxy.ended().code(), Some(0));
    let records = proxy.wait_records(2);
    assert!(records.iter().all(|record| record["error"].is_null()));
    assert!(proxy.output().contains("\nstopped\n"), "{}", proxy.output());
}

/// Requests that follow one another on one connection, until it is said that the last was answered:
/// whoever asks all the time meets no closed connection.
#[test]
fn r0022_a_drain_answers_who_asks_again() {
    let origin = Origin::answering("127.1.0.1", ok("seen"));
    let proxy = Proxy::start(&Config::new());
    let mut asking = Vec::new();
    for _ in 0..4 {
        let (mut client, url) = (proxy.client(), origin.url());
        asking.push(std::thread::spawn(move || {
            let mut count = 0;
            loop {
                client.send(request("POST", &url, "", "x"));
                let answer = client.response("POST");
                assert_eq!((answer.status(), answer.text()), (200, "seen".into()));
                count += 1;
                if answer.head.get("connection") == Some("close") {
                    return count;
                }
            }
        }));
    }
    wait_for("requests", || (origin.requests().len() > 40).then_some(()));
    proxy.signal("TERM");
    let answered: usize = asking.into_iter().map(|one| one.join().unwrap()).sum();
    assert_eq!(origin.requests().len(), answered);
}

/// What `borderpost ready` says: its exit code, and what is printed.
fn asked(proxy: &Proxy) -> (Option<i32>, String) {
    let told = program().args(["ready", "--admin", &proxy.admin.to_string()]).output().unwrap();
    let text = [told.stdout, told.stderr].concat();
    (told.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn a_command_tells_whether_it_is_ready() {
    let (origin, go) = slow();
    let mut proxy = Proxy::start(&Config::new());
    let (code, said) = asked(&proxy);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("ok accepting requests\nok records can be written\n"), "{said}");
    let mut client = proxy.client();
    client.send(request("GET", &format!("{}/", origin.url()), "", ""));
    assert_eq!(client.head().unwrap().status(), 200);
    proxy.signal("TERM");
    wait_for("new connections to be refused", || refuses(&proxy).then_some(()));
    let (code, said) = asked(&proxy);
    assert_eq!(code, Some(1));
    assert!(said.starts_with("no accepting requests\n"), "{said}");
    drop(go);
    assert_eq!(proxy.ended().code(), Some(0));
    let (code, said) = asked(&proxy);
    assert_eq!(code, Some(1));
    assert!(said.contains("no proxy answers on"), "{said}");
}

#[test]
fn what_does_not_end_in_time_is_cut() {
    let (origin, go) = slow();
    let echo = Origin::echo("127.1.0.1");
    let mut proxy = Proxy::start(&Config::new().limit("drain_timeout", "\"100ms\""));
    let (mut tunnel, _) = proxy.connect(&echo.address.to_string(), "");
    let mut client = proxy.client();
    client.send(request("GET", &format!("{}/", origin.url()), "", ""));
    assert_eq!(client.head().unwrap().status(), 200);
    assert_eq!(client.take(5), b"first");
    proxy.signal("TERM");
    assert!(tunnel.has_ended());
    assert!(client.has_ended(), "the rest of the answer never comes");
    assert_eq!(proxy.ended().code(), Some(0));
    assert!(proxy.output().contains("drain_timeout cut 2 connections"), "{}", proxy.output());
    let records = proxy.wait_records(2);
    for record in &records {
        assert_eq!(record["error"]["fault"], "proxy", "who cut it: {record:#}");
    }
    drop(go);
}

#[test]
fn every_record_is_written_before_the_end() {
    const COUNT: usize = 300;
    let origin = Origin::answering("127.1.0.1", ok(""));
    let mut proxy = Proxy::start(&Config::new());
    let mut client = proxy.client();
    let get = request("GET", &format!("{}/", origin.url()), "", "");
    for _ in 0..COUNT {
        client.send(&get);
        client.response("GET");
    }
    proxy.signal("INT");
    assert_eq!(proxy.ended().code(), Some(0));
    assert_eq!(proxy.records().len(), COUNT);
}

#[test]
fn running_out_of_descriptors_is_survived() {
    let origin = Origin::answering("127.1.0.1", ok("alive"));
    let mut proxy = Proxy::start_limited(&Config::new(), "ulimit -n 64");
    // The kernel completes these connections; the program cannot take all of them.
    let crowd: Vec<_> = (0..100).map(|_| TcpStream::connect(proxy.listen).unwrap()).collect();
    wait_for("the word on it", || proxy.output().contains("could not accept").then_some(()));
    drop(crowd);
    for _ in 0..3 {
        assert_eq!(proxy.get(&origin, "/").text(), "alive");
    }
    proxy.signal("TERM");
    assert_eq!(proxy.ended().code(), Some(0));
}

#[test]
fn clients_beyond_the_limit_wait_their_turn() {
    let origin = Origin::answering("127.1.0.1", ok("turn"));
    let proxy = Proxy::start(&Config::new().limit("connections", "2"));
    let get = request("GET", &format!("{}/", origin.url()), "", "");
    let mut clients: Vec<Wire> = (0..3).map(|_| proxy.client()).collect();
    for client in &mut clients[..2] {
        client.send(&get);
        assert_eq!(client.response("GET").text(), "turn");
    }
    clients[2].send(&get);
    assert!((proxy.metric("egress_connections", "side=\"client\"") - 2.0).abs() < 0.5);
    assert_eq!(origin.requests().len(), 2);
    drop(clients.remove(0));
    assert_eq!(clients[1].response("GET").text(), "turn");
}

#[test]
fn a_head_that_does_not_come_is_given_up() {
    let proxy = Proxy::start(&Config::new().limit("head_timeout", "\"100ms\""));
    let mut client = proxy.client();
    client.send("GET http://127.0.0.1/ HT");
    let answer = client.response("GET");
    assert_eq!((answer.status(), answer.json()["code"].as_str()), (408, Some("head-timeout")));
    assert_eq!(answer.head.get("connection"), Some("close"));
    assert!(client.has_ended());
    assert_eq!(proxy.record()["error"]["code"], "head-timeout");
}

#[test]
fn a_head_that_drips_is_given_up_too() {
    let proxy = Proxy::start(&Config::new().limit("head_timeout", "\"100ms\""));
    let mut client = proxy.client();
    let mut writer = client.stream.try_clone().unwrap();
    let drip = std::thread::spawn(move || {
        // One byte after the other for as long as they are taken.
        while std::io::Write::write_all(&mut writer, b"A").is_ok() {
            std::thread::yield_now();
        }
    });
    let head = client.head().expect("an answer");
    assert!(matches!(head.status(), 408 | 414), "{head:?}");
    drop(client);
    drip.join().unwrap();
}

#[test]
fn a_connection_at_rest_is_closed_without_a_word() {
    let proxy = Proxy::start(&Config::new().limit("idle_timeout", "\"100ms\""));
    assert!(proxy.client().has_ended());
    assert!(proxy.records().is_empty());
    let origin = Origin::answering("127.1.0.1", ok("once"));
    // Long enough for a slow machine to ask in time.
    let proxy = Proxy::start(&Config::new().limit("idle_timeout", "\"2s\""));
    let mut client = proxy.client();
    client.send(request("GET", &format!("{}/", origin.url()), "", ""));
    assert_eq!(client.response("GET").text(), "once");
    assert!(client.has_ended());
    proxy.record();
}

#[test]
fn a_body_that_stops_is_given_up() {
    let origin = Origin::start("127.1.0.1", |wire, received| {
        if let Some(request) = wire.request() {
            received.note(request);
        }
    });
    let proxy = Proxy::start(&Config::new().limit("body_timeout", "\"100ms\""));
    let mut client = proxy.client();
    client.send(request("POST", &format!("{}/", origin.url()), "Content-Length: 10\r\n", ""));
    client.send("half");
    let answer = client.response("POST");
    assert_eq!((answer.status(), answer.json()["code"].as_str()), (408, Some("body-timeout")));
    assert!(client.has_ended());
    assert_eq!(proxy.record()["error"]["code"], "body-timeout");
    assert!(!origin.request(0).whole);
}

#[test]
fn a_pooled_connection_does_not_rest_for_ever() {
    let origin = Origin::answering("127.1.0.1", ok("x"));
    let proxy = Proxy::start(&Config::new().limit("pool_idle_timeout", "\"100ms\""));
    assert_eq!(proxy.get(&origin, "/").text(), "x");
    wait_for("the pooled connection's end", || (origin.ended() == 1).then_some(()));
}

#[test]
fn as_many_files_as_the_system_allows_may_be_open() {
    let proxy = Proxy::start_limited(&Config::new(), "ulimit -Sn 64; ulimit -Hn 512");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", proxy.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(line.split_whitespace().nth(3), Some("512"), "{line}");
    // The line comes after the one that names the port, which is what was waited for.
    wait_for("the limit in the output", || {
        proxy.output().contains("512 open files allowed").then_some(())
    });
}
