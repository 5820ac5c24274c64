//! `[auth]`: what clients have to prove, and the files of credentials.

use std::path::Path;
use std::sync::Arc;

use crate::auth::{Auth, Mistakes, Tokens, Users};

use super::problem::{Collector, Text};
use super::secrets;
use super::section::Section;

/// Reads `[auth]`; paths are relative to `base`. `certificates` says whether some listener
/// takes certificates of clients.
pub(super) fn read(
    root: &Section<'_>,
    base: &Path,
    problems: &Collector,
    certificates: bool,
) -> Auth {
    let section = root.section("auth");
    let file = Credentials { section: &section, base, problems };
    let unknown = [("accept", false), ("refuse", true)];
    let auth = Auth {
        required: section.flag("required").unwrap_or(false),
        refuse_unknown: section.choice("unknown", &unknown).unwrap_or(false),
        users: file.read("users", Users::parse),
        tokens: file.read("tokens", Tokens::parse),
    };
    let proves = section.has("users") || section.has("tokens") || certificates;
    if auth.required && !proves {
        let help = "name a file of `users` or `tokens`, or a `[[listener]]` with `client_roots`";
        let message = "every client must prove who it is, and nothing says how";
        section.problem(section.span_of("required"), message, Some(help.to_owned()));
    }
    auth
}

/// Files of credentials that a section names.
pub(super) struct Credentials<'a> {
    pub(super) section: &'a Section<'a>,
    pub(super) base: &'a Path,
    pub(super) problems: &'a Collector,
}

impl Credentials<'_> {
    pub(super) fn read<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, Mistakes>,
    ) -> Option<Arc<T>> {
        let word = self.section.word(key)?;
        let file = self.base.join(word.text);
        let bytes = secrets::read(&file);
        let text = bytes.and_then(|bytes| {
            let text = String::from_utf8(bytes);
            text.map_err(|_| format!("{} is not in UTF-8", file.display()))
        });
        let text = self.section.parse(&word, |_| text.clone())?;
        match parse(&text) {
            Ok(read) => Some(Arc::new(read)),
            Err(mistakes) => {
                self.tell(&file.display().to_string(), &text, mistakes);
                None
            }
        }
    }

    /// Mistakes are shown with their line, and a line is shown without its secret.
    fn tell(&self, name: &str, text: &str, mistakes: Mistakes) {
        let shown: Vec<_> = text.lines().map(shown).collect();
        let starts = shown.iter().scan(0, |at, line| {
            let start = *at;
            *at += line.len() + 1;
            Some(start)
        });
        let starts: Vec<_> = starts.collect();
        let file = Arc::new(Text { name: name.to_owned(), text: shown.join("\n") });
        for (number, why) in mistakes {
            let start = starts.get(number).copied().unwrap_or_default();
            let length = shown.get(number).map_or(0, String::len);
            self.problems.add(&file, start..start + length, why, None);
        }
    }
}

/// A line as people may see it: a name, or nothing of it, since a line without a name may be a
/// password.
fn shown(line: &str) -> String {
    match line.split_once(':') {
        _ if line.trim_start().starts_with('#') => line.to_owned(),
        Some((name, _)) => format!("{name}:…"),
        None if line.trim().is_empty() => String::new(),
        None => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        assert_eq!(shown("ann:$argon2id$v=19"), "ann:…");
        assert_eq!(shown("hunter2"), "…");
        assert_eq!((shown("# note"), shown(" ")), ("# note".to_owned(), String::new()));
    }
}
