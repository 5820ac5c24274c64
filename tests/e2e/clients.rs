//! Programs that people use, through the proxy: curl, Python's `requests` and `httpx`,
//! Node's `undici`. `tests/run` installs them and says where they are.

use std::process::Command;

use serde_json::Value;

use crate::support::{Config, Identity, Origin, Proxy, given, ok, said, script};

const HOST: &str = "api.test.example";

/// A proxy, a plain origin, a TLS origin, and one in a place that is closed.
struct Bench {
    proxy: Proxy,
    plain: Origin,
    secure: Origin,
    abroad: Origin,
    identity: Identity,
}

impl Bench {
    fn new() -> Self {
        let identity = Identity::new(HOST, "127.1.0.1");
        let config = Config::new().rules().name(HOST, &["127.1.0.1"]);
        Self {
            proxy: Proxy::start(&config),
            plain: Origin::answering("127.1.0.1", ok("plain words")),
            secure: identity.serve("127.1.0.1", ok("secret words")),
            abroad: Origin::answering("127.3.0.1", ok("")),
            identity,
        }
    }

    fn proxy_url(&self) -> String {
        format!("http://{}", self.proxy.listen)
    }

    fn https(&self) -> String {
        format!("https://{HOST}:{}/path", self.secure.address.port())
    }

    /// Runs a client; its addresses come by environment. Prints one JSON object.
    fn run(&self, command: &mut Command) -> Value {
        let output = command
            .env_remove("NO_PROXY")
            .env_remove("no_proxy")
            .env("BENCH_PROXY", self.proxy_url())
            .env("BENCH_PLAIN", self.plain.url())
            .env("BENCH_SECURE", self.https())
            .env("BENCH_ABROAD", self.abroad.url())
            .env("BENCH_CA", self.identity.certificate())
            .output()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; run the tests by tests/run"));
        serde_json::from_str(&said(&output)).unwrap()
    }

    /// What each of them must have seen, and what the records say of it.
    fn hold(&self, seen: &Value) {
        assert_eq!(seen["plain"], serde_json::json!([200, "plain words"]));
        assert_eq!(seen["posted"], serde_json::json!([200, "plain words"]));
        assert_eq!(seen["secure"], serde_json::json!([200, "secret words"]));
        assert_eq!(seen["blocked"], serde_json::json!([451, "us-country-of-concern"]));
        assert_eq!(self.plain.request(1).body, b"a=1");
        assert_eq!(self.secure.request(0).head.line, "GET /path HTTP/1.1");
        assert_eq!(self.abroad.connections(), 0);
        // The tunnel's record comes when the client has closed it.
        let records = self.proxy.wait_records(4);
        let mut statuses: Vec<_> = records.iter().map(|r| r["status"].as_u64().unwrap()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 200, 451]);
        let tunnel = records.iter().find(|record| record["method"] == "CONNECT").unwrap();
        assert_eq!((&tunnel["host"], &tunnel["path"]), (&HOST.into(), &Value::Null));
        assert!(tunnel["bytes_in"].as_u64().unwrap() > 500, "{tunnel:#}");
    }
}

#[test]
fn curl() {
    let bench = Bench::new();
    let curl = |arguments: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["-q", "-sS", "--max-time", "60", "--noproxy", "", "-x", &bench.proxy_url()]);
        let output = command.args(["-w", "\n%{http_code}"]).args(arguments).output();
        let text = said(&output.unwrap_or_else(|error| panic!("curl: {error}; run tests/run")));
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.parse::<u16>().unwrap(), body.to_owned())
    };
    let certificate = bench.identity.certificate();
    let (_, blocked) = curl(&["-H", "X-Data-Class: health", &bench.abroad.url()]);
    let blocked: Value = serde_json::from_str(&blocked).unwrap();
    let seen = serde_json::json!({
        "plain": curl(&[&bench.plain.url()]),
        "posted": curl(&["-d", "a=1", &bench.plain.url()]),
        "secure": curl(&["--cacert", certificate.to_str().unwrap(), &bench.https()]),
        "blocked": [blocked["status"], blocked["rule"]],
    });
    bench.hold(&seen);
}

#[test]
fn curl_is_told_why_its_tunnel_is_refused() {
    let bench = Bench::new();
    let target = format!("https://{}/", bench.abroad.address);
    let output = Command::new("curl")
        .args(["-q", "-sS", "-i", "--max-time", "60", "--noproxy", "", "-x", &bench.proxy_url()])
        .args(["--proxy-header", "X-Data-Class: health", &target])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(56), "curl's word for a refused tunnel");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("HTTP/1.1 451 "), "{text}");
    assert_eq!(bench.proxy.record()["rules"][0]["rule"], "us-country-of-concern");
}

#[test]
fn curl_uploads_with_expect_and_as_chunks() {
    let bench = Bench::new();
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("upload");
    let bytes: Vec<u8> = (0..=250).cycle().take(3 * 1024 * 1024).collect();
    std::fs::write(&file, &bytes).unwrap();
    for (index, fields) in
        [["Expect: 100-continue"], ["Transfer-Encoding: chunked"]].iter().enumerate()
    {
        let output = Command::new("curl")
            .args(["-q", "-sS", "--max-time", "60", "--noproxy", "", "-x", &bench.proxy_url()])
            .args(["-H", fields[0], "-T"])
            .arg(&file)
            .arg(format!("{}/", bench.plain.url()))
            .output()
            .unwrap();
        assert_eq!(said(&output), "plain words");
        assert!(bench.plain.request(index).body == bytes, "{fields:?}");
    }
}

#[test]
fn python_requests() {
    let bench = Bench::new();
    let python = given("BORDERPOST_TEST_PYTHON");
    bench.hold(&bench.run(Command::new(python).arg(script("client_requests.py"))));
}

#[test]
fn python_httpx() {
    let bench = Bench::new();
    let python = given("BORDERPOST_TEST_PYTHON");
    bench.hold(&bench.run(Command::new(python).arg(script("client_httpx.py"))));
}

#[test]
fn node_undici() {
    let bench = Bench::new();
    let modules = given("BORDERPOST_TEST_NODE_PATH").join("node_modules");
    let mut node = Command::new("node");
    bench.hold(&bench.run(node.env("NODE_PATH", modules).arg(script("client_undici.cjs"))));
}
