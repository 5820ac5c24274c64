//! Floor 9: one file a command. Exit codes: 0 fine, 1 it failed, 64 bad configuration or
//! arguments (EX_USAGE); those of `exec` are in `exec`.

mod again;
mod ask;
mod audit;
mod ca;
mod check;
mod debug;
mod demo;
mod digest;
mod discover;
mod env;
mod exec;
mod explain;
mod geoip;
mod holds;
mod import;
mod init;
mod lines;
mod locate;
mod origins;
mod output;
mod pack;
mod pages;
mod passwd;
mod ready;
mod refresh;
mod replay;
mod reports;
mod run;
mod scan;
mod serve;
mod service;
mod shutdown;
mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Origin, Problems};

/// A forward HTTP(S) proxy that enforces data-egress rules.
#[derive(Debug, Parser)]
#[command(name = "borderpost", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the proxy and its admin listener.
    Run(run::Run),
    /// Run a program behind a proxy of its own, and tell what it sent where.
    Exec(Box<exec::Exec>),
    /// Begin a program in a network of its own.
    #[command(hide = true)]
    ExecInside(exec::isolate::Inside),
    /// Print the variables that tell programs of a running proxy.
    Env(env::Env),
    /// Write a commented configuration for a situation, and tell the next steps.
    Init(init::Init),
    /// Check a configuration and tell every mistake in it; exit code 64 if there is one.
    Check(check::Check),
    /// Decide one request off-line and show every rule's part in it.
    Explain(Box<explain::Explain>),
    /// Show what every database says of a host or an address.
    Locate(locate::Locate),
    /// Show allowed, logged and blocked requests through a real proxy on this machine.
    Demo(demo::Demo),
    /// Draft rules from what was recorded: what else than was seen is to be held back.
    Discover(Box<discover::Discover>),
    /// Decide recorded requests again, by other packs or as of another day.
    Replay(replay::Replay),
    /// Look for personal data, card numbers and secrets in a file; nothing leaves the machine.
    Scan(scan::Scan),
    /// Show the digest that records have in the place of a value, to confirm a suspicion.
    Digest(digest::Digest),
    /// Run the cases of packs.
    Test(test::Test),
    /// Sign, verify, check, compare and show packs.
    Pack(pack::Pack),
    /// Make rows of configuration from descriptions that others keep.
    Import(import::Import),
    /// Set the password of a client, or make a token for it.
    Passwd(passwd::Passwd),
    /// Ask a running proxy whether it takes requests and can record them; exit code 1 if not.
    Ready(ready::Ready),
    /// See what waits for a person, and decide.
    Holds(holds::Holds),
    /// See what may have to be reported, and close it.
    Reports(reports::Reports),
    /// Check, search and export the journal of decisions.
    Audit(Box<audit::Audit>),
    /// Make, show, export and replace the certificate authority that clients trust.
    Ca(ca::Ca),
    /// Keep the shipped databases fresh.
    Geoip(refresh::Geoip),
    /// Gather what who helps has to know.
    Debug(debug::Debug),
    /// Print what a shell completes.
    Completions(pages::Completions),
    /// Print the manual, or write a page for every command.
    Man(pages::Manual),
}

/// Which configuration a command reads.
#[derive(Clone, Debug, clap::Args)]
struct ConfigArgument {
    /// The configuration file; the one inside the program if none is named.
    #[arg(long, short, value_name = "FILE", env = "BORDERPOST_CONFIG")]
    config: Option<PathBuf>,
}

impl ConfigArgument {
    fn origin(self) -> Origin {
        self.config.map_or(Origin::BuiltIn, Origin::File)
    }
}

/// Parses the arguments and runs the command.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no mistakes; clap prints both kinds where they belong.
            let code = if error.use_stderr() { 64 } else { 0 };
            return match error.print() {
                Ok(()) => ExitCode::from(code),
                Err(_) => ExitCode::FAILURE,
            };
        }
    };
    let ended = match arguments.command {
        Command::Run(run) => run.run(),
        Command::Exec(exec) => exec.run(),
        Command::ExecInside(inside) => inside.run(),
        Command::Env(env) => env.run(),
        Command::Init(init) => init.run(),
        Command::Check(check) => check.run(),
        Command::Explain(explain) => explain.run(),
        Command::Locate(locate) => locate.run(),
        Command::Demo(demo) => demo.run(),
        Command::Discover(discover) => discover.run(),
        Command::Replay(replay) => replay.run(),
        Command::Scan(scan) => scan.run(),
        Command::Digest(digest) => digest.run(),
        Command::Import(import) => import.run(),
        Command::Test(test) => test.run(),
        Command::Pack(pack) => pack.run(),
        Command::Passwd(passwd) => passwd.run(),
        Command::Ready(ready) => ready.run(),
        Command::Holds(holds) => holds.run(),
        Command::Reports(reports) => reports.run(),
        Command::Audit(audit) => audit.run(),
        Command::Ca(ca) => ca.run(),
        Command::Geoip(geoip) => geoip.run(),
        Command::Debug(debug) => debug.run(),
        Command::Completions(completions) => completions.run(),
        Command::Man(manual) => manual.run(),
    };
    let lost = output::untold();
    if let Some(why) = lost {
        output::news(format!("borderpost: standard output: {why}"));
    }
    match ended {
        Ok(()) if lost.is_some() => ExitCode::FAILURE,
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<output::Told>() => ExitCode::FAILURE,
        Err(error) => {
            if let Some(output::Ended(code)) = error.downcast_ref() {
                return ExitCode::from(*code);
            }
            output::error(&error);
            let usage = error.is::<Problems>() || error.is::<output::Usage>();
            if usage { ExitCode::from(64) } else { ExitCode::FAILURE }
        }
    }
}
