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
        for (number, step) in situation.steps(&self.out).iter().enumerate() {
            line(format!("  {}. {step}", number + 1));
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
    fn steps(self, file: &Path) -> [String; 3] {
        let file = file.display();
        let home =
            format!("put your countries into [jurisdiction.home]; then: borderpost check {file}");
        let authority = format!("borderpost ca init --config {file}");
        let run = format!("borderpost run --config {file}");
        match self {
            Self::Laptop => [
                format!(
                    "{authority}  &&  borderpost ca export --bundle --config {file} --out roots.pem"
                ),
                run,
                format!(
                    "eval \"$(borderpost env --config {file} --ca roots.pem)\"   in the shell whose programs go by it"
                ),
            ],
            Self::Gateway => [
                home,
                format!(
                    "{authority}   as the user of the service; README tells where clients put it"
                ),
                format!(
                    "{run}   and let clients find http://GATEWAY:3128; after a week take `mode = \"observe\"` away"
                ),
            ],
            Self::Sidecar => [
                home,
                format!(
                    "{authority}  &&  borderpost ca export --bundle --config {file} --out roots.pem   for the application"
                ),
                format!(
                    "{run}   and give the application what `borderpost env --config {file} --ca roots.pem` prints"
                ),
            ],
            Self::TestBench => [
                home,
                format!(
                    "borderpost exec --config {file} --observe -- YOUR TESTS   shows what they send where"
                ),
                format!(
                    "borderpost exec --config {file} --junit egress.xml --sarif egress.sarif -- YOUR TESTS   fails where something is refused"
                ),
            ],
        }
    }
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
            let steps = situation.steps(Path::new("a.toml"));
            assert!(steps.iter().all(|step| step.contains("a.toml")), "{steps:?}");
        }
    }

    #[test]
    fn answers_are_numbers_or_names() {
        assert_eq!(answered("1"), Some(Situation::Laptop));
        assert_eq!(answered("Test-Bench"), Some(Situation::TestBench));
        assert_eq!((answered("0"), answered("5"), answered("")), (None, None, None));
    }
}
