//! The store against plain maps, under any sequence of counts, reservations, settlements,
//! restarts and turns of the clock.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

use super::*;

const HASTY: Pace = Pace {
    fold_ids: 6,
    fold_entries: 3,
    fold_step: 3,
    prune_step: 4,
    idle: Duration::ZERO,
    use_days: 3,
};

#[derive(Clone, Debug)]
enum Step {
    Count(Vec<Question>),
    Reserve(Vec<Question>),
    /// Of the open reservations, this one modulo their number.
    Left(usize),
    GiveBack(usize),
    Reopen,
    /// Days by which the clock moves.
    Clock(i64),
}

/// Meter, ids and a number without ids.
#[derive(Clone, Debug)]
struct Question {
    meter: usize,
    ids: BTreeSet<u8>,
    number: u64,
}

fn question() -> impl Strategy<Value = Question> {
    let ids = proptest::collection::btree_set(0..30_u8, 0..8);
    (0..3_usize, ids, prop_oneof![3 => Just(0), 1 => 0..50_u64])
        .prop_map(|(meter, ids, number)| Question { meter, ids, number })
}

fn step() -> impl Strategy<Value = Step> {
    let questions = || proptest::collection::vec(question(), 1..4);
    prop_oneof![
        2 => questions().prop_map(Step::Count),
        6 => questions().prop_map(Step::Reserve),
        3 => any::<usize>().prop_map(Step::Left),
        3 => any::<usize>().prop_map(Step::GiveBack),
        1 => Just(Step::Reopen),
        2 => (0..200_i64).prop_map(Step::Clock),
        1 => (-20..0_i64).prop_map(Step::Clock),
    ]
}

/// One reservation in the model: per meter, the day with ids and number.
type Fact = Vec<(Question, Date)>;

#[derive(Default)]
struct Model {
    left: Vec<Fact>,
    open: Vec<Fact>,
}

impl Model {
    /// The distinct subjects of a meter, with more questions on top.
    fn count(&self, meter: usize, now: Timestamp, more: &Fact) -> u64 {
        let since = since(meter, now);
        let facts = self.left.iter().chain(&self.open).chain([more]).flatten();
        let facts = facts.filter(|(question, day)| question.meter == meter && *day >= since);
        let (mut ids, mut number) = (BTreeSet::<u8>::new(), 0);
        for (question, _) in facts {
            ids.extend(&question.ids);
            number += question.number;
        }
        u64::try_from(ids.len()).unwrap() + number
    }

    fn ask(&self, questions: &[Question], now: Timestamp) -> (Fact, Vec<Counted>) {
        let fact: Fact = questions
            .iter()
            .map(|question| (question.clone(), today(question.meter, now)))
            .collect();
        let counted = questions.iter().flat_map(|question| {
            let before = self.count(question.meter, now, &Vec::new());
            let after = self.count(question.meter, now, &fact);
            // Ids and number are two asks.
            [Counted { before, after }; 2]
        });
        let counted = counted.collect();
        (fact, counted)
    }
}

fn zone(meter: usize) -> TimeZone {
    let name = ["UTC", "Asia/Shanghai", "UTC"][meter];
    TimeZone::get(name).unwrap()
}

fn window(meter: usize) -> Window {
    match meter {
        0 => Window::RollingMonths(12),
        1 => Window::CalendarYear(zone(1)),
        _ => Window::RollingMonths(1),
    }
}

fn today(meter: usize, now: Timestamp) -> Date {
    zone(meter).to_datetime(now).date()
}

fn since(meter: usize, now: Timestamp) -> Date {
    match meter {
        0 => today(meter, now).saturating_sub(1.year()),
        1 => today(meter, now).first_of_year(),
        _ => today(meter, now).saturating_sub(1.month()),
    }
}

fn with_asks<T>(questions: &[Question], run: impl FnOnce(&[Ask<'_>]) -> T) -> T {
    let names = |question: &Question| question.ids.iter().map(u8::to_string).collect::<Vec<_>>();
    let names: Vec<Vec<String>> = questions.iter().map(names).collect();
    let names: Vec<Vec<&str>> =
        names.iter().map(|names| names.iter().map(String::as_str).collect()).collect();
    let meters: Vec<Meter> = (0..3)
        .map(|number| Meter { name: format!("meter {number}"), holder: "holder".to_owned() })
        .collect();
    let windows: Vec<Window> = (0..3).map(window).collect();
    let mut asks = Vec::new();
    for (question, names) in questions.iter().zip(&names) {
        let (meter, window) = (&meters[question.meter], &windows[question.meter]);
        asks.push(Ask { meter, window, subjects: Subjects::Ids(names) });
        asks.push(Ask { meter, window, subjects: Subjects::Number(question.number) });
    }
    run(&asks)
}

struct Run {
    _folder: tempfile::TempDir,
    path: PathBuf,
    volumes: Option<Volumes>,
    reservations: Vec<Reservation>,
    model: Model,
    now: Timestamp,
}

impl Run {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("volumes");
        let mut run = Self {
            _folder: folder,
            path,
            volumes: None,
            reservations: Vec::new(),
            model: Model::default(),
            now: "2024-02-29T20:00:00Z".parse().unwrap(),
        };
        run.reopen();
        run
    }

    fn reopen(&mut self) {
        drop(self.volumes.take());
        let key = HmacKey::new(&[3; 32]).unwrap();
        self.volumes = Some(Volumes::open_at(&self.path, key, HASTY).unwrap());
        // Whoever still holds one holds nothing.
        self.reservations.clear();
        self.model.left.append(&mut self.model.open);
    }

    fn step(&mut self, step: Step) {
        let volumes = self.volumes.as_ref().unwrap();
        match step {
            Step::Count(questions) => {
                let counted = with_asks(&questions, |asks| volumes.count(asks, self.now)).unwrap();
                assert_eq!(counted, self.model.ask(&questions, self.now).1);
            }
            Step::Reserve(questions) => {
                let reserved = with_asks(&questions, |asks| volumes.reserve(asks, self.now));
                let (reservation, counted) = reserved.unwrap();
                let (fact, expected) = self.model.ask(&questions, self.now);
                assert_eq!(counted, expected);
                self.reservations.push(reservation);
                self.model.open.push(fact);
            }
            Step::Left(which) if !self.reservations.is_empty() => {
                let which = which % self.reservations.len();
                self.reservations.remove(which).left();
                self.model.left.push(self.model.open.remove(which));
            }
            Step::GiveBack(which) if !self.reservations.is_empty() => {
                let which = which % self.reservations.len();
                self.reservations.remove(which).give_back().unwrap();
                self.model.open.remove(which);
            }
            Step::Left(_) | Step::GiveBack(_) => {}
            Step::Reopen => self.reopen(),
            Step::Clock(days) => {
                self.now = self.now.saturating_add((days * 24).hours()).unwrap();
            }
        }
    }

    fn check(&self) {
        let all: Vec<Question> =
            (0..3).map(|meter| Question { meter, ids: (0..30).collect(), number: 0 }).collect();
        let volumes = self.volumes.as_ref().unwrap();
        let counted = with_asks(&all, |asks| volumes.count(asks, self.now)).unwrap();
        assert_eq!(counted, self.model.ask(&all, self.now).1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_store_counts_as_plain_maps_do(steps in proptest::collection::vec(step(), 1..60)) {
        let mut run = Run::new();
        for step in steps {
            run.step(step);
            run.check();
        }
        run.reopen();
        run.check();
    }

    /// Whatever the order, and however often: the same volumes.
    #[test]
    fn order_and_repetition_change_nothing(
        facts in proptest::collection::vec((question(), 0..700_i64), 1..12),
        shuffled in any::<proptest::sample::Index>(),
    ) {
        let (mut one, mut other) = (Run::new(), Run::new());
        let start = one.now;
        let mut turned = facts.clone();
        turned.rotate_left(shuffled.index(facts.len()));
        turned.reverse();
        // Numbers add by their nature; ids may come again.
        let mut again = turned.clone();
        again.extend(turned.into_iter().map(|(question, day)| (Question { number: 0, ..question }, day)));
        for (run, facts) in [(&mut one, facts), (&mut other, again)] {
            for (question, day) in facts {
                run.now = start.saturating_add((day * 24).hours()).unwrap();
                let volumes = run.volumes.as_ref().unwrap();
                with_asks(&[question], |asks| volumes.reserve(asks, run.now)).unwrap().0.left();
            }
            run.now = start.saturating_add((700 * 24).hours()).unwrap();
        }
        let counts = |run: &Run| {
            let all = (0..3).map(|meter| Question { meter, ids: BTreeSet::new(), number: 0 });
            let all: Vec<Question> = all.collect();
            with_asks(&all, |asks| run.volumes.as_ref().unwrap().count(asks, run.now)).unwrap()
        };
        assert_eq!(counts(&one), counts(&other));
        let gauges = |run: &Run| -> HashMap<_, _> {
            let gauges = run.volumes.as_ref().unwrap().meters(run.now).into_iter();
            // Of meters that have aged out, one may be forgotten already and one not yet.
            let gauges = gauges.filter(|gauge| gauge.count > 0);
            gauges.map(|gauge| (gauge.meter, (gauge.count, gauge.oldest))).collect()
        };
        assert_eq!(gauges(&one), gauges(&other));
    }
}
