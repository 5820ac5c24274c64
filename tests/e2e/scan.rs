//! What a scanner of TLS finds at a listener of TLS, and where a tunnel is opened: sslyze, there
//! through a relay that asks for the tunnel, since it sends CONNECT without Host itself (RFC 9112
//! section 3.2).

use std::env;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use crate::intercept::{Bench, HOST, always};
use crate::listeners::Secure;
use crate::support::{Proxy, ok};

/// Opens a tunnel for every connection, and passes both ways what comes.
fn relay(bench: &Arc<Bench>, authority: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, bench) = (listener.local_addr().unwrap(), Arc::clone(bench));
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (tunnel, answer) = bench.proxy.connect(&authority, "");
            assert_eq!(answer.status(), 200);
            let other = (client.try_clone().unwrap(), tunnel.stream.try_clone().unwrap());
            thread::spawn(move || pass(other.1, other.0));
            thread::spawn(move || pass(client, tunnel.stream));
        }
    });
    address
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    // Either side may break off: the scanner tries what must fail.
    drop(std::io::copy(&mut from, &mut to));
    drop(to.shutdown(std::net::Shutdown::Write));
}

const SCANS: [&str; 17] = [
    "--sslv2",
    "--sslv3",
    "--tlsv1",
    "--tlsv1_1",
    "--tlsv1_2",
    "--tlsv1_3",
    "--reneg",
    "--compression",
    "--heartbleed",
    "--openssl_ccs",
    "--robot",
    "--fallback",
    "--ems",
    "--early_data",
    "--elliptic_curves",
    "--certinfo",
    "--quiet",
];

/// Scans what is there under this name, by an authority that it may trust.
fn scan(name: &str, address: SocketAddr, roots: &Path) -> Value {
    let folder = TempDir::new().unwrap();
    let (python, file) = (env::var("BORDERPOST_TEST_PYTHON"), folder.path().join("scan.json"));
    let output = Command::new(python.expect("a Python with sslyze; run the tests by tests/run"))
        .args(["-m", "sslyze", "--mozilla_config", "disable", "--sni", name])
        .args(SCANS)
        .arg("--certinfo_ca_file")
        .arg(roots)
        .arg("--json_out")
        .arg(&file)
        .arg(format!("{name}:{}{{{}}}", address.port(), address.ip()))
        .output()
        .unwrap();
    let text = std::fs::read_to_string(&file);
    let text = text.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_scanner_finds_nothing_weak_in_an_opened_tunnel() {
    let bench = Arc::new(Bench::new("127.1.0.1", always));
    let origin = bench.identity.serve("127.1.0.1", ok("a"));
    let relay = relay(&bench, format!("{HOST}:{}", origin.address.port()));
    nothing_weak(&scan(HOST, relay, &bench.roots()));
}

#[test]
fn a_scanner_finds_nothing_weak_at_a_listener() {
    let secure = Secure::new();
    for config in [secure.config(""), secure.mutual("")] {
        let proxy = Proxy::start(&config);
        let (listener, roots) = (proxy.listeners[1], secure.authority.certificate());
        nothing_weak(&scan("proxy.example", listener, &roots));
    }
}

/// Whatever the scanner knows of is not there.
fn nothing_weak(report: &Value) {
    let scanned = &report["server_scan_results"][0];
    assert_eq!(scanned["scan_status"], "COMPLETED", "{scanned:#}");
    let result = |scan: &str| {
        let one = &scanned["scan_result"][scan];
        assert_eq!(one["status"], "COMPLETED", "{scan}: {one:#}");
        one["result"].clone()
    };
    for old in ["ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"] {
        let accepted = &result(&format!("{old}_cipher_suites"))["accepted_cipher_suites"];
        assert_eq!(accepted, &Value::Array(Vec::new()), "{old}");
    }
    for version in ["tls_1_2", "tls_1_3"] {
        let suites = result(&format!("{version}_cipher_suites"));
        let accepted = suites["accepted_cipher_suites"].as_array().unwrap();
        assert!(!accepted.is_empty(), "{version}");
        for suite in accepted {
            let name = suite["cipher_suite"]["name"].as_str().unwrap();
            let sealed = name.contains("_GCM_") || name.contains("_CHACHA20_POLY1305_");
            assert!(sealed && !suite["ephemeral_key"].is_null(), "{suite:#}");
        }
    }
    let is = |scan: &str, key: &str, wanted: Value| {
        assert_eq!(result(scan)[key], wanted, "{scan}: {key}");
    };
    is("tls_compression", "supports_compression", false.into());
    is("tls_1_3_early_data", "supports_early_data", false.into());
    is("openssl_ccs_injection", "is_vulnerable_to_ccs_injection", false.into());
    is("heartbleed", "is_vulnerable_to_heartbleed", false.into());
    is("robot", "robot_result", "NOT_VULNERABLE_RSA_NOT_SUPPORTED".into());
    is("tls_fallback_scsv", "supports_fallback_scsv", true.into());
    is("session_renegotiation", "supports_secure_renegotiation", true.into());
    is("session_renegotiation", "is_vulnerable_to_client_renegotiation_dos", false.into());
    is("tls_extended_master_secret", "supports_ems_extension", true.into());
    let shown = &result("certificate_info")["certificate_deployments"][0];
    let trusted = shown["path_validation_results"].as_array().unwrap().iter();
    assert!(trusted.into_iter().any(|one| one["was_validation_successful"] == true), "{shown:#}");
}
