//! Who a destination is by the certificate that it shows: known before anything of the request
//! has gone out.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use serde_json::Value;

use crate::support::{Config, Identity, Origin, Proxy, ok, serve_tls};

const HOST: &str = "api.example";

/// Blocks tagged data to whoever is on a list.
const PACK: &str = "[pack]\nid = \"own\"\nversion = \"1\"\nauthority = \"Standard 7\"\n\
    as_of = 2099-01-01\neffective_from = 2020-01-01\n\
    [party.barred]\nlists = [\"barred\"]\ncite = \"7\"\n\
    [[rule]]\nid = \"barred\"\noutcome = \"block\"\nreason = \"not to them\"\ncite = \"7.1\"\n\
    [rule.when]\ntags = [\"*\"]\nrecipient = [\"barred\"]\n";

struct Bench {
    proxy: Proxy,
    origin: Origin,
}

impl Bench {
    fn new(shown: &Identity, config: Config) -> Self {
        Self::before(shown.serve("127.1.0.1", ok("served")), shown, config)
    }

    fn before(origin: Origin, shown: &Identity, config: Config) -> Self {
        let roots = format!("[tls]\nroots = [\"{}\"]", shown.certificate().display());
        let config = config.with(&roots).name(HOST, &["127.1.0.1"]);
        Self { proxy: Proxy::start(&config), origin }
    }

    /// Posts tagged data to the host, as an https URI in absolute form; the record of it.
    fn post(&self) -> Value {
        let target = format!("https://{HOST}:{}/path", self.origin.address.port());
        self.proxy.ask("POST", &target, "X-Data-Class: health\r\n", "abc");
        self.proxy.record()
    }
}

/// A policy with one party, known by one key.
fn barring(key: &str) -> Config {
    Config::new().pack(PACK).with(&format!(
        "[[party]]\nid = \"barred-gmbh\"\nname = \"Barred\"\nkeys = [\"{key}\"]\n\
         lists = [{{ list = \"barred\", cite = \"7\", from = 2020-01-01 }}]"
    ))
}

#[test]
fn a_party_is_known_by_the_key_of_its_certificate() {
    let shown = Identity::new(HOST, "127.1.0.1");
    let bench = Bench::new(&shown, barring(&shown.key()));
    let record = bench.post();
    assert_eq!((&record["outcome"], &record["status"]), (&"block".into(), &451.into()));
    assert_eq!(record["recipient"]["party"], "barred-gmbh", "{record:#}");
    assert!(record["recipient"]["by"].as_str().unwrap().contains("sha256/"), "{record:#}");
    assert_eq!(record["bytes_out"], 0);
    assert!(bench.origin.requests().is_empty(), "it was met, and nothing was said to it");
}

#[test]
fn another_key_is_another_party() {
    let (shown, other) = (Identity::new(HOST, "127.1.0.1"), Identity::new(HOST, "127.1.0.1"));
    let bench = Bench::new(&shown, barring(&other.key()));
    let record = bench.post();
    assert_eq!((&record["outcome"], &record["status"]), (&"allow".into(), &200.into()));
    assert_eq!(bench.origin.request(0).body, b"abc");
    assert_eq!(bench.origin.connections(), 1, "the connection on which it was met is used");
}

#[test]
fn rules_name_what_a_certificate_says() {
    let shown = Identity::of("/C=DE/O=Example Werke/CN=test", HOST, "127.1.0.1");
    for (when, status) in [
        ("certificate_countries = [\"DE\"]", 403),
        ("certificate_countries = [\"FR\"]", 200),
        ("certificate_organisations = [\"EXAMPLE werke\"]", 403),
        ("certificate_organisations = [\"Example\"]", 200),
    ] {
        let config = Config::new().rule("shown", "block", "", when);
        let record = Bench::new(&shown, config).post();
        assert_eq!(record["status"], status, "{when}: {record:#}");
    }
}

// === what is special about one destination ===

fn special(lines: &str) -> Config {
    Config::new().with(&format!("[[tls.destination]]\nhosts = [\"{HOST}\"]\n{lines}"))
}

#[test]
fn a_pinned_destination_must_show_its_key() {
    let (shown, other) = (Identity::new(HOST, "127.1.0.1"), Identity::new(HOST, "127.1.0.1"));
    for (pinned, status, code) in
        [(shown.key(), 200, Value::Null), (other.key(), 502, "tls-pin".into())]
    {
        let bench = Bench::new(&shown, special(&format!("pins = [\"{pinned}\"]")));
        let record = bench.post();
        assert_eq!((&record["status"], &record["error"]["code"]), (&status.into(), &code));
        assert_eq!(bench.origin.requests().is_empty(), status == 502);
    }
}

#[test]
fn roots_of_a_destination_count_instead_of_all_others() {
    let (shown, other) = (Identity::new(HOST, "127.1.0.1"), Identity::new(HOST, "127.1.0.1"));
    let roots = format!("roots = [\"{}\"]", other.certificate().display());
    assert_eq!(Bench::new(&shown, special(&roots)).post()["error"]["code"], "tls-certificate");
}

#[test]
fn a_destination_that_asks_who_we_are_is_told() {
    let shown = Identity::new(HOST, "127.1.0.1");
    let serve = || serve_tls(Arc::new(shown.mutual()), "127.1.0.1", ok("served"));
    let [certificate, key] = shown.pair();
    std::fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    let own = format!("certificate = \"{}\"\nkey = \"{}\"", certificate.display(), key.display());
    assert_eq!(Bench::before(serve(), &shown, special(&own)).post()["status"], 200);
    let stranger = Bench::before(serve(), &shown, Config::new()).post();
    assert_eq!(stranger["status"], 502, "{stranger:#}");
}

#[test]
fn r0010_a_pin_is_not_met_by_a_certificate_that_is_only_sent_along() {
    let (shown, other) = (Identity::new(HOST, "127.1.0.1"), Identity::new(HOST, "127.1.0.1"));
    let origin = serve_tls(Arc::new(shown.beside(&other)), "127.1.0.1", ok("never"));
    let bench = Bench::before(origin, &shown, special(&format!("pins = [\"{}\"]", other.key())));
    assert_eq!(bench.post()["error"]["code"], "tls-pin");
    assert!(bench.origin.requests().is_empty());
}

#[test]
fn r0006_a_connection_that_proves_who_asks_is_one_clients() {
    let (proxy, origin) = (Proxy::start(&Config::new()), Origin::answering("127.1.0.1", ok("")));
    let get = |fields| proxy.ask("GET", &origin.url(), fields, "").status();
    assert_eq!(get("Authorization: NTLM TlRMTVNTUAAB\r\n"), 200);
    assert_eq!((get(""), get("")), (200, 200));
    assert_eq!(origin.connections(), 2, "the others share one, and it is not the first");
}
