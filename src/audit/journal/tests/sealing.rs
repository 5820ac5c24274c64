//! Sealing and pruning: nothing is lost, whatever fails.

use std::fs;
use std::path::PathBuf;

use super::failing::{Failing, How};
use super::*;
use crate::audit::journal::prune::prune_on;
use crate::audit::journal::seal::seal_on;

/// A journal with closed segments.
fn journal() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { segment_octets: 12_000, ..SMALL };
    let (mut log, _) = open(folder.path(), settings);
    fill(&mut log, 0..400);
    // What retention says before it drops.
    let note = b"{\"retention\":{\"stage\":\"begun\",\"sequences\":[[0,400]]}}";
    log.append(Kind::Note, at(400), note);
    log.close(at(400)).unwrap();
    assert!(log.unsealed().unwrap().len() >= 2);
    folder
}

fn first(folder: &Path, ending: &str) -> PathBuf {
    files(folder, ending).remove(0)
}

#[test]
fn a_sealed_segment_is_the_same_and_smaller() {
    let folder = journal();
    let before = all(folder.path());
    let path = first(folder.path(), ".log");
    let plain = fs::read(&path).unwrap();
    let sealed = seal(&path).unwrap();
    assert_eq!(sealed.plain, u64::try_from(plain.len()).unwrap());
    assert!(sealed.packed * 2 < sealed.plain, "{sealed:?}");
    assert!(!path.exists() && sealed.path.exists() && files(folder.path(), ".part").is_empty());
    assert_eq!(all(folder.path()), before);
    // One zstd stream, which is the plain segment.
    let mut rest = &fs::read(&sealed.path).unwrap()[..];
    let mut unpacked = Vec::new();
    let mut unpacker = seal::Unpacker::new();
    while !rest.is_empty() {
        unpacker.unpack(&mut rest, &mut unpacked).unwrap();
    }
    assert!(unpacked == plain);
    sound(folder.path());
    // Without its index, and with that of another one.
    let index = first(folder.path(), ".idx");
    let octets = fs::read(&index).unwrap();
    fs::remove_file(&index).unwrap();
    assert_eq!(all(folder.path()), before);
    assert!(sound(folder.path()).findings.iter().any(|one| one.what == What::NoIndex));
    fs::write(&index, &octets[1..]).unwrap();
    assert_eq!(all(folder.path()), before);
    assert!(check(folder.path()).findings.iter().any(|one| one.what == What::Index));
}

#[test]
fn only_what_is_closed_is_sealed_and_only_what_is_sealed_is_pruned() {
    let folder = journal();
    let last = files(folder.path(), ".log").pop().unwrap();
    assert!(matches!(seal(&last), Err(Fault::Unfit { .. })));
    assert!(matches!(seal(&folder.path().join("tree")), Err(Fault::Unfit { .. })));
    assert!(matches!(prune(&last, |_| true), Err(Fault::Unfit { .. })));
    let path = first(folder.path(), ".log");
    let mut octets = fs::read(&path).unwrap();
    octets[5_000] ^= 1;
    fs::write(&path, &octets).unwrap();
    assert!(matches!(seal(&path), Err(Fault::Damaged { .. })));
    assert!(fs::read(&path).unwrap() == octets);
}

#[test]
fn sealing_may_fail_at_any_call() {
    let folder = journal();
    let before = all(folder.path());
    let mut call = 0;
    loop {
        let copy = copy(folder.path());
        let path = first(copy.path(), ".log");
        let mut disk = Failing::new(call, How::Forever, 100);
        let done = seal_on(&mut disk, &path);
        assert_eq!(all(copy.path()), before, "call {call}");
        sound(copy.path());
        if done.is_ok() {
            break;
        }
        call += 1;
        // And again, over what was left.
        if path.exists() {
            seal(&path).unwrap();
        }
        assert_eq!(all(copy.path()), before);
        sound(copy.path());
        open(copy.path(), SMALL);
    }
    assert!(call > 8, "{call}");
}

#[test]
fn pruning_keeps_leaves_and_may_fail_at_any_call() {
    let folder = journal();
    seal(&first(folder.path(), ".log")).unwrap();
    let before = all(folder.path());
    let want = |entry: &Entry<'_>| number(entry).is_some_and(|number| number % 3 == 0);
    let mut call = 0;
    loop {
        let copy = copy(folder.path());
        let path = first(copy.path(), ".zst");
        let mut disk = Failing::new(call, How::Forever, 100);
        let done = prune_on(&mut disk, &path, want);
        sound(copy.path());
        let after = all(copy.path());
        let pruned = after.iter().filter(|one| one.2.is_none()).count();
        assert_eq!(after.len(), before.len());
        for (old, new) in before.iter().zip(&after) {
            assert!(old == new || (new.2.is_none() && old.1.unwrap().is_prunable()));
        }
        if let Ok(done) = done {
            assert_eq!(done.dropped, u64::try_from(pruned).unwrap());
            assert!(done.dropped > 50 && done.after > 0, "{done:?}");
            assert_eq!(sound(copy.path()).pruned, done.dropped);
            // Everything else goes too; keys and checkpoints stay.
            let again = prune(&path, |_| false).unwrap();
            assert!(again.dropped > 20 && again.kept > 0, "{again:?}");
            assert_eq!(prune(&path, |_| false).unwrap().dropped, 0);
            sound(copy.path());
            open(copy.path(), SMALL);
            break;
        }
        assert!(pruned == 0 || pruned > 50);
        call += 1;
    }
    assert!(call > 8, "{call}");
}
