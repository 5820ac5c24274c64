//! Edges of the windows, reservations and what is done to the file.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use jiff::ToSpan;
use jiff::tz::TimeZone;
use tempfile::TempDir;

use super::*;

/// Folds and prunes after almost every entry.
const HASTY: Pace = Pace {
    fold_ids: 3,
    fold_entries: 2,
    fold_step: 2,
    prune_step: 2,
    idle: Duration::ZERO,
    use_days: 3,
};
const YEAR: Window = Window::RollingMonths(12);

fn key() -> HmacKey {
    HmacKey::new(&[7; 32]).unwrap()
}

fn meter() -> Meter {
    Meter { name: "pack/bulk/genomic".to_owned(), holder: "lab.example".to_owned() }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn noon(day: &str) -> Timestamp {
    time(&format!("{day}T12:00:00Z"))
}

/// A store in a folder of its own.
struct Bench {
    _folder: TempDir,
    path: PathBuf,
    volumes: Option<Volumes>,
    pace: Pace,
    window: Window,
}

impl Bench {
    fn new(pace: Pace, window: Window) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("volumes");
        let volumes = Some(Volumes::open_at(&path, key(), pace).unwrap());
        Self { _folder: folder, path, volumes, pace, window }
    }

    fn rolling() -> Self {
        Self::new(Pace::USUAL, YEAR)
    }

    fn volumes(&self) -> &Volumes {
        self.volumes.as_ref().unwrap()
    }

    fn reopen(&mut self) {
        drop(self.volumes.take());
        self.volumes = Some(Volumes::open_at(&self.path, key(), self.pace).unwrap());
    }

    fn ask(&self, subjects: Subjects<'_>, at: Timestamp) -> (Reservation, Counted) {
        let asks = [Ask { meter: &meter(), window: &self.window, subjects }];
        let (reservation, counted) = self.volumes().reserve(&asks, at).unwrap();
        (reservation, counted[0])
    }

    fn reserve(&self, ids: &[&str], at: Timestamp) -> (Reservation, Counted) {
        self.ask(Subjects::Ids(ids), at)
    }

    fn leave(&self, ids: &[&str], at: Timestamp) -> u64 {
        let (reservation, counted) = self.reserve(ids, at);
        reservation.left();
        counted.after
    }

    fn total(&self, at: Timestamp) -> u64 {
        let subjects = Subjects::Ids(&[]);
        let asks = [Ask { meter: &meter(), window: &self.window, subjects }];
        self.volumes().count(&asks, at).unwrap()[0].before
    }
}

// === windows ===

#[test]
fn a_subject_counts_through_the_same_day_twelve_months_later() {
    let store = Bench::rolling();
    store.leave(&["a"], time("2025-03-10T23:59:59Z"));
    assert_eq!(store.total(noon("2026-03-09")), 1);
    assert_eq!(store.total(time("2026-03-10T00:00:00Z")), 1);
    assert_eq!(store.total(time("2026-03-10T23:59:59Z")), 1);
    assert_eq!(store.total(time("2026-03-11T00:00:00Z")), 0);
}

#[test]
fn the_last_of_february_counts_as_long_as_either_reading_has_it() {
    let leap = Bench::rolling();
    leap.leave(&["a"], noon("2024-02-29"));
    assert_eq!(leap.total(noon("2025-02-28")), 1);
    assert_eq!(leap.total(noon("2025-03-01")), 0);
    let common = Bench::rolling();
    common.leave(&["a"], noon("2023-02-28"));
    assert_eq!(common.total(noon("2024-02-28")), 1);
    assert_eq!(common.total(noon("2024-02-29")), 1, "29 February less a year is 28 February");
    assert_eq!(common.total(noon("2024-03-01")), 0);
}

#[test]
fn months_of_unlike_length() {
    let store = Bench::new(Pace::USUAL, Window::RollingMonths(1));
    store.leave(&["a"], noon("2025-01-31"));
    assert_eq!(store.total(noon("2025-02-28")), 1);
    assert_eq!(store.total(noon("2025-03-01")), 0);
}

#[test]
fn the_latest_transfer_decides() {
    let store = Bench::rolling();
    store.leave(&["a", "b"], noon("2025-03-10"));
    store.leave(&["a"], noon("2025-06-01"));
    assert_eq!(store.total(noon("2026-03-10")), 2);
    assert_eq!(store.total(noon("2026-03-11")), 1);
    assert_eq!(store.total(noon("2026-06-01")), 1);
    assert_eq!(store.total(noon("2026-06-02")), 0);
}

#[test]
fn a_year_ends_at_midnight_in_its_zone() {
    let store =
        Bench::new(Pace::USUAL, Window::CalendarYear(TimeZone::get("Asia/Shanghai").unwrap()));
    store.leave(&["old"], time("2025-12-31T23:59:59+08:00"));
    assert_eq!(store.total(time("2025-12-31T23:59:59+08:00")), 1);
    assert_eq!(store.total(time("2026-01-01T00:00:00+08:00")), 0);
    store.leave(&["new"], time("2026-01-01T00:00:00+08:00"));
    assert_eq!(store.total(time("2026-01-01T00:00:00+08:00")), 1);
    assert_eq!(store.total(time("2026-12-31T23:59:59+08:00")), 1);
    assert_eq!(store.total(time("2027-01-01T00:00:00+08:00")), 0);
}

#[test]
fn another_zone_counts_too_many_rather_than_too_few() {
    let mut store = Bench::rolling();
    store.leave(&["a"], time("2025-12-31T23:00:00Z"));
    // In Shanghai this was on 1 January, but the meter keeps days of UTC.
    store.window = Window::CalendarYear(TimeZone::get("Asia/Shanghai").unwrap());
    assert_eq!(store.total(noon("2026-05-01")), 1);
    store.reopen();
    assert_eq!(store.total(noon("2026-05-01")), 1);
}

#[test]
fn a_clock_that_goes_back_loses_nobody() {
    let mut store = Bench::new(HASTY, YEAR);
    store.leave(&["a", "b"], noon("2026-05-01"));
    assert_eq!(store.leave(&["b", "c"], noon("2024-05-01")), 3);
    assert_eq!(store.total(noon("2024-05-01")), 3);
    store.reopen();
    assert_eq!(store.total(noon("2024-05-01")), 3);
    assert_eq!(store.total(noon("2026-05-01")), 2);
    // Far ahead on fewer days than it takes to believe it.
    store.leave(&["d"], noon("2090-01-01"));
    store.leave(&["e"], noon("2090-01-02"));
    store.reopen();
    assert_eq!(store.total(noon("2026-05-01")), 4);
}

#[test]
fn times_beyond_all_days_count() {
    let store = Bench::rolling();
    store.leave(&["a"], Timestamp::MIN);
    assert_eq!(store.total(Timestamp::MIN), 1);
    store.leave(&["b"], Timestamp::MAX);
    assert_eq!(store.total(Timestamp::MAX), 1);
}

// === subjects ===

#[test]
fn numbers_add_and_age() {
    let mut store = Bench::new(HASTY, YEAR);
    for (day, number) in [("2025-01-01", 10), ("2025-02-01", 20), ("2025-02-01", 20)] {
        store.ask(Subjects::Number(number), noon(day)).0.left();
    }
    store.reopen();
    assert_eq!(store.total(noon("2026-01-01")), 50);
    assert_eq!(store.total(noon("2026-01-02")), 40);
    let (reservation, counted) = store.ask(Subjects::Number(5), noon("2026-01-02"));
    assert_eq!((counted.before, counted.after), (40, 45));
    reservation.give_back().unwrap();
    assert_eq!(store.total(noon("2026-01-02")), 40);
}

#[test]
fn numbers_never_wrap() {
    let mut store = Bench::new(HASTY, YEAR);
    let day = noon("2025-01-01");
    let (open, _) = store.ask(Subjects::Number(u64::MAX), day);
    store.ask(Subjects::Number(u64::MAX), day).0.left();
    assert_eq!(store.leave(&["a"], day), u64::MAX);
    open.give_back().unwrap();
    store.reopen();
    assert_eq!(store.total(day), u64::MAX);
}

#[test]
fn one_request_counts_a_subject_once_in_each_meter() {
    let store = Bench::rolling();
    let (one, other) = (meter(), Meter { holder: "other.example".to_owned(), ..meter() });
    let asks = [
        Ask { meter: &one, window: &YEAR, subjects: Subjects::Ids(&["a", "b", "a"]) },
        Ask { meter: &other, window: &YEAR, subjects: Subjects::Ids(&["a"]) },
        Ask { meter: &one, window: &YEAR, subjects: Subjects::Ids(&["b", "c"]) },
        Ask { meter: &one, window: &YEAR, subjects: Subjects::Number(4) },
    ];
    let at = noon("2025-01-01");
    let expected = [7, 1, 7, 7].map(|after| Counted { before: 0, after });
    assert_eq!(store.volumes().count(&asks, at).unwrap(), expected);
    let (reservation, counted) = store.volumes().reserve(&asks, at).unwrap();
    assert_eq!(counted, expected);
    reservation.give_back().unwrap();
    assert_eq!(store.volumes().count(&asks, at).unwrap(), expected);
}

#[test]
fn counting_changes_nothing() {
    let store = Bench::rolling();
    let asks = [Ask { meter: &meter(), window: &YEAR, subjects: Subjects::Ids(&["a"]) }];
    for _ in 0..2 {
        let counted = store.volumes().count(&asks, noon("2025-01-01")).unwrap();
        assert_eq!(counted, [Counted { before: 0, after: 1 }]);
    }
    assert!(store.volumes().meters(noon("2025-01-01")).is_empty());
}

#[test]
fn too_many_ids_are_refused() {
    let store = Bench::rolling();
    let ids = vec!["a"; 100_001];
    let asks = [Ask { meter: &meter(), window: &YEAR, subjects: Subjects::Ids(&ids) }];
    let error = store.volumes().reserve(&asks, noon("2025-01-01")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "100001 ids asked of pack/bulk/genomic; 100000 is the most, so divide the request"
    );
    assert_eq!(store.leave(ids.get(1..).unwrap(), noon("2025-01-01")), 1);
}

#[test]
fn no_id_is_in_the_file() {
    let mut store = Bench::new(HASTY, YEAR);
    let id = "123-45-6789-of-a-person";
    store.leave(&[id], noon("2025-01-01"));
    store.reopen();
    store.leave(&["b", "c", "d", "e"], noon("2025-01-02"));
    store.reopen();
    let octets = fs::read(&store.path).unwrap();
    assert!(!octets.windows(id.len()).any(|window| window == id.as_bytes()));
}

#[test]
fn gauges_show_every_meter() {
    let mut store = Bench::new(HASTY, YEAR);
    store.leave(&["z"], noon("2024-01-01"));
    store.leave(&["a"], noon("2025-02-01"));
    store.leave(&["b"], noon("2025-03-01"));
    let expected = Gauge {
        meter: meter(),
        window: YEAR,
        count: 2,
        oldest: Some(jiff::civil::date(2025, 2, 1)),
        today: jiff::civil::date(2025, 4, 1),
        seen: vec![(jiff::civil::date(2025, 2, 1), 1), (jiff::civil::date(2025, 3, 1), 1)],
    };
    assert_eq!(store.volumes().meters(noon("2025-04-01")), std::slice::from_ref(&expected));
    store.reopen();
    assert_eq!(store.volumes().meters(noon("2025-04-01")), [expected]);
    assert_eq!(store.volumes().meters(noon("2027-04-01"))[0].oldest, None);
}

// === reservations ===

#[test]
fn a_reservation_counts_for_others_at_once() {
    let store = Bench::rolling();
    let day = noon("2025-01-01");
    let (_open, counted) = store.reserve(&["a", "b"], day);
    assert_eq!(counted, Counted { before: 0, after: 2 });
    let (_other, counted) = store.reserve(&["b", "c"], day);
    assert_eq!(counted, Counted { before: 2, after: 3 });
}

#[test]
fn what_is_given_back_is_gone_for_good() {
    let mut store = Bench::rolling();
    let day = noon("2025-01-01");
    store.reserve(&["a", "b"], day).0.give_back().unwrap();
    assert_eq!(store.total(day), 0);
    store.leave(&["c"], day);
    store.reopen();
    assert_eq!(store.total(day), 1);
}

#[test]
fn a_subject_of_two_reservations_stays_with_either() {
    let store = Bench::rolling();
    let day = noon("2025-01-01");
    let (first, _) = store.reserve(&["a", "b"], day);
    let (second, _) = store.reserve(&["b", "c"], day);
    first.give_back().unwrap();
    assert_eq!(store.total(day), 2);
    second.give_back().unwrap();
    assert_eq!(store.total(day), 0);
}

#[test]
fn giving_back_leaves_the_older_day() {
    let mut store = Bench::rolling();
    store.leave(&["a"], noon("2025-01-01"));
    let (again, counted) = store.reserve(&["a"], noon("2025-06-01"));
    assert_eq!(counted, Counted { before: 1, after: 1 });
    assert_eq!(store.total(noon("2026-03-01")), 1);
    again.give_back().unwrap();
    assert_eq!(store.total(noon("2026-01-01")), 1);
    assert_eq!(store.total(noon("2026-01-02")), 0);
    store.reopen();
    assert_eq!(store.total(noon("2026-01-01")), 1);
    assert_eq!(store.total(noon("2026-01-02")), 0);
}

#[test]
fn a_dropped_reservation_has_left() {
    let store = Bench::rolling();
    let day = noon("2025-01-01");
    drop(store.reserve(&["a"], day));
    assert_eq!(store.total(day), 1);
}

#[test]
fn an_open_reservation_counts_after_a_restart() {
    let mut store = Bench::rolling();
    let day = noon("2025-01-01");
    let (open, _) = store.reserve(&["a", "b"], day);
    store.reopen();
    assert_eq!(store.total(day), 2);
    assert!(matches!(open.give_back(), Err(VolumeError::Closed)));
    assert_eq!(store.total(day), 2);
}

#[test]
fn who_has_left_today_needs_no_entry() {
    let store = Bench::rolling();
    let day = noon("2025-01-01");
    store.leave(&["a"], day);
    let (again, counted) = store.reserve(&["a"], day);
    assert_eq!(counted, Counted { before: 1, after: 1 });
    assert!(again.entry().is_none());
    again.give_back().unwrap();
    assert_eq!(store.total(day), 1);
}

// === the file ===

#[test]
fn what_aged_out_is_removed_in_the_end() {
    let mut store = Bench::new(HASTY, YEAR);
    let old: Vec<String> = (0..40).map(|number| format!("old {number}")).collect();
    let old: Vec<&str> = old.iter().map(String::as_str).collect();
    store.leave(&old, noon("2020-01-01"));
    store.ask(Subjects::Number(9), noon("2020-01-01")).0.left();
    let other = Meter { holder: "gone.example".to_owned(), ..meter() };
    let asks = [Ask { meter: &other, window: &YEAR, subjects: Subjects::Ids(&["x"]) }];
    store.volumes().reserve(&asks, noon("2020-01-01")).unwrap().0.left();
    store.leave(&["new"], noon("2025-01-01"));
    store.leave(&["new"], noon("2025-01-02"));
    store.leave(&["new"], noon("2025-01-03"));
    // Work that nobody waits for: it is done between the requests of this and the next days.
    for round in 0..10_000_i64 {
        let day = noon("2025-01-04").saturating_add((round / 20 * 24).hours()).unwrap();
        store.leave(&["new", &format!("{round}")], day);
        let book = store.volumes().shared.book();
        let days = book.accounts.values().flat_map(|one| one.days.keys().chain(one.amounts.keys()));
        let old = days.min().unwrap().date() < jiff::civil::date(2023, 1, 1);
        let done = !old && book.accounts.len() == 1;
        drop(book);
        if done {
            break;
        }
        assert!(round < 9_999, "the old subjects or the empty meter are still there");
    }
    let count = store.total(noon("2025-01-03"));
    store.reopen();
    assert_eq!(store.total(noon("2025-01-03")), count);
}

#[test]
fn another_key_is_refused() {
    let mut store = Bench::rolling();
    drop(store.volumes.take());
    let other = HmacKey::new(&[8; 32]).unwrap();
    let error = Volumes::open(&store.path, other).unwrap_err();
    assert!(matches!(error, VolumeError::OtherKey { .. }), "{error}");
    assert!(error.to_string().contains("give the key it was made with"), "{error}");
    assert!(matches!(HmacKey::new(&[8; 31]), Err(VolumeError::ShortKey { octets: 31, .. })));
    assert_eq!(format!("{:?}", key()), "HmacKey(..)");
}

#[test]
fn a_file_that_is_open_is_refused() {
    let store = Bench::rolling();
    let error = Volumes::open(&store.path, key()).unwrap_err();
    assert!(matches!(error, VolumeError::InUse { .. }), "{error}");
}

#[test]
fn a_folder_that_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("volumes");
    let error = Volumes::open(&path, key()).unwrap_err();
    assert!(matches!(error, VolumeError::File { .. }), "{error}");
    assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");
}

#[test]
fn an_empty_or_foreign_file_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("volumes");
    for octets in [vec![], vec![b'x'], vec![0; 5_000], vec![0xff; 100_000]] {
        fs::write(&path, &octets).unwrap();
        let error = Volumes::open(&path, key()).unwrap_err();
        assert!(matches!(error, VolumeError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("restore it from a copy"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), octets, "it must not be overwritten");
    }
}

#[test]
fn a_cut_or_changed_file_is_damaged_or_whole() {
    let mut store = Bench::new(HASTY, YEAR);
    let day = noon("2025-01-01");
    let ids: Vec<String> = (0..2_000).map(|number| number.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    store.leave(&ids, day);
    store.reopen();
    drop(store.volumes.take());
    let whole = fs::read(&store.path).unwrap();
    let mut damaged = 0;
    let step = whole.len() / 60;
    for place in (0..60).map(|number| number * step) {
        let cut = whole.get(..place).unwrap().to_vec();
        let mut changed = whole.clone();
        changed.iter_mut().skip(place).take(64).for_each(|octet| *octet ^= 0x5a);
        for octets in [cut, changed] {
            fs::write(&store.path, octets).unwrap();
            match Volumes::open(&store.path, key()) {
                Ok(volumes) => {
                    store.volumes = Some(volumes);
                    assert_eq!(store.total(day), 2_000, "octet {place}");
                    drop(store.volumes.take());
                }
                Err(VolumeError::Damaged { .. } | VolumeError::Format { .. }) => damaged += 1,
                Err(other) => panic!("octet {place}: {other}"),
            }
        }
    }
    assert!(damaged > 60, "{damaged}");
}

#[test]
fn a_disk_that_refused_stops_reservations_but_not_counts() {
    let store = Bench::rolling();
    let day = noon("2025-01-01");
    store.leave(&["a"], day);
    store.volumes().shared.book().stopped = Some("no space left".to_owned());
    let asks = [Ask { meter: &meter(), window: &YEAR, subjects: Subjects::Ids(&["b"]) }];
    let error = store.volumes().reserve(&asks, day).unwrap_err();
    assert!(error.to_string().ends_with(
        "cannot be written (no space left); see to the disk (is it full?), then restart: until \
         then nothing is reserved"
    ));
    assert_eq!(store.total(day), 1);
}
