//! `borderpost exec`: a program behind a proxy of its own, which ends with it. Exit codes: the
//! program's own; 79 where something was refused (neither in `sysexits.h` nor a shell's, and no test
//! harness takes it for "skipped"); 126 and 127 where it could not be started, as a shell has it.

mod around;
mod child;
pub(super) mod isolate;
mod junit;
mod reports;
mod sarif;
mod summary;
mod told;
mod trust;
pub(super) mod variables;

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use tempfile::TempDir;
use url::Url;

use crate::admin::{Access, Door, Level, Place};
use crate::audit::SinkTarget;
use crate::auth::Auth;
use crate::config::{self, Loaded, PackText, Placing, Trial};
use crate::net::{NetworkSet, Special};
use crate::policy::PolicySettings;
use crate::proxy::inspect::When;
use crate::proxy::{Kind, Listener, OpenMode};
use crate::tls::authority::{self, NewAuthority};
use crate::tls::{Authority, AuthoritySettings, AuthoritySource};

use super::ConfigArgument;
use super::output::{self, Ended, Usage, news};
use super::serve::{Serving, threads};
use super::service::Passed;

use child::Relay;
use reports::Reports;
use summary::Summary;
use variables::{Setting, Told, VARIABLES};

/// The exit code where something was refused.
const REFUSED: u8 = 79;

/// For how long requests may still end once the program has.
const DRAIN: Duration = Duration::from_secs(2);

/// Run a program behind a proxy of its own.
#[derive(Debug, clap::Args)]
pub(super) struct Exec {
    /// The program and its arguments.
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "CMD"
    )]
    command: Vec<OsString>,
    #[command(flatten)]
    config: ConfigArgument,
    /// A pack, by name or file, that takes the place of the one with its id, or is added; it needs
    /// no signature.
    #[arg(long = "pack", value_name = "PACK")]
    packs: Vec<String>,
    /// Where a host, `*.host`, address or network is taken to lie (ISO 3166-1, or `unknown`); one
    /// that is not public is then reached. May be repeated.
    #[arg(long, value_name = "HOST=CC", value_parser = Placing::parse)]
    geo: Vec<Placing>,
    /// Let everything pass that rules would refuse, and tell it; the exit code is the program's.
    #[arg(long)]
    observe: bool,
    /// Open every tunnel and look into every body, also where no rule asks what is inside.
    #[arg(long)]
    inspect_all: bool,
    /// Give the program a network of its own, in which there is nothing but this proxy (Linux).
    #[arg(long)]
    isolate: bool,
    #[command(flatten)]
    reports: Reports,
}

impl Exec {
    pub(super) fn run(self) -> anyhow::Result<()> {
        output::diagnostics();
        let trial = trial(&self.packs, &self.geo, self.observe)?;
        let mut loaded = config::load_trial(&self.config.clone().origin(), &trial)?;
        loaded.fixed.settings.explain = self.explained();
        let folder = output::private_folder("borderpost-exec-")?;
        if self.isolate {
            isolate::is_permitted()?;
        }
        let reports = self.reports.open()?;
        let threads = threads(&loaded.fixed);
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(threads).enable_all().build()?;
        let (policy, sites) = (Arc::clone(&loaded.active.policy), loaded.sites.clone());
        let stage = Stage::set(folder, loaded, self.inspect_all)?;
        stage.notes.iter().for_each(|note| news(format!("borderpost: {note}")));
        let records = stage.records.clone();
        let (code, stage) = runtime.block_on(self.watch(stage))?;
        // Nothing may be written any more when the folder goes.
        drop(runtime);
        let mut summary = Summary::of(&records, &policy, &sites)?;
        let around = around::read(stage.path()).unwrap_or_default();
        summary.unseen = around::unseen(&summary, &around, self.isolate);
        let code = if summary.refused > 0 && !self.observe { REFUSED } else { code };
        news(told::text(&summary, self.observe));
        reports.write(&records, &summary, code)?;
        drop(stage);
        if code == 0 { Ok(()) } else { Err(Ended(code).into()) }
    }

    /// Runs the program from its start to its end; the folder stays until the caller has read it.
    async fn watch(&self, stage: Stage) -> anyhow::Result<(u8, TempDir)> {
        let mut relay = Relay::new()?;
        let Stage { folder, loaded, mut told, .. } = stage;
        let serving =
            Serving::start(self.config.clone().origin(), loaded, Passed::none(), Level::default())?;
        let (_, listen) = *serving.listeners.first().context("a listener was asked for")?;
        told.proxy = Url::parse(&format!("http://{listen}"))?;
        let mut command = if self.isolate {
            let gate = folder.path().join("gate");
            isolate::open(&gate, listen).with_context(|| gate.display().to_string())?;
            isolate::command(&gate, listen, &self.command)?
        } else {
            self.bare()
        };
        tell(&mut command, &told);
        let code = match child::start(&mut command) {
            Ok(child) => child::code(relay.wait(child).await?),
            Err((code, why)) => {
                news(format!("borderpost: {why}"));
                code
            }
        };
        if let Some(lost) = serving.finish().await.lost {
            news(format!("borderpost: {lost}"));
        }
        Ok((code, folder))
    }

    /// The options by which `explain` decides as here.
    fn explained(&self) -> String {
        let mut options = Vec::new();
        let config = self.config.config.iter().map(|path| path.display().to_string());
        options.extend(config.map(|path| ("--config", path)));
        options.extend(self.packs.iter().map(|pack| ("--pack", pack.clone())));
        options.extend(self.geo.iter().map(|place| ("--geo", place.as_text().to_owned())));
        let words = options.iter().flat_map(|(name, value)| [(*name).to_owned(), in_shell(value)]);
        words.flat_map(|word| [" ".to_owned(), word]).collect()
    }

    fn bare(&self) -> Command {
        let (program, arguments) =
            self.command.split_first().expect("clap lets no command without a program by");
        let mut command = Command::new(program);
        command.args(arguments);
        command
    }
}

/// What is tried beside a configuration.
pub(super) fn trial(packs: &[String], places: &[Placing], observe: bool) -> Result<Trial, Usage> {
    let pack = |argument: &String| {
        let pack = PackText::open(argument).map_err(|why| Usage(format!("--pack: {why}")))?;
        let text = String::from_utf8_lossy(pack.bytes()).into_owned();
        Ok((pack.name().to_owned(), text))
    };
    let packs = packs.iter().map(pack).collect::<Result<_, Usage>>()?;
    Ok(Trial { packs, places: places.to_vec(), observe })
}

/// A word as a shell of POSIX reads it.
pub(super) fn in_shell(word: &str) -> String {
    let plain = |one: u8| one.is_ascii_alphanumeric() || b"=,./:@%+_-".contains(&one);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn tell(command: &mut Command, told: &Told) {
    for variable in &VARIABLES {
        match variable.setting(told) {
            Setting::To(value) => command.env(variable.name, value),
            Setting::Away => command.env_remove(variable.name),
            Setting::Left => &mut *command,
        };
    }
}

/// All that a run needs, and nothing that outlives it.
struct Stage {
    folder: TempDir,
    loaded: Loaded,
    records: PathBuf,
    told: Told,
    /// What the user should know before the program begins.
    notes: Vec<String>,
}

impl Stage {
    fn set(folder: TempDir, mut loaded: Loaded, inspect_all: bool) -> anyhow::Result<Self> {
        let (state, records) = (folder.path().join("state"), folder.path().join("records.jsonl"));
        std::fs::create_dir(&state)?;
        // Made before it is appended to, which makes it for all to read.
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&records)?;
        let environment = |name: &str| std::env::var_os(name);
        let (asked, mut notes) = trust::asked_for(environment);
        notes.extend(parent(environment, &loaded));
        let settings = settings(&state);
        let name = "borderpost exec".to_owned();
        // One that ends soon would be warned of; what ends it is that its key goes with the folder.
        let wanted = NewAuthority { name, days: 90, permit_dns: Vec::new() };
        authority::init(&state.join("ca"), &wanted, Timestamp::now())?;
        let authority = Authority::load(&settings)?;
        let files = trust::write(folder.path(), &authority, &asked)?;
        let preload = around::write(folder.path());
        let preload =
            preload.with_context(|| format!("cannot write in {}", folder.path().display()))?;
        let told = Told {
            proxy: Url::parse("http://127.0.0.1")?,
            loopback: reaches_loopback(loaded.active.policy.settings()),
            roots: Some(files.roots),
            more: Some(files.more),
            store: Some(files.store),
            java: environment("JAVA_TOOL_OPTIONS"),
            preload: Some(preload),
            node: environment("NODE_OPTIONS"),
            cgi: environment("REQUEST_METHOD").is_some(),
        };
        alone(&mut loaded, &state, &records, settings);
        loaded.fixed.roots.extend(asked);
        if inspect_all {
            loaded.active.opening.mode = OpenMode::Always;
            loaded.active.inspect.when = When::Always;
        }
        Ok(Self { folder, loaded, records, told, notes })
    }
}

/// Leaves of the configuration what decides, and nothing that others see: neither its listeners,
/// nor its state, journal and sinks, nor what clients have to prove.
fn alone(loaded: &mut Loaded, state: &Path, records: &Path, authority: AuthoritySettings) {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let fixed = &mut loaded.fixed;
    let listener =
        Listener { address: free, kind: Kind::Http, proxy_protocol_from: NetworkSet::default() };
    fixed.listeners = vec![listener];
    // In the folder that is ours alone: the program that runs must not reach it.
    let place = Place::Unix(records.with_file_name("admin.sock"));
    fixed.admin = Door { place, acceptor: None, access: Access::default() };
    fixed.record = SinkTarget::File(records.to_owned());
    fixed.state = Some(state.to_owned());
    (fixed.journal, fixed.indexed, fixed.sweep) = (false, None, false);
    fixed.sinks.clear();
    fixed.authority = Some(authority);
    fixed.settings.drain_timeout = DRAIN.min(fixed.settings.drain_timeout);
    loaded.active.auth = Auth::default();
    loaded.active.acceptors.clear();
}

fn settings(state: &Path) -> AuthoritySettings {
    AuthoritySettings {
        source: AuthoritySource::Made(state.join("ca")),
        leaf_days: 1,
        cache: 10_000,
    }
}

/// Whether programs ask us for this machine's own addresses: what stays on it leaves nothing, unless
/// somebody has placed or opened it.
fn reaches_loopback(settings: &PolicySettings) -> bool {
    let local = |network: &ipnetwork::IpNetwork| {
        Special::of(network.network()) == Some(Special::Loopback)
            || network.contains(Ipv4Addr::LOCALHOST.into())
            || network.contains(Ipv6Addr::LOCALHOST.into())
    };
    settings.open_kinds.contains(&Special::Loopback) || settings.open_networks.iter().any(local)
}

/// A proxy that the environment names now is not gone through.
fn parent(environment: impl Fn(&str) -> Option<OsString>, loaded: &Loaded) -> Option<String> {
    let named = ["https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"];
    let name =
        named.into_iter().find(|name| environment(name).is_some_and(|url| !url.is_empty()))?;
    loaded.active.chains.is_empty().then(|| {
        format!(
            "{name} names a proxy that is not gone through: a [[chain]] of the configuration can"
        )
    })
}
