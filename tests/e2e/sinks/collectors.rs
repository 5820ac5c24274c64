//! Collectors that are asked over a network or a socket: syslog and HTTP.

use std::fs;
use std::net::TcpListener;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::{ServerConnection, StreamOwned};

use crate::support::{Config, Identity, Proxy, Wire, closed_port, program, wait_for};

use super::{ask, config, events, id, ids, missing, origin, sink, started};

/// What was collected so far, whoever it came by.
#[derive(Clone, Debug, Default)]
pub(super) struct Collected(Arc<Mutex<Vec<String>>>);

impl Collected {
    pub(super) fn add(&self, message: String) {
        self.0.lock().unwrap().push(message);
    }

    pub(super) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// The ids in messages of RFC 5424.
    pub(super) fn ids(&self) -> Vec<String> {
        let id = |text: &String| text.split(" id=\"").nth(1)?.split('"').next().map(str::to_owned);
        self.all().iter().filter_map(id).collect()
    }

    #[track_caller]
    pub(super) fn wait(&self, wanted: &[String]) {
        wait_for("all events", || missing(wanted, &self.ids()).is_empty().then_some(()));
    }
}

/// Reads messages framed by their octets until the stream ends.
fn counted<S: std::io::Read + std::io::Write>(wire: &mut Wire<S>, into: &Collected) {
    loop {
        let mut length = String::new();
        loop {
            match wire.take(1).as_slice() {
                b" " => break,
                [digit @ b'0'..=b'9'] => length.push(char::from(*digit)),
                [] => return,
                other => panic!("{other:?} in a length"),
            }
        }
        let length = length.parse().unwrap();
        let message = wire.take(length);
        if message.len() < length {
            return;
        }
        into.add(String::from_utf8(message).unwrap());
    }
}

#[test]
fn syslog_over_tcp_outlives_its_collector() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let collected = Collected::default();
    let config = config(&sink("siem", "syslog", &format!("tcp://{address}"), ""));
    let (mut proxy, origin) = (Proxy::start(&config), origin());
    ask(&proxy, &origin, 0..20);
    // A collector that dies over what it has not read yet: its system resets the connection.
    let (mut first, _) = listener.accept().unwrap();
    let mut octets = [0; 100];
    std::io::Read::read_exact(&mut first, &mut octets).unwrap();
    drop(first);
    let into = collected.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            counted(&mut Wire::new(stream.unwrap()), &into);
        }
    });
    ask(&proxy, &origin, 20..40);
    collected.wait(&ids(&proxy, 40));
    let message = collected.all().remove(0);
    assert!(message.starts_with("<110>1 20") && message.contains(" borderpost - DECISION ["));
    proxy.signal("TERM");
    assert!(proxy.ended().success());
    // The collector has said that it read all, so that none comes again.
    let before = collected.all().len();
    let proxy = proxy.again(&config);
    ask(&proxy, &origin, 40..41);
    collected.wait(&ids(&proxy, 41));
    assert_eq!(collected.all().len(), before + 1);
}

#[test]
fn syslog_over_tls_goes_to_who_proves_it() {
    let identity = Identity::new("localhost", "127.0.0.1");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (collected, tls) = (Collected::default(), Arc::new(identity.config()));
    let into = collected.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&tls)).unwrap();
            let (stream, into) = (stream.unwrap(), into.clone());
            thread::spawn(move || {
                counted(&mut Wire::over(StreamOwned::new(connection, stream)), &into);
            });
        }
    });
    let to = format!("tls://{address}");
    let roots = format!("roots = [\"{}\"]\nformat = \"cef\"", identity.certificate().display());
    let trusting = sink("trusting", "syslog", &to, &roots);
    let (proxy, origin) = (Proxy::start(&config(&trusting)), origin());
    ask(&proxy, &origin, 0..5);
    let messages =
        wait_for("messages", || Some(collected.all()).filter(|messages| messages.len() >= 5));
    assert!(messages[0].contains(" - DECISION - CEF:0|borderpost|"), "{messages:?}");
    // Whom the roots do not vouch for gets nothing.
    let distrusting = sink("distrusting", "syslog", &to, "");
    let proxy = Proxy::start(&config(&distrusting));
    ask(&proxy, &origin, 0..1);
    wait_for("what is wrong", || proxy.output().contains("UnknownIssuer").then_some(()));
    assert!(proxy.metric("egress_audit_sink_errors_total", "distrusting") > 0.0);
    assert_eq!(collected.all().len(), 5);
}

#[test]
fn syslog_goes_to_sockets_of_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let datagrams = UnixDatagram::bind(path("datagrams")).unwrap();
    let stream = UnixListener::bind(path("stream")).unwrap();
    let (packets, lines) = (Collected::default(), Collected::default());
    let into = packets.clone();
    thread::spawn(move || {
        let mut packet = vec![0; 1 << 16];
        while let Ok(length) = datagrams.recv(&mut packet) {
            into.add(String::from_utf8(packet[..length].to_vec()).unwrap());
        }
    });
    let into = lines.clone();
    thread::spawn(move || {
        let (stream, _) = stream.accept().unwrap();
        let stream = std::io::BufReader::new(stream);
        std::io::BufRead::lines(stream).for_each(|line| into.add(line.unwrap()));
    });
    let unix = |name: &str| sink(name, "syslog", &format!("unix:{}", path(name).display()), "");
    let config = config(&(unix("datagrams") + &unix("stream")));
    let (proxy, origin) = (Proxy::start(&config), origin());
    ask(&proxy, &origin, 0..5);
    packets.wait(&ids(&proxy, 5));
    lines.wait(&ids(&proxy, 5));
    assert_eq!(packets.all(), lines.all());
}

/// A collector at `listener` that refuses the first batches with 503.
pub(super) fn collector(listener: TcpListener, refuse: usize) -> (Collected, Arc<AtomicUsize>) {
    let (collected, refused) = (Collected::default(), Arc::new(AtomicUsize::new(0)));
    let (into, count) = (collected.clone(), Arc::clone(&refused));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut wire = Wire::new(stream.unwrap());
            while let Some(request) = wire.request() {
                assert_eq!(request.head.get("authorization"), Some("Bearer of-news"));
                assert_eq!(request.head.get("content-type"), Some("application/x-ndjson"));
                assert_eq!(request.head.line, "POST /ingest?source=a HTTP/1.1");
                let answer = if count.load(Ordering::SeqCst) < refuse {
                    count.fetch_add(1, Ordering::SeqCst);
                    "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"
                } else if request.whole {
                    request.text().lines().for_each(|line| into.add(line.to_owned()));
                    "HTTP/1.1 204 No Content\r\n\r\n"
                } else {
                    break;
                };
                if wire.try_send(answer).is_err() {
                    break;
                }
            }
        }
    });
    (collected, refused)
}

pub(super) fn http(address: std::net::SocketAddr) -> Config {
    let more = "headers_from = \"token\"\nbatch = { records = 7, time = \"10ms\" }";
    let to = format!("http://{address}/ingest?source=a");
    config(&sink("collector", "http", &to, more)).file("token", "Authorization: Bearer of-news\n")
}

#[test]
fn an_http_collector_that_was_down_gets_all_in_order() {
    let address = closed_port("127.0.0.1");
    let (mut proxy, origin) = (Proxy::start(&http(address)), origin());
    // Requests do not care.
    ask(&proxy, &origin, 0..40);
    wait_for("errors", || {
        (proxy.metric("egress_audit_sink_errors_total", "collector") >= 2.0).then_some(())
    });
    assert!(proxy.metric("egress_audit_sink_lag_records", "collector") >= 40.0);
    let listener = TcpListener::bind(address).unwrap();
    let (collected, refused) = collector(listener, 2);
    ask(&proxy, &origin, 40..50);
    let wanted = ids(&proxy, 50);
    let found = || -> Vec<String> { events(&collected.all().join("\n")).iter().map(id).collect() };
    wait_for("all events", || missing(&wanted, &found()).is_empty().then_some(()));
    assert_eq!((found(), refused.load(Ordering::SeqCst)), (wanted, 2));
    assert!(!proxy.output().contains("of-news"), "a secret is not told");
    wait_for("no lag", || {
        (proxy.metric("egress_audit_sink_lag_records", "collector") == 0.0).then_some(())
    });
    proxy.signal("TERM");
    assert!(proxy.ended().success());
    // Who reads the journal needs no token.
    fs::remove_file(proxy.folder.path().join("token")).unwrap();
    let mut query = program();
    let output = query.args(["audit", "query", "--config"]).arg(proxy.file()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(started(&proxy.file()).contains("token"));
}
