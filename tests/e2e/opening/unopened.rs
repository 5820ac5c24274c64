//! Tunnels that nobody opens: plain HTTP in them, and what is no HTTP.

use serde_json::Value;

use super::{OTHER, code};
use crate::intercept::{Bench, HOST, always};
use crate::support::{Config, Origin, Proxy, ok, wait_for};

/// A proxy that opens nothing: nobody signs, or a setting says so.
fn unopened() -> [(&'static str, Option<&'static str>); 3] {
    let rule = "[intercept]\nmode = \"always\"\n[[intercept.rule]]\naction = \"tunnel\"";
    [("no authority", None), ("never", Some("[intercept]\nmode = \"never\"")), ("rule", Some(rule))]
}

/// Either with an authority and this setting, or without both.
enum Shut {
    Bench(Box<Bench>),
    Bare(Box<Proxy>),
}

impl Shut {
    fn new(setting: Option<&str>) -> Self {
        let Some(setting) = setting else {
            return Self::Bare(Box::new(Proxy::start(&Config::new().name(HOST, &["127.1.0.1"]))));
        };
        Self::Bench(Box::new(Bench::new("127.1.0.1", |config| config.with(setting))))
    }

    fn proxy(&self) -> &Proxy {
        match self {
            Self::Bench(bench) => &bench.proxy,
            Self::Bare(proxy) => proxy,
        }
    }
}

#[test]
fn plain_http_in_an_unopened_tunnel_asks_for_its_host_alone() {
    for (what, setting) in unopened() {
        let shut = Shut::new(setting);
        let proxy = shut.proxy();
        let origin = Origin::answering("127.1.0.1", ok("plain"));
        let target = format!("{HOST}:{}", origin.address.port());
        let (mut tunnel, answer) = proxy.connect(&target, "");
        assert_eq!(answer.status(), 200);
        let mut ask = |host: &str, before: &str| {
            tunnel.send(format!("{before}GET /{host} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            tunnel.response("GET")
        };
        // The first, and any that comes behind it; empty lines before hide nothing.
        assert_eq!(code(&ask(OTHER, "\r\n").text()), "authority-mismatch", "{what}");
        assert_eq!(ask(&target, "").text(), "plain", "{what}");
        assert_eq!(code(&ask(OTHER, "").text()), "authority-mismatch", "{what}");
        drop(tunnel);
        assert_eq!(origin.requests().len(), 1, "{what}");
        let (tunnels, inside): (Vec<_>, Vec<_>) =
            proxy.wait_records(4).into_iter().partition(|one| one["method"] == "CONNECT");
        assert_eq!((tunnels.len(), &tunnels[0]["tunnel"]), (1, &"opened".into()), "{what}");
        let codes: Vec<_> = inside.iter().map(|one| one["error"]["code"].clone()).collect();
        let mismatch: Value = "authority-mismatch".into();
        assert_eq!(codes, [mismatch.clone(), Value::Null, mismatch], "{inside:#?}");
        assert!(inside.iter().all(|one| one["host"] == HOST && one["scheme"] == "http"));
    }
}

#[test]
fn http2_without_tls_in_an_unopened_tunnel_asks_for_its_host_alone() {
    for (what, setting) in unopened() {
        let shut = Shut::new(setting);
        let proxy = shut.proxy();
        let origin = Origin::answering("127.1.0.1", ok("plain"));
        let url = format!("http://{HOST}:{}/", origin.address.port());
        let ask = |more: &[&str]| {
            let mut curl = std::process::Command::new("curl");
            curl.args(["-q", "-sS", "--max-time", "50", "--noproxy", "", "-p", "-x"]);
            curl.arg(format!("http://{}", proxy.listen)).arg("--http2-prior-knowledge");
            String::from_utf8(curl.args(more).arg(&url).output().unwrap().stdout).unwrap()
        };
        assert_eq!(ask(&["-w", " %{http_version}"]), "plain 2", "{what}");
        let refused = ask(&["-H", &format!("Host: {OTHER}")]);
        assert_eq!(code(&refused), "authority-mismatch", "{what}");
        assert_eq!(origin.requests().len(), 1, "{what}");
    }
}

#[test]
fn relaxed_hosts_may_carry_others_in_plain_http_too() {
    let relaxed = format!("[intercept]\nrelaxed = [\"{HOST}\"]");
    let proxy = Proxy::start(&Config::new().name(HOST, &["127.1.0.1"]).with(&relaxed));
    let origin = Origin::answering("127.1.0.1", ok("plain"));
    let port = origin.address.port();
    let (mut tunnel, _) = proxy.connect(&format!("{HOST}:{port}"), "");
    tunnel.send(format!("GET / HTTP/1.1\r\nHost: 127.1.0.1:{port}\r\n\r\n"));
    assert_eq!(tunnel.response("GET").text(), "plain");
    assert_eq!(origin.request(0).head.get("host"), Some(format!("127.1.0.1:{port}").as_str()));
}

#[test]
fn an_opened_tunnel_to_an_address_may_carry_the_names_that_it_has() {
    let bench = Bench::new("127.1.0.1", |config| always(config).name(OTHER, &["127.1.0.2"]));
    let proxy = &bench.proxy;
    let origin = Origin::answering("127.1.0.1", ok("plain"));
    let port = origin.address.port();
    let (mut tunnel, _) = proxy.connect(&origin.address.to_string(), "");
    let mut ask = |host: &str| {
        tunnel.send(format!("GET / HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n"));
        tunnel.response("GET").text()
    };
    assert_eq!((ask(HOST).as_str(), ask("127.1.0.1").as_str()), ("plain", "plain"));
    assert_eq!(code(&ask(OTHER)), "name-mismatch");
    assert_eq!(code(&ask("127.1.0.2")), "authority-mismatch");
    assert_eq!(origin.requests().len(), 2);
    drop(tunnel);
    assert_eq!(proxy.wait_records(5)[0]["host"], HOST);
}

#[test]
fn what_is_not_http_passes_an_unopened_tunnel_as_it_is() {
    let proxy = Proxy::start(&Config::new().name(HOST, &["127.1.0.1"]));
    for words in ["NICK me\r\nUSER me\r\n", "OPTIONS rtsp://a RTSP/1.0\r\n\r\n", "get / HTTP/1.1"] {
        let echo = Origin::echo("127.1.0.1");
        let (mut tunnel, _) = proxy.connect(&format!("{HOST}:{}", echo.address.port()), "");
        tunnel.send(words);
        assert_eq!(tunnel.take(words.len()), words.as_bytes());
    }
    let records = proxy.wait_records(3);
    assert!(records.iter().all(|one| one["tunnel"] == "unread"), "{records:#?}");
}

#[test]
fn half_a_request_is_no_way_past_its_host() {
    let config = Config::new().name(HOST, &["127.1.0.1"]);
    let proxy = Proxy::start(&config.limit("head_timeout", "\"200ms\""));
    let echo = Origin::echo("127.1.0.1");
    let (mut tunnel, _) = proxy.connect(&format!("{HOST}:{}", echo.address.port()), "");
    tunnel.send("GET /path HTT");
    let answer = tunnel.response("GET");
    assert_eq!((answer.status(), &answer.json()["code"]), (408, &"head-timeout".into()));
    assert!(echo.bytes().is_empty());
}

#[test]
fn a_rule_refuses_tunnels_where_nobody_signs() {
    let rule = format!("[[intercept.rule]]\nhosts = [\"{HOST}\"]\naction = \"refuse\"");
    let config = Config::new().name(HOST, &["127.1.0.1"]).name(OTHER, &["127.1.0.1"]).with(&rule);
    let proxy = Proxy::start(&config);
    let origin = Origin::answering("127.1.0.1", ok("plain"));
    let port = origin.address.port();
    let (_, answer) = proxy.connect(&format!("{HOST}:{port}"), "");
    assert_eq!((answer.status(), &answer.json()["code"]), (403, &"tunnel-refused".into()));
    assert_eq!(proxy.connect(&format!("{OTHER}:{port}"), "").1.status(), 200);
    // It speaks of tunnels alone.
    assert_eq!(proxy.ask("GET", &format!("http://{HOST}:{port}/"), "", "").text(), "plain");
}

#[test]
fn an_authority_that_cannot_be_read_matters_where_something_is_opened() {
    let never = "[intercept]\nmode = \"never\"\n";
    let bench = Bench::new("127.1.0.1", |config| config.with(never));
    let origin = Origin::answering("127.1.0.1", ok("plain"));
    let mut proxy = bench.proxy;
    let keys = bench.folder.path().join("state/ca");
    proxy.signal("TERM");
    proxy.ended();
    let damaged = std::fs::read_dir(&keys).unwrap().map(|entry| entry.unwrap().path());
    let damaged: Vec<_> = damaged.filter(|path| path.is_file()).collect();
    assert!(!damaged.is_empty());
    damaged.iter().for_each(|path| std::fs::write(path, "damaged").unwrap());

    let proxy = Proxy::start(&bench.config);
    let told =
        |said: &str| said.contains("tls.authority: ") && said.contains("nothing needs it now");
    wait_for("the warning", || told(&proxy.output()).then_some(()));
    assert_eq!(proxy.get(&origin, "/").text(), "plain");
    // What is needed later is told of later.
    assert_eq!(proxy.ask_admin("POST", "/api/v1/reload").status(), 200);
    let rule = format!("{never}[[intercept.rule]]\naction = \"intercept\"\n");
    let opening = [("\"never\"", "\"always\""), (never, rule.as_str())];
    let opening = opening.map(|(from, to)| bench.config.text().replace(from, to));
    for text in &opening {
        proxy.rewrite(text);
        let answer = proxy.ask_admin("POST", "/api/v1/reload");
        assert!(answer.status() != 200 && answer.text().contains("tls.authority"), "{answer:?}");
    }
    drop(proxy);
    for text in opening {
        let file = bench.folder.path().join("other.toml");
        std::fs::write(&file, text).unwrap();
        let run = crate::support::program().arg("run").arg("--config").arg(&file).output();
        let run = run.unwrap();
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(!run.status.success() && said.contains("tls.authority"), "{said}");
    }
}
