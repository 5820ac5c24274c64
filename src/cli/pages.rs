//! `borderpost completions` and `borderpost man`: what shells complete and the manual says, from the
//! table of commands itself.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::Arguments;
use super::output::line;

const NAME: &str = "borderpost";

/// Print what a shell completes.
#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

/// Print the manual.
#[derive(Debug, clap::Args)]
pub(super) struct Manual {
    /// Write a page for every command into this folder instead.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

impl Completions {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut shown(), NAME, &mut text);
        if self.shell == Shell::Fish {
            let whole = shown();
            whole.get_subcommands().for_each(|command| in_place(command, &[], &mut text));
        }
        put(&text)
    }
}

impl Manual {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let command = Arguments::command();
        let Some(folder) = self.out else {
            let mut text = Vec::new();
            Man::new(command).render(&mut text)?;
            return put(&text);
        };
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let written = clap_mangen::generate_to(command, &folder);
        written.with_context(|| folder.display().to_string())?;
        line(format!("pages are in {}: man -l {0}/{NAME}.1", folder.display()));
        Ok(())
    }
}

/// What stands in a place of its own (`init laptop`) fish is told of here, since the generator tells it
/// of options alone.
fn in_place(command: &Command, above: &[&str], text: &mut Vec<u8>) {
    let path = [above, &[command.get_name()]].concat();
    let below = command.get_subcommands().filter(|below| !below.is_hide_set());
    below.for_each(|below| in_place(below, &path, text));
    let Some((first, rest)) = path.split_first() else { return };
    let mut place = format!("__fish_{NAME}_using_subcommand {first}");
    rest.iter().for_each(|name| {
        place.push_str(&format!("; and __fish_seen_subcommand_from {name}"));
    });
    for argument in command.get_positionals() {
        let values = argument.get_possible_values();
        let names: Vec<_> = values.iter().map(|value| value.get_name()).collect();
        if !names.is_empty() {
            let names = names.join(" ");
            text.extend(format!("complete -c {NAME} -n \"{place}\" -f -a \"{names}\"\n").bytes());
        }
    }
}

/// The commands without those that are of no use by themselves, which shells would complete, too.
fn shown() -> Command {
    let whole = Arguments::command();
    let shown = whole.get_subcommands().filter(|command| !command.is_hide_set());
    Command::new(NAME).version(env!("CARGO_PKG_VERSION")).subcommands(shown.cloned())
}

/// A closed pipe is no failure of ours.
fn put(text: &[u8]) -> anyhow::Result<()> {
    match io::stdout().write_all(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every name of a command, however deep.
    fn names(command: &Command, all: &mut Vec<String>) {
        for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
            all.push(below.get_name().to_owned());
            names(below, all);
        }
    }

    #[test]
    fn shells_complete_every_command() {
        Arguments::command().debug_assert();
        let mut all = Vec::new();
        names(&Arguments::command(), &mut all);
        assert!(all.len() > 30, "{all:?}");
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish] {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut shown(), NAME, &mut text);
            let text = String::from_utf8(text).unwrap();
            for name in &all {
                assert!(text.contains(name.as_str()), "{shell}: {name}");
            }
        }
    }

    #[test]
    fn there_is_a_page_for_every_command() {
        let folder = tempfile::TempDir::new().unwrap();
        clap_mangen::generate_to(Arguments::command(), folder.path()).unwrap();
        for page in ["borderpost.1", "borderpost-exec.1", "borderpost-audit-verify.1"] {
            let text = std::fs::read_to_string(folder.path().join(page)).unwrap();
            assert!(text.contains(".SH NAME"), "{page}");
        }
    }
}
