//! Damage in what is closed: everything else is read, what is not is told, and the journal goes on.

use std::fs;

use super::*;

/// A journal of several sealed segments of one block each, and an open one.
fn sealed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path(), SMALL);
    fill(&mut log, 0..300);
    log.unsealed().unwrap().iter().for_each(|path| drop(seal(path).unwrap()));
    log.close(at(300)).unwrap();
    assert!(files(folder.path(), ".zst").len() > 4);
    folder
}

fn flip(path: &Path, offset: usize) {
    let mut octets = fs::read(path).unwrap();
    octets[offset] ^= 0x10;
    fs::write(path, octets).unwrap();
}

/// Numbers of the entries that can be read, and what cannot.
fn read(mut reader: Onward) -> (Vec<u64>, Gaps) {
    let mut found = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        found.push(entry.sequence());
    }
    (found, reader.into_gaps())
}

/// Every entry is read or told, none is both, and they come in order.
#[track_caller]
fn complete(folder: &Path, entries: u64) -> Gaps {
    let (found, gaps) = read(Onward::open(folder));
    let within = |entry: u64| {
        gaps.places().iter().any(|gap| (gap.from..=gap.until.unwrap_or(u64::MAX)).contains(&entry))
    };
    let all: Vec<_> = (0..entries).filter(|entry| !within(*entry)).collect();
    assert_eq!(found, all, "{gaps:#?}");
    gaps
}

#[test]
fn an_octet_that_flipped_in_a_sealed_segment_hides_that_segment_alone() {
    let folder = sealed();
    let entries = u64::try_from(all(folder.path()).len()).unwrap();
    assert!(complete(folder.path(), entries).is_empty());
    let (names, ends) = (files(folder.path(), ".zst"), files(folder.path(), ".zst"));
    let first = |path: &Path| path.file_stem().unwrap().to_str().unwrap().parse::<u64>().unwrap();
    for at in (0..usize::try_from(fs::metadata(&names[1]).unwrap().len()).unwrap()).step_by(7) {
        let copy = copy(folder.path());
        let path = copy.path().join(names[1].file_name().unwrap());
        flip(&path, at);
        let gaps = complete(copy.path(), entries);
        // Some octets of zstd say nothing.
        let [gap] = gaps.places() else { continue };
        assert!(gap.from >= first(&names[1]), "{gap:?}");
        assert_eq!(gap.until, Some(first(&ends[2]) - 1));
        assert!(gap.why.contains("damaged at octet") && gap.why.contains("evidence"), "{gap}");
        // From behind it nothing is missed, and what is older was not asked for.
        let (later, gaps) = read(Onward::open(copy.path()).from_sequence(first(&ends[2])));
        assert_eq!(
            (u64::try_from(later.len()).unwrap(), gaps.is_empty()),
            (entries - first(&ends[2]), true)
        );
    }
}

#[test]
fn behind_a_block_that_is_damaged_the_same_segment_is_read_on() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { segment_octets: 4 << 20, ..SMALL };
    let (mut log, _) = open(folder.path(), settings);
    for number in 0..60 {
        // Hashes do not compress.
        let text: String = (0..1_600)
            .map(|part| Hash::of(format!("{number} {part}").as_bytes()).to_string())
            .collect();
        log.append(Kind::Ended, at(number), text.as_bytes());
        log.write().unwrap();
        log.tick(at(number)).unwrap();
    }
    log.unsealed().unwrap().iter().for_each(|path| drop(seal(path).unwrap()));
    let entries = log.entries();
    drop(log);
    let path = &files(folder.path(), ".zst")[0];
    let whole = fs::read(path).unwrap();
    for part in [1, 3, 5] {
        fs::write(path, &whole).unwrap();
        flip(path, whole.len() * part / 6);
        let gaps = complete(folder.path(), entries);
        let [gap] = gaps.places() else { panic!("{gaps:#?}") };
        let hidden = gap.until.unwrap() - gap.from;
        assert!(hidden < entries / 3, "{hidden} of {entries}");
    }
    // By its number an entry is found whatever stands before it.
    fs::write(path, &whole).unwrap();
    flip(path, 30);
    let last = entries - 1;
    assert_eq!(Reader::one(folder.path(), last, |entry| entry.sequence()).unwrap(), Some(last));
}

#[test]
fn what_is_missing_or_damaged_in_a_plain_segment_is_told_and_passed() {
    let folder = sealed();
    let entries = u64::try_from(all(folder.path()).len()).unwrap();
    let names = files(folder.path(), ".zst");
    for (gone, wanted) in [(vec![2], 1), (vec![0], 1), (vec![1, 3], 2), (vec![1, 2], 1)] {
        let copy = copy(folder.path());
        for at in gone {
            fs::remove_file(copy.path().join(names[at].file_name().unwrap())).unwrap();
        }
        assert_eq!(complete(copy.path(), entries).places().len(), wanted);
    }
    // The one that is open: what stands before the damage.
    let open = &files(folder.path(), ".log")[0];
    flip(open, 100);
    let gaps = complete(folder.path(), entries);
    let [gap] = gaps.places() else { panic!("{gaps:#?}") };
    assert_eq!(gap.until, None);
    let mut follower = Onward::open(folder.path()).following();
    let error = loop {
        match follower.next_entry() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("who waits for more must not take it for the end"),
            Err(fault) => break fault,
        }
    };
    assert!(matches!(error, Fault::Damaged { .. }) && gaps.whole().is_err());
}

/// A journal that ends in a checkpoint, with nothing in the file `tree`.
#[test]
fn damage_in_what_is_closed_and_signed_does_not_stop_the_start() {
    let folder = sealed();
    let names = files(folder.path(), ".zst");
    let before = fs::read_to_string(folder.path().join("checkpoint")).unwrap();
    for damage in 0..4 {
        let copy = copy(folder.path());
        let of = |at: usize| copy.path().join(names[at].file_name().unwrap());
        drop(fs::remove_file(copy.path().join("tree")));
        match damage {
            0 => flip(&of(1), 60),
            1 => fs::remove_file(of(2)).unwrap(),
            2 => flip(&of(names.len() - 1), 60),
            _ => fs::remove_file(of(names.len() - 1)).unwrap(),
        }
        let (mut log, recovered) = open(copy.path(), SMALL);
        assert!(!recovered.unread.is_empty(), "{damage}");
        fill(&mut log, 300..320);
        log.close(at(400)).unwrap();
        let entries = log.entries();
        drop(log);
        let (found, _) = read(Onward::open(copy.path()));
        assert_eq!(found.last().copied(), Some(entries - 1));
        let notes = noted(copy.path());
        assert!(notes.iter().any(|note| note.contains("\"unread\":{\"from\":")), "{notes:?}");
        // Once more: what has come since is signed over what was signed before.
        let (log, _) = open(copy.path(), SMALL);
        assert_ne!(log.checkpoint(), Some(&*before));
        drop(log);
        // Where nothing proves the tree the start refuses, and names the entry.
        drop(fs::remove_file(copy.path().join("tree")));
        fs::remove_file(copy.path().join("edge")).unwrap();
        let refused = Log::open(copy.path(), SMALL, signer(copy.path()), at(500)).unwrap_err();
        assert!(matches!(refused, Fault::Damaged { .. } | Fault::Missing { .. }), "{refused}");
    }
}

#[test]
fn an_edge_that_proves_nothing_is_no_help() {
    let folder = sealed();
    drop(fs::remove_file(folder.path().join("tree")));
    let names = files(folder.path(), ".zst");
    flip(&names[1], 60);
    let edge = folder.path().join("edge");
    let whole = fs::read(&edge).unwrap();
    for wrong in [Vec::new(), whole[..whole.len() - 1].to_vec(), {
        let mut other = whole.clone();
        other[20] ^= 1;
        other
    }] {
        fs::write(&edge, wrong).unwrap();
        assert!(Log::open(folder.path(), SMALL, signer(folder.path()), at(500)).is_err());
    }
    fs::write(&edge, &whole).unwrap();
    assert!(Log::open(folder.path(), SMALL, signer(folder.path()), at(500)).is_ok());
}

fn noted(folder: &Path) -> Vec<String> {
    let (mut reader, mut found) = (Onward::open(folder), Vec::new());
    while let Some(entry) = reader.next_entry().unwrap() {
        if entry.kind() == Some(Kind::Note) {
            found.push(String::from_utf8(entry.payload().unwrap().to_vec()).unwrap());
        }
    }
    found
}
