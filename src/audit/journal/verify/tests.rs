//! Each way to tamper with a journal is told, with its place.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::entry::{Parsed, parse};
use super::super::tests::{SMALL, all, at, check, copy, files, fill, open, sound};
use super::super::{Checkpoint, Kind, Log, NoteFault, Reader, Settings, seal};
use super::*;

/// One segment that is not closed.
pub(super) const ONE: Settings = Settings { segment_octets: 1 << 30, ..SMALL };

fn one_segment() -> (tempfile::TempDir, PathBuf, Vec<(usize, usize)>) {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path(), ONE);
    fill(&mut log, 0..35);
    log.tick(at(60_000)).unwrap();
    let file = files(folder.path(), ".log").remove(0);
    let octets = fs::read(&file).unwrap();
    let (mut begin, mut frames) = (56, Vec::new());
    while begin < octets.len() {
        let length =
            octets[begin..begin + 4].iter().fold(0, |n, octet| n * 256 + usize::from(*octet));
        frames.push((begin, begin + 54 + length));
        begin += 54 + length;
    }
    (folder, file, frames)
}

/// The faults after the file was changed.
fn after(folder: &Path, file: &Path, change: impl FnOnce(&mut Vec<u8>)) -> Vec<(u64, u64, What)> {
    let copy = copy(folder);
    let path = copy.path().join(file.file_name().unwrap());
    let mut octets = fs::read(&path).unwrap();
    change(&mut octets);
    fs::write(&path, octets).unwrap();
    let report = check(copy.path());
    let faults = report.findings.into_iter().filter(|one| one.what.is_fault());
    faults.map(|one| (one.offset, one.sequence, one.what)).collect()
}

pub(super) fn wide(n: usize) -> u64 {
    u64::try_from(n).unwrap()
}

#[test]
fn each_field_that_is_changed_is_named() {
    let (folder, file, frames) = one_segment();
    sound(folder.path());
    for number in [3, 5, 20] {
        let (begin, end) = frames[number];
        let flip = |place: usize, bit: u8| {
            let found = after(folder.path(), &file, |octets| octets[place] ^= bit);
            let (offset, sequence, what) = found[0].clone();
            assert_eq!((offset, sequence), (wide(begin), wide(number)), "{place} {found:?}");
            (what, found.len())
        };
        for place in begin..begin + 4 {
            assert_eq!(flip(place, 1), (What::Length, 1), "{place}");
        }
        assert_eq!(flip(begin + 3, 0x80), (What::Length, 1));
        assert_eq!(flip(begin + 4, 1), (What::WasKind(Kind::Ended), 1));
        assert_eq!(flip(begin + 5, 4), (What::WasKind(Kind::Ended), 1));
        assert_eq!(flip(begin + 5, 0x80), (What::WasKind(Kind::Ended), 1));
        let (what, count) = flip(begin + 13, 1);
        assert_eq!((what, count), (What::Number(wide(number) ^ 1), 1));
        assert!(matches!(flip(begin + 6, 1), (What::Number(_), 1)));
        // All checkpoints after it are wrong; that is told once.
        assert_eq!(flip(begin + 20, 1), (What::Altered, 3));
        assert_eq!(flip(begin + 25, 1), (What::Altered, 3));
        for place in [end - 32, end - 1] {
            assert_eq!(flip(place, 1), (What::Chain, 1));
        }
    }
}

#[test]
fn entries_that_are_dropped_swapped_or_repeated_are_told() {
    let (folder, file, frames) = one_segment();
    let (begin, end) = frames[20];
    let found = after(folder.path(), &file, |octets| drop(octets.drain(begin..end)));
    assert!(found.contains(&(wide(begin), 20, What::Missing(20))), "{found:?}");
    let (_, second) = frames[21];
    let found =
        after(folder.path(), &file, |octets| octets[begin..second].rotate_left(end - begin));
    assert_eq!(found[0], (wide(begin), 20, What::Missing(20)));
    assert_eq!(found[1].1, 20);
    assert_eq!(found[1].2, What::Repeated);
    let found = after(folder.path(), &file, |octets| {
        let twice = octets[begin..end].to_vec();
        octets.splice(end..end, twice);
    });
    assert_eq!(found, [(wide(end), 20, What::Repeated)]);
    // Octets that are nothing.
    let found = after(folder.path(), &file, |octets| drop(octets.splice(begin..begin, [0xee; 33])));
    assert!(found.contains(&(wide(begin), 20, What::Unreadable(33))), "{found:?}");
}

#[test]
fn a_cut_end_is_told_by_what_was_signed() {
    let (folder, file, frames) = one_segment();
    let note = fs::read_to_string(folder.path().join("checkpoint")).unwrap();
    let size = Checkpoint::parse(
        note.rsplit_once("\n\n").map(|(text, _)| format!("{text}\n")).unwrap().as_str(),
    )
    .unwrap()
    .size;
    let (begin, _) = frames[15];
    let found = after(folder.path(), &file, |octets| octets.truncate(begin));
    assert_eq!(found, [(0, 15, What::Short(size))]);
    // An earlier one takes the place of its own checkpoint; one was kept elsewhere.
    let less = copy(folder.path());
    let earlier = all(folder.path()).into_iter().find(|one| one.1 == Some(Kind::Checkpoint));
    fs::write(less.path().join("checkpoint"), earlier.unwrap().2.unwrap()).unwrap();
    fs::remove_file(less.path().join("tree")).unwrap_or_default();
    let path = less.path().join(file.file_name().unwrap());
    let octets = fs::read(&path).unwrap();
    fs::write(&path, &octets[..begin]).unwrap();
    assert!(check(less.path()).is_sound());
    let report = verify(less.path(), None, Some(&note), &mut |_| {}).unwrap();
    assert_eq!((report.is_sound(), &report.findings[0].what), (false, &What::Short(size)));
    assert!(report.findings[0].to_string().contains("cut off"));
    // It grew again, with other entries.
    let (mut log, _) =
        Log::open(less.path(), ONE, super::super::tests::signer(less.path()), at(0)).unwrap();
    fill(&mut log, 500..560);
    drop(log);
    assert!(check(less.path()).is_sound());
    let report = verify(less.path(), None, Some(&note), &mut |_| {}).unwrap();
    assert_eq!(report.findings[0].what, What::Root(size));
    // What was kept must be signed by a key of the journal.
    let forged = note.replace("proxy.example", "other.example");
    let report = verify(folder.path(), None, Some(&forged), &mut |_| {}).unwrap();
    assert!(matches!(report.findings[0].what, What::Unsigned(_)));
    assert!(verify(folder.path(), None, Some(&note), &mut |_| {}).unwrap().is_sound());
}

#[test]
fn segments_that_are_lost_replaced_or_replayed_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path(), SMALL);
    fill(&mut log, 0..150);
    drop(log);
    sound(folder.path());
    let plain = files(folder.path(), ".log");
    let what = |folder: &Path| -> Vec<What> {
        let report = check(folder);
        report.findings.into_iter().map(|one| one.what).filter(What::is_fault).collect()
    };
    let less = copy(folder.path());
    let name = |n: usize| plain[n].file_name().unwrap();
    fs::remove_file(less.path().join(name(2))).unwrap();
    assert!(matches!(what(less.path())[..], [What::Missing(_)]));
    let report = check(less.path());
    assert_eq!(report.findings[0].file, less.path().join(name(3)));
    // An older segment under a later name.
    let replayed = copy(folder.path());
    fs::copy(&plain[1], replayed.path().join(name(3))).unwrap();
    let told = check(replayed.path()).findings;
    assert!(matches!(&told[0].what, What::Segment(why) if why.contains("another segment")));
    // The same, with its header made to fit.
    let fitted = copy(folder.path());
    let (old, new) = (fs::read(&plain[1]).unwrap(), fs::read(&plain[3]).unwrap());
    fs::write(fitted.path().join(name(3)), [&new[..56], &old[56..]].concat()).unwrap();
    assert!(what(fitted.path()).contains(&What::Repeated));
    // An earlier state of the same segment.
    let earlier = copy(folder.path());
    let octets = fs::read(&plain[2]).unwrap();
    let second = 56 + 54 + usize::from(octets[58]) * 256 + usize::from(octets[59]);
    fs::write(earlier.path().join(name(2)), &octets[..second]).unwrap();
    assert!(matches!(what(earlier.path())[..], [What::Missing(_)]));
    // A segment of another journal with the same numbers.
    let other = tempfile::tempdir().unwrap();
    let (mut log, _) = open(other.path(), SMALL);
    fill(&mut log, 0..150);
    drop(log);
    let mixed = copy(folder.path());
    fs::copy(&files(other.path(), ".log")[2], mixed.path().join(name(2))).unwrap();
    assert!(what(mixed.path()).contains(&What::Unlinked), "{:?}", what(mixed.path()));
}

#[test]
fn keys_checkpoints_and_the_tree_are_checked() {
    let (folder, file, frames) = one_segment();
    let note = fs::read_to_string(folder.path().join("checkpoint")).unwrap();
    // Signed by another key, with a chain that is right.
    let other = tempfile::tempdir().unwrap();
    let stranger = super::super::tests::signer(other.path());
    let (mut log, _) = open(folder.path(), ONE);
    let root = check(folder.path()).root.unwrap();
    let origin = "proxy.example/journal".to_owned();
    let size = log.entries();
    let forged = Checkpoint { origin, size, root };
    log.append(Kind::Checkpoint, at(70_000), stranger.sign(&forged.to_string()).as_bytes());
    log.append(Kind::Checkpoint, at(70_000), note.as_bytes());
    log.append(Kind::Key, at(70_000), stranger.sign("borderpost journal key\nx\ny\n").as_bytes());
    log.append(Kind::Note, at(10_000), b"early");
    log.sync().unwrap();
    let report = check(folder.path());
    let told: Vec<_> = report.findings.iter().map(|one| (one.sequence, one.what.clone())).collect();
    let old = Checkpoint::open(&note, log.signer().verifier()).unwrap().size;
    let expected = [
        (size, What::Unsigned(NoteFault::Unsigned)),
        (size + 1, What::Place(old)),
        (size + 2, What::Key),
        (size + 3, What::Backwards(60_000)),
    ];
    assert_eq!(told, expected);
    assert_eq!(report.findings[0].file, file);
    assert!(report.findings[0].offset > wide(frames[20].0) && !report.is_sound());
    // The file of the tree.
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path(), SMALL);
    fill(&mut log, 0..700);
    let tree = folder.path().join("tree");
    let mut octets = fs::read(&tree).unwrap();
    octets[40] ^= 1;
    fs::write(&tree, &octets).unwrap();
    let found = check(folder.path()).findings;
    assert_eq!((found.len(), found[0].offset, found[0].sequence), (1, 32, 256));
    assert_eq!((&found[0].file, &found[0].what), (&tree, &What::Tree));
}

#[test]
fn what_is_being_written_and_what_was_lost_is_no_fault() {
    let (folder, file, frames) = one_segment();
    let octets = fs::read(&file).unwrap();
    let last = frames.last().unwrap().0;
    fs::write(&file, [&octets[..], &octets[last..last + 40]].concat()).unwrap();
    let report = sound(folder.path());
    assert_eq!(report.findings[0].what, What::Torn(40));
    let mut seen = 0;
    verify(folder.path(), None, None, &mut |entries| seen = entries).unwrap();
    assert_eq!(seen, wide(frames.len()));
}

/// A journal whose file `checkpoint` and entries of checkpoints from some number on are left out, in
/// a chain that is right.
pub(super) fn stripped(entries: u32, signed: usize, apart: i64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let lazy = Settings {
        checkpoint_entries: u64::MAX,
        checkpoint_time: std::time::Duration::from_hours(9_999),
        ..ONE
    };
    let (mut log, _) = open(folder.path(), lazy);
    for number in 0..entries {
        if usize::try_from(number).unwrap() == signed {
            log.close(at(0)).unwrap();
        }
        log.append(Kind::Ended, at(i64::from(number) * apart), b"{}");
    }
    log.sync().unwrap();
    folder
}

pub(super) fn told(folder: &Path, key: Option<&VerifierKey>) -> Vec<What> {
    let report = verify(folder, key, None, &mut |_| {}).unwrap();
    report.findings.into_iter().map(|one| one.what).filter(What::is_fault).collect()
}

#[test]
fn a_journal_that_nobody_signed_is_not_sound() {
    let key = |folder: &Path| super::super::tests::signer(folder).verifier().clone();
    // As an attacker leaves it who has no key: for who knows the key a few entries are enough.
    let none = stripped(9, usize::MAX, 1);
    assert_eq!(told(none.path(), Some(&key(none.path()))), [What::Stranger]);
    assert_eq!(check(none.path()).signers, []);
    // Genuine at its beginning.
    let rest = stripped(3_000, 10, 1);
    assert_eq!(told(rest.path(), Some(&key(rest.path()))), [What::Uncovered(3_001)]);
    let report = check(rest.path());
    assert_eq!((report.signed, report.unsigned, report.signers.len()), (11, 2_990, 1));
    // Few, and of more time than the program leaves unsigned.
    let slow = stripped(100, 10, 1_000);
    assert_eq!(told(slow.path(), None), [What::Uncovered(101)]);
    // What a crash leaves, and a run after it.
    let crash = stripped(100, 10, 100);
    sound(crash.path());
    let (mut log, recovered) = open(crash.path(), ONE);
    assert_eq!(recovered.unsigned, None);
    log.append(Kind::Start, at(90_000_000), b"{}");
    log.sync().unwrap();
    sound(crash.path());
    log.tick(at(90_000_000)).unwrap();
    assert_eq!(sound(crash.path()).unsigned, 0, "it signs at once what it found unsigned");
    fs::remove_file(crash.path().join("checkpoint")).unwrap();
    assert_eq!(told(crash.path(), None), [What::NoCheckpoint]);
}

#[test]
fn r0026_a_clock_that_was_set_back_hides_no_change() {
    let folder = stripped(100, 10, 100);
    let (mut log, _) = open(folder.path(), ONE);
    log.append(Kind::Ended, at(86_400_000), b"{}");
    for number in 0..2_000 {
        // The second time further back than the first.
        let now = at(if number < 1_500 { 50_000 } else { 20_000 } + number);
        log.append(Kind::Ended, now, format!("{{\"record\":{number}}}").as_bytes());
        log.tick(now).unwrap();
    }
    log.sync().unwrap();
    let set_back = |report: &Report| {
        report.findings.iter().filter(|one| matches!(one.what, What::Backwards(_))).count()
    };
    let report = sound(folder.path());
    assert_eq!((set_back(&report), report.more), (2, 0), "told once each");
    drop(log);
    let path = files(folder.path(), ".log").pop().unwrap();
    let octets = fs::read(&path).unwrap();
    let place = octets.windows(4).rposition(|four| four == b"1999").unwrap();
    let mut changed = octets;
    changed[place] ^= 1;
    fs::write(path, changed).unwrap();
    let report = check(folder.path());
    assert!(report.findings.iter().any(|one| one.what.is_fault()), "{:?}", report.findings);
    // Nor do many other things that are no fault.
    let mut report = Report::default();
    let of = |what| Finding { file: PathBuf::new(), offset: 0, sequence: 0, what };
    for _ in 0..3_000 {
        report.add(of(What::Gap(String::new())));
    }
    report.add(of(What::Altered));
    assert!(report.findings.last().unwrap().what.is_fault() && report.more == 2_000);
}

#[test]
fn a_request_that_began_before_the_clock_was_set_back_makes_no_journal_unsound() {
    let folder = stripped(100, 10, 100);
    let (mut log, _) = open(folder.path(), ONE);
    // Of an hour after those around it, as its request was.
    log.append(Kind::Ended, at(3_600_000), b"{}");
    log.append(Kind::Ended, at(11_000), b"{}");
    log.sync().unwrap();
    let report = sound(folder.path());
    assert!(matches!(report.findings[..], [Finding { what: What::Backwards(_), .. }]));
    let (_, recovered) = {
        drop(log);
        open(folder.path(), ONE)
    };
    assert_eq!(recovered.unsigned, None);
}

#[test]
fn what_is_found_unsigned_at_a_start_is_told_for_good() {
    let rest = stripped(3_000, 10, 1);
    let (mut log, recovered) = open(rest.path(), ONE);
    assert_eq!(recovered.unsigned, Some((12, 3_001)));
    log.close(at(3_000)).unwrap();
    assert_eq!(told(rest.path(), None), [What::Adopted(12, 3_001)]);
    assert!(!check(rest.path()).is_sound());
    // The files of what was signed are removed.
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path(), SMALL);
    fill(&mut log, 0..35);
    drop(log);
    for name in ["checkpoint", "tree"] {
        fs::remove_file(folder.path().join(name)).unwrap_or_default();
    }
    let (mut log, recovered) = open(folder.path(), SMALL);
    assert!(recovered.unsigned.is_some_and(|(from, _)| from > 30), "{recovered:?}");
    log.close(at(3_000)).unwrap();
    assert!(matches!(told(folder.path(), None)[..], [What::Adopted(..)]));
}

/// The plain segment with some entries pruned.
fn pruned(octets: &[u8], which: impl Fn(u64) -> bool) -> Vec<u8> {
    let (header, mut rest) = octets.split_at(56);
    let mut changed = header.to_vec();
    while let Parsed::Entry(entry) = parse(rest) {
        if which(entry.sequence()) {
            entry.prune(&mut changed);
        } else {
            changed.extend_from_slice(entry.frame());
        }
        rest = &rest[entry.frame().len()..];
    }
    changed
}

#[test]
fn what_somebody_else_has_pruned_is_told() {
    // In a segment that is open.
    let (folder, file, _) = one_segment();
    let octets = fs::read(&file).unwrap();
    fs::write(&file, pruned(&octets, |number| (5..8).contains(&number))).unwrap();
    assert_eq!(told(folder.path(), None), [What::PrunedOpen, What::Unaccounted(3)]);
    // In one that is sealed.
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path(), SMALL);
    fill(&mut log, 0..150);
    let path = seal(&log.unsealed().unwrap()[0]).unwrap().path;
    let dropped = super::super::prune(&path, |entry| entry.sequence() > 6).unwrap().dropped;
    assert_eq!(told(folder.path(), None), [What::Unaccounted(dropped)]);
    // A note that nobody signed says nothing; one that is signed does, of what it names.
    let note =
        |range: &str| format!("{{\"retention\":{{\"stage\":\"begun\",\"sequences\":{range}}}}}");
    log.append(Kind::Note, at(150), note("[[4,6]]").as_bytes());
    log.sync().unwrap();
    assert_eq!(told(folder.path(), None), [What::Unaccounted(dropped)]);
    log.close(at(150)).unwrap();
    assert_eq!(told(folder.path(), None), [What::Unaccounted(dropped - 3)]);
    // One of before notes had sequences, by its number.
    log.append(Kind::Note, at(150), b"{\"retention\":{\"dropped\":[{\"entries\":2}]}}");
    log.close(at(150)).unwrap();
    assert_eq!(told(folder.path(), None), [What::Unaccounted(dropped - 5)]);
    log.append(Kind::Note, at(150), note("[[0,3]]").as_bytes());
    log.close(at(150)).unwrap();
    assert_eq!(told(folder.path(), None), []);
}

#[test]
fn a_segment_that_is_sealed_while_it_is_verified_is_no_finding() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path(), SMALL);
    fill(&mut log, 0..150);
    let listed = list(folder.path()).unwrap();
    for path in log.unsealed().unwrap() {
        seal(&path).unwrap();
    }
    let mut unheard = |_| ();
    let mut unheard = Progress(&mut unheard);
    let mut walk = Walk::new(Outsides::default(), &mut unheard);
    walk.segments(listed).unwrap();
    assert_eq!((walk.report.entries, walk.report.findings), (log.entries(), Vec::new()));
}

#[test]
fn a_sealed_segment_tells_too() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path(), Settings { segment_octets: 60_000, ..SMALL });
    fill(&mut log, 0..700);
    for path in log.unsealed().unwrap() {
        seal(&path).unwrap();
    }
    let whole = all(folder.path());
    let file = files(folder.path(), ".zst").remove(0);
    let octets = fs::read(&file).unwrap();
    let mut told = 0;
    for place in (0..octets.len()).step_by(octets.len() / 60) {
        let mut wrong = octets.clone();
        wrong[place] ^= 0x10;
        fs::write(&file, &wrong).unwrap();
        let report = check(folder.path());
        if report.is_sound() {
            // What unpacks to the same is the same.
            assert_eq!(all(folder.path()), whole, "{place}");
        } else {
            told += 1;
            assert_eq!(report.findings[0].file, file);
        }
    }
    assert!(told > 50, "{told}");
    fs::write(&file, &octets).unwrap();
    sound(folder.path());
    assert!(Reader::one(folder.path(), 3, |_| ()).unwrap().is_some());
}
