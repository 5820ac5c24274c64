//! Journals that have just begun, and journals that were rewritten by who has their key.

use std::fs;
use std::path::Path;

use jiff::Timestamp;

use super::super::super::state::open_journal;
use super::super::tests::{SMALL, all, at, fill, open, signer, sound};
use super::super::{Checkpoint, Kind, NoteFault, Reader, Settings};
use super::tests::{ONE, stripped, told, wide};
use super::*;

/// The entries of a journal once more, as they are after `change`, signed by the same key: what who
/// has the machine can make of it.
fn rewritten(from: &Path, change: impl Fn(u64, &mut Vec<u8>) -> bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(from.join("key.pem"), folder.path().join("key.pem")).unwrap();
    let (mut log, _) = open(folder.path(), SMALL);
    let mut reader = Reader::open(from);
    while let Some(entry) = reader.next_entry().unwrap() {
        let (kind, mut payload) = (entry.kind().unwrap(), entry.payload().unwrap().to_vec());
        let ours = matches!(kind, Kind::Key | Kind::Checkpoint);
        if !ours && change(entry.sequence(), &mut payload) {
            let at = Timestamp::from_millisecond(entry.at().unwrap()).unwrap();
            log.append(kind, at, &payload);
            log.write().unwrap();
            log.tick(at).unwrap();
        }
    }
    log.close(at(150)).unwrap();
    folder
}

/// Every checkpoint of a journal, as kept by a file of lines.
fn signed(folder: &Path) -> Vec<Kept> {
    let found = all(folder).into_iter().filter(|one| one.1 == Some(Kind::Checkpoint));
    let notes = found.map(|one| String::from_utf8(one.2.unwrap()).unwrap());
    let kept = (0..).zip(notes).map(|(offset, note)| Kept { file: "anchor".into(), offset, note });
    kept.collect()
}

fn against(folder: &Path, kept: Vec<Kept>) -> (u64, Vec<(u64, What)>) {
    let mut unheard = |_| ();
    let demands = Demands { key: None, kept };
    let report = verify_by(folder, demands, &mut Progress(&mut unheard)).unwrap();
    let faults = report.findings.into_iter().filter(|one| one.what.is_fault());
    (report.kept, faults.map(|one| (one.offset, one.what)).collect())
}

#[test]
fn what_was_signed_before_and_kept_elsewhere_tells_a_journal_that_was_rewritten() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path(), SMALL);
    fill(&mut log, 0..150);
    log.close(at(150)).unwrap();
    let kept = signed(folder.path());
    let count = wide(kept.len());
    assert!(count > 10);
    // In whatever order they come.
    let turned: Vec<_> = kept.iter().rev().cloned().collect();
    assert_eq!(against(folder.path(), turned), (count, vec![]));
    // One entry is another: all before it hold, and the first that does not is told.
    let number = all(folder.path()).iter().rposition(|one| one.1 == Some(Kind::Ended)).unwrap();
    let number = wide(number) / 2 + 3;
    let other = rewritten(folder.path(), |at, payload| {
        // A checkpoint has its place just before, if it is not this one.
        if at == number || at == number + 1 {
            payload.extend_from_slice(b" ");
        }
        true
    });
    sound(other.path());
    let (holds, told) = against(other.path(), kept.clone());
    assert!(holds > 0 && holds < count, "{holds}");
    let size = |kept: &Kept| Checkpoint::claimed(&kept.note).unwrap().size;
    let first = kept.iter().find(|one| size(one) > number + 1).unwrap();
    assert_eq!(told, [(first.offset, What::Root(size(first)))]);
    // It ends earlier, and is signed to its end.
    let less = rewritten(folder.path(), |at, _| at < number);
    sound(less.path());
    let (_, told) = against(less.path(), kept.clone());
    assert!(told.iter().any(|(_, what)| matches!(what, What::Short(_))), "{told:?}");
    // Who goes on from there ships good ones again: those of before still speak.
    let (mut log, _) = open(less.path(), SMALL);
    fill(&mut log, 500..700);
    log.close(at(700)).unwrap();
    let all = [&kept[..], &signed(less.path())].concat();
    assert!(!against(less.path(), all).1.is_empty());
    // What is of no key of the journal says so, once, and what is no note.
    let stranger = tempfile::tempdir().unwrap();
    let (mut log, _) = open(stranger.path(), SMALL);
    fill(&mut log, 0..150);
    let (holds, told) = against(folder.path(), signed(stranger.path()));
    assert_eq!((holds, told.len()), (0, 1));
    assert!(told.iter().all(|(_, what)| *what == What::Unsigned(NoteFault::Unsigned)), "{told:?}");
    let (_, told) = against(folder.path(), vec![Kept::alone("nothing")]);
    assert_eq!(told, [(0, What::Unsigned(NoteFault::NotANote))]);
}

#[test]
fn a_journal_that_has_just_begun_is_sound_and_one_that_lost_its_signatures_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let key = signer(folder.path()).verifier().clone();
    let told = |folder: &Path| told(folder, Some(&key));
    let lazy = Settings { checkpoint_entries: u64::MAX, ..ONE };
    let (mut log, _) = open(folder.path(), lazy);
    assert_eq!(told(folder.path()), [], "its key");
    // Runs that were killed before they could sign.
    for _ in 0..3 {
        log.append(Kind::Start, at(0), b"{}");
        log.sync().unwrap();
        assert_eq!(told(folder.path()), [], "and starts");
    }
    // Anything else comes behind a signature: without one it is of somebody else.
    log.append(Kind::Ended, at(0), b"{}");
    log.sync().unwrap();
    assert_eq!(told(folder.path()), [What::Stranger]);
    log.close(at(0)).unwrap();
    assert_eq!(told(folder.path()), []);
}

#[test]
fn a_new_journal_is_sound_for_who_has_its_key_at_any_moment() {
    let state = tempfile::tempdir().unwrap();
    let opened = open_journal(state.path(), "test", ONE, None);
    let (mut log, _) = opened.unwrap();
    let (key, folder) = (log.signer().verifier().clone(), log.folder().to_owned());
    for number in 0..30 {
        let report = verify(&folder, Some(&key), None, &mut |_| {}).unwrap();
        assert!(report.is_sound() && report.checkpoints == 1, "{number}: {:?}", report.findings);
        log.append(Kind::Ended, Timestamp::now(), b"{}");
        log.sync().unwrap();
    }
    // What follows it is as good as ever, and not without it.
    fs::remove_file(folder.join("checkpoint")).unwrap();
    let stripped = stripped(30, usize::MAX, 1);
    let key = signer(stripped.path()).verifier().clone();
    assert_eq!(told(stripped.path(), Some(&key)), [What::Stranger]);
}
