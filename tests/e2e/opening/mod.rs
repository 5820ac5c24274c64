//! Which tunnels are opened, and what becomes of those whose hello says too little or too much:
//! no name, another name under an encrypted hello, or more than one record holds.

mod unopened;

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use rustls::client::{EchGreaseConfig, EchMode};
use rustls::crypto::aws_lc_rs::{self, hpke};
use rustls::crypto::hpke::Hpke;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::intercept::{Bench, HOST, always};
use crate::support::{Config, Identity, Origin, Proxy, Wire, ok};

/// A name that no tunnel was opened to.
const OTHER: &str = "other.example";

/// Whose certificate a client is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Ours,
    Destinations,
}

impl Shown {
    /// Only those of the destinations are issued by the tests' authority.
    fn of(certificate: &[u8]) -> Self {
        let issuer = b"test authority";
        let theirs = certificate.windows(issuer.len()).any(|window| window == issuer);
        if theirs { Self::Destinations } else { Self::Ours }
    }
}

fn roots(files: &[PathBuf]) -> RootCertStore {
    let mut store = RootCertStore::empty();
    for file in files {
        store.add(CertificateDer::from_pem_file(file).unwrap()).unwrap();
    }
    store
}

/// The hello carries what looks like an encrypted one, which is all that anybody can see of one
/// (RFC 9849 section 6.2).
fn encrypted(roots: RootCertStore) -> ClientConfig {
    let suite = hpke::DH_KEM_X25519_HKDF_SHA256_AES_128;
    let (key, _) = suite.generate_key_pair().unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let grease = EchMode::Grease(EchGreaseConfig::new(suite, key));
    let config = ClientConfig::builder_with_provider(provider).with_ech(grease).unwrap();
    config.with_root_certificates(roots).with_no_client_auth()
}

/// The hello offers so many protocols that it does not fit one record; `http/1.1` is the last.
fn long(roots: RootCertStore) -> ClientConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    let other = |number: u32| format!("{number:0>200}").into_bytes();
    config.alpn_protocols = (0..120).map(other).collect();
    config.alpn_protocols.push(b"http/1.1".to_vec());
    config
}

/// A socket that takes no more than so many octets at a time, each a segment of its own.
struct Pieces(TcpStream, usize);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(&bytes[..bytes.len().min(self.1)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Handshakes in a tunnel for `name`, asks for `/`, and says whose certificate was shown and
/// what was answered.
fn ask(
    stream: impl Read + Write,
    config: ClientConfig,
    name: &str,
    host: &str,
) -> io::Result<(Shown, String)> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut wire = Wire::over(StreamOwned::new(connection, stream));
    wire.try_send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"))?;
    let shown = wire.stream.conn.peer_certificates().unwrap();
    let shown = Shown::of(&shown[0]);
    Ok((shown, wire.response("GET").text()))
}

fn setting(mode: &str, line: &str) -> impl Fn(Config) -> Config {
    move |config| config.with(&format!("[intercept]\nmode = \"{mode}\"\n{line}"))
}

fn code(answer: &str) -> Value {
    serde_json::from_str::<Value>(answer).unwrap()["code"].clone()
}

/// An encrypted hello whose outer name is another than the tunnel's.
fn hidden(
    bench: &Bench,
    origin: &Origin,
    host: &str,
    more: &[PathBuf],
) -> io::Result<(Shown, String)> {
    let port = origin.address.port();
    let (tunnel, answer) = bench.proxy.connect(&format!("{HOST}:{port}"), "");
    assert_eq!(answer.status(), 200);
    let trusted = roots(&[&[bench.roots()], more].concat());
    ask(tunnel.stream, encrypted(trusted), OTHER, &format!("{host}:{port}"))
}

#[test]
fn another_name_under_an_encrypted_hello_is_refused_by_default() {
    for line in ["", "encrypted_hello = \"refuse\""] {
        let bench = Bench::new("127.1.0.1", setting("always", line));
        let origin = bench.identity.serve("127.1.0.1", ok("answered"));
        let (shown, answer) = hidden(&bench, &origin, HOST, &[]).unwrap();
        assert_eq!((shown, code(&answer)), (Shown::Ours, "tunnel-encrypted-hello".into()));
        let (tunnels, _) = bench.records(2);
        let is = (&tunnels[0]["error"]["code"], &tunnels[0]["server_name"]);
        assert_eq!(is, (&"tunnel-encrypted-hello".into(), &OTHER.into()), "{tunnels:#?}");
        assert!(origin.requests().is_empty());
    }
}

#[test]
fn another_name_under_an_encrypted_hello_may_be_opened() {
    let bench = Bench::new("127.1.0.1", setting("always", "encrypted_hello = \"intercept\""));
    let origin = bench.identity.serve("127.1.0.1", ok("answered"));
    let (shown, answer) = hidden(&bench, &origin, HOST, &[]).unwrap();
    assert_eq!((shown, answer.as_str()), (Shown::Ours, "answered"));
    // The tunnel's host is asked for, and no other.
    let (shown, answer) = hidden(&bench, &origin, OTHER, &[]).unwrap();
    assert_eq!((shown, code(&answer)), (Shown::Ours, "authority-mismatch".into()));
    assert_eq!(origin.requests().len(), 1);
    let (tunnels, inside) = bench.records(4);
    assert!(tunnels.iter().all(|one| one["tunnel"] == "opened" && one["error"].is_null()));
    assert!(inside.iter().all(|one| one["host"] == HOST), "{inside:#?}");
}

#[test]
fn another_name_under_an_encrypted_hello_may_pass_unread() {
    // Where it was to be opened, and where it was not; there is then nothing to open.
    for (mode, line) in [("always", "tunnel"), ("never", "tunnel"), ("never", "intercept")] {
        let line = format!("encrypted_hello = \"{line}\"");
        let bench = Bench::new("127.1.0.1", setting(mode, &line));
        let other = Identity::new(OTHER, "127.1.0.1");
        let origin = other.serve("127.1.0.1", ok("answered"));
        let (shown, answer) = hidden(&bench, &origin, OTHER, &[other.certificate()]).unwrap();
        assert_eq!((shown, answer.as_str()), (Shown::Destinations, "answered"), "{mode} {line}");
        let record = bench.proxy.record();
        let is = (&record["tunnel"], &record["server_name"]);
        assert_eq!(is, (&"unread".into(), &OTHER.into()), "{record:#}");
    }
}

#[test]
fn another_name_under_an_encrypted_hello_does_not_pass_unread_by_default() {
    let bench = Bench::new("127.1.0.1", setting("never", ""));
    let other = Identity::new(OTHER, "127.1.0.1");
    let origin = other.serve("127.1.0.1", ok("never"));
    let error = hidden(&bench, &origin, OTHER, &[other.certificate()]).unwrap_err();
    assert!(error.to_string().contains("UnrecognisedName"), "{error}");
    assert_eq!(bench.proxy.record()["error"]["code"], "tunnel-encrypted-hello");
    assert!(origin.requests().is_empty());
}

#[test]
fn an_encrypted_hello_under_the_tunnels_own_name_is_like_any_other() {
    let bench = Bench::new("127.1.0.1", always);
    let origin = bench.identity.serve("127.1.0.1", ok("answered"));
    let host = format!("{HOST}:{}", origin.address.port());
    let (tunnel, _) = bench.proxy.connect(&host, "");
    let asked = ask(tunnel.stream, encrypted(roots(&[bench.roots()])), HOST, &host).unwrap();
    assert_eq!(asked, (Shown::Ours, "answered".to_owned()));
}

/// OpenSSL's client that names no server; what it printed.
fn nameless(bench: &Bench, origin: &Origin, authority: &PathBuf) -> String {
    let target = format!("{HOST}:{}", origin.address.port());
    let mut openssl = bench.program("openssl");
    openssl
        .args(["s_client", "-quiet", "-noservername", "-verify_return_error"])
        .args(["-verify_hostname", HOST, "-connect", &target])
        .args(["-proxy", &bench.proxy.listen.to_string(), "-CAfile"])
        .arg(authority)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = openssl.spawn().unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: {target}\r\nConnection: close\r\n\r\n");
    let mut input = child.stdin.take().unwrap();
    // It may have given up already.
    drop(input.write_all(request.as_bytes()));
    let output = child.wait_with_output().unwrap();
    drop(input);
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn a_client_that_names_no_server_is_treated_as_configured() {
    let refused = Some("tunnel-without-name");
    for (line, shown, refused) in [
        ("", Shown::Ours, refused),
        ("without_name = \"refuse\"", Shown::Ours, refused),
        ("without_name = \"intercept\"", Shown::Ours, None),
        ("without_name = \"tunnel\"", Shown::Destinations, None),
    ] {
        let bench = Bench::new("127.1.0.1", setting("always", line));
        // It hangs up as the client asks; that one waits for it.
        let origin = bench.identity.accept("127.1.0.1", |secure, received| {
            if let Some(request) = secure.request() {
                received.note(request);
                secure.send(ok("answered"));
            }
        });
        let (ours, theirs) = (bench.roots(), bench.identity.certificate());
        let (right, wrong) = if shown == Shown::Ours { (ours, theirs) } else { (theirs, ours) };
        let said = nameless(&bench, &origin, &right);
        let wanted = refused.unwrap_or("answered");
        assert!(said.contains(wanted), "{line}: {said}");
        let (tunnels, inside) = bench.records(if shown == Shown::Ours { 2 } else { 1 });
        let record = &tunnels[0];
        assert_eq!(record["error"]["code"], Value::from(refused), "{record:#}");
        assert!(record["server_name"].is_null(), "{record:#}");
        let unread = shown == Shown::Destinations;
        assert_eq!(record["tunnel"], if unread { "unread" } else { "opened" }, "{line}");
        assert!(inside.iter().all(|one| one["host"] == HOST), "{inside:#?}");
        assert_eq!(origin.requests().len(), usize::from(refused.is_none()), "{line}");
        // The other authority has not signed it.
        let said = nameless(&bench, &origin, &wrong);
        assert!(said.contains("verify error"), "{line}: {said}");
    }
}

/// Whose certificate curl is shown through a tunnel to a host.
fn shown(bench: &Bench, url: &str, more: &[&str]) -> Shown {
    let all = bench.path("all.pem");
    let read = |file: PathBuf| std::fs::read(file).unwrap();
    let both = [read(bench.roots()), read(bench.identity.certificate())].concat();
    std::fs::write(&all, both).unwrap();
    let print = ["-w", "%{certs}", "--cacert", all.to_str().unwrap()];
    let said = bench.curl(&[&print[..], more, &[url]].concat());
    assert!(said.starts_with("answered"), "{said}");
    Shown::of(said.as_bytes())
}

/// The plan of a rule decides against what the mode says, for what it covers alone.
fn decides(rule: &str, config: impl Fn(Config) -> Config, asks: [(&str, &str, &[&str]); 2]) {
    for (mode, action, covered) in
        [("always", "tunnel", Shown::Destinations), ("never", "intercept", Shown::Ours)]
    {
        let table = format!("[[intercept.rule]]\naction = \"{action}\"\n{rule}");
        let bench = Bench::new("127.1.0.1", |own| {
            config(setting(mode, "")(own)).with(&table).name(OTHER, &["127.1.0.2"])
        });
        let other = bench.identity.another(OTHER, "127.1.0.2");
        let origins = [
            (HOST, bench.identity.serve("127.1.0.1", ok("answered"))),
            (OTHER, other.serve("127.1.0.2", ok("answered"))),
        ];
        let mode = if covered == Shown::Ours { Shown::Destinations } else { Shown::Ours };
        for ((host, what, more), wanted) in asks.into_iter().zip([covered, mode]) {
            let origin = &origins.iter().find(|(name, _)| *name == host).unwrap().1;
            let url = format!("https://{host}:{}/", origin.address.port());
            assert_eq!(shown(&bench, &url, more), wanted, "{action} {what}");
        }
        let opened = |one: &Value| one["method"] == "CONNECT" && one["tunnel"] == "opened";
        let records = bench.proxy.wait_records(3);
        assert_eq!(records.iter().filter(|one| opened(one)).count(), 1, "{records:#?}");
    }
}

#[test]
fn a_rule_may_name_hosts_by_a_list() {
    let list = "# pinned\n\nother.example # the only one\n*.elsewhere.example\n";
    decides(
        "hosts_from = \"list.txt\"",
        |config| config.file("list.txt", list),
        [(OTHER, "on the list", &[]), (HOST, "not on the list", &[])],
    );
}

#[test]
fn a_rule_may_name_networks_of_destinations() {
    decides(
        "networks = [\"127.1.0.2/32\", \"192.0.2.0/24\"]",
        |config| config,
        [(OTHER, "within", &[]), (HOST, "outside", &[])],
    );
}

#[test]
fn a_rule_may_name_networks_of_clients() {
    decides(
        "clients = [\"127.0.0.8/29\"]",
        |config| config,
        [
            (HOST, "within", &["--interface", "127.0.0.9"]),
            (HOST, "outside", &["--interface", "127.0.0.7"]),
        ],
    );
}

#[test]
fn a_list_of_hosts_is_read_again_and_may_not_be_empty() {
    let rule = "[[intercept.rule]]\naction = \"tunnel\"\nhosts_from = \"list.txt\"";
    let bench = Bench::new("127.1.0.1", |config| {
        always(config).with(rule).file("list.txt", "other.example\n")
    });
    let origin = bench.identity.serve("127.1.0.1", ok("answered"));
    let url = format!("https://{HOST}:{}/", origin.address.port());
    assert_eq!(shown(&bench, &url, &[]), Shown::Ours);
    let list = bench.proxy.folder.path().join("list.txt");
    std::fs::write(&list, format!("{HOST}\n")).unwrap();
    assert_eq!(bench.proxy.ask_admin("POST", "/api/v1/reload").status(), 200);
    assert_eq!(shown(&bench, &url, &[]), Shown::Destinations);
    std::fs::write(&list, "# nothing\n").unwrap();
    let answer = bench.proxy.ask_admin("POST", "/api/v1/reload");
    assert!(answer.status() != 200 && answer.text().contains("names no host"), "{answer:?}");
    assert_eq!(shown(&bench, &url, &[]), Shown::Destinations, "what was in force stays");
}

/// Sends a hello of more than 16 KiB in pieces of this size.
fn long_hello(proxy: &Proxy, origin: &Origin, files: &[PathBuf], size: usize) -> (Shown, String) {
    let host = format!("{HOST}:{}", origin.address.port());
    let config = long(roots(files));
    let name = ServerName::try_from(HOST).unwrap();
    let mut hello = Vec::new();
    ClientConnection::new(Arc::new(config.clone()), name).unwrap().write_tls(&mut hello).unwrap();
    let first = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
    assert!(hello.len() > 24_000 && first <= 16_384, "several records: {first}");
    let (tunnel, answer) = proxy.connect(&host, "");
    assert_eq!(answer.status(), 200);
    ask(Pieces(tunnel.stream, size), config, HOST, &host).unwrap()
}

#[test]
fn a_hello_beyond_one_record_is_read_and_passes_in_any_pieces() {
    for (mode, shown) in [("always", Shown::Ours), ("never", Shown::Destinations)] {
        let bench = Bench::new("127.1.0.1", setting(mode, ""));
        let origin = bench.identity.serve("127.1.0.1", ok("answered"));
        let files = [bench.roots(), bench.identity.certificate()];
        for size in [61, 1400, usize::MAX] {
            let asked = long_hello(&bench.proxy, &origin, &files, size);
            assert_eq!(asked, (shown, "answered".to_owned()), "{mode}, pieces of {size}");
        }
        assert_eq!(origin.requests().len(), 3);
        let records = bench.proxy.records();
        assert!(records.iter().all(|one| one["error"].is_null()), "{records:#?}");
        let (tunnels, _) = bench.records(if mode == "always" { 6 } else { 3 });
        assert!(tunnels.iter().all(|one| one["server_name"] == HOST), "{tunnels:#?}");
    }
}

#[test]
fn a_hello_beyond_one_record_may_not_name_another() {
    for mode in ["always", "never"] {
        let bench = Bench::new("127.1.0.1", setting(mode, ""));
        let origin = bench.identity.serve("127.1.0.1", ok("never"));
        let target = format!("{HOST}:{}", origin.address.port());
        let (tunnel, _) = bench.proxy.connect(&target, "");
        let pieces = Pieces(tunnel.stream, 1000);
        // Told inside where we answer in its stead, else by an alert.
        match ask(pieces, long(roots(&[bench.roots()])), OTHER, &target) {
            Ok((_, answer)) => assert_eq!(code(&answer), "authority-mismatch"),
            Err(error) => assert!(error.to_string().contains("UnrecognisedName"), "{error}"),
        }
        let (tunnels, _) = bench.records(if mode == "always" { 2 } else { 1 });
        assert_eq!(tunnels[0]["error"]["code"], "authority-mismatch", "{tunnels:#?}");
        assert!(origin.requests().is_empty());
    }
}
