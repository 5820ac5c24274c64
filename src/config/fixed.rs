//! What a reload cannot change: listeners, limits, where records go.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::admin::Door;
use crate::audit::personal::KeyRing;
use crate::audit::retention::Retention;
use crate::audit::ship::ShipSettings;
use crate::audit::{SinkTarget, Unwritable, journal, keys_folder};
use crate::net::HostPattern;
use crate::policy::register::KeyDigest;
use crate::proxy::{Listener, NameServers, Settings};
use crate::tls::{AuthoritySettings, DestinationTrust};

use super::journal::Journal;
use super::load::{Origin, near, parse, text_of};
use super::problem::{Collector, Problems};
use super::section::Section;
use super::{admin, authority};

/// Settings that hold from start to stop.
#[derive(Clone, Debug)]
pub struct Fixed {
    /// Where clients connect, and how.
    pub listeners: Vec<Listener>,
    /// Where operators connect, and who may ask; the latter a reload replaces, and [`super::load()`] alone
    /// reads it, since other commands need not have the tokens.
    pub admin: Door,
    /// Limits and times.
    pub settings: Settings,
    /// Where records go.
    pub record: SinkTarget,
    /// Where what must outlive the program is kept; in memory if absent.
    pub state: Option<PathBuf>,
    /// Whether a journal is kept there.
    pub journal: bool,
    /// How it names itself in what it signs.
    pub origin: String,
    /// What happens to requests without tags while it cannot be written.
    pub unwritable: Unwritable,
    /// Where events of the journal are shipped to; read by [`super::load()`] alone, since who reads the
    /// journal need not have the tokens of collectors.
    pub sinks: Vec<ShipSettings>,
    /// For how long records stay in its index; there is none if absent.
    pub indexed: Option<Duration>,
    /// When its segments are closed.
    pub segments: journal::Settings,
    /// How long its entries are kept.
    pub retention: Retention,
    /// Whether the running program drops what is not kept any longer.
    pub sweep: bool,
    /// Whether personal fields are enciphered in the journal.
    pub seal_personal: bool,
    /// Where the keys of those fields are; beside the journal if absent.
    pub keys: Option<PathBuf>,
    /// Whom to ask for names.
    pub names: NameServers,
    /// PEM files of roots beside the platform's.
    pub roots: Vec<PathBuf>,
    /// Who signs for hosts whose TLS is opened; none where nothing says where it would be.
    pub authority: Option<AuthoritySettings>,
    /// What is special about the TLS of some destinations.
    pub destinations: Vec<DestinationTrust>,
    /// Worker threads; the number of cores if absent.
    pub threads: Option<usize>,
}

impl Fixed {
    /// Reads nothing but these settings of a configuration.
    pub fn load(origin: &Origin) -> Result<Self, Problems> {
        let problems = Collector::default();
        let fixed = text_of(origin, &problems).map(|text| {
            let text = Arc::new(text);
            let table = parse(&text, &problems);
            let root = Section::new(&text, &problems, table.get_ref(), 0..0).partly_read();
            let proxy = root.section("proxy").partly_read();
            let door = admin::at(admin::place(&root.section("admin")));
            Self::read(&root, &proxy, &near(origin), Vec::new(), door)
        });
        problems.finish()?;
        Ok(fixed.expect("whatever is missing has been told as a mistake"))
    }

    /// The keys of personal fields of a journal.
    pub fn keys(&self, journal: &Path) -> KeyRing {
        let beside = || keys_folder(journal);
        KeyRing::at(&self.keys.clone().unwrap_or_else(beside))
    }

    /// Reads the sections; paths are relative to `base`.
    pub(super) fn read(
        root: &Section<'_>,
        proxy: &Section<'_>,
        base: &Path,
        listeners: Vec<Listener>,
        admin: Door,
    ) -> Self {
        let threads = proxy.number("threads", 1..=1024).and_then(|n| usize::try_from(n).ok());
        let mut settings = Settings::default();
        read_limits(&proxy.section("limits"), &mut settings);
        let record = root.section("record").word("to");
        let record = match record {
            Some(word) if word.text != "stdout" => SinkTarget::File(base.join(word.text)),
            Some(_) | None => SinkTarget::Stdout,
        };
        let tls = root.section("tls");
        let roots = tls.words("roots");
        let roots = roots.iter().map(|word| base.join(word.text)).collect();
        let destinations = trusts(&tls, base);
        let state = root.section("state").word("folder").map(|word| base.join(word.text));
        let kept = Journal::read(&root.section("journal"), base);
        let authority = authority::read(&tls, base, state.as_deref());
        let names = name_servers(&root.section("resolver"), &mut settings.resolve_timeout);
        Self {
            listeners,
            admin,
            settings,
            record,
            journal: state.is_some() && kept.keep,
            state,
            origin: kept.origin,
            unwritable: kept.unwritable,
            segments: kept.segments,
            retention: kept.retention,
            sweep: kept.sweep,
            seal_personal: kept.seal_personal,
            keys: kept.keys,
            sinks: Vec::new(),
            indexed: kept.indexed,
            names,
            roots,
            authority,
            destinations,
            threads,
        }
    }
}

/// For how long records stay in the index of the journal, unless something else is set.
pub const INDEXED: Duration = Duration::from_hours(30 * 24);

/// Reads `[[tls.destination]]`.
fn trusts(tls: &Section<'_>, base: &Path) -> Vec<DestinationTrust> {
    let one = |section: &Section<'_>| {
        let file = |key| section.word(key).map(|word| base.join(word.text));
        let (hosts, roots, pins) =
            (section.some_words("hosts"), section.words("roots"), section.words("pins"));
        if hosts.is_none() {
            section.problem(section.span(), "`hosts` is missing here", None);
        }
        let identity = match (file("certificate"), file("key")) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                let message = "`certificate` and `key` go together";
                section.problem(section.span(), message, None);
                None
            }
        };
        DestinationTrust {
            hosts: section.parsed(&hosts.unwrap_or_default(), HostPattern::parse),
            roots: roots.iter().map(|word| base.join(word.text)).collect(),
            pins: section.parsed(&pins, KeyDigest::parse),
            identity,
        }
    };
    tls.sections("destination").iter().map(one).collect()
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

/// Where something listens.
pub(super) fn parse_socket(text: &str) -> Result<SocketAddr, String> {
    let wrong = |_| format!("`{text}` is not an address and port such as \"127.0.0.1:3128\"");
    text.parse().map_err(wrong)
}
