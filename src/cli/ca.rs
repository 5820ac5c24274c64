//! `borderpost ca`: the authority that clients trust, so that TLS can be opened.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jiff::{SignedDuration, Timestamp};

use crate::config::Fixed;
use crate::tls::authority::{self, AuthorityView, NewAuthority, Signs};
use crate::tls::{Authority, AuthoritySettings, AuthoritySource};

use super::ConfigArgument;
use super::output::{Usage, line, news};

/// Make, show, export and replace the certificate authority.
#[derive(Debug, clap::Args)]
pub(super) struct Ca {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a certificate authority in `state.folder`; nothing is written over.
    Init(Init),
    /// Show who signs now and next, until when, and for which names.
    Show(Show),
    /// Write the certificates that clients have to trust; never a key.
    Export(Export),
    /// Make a successor; the old one stays published until all that it signed has ended.
    Rotate(Rotate),
}

#[derive(Debug, clap::Args)]
struct Init {
    #[command(flatten)]
    config: ConfigArgument,
    /// How people will know it.
    #[arg(long, default_value = "borderpost CA")]
    name: String,
    /// For how many days it is valid.
    #[arg(long, default_value_t = 3650, value_parser = clap::value_parser!(u32).range(1..=7300))]
    days: u32,
    /// Sign for this name and those below it only; may be repeated.
    #[arg(long, value_name = "DOMAIN")]
    permit_dns: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct Show {
    #[command(flatten)]
    config: ConfigArgument,
}

#[expect(clippy::struct_excessive_bools, reason = "one of four forms")]
#[derive(Debug, clap::Args)]
struct Export {
    #[command(flatten)]
    config: ConfigArgument,
    /// PEM, every certificate that is published (this is the default).
    #[arg(long, group = "form")]
    pem: bool,
    /// DER, the newest certificate alone.
    #[arg(long, group = "form")]
    der: bool,
    /// PEM, with the platform's roots, for programs in which it takes the place of their own.
    #[arg(long, group = "form")]
    bundle: bool,
    /// The same as a trust store of Java (PKCS#12, without a password).
    #[arg(long, group = "form")]
    pkcs12: bool,
    /// Where to write; standard output if left out.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Rotate {
    #[command(flatten)]
    config: ConfigArgument,
    /// Publish the successor now, and let it sign after so many days (such as `30d` or `30`).
    #[arg(long, value_name = "DAYS", default_value = "0", value_parser = parse_days)]
    overlap: i64,
}

/// Clients that do not get the successor in a year never will.
const MOST_OVERLAP: i64 = 365;

fn parse_days(text: &str) -> Result<i64, String> {
    let days = text.strip_suffix('d').unwrap_or(text).parse().ok();
    days.filter(|days| (0..=MOST_OVERLAP).contains(days))
        .ok_or_else(|| format!("say a number of days from 0 to {MOST_OVERLAP}, such as 30d"))
}

impl Ca {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Init(init) => init.run(),
            Command::Show(show) => show.run(),
            Command::Export(export) => export.run(),
            Command::Rotate(rotate) => rotate.run(),
        }
    }
}

impl Init {
    fn run(self) -> anyhow::Result<()> {
        let Self { config, name, days, permit_dns } = self;
        let of = config.config.as_ref();
        let of = of.map_or_else(String::new, |file| format!("--config {} ", file.display()));
        let settings = settings(config)?;
        let folder = folder(&settings)?;
        authority::init(folder, &NewAuthority { name, days, permit_dns }, Timestamp::now())?;
        show(&settings)?;
        news(format!(
            "{} holds its key: keep a copy where only you can read it. Clients trust it by\n\
             `borderpost ca export {of}--out borderpost-ca.pem`; README tells where to put that",
            folder.display()
        ));
        Ok(())
    }
}

impl Show {
    fn run(self) -> anyhow::Result<()> {
        show(&settings(self.config)?)
    }
}

impl Export {
    fn run(self) -> anyhow::Result<()> {
        let authority = Authority::load(&settings(self.config)?)?;
        let octets = if self.der {
            authority.root_der()
        } else if self.bundle {
            authority.bundle_pem().into_bytes()
        } else if self.pkcs12 {
            authority::trust_store(&authority.bundle())
        } else {
            authority.roots_pem().into_bytes()
        };
        match self.out {
            Some(file) => fs::write(&file, octets).with_context(|| file.display().to_string()),
            None => std::io::stdout().write_all(&octets).context("standard output"),
        }
    }
}

impl Rotate {
    fn run(self) -> anyhow::Result<()> {
        let settings = settings(self.config)?;
        let overlap = SignedDuration::from_hours(24 * self.overlap);
        authority::rotate(folder(&settings)?, overlap, Timestamp::now())?;
        show(&settings)?;
        news("a running borderpost takes it at the next reload (SIGHUP)");
        Ok(())
    }
}

/// What the configuration says of the authority.
fn settings(config: ConfigArgument) -> anyhow::Result<AuthoritySettings> {
    let fixed = Fixed::load(&config.origin())?;
    let Some(settings) = fixed.authority else {
        let detail = "nothing says where an authority is kept: add [state] with folder = \"...\" \
                      to the configuration, and name it with --config";
        bail!(Usage(detail.to_owned()));
    };
    Ok(settings)
}

/// The folder of ours.
fn folder(settings: &AuthoritySettings) -> anyhow::Result<&Path> {
    match &settings.source {
        AuthoritySource::Made(folder) => Ok(folder),
        AuthoritySource::Given { certificate, .. } => bail!(Usage(format!(
            "[tls.authority] names your own authority, {}; renew it where it comes from",
            certificate.display()
        ))),
    }
}

fn show(settings: &AuthoritySettings) -> anyhow::Result<()> {
    let authority = Authority::load(settings)?;
    let now = Timestamp::now();
    for view in authority.views(now) {
        lines(&view).iter().for_each(line);
    }
    authority.notes(now).iter().for_each(|note| line(format!("note: {note}")));
    Ok(())
}

fn lines(view: &AuthorityView) -> Vec<String> {
    let AuthorityView { number, subject, fingerprint, valid, constraints, root, signs, until } =
        view;
    let signs = match signs {
        Signs::Now => "signs now".to_owned(),
        Signs::From(from) => format!("signs from {from} on"),
        Signs::NoMore => "signs no more".to_owned(),
    };
    let number = number.map_or_else(|| "of your own".to_owned(), |number| number.to_string());
    let mut lines = vec![
        format!("authority {number}: {signs}"),
        format!("  subject    {subject}"),
        format!("  SHA-256    {fingerprint}"),
        format!("  valid      {} to {}", valid.from, valid.until),
        format!("  names      {constraints}"),
    ];
    if let Some((subject, fingerprint)) = root {
        lines.push(format!("  root       {subject}"));
        lines.push(format!("             {fingerprint}"));
    }
    if let Some(until) = until {
        lines.push(format!("  published  until {until}"));
    }
    lines
}
