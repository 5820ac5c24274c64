//! Keys and signatures of packs.

use std::path::PathBuf;

use anyhow::{Context, ensure};

use crate::config::{PublicKey, SecretKey, Trust, signature_file};

use super::super::ConfigArgument;
use super::super::output::{Usage, line, news};
use super::open;

/// Make a key to sign packs with.
#[derive(Debug, clap::Args)]
pub(super) struct Keygen {
    /// Where the private key is written; nothing is written over.
    file: PathBuf,
}

/// Sign packs.
#[derive(Debug, clap::Args)]
pub(super) struct Sign {
    /// The private key.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// How the key is called in the configuration; the key file's own name if left out.
    #[arg(long)]
    name: Option<String>,
    /// Files of packs.
    #[arg(required = true, value_name = "PACK")]
    packs: Vec<PathBuf>,
}

/// Tell who signed packs.
#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    #[command(flatten)]
    config: ConfigArgument,
    /// Trust this public key instead of those of the configuration; may be repeated.
    #[arg(long, value_name = "ed25519:KEY", conflicts_with = "config", value_parser = parse_key)]
    trust: Vec<PublicKey>,
    /// Files of packs, or names of shipped ones.
    #[arg(required = true, value_name = "PACK")]
    packs: Vec<String>,
}

fn parse_key(text: &str) -> Result<PublicKey, String> {
    text.parse()
}

impl Keygen {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let key = SecretKey::generate()?;
        key.write_new(&self.file)?;
        line(key.public());
        news(format!(
            "{} signs packs: keep it away from where they are used. Trust it so:\n\
             [signatures.keys]\n{} = \"{}\"",
            self.file.display(),
            name(&self.file).unwrap_or_else(|| "NAME".to_owned()),
            key.public(),
        ));
        Ok(())
    }
}

impl Sign {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let key = SecretKey::read(&self.key)?;
        let name = self.name.or_else(|| name(&self.key));
        let name = name.filter(|name| fits(name)).ok_or_else(|| {
            Usage(
                "say `--name NAME`: how the configuration calls the key, in a-z, 0-9 and `-`"
                    .to_owned(),
            )
        })?;
        for pack in &self.packs {
            let bytes = std::fs::read(pack).with_context(|| pack.display().to_string())?;
            let file = signature_file(pack);
            // Read as it will be read: a signature of what no configuration takes helps nobody.
            let text = std::str::from_utf8(&bytes).with_context(|| pack.display().to_string())?;
            let signature = key.sign(&name, text.as_bytes());
            std::fs::write(&file, format!("{signature}\n"))
                .with_context(|| file.display().to_string())?;
            line(format!("{}: signed by {name}", file.display()));
        }
        Ok(())
    }
}

impl Verify {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let trust = if self.trust.is_empty() {
            Trust::load(&self.config.origin())?
        } else {
            Trust::of_keys(self.trust.iter().map(|key| (key.to_string(), *key)).collect())
        };
        let mut wrong = 0;
        for pack in &self.packs {
            let pack = open(pack)?;
            let told = match pack.file().map(|file| trust.signer(file, pack.bytes())) {
                None => "part of this program, unchanged".to_owned(),
                Some(Ok(signer)) => format!("signed by {signer}, unchanged"),
                Some(Err(mistrust)) => {
                    wrong += 1;
                    format!("NOT TAKEN: {mistrust}\n  {}", mistrust.remedy())
                }
            };
            line(format!("{}: {told}", pack.name()));
        }
        ensure!(wrong == 0, "{wrong} of {} packs would not be taken", self.packs.len());
        Ok(())
    }
}

/// A key's name by its file: `keys/compliance.pem` is `compliance`.
fn name(file: &std::path::Path) -> Option<String> {
    file.file_stem().and_then(|stem| stem.to_str()).filter(|name| fits(name)).map(str::to_owned)
}

/// Whether configuration can call a key so.
fn fits(name: &str) -> bool {
    let of = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !name.is_empty() && name.len() <= 100 && name.bytes().all(of)
}
