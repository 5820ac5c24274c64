//! `borderpost env`: a shell that takes what it prints talks to the running proxy.

use std::process::Command;

use crate::support::{Bench, Config, ok, program, said};

#[test]
fn a_shell_is_told() {
    let bench = Bench::new("127.3.0.1", Config::rules);
    let origin = crate::support::serve_tls(
        std::sync::Arc::new(bench.identity.config()),
        "127.3.0.1",
        ok("inside"),
    );
    let export = |form: &str, file: &str| {
        let mut ca = program();
        ca.args(["ca", "export", form, "--config"]).arg(bench.path("init.toml"));
        said(&ca.arg("--out").arg(bench.path(file)).output().unwrap());
    };
    export("--bundle", "bundle.pem");
    export("--pkcs12", "bundle.p12");
    let mut env = program();
    env.args(["env", "--shell", "bash", "--proxy", &bench.proxy_url(), "--ca"]);
    env.arg(bench.path("bundle.pem")).arg("--trust-store").arg(bench.path("bundle.p12"));
    let text = said(&env.output().unwrap());
    std::fs::write(bench.path("env.sh"), &text).unwrap();
    let url = format!("https://{}:{}/", Bench::HOST, origin.address.port());
    let script =
        "export PIP_PROXY=elsewhere; . ./env.sh; echo \"${PIP_PROXY-gone}\"; curl -q -sS \"$0\"";
    let said_by_it = said(&bench.program("bash").args(["-c", script, &url]).output().unwrap());
    assert_eq!(said_by_it, "gone\ninside");
    let listed = |store: &str| {
        let mut keytool = Command::new("keytool");
        keytool.args(["-list", "-storetype", "PKCS12", "-keystore"]).arg(bench.path(store));
        said(&keytool.args(["-storepass", ""]).output().unwrap())
    };
    let listed = listed("bundle.p12");
    assert!(listed.contains("trustedCertEntry"), "{listed}");
}

#[test]
fn the_proxy_is_the_configured_one() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("a.toml");
    let run = |listen: &str, more: &[&str]| {
        std::fs::write(&file, format!("[proxy]\nlisten = \"{listen}\"\n")).unwrap();
        program().arg("env").args(more).arg("--config").arg(&file).output().unwrap()
    };
    let text = said(&run("0.0.0.0:3128", &[]));
    assert!(text.contains("\nexport HTTPS_PROXY='http://127.0.0.1:3128'  # Go"), "{text}");
    assert!(!text.contains("SSL_CERT_FILE"), "{text}");
    let text = said(&run("[::1]:3128", &["--shell", "fish"]));
    assert!(text.contains("\nset -gx https_proxy 'http://[::1]:3128'"), "{text}");
    let text = said(&run("127.0.0.1:1", &["--shell", "powershell", "--loopback"]));
    assert!(text.contains("\n$Env:NO_PROXY = ''"), "{text}");
    assert_eq!(run("none", &[]).status.code(), Some(64));
    assert_eq!(run("127.0.0.1:0", &[]).status.code(), Some(64));
    for wrong in ["socks5://a", "nothing", "http:"] {
        assert_eq!(run("127.0.0.1:1", &["--proxy", wrong]).status.code(), Some(64), "{wrong}");
    }
    assert_eq!(run("127.0.0.1:1", &["--ca", "/no/such/file"]).status.code(), Some(1));
}
