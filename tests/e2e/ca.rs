//! The certificate authority: its commands, what the admin listener gives to clients, and
//! what OpenSSL and curl make of its certificates.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use borderpost::net::Host;
use borderpost::tls::{Alpn, Authority, AuthoritySettings, AuthoritySource};
use rustls::ServerConfig;
use tempfile::TempDir;

use crate::support::{Config, Origin, Proxy, ok, program, serve_tls};

/// A configuration with a folder for what is kept.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("b.toml"), "packs = []\n[state]\nfolder = \"kept\"\n")
            .unwrap();
        Self(folder)
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("kept/ca")
    }

    /// Runs `borderpost ca` and gives its exit code, output and errors.
    fn ca(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = program();
        command.arg("ca").args(arguments).arg("--config").arg(self.0.path().join("b.toml"));
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code(), text(stdout), text(stderr))
    }

    #[track_caller]
    fn fine(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.ca(arguments);
        assert_eq!(code, Some(0), "{err}");
        out
    }

    /// Puts `roots` into a file.
    fn export(&self) -> PathBuf {
        let file = self.0.path().join("roots.pem");
        self.fine(&["export", "--out", file.to_str().unwrap()]);
        file
    }

    fn server(&self, host: &str) -> Arc<ServerConfig> {
        let source = AuthoritySource::Made(self.folder());
        let settings = AuthoritySettings { source, leaf_days: 7, cache: 10 };
        let authority = Authority::load(&settings).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let host = Host::parse(host).unwrap();
        runtime.block_on(authority.server_config(&host, Alpn::Http1)).unwrap()
    }
}

#[track_caller]
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{error}; run tests/run"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

fn openssl(arguments: &[&str], file: &Path) -> String {
    said(Command::new("openssl").args(arguments).arg(file))
}

#[test]
fn an_authority_is_made_shown_and_exported() {
    let place = Place::new();
    let (code, _, err) = place.ca(&["show"]);
    assert!(code == Some(1) && err.contains("`borderpost ca init` makes one"), "{err}");

    let name = ["--name", "Acme egress", "--days", "30", "--permit-dns", "acme.example"];
    let (code, shown, news) = place.ca(&[&["init"][..], &name].concat());
    assert_eq!(code, Some(0), "{news}");
    assert!(
        news.contains("holds its key") && news.contains("`borderpost ca export --config "),
        "{news}"
    );
    assert_eq!(place.fine(&["show"]), shown);
    for part in ["authority 1: signs now", "CN=Acme egress ", "acme.example and below"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let (code, _, err) = place.ca(&["init"]);
    assert!(code == Some(1) && err.contains("already"), "{err}");

    let file = place.export();
    let pem = fs::read_to_string(&file).unwrap();
    assert_eq!(place.fine(&["export"]), pem);
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----") && !pem.contains("PRIVATE"), "{pem}");
    let text = openssl(&["x509", "-noout", "-text", "-fingerprint", "-sha256", "-in"], &file);
    for part in [
        "CA:TRUE, pathlen:0",
        "Certificate Sign, CRL Sign",
        "DNS:acme.example",
        "IP:0.0.0.0/0.0.0.0",
        "NIST CURVE: P-256",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let fingerprint = text.lines().find_map(|line| line.strip_prefix("sha256 Fingerprint="));
    assert!(shown.contains(fingerprint.unwrap()), "{text}{shown}");

    let der = place.0.path().join("root.der");
    place.fine(&["export", "--der", "--out", der.to_str().unwrap()]);
    let again = openssl(&["x509", "-inform", "der", "-in"], &der);
    assert_eq!(again, pem);
    let (code, _, err) = place.ca(&["export", "--der", "--pem"]);
    assert!(code == Some(64), "{err}");
}

#[test]
fn a_successor_is_published_beside_the_one_that_signs() {
    let place = Place::new();
    place.fine(&["init"]);
    let old = fs::read_to_string(place.export()).unwrap();
    let (code, shown, news) = place.ca(&["rotate", "--overlap", "30d"]);
    assert_eq!(code, Some(0), "{news}");
    assert!(shown.contains("authority 1: signs now"), "{shown}");
    assert!(shown.contains("authority 2: signs from ") && shown.contains("published  until "));
    let both = fs::read_to_string(place.export()).unwrap();
    assert!(both.starts_with(&old) && both.matches("BEGIN").count() == 2);
    let (code, _, err) = place.ca(&["rotate"]);
    assert!(code == Some(1) && err.contains("authority 2 waits to sign"), "{err}");
    for overlap in ["-1", "366", "soon"] {
        assert_eq!(place.ca(&["rotate", "--overlap", overlap]).0, Some(64), "{overlap}");
    }
}

#[test]
fn a_configuration_that_leaves_no_place_says_so() {
    let output = program().args(["ca", "init"]).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(64) && err.contains("add [state]"), "{err}");
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("own.toml");
    fs::write(&file, "[tls.authority]\ncertificate = \"own.pem\"\nkey = \"own.key\"\n").unwrap();
    for command in ["init", "rotate"] {
        let output = program().args(["ca", command, "--config"]).arg(&file).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(64) && err.contains("your own authority"), "{err}");
    }
}

#[test]
fn openssl_and_curl_believe_what_it_signs() {
    let place = Place::new();
    place.fine(&["init"]);
    let roots = place.export();
    for host in ["api.acme.example", "127.0.0.1", "[::1]"] {
        let ip = if host == "[::1]" { "::1" } else { "127.0.0.1" };
        let origin: Origin = serve_tls(place.server(host), ip, ok("fine"));
        let port = origin.address.port();
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--noproxy", "*", "--cacert"]).arg(&roots);
        curl.args(["--resolve", &format!("api.acme.example:{port}:127.0.0.1")]);
        assert_eq!(said(curl.arg(format!("https://{host}:{port}/"))), "fine");

        let mut client = Command::new("openssl");
        client.args(["s_client", "-connect", &format!("{}", origin.address), "-showcerts"]);
        client.args(["-x509_strict", "-verify_return_error", "-purpose", "sslserver"]);
        client.arg("-CAfile").arg(&roots).stdin(std::process::Stdio::null());
        if host == "api.acme.example" {
            client.args(["-servername", host, "-verify_hostname", host]);
        } else {
            client.args(["-verify_ip", ip]);
        }
        let told = said(&mut client);
        assert!(told.contains("Verify return code: 0 (ok)"), "{told}");
        let begin = told.find("-----BEGIN").unwrap();
        let leaf = place.0.path().join("leaf.pem");
        fs::write(&leaf, told.split_at(begin).1).unwrap();
        let text = openssl(&["x509", "-noout", "-text", "-in"], &leaf);
        for part in ["CA:FALSE", "TLS Web Server Authentication", "Digital Signature"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let strict = ["verify", "-x509_strict", "-CAfile", roots.to_str().unwrap()];
        assert!(openssl(&strict, &leaf).contains(": OK"));
    }
}

#[test]
fn the_admin_listener_gives_roots_and_a_pac_file() {
    let place = Place::new();
    let without = Proxy::start(&Config::new());
    for path in ["/ca.pem", "/ca-bundle.pem"] {
        let answer = without.ask_admin("GET", path);
        assert_eq!(answer.status(), 404);
        assert_eq!(answer.head.get("content-type"), Some("application/problem+json"));
        let detail = answer.json()["detail"].to_string();
        assert!(detail.contains("`borderpost ca init` makes one"), "{detail}");
    }

    place.fine(&["init"]);
    let kept = place.0.path().join("kept");
    let config = Config::new().with(&format!("[state]\nfolder = \"{}\"", kept.display()));
    let proxy = Proxy::start(&config);
    let root = fs::read_to_string(place.export()).unwrap();
    let curl = |path: &str| {
        let url = format!("http://{}{path}", proxy.admin);
        said(Command::new("curl").args(["-sS", "--fail", "--noproxy", "*", &url]))
    };
    assert_eq!(curl("/ca.pem"), root);
    let bundle = curl("/ca-bundle.pem");
    assert!(bundle.ends_with(&root), "the platform's roots come first");
    assert_eq!(proxy.ask_admin("POST", "/ca.pem").status(), 405);

    // A rotation is published by a reload, without a new start.
    place.fine(&["rotate", "--overlap", "30"]);
    assert_eq!(curl("/ca.pem"), root);
    proxy.reload(&config);
    let both = curl("/ca.pem");
    assert!(both.starts_with(&root) && both.matches("BEGIN").count() == 2, "{both}");

    // One that cannot be read changes nothing, as any mistake.
    fs::write(place.folder().join("ca.toml"), "authority = []").unwrap();
    let refused = proxy.ask_admin("POST", "/api/v1/reload");
    assert_eq!(refused.status(), 422);
    assert!(refused.text().contains("it lists no authority"), "{}", refused.text());
    assert_eq!(curl("/ca.pem"), both);
}

/// Where a browser would go, by a JavaScript engine.
#[test]
fn the_pac_file_leaves_no_way_around() {
    let proxy = Proxy::start(&Config::new());
    let answer = proxy.ask_admin("GET", "/proxy.pac");
    let kind = answer.head.get("content-type");
    assert_eq!(kind, Some("application/x-ns-proxy-autoconfig"));
    let direct = ["intranet", "LOCALHOST", "localhost.", "a.localhost", "127.0.0.1", "127.9.8.7"];
    let direct = [&direct[..], &["::1", "[::1]"]].concat();
    // The odd ones are addresses in disguise, or names that look like this machine.
    let proxied = ["example.com", "example.com.", "10.0.0.1", "8.8.8.8", "134744072", "0x08080808"];
    let odd = ["127.evil.example", "127.0.0.1.evil.example", "notlocalhost.example", "010.8.8.8"];
    let proxied =
        [&proxied[..], &odd, &["2001:db8::1", "[2001:db8::1]", "::2", "fe80::1"]].concat();
    let hosts = serde_json::to_string(&[&direct[..], &proxied].concat()).unwrap();
    let script = format!(
        "{}\nfor (const host of {hosts}) console.log(FindProxyForURL('https://' + host + '/', host));",
        answer.text()
    );
    let told = said(Command::new("node").args(["-e", &script]));
    let wanted: Vec<_> = direct.iter().map(|_| "DIRECT".to_owned()).collect();
    let through = format!("PROXY {}", proxy.listen);
    let wanted = [wanted, proxied.iter().map(|_| through.clone()).collect()].concat();
    assert_eq!(told.lines().collect::<Vec<_>>(), wanted);
}
