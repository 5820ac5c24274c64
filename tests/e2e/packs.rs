//! Packs from files: keys, signatures, and what a configuration takes.

use std::path::Path;
use std::process::Output;

use crate::support::{Config, Proxy, program};

const PACK: &str = "[pack]\nid = \"own\"\nversion = \"7\"\nauthority = \"Standard 7\"\n\
    as_of = 2099-01-01\neffective_from = 2026-01-01\n\
    [[rule]]\nid = \"health\"\noutcome = \"block\"\nreason = \"stays here\"\ncite = \"7.1\"\n\
    [rule.when]\ntags = [\"health\"]\n";

fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = program().args(arguments).current_dir(folder).output().unwrap();
    let Output { status, stdout, stderr } = output;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// A folder with a pack of one's own and a key.
struct Desk {
    folder: tempfile::TempDir,
    key: String,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        std::fs::write(folder.path().join("own.toml"), PACK).unwrap();
        let (code, key, news) = run(folder.path(), &["pack", "keygen", "compliance.pem"]);
        let key = key.trim_end().to_owned();
        assert_eq!(code, Some(0), "{news}");
        assert!(key.starts_with("ed25519:"), "{key}");
        assert!(news.contains(&format!("compliance = \"{key}\"")), "{news}");
        Self { folder, key }
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        run(self.folder.path(), arguments)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// A configuration with the pack and these lines.
    fn check(&self, signatures: &str) -> (Option<i32>, String, String) {
        self.write("borderpost.toml", &format!("packs = [\"own.toml\"]\n{signatures}"));
        self.run(&["check", "borderpost.toml"])
    }

    fn trusting(&self) -> String {
        format!("[signatures]\nkeys = {{ compliance = \"{}\" }}\n", self.key)
    }

    fn sign(&self) {
        let (code, out, err) = self.run(&["pack", "sign", "--key", "compliance.pem", "own.toml"]);
        assert_eq!((code, err.as_str()), (Some(0), ""));
        assert_eq!(out, "own.toml.sig: signed by compliance\n");
    }
}

#[test]
fn a_pack_of_ones_own_loads_like_a_shipped_one() {
    let desk = Desk::new();
    desk.sign();
    let (code, out, err) = desk.check(&desk.trusting());
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.starts_with("ok: 1 rule from own 7 (1 rule, signed by compliance); "), "{out}");
    assert_eq!(out.lines().count(), 1, "{out}");
    let explain = ["explain", "--config", "borderpost.toml", "--tag", "health", "--url"];
    let (code, out, _) = desk.run(&[&explain[..], &["http://8.8.8.8/"]].concat());
    assert_eq!(code, Some(0));
    assert!(out.contains("stays here [7.1]"), "{out}");
}

#[test]
fn an_unsigned_pack_is_taken_only_where_the_configuration_says_so() {
    let desk = Desk::new();
    let (code, _, err) = desk.check(&desk.trusting());
    assert_eq!(code, Some(64));
    for words in ["nobody has signed it", "borderpost.toml:1:10", "unsigned = \"allow\""] {
        assert!(err.contains(words), "{words} in\n{err}");
    }
    assert_eq!(desk.check("").0, Some(64), "no key, and still no unsigned pack");
    let (code, out, _) = desk.check("[signatures]\nunsigned = \"allow\"\n");
    assert_eq!(code, Some(0));
    assert!(out.contains("own 7 (1 rule, unsigned)"), "{out}");
    let (code, out, _) = desk.run(&["pack", "verify", "--trust", &desk.key, "own.toml"]);
    assert_eq!(code, Some(1));
    assert!(out.contains("nobody has signed it"), "{out}");
}

#[test]
fn packs_are_signed() {
    let desk = Desk::new();
    let verify = |arguments: &[&str]| desk.run(&[&["pack", "verify"], arguments].concat());
    // Signed: taken, also beside what needs no signature.
    desk.sign();
    desk.check(&desk.trusting());
    let (code, out, err) = verify(&["--config", "borderpost.toml", "own.toml", "default"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(
        out,
        "own.toml: signed by compliance, unchanged\n\
         config/packs/default.toml (built in): part of this program, unchanged\n"
    );
    let (code, out, _) = verify(&["--trust", &desk.key, "own.toml"]);
    assert_eq!((code, out), (Some(0), format!("own.toml: signed by {}, unchanged\n", desk.key)));
    // One changed byte: refused, even where unsigned packs are taken.
    desk.write("own.toml", &PACK.replace("7.1", "7.2"));
    let allowing = desk.trusting() + "unsigned = \"allow\"\n";
    let (code, _, err) = desk.check(&allowing);
    assert_eq!(code, Some(64));
    assert!(err.contains("it was changed after `compliance` signed it"), "{err}");
    let (code, out, err) = verify(&["--config", "borderpost.toml", "own.toml"]);
    assert_eq!((code, err.as_str()), (Some(1), "borderpost: 1 of 1 packs would not be taken\n"));
    assert!(out.starts_with("own.toml: NOT TAKEN: it was changed"), "{out}");
    // Somebody else's signature is none.
    desk.write("own.toml", PACK);
    assert_eq!(desk.run(&["pack", "keygen", "other.pem"]).0, Some(0));
    assert_eq!(desk.run(&["pack", "sign", "--key", "other.pem", "own.toml"]).0, Some(0));
    let (code, _, err) = desk.check(&allowing);
    assert_eq!(code, Some(64));
    assert!(err.contains("`other` signed it, whose key is not trusted"), "{err}");
}

#[test]
fn a_pack_that_is_changed_under_way_is_not_loaded() {
    let desk = Desk::new();
    desk.sign();
    let own = desk.folder.path().join("own.toml");
    let packs = format!("packs = [\"{}\"]", own.display());
    let proxy = Proxy::start(&Config::new());
    proxy.rewrite(&(Config::new().text().replace("packs = []", &packs) + &desk.trusting()));
    let reload = || proxy.ask_admin("POST", "/api/v1/reload");
    assert_eq!(reload().status(), 200);
    let refused = || proxy.ask("GET", "http://8.8.8.8/", "X-Data-Class: health\r\n", "").status();
    assert_eq!(refused(), 451);
    desk.write("own.toml", &PACK.replace("\"block\"", "\"allow\""));
    let answer = reload();
    assert_eq!(answer.status(), 422);
    assert!(answer.text().contains("it was changed after `compliance` signed it"));
    assert_eq!(refused(), 451, "what was in force stays");
}

#[test]
fn a_key_is_not_written_over_and_not_shared() {
    let desk = Desk::new();
    let (code, out, err) = desk.run(&["pack", "keygen", "compliance.pem"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("compliance.pem is there already"), "{err}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let file = desk.folder.path().join("compliance.pem");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let (code, _, err) = desk.run(&["pack", "sign", "--key", "compliance.pem", "own.toml"]);
        assert_eq!(code, Some(1));
        assert!(err.contains("chmod 600"), "{err}");
    }
    for arguments in [
        &["pack", "verify", "no-such-pack"][..],
        &["pack", "verify", "--trust", "ed25519:AAAA", "own.toml"],
        &["pack", "verify"],
        &["pack"],
    ] {
        assert_eq!(desk.run(arguments).0, Some(64), "{arguments:?}");
    }
}

#[test]
fn an_old_pack_is_told_and_still_decides() {
    let desk = Desk::new();
    desk.write("own.toml", &PACK.replace("2099-01-01", "2020-01-01"));
    let (code, out, err) = desk.check("[signatures]\nunsigned = \"allow\"\n");
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let note = out.lines().nth(1).unwrap();
    assert!(
        note.starts_with("note: pack own: its sources were last read on 2020-01-01, "),
        "{out}"
    );
    let explain = ["explain", "--config", "borderpost.toml", "--tag", "health", "--url"];
    let (_, out, _) = desk.run(&[&explain[..], &["http://8.8.8.8/"]].concat());
    assert!(out.starts_with("block: "), "{out}");
}
