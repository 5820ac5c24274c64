//! Opening, appending, checkpoints, segments, keys.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn entries_come_back_and_verify() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let (mut log, recovered) = open(&path, SMALL);
    assert_eq!(recovered, Recovered::default());
    assert_eq!(log.append(Kind::Start, at(0), b"{\"version\":\"0\"}"), 1);
    fill(&mut log, 0..500);
    assert_eq!(log.entries(), u64::try_from(all(&path).len()).unwrap());
    let report = sound(&path);
    assert_eq!(numbers(&path), (0..500).collect::<Vec<_>>());
    assert_eq!((report.entries, report.pruned), (log.entries(), 0));
    assert!(report.segments > 10 && report.checkpoints > 50, "{report:?}");
    assert_eq!(report.keys, [log.signer().verifier().clone()]);
    for file in files(&path, "") {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn one_process_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = open(folder.path(), SMALL);
    let second = Log::open(folder.path(), SMALL, signer(folder.path()), at(0));
    assert!(matches!(second, Err(Fault::InUse { .. })));
    drop(log);
    open(folder.path(), SMALL);
}

#[test]
fn it_is_written_on_after_any_end() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..40 {
        let (mut log, recovered) = open(folder.path(), SMALL);
        assert_eq!(
            (recovered.cut, recovered.entries),
            (0, log.entries().max(1) - u64::from(round == 0))
        );
        fill(&mut log, round * 13..(round + 1) * 13);
        // Not synced, but written: it survives the process.
        log.append(Kind::Note, at(1), b"last");
        log.write().unwrap();
        // Only in the buffer: it does not.
        log.append(Kind::Note, at(1), b"never");
    }
    let notes = all(folder.path());
    let count = |text: &[u8]| notes.iter().filter(|one| one.2.as_deref() == Some(text)).count();
    assert_eq!((count(b"last"), count(b"never")), (40, 0));
    assert_eq!(numbers(folder.path()), (0..520).collect::<Vec<_>>());
    sound(folder.path());
}

#[test]
fn a_torn_tail_is_cut_wherever_it_was_torn() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { segment_octets: 1 << 20, checkpoint_entries: 5, ..SMALL };
    let (mut log, _) = open(folder.path(), settings);
    fill(&mut log, 0..20);
    let (kept, signed) =
        (log.entries(), fs::metadata(&files(folder.path(), ".log")[0]).unwrap().len());
    for number in 20..23 {
        log.append(Kind::Ended, at(0), payload(number).as_bytes());
    }
    log.write().unwrap();
    drop(log);
    let file = files(folder.path(), ".log").remove(0);
    let whole = fs::read(&file).unwrap();
    for cut in usize::try_from(signed).unwrap()..whole.len() {
        let copy = copy(folder.path());
        let torn = copy.path().join(file.file_name().unwrap());
        fs::write(&torn, &whole[..cut]).unwrap();
        let (_, recovered) = open(copy.path(), settings);
        let after = recovered.after.unwrap() + 1;
        assert_eq!(recovered.entries, after);
        assert!((kept..kept + 3).contains(&after) && recovered.cut <= 200);
        assert_eq!(recovered.file.is_some(), recovered.cut > 0);
        assert_eq!(fs::metadata(&torn).unwrap().len(), u64::try_from(cut).unwrap() - recovered.cut);
        sound(copy.path());
        // The last octet of the last entry.
        let mut wrong = whole[..cut].to_vec();
        *wrong.last_mut().unwrap() ^= 1;
        if cut > usize::try_from(signed).unwrap() {
            fs::write(&torn, &wrong).unwrap();
            let (_, recovered) = open(copy.path(), settings);
            assert!(recovered.cut > 0 && recovered.entries >= kept);
        }
    }
    // Zeros, as some systems leave them.
    let copy = copy(folder.path());
    fs::write(copy.path().join(file.file_name().unwrap()), [&whole[..], &[0; 5_000]].concat())
        .unwrap();
    assert_eq!(open(copy.path(), settings).1.cut, 5_000);
}

#[test]
fn damage_before_the_end_is_not_repaired() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { segment_octets: 1 << 20, ..SMALL };
    let (mut log, _) = open(folder.path(), settings);
    fill(&mut log, 0..12);
    drop(log);
    let file = files(folder.path(), ".log").remove(0);
    let whole = fs::read(&file).unwrap();
    let last = whole.len() - 300;
    for place in (0..last).step_by(7) {
        let copy = copy(folder.path());
        let damaged = copy.path().join(file.file_name().unwrap());
        let mut wrong = whole.clone();
        wrong[place] ^= 0x40;
        fs::write(&damaged, &wrong).unwrap();
        let fault = Log::open(copy.path(), settings, signer(copy.path()), at(0)).map(|_| ());
        // The time a segment was made is not evidence.
        if (16..24).contains(&place) {
            continue;
        }
        let fault = fault.unwrap_err();
        let text = fault.to_string();
        let Fault::Damaged { path, offset, .. } = fault else { panic!("{place}: {fault}") };
        assert!(path == damaged && offset <= u64::try_from(place.max(56)).unwrap(), "{text}");
        assert!(text.contains("octet") && text.contains("evidence"), "{text}");
        assert_eq!(fs::read(&damaged).unwrap(), wrong, "nothing was changed");
    }
}

#[test]
fn what_was_signed_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { segment_octets: 1 << 20, ..SMALL };
    let (mut log, _) = open(folder.path(), settings);
    fill(&mut log, 0..30);
    drop(log);
    let file = files(folder.path(), ".log").remove(0);
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let fault = Log::open(folder.path(), settings, signer(folder.path()), at(0)).unwrap_err();
    assert!(matches!(fault, Fault::Short { .. }), "{fault}");
    assert_eq!(fs::metadata(&file).unwrap().len(), u64::try_from(whole.len() / 2).unwrap());
    fs::write(&file, &whole).unwrap();
    // Another key.
    fs::remove_file(folder.path().join("key.pem")).unwrap();
    let fault = Log::open(folder.path(), settings, signer(folder.path()), at(0)).unwrap_err();
    assert!(matches!(fault, Fault::OtherKey { .. }), "{fault}");
}

#[test]
fn the_tree_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { checkpoint_entries: 300, ..SMALL };
    let (mut log, _) = open(folder.path(), settings);
    fill(&mut log, 0..1_500);
    drop(log);
    let tree = folder.path().join("tree");
    let whole = fs::read(&tree).unwrap();
    assert_eq!(whole.len() % 32, 0);
    assert!(whole.len() >= 5 * 32);
    let mut wrong = whole.clone();
    wrong[40] ^= 1;
    let zeros = vec![0; whole.len()];
    for broken in [&whole[..], &whole[..33], &[], &wrong, &zeros] {
        fs::write(&tree, broken).unwrap();
        let (mut log, _) = open(folder.path(), settings);
        assert_eq!(fs::read(&tree).unwrap(), whole);
        log.tick(at(60_000)).unwrap();
    }
    fs::remove_file(&tree).unwrap();
    open(folder.path(), settings);
    assert_eq!(fs::read(&tree).unwrap(), whole);
    sound(folder.path());
}

#[test]
fn checkpoints_come_when_they_are_due() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path(), SMALL);
    log.append(Kind::Note, at(0), b"one");
    assert_eq!(log.tick(at(9_999)).unwrap(), Done::default());
    let done = log.tick(at(10_000)).unwrap();
    let note = done.checkpoint.unwrap();
    assert_eq!(log.checkpoint(), Some(&*note));
    let said = Checkpoint::open(&note, log.signer().verifier()).unwrap();
    assert_eq!((said.size, &*said.origin), (2, "proxy.example/journal"));
    assert_eq!(fs::read_to_string(folder.path().join("checkpoint")).unwrap(), note);
    let entry = Reader::one(folder.path(), 2, |entry| entry.payload().map(<[u8]>::to_vec));
    assert_eq!(entry.unwrap().unwrap().unwrap(), note.as_bytes());
    // Nothing was appended since, however long ago.
    assert_eq!(log.tick(at(900_000)).unwrap(), Done::default());
    log.append(Kind::Note, at(900_000), b"one more");
    assert!(log.tick(at(900_000)).unwrap().checkpoint.is_some());
    for number in 0..10 {
        assert_eq!(log.tick(at(900_000)).unwrap(), Done::default());
        log.append(Kind::Note, at(900_000), payload(number).as_bytes());
    }
    assert!(log.tick(at(900_000)).unwrap().checkpoint.is_some());
    log.append(Kind::Note, at(900_001), b"the tenth or later");
    let closed = log.tick(at(4_000_000)).unwrap();
    assert!(closed.checkpoint.is_some() && closed.closed.is_some());
    // The clock is set back: what is due is done rather than put off.
    log.append(Kind::Note, at(0), b"earlier");
    assert!(log.tick(at(-50_000)).unwrap().checkpoint.is_some());
    sound(folder.path());
}

#[test]
fn keys_rotate_within_the_chain() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path(), SMALL);
    let first = log.signer().verifier().clone();
    fill(&mut log, 0..30);
    let second = log.rotate(at(30)).unwrap();
    fill(&mut log, 30..60);
    drop(log);
    let (mut log, _) = open(folder.path(), SMALL);
    assert_eq!(*log.signer().verifier(), second);
    fill(&mut log, 60..90);
    let third = log.rotate(at(90)).unwrap();
    let report = sound(folder.path());
    assert_eq!(report.keys, [first.clone(), second.clone(), third]);
    for key in [&first, &second] {
        assert!(verify(folder.path(), Some(key), None, &mut |_| {}).unwrap().is_sound());
    }
    let other = tempfile::tempdir().unwrap();
    let stranger = signer(other.path()).verifier().clone();
    let report = verify(folder.path(), Some(&stranger), None, &mut |_| {}).unwrap();
    assert!(!report.is_sound() && report.findings[0].what == What::Stranger);
}

#[test]
fn a_segment_that_is_not_there_any_more_takes_nothing_until_it_is_back() {
    let root = tempfile::tempdir().unwrap();
    let (path, away) = (root.path().join("journal"), root.path().join("away"));
    let settings = Settings { buffer_octets: 2_000, ..SMALL };
    let (mut log, _) = open(&path, settings);
    fill(&mut log, 0..5);
    fs::rename(&path, &away).unwrap();
    for number in 5..60 {
        log.append(Kind::Ended, at(i64::from(number)), payload(number).as_bytes());
        let fault = log.sync().unwrap_err();
        assert!(matches!(fault, Fault::Gone { .. }), "{fault}");
    }
    assert!(log.loses() && matches!(log.tick(at(60_000)), Err(Fault::Gone { .. })));
    // Another file of that name is not it.
    fs::create_dir(&path).unwrap();
    let [segment] = files(&away, ".log").try_into().unwrap();
    fs::copy(&segment, path.join(segment.file_name().unwrap())).unwrap();
    assert!(matches!(log.linked(), Err(Fault::Gone { .. })));
    fs::remove_dir_all(&path).unwrap();
    fs::rename(&away, &path).unwrap();
    log.linked().unwrap();
    fill(&mut log, 60..70);
    let gap = all(&path).into_iter().find(|one| one.1 == Some(Kind::Gap)).unwrap();
    let gap = String::from_utf8(gap.2.unwrap()).unwrap();
    assert!(gap.contains("its file was removed or moved"), "{gap}");
    assert!(numbers(&path).ends_with(&(60..70).collect::<Vec<_>>()));
    sound(&path);
}
