//! Names and addresses: resolved once, every answer judged, special networks closed.

use crate::support::{Config, Dns, Origin, Proxy, Zone, closed_port, ok};

fn start(dns: &Dns, config: Config, more: &str) -> Proxy {
    Proxy::start(&config.with(&dns.table(more)))
}

#[test]
fn special_networks_are_closed_in_every_notation() {
    let proxy = Proxy::start(&Config::new().open(""));
    let hosts = [
        ("127.0.0.1", "loopback"),
        ("127.1", "loopback"),
        ("0x7f.0.0.1", "loopback"),
        ("0177.0.0.1", "loopback"),
        ("2130706433", "loopback"),
        ("0x7f000001", "loopback"),
        ("017700000001", "loopback"),
        ("127.0.0.1.", "loopback"),
        ("[::1]", "loopback"),
        ("[::ffff:127.0.0.1]", "loopback"),
        ("[::ffff:7f00:1]", "loopback"),
        ("[64:ff9b::7f00:1]", "loopback"),
        ("[2002:7f00:1::]", "loopback"),
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("192.168.1.1", "private"),
        ("[fd00::1]", "private"),
        ("[64:ff9b::a00:1]", "private"),
        ("169.254.169.254", "metadata"),
        ("[::ffff:169.254.169.254]", "metadata"),
        ("[fd00:ec2::254]", "metadata"),
        ("100.100.100.200", "metadata"),
        ("169.254.1.1", "link-local"),
        ("[fe80::1]", "link-local"),
        ("100.64.0.1", "shared"),
        ("0.0.0.0", "unspecified"),
        ("0", "unspecified"),
        ("[::]", "unspecified"),
        ("224.0.0.1", "multicast"),
        ("[ff02::1]", "multicast"),
        ("192.0.2.1", "documentation"),
        ("198.18.0.1", "benchmarking"),
        ("255.255.255.255", "reserved"),
        ("240.0.0.1", "reserved"),
        ("[::127.0.0.1]", "reserved"),
        ("[2002:808:808::]", "6to4"),
        ("[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "teredo"),
    ];
    for (index, (host, kind)) in hosts.into_iter().enumerate() {
        let answer = proxy.ask("GET", &format!("http://{host}:9/"), "", "");
        let problem = answer.json();
        assert_eq!(
            (answer.status(), problem["code"].as_str()),
            (403, Some("special-network")),
            "{host}: {problem:#}"
        );
        assert!(
            problem["detail"].as_str().unwrap().contains(&format!("({kind})")),
            "{host}: {problem:#}"
        );
        let (_, tunnel) = proxy.connect(&format!("{host}:9"), "");
        assert!(matches!(tunnel.status(), 400 | 403), "CONNECT {host}");
        let record = proxy.wait_records(2 * (index + 1)).remove(2 * index);
        assert_eq!(
            (&record["outcome"], &record["error"]["code"]),
            (&"block".into(), &"special-network".into())
        );
    }
}

#[test]
fn a_name_is_resolved_and_its_address_dialled() {
    let (dns, origin) = (Dns::start(), Origin::answering("127.1.0.1", ok("by name")));
    dns.addresses("api.test.example", &["127.1.0.1"]);
    let proxy = start(&dns, Config::new(), "");
    let url = format!("http://api.test.example:{}/", origin.address.port());
    assert_eq!(proxy.ask("GET", &url, "", "").text(), "by name");
    let record = proxy.record();
    assert_eq!(
        (&record["host"], &record["address"]),
        (&"api.test.example".into(), &origin.address.to_string().into())
    );
    assert!(record["timings_us"]["resolve"].is_number());
}

#[test]
fn a_name_that_points_inward_is_refused() {
    let (dns, origin) = (Dns::start(), Origin::answering("127.0.0.1", ok("")));
    let port = origin.address.port();
    let proxy = start(&dns, Config::new().open(""), "");
    for (name, address) in [
        ("rebind.example", "127.0.0.1"),
        ("mapped.example", "::ffff:127.0.0.1"),
        ("six.example", "::1"),
        ("meta.example", "169.254.169.254"),
        ("lan.example", "10.0.0.1"),
        ("nat.example", "64:ff9b::7f00:1"),
        ("zero.example", "0.0.0.0"),
    ] {
        dns.addresses(name, &[address]);
        let answer = proxy.ask("GET", &format!("http://{name}:{port}/"), "", "");
        assert_eq!(
            (answer.status(), answer.json()["code"].as_str()),
            (403, Some("special-network")),
            "{name}"
        );
    }
    assert_eq!(origin.connections(), 0);
    proxy.wait_records(7);
}

#[test]
fn a_name_that_changes_its_mind_is_judged_again() {
    let (dns, origin) = (Dns::start(), Origin::answering("127.1.0.1", ok("outside")));
    let proxy = start(&dns, Config::new().open("\"127.1.0.0/16\""), "cache = 0");
    let url = format!("http://swing.example:{}/", origin.address.port());
    dns.addresses("swing.example", &["127.1.0.1"]);
    assert_eq!(proxy.ask("GET", &url, "", "").text(), "outside");
    dns.addresses("swing.example", &["127.0.0.1"]);
    assert_eq!(proxy.ask("GET", &url, "", "").status(), 403);
    assert_eq!(origin.connections(), 1);
}

#[test]
fn of_mixed_answers_only_permitted_ones_are_dialled() {
    let dns = Dns::start();
    let good = Origin::answering("127.1.0.1", ok("permitted"));
    let port = good.address.port();
    let bad = std::net::TcpListener::bind(("127.3.7.1", port)).unwrap();
    bad.set_nonblocking(true).unwrap();
    dns.addresses("mixed.example", &["127.3.7.1", "127.1.0.1"]);
    let url = format!("http://mixed.example:{port}/");
    let fields = "X-Data-Class: health\r\n";
    let proxy = start(&dns, Config::new().rules(), "");
    assert_eq!(proxy.ask("GET", &url, fields, "").text(), "permitted");
    assert_eq!(proxy.record()["address"], good.address.to_string());
    let proxy = start(&dns, Config::new().rules().destinations("mixed = \"refuse\""), "");
    let answer = proxy.ask("GET", &url, fields, "");
    assert_eq!(answer.status(), 451);
    assert_eq!(proxy.record()["address"], format!("127.3.7.1:{port}"));
    assert!(bad.accept().is_err(), "the refused address was dialled");
    assert_eq!(good.connections(), 1);
}

#[test]
fn what_name_servers_answer_is_told_apart() {
    let dns = Dns::start();
    for (name, zone) in [
        ("gone.example", Zone::NoSuchName),
        ("broken.example", Zone::Broken),
        ("empty.example", Zone::Empty),
        ("silent.example", Zone::Silent),
    ] {
        dns.set(name, zone);
    }
    let proxy = start(&dns, Config::new(), "timeout = \"2s\"");
    let cases = [
        ("gone.example", 502, "dns-no-such-name", "dns_error"),
        ("broken.example", 502, "dns-failed", "dns_error"),
        ("empty.example", 502, "dns-no-address", "dns_error"),
        ("silent.example", 504, "dns-timeout", "dns_timeout"),
    ];
    for (index, (name, status, code, word)) in cases.into_iter().enumerate() {
        let answer = proxy.ask("GET", &format!("http://{name}/"), "", "");
        assert_eq!(
            (answer.status(), answer.json()["code"].as_str()),
            (status, Some(code)),
            "{name}"
        );
        let told = answer.head.get("proxy-status").unwrap();
        assert!(told.contains(&format!("error={word};")), "{told}");
        let record = proxy.wait_records(index + 1).pop().unwrap();
        assert_eq!(
            (&record["error"]["code"], &record["error"]["fault"]),
            (&code.into(), &"upstream".into())
        );
        assert!(record["outcome"].is_null());
    }
}

#[test]
fn a_long_answer_comes_over_tcp() {
    let (dns, origin) = (Dns::start(), Origin::answering("127.1.0.1", ok("tcp")));
    dns.set("long.example", Zone::OnlyTcp(vec!["127.1.0.1".parse().unwrap()]));
    let proxy = start(&dns, Config::new(), "");
    let url = format!("http://long.example:{}/", origin.address.port());
    assert_eq!(proxy.ask("GET", &url, "", "").text(), "tcp");
}

#[test]
fn a_name_that_a_rule_refuses_is_never_asked_for() {
    let dns = Dns::start();
    let config = Config::new().rule("no", "block", "", "hosts = [\"*.secret.example\"]");
    let proxy = start(&dns, config, "");
    assert_eq!(proxy.ask("GET", "http://a.secret.example/", "", "").status(), 403);
    assert_eq!(dns.asked(), Vec::<String>::new());
}

#[test]
fn the_second_address_answers_where_the_first_refuses() {
    let origin = Origin::answering("127.1.0.2", ok("second"));
    let port = origin.address.port();
    let config = Config::new().name("two.example", &["127.1.7.1", "127.1.0.2"]);
    let proxy = Proxy::start(&config);
    let url = format!("http://two.example:{port}/");
    assert_eq!(proxy.ask("GET", &url, "", "").text(), "second");
    assert_eq!(proxy.record()["address"], origin.address.to_string());
    let (_, answer) = proxy.connect(&format!("two.example:{port}"), "");
    assert_eq!(answer.status(), 200);
}

#[test]
fn the_second_address_answers_where_the_first_is_silent() {
    let origin = Origin::answering("127.1.0.2", ok("second"));
    let port = origin.address.port();
    let Some(hole) = BlackHole::new("127.1.7.1", port) else { return };
    let config = Config::new().name("two.example", &["127.1.7.1", "127.1.0.2"]);
    let proxy = Proxy::start(&config);
    let url = format!("http://two.example:{port}/");
    assert_eq!(proxy.ask("GET", &url, "", "").text(), "second");
    drop(hole);
}

#[test]
fn where_no_address_answers_the_last_failure_is_told() {
    let closed = closed_port("127.1.9.1");
    let config = Config::new().name("none.example", &["127.1.9.1", "127.1.9.2", "127.1.9.3"]);
    let proxy = Proxy::start(&config);
    let answer = proxy.ask("GET", &format!("http://none.example:{}/", closed.port()), "", "");
    assert_eq!((answer.status(), answer.json()["code"].as_str()), (502, Some("connect-refused")));
}

#[test]
fn an_address_that_is_silent_is_given_up_in_time() {
    let port = closed_port("127.1.9.1").port();
    let Some(hole) = BlackHole::new("127.1.7.1", port) else { return };
    let proxy = Proxy::start(&Config::new().limit("connect_timeout", "\"200ms\""));
    let answer = proxy.ask("GET", &format!("http://127.1.7.1:{port}/"), "", "");
    assert_eq!((answer.status(), answer.json()["code"].as_str()), (504, Some("connect-timeout")));
    drop(hole);
}

/// A socket that takes no connection and refuses none: its backlog is full.
struct BlackHole {
    _listener: std::os::fd::OwnedFd,
    _waiting: Vec<std::net::TcpStream>,
}

impl BlackHole {
    /// Absent where the system does not drop what a full backlog cannot hold.
    fn new(ip: &str, port: u16) -> Option<Self> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        let address = std::net::SocketAddr::new(ip.parse().unwrap(), port);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let listener = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind(address).unwrap();
            socket.listen(0).unwrap().into_std().unwrap()
        });
        let waiting = vec![std::net::TcpStream::connect(address).unwrap()];
        Some(Self { _listener: listener.into(), _waiting: waiting })
    }
}

#[test]
fn r0004_a_family_that_is_not_answered_for_delays_nobody() {
    let (dns, origin) = (Dns::start(), Origin::answering("127.0.0.1", ok("")));
    dns.set("half.example", Zone::SilentSix(vec!["127.0.0.1".parse().unwrap()]));
    // Waiting for the second family would take longer than a client here waits.
    let proxy = start(&dns, Config::new(), "timeout = \"10m\"");
    let url = format!("http://half.example:{}/", origin.address.port());
    assert_eq!(proxy.ask("GET", &url, "", "").status(), 200);
}
