//! `borderpost debug bundle`: what who helps has to know, in one file, and no secret in it.

mod redact;
mod tar;

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command as Program;
use std::time::Duration;

use anyhow::Context;
use clap::Subcommand;
use jiff::Timestamp;

use crate::admin::Place;
use crate::audit::journal::{Checkpoint, Kind, Reader};
use crate::audit::journal_folder;
use crate::config::{self, Fixed, Origin};

use super::{ConfigArgument, output};

/// How long the running program may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// More of an answer is not taken.
const LONGEST: u64 = 8 * 1024 * 1024;
/// Of the journal, in milliseconds: a checkpoint comes more often.
const LATELY: i64 = 3_600_000;

/// Look into what does not work.
#[derive(Debug, clap::Args)]
pub(super) struct Debug {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Gather what who helps has to know into one file: no secret, no record, no body.
    Bundle(Bundle),
}

/// Gather what who helps has to know.
#[derive(Debug, clap::Args)]
struct Bundle {
    /// The archive; one with the time in its name if none is named.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgument,
}

impl Debug {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let Command::Bundle(bundle) = self.command;
        bundle.run()
    }
}

impl Bundle {
    fn run(self) -> anyhow::Result<()> {
        let now = Timestamp::now();
        let named = || PathBuf::from(format!("borderpost-{}.tar", now.strftime("%Y%m%dT%H%M%SZ")));
        let path = self.output.unwrap_or_else(named);
        let files = gather(&self.config.origin(), now);
        let files: Vec<_> = files
            .into_iter()
            .map(|(name, text)| (format!("borderpost/{name}"), text.into_bytes()))
            .collect();
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let written = write(&path, &files, seconds);
        written.with_context(|| format!("{} could not be written", path.display()))?;
        for (name, content) in &files {
            output::line(format!("{name} ({} bytes)", content.len()));
        }
        output::line(format!("{}: look through it before you give it away", path.display()));
        Ok(())
    }
}

/// For its owner alone, whoever looks through it first.
fn write(path: &Path, files: &[(String, Vec<u8>)], at: u64) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    tar::write(&mut file, files, at)?;
    file.sync_all()
}

/// Each part, or why there is none.
fn gather(origin: &Origin, now: Timestamp) -> Vec<(&'static str, String)> {
    let fixed = Fixed::load(origin).ok();
    let asked = |path: &str| {
        let admin = fixed.as_ref().map(|fixed| fixed.admin.place.clone());
        admin.map_or_else(
            || "the configuration does not say where\n".to_owned(),
            |admin| ask(&admin, path).unwrap_or_else(|error| format!("{admin}: {error}\n")),
        )
    };
    let state = fixed.as_ref().and_then(|fixed| fixed.state.as_deref());
    let none = || "none is kept: no `state.folder`\n".to_owned();
    vec![
        ("version.txt", version(now)),
        ("configuration.toml", configuration(origin)),
        ("loaded.txt", loaded(origin)),
        ("metrics.txt", asked("/metrics")),
        ("readyz.txt", asked("/readyz")),
        ("journal.txt", state.map_or_else(none, |state| journal(&journal_folder(state), now))),
        ("log.txt", log()),
        ("limits.txt", fs::read_to_string("/proc/self/limits").unwrap_or_default()),
    ]
}

fn version(now: Timestamp) -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "borderpost {}\ntime {now}\nsystem {} {} {}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        kernel.trim()
    )
}

/// The configuration without comments and what could be a secret.
fn configuration(origin: &Origin) -> String {
    let text = match origin {
        Origin::BuiltIn => return "# the one inside the program\n".to_owned(),
        Origin::Text { text, .. } => text.clone(),
        Origin::File(path) => match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return format!("# it cannot be read: {error}\n"),
        },
    };
    // What is no TOML cannot be told apart into keys and secrets.
    redact::configuration(&text).unwrap_or_else(|| "# it is not TOML: see `check`\n".to_owned())
}

/// Databases and packs as the configuration has them; of mistakes only where they are, since the
/// lines that hold them would be shown with them.
fn loaded(origin: &Origin) -> String {
    let loaded = match config::load(origin) {
        Ok(loaded) => loaded,
        Err(problems) => {
            let text = problems.to_string();
            let places = text.lines().filter(|line| line.trim_start().starts_with("-->"));
            return format!("mistakes:\n{}\n", places.collect::<Vec<_>>().join("\n"));
        }
    };
    let active = loaded.active;
    let mut text = format!("digest {}\nrules {}\n", active.digest, active.policy.rules().len());
    for database in active.atlas.databases() {
        let (v4, v6) = (database.networks_v4, database.networks_v6);
        let (name, build) = (&database.name, database.build_date());
        text.push_str(&format!("database {name} of {build}: {v4} and {v6} networks\n"));
    }
    for pack in &active.packs {
        text.push_str(&format!("pack {pack}\n"));
    }
    text
}

fn ask(admin: &Place, path: &str) -> io::Result<String> {
    match admin {
        Place::Tcp(address) => {
            let stream = TcpStream::connect_timeout(address, PATIENCE)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            read(stream, path, &address.to_string())
        }
        Place::Unix(socket) => {
            let stream = UnixStream::connect(socket)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            read(stream, path, "localhost")
        }
    }
}

/// What cannot be had, since it needs TLS or a token, says so itself.
fn read(mut stream: impl Read + Write, path: &str, host: &str) -> io::Result<String> {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(LONGEST).read_to_string(&mut answer)?;
    Ok(answer.split_once("\r\n\r\n").map_or_else(String::new, |(_, body)| body.to_owned()))
}

/// How far it goes, and what was last signed; no entry of it.
fn journal(folder: &Path, now: Timestamp) -> String {
    let mut text = String::new();
    let since = now.as_millisecond().saturating_sub(LATELY);
    let mut reader = Reader::open(folder).since(since);
    let (mut last, mut signed) = (None, None);
    loop {
        match reader.next_entry() {
            Ok(Some(entry)) => {
                last = Some((entry.sequence(), entry.at()));
                if entry.kind() == Some(Kind::Checkpoint) {
                    let note = entry.payload().and_then(|note| std::str::from_utf8(note).ok());
                    signed = note.and_then(|note| Checkpoint::claimed(note).ok());
                }
            }
            Ok(None) => break,
            Err(fault) => {
                text.push_str(&format!("it cannot be read: {fault}\n"));
                break;
            }
        }
    }
    match last {
        Some((sequence, at)) => {
            let at = at.and_then(|at| Timestamp::from_millisecond(at).ok());
            let at = at.map_or_else(|| "no time".to_owned(), |at| at.to_string());
            text.push_str(&format!("last entry {sequence} at {at}\n"));
        }
        None => text.push_str("no entry within an hour\n"),
    }
    if let Some(Checkpoint { origin, size, root }) = signed {
        text.push_str(&format!("last checkpoint of {origin}: {size} entries, root {root}\n"));
    }
    let files = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut files: Vec<_> =
        files.filter_map(|file| Some((file.file_name(), file.metadata().ok()?.len()))).collect();
    files.sort();
    for (name, length) in files {
        text.push_str(&format!("file {} {length}\n", name.display()));
    }
    text
}

/// What systemd's journal has of the unit.
fn log() -> String {
    let mut reader = Program::new("journalctl");
    reader.args(["--unit=borderpost", "--lines=500", "--no-pager", "--output=short-iso"]);
    match reader.output() {
        Ok(told) if told.status.success() => {
            let text = String::from_utf8_lossy(&told.stdout).into_owned();
            let mut shown = String::with_capacity(text.len());
            // Records go to standard output unless something else is said; they stay here.
            let is_record =
                |line: &&str| line.split_once("]: ").is_some_and(|(_, said)| said.starts_with('{'));
            for line in text.lines().filter(|line| !is_record(line)) {
                writeln!(shown, "{}", redact::text(line)).expect("a String takes every write");
            }
            shown
        }
        Ok(told) => format!("journalctl: {}\n", told.status),
        Err(error) => format!("journalctl: {error}\n"),
    }
}
