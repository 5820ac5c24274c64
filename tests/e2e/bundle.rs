//! `borderpost debug bundle`: it tells how it goes, and nothing that is secret or of records.

use tempfile::TempDir;

use crate::support::{Config, Origin, Proxy, ok, program};

const CANARY: &str = "CANARY0123456789abcdef";

#[test]
fn a_bundle_tells_how_it_goes_and_no_secret() {
    let (state, origin) = (TempDir::new().unwrap(), Origin::answering("127.1.0.1", ok("four")));
    let cite = format!("cite = \"{CANARY}\"");
    let config = Config::new().law(state.path()).file("key", CANARY).rule(
        "first",
        "log",
        &cite,
        "hosts = [\"a.example\"]",
    );
    let proxy = Proxy::start(&config);
    let fields = format!("X-Secret: {CANARY}\r\n");
    let url = format!("{}/{CANARY}?key={CANARY}", origin.url());
    assert_eq!(proxy.ask("POST", &url, &fields, CANARY).status(), 200);
    proxy.wait_records(1);
    let listen = format!("\"{}\"", proxy.admin);
    let text = config.text().replace("\"127.0.0.1:0\"", &listen);
    proxy.rewrite(&format!("# {CANARY} in a comment\n{text}"));
    let archive = proxy.folder.path().join("bundle.tar");
    let mut bundle = program();
    bundle.args(["debug", "bundle", "--output"]).arg(&archive).arg("--config").arg(proxy.file());
    let told = bundle.output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let octets = std::fs::read(&archive).unwrap();
    let text = String::from_utf8_lossy(&octets);
    for wanted in [
        "borderpost/configuration.toml",
        "[redacted]",
        "egress_build_info{version=",
        "process_open_fds",
        "ok records can be written",
        "last entry ",
        "digest ",
        "Max open files",
    ] {
        assert!(text.contains(wanted), "no `{wanted}` in\n{text}");
    }
    assert!(!text.contains("CANARY"), "{text}");
}

#[test]
fn a_bundle_of_a_broken_configuration_shows_none_of_it() {
    let folder = TempDir::new().unwrap();
    let (file, archive) = (folder.path().join("broken.toml"), folder.path().join("bundle.tar"));
    std::fs::write(&file, format!("password = {CANARY}\n[[rule]\n")).unwrap();
    let mut bundle = program();
    bundle.args(["debug", "bundle", "-o"]).arg(&archive).arg("--config").arg(&file);
    assert!(bundle.output().unwrap().status.success());
    let octets = std::fs::read(&archive).unwrap();
    let text = String::from_utf8_lossy(&octets);
    assert!(text.contains("broken.toml:1") && !text.contains("CANARY"), "{text}");
}
