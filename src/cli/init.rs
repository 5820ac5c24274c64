//! `borderpost init`: a commented configuration for a situation, and what to do next.

use std::fs::OpenOptions;
use std::io::{self, BufRead, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::ValueEnum;

use super::output::{Usage, line, news};

/// Write a commented configuration for a situation.
#[derive(Debug, clap::Args)]
pub(super) struct Init {
    /// For what; asked for on a terminal.
    situation: Option<Situation>,
    /// Where to write; nothing is written over.
    #[arg(long, value_name = "FILE", default_value = "borderpost.toml")]
    out: PathBuf,
}

/// Where the proxy is to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Situation {
    /// One person's programs on one machine, observed first.
    Laptop,
    /// Many clients of a company, with a journal, observed first.
    Gateway,
    /// Beside one application, in its pod or on its host.
    Sidecar,
    /// Around tests, by `borderpost exec`.
    TestBench,
}

/// What to do next: why, and commands that can be copied as they stand, each on a line of its own.
struct Step {
    why: &'static str,
    commands: Vec<String>,
}

impl Init {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let situation = match self.situation {
            Some(situation) => situation,
            None if io::stdin().is_terminal() => ask()?,
            None => bail!(Usage(format!("say for what: {}", names().join(", ")))),
        };
        let path = self.out.display();
        let file = OpenOptions::new().write(true).create_new(true).open(&self.out);
        let mut file = file.map_err(|error| {
            if error.kind() == ErrorKind::AlreadyExists {
                anyhow::anyhow!("{path} is there already and stays as it is; --out names another")
            } else {
                anyhow::Error::new(error).context(path.to_string())
            }
        })?;
        file.write_all(situation.text().as_bytes()).with_context(|| path.to_string())?;
        line(format!("{path} is written. Next:"));
        for (number, Step { why, commands }) in situation.steps(&self.out).iter().enumerate() {
            line(format!("\n{}. {why}", number + 1));
            commands.iter().for_each(|command| line(format!("   {command}")));
        }
        Ok(())
    }
}

fn names() -> Vec<String> {
    let values = Situation::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    values.map(|value| value.get_name().to_owned()).collect()
}

/// Asks until something that is known is answered.
fn ask() -> anyhow::Result<Situation> {
    for (number, situation) in Situation::value_variants().iter().enumerate() {
        if let Some(value) = situation.to_possible_value() {
            let help = value.get_help().map(ToString::to_string).unwrap_or_default();
            news(format!("  {}. {:<11} {help}", number + 1, value.get_name()));
        }
    }
    loop {
        news("Which one?");
        let mut answer = String::new();
        if io::stdin().lock().read_line(&mut answer)? == 0 {
            bail!(Usage("nothing was answered".to_owned()));
        }
        if let Some(situation) = answered(answer.trim()) {
            return Ok(situation);
        }
    }
}

/// A number or a name.
fn answered(text: &str) -> Option<Situation> {
    let all = Situation::value_variants();
    let number = text.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    match number {
        Some(at) => all.get(at).copied(),
        None => Situation::from_str(text, true).ok(),
    }
}

// === impl Situation ===

impl Situation {
    const fn text(self) -> &'static str {
        match self {
            Self::Laptop => include_str!("../../config/situations/laptop.toml"),
            Self::Gateway => include_str!("../../config/situations/gateway.toml"),
            Self::Sidecar => include_str!("../../config/situations/sidecar.toml"),
            Self::TestBench => include_str!("../../config/situations/test-bench.toml"),
        }
    }

    /// The next three.
    fn steps(self, file: &Path) -> [Step; 3] {
        let file = quoted(&file.display().to_string());
        let of = |command: &&str| command.replace("FILE", &file);
        let step = |why, all: &[&str]| Step { why, commands: all.iter().map(of).collect() };
        let home = step(
            "Put your countries into [jurisdiction.home] of that file, and have it checked:",
            &["borderpost check FILE"],
        );
        let (init, export) = (
            "borderpost ca init --config FILE",
            "borderpost ca export --bundle --config FILE --out roots.pem",
        );
        let run = "borderpost run --config FILE";
        match self {
            Self::Laptop => [
                step("Make an authority, and a file of the roots to trust:", &[init, export]),
                step("Run the proxy; it goes on until Ctrl-C:", &[run]),
                step(
                    "In another shell of this folder; its programs go by the proxy then:",
                    &["eval \"$(borderpost env --config FILE --ca roots.pem)\""],
                ),
            ],
            Self::Gateway => [
                home,
                step(
                    "Make an authority, as the user of the service; README tells where clients put it:",
                    &[init],
                ),
                step(
                    "Run it, and let clients find it at port 3128; after a week take `mode = \"observe\"` away:",
                    &[run],
                ),
            ],
            Self::Sidecar => [
                home,
                step(
                    "Make an authority, and a file of the roots for the application:",
                    &[init, export],
                ),
                step(
                    "Print what the application's environment needs, and run the proxy:",
                    &["borderpost env --config FILE --ca roots.pem", run],
                ),
            ],
            Self::TestBench => [
                home,
                step(
                    "See what is sent where; put your tests in the place of `curl`:",
                    &[
                        "borderpost exec --config FILE --observe -- curl --silent http://example.com/",
                    ],
                ),
                step(
                    "Fail where something is refused, with reports:",
                    &[
                        "borderpost exec --config FILE --junit egress.xml --sarif egress.sarif -- curl --silent http://example.com/",
                    ],
                ),
            ],
        }
    }
}

/// As a shell takes it for one word.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if !text.is_empty() && text.chars().all(plain) && !text.starts_with('-') {
        return text.to_owned();
    }
    let text = text.replace('\'', "'\\''");
    let path = if text.starts_with('-') { "./" } else { "" };
    format!("'{path}{text}'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Origin};

    #[test]
    fn what_is_written_has_no_mistake() {
        for situation in Situation::value_variants() {
            let text = situation.text().to_owned();
            let loaded = config::load(&Origin::Text { name: format!("{situation:?}"), text });
            assert!(loaded.is_ok(), "{situation:?}: {}", loaded.unwrap_err());
        }
    }

    #[test]
    fn a_file_is_one_word_for_a_shell() {
        for (file, word) in [
            ("a/b.toml", "a/b.toml"),
            ("my file.toml", "'my file.toml'"),
            ("it's.toml", "'it'\\''s.toml'"),
            ("-x.toml", "'./-x.toml'"),
            ("$(x)", "'$(x)'"),
        ] {
            assert_eq!(quoted(file), word);
        }
    }

    #[test]
    fn answers_are_numbers_or_names() {
        assert_eq!(answered("1"), Some(Situation::Laptop));
        assert_eq!(answered("Test-Bench"), Some(Situation::TestBench));
        assert_eq!((answered("0"), answered("5"), answered("")), (None, None, None));
    }
}
