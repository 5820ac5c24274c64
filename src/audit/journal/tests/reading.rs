//! Reading: from anywhere, through sealed and open segments, while somebody writes.

use super::*;

fn sequences(mut reader: Reader) -> Vec<u64> {
    let mut found = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        found.push(entry.sequence());
    }
    found
}

/// Seals every second closed segment, so that both forms are there.
fn seal_some(log: &Log) {
    for (count, path) in log.unsealed().unwrap().iter().enumerate() {
        if count % 2 == 0 {
            seal(path).unwrap();
        }
    }
}

#[test]
fn it_begins_where_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path(), SMALL);
    fill(&mut log, 0..200);
    seal_some(&log);
    let entries = log.entries();
    for from in 0..entries + 2 {
        let found = sequences(Reader::open(folder.path()).from_sequence(from));
        assert_eq!(found, (from..entries).collect::<Vec<_>>());
        let one = Reader::one(folder.path(), from, |entry| entry.sequence()).unwrap();
        assert_eq!(one, (from < entries).then_some(from));
    }
    for time in [-5, 0, 1, 50, 120, 199, 200] {
        let since = at(time).as_millisecond();
        let found = sequences(Reader::open(folder.path()).since(since));
        let mut reader = Reader::open(folder.path());
        let mut expected = Vec::new();
        while let Some(entry) = reader.next_entry().unwrap() {
            if entry.at().unwrap() >= since {
                expected.push(entry.sequence());
            }
        }
        assert_eq!(found, expected, "{time}");
    }
}

#[test]
fn it_follows_who_writes_and_seals() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path(), SMALL);
    let mut reader = Reader::open(folder.path());
    let mut seen = Vec::new();
    let mut next = 0;
    for round in 0..120_u32 {
        log.append(Kind::Ended, at(i64::from(round)), payload(round).as_bytes());
        log.write().unwrap();
        log.tick(at(i64::from(round))).unwrap();
        if round % 7 == 0 {
            seal_some(&log);
        }
        if round % 3 == 0 {
            while let Some(entry) = reader.next_entry().unwrap() {
                assert_eq!(entry.sequence(), next);
                next += 1;
                seen.extend(number(&entry));
            }
        }
    }
    while let Some(entry) = reader.next_entry().unwrap() {
        seen.extend(number(&entry));
    }
    assert_eq!(seen, (0..120).collect::<Vec<_>>());
    // A part of a frame is waited for.
    let file = files(folder.path(), ".log").pop().unwrap();
    let whole = std::fs::read(&file).unwrap();
    log.append(Kind::Note, at(200), b"in two parts");
    log.write().unwrap();
    let longer = std::fs::read(&file).unwrap();
    std::fs::write(&file, &longer[..whole.len() + 30]).unwrap();
    assert!(reader.next_entry().unwrap().is_none());
    std::fs::write(&file, &longer).unwrap();
    let entry = reader.next_entry().unwrap().unwrap();
    assert_eq!(entry.payload(), Some(&b"in two parts"[..]));
}

#[test]
fn what_is_missing_or_changed_is_no_entry() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path(), SMALL);
    fill(&mut log, 0..120);
    seal_some(&log);
    drop(log);
    let read = |folder: &Path| {
        let mut reader = Reader::open(folder);
        loop {
            match reader.next_entry() {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(fault) => return Some(fault),
            }
        }
    };
    assert!(read(folder.path()).is_none());
    let less = copy(folder.path());
    let gone = files(less.path(), ".log")[1].clone();
    std::fs::remove_file(&gone).unwrap();
    assert!(matches!(read(less.path()), Some(Fault::Missing { .. })));
    let changed = copy(folder.path());
    let file = files(changed.path(), ".log")[1].clone();
    let mut octets = std::fs::read(&file).unwrap();
    octets[100] ^= 1;
    std::fs::write(&file, octets).unwrap();
    assert!(matches!(read(changed.path()), Some(Fault::Damaged { path, .. }) if path == file));
}

#[test]
fn proofs_hold_against_signed_roots() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { checkpoint_entries: 100, segment_octets: 40_000, ..SMALL };
    let (mut log, _) = open(folder.path(), settings);
    fill(&mut log, 0..700);
    seal_some(&log);
    let key = log.signer().verifier().clone();
    let (mut reader, mut signed) = (Reader::open(folder.path()), Vec::new());
    while let Some(entry) = reader.next_entry().unwrap() {
        if entry.kind() == Some(Kind::Checkpoint) {
            let note = std::str::from_utf8(entry.payload().unwrap()).unwrap();
            signed.push(Checkpoint::open(note, &key).unwrap());
        }
    }
    assert!(signed.len() > 5);
    let mut prover = Prover::open(folder.path()).unwrap();
    let last = signed.last().unwrap();
    for checkpoint in &signed {
        assert_eq!(prover.root(checkpoint.size).unwrap(), checkpoint.root);
        let path = prover.consistency(checkpoint.size, last.size).unwrap().unwrap();
        let (old, new) = ((checkpoint.size, &checkpoint.root), (last.size, &last.root));
        assert!(follows(old, new, &path));
    }
    for sequence in [0, 1, 255, 256, 300, 511, 512, last.size - 1] {
        let path = prover.inclusion(sequence, last.size).unwrap().unwrap();
        let leaf = Reader::one(folder.path(), sequence, |entry| entry.leaf()).unwrap().unwrap();
        assert!(includes(&last.root, last.size, sequence, leaf, &path));
    }
    assert_eq!(prover.inclusion(last.size, last.size).unwrap(), None);
    assert!(prover.root(10_000).is_err());
}
