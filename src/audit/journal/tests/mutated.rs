//! Journals with anything changed in them: a clear fault, no panic, and nothing believed.

use std::fs;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

#[derive(Clone, Debug)]
enum Change {
    Flip(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Number(Index, u32),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        1 => any::<Index>().prop_map(Change::Cut),
        1 => (any::<Index>(), proptest::collection::vec(any::<u8>(), 1..80))
            .prop_map(|(at, octets)| Change::Insert(at, octets)),
        1 => (any::<Index>(), 1..200_usize).prop_map(|(at, count)| Change::Remove(at, count)),
        1 => (any::<Index>(), any::<u32>()).prop_map(|(at, number)| Change::Number(at, number)),
    ]
}

fn apply(octets: &mut Vec<u8>, change: &Change) {
    let place = |at: &Index| at.index(octets.len().max(1));
    match change {
        Change::Flip(at, bit) => {
            let at = place(at);
            octets.iter_mut().skip(at).take(1).for_each(|octet| *octet ^= 1 << bit);
        }
        Change::Cut(at) => octets.truncate(place(at)),
        Change::Insert(at, more) => {
            let at = place(at).min(octets.len());
            octets.splice(at..at, more.iter().copied());
        }
        Change::Remove(at, count) => {
            let at = place(at).min(octets.len());
            octets.drain(at..(at + count).min(octets.len()));
        }
        Change::Number(at, number) => {
            let at = place(at);
            let four = octets.iter_mut().skip(at).zip(number.to_be_bytes());
            four.for_each(|(octet, new)| *octet = new);
        }
    }
}

fn journal() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path(), SMALL);
    fill(&mut log, 0..90);
    for path in log.unsealed().unwrap().iter().step_by(2) {
        seal(path).unwrap();
    }
    let sealed = files(folder.path(), ".zst");
    prune(&sealed[1], |_| false).unwrap();
    folder
}

/// How many entries were signed for.
fn signed(folder: &Path) -> usize {
    let note = fs::read_to_string(folder.join("checkpoint")).unwrap();
    note.lines().nth(1).unwrap().parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn nothing_that_is_changed_passes_for_what_was_written(
        file in any::<Index>(),
        changes in proptest::collection::vec(change(), 1..4),
    ) {
        thread_local! {
            static WHOLE: (tempfile::TempDir, Vec<Kept>) = {
                let folder = journal();
                let entries = all(folder.path());
                (folder, entries)
            };
        }
        WHOLE.with(|(whole, entries)| {
            let copy = copy(whole.path());
            let all_files = files(copy.path(), "");
            let path = &all_files[file.index(all_files.len())];
            let mut octets = fs::read(path).unwrap();
            changes.iter().for_each(|change| apply(&mut octets, change));
            fs::write(path, &octets).unwrap();

            let report = check(copy.path());
            let (mut reader, mut found) = (Reader::open(copy.path()), Vec::new());
            while let Ok(Some(entry)) = reader.next_entry() {
                found.push((entry.sequence(), entry.kind(), entry.payload().map(<[u8]>::to_vec)));
            }
            if report.is_sound() {
                let signed = signed(whole.path());
                assert!(found.len() >= signed && found == entries[..found.len()], "{path:?}");
            } else {
                assert!(report.findings.iter().all(|one| !one.to_string().is_empty()));
            }
            let signer = Signer::open_or_make(copy.path(), "proxy.example/journal");
            let opened = signer.and_then(|signer| Log::open(copy.path(), SMALL, signer, at(0)));
            if let Err(fault) = opened {
                assert!(!fault.to_string().is_empty());
            }
            Ok::<(), TestCaseError>(())
        })?;
    }
}
