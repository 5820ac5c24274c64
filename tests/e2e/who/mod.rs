//! Who asks: passwords, tokens, groups, and those who guess.

mod clients;
mod files;

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConnection, StreamOwned};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Bench, Config, Message, Origin, Proxy, Wire, ok, private, program};

const AUTH: &str = "[auth]\nusers = \"users\"\ntokens = \"tokens\"\n";
const REQUIRED: &str = "[auth]\nusers = \"users\"\ntokens = \"tokens\"\nrequired = true\n";

/// ann has a password with a colon and an umlaut, build a token.
const PASSWORD: &str = "s3cret:ü";

/// Files of credentials, as the program writes them.
struct Credentials {
    folder: TempDir,
    token: String,
}

impl Credentials {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        passwd(&folder.path().join("users"), "ann", &[], PASSWORD);
        passwd(&folder.path().join("users"), "bob", &[], "b");
        let made = passwd(&folder.path().join("tokens"), "build", &["--token"], "");
        let token = String::from_utf8(made.stdout).unwrap().trim_end().to_owned();
        Self { folder, token }
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    fn config(&self, auth: &str) -> Config {
        let config = Config::new().with(auth);
        config.file("users", &self.text("users")).file("tokens", &self.text("tokens"))
    }

    fn bearer(&self) -> String {
        format!("Proxy-Authorization: Bearer {}\r\n", self.token)
    }
}

fn run_passwd(file: &Path, name: &str, more: &[&str], password: &str) -> Output {
    let mut command = program();
    command.arg("passwd").args(more).arg(file).arg(name);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A run that reads nothing may have ended already.
    drop(child.stdin.take().unwrap().write_all(password.as_bytes()));
    child.wait_with_output().unwrap()
}

#[track_caller]
fn passwd(file: &Path, name: &str, more: &[&str], password: &str) -> Output {
    let output = run_passwd(file, name, more, password);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn basic(name: &str, password: &str) -> String {
    let pair = STANDARD.encode(format!("{name}:{password}"));
    format!("Proxy-Authorization: Basic {pair}\r\n")
}

fn code(answer: &Message) -> (u16, String) {
    (answer.status(), answer.json()["code"].as_str().unwrap().to_owned())
}

fn who(record: &Value) -> (Option<&str>, Option<&str>) {
    (record["principal"].as_str(), record["authenticated"].as_str())
}

#[test]
fn passwords_and_tokens_prove_a_name() {
    let credentials = Credentials::new();
    let principal = "[[principal]]\nname = \"anywhere\"\nnetworks = [\"127.0.0.0/8\"]";
    let proxy = Proxy::start(&credentials.config(AUTH).with(principal));
    let origin = Origin::answering("127.1.0.1", ok("fine"));
    let url = format!("{}/", origin.url());
    for fields in
        [basic("ann", PASSWORD), basic("ann", PASSWORD), credentials.bearer(), String::new()]
    {
        assert_eq!(proxy.ask("GET", &url, &fields, "").status(), 200);
    }
    let (_, answer) = proxy.connect(&origin.address.to_string(), &basic("bob", "b"));
    assert_eq!(answer.status(), 200);
    let records = proxy.wait_records(5);
    let found: Vec<_> = records.iter().map(who).collect();
    let ann = (Some("ann"), Some("basic"));
    assert_eq!(found[..2], [ann, ann]);
    assert_eq!(found[2], (Some("build"), Some("bearer")));
    assert_eq!(found[3], (Some("anywhere"), Some("network")));
    assert_eq!(found[4], (Some("bob"), Some("basic")));
}

#[test]
fn who_proves_nothing_is_answered_407() {
    let credentials = Credentials::new();
    let proxy = Proxy::start(&credentials.config(REQUIRED));
    let origin = Origin::answering("127.1.0.1", ok("fine"));
    let url = format!("{}/", origin.url());
    let (right, wrong) = (basic("ann", PASSWORD), basic("ann", "wrong"));
    let cases = [
        ("", "credentials-missing"),
        (&*wrong, "credentials-wrong"),
        (&basic("nobody", PASSWORD), "credentials-wrong"),
        (&basic("build", &credentials.token), "credentials-wrong"),
        ("Proxy-Authorization: Bearer abc\r\n", "credentials-wrong"),
        ("Proxy-Authorization: Basic ???\r\n", "credentials-malformed"),
        (&[&*right, &*wrong].concat(), "credentials-malformed"),
        ("Proxy-Authorization: Negotiate abc\r\n", "credentials-scheme"),
    ];
    for (fields, wanted) in cases {
        let answer = proxy.ask("GET", &url, fields, "");
        assert_eq!(code(&answer), (407, wanted.to_owned()), "{fields}");
        let asks = answer.head.all("proxy-authenticate");
        let wants =
            ["Basic realm=\"borderpost\", charset=\"UTF-8\"", "Bearer realm=\"borderpost\""];
        assert_eq!(asks, wants);
    }
    for (fields, wanted) in [("", "credentials-missing"), (&*wrong, "credentials-wrong")] {
        let (mut client, answer) = proxy.connect(&origin.address.to_string(), fields);
        assert_eq!(code(&answer), (407, wanted.to_owned()));
        assert_eq!(answer.head.get("connection"), Some("close"));
        assert!(client.has_ended());
    }
    assert_eq!(proxy.ask("GET", &url, &right, "").status(), 200);
    assert_eq!(origin.requests().len(), 1);
    let records = proxy.wait_records(11);
    for (record, (_, wanted)) in records.iter().zip(cases) {
        assert_eq!((&record["error"]["code"], &record["status"]), (&wanted.into(), &407.into()));
        assert_eq!(who(record), (None, None));
    }
    let failures = |kind: &str| {
        let label = format!("\"credentials-{kind}\"");
        proxy.metric("egress_login_failures_total", &label).to_string()
    };
    assert_eq!(["missing", "wrong", "malformed", "scheme"].map(failures), ["2", "5", "2", "1"]);
}

#[test]
fn who_fails_to_log_in_over_socks_is_counted() {
    let credentials = Credentials::new();
    let proxy = Proxy::start(&credentials.config(REQUIRED).listener("socks5", ""));
    let origin = Origin::answering("127.1.0.1", ok("fine"));
    let curl = |user: &str| {
        let mut command = Command::new("curl");
        command.args(["-q", "-s", "--max-time", "60", "--noproxy", "", "--socks5-hostname"]);
        command.arg(proxy.listener("socks5h").to_string()).args(["--proxy-user", user]);
        String::from_utf8(command.arg(origin.url()).output().unwrap().stdout).unwrap()
    };
    assert_eq!((curl("ann:no").as_str(), &*curl(&format!("ann:{PASSWORD}"))), ("", "fine"));
    let told = proxy.metric("egress_login_failures_total", "\"credentials-wrong\"");
    assert!((told - 1.0).abs() < f64::EPSILON, "{told}");
    assert!((proxy.metric("egress_login_failures_total", "") - told).abs() < f64::EPSILON);
}

#[test]
fn credentials_stay_here() {
    let credentials = Credentials::new();
    let mut traced = program();
    traced.env("RUST_LOG", "trace");
    let proxy = Proxy::start_by(&credentials.config(AUTH), traced);
    let origin = Origin::answering("127.1.0.1", ok("fine"));
    let url = format!("{}/", origin.url());
    let wrong = basic("ann", "wr0ng-Secret");
    for fields in [&basic("ann", PASSWORD), &credentials.bearer(), &wrong] {
        proxy.ask("GET", &url, fields, "");
        // Naming it in `Connection` must not make it anything else.
        proxy.ask("GET", &url, &format!("{fields}Connection: proxy-authorization\r\n"), "");
        proxy.connect(&origin.address.to_string(), fields);
    }
    proxy.wait_records(9);
    for request in origin.requests() {
        assert!(request.head.all("proxy-authorization").is_empty(), "{:?}", request.head);
    }
    let told = format!(
        "{}{:?}{}",
        proxy.output(),
        proxy.records(),
        proxy.ask_admin("GET", "/metrics").text()
    );
    let pair = STANDARD.encode(format!("ann:{PASSWORD}"));
    let wrong_pair = STANDARD.encode("ann:wr0ng-Secret");
    for secret in [PASSWORD, &pair, &credentials.token, "wr0ng-Secret", &wrong_pair, "$argon2"] {
        assert!(!told.contains(secret), "{secret} in\n{told}");
    }
}

#[test]
fn http2_proves_a_name_as_well() {
    let credentials = Credentials::new();
    let mut traced = program();
    traced.env("RUST_LOG", "trace");
    let proxy = Proxy::start_by(&credentials.config(REQUIRED), traced);
    let origin = Origin::answering("127.1.0.1", ok("fine"));
    let url = format!("{}/", origin.url());
    let curl = |more: &[&str]| {
        // Nothing is a proxy to curl in HTTP/2, but a request in absolute form is one.
        let mut command = Command::new("curl");
        command.args([
            "-q",
            "-s",
            "--max-time",
            "60",
            "--noproxy",
            "*",
            "-o",
            "-",
            "-w",
            " %{http_code}",
        ]);
        command.args(["--http2-prior-knowledge", "--connect-to"]);
        command.arg(format!("::{}", proxy.listen)).args(more).arg(&url);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let right = basic("ann", PASSWORD);
    assert_eq!(curl(&["-H", right.trim_end()]), "fine 200");
    assert_eq!(curl(&["-H", credentials.bearer().trim_end()]), "fine 200");
    assert!(curl(&[]).ends_with(" 407"));
    assert!(curl(&["-H", basic("ann", "wrong").trim_end()]).ends_with(" 407"));
    let records = proxy.wait_records(4);
    assert_eq!(who(&records[0]), (Some("ann"), Some("basic")));
    assert!(origin.requests().iter().all(|r| r.head.all("proxy-authorization").is_empty()));
    let told = proxy.output();
    let pair = STANDARD.encode(format!("ann:{PASSWORD}"));
    for secret in [PASSWORD, &pair, &credentials.token] {
        assert!(!told.contains(secret), "{secret} in\n{told}");
    }
}

#[test]
fn many_at_once_with_one_password_are_no_guesses() {
    let credentials = Credentials::new();
    let proxy = Proxy::start(&credentials.config(REQUIRED));
    let origin = Origin::answering("127.1.0.1", ok("fine"));
    let url = format!("{}/", origin.url());
    let fields = basic("ann", PASSWORD);
    let statuses: Vec<_> = thread::scope(|scope| {
        let ask = |()| scope.spawn(|| proxy.ask("GET", &url, &fields, "").status());
        let asked = [(); 40].map(ask);
        asked.map(|one| one.join().unwrap()).to_vec()
    });
    assert_eq!(statuses, [200; 40]);
    // A wrong one is tried each time, and no more than ten of many at once are.
    let wrong = basic("ann", "wrong");
    let statuses: Vec<_> = thread::scope(|scope| {
        let ask = |()| scope.spawn(|| proxy.ask("GET", &url, &wrong, "").status());
        let asked = [(); 60].map(ask);
        asked.map(|one| one.join().unwrap()).to_vec()
    });
    let tried = statuses.iter().filter(|status| **status == 407).count();
    let turns = thread::available_parallelism().unwrap().get();
    assert!((10..10 + turns).contains(&tried), "{statuses:?}");
    assert!(statuses.iter().all(|status| [407, 429].contains(status)));
}

/// TLS with the destination in a tunnel, as the proxy shows it.
fn inside(bench: &Bench, tunnel: Wire) -> Wire<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(bench.roots()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(Bench::HOST).unwrap();
    Wire::over(StreamOwned::new(
        ClientConnection::new(Arc::new(config), name).unwrap(),
        tunnel.stream,
    ))
}

#[test]
fn who_opened_a_tunnel_asks_in_it() {
    let credentials = Credentials::new();
    let bench = Bench::new("127.1.0.1", |config| {
        let config = config.with(REQUIRED).with("[intercept]\nmode = \"always\"");
        let config = config.file("users", &credentials.text("users"));
        let config = config.file("tokens", &credentials.text("tokens"));
        let ann = "[[principal]]\nname = \"ann\"\ngroups = [\"finance\"]";
        config.with(ann).rule(
            "finance",
            "block",
            "",
            "principals = [\"@finance\"]\nmethods = [\"POST\"]",
        )
    });
    let origin = bench.identity.serve("127.1.0.1", ok("answered"));
    let host = format!("{}:{}", Bench::HOST, origin.address.port());
    let (_, answer) = bench.proxy.connect(&host, "");
    assert_eq!(answer.status(), 407, "before anything is dialled or opened");
    assert_eq!(origin.connections(), 0);

    let (tunnel, answer) = bench.proxy.connect(&host, &basic("ann", PASSWORD));
    assert_eq!(answer.status(), 200);
    let mut tunnel = inside(&bench, tunnel);
    // What is said inside is neither looked at nor passed on.
    let ask = |method: &str| {
        let inner = basic("bob", "wrong");
        format!("{method} / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n{inner}\r\n")
    };
    tunnel.send(ask("GET"));
    assert_eq!(tunnel.response("GET").text(), "answered");
    assert!(origin.request(0).head.all("proxy-authorization").is_empty());
    tunnel.send(ask("POST"));
    assert_eq!(tunnel.response("POST").json()["rule"], "finance");

    passwd(&bench.proxy.folder.path().join("users"), "ann", &["--remove"], "");
    bench.proxy.reload(&bench.config);
    drop(tunnel.try_send(ask("GET")));
    // The tunnel may be closed before the request is answered.
    if let Some(head) = tunnel.head() {
        let answer = tunnel.request_body(head);
        assert_eq!(code(&answer), (403, "proof-taken-back".to_owned()));
    }
    assert_eq!(origin.requests().len(), 1);
    drop(tunnel);
    let records = bench.proxy.records();
    let answered = records.iter().filter(|record| record["scheme"] == "https").take(2);
    assert!(answered.map(who).eq([(Some("ann"), Some("basic")); 2]), "{records:#?}");
}

#[test]
fn explain_takes_a_name() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("c.toml");
    let config = Config::new()
        .rule("finance", "block", "", "principals = [\"@finance\"]")
        .with("[[principal]]\nname = \"ann\"\nnetworks = [\"10.0.0.1\"]\ngroups = [\"finance\"]");
    fs::write(&file, config.text()).unwrap();
    for (name, wanted) in
        [("ann", "yes      client is @finance"), ("bob", "no       client is @finance")]
    {
        let mut command = program();
        command.args(["explain", "--url", "http://127.0.0.1/", "--principal", name, "--config"]);
        let output = command.arg(&file).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains(wanted), "{said}");
    }
}

#[test]
fn who_guesses_waits() {
    let credentials = Credentials::new();
    let proxy = Proxy::start(&credentials.config(AUTH));
    let origin = Origin::answering("127.1.0.1", ok("fine"));
    let url = format!("{}/", origin.url());
    assert_eq!(proxy.ask("GET", &url, &basic("ann", PASSWORD), "").status(), 200);
    for n in 0..10 {
        let answer = proxy.ask("GET", &url, &basic("ann", &format!("guess {n}")), "");
        assert_eq!(answer.status(), 407);
    }
    let answer = proxy.ask("GET", &url, &basic("bob", "b"), "");
    assert_eq!(code(&answer), (429, "credentials-too-many".to_owned()));
    let wait: u64 = answer.head.get("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(answer.head.all("proxy-authenticate").is_empty());
    let (_, answer) = proxy.connect(&origin.address.to_string(), &basic("ann", "guess"));
    assert_eq!(answer.status(), 429);
    // Who was proved before, and who needs no proof, goes on.
    for fields in [basic("ann", PASSWORD), credentials.bearer(), String::new()] {
        assert_eq!(proxy.ask("GET", &url, &fields, "").status(), 200);
    }
}

#[test]
fn rules_name_groups() {
    let credentials = Credentials::new();
    let config = credentials
        .config(AUTH)
        .rule("finance", "block", "", "principals = [\"@finance\"]\nmethods = [\"GET\"]")
        .with("[[principal]]\nname = \"ann\"\ngroups = [\"finance\", \"all\"]")
        .with("[[principal]]\nname = \"bob\"\ngroups = [\"all\"]")
        .with("[[route]]\nprincipals = [\"@all\"]\ntags = [\"routed\"]");
    let proxy = Proxy::start(&config);
    let origin = Origin::answering("127.1.0.1", ok("fine"));
    let url = format!("{}/", origin.url());
    for (fields, status) in [
        (basic("ann", PASSWORD), 403),
        (basic("bob", "b"), 200),
        (credentials.bearer(), 200),
        (String::new(), 200),
    ] {
        assert_eq!(proxy.ask("GET", &url, &fields, "").status(), status, "{fields}");
    }
    let records = proxy.wait_records(4);
    let tags: Vec<_> = records.iter().map(|r| r["tags"].as_array().unwrap().len()).collect();
    assert_eq!(tags, [1, 1, 0, 0]);
}

#[test]
fn a_name_that_nobody_knows_can_be_refused() {
    let credentials = Credentials::new();
    let config = credentials.config(&format!("{AUTH}unknown = \"refuse\"\n"));
    let proxy = Proxy::start(&config.with("[[principal]]\nname = \"ann\""));
    let origin = Origin::answering("127.1.0.1", ok("fine"));
    let url = format!("{}/", origin.url());
    assert_eq!(proxy.ask("GET", &url, &basic("ann", PASSWORD), "").status(), 200);
    let answer = proxy.ask("GET", &url, &basic("bob", "b"), "");
    assert_eq!(code(&answer), (403, "principal-unknown".to_owned()));
}

#[test]
fn a_reload_reads_credentials_again() {
    let credentials = Credentials::new();
    let config = credentials.config(AUTH);
    let proxy = Proxy::start(&config);
    let origin = Origin::echo("127.1.0.1");
    let web = Origin::answering("127.1.0.1", ok("fine"));
    let url = format!("{}/", web.url());
    let users = proxy.folder.path().join("users");
    let (mut tunnel, answer) = proxy.connect(&origin.address.to_string(), &basic("ann", PASSWORD));
    assert_eq!(answer.status(), 200);
    tunnel.send("hello");
    assert_eq!(tunnel.take(5), b"hello");

    private(&users, "ann:hunter2-plain\n");
    let answer = proxy.ask_admin("POST", "/api/v1/reload");
    assert_eq!(answer.status(), 422);
    assert!(
        answer.text().contains("ann:…") && !answer.text().contains("hunter2"),
        "{}",
        answer.text()
    );
    assert_eq!(proxy.ask("GET", &url, &basic("bob", "b"), "").status(), 200, "the last good one");

    private(&users, &credentials.text("users"));
    passwd(&users, "ann", &["--remove"], "");
    passwd(&users, "bob", &[], "changed");
    proxy.reload(&config);
    for (name, password, status) in
        [("ann", PASSWORD, 407), ("bob", "b", 407), ("bob", "changed", 200)]
    {
        assert_eq!(proxy.ask("GET", &url, &basic(name, password), "").status(), status, "{name}");
    }
    assert!(tunnel.has_ended(), "the tunnel of somebody who is no more is closed");
}
