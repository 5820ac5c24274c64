//! `borderpost run`: the main job.

use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;

use crate::admin::Place;
use crate::audit::Cause;
use crate::config::{self, Loaded, Origin};
use crate::geo::DatabaseInfo;
use crate::proxy::Kind;

use super::output::news;
use super::serve::{Ended, Serving, threads};
use super::service::{self, Passed};
use super::shutdown::{Ask, Signals};
use super::{ConfigArgument, output};

/// From this age on, the first lines say that a database is old: 0.1 % of addresses
/// change country in a month.
const OLD_DAYS: i64 = 45;

/// Run the proxy.
#[derive(Debug, clap::Args)]
pub(super) struct Run {
    #[command(flatten)]
    config: ConfigArgument,
}

impl Run {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let level = output::diagnostics();
        // It changes the environment, which only a single thread may.
        let passed = Passed::take();
        let origin = self.config.origin();
        let mut loaded = config::load(&origin)?;
        if !matches!(origin, Origin::BuiltIn) {
            // Where it lies is nobody's business but that of who runs it.
            loaded.fixed.settings.explain.push_str(" --config FILE");
        }
        let runtime = match threads(&loaded.fixed) {
            // Nobody to share work with: without the means for it a request takes 3 % less.
            1 => tokio::runtime::Builder::new_current_thread().enable_all().build()?,
            many => {
                let mut builder = tokio::runtime::Builder::new_multi_thread();
                builder.worker_threads(many).enable_all().build()?
            }
        };
        let mut notes = loaded.notes.clone();
        notes.extend(raise_file_limit(loaded.fixed.settings.connections));
        runtime.block_on(async {
            let mut signals = Signals::new()?;
            let about = about(&loaded);
            let mut serving = Serving::start(origin, loaded, passed, level)?;
            news(greeting(&serving, &about));
            service::ready();
            tokio::spawn(service::feed(Arc::clone(&serving.proxy)));
            if let Some(authority) = serving.proxy.authority() {
                notes.extend(authority.notes(Timestamp::now()));
            }
            notes.iter().for_each(|note| news(format!("note       {note}")));
            until_stopped(&mut serving, &mut signals).await;
            service::stopping();
            news("stopping: requests may end, nothing new is accepted");
            let Ended { cut, lost } = serving.finish().await;
            match cut {
                0 => news("stopped"),
                cut => news(format!("stopped; drain_timeout cut {cut} connections")),
            }
            lost.map_or(Ok(()), |lost| Err(anyhow::Error::msg(lost)))
        })
    }
}

async fn until_stopped(serving: &mut Serving, signals: &mut Signals) {
    loop {
        tokio::select! {
            ask = signals.next() => match ask {
                Ask::Stop => return,
                Ask::Reload => {
                    serving.proxy.reopen_records().await;
                    match read_again(serving, &Cause::Signal).await {
                        Ok(digest) => news(format!("reloaded: {digest}")),
                        Err(problems) => news(format!("{problems}\nreload failed, what was in force stays")),
                    }
                }
            },
            Some(reload) = serving.reloads.recv() => {
                let result = read_again(serving, &Cause::Asked(reload.who)).await;
                // Whoever asked may have gone; the reload stands all the same.
                drop(reload.done.send(result));
            }
        }
    }
}

/// Reads the configuration again. A bad one changes nothing, so that the program is ready all the
/// same.
async fn read_again(serving: &Serving, cause: &Cause) -> Result<String, String> {
    service::reloading();
    let result = serving.reload(cause).await;
    service::ready();
    result
}

/// Takes as many file descriptors as the system lets us have: each connection takes two, and
/// many systems start programs with 1,024. What is to be known of it is returned.
fn raise_file_limit(connections: usize) -> Option<String> {
    let wanted =
        u64::try_from(connections).unwrap_or(u64::MAX).saturating_mul(2).saturating_add(256);
    match rlimit::increase_nofile_limit(wanted) {
        Ok(limit) if limit < wanted => Some(format!(
            "{limit} open files allowed, {wanted} needed for `proxy.limits.connections` = {connections}: raise the hard limit (LimitNOFILE, ulimit -Hn)"
        )),
        Ok(_) => None,
        Err(error) => {
            tracing::warn!(%error, "could not raise the limit on open files");
            None
        }
    }
}

fn greeting(serving: &Serving, about: &str) -> String {
    let admin = match &serving.admin {
        Place::Tcp(address) if serving.secure => format!("https://{address}"),
        Place::Tcp(address) => format!("http://{address}"),
        Place::Unix(_) => serving.admin.to_string(),
    };
    // No browser opens a socket.
    let dashboard = match &serving.admin {
        Place::Tcp(_) => format!("dashboard  {admin}/\n"),
        Place::Unix(_) => String::new(),
    };
    let url = |(kind, address): &(Kind, SocketAddr)| match kind {
        Kind::Http | Kind::Https => format!("{}://{address}", kind.word()),
        // As curl and others write that the proxy resolves names.
        Kind::Socks5 => format!("socks5h://{address}"),
        Kind::Transparent(_) => format!("{} {address}", kind.word()),
    };
    let urls: Vec<_> = serving.listeners.iter().map(url).collect();
    let listeners = urls.join("\nproxy      ");
    let first = urls.first().map_or("", String::as_str);
    format!(
        "borderpost {version}\n\
         proxy      {listeners}\n\
         {dashboard}admin      {admin}/metrics  /livez  /readyz\n\
         {about}\
         try        curl -x {first} http://example.com/\n\
         \x20          borderpost demo      shows allowed, logged and blocked requests without a network",
        version = env!("CARGO_PKG_VERSION"),
    )
}

/// The databases and packs that are in force, and where holds and reports are kept.
fn about(loaded: &Loaded) -> String {
    let Loaded { fixed, active, .. } = loaded;
    let mut text = String::new();
    for database in active.atlas.databases() {
        text.push_str(&format!("database   {}\n", describe(database)));
    }
    for pack in &active.packs {
        text.push_str(&format!("pack       {pack}\n"));
    }
    let state = fixed.state.as_ref().map(|folder| folder.display().to_string());
    let none =
        "in memory, lost at the end; to find decisions by their ids: [state] folder = \"DIR\"";
    text.push_str(&format!("state      {}\n", state.unwrap_or_else(|| none.to_owned())));
    text
}

fn describe(database: &DatabaseInfo) -> String {
    let networks = database.networks_v4 + database.networks_v6;
    let age = database.age_days(Timestamp::now());
    let old = if age >= OLD_DAYS {
        format!("; {age} days old, refresh it: borderpost geoip refresh")
    } else {
        String::new()
    };
    format!("{} of {} ({networks} networks{old})", database.name, database.build_date())
}
