//! Listeners of TLS, certificates of clients, and load balancers before listeners.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConnection, StreamOwned};
use serde_json::Value;
use tokio::io::AsyncReadExt;

use crate::support::{
    Authority, Config, DEADLINE, Leaf, Origin, Proxy, Wire, ok, private, request, wait_for,
};

/// A listener of TLS on 127.0.0.2, by certificates of an authority that also knows clients.
pub(crate) struct Secure {
    pub(crate) authority: Authority,
    own: Leaf,
}

impl Secure {
    pub(crate) fn new() -> Self {
        let authority = Authority::new();
        let own = authority.issue("proxy", "IP:127.0.0.2,DNS:proxy.example");
        Self { authority, own }
    }

    pub(crate) fn config(&self, more: &str) -> Config {
        Self::config_of(&self.own).with(more)
    }

    /// The same by another certificate.
    pub(crate) fn config_of(leaf: &Leaf) -> Config {
        let Leaf { certificate, key } = leaf;
        Config::new().with(&format!(
            "[[listener]]\nkind = \"https\"\naddress = \"127.0.0.2:0\"\ncertificate = \"{}\"\n\
             key = \"{}\"",
            certificate.display(),
            key.display()
        ))
    }

    /// Clients must, or may, show a certificate.
    pub(crate) fn mutual(&self, more: &str) -> Config {
        let (roots, crl) = (self.authority.certificate(), self.authority.revoked());
        self.config(&format!(
            "client_roots = [\"{}\"]\nclient_crls = [\"{}\"]\n{more}",
            roots.display(),
            crl.display()
        ))
    }

    /// What curl says: the body and `status connect-status`, and its exit code.
    fn curl(&self, proxy: &Proxy, leaf: Option<&Leaf>, more: &[&str]) -> (String, Option<i32>) {
        let mut command = Command::new("curl");
        command.args(["-q", "-sS", "--max-time", "60", "--noproxy", "", "-o", "-"]);
        command.args(["-w", " %{http_code} %{http_connect}"]);
        command.args(["-x", &format!("https://{}", proxy.listeners[1]), "--proxy-cacert"]);
        command.arg(self.authority.certificate());
        if let Some(Leaf { certificate, key }) = leaf {
            command.arg("--proxy-cert").arg(certificate).arg("--proxy-key").arg(key);
        }
        let Output { stdout, status, .. } = command.args(more).output().unwrap();
        (String::from_utf8(stdout).unwrap(), status.code())
    }
}

impl Secure {
    /// A connection to the listener by this certificate, behind what a load balancer says.
    fn client(
        &self,
        proxy: &Proxy,
        leaf: &Leaf,
        before: &[u8],
    ) -> Wire<StreamOwned<ClientConnection, TcpStream>> {
        let mut roots = rustls::RootCertStore::empty();
        let root = CertificateDer::from_pem_file(self.authority.certificate());
        roots.add(root.unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap();
        let chain = vec![CertificateDer::from_pem_file(&leaf.certificate).unwrap()];
        let key = PrivateKeyDer::from_pem_file(&leaf.key).unwrap();
        let config = config.with_root_certificates(roots).with_client_auth_cert(chain, key);
        let name = ServerName::from(proxy.listeners[1].ip());
        let session = ClientConnection::new(Arc::new(config.unwrap()), name).unwrap();
        let mut socket = Wire::connect(proxy.listeners[1]).stream;
        socket.write_all(before).unwrap();
        Wire::over(StreamOwned::new(session, socket))
    }
}

fn who(record: &Value) -> (Option<&str>, Option<&str>) {
    (record["principal"].as_str(), record["authenticated"].as_str())
}

#[test]
fn a_proxy_behind_tls_takes_requests_and_tunnels() {
    let secure = Secure::new();
    let proxy = Proxy::start(&secure.config(""));
    let origin = Origin::answering("127.1.0.1", ok("fine"));
    let url = format!("{}/", origin.url());
    assert_eq!(secure.curl(&proxy, None, &[&url]), ("fine 200 000".to_owned(), Some(0)));
    assert_eq!(secure.curl(&proxy, None, &["-p", &url]), ("fine 200 200".to_owned(), Some(0)));
    for (version, spoken) in [("-tls1_3", true), ("-tls1_2", true), ("-tls1_1", false)] {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-cipher", "DEFAULT:@SECLEVEL=0", version, "-connect"]);
        let output = openssl.arg(proxy.listeners[1].to_string()).stdin(Stdio::null()).output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.success(), spoken, "{version}: {said}");
        assert!(spoken || said.contains("alert"), "{said}");
    }
    let records = proxy.wait_records(2);
    assert!(records.iter().all(|record| who(record) == (None, None)));
    assert_eq!(proxy.get(&origin, "/").text(), "fine", "the plain listener stays");
}

#[test]
fn http2_is_agreed_on_under_tls() {
    let secure = Secure::new();
    let proxy = Proxy::start(&secure.config(""));
    let origin = Origin::answering("127.1.0.1", ok("fine"));
    let url = format!("{}/two", origin.url());
    let roots = CertificateDer::from_pem_file(secure.authority.certificate()).unwrap();
    let status = block_on(async {
        let stream = connect_2(proxy.listeners[1], roots).await;
        let handshake =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.unwrap();
        let running = tokio::spawn(connection);
        let request = http::Request::get(&url).body(Empty::<Bytes>::new()).unwrap();
        let status = sender.send_request(request).await.unwrap().status();
        drop(sender);
        running.await.unwrap().unwrap();
        status
    });
    assert_eq!(status, 200);
    assert_eq!(origin.request(0).head.line, "GET /two HTTP/1.1");
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

async fn connect_2(
    to: SocketAddr,
    root: CertificateDer<'static>,
) -> tokio_rustls::client::TlsStream<tokio::net::TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = tokio::net::TcpStream::connect(to).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector.connect(ServerName::from(to.ip()), stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    stream
}

#[test]
fn a_certificate_names_its_holder() {
    let secure = Secure::new();
    let leaf = secure
        .authority
        .issue("etl", "URI:spiffe://corp.example/etl,DNS:etl.corp.example,email:etl@corp.example");
    let origin = Origin::answering("127.1.0.1", ok("fine"));
    let url = format!("{}/", origin.url());
    for (from, name) in [
        ("", "spiffe://corp.example/etl"),
        ("name_from = \"san-uri\"", "spiffe://corp.example/etl"),
        ("name_from = \"san-dns\"", "etl.corp.example"),
        ("name_from = \"san-email\"", "etl@corp.example"),
        ("name_from = \"cn\"", "etl"),
    ] {
        let group = format!("[[principal]]\nname = \"{name}\"\ngroups = [\"batch\"]");
        let config = secure.mutual(from).with(&group);
        let config = config.rule("no-batch", "block", "", "principals = [\"@batch\"]");
        let proxy = Proxy::start(&config);
        let (said, code) = secure.curl(&proxy, Some(&leaf), &[&url]);
        assert!(said.ends_with("403 000") && code == Some(0), "{said}");
        assert_eq!(secure.curl(&proxy, None, &[&url]).0, "fine 200 000", "it is optional");
        let records = proxy.wait_records(2);
        assert_eq!(who(&records[0]), (Some(name), Some("mtls")));
        assert_eq!(who(&records[1]), (None, None));
    }
}

#[test]
fn certificates_that_prove_nothing_are_refused() {
    let secure = Secure::new();
    let authority = &secure.authority;
    let good = authority.issue("good", "URI:spiffe://corp.example/good");
    let over = authority.issue_expired("over", "URI:spiffe://corp.example/over");
    let back = authority.issue("back", "URI:spiffe://corp.example/back");
    let nameless = authority.issue("nameless", "DNS:nameless.example");
    let stranger = Authority::new();
    let strange = stranger.issue("strange", "URI:spiffe://corp.example/good");
    authority.revoke(Some(&back));
    let config = secure.mutual("client_certificates = \"required\"");
    let config = config.with("[auth]\nrequired = true");
    let proxy = Proxy::start(&config);
    let origin = Origin::answering("127.1.0.1", ok("fine"));
    let url = format!("{}/", origin.url());
    for leaf in [None, Some(&over), Some(&back), Some(&nameless), Some(&strange)] {
        let (said, code) = secure.curl(&proxy, leaf, &[&url]);
        assert!(said.ends_with("000 000") && code != Some(0), "{leaf:?}: {said} {code:?}");
    }
    assert_eq!(secure.curl(&proxy, Some(&good), &[&url]).0, "fine 200 000");
    // The plain listener has nothing by which anybody could prove a name.
    let answer = proxy.get(&origin, "/");
    assert_eq!((answer.status(), &answer.json()["code"]), (403, &"certificate-missing".into()));
    assert_eq!(origin.requests().len(), 1);
    let failures =
        |kind| proxy.metric("egress_login_failures_total", &format!("\"{kind}\"")).to_string();
    let kinds = ["certificate-missing", "certificate-refused", "certificate-nameless"];
    // Three were out of date, taken back or of a stranger.
    assert_eq!(kinds.map(failures), ["2", "3", "1"]);

    authority.revoke(Some(&good));
    proxy.reload(&config);
    assert_eq!(secure.curl(&proxy, Some(&good), &[&url]).1, Some(56), "it has been taken back");
}

#[test]
fn what_is_revoked_ends_what_stands() {
    let secure = Secure::new();
    let leaf = secure.authority.issue("etl", "URI:spiffe://corp.example/etl");
    let config = secure.mutual("client_certificates = \"required\"");
    let proxy = Proxy::start(&config);
    let (origin, echo) = (Origin::answering("127.1.0.1", ok("fine")), Origin::echo("127.1.0.1"));
    let get = request("GET", &format!("{}/", origin.url()), "", "");
    let mut kept = secure.client(&proxy, &leaf, b"");
    kept.send(&get);
    assert_eq!(kept.response("GET").text(), "fine");
    let mut tunnel = secure.client(&proxy, &leaf, b"");
    let target = echo.address;
    tunnel.send(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\nhello"));
    assert_eq!(tunnel.head().unwrap().status(), 200);
    assert_eq!(tunnel.take(5), b"hello");

    proxy.reload(&config);
    kept.send(&get);
    assert_eq!(kept.response("GET").text(), "fine", "nothing was taken back");
    secure.authority.revoke(Some(&leaf));
    proxy.reload(&config);
    kept.send(&get);
    assert_eq!(kept.response("GET").json()["code"], "proof-taken-back");
    assert!(tunnel.has_ended());
    assert_eq!(origin.requests().len(), 2);
}

#[test]
fn a_reload_takes_a_new_certificate_and_keeps_the_last_good_one() {
    let secure = Secure::new();
    let config = secure.config("");
    let proxy = Proxy::start(&config);
    let origin = Origin::answering("127.1.0.1", ok("fine"));
    let url = format!("{}/", origin.url());
    let other = Authority::new();
    let new = other.issue("proxy", "IP:127.0.0.2");
    let old_certificate = std::fs::read_to_string(&secure.own.certificate).unwrap();
    std::fs::copy(&new.certificate, &secure.own.certificate).unwrap();
    let answer = proxy.ask_admin("POST", "/api/v1/reload");
    assert_eq!(answer.status(), 422, "its key is still the old one");
    assert!(answer.text().contains("cannot be used"), "{}", answer.text());
    assert_eq!(secure.curl(&proxy, None, &[&url]).1, Some(0));
    private(&secure.own.key, &std::fs::read_to_string(&new.key).unwrap());
    proxy.reload(&config);
    assert_eq!(secure.curl(&proxy, None, &[&url]).1, Some(60), "the authority is another");
    let trusting = Secure { authority: other, own: new };
    assert_eq!(trusting.curl(&proxy, None, &[&url]).0, "fine 200 000");
    assert_ne!(old_certificate, std::fs::read_to_string(&secure.own.certificate).unwrap());
}

#[test]
fn a_client_that_does_not_handshake_is_let_go() {
    let secure = Secure::new();
    let config = secure.config("").limit("head_timeout", "\"200ms\"").limit("connections", "1");
    let proxy = Proxy::start(&config);
    let mut silent = Wire::connect(proxy.listeners[1]);
    let mut plain = Wire::connect(proxy.listeners[1]);
    plain.send("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n");
    assert!(silent.has_ended(), "its time is up");
    let alert = plain.rest();
    assert_eq!(alert.first(), Some(&21), "an alert of TLS: {alert:?}");
    let origin = Origin::answering("127.1.0.1", ok("fine"));
    assert_eq!(proxy.get(&origin, "/").text(), "fine", "the place is free again");
}

#[test]
fn a_client_that_asks_for_nothing_is_let_go() {
    let secure = Secure::new();
    let leaf = secure.authority.issue("etl", "URI:spiffe://corp.example/etl");
    let config = secure.mutual("").limit("idle_timeout", "\"200ms\"");
    let proxy = Proxy::start(&config.limit("head_timeout", "\"2s\""));
    assert!(secure.client(&proxy, &leaf, b"").has_ended(), "HTTP/1");
    let mut begun = proxy.client();
    begun.send("PRI * HTTP/2.0\r\n");
    begun.rest();
    let root = CertificateDer::from_pem_file(secure.authority.certificate()).unwrap();
    let ended = block_on(async {
        let mut stream = connect_2(proxy.listeners[1], root).await;
        let mut left = Vec::new();
        // Its end may come without the last word of TLS.
        tokio::time::timeout(DEADLINE, stream.read_to_end(&mut left)).await.is_ok()
    });
    assert!(ended, "HTTP/2");
}

#[test]
fn an_address_is_no_name() {
    let secure = Secure::new();
    let leaf = secure.authority.issue("10.0.0.1", "DNS:etl.example");
    let proxy = Proxy::start(&secure.mutual("name_from = \"cn\""));
    let origin = Origin::answering("127.1.0.1", ok("fine"));
    let (said, _) = secure.curl(&proxy, Some(&leaf), &[&origin.url()]);
    assert!(said.contains("principal-unknown") && said.ends_with("403 000"), "{said}");
}

#[test]
fn idle_clients_do_not_keep_the_program() {
    let secure = Secure::new();
    let mut proxy = Proxy::start(&secure.config("").limit("drain_timeout", "\"59s\""));
    let mut idle = [Wire::connect(proxy.listen), Wire::connect(proxy.listeners[1])];
    wait_for("both connections", || {
        (proxy.metric("egress_connections", "client") > 1.5).then_some(())
    });
    proxy.signal("TERM");
    assert!(idle.iter_mut().all(Wire::has_ended));
    assert!(proxy.ended().success());
}

// === the PROXY protocol ===

const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn balanced() -> Config {
    Config::new()
        .with("[[listener]]\nkind = \"http\"\naddress = \"127.0.0.2:0\"\nproxy_protocol_from = [\"127.0.0.0/8\"]")
        .with("[[principal]]\nname = \"branch\"\nnetworks = [\"203.0.113.0/24\", \"2001:db8::/32\"]")
        .rule("branch", "block", "", "clients = [\"203.0.113.66\"]")
}

/// A header of version 2 with an extension behind the addresses.
fn v2(address: [u8; 4], port: u16) -> Vec<u8> {
    let port = port.to_be_bytes();
    let block = [&address[..], &[127, 0, 0, 2], &port, &[0, 80], &[0xe0, 0, 2, 1, 2]].concat();
    [V2, &[0x21, 0x11, 0, u8::try_from(block.len()).unwrap()], &block].concat()
}

#[test]
fn a_load_balancer_says_who_the_client_is() {
    let proxy = Proxy::start(&balanced());
    let origin = Origin::answering("127.1.0.1", ok("fine"));
    let get = request("GET", &format!("{}/", origin.url()), "", "");
    let cases: [(&[u8], &str, u16); 6] = [
        (b"PROXY TCP4 203.0.113.9 127.0.0.2 4711 80\r\n", "203.0.113.9:4711", 200),
        (b"PROXY TCP4 203.0.113.66 127.0.0.2 4711 80\r\n", "203.0.113.66:4711", 403),
        (b"PROXY TCP6 2001:db8::9 ::1 4711 80\r\n", "[2001:db8::9]:4711", 200),
        (&v2([203, 0, 113, 9], 4712), "203.0.113.9:4712", 200),
        (&v2([203, 0, 113, 66], 4712), "203.0.113.66:4712", 403),
        (b"PROXY TCP6 ::ffff:203.0.113.66 ::1 1 80\r\n", "203.0.113.66:1", 403),
    ];
    for (number, (header, client, status)) in cases.into_iter().enumerate() {
        for (half, pieces) in [usize::MAX, 1].into_iter().enumerate() {
            let mut wire = Wire::connect(proxy.listeners[1]);
            let whole = [header, get.as_bytes()].concat();
            for piece in whole.chunks(pieces.min(whole.len())) {
                wire.send(piece);
            }
            assert_eq!(wire.response("GET").status(), status, "{client}");
            // The header is said once for all requests of the connection.
            wire.send(&get);
            assert_eq!(wire.response("GET").status(), status, "{client}");
            let records = proxy.wait_records(4 * number + 2 * half + 2);
            let (last, before) = (records.last().unwrap(), &records[records.len() - 2]);
            assert_eq!((&last["client"], &before["client"]), (&client.into(), &client.into()));
            assert_eq!(who(last), (Some("branch"), Some("network")));
        }
    }
}

#[test]
fn a_header_is_wanted_from_balancers_and_from_nobody_else() {
    let proxy = Proxy::start(&balanced());
    let origin = Origin::answering("127.1.0.1", ok("fine"));
    let get = request("GET", &format!("{}/", origin.url()), "", "");
    for header in [
        &b""[..],
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 99999\r\n",
        b"PROXY\r\n",
        &[V2, &[0x31, 0x11, 0, 0]].concat(),
    ] {
        let mut wire = Wire::connect(proxy.listeners[1]);
        drop(wire.try_send([header, get.as_bytes()].concat()));
        assert_eq!(wire.rest(), b"", "{header:?}");
    }
    for header in [&b"PROXY UNKNOWN\r\n"[..], &[V2, &[0x20, 0, 0, 0]].concat()] {
        let mut wire = Wire::connect(proxy.listeners[1]);
        wire.send([header, get.as_bytes()].concat());
        assert_eq!(wire.response("GET").status(), 200);
    }
    // The plain listener trusts nobody: the header is no request.
    let mut wire = proxy.client();
    wire.send(["PROXY TCP4 203.0.113.9 127.0.0.1 4711 80\r\n", &get].concat());
    assert_eq!(wire.response("GET").status(), 400);
    let records = proxy.wait_records(3);
    assert!(records.iter().all(|r| r["client"].as_str().unwrap().starts_with("127.0.0.1:")));
    wait_for("the word on it", || {
        proxy.output().contains("PROXY header is malformed").then_some(())
    });
}

#[test]
fn a_header_comes_in_time() {
    let proxy = Proxy::start(&balanced().limit("head_timeout", "\"200ms\""));
    let mut wire = Wire::connect(proxy.listeners[1]);
    wire.send("PROXY TCP4 203.0.113.9");
    assert!(wire.has_ended());
}

#[test]
fn curl_is_a_load_balancer_too() {
    let proxy = Proxy::start(&balanced());
    let origin = Origin::answering("127.1.0.1", ok("fine"));
    let listener = format!("http://{}", proxy.listeners[1]);
    let mut curl = Command::new("curl");
    curl.args([
        "-q",
        "-sS",
        "--max-time",
        "60",
        "--noproxy",
        "",
        "--haproxy-protocol",
        "-x",
        &listener,
    ]);
    let output = curl.arg(origin.url()).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "fine");
}

#[test]
fn a_balancer_speaks_before_tls() {
    let secure = Secure::new();
    let leaf = secure.authority.issue("etl", "URI:spiffe://corp.example/etl");
    let config = secure.mutual("proxy_protocol_from = [\"127.0.0.1\"]");
    let proxy = Proxy::start(&config);
    let origin = Origin::answering("127.1.0.1", ok("fine"));
    let mut wire = secure.client(&proxy, &leaf, &v2([203, 0, 113, 9], 4711));
    wire.send(request("GET", &format!("{}/", origin.url()), "", ""));
    assert_eq!(wire.response("GET").text(), "fine");
    let record = proxy.record();
    assert_eq!(record["client"], "203.0.113.9:4711");
    assert_eq!(who(&record), (Some("spiffe://corp.example/etl"), Some("mtls")));
}

#[test]
fn no_request_goes_to_a_listener_of_our_own() {
    let secure = Secure::new();
    let more = "[[listener]]\nkind = \"http\"\naddress = \"127.0.0.3:0\"";
    let proxy = Proxy::start(&secure.config("").with(more));
    assert_eq!(proxy.listeners.len(), 3);
    for own in proxy.listeners.iter().chain([&proxy.admin]) {
        assert_eq!(proxy.ask("GET", &format!("http://{own}/"), "", "").status(), 508, "{own}");
    }
}
