//! Files of records, line by line, for commands that need no journal.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use anyhow::Context;

use super::output::{Progress, Usage, news};

/// Hands every line of a file, or of standard input for `-`, to `tell`. A last line that a crash cut
/// short is told and left out; any other that is no record ends it, with its place.
pub(super) fn each(
    path: &Path,
    tell: impl FnMut(&str) -> serde_json::Result<()>,
) -> anyhow::Result<()> {
    if path.as_os_str() == "-" {
        return read(io::stdin().lock(), "standard input", tell);
    }
    let name = path.display().to_string();
    let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
    read(BufReader::new(file), &name, tell)
}

fn read(
    mut from: impl BufRead,
    name: &str,
    mut tell: impl FnMut(&str) -> serde_json::Result<()>,
) -> anyhow::Result<()> {
    let mut progress = Progress::of("records read");
    let (mut line, mut number) = (String::new(), 0_u64);
    loop {
        line.clear();
        if from.read_line(&mut line).with_context(|| format!("cannot read {name}"))? == 0 {
            return Ok(());
        }
        number += 1;
        progress.at(number);
        let text = line.trim();
        if text.is_empty() {
            continue;
        }
        match tell(text) {
            Ok(()) => {}
            Err(error) if error.is_eof() && !line.ends_with('\n') => {
                news(format!("{name}:{number}: the last record is cut short, and left out"));
            }
            Err(error) => return Err(Usage(format!("{name}:{number}: no record: {error}")).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Result<usize, String> {
        let mut count = 0;
        let tell = |line: &str| {
            serde_json::from_str::<serde_json::Value>(line)?;
            count += 1;
            Ok(())
        };
        read(text.as_bytes(), "f", tell).map_err(|error| format!("{error:#}"))?;
        Ok(count)
    }

    #[test]
    fn a_last_line_may_be_cut_short_and_others_may_not() {
        assert_eq!(told("{}\n\n{}\n"), Ok(2));
        assert_eq!(told("{}\n{\"a\": 1"), Ok(1));
        assert!(told("{}\n{\"a\": 1\n{}\n").unwrap_err().starts_with("f:2: no record: "));
        assert!(told("{}\nno").unwrap_err().starts_with("f:2: no record: "));
    }
}
