//! What says up to where every verdict has its record.

use std::fs;
use std::path::Path;

use super::*;

const NAME: &str = "completed";

fn range(folder: &Path) -> std::ops::Range<u64> {
    open(folder, SMALL).0.earlier().range()
}

/// A journal of which the first ten entries are completed, and the file that says so.
fn journal() -> (tempfile::TempDir, Vec<u8>, u64) {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path(), SMALL);
    assert_eq!(log.earlier().range(), 0..0);
    fill(&mut log, 0..100);
    log.completed(10).unwrap();
    let note = fs::read(folder.path().join(NAME)).unwrap();
    (folder, note, log.entries())
}

#[test]
fn what_is_completed_is_not_gone_over_again() {
    let (folder, note, entries) = journal();
    assert_eq!((note.len(), range(folder.path())), (512, 10..entries));
    // What came after it is gone over, and what is written later is believed as well.
    let (mut log, _) = open(folder.path(), SMALL);
    fill(&mut log, 100..200);
    assert_eq!(log.earlier().range(), 10..entries);
    drop(log);
    let (mut log, recovered) = open(folder.path(), SMALL);
    assert_eq!(log.earlier().range(), 10..recovered.entries);
    log.completed(recovered.entries).unwrap();
    drop(log);
    assert_eq!(range(folder.path()), recovered.entries..recovered.entries);
    sound(folder.path());
}

#[test]
fn what_is_not_of_this_journal_is_not_believed() {
    let (folder, note, entries) = journal();
    let put = |octets: &[u8]| fs::write(folder.path().join(NAME), octets).unwrap();
    let text = String::from_utf8(note.clone()).unwrap();
    let other = |from: &str, to: &str| text.replace(from, to).into_bytes();
    let more = format!("\"entries\":{}", entries + 1);
    for octets in [
        b"".to_vec(),
        b"{}".to_vec(),
        vec![0; 512],
        vec![0xff; 1 << 20],
        note[..40].to_vec(),
        other("\"before\":10,", "\"before\":999,"),
        other("\"before\":10,", "\"before\":-1,"),
        other(&format!("\"entries\":{entries}"), &more),
        other(&format!("\"entries\":{entries}"), "\"entries\":50"),
        other("\"chain\":\"", "\"chain\":\"00"),
    ] {
        put(&octets);
        assert_eq!(range(folder.path()).start, 0, "{}", String::from_utf8_lossy(&octets));
        // It is written over, whatever stood there.
        let (mut log, _) = open(folder.path(), SMALL);
        log.completed(7).unwrap();
        drop(log);
        assert_eq!((range(folder.path()).start, files(folder.path(), NAME).len()), (7, 1));
    }
    fs::remove_file(folder.path().join(NAME)).unwrap();
    assert_eq!(range(folder.path()).start, 0);
}

#[test]
fn what_a_journal_said_that_lost_its_end_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path(), SMALL);
    fill(&mut log, 0..50);
    let before = copy(folder.path());
    fill(&mut log, 50..60);
    log.completed(55).unwrap();
    drop(log);
    // A copy from before that, or another that has gone on in its own way.
    fs::copy(folder.path().join(NAME), before.path().join(NAME)).unwrap();
    assert_eq!(range(before.path()).start, 0);
    let (mut log, _) = open(before.path(), SMALL);
    fill(&mut log, 900..1_000);
    drop(log);
    assert_eq!(range(before.path()).start, 0);
    assert_eq!(range(folder.path()).start, 55);
}
