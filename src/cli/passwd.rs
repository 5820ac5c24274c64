//! `borderpost passwd`: who may ask, in files that the proxy reads.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use crate::auth::{PasswordHash, Token, check_name, check_password, entries};
use crate::config::loose;

use super::output::{Usage, line, news};

/// Set a password, or make a token.
#[derive(Debug, clap::Args)]
pub(super) struct Passwd {
    /// Make a random bearer token instead, and print it; the file keeps its digest.
    #[arg(long)]
    token: bool,
    /// Take the name out of the file.
    #[arg(long, conflicts_with = "token")]
    remove: bool,
    /// The file: what `users`, or `tokens`, of `[auth]` names.
    file: PathBuf,
    /// Who it is for; the name in rules and records.
    name: String,
}

/// More of standard input is no password.
const MOST: u64 = 4096;

impl Passwd {
    pub(super) fn run(self) -> anyhow::Result<()> {
        check_name(&self.name).map_err(|why| Usage(format!("`{}`: {why}", self.name)))?;
        if self.remove {
            return self.write(None);
        }
        if self.token {
            let token = Token::generate().context("the system gave no randomness")?;
            self.write(Some(&token.kept()))?;
            news("this token is shown once; the file keeps only its digest");
            line(token.as_str());
            return Ok(());
        }
        let password = password()?;
        let mut salt = [0; 16];
        aws_lc_rs::rand::fill(&mut salt).context("the system gave no randomness")?;
        let hash = PasswordHash::of(&password, &salt).map_err(anyhow::Error::msg)?;
        self.write(Some(hash.as_str()))
    }

    /// Puts a secret, or none, in the place of what the file has for the name.
    fn write(&self, secret: Option<&str>) -> anyhow::Result<()> {
        // A link stays a link.
        let file = fs::canonicalize(&self.file).unwrap_or_else(|_| self.file.clone());
        let shown = file.display();
        let old = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && !self.remove => String::new(),
            Err(error) => return Err(error).with_context(|| shown.to_string()),
        };
        if let Some(mode) = loose(&file) {
            bail!(
                "{shown} may be read by everybody or written by others (mode {mode:04o}); run `chmod 600 {shown}`"
            );
        }
        let own =
            entries(&old).filter(|(_, entry)| entry.is_some_and(|(name, _)| name == self.name));
        let own: Vec<_> = own.map(|(number, _)| number).collect();
        ensure!(!self.remove || !own.is_empty(), "{shown} has no `{}`", self.name);
        let entry = secret.map(|secret| format!("{}:{secret}", self.name));
        let mut lines: Vec<&str> = Vec::new();
        let mut entry = entry.as_deref();
        for (number, line) in old.lines().enumerate() {
            if own.contains(&number) {
                lines.extend(entry.take());
            } else {
                lines.push(line);
            }
        }
        lines.extend(entry);
        lines.push("");
        replace(&file, &lines.join("\n"))
    }
}

/// Puts a file in the place of another, whole or not at all, for its owner alone.
fn replace(file: &Path, text: &str) -> anyhow::Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let mut options = OpenOptions::new();
    // Two at a time would forget what one of them wrote.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut opened = options.open(&new).with_context(|| {
        let shown = new.display();
        format!("cannot write {shown}; if it is left of a run that was cut short, remove it")
    })?;
    let written = opened.write_all(text.as_bytes()).and_then(|()| opened.sync_all());
    let renamed = written.and_then(|()| fs::rename(&new, file));
    if renamed.is_err() {
        drop(fs::remove_file(&new));
    }
    renamed.with_context(|| format!("cannot write {}", file.display()))?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = fs::File::open(folder.unwrap_or_else(|| Path::new(".")));
    folder.and_then(|folder| folder.sync_all()).context("the folder could not be synced")
}

/// The password from standard input, without the line's end.
fn password() -> anyhow::Result<String> {
    let input = std::io::stdin();
    if input.is_terminal() {
        let text = "the password comes on standard input, so that no screen shows it:\n  \
                    read -rs PASSWORD && printf %s \"$PASSWORD\" | borderpost passwd FILE NAME";
        return Err(Usage(text.to_owned()).into());
    }
    let mut text = String::new();
    input.lock().take(MOST).read_to_string(&mut text).context("standard input")?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    check_password(password).map_err(Usage)?;
    Ok(password.to_owned())
}
