//! What goes around the proxy: a file that every Node loads first sends its requests through it, and
//! writes down what it cannot. Of other programs nothing is known; a closed network alone holds them.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::summary::Summary;

/// What Node loads.
const PRELOAD: &str = include_str!("preload.cjs");

/// Where it writes, as `preload.cjs` has it.
const AROUND: &str = "around";

/// So much is read of what programs have written, and so many destinations are told.
const MOST_OCTETS: u64 = 1 << 20;
const MOST: usize = 50;

/// Writes the file that Node loads, and an empty one for what it tells.
pub(super) fn write(folder: &Path) -> io::Result<PathBuf> {
    let path = folder.join("preload.cjs");
    let new = |path: &Path| {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).open(path)
    };
    new(&path)?.write_all(PRELOAD.as_bytes())?;
    new(&folder.join(AROUND))?;
    Ok(path)
}

/// The destinations that were told. What is no such line is left out: any program may write there.
pub(super) fn read(folder: &Path) -> io::Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for line in BufReader::new(File::open(folder.join(AROUND))?.take(MOST_OCTETS)).split(b'\n') {
        let Ok((host, port)) = serde_json::from_slice::<(String, u16)>(&line?) else { continue };
        let plain = host.chars().all(|one| one.is_ascii_graphic()) && host.len() <= 253;
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        if plain && all.len() < MOST {
            all.insert(format!("{host}:{port}"));
        }
    }
    Ok(all)
}

/// What a reader of the summary must not take for an all-clear.
pub(super) fn unseen(summary: &Summary, around: &BTreeSet<String>, isolated: bool) -> Vec<String> {
    if isolated {
        // There was no other way.
        return Vec::new();
    }
    let mut all = Vec::new();
    if summary.requests == 0 {
        all.push(
            "nothing came through the proxy; a program that goes around it is not seen, and not \
             judged: --isolate leaves no other way"
                .to_owned(),
        );
    }
    all.extend(around.iter().map(|there| {
        format!("Node connected to {there} around the proxy: what it sent was not judged")
    }));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_write_is_read_as_destinations_alone() {
        let folder = tempfile::TempDir::new().unwrap();
        let preload = write(folder.path()).unwrap();
        assert!(std::fs::read_to_string(preload).unwrap().contains("'around'"));
        let hostile = "[\"db.example\",5432]\n[\"::1\",80]\n[\"a\\u001b[2J\",1]\n[\"b\",99999]\n\
                       {}\n\u{1}\n[\"db.example\",5432]\n[\"cut\",";
        std::fs::write(folder.path().join(AROUND), hostile).unwrap();
        let told: Vec<_> = read(folder.path()).unwrap().into_iter().collect();
        assert_eq!(told, ["[::1]:80", "db.example:5432"]);
    }

    #[test]
    fn nothing_seen_is_no_all_clear() {
        let (none, one) = (BTreeSet::new(), BTreeSet::from(["db.example:5432".to_owned()]));
        let empty = Summary::default();
        assert!(unseen(&empty, &none, false)[0].contains("--isolate"));
        assert!(unseen(&empty, &one, true).is_empty());
        let some = Summary { requests: 1, ..Summary::default() };
        assert!(unseen(&some, &none, false).is_empty());
        assert!(unseen(&some, &one, false)[0].contains("db.example:5432 around"));
    }
}
