//! A clock that is wrong must not drop what is not due: far after the newest entry of an earlier run
//! nothing is dropped until a person has looked, over restarts, too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::term::Days;

/// So long after the newest entry, and the time that the program has run since, a clock is doubted.
const FAR: Days = Days(100);

/// Why nothing is dropped now, if the clock is doubted. `newest` is when the newest entry of an
/// earlier run was written, and `ran` how long this one has run. The doubt is a file beside the
/// segments, which a clock that is right again removes; what was written meanwhile says nothing.
pub fn doubt(
    journal: &Path,
    newest: Option<Timestamp>,
    ran: Duration,
    now: Timestamp,
) -> io::Result<Option<String>> {
    let path = file(journal);
    let kept = match fs::read_to_string(&path) {
        // What cannot be read is of no use for a comparison: the doubt stays.
        Ok(text) => Some(text.trim().parse().unwrap_or(Timestamp::UNIX_EPOCH)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let ran = SignedDuration::try_from(ran).unwrap_or(SignedDuration::MAX);
    let own = newest.map(|newest| newest.saturating_add(ran).unwrap_or(Timestamp::MAX));
    let Some(last) = kept.or(own) else { return Ok(None) };
    if now <= FAR.after(last) {
        return if kept.is_some() { trust(journal).map(|()| None) } else { Ok(None) };
    }
    if kept.is_none() {
        fs::write(&path, format!("{last}\n"))?;
    }
    Ok(Some(format!(
        "the clock says {now}, and the newest entry before this run is of {last}: nothing is \
         dropped until the clock is right, or somebody runs `borderpost audit retain`"
    )))
}

/// A person has looked, or the clock is right again.
pub fn trust(journal: &Path) -> io::Result<()> {
    match fs::remove_file(file(journal)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn file(journal: &Path) -> PathBuf {
    journal.join("clock-in-doubt")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_far_ahead_is_doubted_until_it_is_right_or_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let newest: Timestamp = "2026-01-10T12:00:00Z".parse().unwrap();
        let later = |days: u32| Days(days).after(newest);
        let doubt = |newest: Option<Timestamp>, ran: u32, now: u32| {
            let ran = Duration::from_hours(24 * u64::from(ran));
            doubt(folder.path(), newest, ran, later(now)).unwrap().is_some()
        };
        assert!(!doubt(None, 0, 6_000), "a journal that begins has nothing to compare with");
        assert!(!doubt(Some(newest), 0, 100));
        assert!(!doubt(Some(newest), 300, 390), "a program may run for long");
        assert!(doubt(Some(newest), 0, 5_475));
        assert!(doubt(Some(later(5_475)), 1, 5_476), "the next run has what this one wrote");
        assert!(!doubt(Some(later(5_475)), 1, 2), "the clock is right again");
        assert!(!doubt(Some(newest), 0, 2));
        assert!(doubt(Some(newest), 0, 5_475));
        trust(folder.path()).unwrap();
        assert!(!doubt(Some(later(5_475)), 0, 5_476));
    }
}
