//! Checkpoints that were kept elsewhere: one as it is, or the file of a sink with one a line, as it
//! was written or as a collector of syslog kept it, with words before the JSON.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A longer line is none: a note has at most some hundred signatures.
const LONGEST: u64 = 64 << 10;

/// Of more than this every other one is left out, and again, but never the last: some 60 MB.
const MOST: usize = 200_000;

/// A checkpoint that was kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Where it was kept.
    pub file: PathBuf,
    /// Where in that it begins.
    pub offset: u64,
    /// The signed note.
    pub note: String,
}

/// What a file of them has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptFile {
    /// The checkpoints.
    pub kept: Vec<Kept>,
    /// Lines that are none.
    pub strange: u64,
    /// Checkpoints that were left out, because there are so many.
    pub thinned: u64,
}

/// The part of a line that matters.
#[derive(Deserialize)]
struct Line {
    note: String,
}

impl Kept {
    /// A note by itself.
    pub fn alone(note: &str) -> Self {
        let file = PathBuf::from("the checkpoint kept elsewhere");
        Self { file, offset: 0, note: note.to_owned() }
    }
}

impl KeptFile {
    /// Reads a file: a note, or lines of a sink.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut source = BufReader::with_capacity(1 << 16, File::open(path)?);
        let (mut found, mut offset, mut step, mut number) = (Self::default(), 0, 1, 0_u64);
        let mut first = Vec::new();
        let mut last = None;
        loop {
            let mut line = Vec::new();
            let read = (&mut source).take(LONGEST).read_until(b'\n', &mut line)?;
            if read == 0 {
                break;
            }
            let at = offset;
            offset += u64::try_from(read).unwrap_or_default();
            if first.len() < 4_096 {
                first.extend_from_slice(&line);
            }
            let Some(note) = note(&line) else {
                found.strange += u64::from(line.iter().any(|octet| !octet.is_ascii_whitespace()));
                continue;
            };
            let one = Kept { file: path.to_owned(), offset: at, note };
            number += 1;
            if (number - 1).is_multiple_of(step) {
                found.kept.push(one);
                last = None;
            } else {
                last = Some(one);
            }
            if found.kept.len() > MOST {
                let mut nth = 0_usize;
                found.kept.retain(|_| {
                    nth += 1;
                    nth % 2 == 1
                });
                step *= 2;
            }
        }
        found.kept.extend(last);
        found.thinned = number - u64::try_from(found.kept.len()).unwrap_or(number);
        if found.kept.is_empty() {
            // Not lines of JSON: what is no note either is told by who looks at it.
            let note = String::from_utf8_lossy(&first).into_owned();
            found = Self::default();
            found.kept.push(Kept { file: path.to_owned(), offset: 0, note });
        }
        Ok(found)
    }
}

/// The note in a line.
fn note(line: &[u8]) -> Option<String> {
    let begin = line.windows(2).position(|two| two == b"{\"")?;
    let line = line.get(begin..)?;
    serde_json::from_slice::<Line>(line).ok().map(|line| line.note)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> KeptFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        KeptFile::read(file.path()).unwrap()
    }

    fn notes(found: &KeptFile) -> Vec<(u64, &str)> {
        found.kept.iter().map(|kept| (kept.offset, &*kept.note)).collect()
    }

    #[test]
    fn a_note_is_taken_as_it_is_and_lines_by_their_notes() {
        let note = "a.example\n3\nroot\n\n\u{2014} a.example AAAA\n";
        assert_eq!(notes(&read(note)), [(0, note)]);
        let found = read(
            "{\"size\":3,\"note\":\"one\\n\"}\n\n<110>1 x y - CHECKPOINT - {\"note\":\"two\"}\ntor\n{\"note\":\"t",
        );
        assert_eq!(notes(&found), [(0, "one\n"), (27, "two")]);
        assert_eq!((found.strange, found.thinned), (2, 0));
        assert_eq!(notes(&read("")), [(0, "")], "which is no note");
    }

    #[test]
    fn of_very_many_some_are_left_out_and_never_the_last() {
        let count = MOST + MOST / 2;
        let lines: Vec<_> =
            (0..count).map(|number| format!("{{\"note\":\"{number}\"}}\n")).collect();
        let found = read(&lines.concat());
        assert!(found.kept.len() <= MOST && found.kept.len() > MOST / 2);
        assert_eq!(found.kept.last().map(|kept| &*kept.note), Some(&*(count - 1).to_string()));
        assert_eq!(found.kept.first().map(|kept| &*kept.note), Some("0"));
        assert_eq!(found.thinned, u64::try_from(count - found.kept.len()).unwrap());
    }
}
