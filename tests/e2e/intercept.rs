//! Tunnels that are opened: what is asked inside is decided by itself, and clients that trust
//! the authority notice nothing else.

use serde_json::Value;

pub(crate) use crate::support::Bench;
use crate::support::{
    Config, Frame, Frames, H2Origin, Identity, Origin, Wire, flag, ok, tls_client, wait_for,
};

pub(crate) const HOST: &str = Bench::HOST;

fn url(port: u16) -> String {
    format!("https://{HOST}:{port}/path?secret=1")
}

pub(crate) fn always(config: Config) -> Config {
    config.with("[intercept]\nmode = \"always\"")
}

#[test]
fn what_is_asked_inside_a_tunnel_is_decided_by_itself() {
    let bench = Bench::new("127.3.0.1", Config::rules);
    let origin = bench.identity.serve("127.3.0.1", ok("answered"));
    let url = url(origin.address.port());
    assert_eq!(bench.curl(&[&url]), "answered");
    let refused = bench.curl(&["--header", "X-Data-Class: health", "--data", "abc", &url]);
    let problem: Value = serde_json::from_str(&refused).unwrap();
    assert_eq!(problem["rule"], "us-country-of-concern", "{problem:#}");
    assert_eq!(origin.requests().len(), 1, "only the untagged one arrived");
    assert_eq!(origin.request(0).head.line, "GET /path?secret=1 HTTP/1.1");
    let (tunnels, inside) = bench.records(4);
    assert_eq!((tunnels.len(), inside.len()), (2, 2));
    for tunnel in &tunnels {
        let is = (&tunnel["tunnel"], &tunnel["server_name"], &tunnel["status"]);
        assert_eq!(is, (&"opened".into(), &HOST.into(), &200.into()), "{tunnel:#}");
    }
    for (record, outcome) in inside.iter().zip(["allow", "block"]) {
        assert_eq!((&record["scheme"], &record["outcome"]), (&"https".into(), &outcome.into()));
        assert_eq!((&record["host"], &record["path"]), (&HOST.into(), &"/path".into()));
    }
    assert!(inside[1]["tls"].is_null(), "nobody was met");
}

#[test]
fn a_tunnel_that_no_rule_cares_about_passes_unread() {
    // Nothing that is inside could change the answer.
    let bench = Bench::new("127.1.0.1", |config| {
        config.rule("abroad", "block", "", "tags = [\"health\"]\nto = [\"DE\"]")
    });
    let origin = bench.identity.serve("127.1.0.1", ok("answered"));
    let url = url(origin.address.port());
    let (certificate, roots) = (bench.identity.certificate(), bench.roots());
    assert_ne!(bench.curl(&[&url]), "answered", "the destination's own certificate is seen");
    let own = ["--cacert", certificate.to_str().unwrap(), &url];
    assert_eq!(bench.curl(&own), "answered", "{roots:?}");
    let (tunnels, inside) = bench.records(2);
    assert_eq!(inside.len(), 0);
    assert!(tunnels.iter().all(|tunnel| tunnel["tunnel"] == "unread"), "{tunnels:#?}");
    assert!(bench.proxy.metric("egress_unscanned_bytes_total", "") > 500.0);
}

#[test]
fn http2_is_spoken_on_both_sides_with_trailers() {
    let bench = Bench::new("127.1.0.1", always);
    let origin = H2Origin::echo("127.1.0.1", &bench.identity.config(), &["h2", "http/1.1"]);
    let url = url(origin.address.port());
    let print = ["--write-out", " %{http_version}", "--data", "some words"];
    assert_eq!(bench.curl(&[&print[..], &["--http2", &url]].concat()), "some words 2");
    assert_eq!(bench.curl(&[&print[..], &["--http1.1", &url]].concat()), "some words 1.1");
    for (number, version) in [http::Version::HTTP_2, http::Version::HTTP_11].iter().enumerate() {
        let seen = origin.request(number);
        assert_eq!((seen.version, seen.method.as_str()), (*version, "POST"));
        assert_eq!(seen.body, b"some words");
        assert!(!seen.headers.contains_key("proxy-connection"), "{seen:?}");
        assert!(seen.headers.contains_key("via"), "{seen:?}");
    }
    let (tunnels, inside) = bench.records(4);
    assert_eq!((tunnels.len(), inside.len()), (2, 2));
    assert!(inside.iter().all(|record| record["bytes_out"] == 10), "{inside:#?}");
    let mut agreed: Vec<_> = inside.iter().map(|record| record["tls"]["alpn"].as_str()).collect();
    agreed.sort_unstable();
    assert_eq!(agreed, [Some("h2"), Some("http/1.1")][..]);
    for record in &inside {
        let key = record["tls"]["key"].as_str().unwrap();
        assert!(record["tls"]["version"] == "1.3" && key.starts_with("sha256/"), "{record:#}");
        assert!(record["ended"].as_str() >= record["time"].as_str(), "{record:#}");
    }
}

#[test]
fn versions_are_mapped_where_the_destination_speaks_another() {
    let bench = Bench::new("127.1.0.1", always);
    let old = H2Origin::echo("127.1.0.1", &bench.identity.config(), &["http/1.1"]);
    let url = url(old.address.port());
    let print = ["--write-out", " %{http_version}", "--data", "some words", "--http2"];
    assert_eq!(bench.curl(&[&print[..], &[&url]].concat()), "some words 1.1");
    assert_eq!(old.request(0).version, http::Version::HTTP_11);
}

#[test]
fn a_destination_of_http2_alone_serves_clients_of_http1() {
    let bench = Bench::new("127.1.0.1", always);
    let new = H2Origin::echo("127.1.0.1", &bench.identity.config(), &["h2"]);
    let url = url(new.address.port());
    let print = ["--write-out", " %{http_version}", "--data", "some words", "--http1.1"];
    // Both requests of one tunnel, one of a client that offers nothing in TLS, and one outside of
    // tunnels.
    let twice = [&print[..], &[&url, "--next", "-q", "--http1.1", "-s", "--cacert"]].concat();
    let (roots, proxy) = (bench.roots(), bench.proxy_url());
    let again = [roots.to_str().unwrap(), "--noproxy", "", "--proxy", &proxy];
    let said = bench.curl(&[&twice[..], &again, &print[..4], &[&url]].concat());
    assert_eq!(said, "some words 1.1some words 1.1");
    assert_eq!(bench.curl(&[&print[..], &["--no-alpn", &url]].concat()), "some words 1.1");
    let answer = bench.proxy.ask("POST", &url, "", "plain words");
    assert_eq!((answer.status(), answer.text().as_str()), (200, "plain words"));
    for number in 0..4 {
        let seen = new.request(number);
        assert_eq!((seen.version, seen.method.as_str()), (http::Version::HTTP_2, "POST"));
        assert!(!seen.headers.contains_key("connection"), "{seen:?}");
    }
    let records = bench.proxy.wait_records(6);
    assert!(records.iter().all(|record| record["error"].is_null()), "{records:#?}");
    // WebSocket would need HTTP/1.1 there.
    let upgrade = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
    let fields: Vec<_> = upgrade.iter().flat_map(|field| ["--header", field]).collect();
    let key = ["--header", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "--http1.1", &url];
    let told = bench.curl(&[&fields[..], &key].concat());
    assert!(told.contains("websocket-unsupported"), "{told}");
}

#[test]
fn a_client_of_http2_alone_is_served_by_a_destination_of_http1() {
    let bench = Bench::new("127.1.0.1", always);
    let old = bench.identity.serve("127.1.0.1", ok("old words"));
    let target = format!("{HOST}:{}", old.address.port());
    let (tunnel, _) = bench.proxy.connect(&target, "");
    let secure = tls_client(tunnel.stream, HOST, &bench.roots(), &["h2"]);
    let mut client = Frames::client(Wire::over(secure), &[]);
    let fields =
        [(":method", "GET"), (":scheme", "https"), (":authority", &target), (":path", "/x")];
    client.send(&Frame::head(1, flag::END_STREAM, &fields));
    let answer = client.answer(1);
    assert_eq!((answer.status(), answer.text().as_str()), (200, "old words"));
    assert_eq!(old.request(0).head.line, "GET /x HTTP/1.1");
    assert_eq!(old.connections(), 1);
}

#[test]
fn bodies_pass_whole_in_both_versions() {
    let bench = Bench::new("127.1.0.1", always);
    let origin = H2Origin::echo("127.1.0.1", &bench.identity.config(), &["h2", "http/1.1"]);
    let url = url(origin.address.port());
    let body: Vec<u8> =
        (0_u32..3_000_000).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let (sent, got) = (bench.folder.path().join("sent"), bench.folder.path().join("got"));
    for size in [1, 16_383, 16_384, 65_537, 1 << 20, body.len()] {
        std::fs::write(&sent, &body[..size]).unwrap();
        for version in ["--http1.1", "--http2"] {
            let data = format!("@{}", sent.display());
            let arguments =
                [version, "--data-binary", &data, "--output", got.to_str().unwrap(), &url];
            assert_eq!(bench.curl(&arguments), "");
            assert!(std::fs::read(&got).unwrap() == body[..size], "{size} bytes, {version}");
        }
    }
}

#[test]
fn a_bad_certificate_of_the_destination_is_told_inside() {
    let bench = Bench::new("127.1.0.1", always);
    let stranger = Identity::new(HOST, "127.1.0.1");
    let origin = stranger.serve("127.1.0.1", ok("never"));
    let told = bench.curl(&[&url(origin.address.port())]);
    let problem: Value = serde_json::from_str(&told).unwrap();
    let is = (&problem["status"], &problem["code"], &problem["fault"]);
    assert_eq!(is, (&502.into(), &"tls-certificate".into(), &"upstream".into()), "{problem:#}");
    assert!(
        problem["detail"].as_str().unwrap().contains("invalid peer certificate"),
        "{problem:#}"
    );
    assert!(origin.requests().is_empty());
}

#[test]
fn host_name_and_tunnel_must_agree() {
    let bench = Bench::new("127.1.0.1", always);
    let origin = bench.identity.serve("127.1.0.1", ok("answered"));
    let port = origin.address.port();
    let other = bench.curl(&["--header", "Host: other.example", &url(port)]);
    let problem: Value = serde_json::from_str(&other).unwrap();
    let is = (&problem["status"], &problem["code"]);
    assert_eq!(is, (&421.into(), &"authority-mismatch".into()), "{problem:#}");
    // Another server name than the tunnel's.
    let to = format!("other.example:{port}:{HOST}:{port}");
    let fronted = bench.curl(&["--connect-to", &to, &format!("https://other.example:{port}/")]);
    let problem: Value = serde_json::from_str(&fronted).unwrap();
    assert_eq!(problem["code"], "authority-mismatch", "{problem:#}");
    assert!(origin.requests().is_empty());
}

#[test]
fn a_tunnel_that_cannot_be_read_is_refused_or_passed_as_configured() {
    let echo = Origin::echo("127.1.0.1");
    for (setting, passes) in [("refuse", false), ("tunnel", true)] {
        let tables = format!("[intercept]\nmode = \"always\"\nunreadable = \"{setting}\"");
        let bench = Bench::new("127.1.0.1", |config| config.with(&tables));
        let (mut tunnel, answer) = bench.proxy.connect(&echo.address.to_string(), "");
        assert_eq!(answer.status(), 200);
        tunnel.send("SSH-2.0-client\r\n");
        let came = tunnel.some();
        assert_eq!(came.is_empty(), !passes, "{setting}");
        drop(tunnel);
        let record = bench.proxy.record();
        let code = if passes { Value::Null } else { "tunnel-unreadable".into() };
        assert_eq!(record["error"]["code"], code, "{record:#}");
    }
}

#[test]
fn plain_http_in_a_tunnel_is_decided_too() {
    let bench = Bench::new("127.3.0.1", Config::rules);
    let origin = Origin::answering("127.3.0.1", ok("plain"));
    let port = origin.address.port();
    let ask = |fields: &str| {
        let (mut tunnel, answer) = bench.proxy.connect(&format!("{HOST}:{port}"), "");
        assert_eq!(answer.status(), 200);
        tunnel.send(format!("GET /x HTTP/1.1\r\nHost: {HOST}:{port}\r\n{fields}\r\n"));
        tunnel.response("GET").status()
    };
    assert_eq!((ask(""), ask("X-Data-Class: health\r\n")), (200, 451));
    assert_eq!(origin.requests().len(), 1);
    // Each tunnel connects once: the request inside takes that connection.
    wait_for("the second connection", || (origin.connections() >= 2).then_some(()));
    assert_eq!(origin.connections(), 2);
}

#[test]
fn tags_of_the_tunnel_hold_inside_it() {
    let bench = Bench::new("127.1.0.1", |config| {
        always(config).rule("get", "block", "", "tags = [\"health\"]\nmethods = [\"POST\"]")
    });
    let origin = bench.identity.serve("127.1.0.1", ok("answered"));
    let url = url(origin.address.port());
    let tagged = ["--proxy-header", "X-Data-Class: health"];
    assert_eq!(bench.curl(&[&tagged[..], &[&url]].concat()), "answered");
    let refused = bench.curl(&[&tagged[..], &["--data", "a", &url]].concat());
    assert!(refused.contains("\"rule\": \"get\""), "{refused}");
}

#[test]
fn rules_say_which_tunnels_are_opened() {
    let rules = "[intercept]\nmode = \"always\"\n\
        [[intercept.rule]]\nhosts = [\"pinned.example\"]\naction = \"tunnel\"\n\
        [[intercept.rule]]\nhosts = [\"*.shut.example\"]\nto = [\"US\"]\naction = \"refuse\"";
    let bench = Bench::new("127.1.0.1", |config| {
        let config = config.name("pinned.example", &["127.1.0.1"]).with(rules);
        config.name("a.shut.example", &["127.1.0.1"])
    });
    let echo = Origin::echo("127.1.0.1");
    let port = echo.address.port();
    let (mut tunnel, answer) = bench.proxy.connect(&format!("pinned.example:{port}"), "");
    assert_eq!(answer.status(), 200);
    tunnel.send("anything");
    assert_eq!(tunnel.take(8), b"anything");
    drop(tunnel);
    let (_, answer) = bench.proxy.connect(&format!("a.shut.example:{port}"), "");
    assert_eq!((answer.status(), &answer.json()["code"]), (403, &"tunnel-refused".into()));
    let records = bench.proxy.wait_records(2);
    assert!(records.iter().any(|record| record["tunnel"] == "unread"), "{records:#?}");
}

#[test]
fn a_client_that_does_not_believe_us_is_told_of() {
    let bench = Bench::new("127.1.0.1", |config| {
        config.with("[intercept]\nmode = \"always\"\npinned_after = 2")
    });
    let origin = bench.identity.serve("127.1.0.1", ok("never"));
    let url = url(origin.address.port());
    let other = bench.identity.certificate();
    for _ in 0..3 {
        bench.curl(&["--cacert", other.to_str().unwrap(), &url]);
    }
    let records = bench.proxy.wait_records(3);
    assert!(records.iter().all(|r| r["error"]["code"] == "client-tls"), "{records:#?}");
    let told = bench.proxy.metric("egress_pinning_suspected_total", "");
    assert!((told - 1.0).abs() < f64::EPSILON, "{told}");
    assert!(origin.requests().is_empty());
}

#[test]
fn many_requests_share_one_connection_to_the_destination() {
    let bench = Bench::new("127.1.0.1", always);
    let origin = bench.identity.serve("127.1.0.1", ok("a"));
    let url = url(origin.address.port());
    assert_eq!(bench.curl(&[&url, &url, &url]), "aaa");
    assert_eq!((origin.requests().len(), origin.connections()), (3, 1));
}

/// Blocks what is declared to be for advertising, and lets know of health data.
const PURPOSE: &str = "[pack]\nid = \"own\"\nversion = \"1\"\nauthority = \"Standard 7\"\n\
    as_of = 2099-01-01\neffective_from = 2020-01-01\n\
    [[rule]]\nid = \"ads\"\noutcome = \"block\"\nreason = \"not for that\"\ncite = \"1\"\n\
    [rule.when]\nto = [\"DE\"]\npurpose = [\"ads\"]\n";

#[test]
fn r0007_what_may_be_declared_inside_opens_a_tunnel() {
    let bench = Bench::new("127.2.0.1", |config| {
        config
            .pack(PURPOSE)
            .with("[[principal]]\nname = \"svc\"\nnetworks = [\"127.0.0.0/8\"]\ndeclares = true")
    });
    let origin = bench.identity.serve("127.2.0.1", ok("answered"));
    let url = url(origin.address.port());
    assert_eq!(bench.curl(&[&url]), "answered");
    let refused = bench.curl(&["--header", "X-Data-Context: purpose=ads", &url]);
    assert!(refused.contains("not for that"), "{refused}");
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn r0008_a_tunnel_that_passes_unread_after_all_is_judged_as_that() {
    let echo = Origin::echo("127.1.0.1");
    let bench = Bench::new("127.1.0.1", |config| {
        let open = "[intercept]\nmode = \"always\"\nunreadable = \"tunnel\"";
        config.with(open).rule("seen", "log", "", "tags = [\"health\"]")
    });
    let target = echo.address.to_string();
    let (mut tunnel, answer) = bench.proxy.connect(&target, "X-Data-Class: health\r\n");
    assert_eq!(answer.status(), 200);
    tunnel.send("SSH-2.0-client\r\n");
    assert!(!tunnel.some().is_empty());
    drop(tunnel);
    let record = bench.proxy.record();
    let is = (&record["outcome"], &record["rules"][0]["rule"]);
    assert_eq!(is, (&"log".into(), &"seen".into()), "{record:#}");
}

#[test]
fn r0009_half_a_hello_is_no_way_past_its_name() {
    let echo = Origin::echo("127.1.0.1");
    let config = Config::new().limit("tunnel_idle_timeout", "\"200ms\"");
    let proxy = crate::support::Proxy::start(&config);
    let (mut tunnel, _) = proxy.connect(&echo.address.to_string(), "");
    tunnel.send([22, 3, 1, 2, 0, 1, 0]);
    // Whatever ends it, nothing of it has gone on: an alert at most comes back.
    drop(tunnel.rest());
    assert!(echo.bytes().is_empty());
    assert_ne!(proxy.record()["error"], Value::Null);
}
