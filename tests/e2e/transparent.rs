//! Connections that nftables redirects: a client and a proxy in two network namespaces, with the
//! origins behind the proxy. Where this machine cannot make namespaces, the reason is printed.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Output, Stdio};

use serde_json::Value;

use crate::support::{Config, Identity, Proxy, wait_for};

const HOST: &str = "api.test.example";
/// Where the origins are; the client has no other way there than through the proxy.
const ORIGIN: &str = "203.0.113.9";
/// The same in IPv6.
const ORIGIN_6: &str = "2001:db8::9";

/// Two namespaces with a cable between them; gone with the test.
struct Net {
    client: String,
    proxy: String,
}

/// Runs a program, and says what it said if it failed.
fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{program} {arguments:?}: {said}")) }
}

impl Net {
    fn new(name: &str) -> Result<Self, String> {
        let id = std::process::id();
        let net = Self { client: format!("bp{name}c{id}"), proxy: format!("bp{name}p{id}") };
        let (client, proxy) = (net.client.as_str(), net.proxy.as_str());
        let ip = |arguments: &str| {
            let arguments: Vec<_> = arguments.split(' ').collect();
            run("ip", &arguments)
        };
        ip(&format!("netns add {client}"))?;
        ip(&format!("netns add {proxy}"))?;
        ip(&format!("-n {client} link add inner type veth peer name outer netns {proxy}"))?;
        for (namespace, device, address) in
            [(client, "inner", "10.77.0.2/24"), (proxy, "outer", "10.77.0.1/24")]
        {
            ip(&format!("-n {namespace} addr add {address} dev {device}"))?;
            ip(&format!("-n {namespace} link set {device} up"))?;
            ip(&format!("-n {namespace} link set lo up"))?;
        }
        ip(&format!("-n {client} route add default via 10.77.0.1"))?;
        ip(&format!("-n {proxy} addr add {ORIGIN}/32 dev lo"))?;
        // For TPROXY: what is marked is delivered here, whatever its address.
        ip(&format!("-n {proxy} rule add fwmark 1 lookup 100"))?;
        ip(&format!("-n {proxy} route add local 0.0.0.0/0 dev lo table 100"))?;
        net.filter("add table ip bp")?;
        for (chain, kind, priority, rule) in [
            ("nat", "nat", -100, "redirect to :1"),
            ("mangle", "filter", -150, "tproxy to 127.0.0.1:1 meta mark set 1 accept"),
        ] {
            net.filter(&format!(
                "add chain ip bp {chain} {{ type {kind} hook prerouting priority {priority} ; }}"
            ))?;
            // Whether the kernel can do it at all.
            net.filter(&format!("add rule ip bp {chain} iifname none tcp dport 1 {rule}"))?;
        }
        Ok(net)
    }

    /// The same in IPv6: addresses, routes, and a packet filter.
    fn six(&self) -> Result<(), String> {
        let (client, proxy) = (self.client.as_str(), self.proxy.as_str());
        for arguments in [
            format!("-n {client} addr add fd77::2/64 dev inner nodad"),
            format!("-n {proxy} addr add fd77::1/64 dev outer nodad"),
            format!("-n {client} route add default via fd77::1"),
            format!("-n {proxy} addr add {ORIGIN_6}/128 dev lo nodad"),
            format!("-n {proxy} -6 rule add fwmark 1 lookup 100"),
            format!("-n {proxy} route add local ::/0 dev lo table 100"),
        ] {
            run("ip", &arguments.split(' ').collect::<Vec<_>>())?;
        }
        self.filter("add table ip6 bp")?;
        self.filter("add chain ip6 bp nat { type nat hook prerouting priority -100 ; }")?;
        self.filter("add chain ip6 bp mangle { type filter hook prerouting priority -150 ; }")
    }

    /// Brings what the client sends in IPv6 to a port here.
    fn bring_six(&self, by: &str, port: u16, proxy: &Proxy) -> Result<(), String> {
        let here = proxy.listener(by).port();
        let (chain, rule) = if by == "tproxy" {
            ("mangle", format!("tproxy to [::1]:{here} meta mark set 1 accept"))
        } else {
            ("nat", format!("redirect to :{here}"))
        };
        self.filter(&format!(
            "add rule ip6 bp {chain} iifname outer ip6 daddr {ORIGIN_6} tcp dport {port} {rule}"
        ))
    }

    fn filter(&self, rules: &str) -> Result<(), String> {
        run("ip", &["netns", "exec", &self.proxy, "nft", rules])
    }

    /// Brings what the client sends to a port here.
    fn bring(&self, by: &str, port: u16, proxy: &Proxy) -> Result<(), String> {
        let here = proxy.listener(by).port();
        let (chain, rule) = if by == "tproxy" {
            ("mangle", format!("tproxy to 127.0.0.1:{here} meta mark set 1 accept"))
        } else {
            ("nat", format!("redirect to :{here}"))
        };
        self.filter(&format!(
            "add rule ip bp {chain} iifname outer ip daddr {ORIGIN} tcp dport {port} {rule}"
        ))
    }

    /// A program on one side.
    fn on(side: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", side, program]).stdin(Stdio::null());
        command
    }

    /// The client's curl.
    fn curl(&self, arguments: &[&str]) -> Output {
        let mut curl = Self::on(&self.client, "curl");
        curl.args(["-q", "-sS", "--max-time", "60", "--noproxy", "*"]);
        for port in [80, 443, 8080] {
            curl.args(["--resolve", &format!("{HOST}:{port}:{ORIGIN}")]);
            curl.args(["--resolve", &format!("liar.test.example:{port}:{ORIGIN}")]);
        }
        curl.args(arguments).output().unwrap()
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for name in [&self.client, &self.proxy] {
            drop(run("ip", &["netns", "del", name]));
        }
    }
}

/// The origins, and what they said; they end when their standard input does.
struct Origins {
    child: Child,
    input: Option<ChildStdin>,
}

impl Origins {
    fn start(net: &Net, identity: &Identity) -> Self {
        Self::start_at(net, identity, ORIGIN)
    }

    fn start_at(net: &Net, identity: &Identity, address: &str) -> Self {
        let script = format!("{}/tests/data/transparent_origins.py", env!("CARGO_MANIFEST_DIR"));
        let folder = identity.certificate();
        let mut command = Net::on(&net.proxy, "python3");
        command.arg(script).arg(address).arg(folder.parent().unwrap());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut first).unwrap();
        assert_eq!(first, "ready\n");
        child.stdout = Some(output.into_inner());
        let input = child.stdin.take();
        Self { child, input }
    }

    /// Everything that reached them.
    fn end(mut self) -> String {
        self.input.take();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut self.child.stdout.take().unwrap(), &mut text).unwrap();
        self.child.wait().unwrap();
        text
    }
}

impl Drop for Origins {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn net(name: &str) -> Option<Net> {
    match Net::new(name) {
        Ok(net) => Some(net),
        Err(reason) => {
            println!("skipped: this machine makes no network namespaces with nftables: {reason}");
            None
        }
    }
}

fn config(more: &str) -> Config {
    let listener = |kind: &str, address: &str| {
        format!("[[listener]]\nkind = \"{kind}\"\naddress = \"{address}:0\"\n{more}\n")
    };
    Config::new()
        .open("\"documentation\", \"private\"")
        .name(HOST, &["198.51.100.1", ORIGIN])
        .name("liar.test.example", &["198.51.100.1"])
        .with(&listener("transparent", "0.0.0.0"))
        .with(&listener("tproxy", "127.0.0.1"))
        .rule("closed", "block", "", "hosts = [\"closed.test.example\"]")
        .name("closed.test.example", &[ORIGIN])
}

fn start(net: &Net, config: &Config) -> Proxy {
    let proxy = Proxy::start_by(config, Net::on(&net.proxy, env!("CARGO_BIN_EXE_borderpost")));
    for port in [80, 443, 7] {
        net.bring("transparent", port, &proxy).unwrap();
    }
    net.bring("tproxy", 8080, &proxy).unwrap();
    proxy
}

#[test]
fn redirected_connections_walk_the_line() {
    let Some(net) = net("a") else { return };
    let identity = Identity::new(HOST, ORIGIN);
    let origins = Origins::start(&net, &identity);
    let proxy = start(&net, &config(""));
    let ca = identity.certificate();
    let ca = ca.to_str().unwrap();
    let said = |arguments: &[&str]| {
        let output = net.curl(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}\n{}", proxy.output());
        String::from_utf8(output.stdout).unwrap()
    };
    let (plain, secure) = (format!("http://{HOST}/path"), format!("https://{HOST}/path"));
    assert_eq!(said(&[&plain]), "plain words");
    assert_eq!(said(&[&format!("http://{HOST}:8080/tproxy")]), "plain words");
    assert_eq!(said(&["--http2-prior-knowledge", &plain]), "plain words");
    assert_eq!(said(&["--cacert", ca, &secure]), "secure words");
    // An address has no server name: the host is the address.
    assert_eq!(said(&["--cacert", ca, &format!("https://{ORIGIN}/bare")]), "secure words");
    let records = proxy.wait_records(5);
    let told = |record: &Value| {
        let text = |key: &str| record[key].as_str().unwrap_or("-").to_owned();
        [text("scheme"), text("method"), text("host"), text("address"), text("path")].join(" ")
    };
    let told: Vec<_> = records.iter().map(told).collect();
    assert_eq!(
        told,
        [
            format!("http GET {HOST} {ORIGIN}:80 /path"),
            format!("http GET {HOST} {ORIGIN}:8080 /tproxy"),
            format!("http GET {HOST} {ORIGIN}:80 /path"),
            format!("transparent CONNECT {HOST} {ORIGIN}:443 -"),
            format!("transparent CONNECT {ORIGIN} {ORIGIN}:443 -"),
        ]
    );
    assert!(records.iter().all(|record| record["status"] == 200 && record["error"].is_null()));
    assert!(records[0]["client"].as_str().unwrap().starts_with("10.77.0.2:"));
    drop(proxy);
    let seen = origins.end();
    assert!(seen.contains(&format!("plain GET /path HTTP/1.1 {HOST}\n")), "{seen}");
    assert!(seen.contains(&format!("plain GET /tproxy HTTP/1.1 {HOST}:8080\n")), "{seen}");
}

#[test]
fn what_a_client_claims_opens_nothing() {
    let Some(net) = net("b") else { return };
    let identity = Identity::new(HOST, ORIGIN);
    let origins = Origins::start(&net, &identity);
    let proxy = start(&net, &config("").limit("head_timeout", "\"500ms\""));
    let liar = "https://liar.test.example/";
    // The name is not known to be at the address.
    let answer = net.curl(&["http://liar.test.example/"]);
    let answer: Value = serde_json::from_slice(&answer.stdout).unwrap();
    assert_eq!((&answer["status"], &answer["code"]), (&421.into(), &"name-mismatch".into()));
    let refused = net.curl(&["-k", liar]);
    assert_eq!(refused.status.code(), Some(35), "an alert ends the handshake: {refused:?}");
    // A Host that is another address.
    let answer = net.curl(&["-H", "Host: 198.51.100.7", &format!("http://{HOST}/")]);
    let answer: Value = serde_json::from_slice(&answer.stdout).unwrap();
    assert_eq!(answer["code"], "name-mismatch");
    // A rule on the name, in both protocols.
    let closed = format!("closed.test.example:443:{ORIGIN}");
    let refused = net.curl(&["-k", "--resolve", &closed, "https://closed.test.example/"]);
    let alert = String::from_utf8_lossy(&refused.stderr).to_lowercase();
    assert!(alert.contains("access denied"), "{refused:?}");
    let answer = net.curl(&["-H", "Host: closed.test.example", &format!("http://{HOST}/")]);
    assert!(String::from_utf8_lossy(&answer.stdout).contains("because of closed"), "{answer:?}");
    // Neither TLS nor HTTP: the server would speak first, or the client says something else.
    let script = "import socket,sys\ns=socket.create_connection((sys.argv[1],7))\n\
                  s.sendall(sys.argv[2].encode())\nprint(s.recv(100))";
    for words in ["", "EHLO x\r\n"] {
        let mut python = Net::on(&net.client, "python3");
        let output = python.args(["-c", script, ORIGIN, words]).output().unwrap();
        assert_eq!(output.stdout, b"b''\n", "{output:?}");
    }
    let codes: Vec<_> = proxy
        .wait_records(7)
        .iter()
        .map(|record| record["error"]["code"].as_str().unwrap().to_owned())
        .collect();
    let mismatch = "name-mismatch";
    assert_eq!(
        codes,
        [mismatch, mismatch, mismatch, "rule", "rule", "unrecognised", "unrecognised"]
    );
    // A connection to the listener itself is not for anybody else.
    for kind in ["transparent", "tproxy"] {
        let port = proxy.listener(kind).port();
        let mut curl = Net::on(&net.proxy, "curl");
        let url = format!("http://127.0.0.1:{port}/");
        let output = curl.args(["-q", "-sS", "--noproxy", "*", &url]).output().unwrap();
        assert!(!output.status.success(), "{output:?}");
    }
    let records = proxy.wait_records(9);
    assert!(records[7..].iter().all(|record| record["error"]["code"] == "loop"), "{records:#?}");
    drop(proxy);
    let seen = origins.end();
    assert_eq!(seen, "", "nothing reached an origin");
}

#[test]
fn names_can_be_believed_and_the_unknown_let_through() {
    let Some(net) = net("c") else { return };
    let identity = Identity::new("liar.test.example", ORIGIN);
    let origins = Origins::start(&net, &identity);
    let more = "names = \"trust\"\nunrecognised = \"tunnel\"";
    let proxy = start(&net, &config(more).limit("head_timeout", "\"500ms\""));
    let ca = identity.certificate();
    let answer = net.curl(&["--cacert", ca.to_str().unwrap(), "https://liar.test.example/"]);
    assert_eq!(answer.stdout, b"secure words", "{answer:?}");
    let script = "import socket,sys\ns=socket.create_connection((sys.argv[1],7))\n\
                  print(s.recv(100))\ns.sendall(b'EHLO x')\nprint(s.recv(100))";
    let mut python = Net::on(&net.client, "python3");
    let output = python.args(["-c", script, ORIGIN]).output().unwrap();
    assert_eq!(output.stdout, b"b'220 hello\\r\\n'\nb'221 bye\\r\\n'\n", "{output:?}");
    // Half of a request is not something unknown.
    let script = "import socket,sys\ns=socket.create_connection((sys.argv[1],7))\n\
                  s.sendall(b'GET / HT')\nprint(s.recv(100))";
    let mut python = Net::on(&net.client, "python3");
    let output = python.args(["-c", script, ORIGIN]).output().unwrap();
    assert_eq!(output.stdout, b"b''\n", "{output:?}");
    let records = proxy.wait_records(3);
    assert_eq!(records[0]["host"], "liar.test.example");
    assert_eq!((&records[1]["host"], &records[1]["bytes_out"]), (&ORIGIN.into(), &6.into()));
    assert_eq!(records[2]["error"]["code"], "unrecognised");
    // A tighter policy is not told over the admin listener here, but by a signal.
    let text = config(more).rule("shut", "block", "", "networks = [\"203.0.113.0/24\"]").text();
    proxy.rewrite(&text);
    proxy.signal("HUP");
    wait_for("the reload", || proxy.output().contains("reloaded").then_some(()));
    let refused = net.curl(&["http://liar.test.example/"]);
    assert!(String::from_utf8_lossy(&refused.stdout).contains("because of shut"), "{refused:?}");
    drop(proxy);
    assert!(origins.end().contains("greeted b'EHLO x'"));
}

/// The same network with IPv6 in it, where the kernel redirects that.
fn net_6(name: &str) -> Option<Net> {
    let net = net(name)?;
    match net.six() {
        Ok(()) => Some(net),
        Err(reason) => {
            println!("skipped: this machine redirects nothing in IPv6: {reason}");
            None
        }
    }
}

/// A proxy on listeners of IPv6; the redirected one takes both versions, as `[::]` does.
fn start_6(net: &Net) -> Proxy {
    let listener = |kind: &str, address: &str| {
        format!("[[listener]]\nkind = \"{kind}\"\naddress = \"[{address}]:0\"\n")
    };
    let config = Config::new()
        .open("\"documentation\", \"private\"")
        .name(HOST, &["198.51.100.1", ORIGIN_6])
        .name("liar.test.example", &["2001:db8::1"])
        .with(&listener("transparent", "::"))
        .with(&listener("tproxy", "::1"));
    let proxy = Proxy::start_by(&config, Net::on(&net.proxy, env!("CARGO_BIN_EXE_borderpost")));
    for port in [80, 443] {
        net.bring_six("transparent", port, &proxy).unwrap();
        net.bring("transparent", port, &proxy).unwrap();
    }
    net.bring_six("tproxy", 8080, &proxy).unwrap();
    proxy
}

/// The client's curl, which finds the hosts at this address.
fn curl_at(net: &Net, address: &str, arguments: &[&str]) -> String {
    let mut curl = Net::on(&net.client, "curl");
    curl.args(["-q", "-sS", "--max-time", "60", "--noproxy", "*"]);
    for (host, port) in [(HOST, 80), (HOST, 443), (HOST, 8080), ("liar.test.example", 80)] {
        curl.args(["--resolve", &format!("{host}:{port}:{address}")]);
    }
    let output = curl.args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn redirected_connections_walk_the_line_in_ipv6() {
    let Some(net) = net_6("d") else { return };
    let identity = Identity::new(HOST, ORIGIN_6);
    let origins = Origins::start_at(&net, &identity, ORIGIN_6);
    let proxy = start_6(&net);
    let ca = identity.certificate();
    let ca = ca.to_str().unwrap();
    for (url, words) in [
        (format!("http://{HOST}/path"), "plain words"),
        (format!("http://{HOST}:8080/tproxy"), "plain words"),
        (format!("https://{HOST}/path"), "secure words"),
        (format!("https://[{ORIGIN_6}]/bare"), "secure words"),
    ] {
        assert_eq!(curl_at(&net, &format!("[{ORIGIN_6}]"), &["--cacert", ca, &url]), words);
    }
    let told = |record: &Value| {
        let text = |key: &str| record[key].as_str().unwrap_or("-").to_owned();
        [text("scheme"), text("method"), text("host"), text("address"), text("path")].join(" ")
    };
    let records = proxy.wait_records(4);
    assert_eq!(
        records.iter().map(told).collect::<Vec<_>>(),
        [
            format!("http GET {HOST} [{ORIGIN_6}]:80 /path"),
            format!("http GET {HOST} [{ORIGIN_6}]:8080 /tproxy"),
            format!("transparent CONNECT {HOST} [{ORIGIN_6}]:443 -"),
            format!("transparent CONNECT [{ORIGIN_6}] [{ORIGIN_6}]:443 -"),
        ]
    );
    assert!(records[0]["client"].as_str().unwrap().starts_with("[fd77::2]:"), "{records:#?}");
    drop(proxy);
    let seen = origins.end();
    assert!(seen.contains(&format!("plain GET /path HTTP/1.1 {HOST}\n")), "{seen}");
    assert_eq!(seen.matches("plain ").count(), 2, "{seen}");
}

#[test]
fn what_a_client_claims_opens_nothing_in_ipv6() {
    let Some(net) = net_6("e") else { return };
    let identity = Identity::new(HOST, ORIGIN_6);
    let origins = Origins::start_at(&net, &identity, ORIGIN_6);
    let proxy = start_6(&net);
    // The name is elsewhere; and on the same listener, the name has another address in IPv4.
    for (address, url, dialled) in [
        (&*format!("[{ORIGIN_6}]"), "http://liar.test.example/".to_owned(), ORIGIN_6),
        (ORIGIN, format!("http://{HOST}/four"), ORIGIN),
    ] {
        let answer: Value = serde_json::from_str(&curl_at(&net, address, &[&url])).unwrap();
        assert_eq!(answer["code"], "name-mismatch", "{answer:#}");
        assert!(answer["detail"].as_str().unwrap().contains(dialled), "{answer:#}");
    }
    // A connection to the listener itself is not for anybody else.
    for kind in ["transparent", "tproxy"] {
        let mut curl = Net::on(&net.proxy, "curl");
        let url = format!("http://[::1]:{}/", proxy.listener(kind).port());
        let output = curl.args(["-q", "-sS", "--noproxy", "*", &url]).output().unwrap();
        assert!(!output.status.success(), "{output:?}");
    }
    let records = proxy.wait_records(4);
    assert!(records[2..].iter().all(|record| record["error"]["code"] == "loop"), "{records:#?}");
    drop(proxy);
    assert_eq!(origins.end(), "", "nothing reached an origin");
}
