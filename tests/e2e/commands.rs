//! The commands that end by themselves: what they print and how they exit.

use std::process::Output;

use serde_json::Value;

use crate::support::program;

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = program().args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[track_caller]
fn fine(arguments: &[&str]) -> String {
    let (code, out, err) = run(arguments);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    out
}

fn file(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("bad.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path.display().to_string())
}

#[test]
fn check_accepts_what_is_shipped() {
    let built_in = fine(&["check"]);
    assert!(built_in.starts_with("ok: 3 rules from default "), "{built_in}");
    assert!(built_in.contains("; 2 databases; sha256:"), "{built_in}");
    let written = format!("{}/config/borderpost.toml", env!("CARGO_MANIFEST_DIR"));
    assert_eq!(fine(&["check", &written]), built_in);
}

#[test]
fn check_tells_every_mistake_and_exits_64() {
    let (_folder, path) = file("[proxy]\nlisten = \"nowhere\"\n[policy]\nmode = \"obsreve\"\n");
    let (code, out, err) = run(&["check", &path]);
    assert_eq!((code, out.as_str()), (Some(64), ""));
    for word in
        ["bad.toml:2", "bad.toml:4", "nowhere", "obsreve", "2 mistakes; nothing was changed"]
    {
        assert!(err.contains(word), "{word} in\n{err}");
    }
    let named = program().env("BORDERPOST_CONFIG", &path).arg("check").output().unwrap();
    assert_eq!(named.status.code(), Some(64), "it is the one that `run` takes");
    let (code, _, err) = run(&["check", "/no/such/file.toml"]);
    assert_eq!(code, Some(64));
    assert!(err.contains("/no/such/file.toml"), "{err}");
}

#[test]
fn run_refuses_a_bad_configuration_and_a_busy_port() {
    let (_folder, path) = file("[proxy]\nlisten = 7\n");
    assert_eq!(run(&["run", "--config", &path]).0, Some(64));
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = holder.local_addr().unwrap();
    let admin = "[admin]\nlisten = \"127.0.0.1:0\"\n";
    let (_folder, path) = file(&format!("[proxy]\nlisten = \"{busy}\"\n{admin}"));
    let (code, _, err) = run(&["run", "--config", &path]);
    assert_eq!(code, Some(1));
    assert!(err.contains(&busy.to_string()) && err.contains("proxy.listen"), "{err}");
}

#[test]
fn explain_takes_a_decision_apart() {
    let text = fine(&["explain", "--url", "http://114.114.114.114/", "--tag", "health"]);
    assert!(text.starts_with("block: default/us-country-of-concern\n"), "{text}");
    for line in [
        "  address    114.114.114.114 -> agreed: CN",
        "rule default/us-country-of-concern [block]: yes",
        "  yes      data tagged *",
        "  because  tagged data may not go to a country of concern [28 CFR 202.601]",
        "rule default/unknown-location [block]: no",
        "what would change the answer:",
        "  - the data not tagged `health`",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    let untagged = fine(&["explain", "--url", "http://114.114.114.114/"]);
    assert!(untagged.starts_with("allow: no rule holds\n"), "{untagged}");
    let undecided = fine(&["explain", "--url", "https://api.example/", "--tag", "health"]);
    assert!(undecided.starts_with("undecided: "), "{undecided}");
    let inside = fine(&["explain", "--url", "http://api.example/", "--address", "10.0.0.1"]);
    assert!(inside.starts_with("block: the address is not public (private)"), "{inside}");
}

#[test]
fn explain_speaks_json() {
    let text = fine(&[
        "explain",
        "--url",
        "https://a.example/",
        "--method",
        "post",
        "--tag",
        "financial.card",
        "--address",
        "8.8.8.8",
        "--json",
    ]);
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&json["outcome"], &json["host"]), (&"allow".into(), &"a.example".into()));
    assert_eq!(json["location"]["countries"], serde_json::json!(["US"]));
    assert_eq!(json["tags"], serde_json::json!(["financial.card"]));
    let rules: Vec<_> =
        json["rules"].as_array().unwrap().iter().map(|r| r["rule"].clone()).collect();
    assert_eq!(rules, ["us-country-of-concern", "unknown-location", "tagged-abroad"]);
}

#[test]
fn explain_says_how_a_request_gets_there() {
    let (_folder, path) = file(
        "[[chain]]\nto = [\"*.far.example\"]\nvia = \"http://user:word@proxy.example:3128\"\n\
         [[chain]]\nto = [\"192.0.2.0/24\", \"8.8.4.0/24\"]\nvia = \"socks5://198.51.100.9:1080\"\n\
         [[intercept.rule]]\nhosts = [\"shut.example\"]\naction = \"refuse\"\n\
         [[intercept.rule]]\nhosts = [\"pinned.example\"]\naction = \"tunnel\"\n",
    );
    let ask = |url: &str, address: &str, more: &[&str]| {
        let own = ["explain", "--config", &path, "--json", "--url", url, "--address", address];
        let json: Value = serde_json::from_str(&fine(&[&own[..], more].concat())).unwrap();
        [json["via"].clone(), json["tunnel"].clone()].map(|one| one.as_str().map(str::to_owned))
    };
    let (http, socks) = ("http://proxy.example:3128", "socks5://198.51.100.9:1080");
    for (url, address, more, via, tunnel) in [
        ("http://a.example/", "8.8.8.8", &[][..], None, None),
        ("https://a.example/", "114.114.114.114", &[], None, Some("intercept")),
        // No rule of the shipped pack could hold there.
        ("https://a.far.example/", "8.8.8.8", &[], Some(http), Some("tunnel")),
        (
            "http://a.example:8080/",
            "8.8.4.4",
            &["--method", "connect"],
            Some(socks),
            Some("tunnel"),
        ),
        ("https://shut.example/", "8.8.8.8", &[], None, Some("refuse")),
        ("https://pinned.example/", "114.114.114.114", &["--tag", "health"], None, Some("tunnel")),
    ] {
        let wanted = [via, tunnel].map(|one| one.map(str::to_owned));
        assert_eq!(ask(url, address, more), wanted, "{url} {address}");
    }
    let asked = ["--url", "https://a.far.example/", "--address", "114.114.114.114"];
    let text = fine(&[&["explain", "--config", &path][..], &asked].concat());
    for line in [
        "  via        http://proxy.example:3128",
        "  tunnel     would be opened, with an authority",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
}

#[test]
fn explain_refuses_what_it_cannot_read() {
    for arguments in [
        &["explain", "--url", "not a url"][..],
        &["explain", "--url", "ftp:///"],
        &["explain", "--url", "http://a.example/", "--tag", ""],
        &["explain"],
    ] {
        let (code, out, err) = run(arguments);
        assert_eq!((code, out.as_str()), (Some(64), ""), "{arguments:?}: {err}");
    }
}

#[test]
fn locate_tells_what_each_database_says() {
    for (host, shown, verdict) in [
        ("8.8.8.8", "8.8.8.8", "agreed: US"),
        ("1.1.1.1", "1.1.1.1", "AU"),
        ("::ffff:114.114.114.114", "114.114.114.114", "agreed: CN"),
        ("[2001:4860:4860::8888]", "2001:4860:4860::8888", "US"),
        ("2130706433", "127.0.0.1", "special"),
    ] {
        let text = fine(&["locate", host]);
        assert_eq!(text.lines().next(), Some(shown), "{text}");
        let last = text.lines().last().unwrap();
        assert!(last.starts_with("  verdict    ") && last.contains(verdict), "{host}:\n{text}");
        let json: Value = serde_json::from_str(&fine(&["locate", host, "--json"])).unwrap();
        assert_eq!(json["address"], shown);
        assert_eq!(json["databases"].as_array().map(Vec::len), Some(2), "{json:#}");
    }
    let loopback = fine(&["locate", "2130706433"]);
    assert!(loopback.contains("  special    loopback: refused unless opened"), "{loopback}");
    let hidden = fine(&["locate", "64:ff9b::7272:7272"]);
    assert!(hidden.contains("  judged as  114.114.114.114"), "{hidden}");
    assert_eq!(run(&["locate", "no host"]).0, Some(64));
    assert_eq!(run(&["locate", "*.example.com"]).0, Some(64));
}

#[test]
fn the_demo_shows_all_three_answers() {
    let text = fine(&["demo"]);
    for words in ["HTTP/1.1 200 OK", "HTTP/1.1 451 ", "HTTP/1.1 403 ", "28 CFR 202.601", "10. "] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
    let (_, records) = text.split_once("one record for each request:\n").unwrap();
    assert_eq!(records.lines().count(), 10);
    for record in records.lines() {
        assert!(serde_json::from_str::<Value>(record).unwrap()["id"].is_string(), "{record}");
    }
}

#[test]
fn the_demo_leaves_nothing_behind_and_writes_into_nobodys_folder() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut child = program();
    child.arg("demo").env("TMPDIR", folder.path()).stdout(std::process::Stdio::null());
    let mut child = child.spawn().unwrap();
    // A folder of that name was written into, and a link in it followed.
    let planted = folder.path().join(format!("borderpost-demo-{}", child.id()));
    let (target, made) = (folder.path().join("target"), std::fs::create_dir_all(&planted));
    made.unwrap();
    std::fs::write(&target, "").unwrap();
    drop(std::os::unix::fs::symlink(&target, planted.join("records.jsonl")));
    assert!(child.wait().unwrap().success());
    assert_eq!(std::fs::read(&target).unwrap(), b"");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|one| one.unwrap()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    if !std::path::Path::new("/dev/full").exists() {
        return;
    }
    for arguments in [&["env"][..], &["check"], &["locate", "127.0.0.1"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = program().args(arguments).stdout(full).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("standard output: "), "{said}");
        // Nobody reads: that is no failure.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = program().args(arguments).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn help_names_every_command_and_mistakes_exit_64() {
    let help = fine(&["--help"]);
    for command in ["run", "check", "explain", "locate", "demo", "test", "pack", "geoip"] {
        assert!(
            help.lines().any(|line| line.trim_start().starts_with(command)),
            "{command} in\n{help}"
        );
        assert!(!fine(&[command, "--help"]).is_empty());
    }
    assert_eq!(fine(&["--version"]), format!("borderpost {}\n", env!("CARGO_PKG_VERSION")));
    for arguments in [&["frobnicate"][..], &["run", "--nonsense"], &[]] {
        assert_eq!(run(arguments).0, Some(64), "{arguments:?}");
    }
}

#[test]
fn explain_looks_into_a_body() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("body.json");
    std::fs::write(&file, r#"{"card":"4111 1111 1111 1111"}"#).unwrap();
    let mut explain = program();
    explain.args(["explain", "--url", "http://1.80.0.1/", "--method", "POST", "--body"]).arg(&file);
    let text = crate::support::said(&explain.output().unwrap());
    assert!(text.starts_with("block: default/us-country-of-concern"), "{text}");
    assert!(text.contains("found      financial.card: 1 value, 1 distinct, sure"), "{text}");
    assert!(!text.contains("4111"), "{text}");
    let told = crate::support::said(&explain.arg("--json").output().unwrap());
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["found"][0]["tag"], "financial.card");
}
