//! What a reload cannot change: listeners, limits, where records go.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::audit::SinkTarget;
use crate::proxy::{NameServers, Settings};

use super::listeners::{self, Listener};
use super::section::Section;

/// Settings that hold from start to stop.
#[derive(Clone, Debug)]
pub struct Fixed {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where clients connect, too.
    pub listeners: Vec<Listener>,
    /// Where operators connect.
    pub admin: SocketAddr,
    /// Limits and times.
    pub settings: Settings,
    /// Where records go.
    pub record: SinkTarget,
    /// Where what must outlive the program is kept; in memory if absent.
    pub state: Option<PathBuf>,
    /// Whom to ask for names.
    pub names: NameServers,
    /// PEM files of roots beside the platform's.
    pub roots: Vec<PathBuf>,
    /// Worker threads; the number of cores if absent.
    pub threads: Option<usize>,
}

impl Fixed {
    /// Reads the sections; paths are relative to `base`.
    pub(super) fn read(root: &Section<'_>, base: &Path) -> Self {
        let proxy = root.section("proxy");
        let listen = address(&proxy, "listen", SocketAddr::from(([127, 0, 0, 1], 3128)));
        let threads = proxy.number("threads", 1..=1024).and_then(|n| usize::try_from(n).ok());
        let mut settings = Settings::default();
        read_limits(&proxy.section("limits"), &mut settings);
        let admin = root.section("admin");
        let admin =
            loopback(&admin, address(&admin, "listen", SocketAddr::from(([127, 0, 0, 1], 3129))));
        let listeners = listeners::read(root, &[listen, admin]);
        let record = root.section("record").word("to");
        let record = match record {
            Some(word) if word.text != "stdout" => SinkTarget::File(base.join(word.text)),
            Some(_) | None => SinkTarget::Stdout,
        };
        let roots = root.section("tls").words("roots");
        let roots = roots.iter().map(|word| base.join(word.text)).collect();
        let state = root.section("state").word("folder").map(|word| base.join(word.text));
        let names = name_servers(&root.section("resolver"), &mut settings.resolve_timeout);
        Self { listen, listeners, admin, settings, record, state, names, roots, threads }
    }
}

fn read_limits(limits: &Section<'_>, settings: &mut Settings) {
    let bytes = |key, low, high, default: usize| {
        limits.number(key, low..=high).and_then(|n| usize::try_from(n).ok()).unwrap_or(default)
    };
    settings.connections = bytes("connections", 1, 1_000_000, settings.connections);
    settings.head.request_line =
        bytes("request_line_bytes", 256, 60_000, settings.head.request_line);
    settings.head.head = bytes("head_bytes", 1_024, 1_048_576, settings.head.head);
    settings.head.headers = bytes("header_fields", 8, 1_000, settings.head.headers);
    let times: [(&'static str, &mut Duration); 8] = [
        ("idle_timeout", &mut settings.idle_timeout),
        ("head_timeout", &mut settings.head_timeout),
        ("body_timeout", &mut settings.body_timeout),
        ("connect_timeout", &mut settings.connect_timeout),
        ("response_timeout", &mut settings.response_timeout),
        ("tunnel_idle_timeout", &mut settings.tunnel_idle_timeout),
        ("pool_idle_timeout", &mut settings.pool_idle_timeout),
        ("drain_timeout", &mut settings.drain_timeout),
    ];
    for (key, time) in times {
        *time = limits.duration(key).unwrap_or(*time);
    }
}

fn name_servers(section: &Section<'_>, timeout: &mut Duration) -> NameServers {
    let default = NameServers::default();
    let servers = section.words("servers");
    let parse = |text: &str| {
        let socket = text.parse().or_else(|_| text.parse().map(|ip| SocketAddr::new(ip, 53)));
        socket.map_err(|_| format!("`{text}` is not the address of a name server"))
    };
    *timeout = section.duration("timeout").unwrap_or(*timeout);
    NameServers {
        servers: section.parsed(&servers, parse),
        hosts_file: section.flag("hosts_file").unwrap_or(default.hosts_file),
        cache: section.number("cache", 0..=10_000_000).unwrap_or(default.cache),
    }
}

fn address(section: &Section<'_>, key: &'static str, default: SocketAddr) -> SocketAddr {
    let word = section.word(key);
    let parse = |text: &str| {
        text.parse()
            .map_err(|_| format!("`{text}` is not an address and port such as \"127.0.0.1:3128\""))
    };
    word.and_then(|word| section.parse(&word, parse)).unwrap_or(default)
}

/// The admin listener has no authentication yet, so it stays on this machine.
fn loopback(section: &Section<'_>, address: SocketAddr) -> SocketAddr {
    if !address.ip().is_loopback() {
        let span = section.span_of("listen");
        let help = "use 127.0.0.1 or [::1]; a tunnel or a side-car can carry it further".to_owned();
        section.problem(span, "the admin listener must be on a loopback address", Some(help));
    }
    address
}
