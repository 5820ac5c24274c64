//! Who is covered: the cases of the law's text, and the laws of the computation.

use jiff::civil::{Date, date};
use proptest::prelude::*;

use crate::geo::{Country, CountrySet};
use crate::policy::register::{
    Because, Definition, EmploymentDraft, Home, Membership, PartyDraft, PartyId, PartyKind,
    Percent, Period, Register, Seat, SeatKind, StakeDraft, Standing,
};

const ON: Date = date(2026, 6, 1);

fn countries(codes: &[&str]) -> CountrySet {
    codes.iter().map(|code| Country::parse(code).unwrap()).collect()
}

fn percent(text: &str) -> Percent {
    Percent::parse(text).unwrap()
}

/// Half or more owned by China or Russia.
fn half() -> Definition {
    Definition {
        countries: countries(&["CN", "RU"]),
        principal_place: true,
        residents: true,
        employees: true,
        lists: vec!["designated".to_owned()],
        owned_at_least: Some(percent("50")),
        home: None,
    }
}

fn seat(kind: SeatKind, code: &str) -> Seat {
    Seat { kind, country: Country::parse(code).unwrap(), during: Period::ALWAYS }
}

/// A company organised in a country, with owners as `a 50`.
fn company(id: &str, code: &str, owners: &[&str]) -> PartyDraft {
    let stake = |text: &&str| {
        let (owner, share) = text.split_once(' ').unwrap();
        StakeDraft { owner: owner.to_owned(), percent: percent(share), during: Period::ALWAYS }
    };
    let owners = owners.iter().map(stake).collect();
    let seats = vec![seat(SeatKind::Organised, code)];
    PartyDraft { seats, owners, ..PartyDraft::new(id, id.to_uppercase()) }
}

fn person(id: &str, code: &str, employer: Option<&str>) -> PartyDraft {
    let employers = employer.into_iter().map(str::to_owned);
    PartyDraft {
        kind: PartyKind::Person,
        seats: vec![seat(SeatKind::Resident, code)],
        employers: employers
            .map(|employer| EmploymentDraft { employer, during: Period::ALWAYS })
            .collect(),
        ..PartyDraft::new(id, id.to_uppercase())
    }
}

fn listed(draft: PartyDraft, from: Option<Date>, until: Option<Date>) -> PartyDraft {
    let during = Period::new(from, until).unwrap();
    let entry = Membership { list: "designated".to_owned(), during, cite: None };
    PartyDraft { lists: vec![entry], ..draft }
}

fn names(register: &Register, standing: &Standing) -> Vec<String> {
    let mut names: Vec<_> = standing.covered().map(|id| register.get(id).id.clone()).collect();
    names.sort_unstable();
    names
}

fn covered_by(definition: &Definition, drafts: Vec<PartyDraft>) -> Vec<String> {
    let register = Register::build(drafts).unwrap();
    names(&register, &register.standing(definition, ON))
}

fn covered(drafts: Vec<PartyDraft>) -> Vec<String> {
    covered_by(&half(), drafts)
}

fn why(definition: &Definition, drafts: Vec<PartyDraft>, id: &str) -> String {
    let register = Register::build(drafts).unwrap();
    let standing = register.standing(definition, ON);
    let id = register.find(id).unwrap();
    standing.reasons(&register, id).map_or_else(|| "not covered".to_owned(), |why| why.to_string())
}

// === ownership ===

#[test]
fn half_is_enough_and_less_is_not() {
    let with = |owners: &[&str]| vec![company("x", "CN", &[]), company("a", "SG", owners)];
    assert_eq!(covered(with(&["x 50"])), ["a", "x"]);
    assert_eq!(covered(with(&["x 49.99"])), ["x"]);
    assert_eq!(covered(with(&["x 49.99", "x 0.01"])), ["a", "x"]);
}

#[test]
fn stakes_of_covered_owners_add_up() {
    let with = |third: &str| {
        vec![
            company("x", "CN", &[]),
            company("y", "RU", &[]),
            company("z", third, &[]),
            company("a", "SG", &["x 25", "y 24.99", "z 0.01", "z 50"]),
        ]
    };
    assert_eq!(covered(with("NO")), ["x", "y"]);
    assert_eq!(covered(with("CN")), ["a", "x", "y", "z"]);
    let two = vec![
        company("x", "CN", &[]),
        company("y", "RU", &[]),
        company("a", "SG", &["x 25", "y 25"]),
    ];
    assert_eq!(covered(two), ["a", "x", "y"]);
}

#[test]
fn a_chain_of_halves_is_covered_to_its_end() {
    let chain = || {
        vec![
            company("d", "NO", &["c 50"]),
            company("c", "SG", &["b 50"]),
            company("b", "SG", &["x 50"]),
            company("x", "CN", &[]),
        ]
    };
    assert_eq!(covered(chain()), ["b", "c", "d", "x"]);
    let register = Register::build(chain()).unwrap();
    let [d, x] = ["d", "x"].map(|id| register.find(id).unwrap());
    assert_eq!(register.standing(&half(), ON).share(d), percent("50"));
    assert_eq!(register.effective_percent(d, ON, |id| id == x), percent("12.5"));
    assert_eq!(
        why(&half(), chain(), "d"),
        "owned 50 % by C; C owned 50 % by B; B owned 50 % by X (organised in China)"
    );
}

#[test]
fn an_owner_that_is_not_covered_covers_nobody() {
    let drafts = vec![
        company("y", "SG", &["x 49"]),
        company("a", "SG", &["y 100"]),
        company("x", "CN", &[]),
    ];
    assert_eq!(covered(drafts), ["x"]);
}

#[test]
fn a_circle_needs_someone_from_outside() {
    let circle = |outside: &str| {
        vec![
            company("a", "SG", &["b 50", outside]),
            company("b", "SG", &["a 60"]),
            company("x", "CN", &[]),
        ]
    };
    assert_eq!(covered(circle("x 49")), ["x"]);
    assert_eq!(covered(circle("x 50")), ["a", "b", "x"]);
    assert_eq!(
        why(&half(), circle("x 50"), "b"),
        "owned 60 % by A; A owned 50 % by B, 50 % by X (organised in China)"
    );
    let register = Register::build(circle("x 49")).unwrap();
    let [a, x] = ["a", "x"].map(|id| register.find(id).unwrap());
    // 49 % and half of 60 % of itself: 49 / (1 - 0.3).
    assert_eq!(register.effective_percent(a, ON, |id| id == x), percent("70"));
    let closed = vec![company("a", "SG", &["b 100"]), company("b", "SG", &["a 100"])];
    assert_eq!(covered(closed), [""; 0]);
}

#[test]
fn the_threshold_is_the_definitions() {
    let drafts = || vec![company("x", "CN", &[]), company("a", "SG", &["x 20"])];
    let fifth = Definition { owned_at_least: Some(percent("20")), ..half() };
    assert_eq!(covered_by(&fifth, drafts()), ["a", "x"]);
    assert_eq!(covered(drafts()), ["x"]);
    let above = Definition { owned_at_least: Some(percent("20.01")), ..half() };
    assert_eq!(covered_by(&above, drafts()), ["x"]);
    let none = Definition { owned_at_least: None, ..half() };
    assert_eq!(
        covered_by(&none, vec![company("x", "CN", &[]), company("a", "SG", &["x 100"])]),
        ["x"]
    );
    let any = Definition { owned_at_least: Some(Percent::ZERO), ..half() };
    let nothing = vec![
        company("x", "CN", &[]),
        company("a", "SG", &["x 0"]),
        company("b", "SG", &["x 0.01"]),
    ];
    assert_eq!(covered_by(&any, nothing), ["b", "x"]);
}

#[test]
fn reasons_name_what_each_owner_holds() {
    let drafts = vec![
        company("x", "CN", &[]),
        company("y", "SG", &["x 80"]),
        company("z", "SG", &[]),
        company("a", "SG", &["z 40", "y 9", "x 51"]),
    ];
    assert_eq!(
        why(&half(), drafts.clone(), "a"),
        "owned 51 % by X (organised in China), 9 % by Y; Y owned 80 % by X (organised in China)"
    );
    let register = Register::build(drafts).unwrap();
    let a = register.find("a").unwrap();
    assert_eq!(register.standing(&half(), ON).share(a), percent("60"));
    let drafts = vec![
        PartyDraft { kind: PartyKind::State, ..company("s", "RU", &[]) },
        company("x", "CN", &[]),
        company("y", "SG", &["s 100"]),
        company("a", "SG", &["x 30", "y 25"]),
    ];
    assert_eq!(
        why(&half(), drafts, "a"),
        "owned 30 % by X (organised in China), 25 % by Y; \
         Y owned 100 % by S (the state of Russia)"
    );
}

#[test]
fn long_reasons_are_cut_in_words_and_whole_in_steps() {
    let link = |at: u32| company(&format!("c{at}"), "SG", &[&format!("c{} 50", at + 1)]);
    let drafts: Vec<_> = (0..10_000).map(link).chain([company("c10000", "CN", &[])]).collect();
    let register = Register::build(drafts).unwrap();
    let standing = register.standing(&half(), ON);
    let reasons = standing.reasons(&register, register.find("c0").unwrap()).unwrap();
    assert_eq!(reasons.steps().len(), 10_001);
    let text = reasons.to_string();
    assert!(text.starts_with("owned 50 % by C1; C1 owned 50 % by C2; "), "{text}");
    assert!(text.ends_with("; C19 owned 50 % by C20; and 9980 more steps"), "{text}");
}

// === lists, seats, persons, home ===

#[test]
fn a_membership_begins_on_its_day_and_has_ended_on_its_last() {
    let (from, until) = (date(2026, 2, 1), date(2026, 3, 1));
    let drafts = vec![
        listed(company("l", "NO", &[]), Some(from), Some(until)),
        company("a", "SG", &["l 50"]),
    ];
    let register = Register::build(drafts).unwrap();
    assert_eq!(register.change_dates(), [from, until]);
    let on = |day: Date| {
        let standing = register.standing(&half(), day);
        assert!(standing.period().contains(day));
        names(&register, &standing)
    };
    assert_eq!(on(date(2026, 1, 31)), [""; 0]);
    assert_eq!(on(from), ["a", "l"]);
    assert_eq!(on(date(2026, 2, 28)), ["a", "l"]);
    assert_eq!(on(until), [""; 0]);
    assert_eq!(on(date(2027, 1, 1)), [""; 0]);
    let during = register.standing(&half(), date(2026, 2, 14)).period();
    assert_eq!(Some(during), Period::new(Some(from), Some(until)));
}

#[test]
fn a_stake_that_is_sold_covers_no_longer() {
    let mut sold = company("a", "SG", &["x 60"]);
    sold.owners[0].during = Period::new(None, Some(ON)).unwrap();
    let register = Register::build(vec![company("x", "CN", &[]), sold]).unwrap();
    assert_eq!(names(&register, &register.standing(&half(), date(2026, 5, 31))), ["a", "x"]);
    assert_eq!(names(&register, &register.standing(&half(), ON)), ["x"]);
}

#[test]
fn home_parties_are_covered_only_if_listed() {
    let home = |passes| Definition {
        home: Some(Home { countries: countries(&["US"]), passes }),
        ..half()
    };
    let drafts = |list: bool| {
        let us = company("us", "US", &["x 60"]);
        let us = if list { listed(us, None, None) } else { us };
        let mut place = company("place", "US", &[]);
        place.seats.push(seat(SeatKind::PrincipalPlace, "CN"));
        vec![
            us,
            place,
            company("x", "CN", &[]),
            company("sub", "SG", &["us 100"]),
            person("works-at-us", "SG", Some("us")),
            person("in-us", "US", Some("x")),
        ]
    };
    assert_eq!(covered_by(&home(false), drafts(false)), ["x"]);
    assert_eq!(covered_by(&home(true), drafts(false)), ["sub", "x"]);
    assert_eq!(covered_by(&home(true), drafts(true)), ["sub", "us", "works-at-us", "x"]);
    assert_eq!(
        why(&home(true), drafts(false), "sub"),
        "owned 100 % by US; US owned 60 % by X (organised in China) (not covered itself)"
    );
    assert_eq!(why(&home(true), drafts(false), "us"), "not covered");
    assert_eq!(
        covered(drafts(false)),
        ["in-us", "place", "sub", "us", "works-at-us", "x"],
        "without a home everybody is foreign"
    );
}

#[test]
fn persons_are_covered_by_residence_or_work_if_the_definition_says_so() {
    let drafts = || {
        vec![
            company("x", "CN", &[]),
            person("resident", "CN", None),
            person("employee", "SG", Some("x")),
            person("neither", "SG", None),
            company("theirs", "SG", &["employee 50"]),
        ]
    };
    assert_eq!(covered(drafts()), ["employee", "resident", "theirs", "x"]);
    let residents = Definition { employees: false, ..half() };
    assert_eq!(covered_by(&residents, drafts()), ["resident", "x"]);
    let neither = Definition { residents: false, ..residents };
    assert_eq!(covered_by(&neither, drafts()), ["x"]);
    assert_eq!(
        why(&half(), drafts(), "theirs"),
        "owned 50 % by EMPLOYEE; EMPLOYEE works for X; X organised in China"
    );
}

#[test]
fn the_principal_place_counts_if_the_definition_says_so() {
    let mut draft = company("a", "SG", &[]);
    draft.seats.push(seat(SeatKind::PrincipalPlace, "CN"));
    assert_eq!(covered(vec![draft.clone()]), ["a"]);
    assert_eq!(why(&half(), vec![draft.clone()], "a"), "principal place of business in China");
    let formal = Definition { principal_place: false, ..half() };
    assert_eq!(covered_by(&formal, vec![draft]), [""; 0]);
    let entry = listed(company("l", "NO", &[]), None, None);
    assert_eq!(why(&half(), vec![entry], "l"), "on the list designated");
}

#[test]
fn a_list_is_the_first_ground() {
    let register = Register::build(vec![listed(company("x", "CN", &[]), None, None)]).unwrap();
    let x = register.find("x").unwrap();
    assert_eq!(register.standing(&half(), ON).because(x), Some(Because::Listed(0)));
}

// === laws ===

/// Countries of parties: the first two are asked for, the last one is home.
const CODES: [&str; 4] = ["CN", "RU", "SG", "US"];

/// A register of few parties with many stakes: a country for each, and who owns how much of it.
type Sketch = Vec<Sketched>;
type Sketched = (usize, Vec<(usize, u32)>);

fn sketch() -> impl Strategy<Value = Sketch> {
    let stakes = proptest::collection::vec((0usize..8, 1u32..=6_000), 0..4);
    proptest::collection::vec((0usize..8, stakes), 1..9)
}

/// Stakes beyond the whole are cut; a country beyond the list is the third.
fn draft(sketch: &Sketch, codes: [&str; 4]) -> Vec<PartyDraft> {
    let party = |(at, (country, stakes)): (usize, &Sketched)| {
        let code = codes.get(*country).unwrap_or(&codes[2]);
        let mut draft = company(&format!("p{at}"), code, &[]);
        let mut free = 10_000;
        for (owner, share) in stakes {
            let share = (*share).min(free);
            free -= share;
            draft.owners.push(StakeDraft {
                owner: format!("p{}", owner % sketch.len()),
                percent: Percent::from_hundredths(share).unwrap(),
                during: Period::ALWAYS,
            });
        }
        draft
    };
    sketch.iter().enumerate().map(party).collect()
}

fn definition(home: Option<bool>, codes: [&str; 4]) -> Definition {
    let at_home = |passes| Home { countries: countries(&codes[3..]), passes };
    Definition { countries: countries(&codes[..2]), home: home.map(at_home), ..half() }
}

/// The least fixed point by asking everybody again until nothing changes.
fn slowly(definition: &Definition, register: &Register) -> Vec<String> {
    let everybody: Vec<PartyId> = register.iter().map(|(id, _)| id).collect();
    let (mut covered, mut counting) = (vec![false; 9], vec![false; 9]);
    loop {
        let before = counting.clone();
        for id in &everybody {
            let party = register.get(*id);
            let country = party.organised_in(ON).unwrap();
            let home = definition.home.is_some_and(|home| home.countries.contains(country));
            let held = party.owners.iter().filter(|stake| counting[stake.owner.index()]);
            let held: u32 = held.map(|stake| stake.percent.hundredths()).sum();
            let seed = definition.countries.contains(country);
            covered[id.index()] |= !home && (seed || held >= 5_000);
            let passes = definition.home.is_some_and(|home| home.passes);
            counting[id.index()] |= covered[id.index()] || home && passes && held >= 5_000;
        }
        if before == counting {
            break;
        }
    }
    let found = everybody.into_iter().filter(|id| covered[id.index()]);
    found.map(|id| register.get(id).id.clone()).collect()
}

proptest! {
    #[test]
    fn it_is_the_least_fixed_point(sketch in sketch(), home: Option<bool>) {
        let definition = definition(home, CODES);
        let register = Register::build(draft(&sketch, CODES)).unwrap();
        let standing = register.standing(&definition, ON);
        prop_assert_eq!(names(&register, &standing), slowly(&definition, &register));
        // Everyone covered has reasons, and they end in grounds that need no reason.
        for id in standing.covered() {
            let reasons = standing.reasons(&register, id).unwrap();
            let last = reasons.steps().iter().any(|step| matches!(step.because, Because::Seat(..)));
            prop_assert!(last, "{reasons}");
            for step in reasons.steps().iter().filter(|step| step.because == Because::Owned) {
                let held: u32 = step.owners.iter().map(|(_, share)| share.hundredths()).sum();
                prop_assert!(held >= 5_000, "{}", reasons);
            }
        }
    }

    #[test]
    fn a_covered_owner_more_frees_nobody(
        sketch in sketch(), home: Option<bool>, to in 0usize..8, share in 0u32..=10_000,
    ) {
        let definition = definition(home, CODES);
        let mut drafts = draft(&sketch, CODES);
        let register = Register::build(drafts.clone()).unwrap();
        let before = register.standing(&definition, ON);
        let Some(owner) = before.covered().next() else { return Ok(()) };
        let to = to % drafts.len();
        let held: u32 = drafts[to].owners.iter().map(|stake| stake.percent.hundredths()).sum();
        drafts[to].owners.push(StakeDraft {
            owner: register.get(owner).id.clone(),
            percent: Percent::from_hundredths(share.min(10_000 - held)).unwrap(),
            during: Period::ALWAYS,
        });
        let register = Register::build(drafts).unwrap();
        let after = register.standing(&definition, ON);
        prop_assert!(before.covered().all(|id| after.is_covered(id)));
    }

    #[test]
    fn the_order_of_parties_and_stakes_does_not_matter(
        (sketch, order) in sketch().prop_flat_map(|sketch| {
            let order: Vec<usize> = (0..sketch.len()).collect();
            (Just(sketch), Just(order).prop_shuffle())
        }),
        home: Option<bool>,
    ) {
        let definition = definition(home, CODES);
        let drafts = draft(&sketch, CODES);
        let mut mixed: Vec<_> = order.into_iter().map(|at| drafts[at].clone()).collect();
        mixed.iter_mut().for_each(|draft| draft.owners.reverse());
        let one = covered_by(&definition, drafts.clone());
        prop_assert_eq!(&one, &covered_by(&definition, mixed.clone()));
        for id in one {
            let why = |drafts: &[PartyDraft]| why(&definition, drafts.to_vec(), &id);
            prop_assert_eq!(why(&drafts), why(&mixed));
        }
    }

    #[test]
    fn no_country_is_special(sketch in sketch(), home: Option<bool>) {
        let other = ["NO", "US", "CN", "SG"];
        let one = covered_by(&definition(home, CODES), draft(&sketch, CODES));
        prop_assert_eq!(one, covered_by(&definition(home, other), draft(&sketch, other)));
    }

    #[test]
    fn what_is_held_effectively_is_never_more_than_the_whole(sketch in sketch(), of in 0usize..8) {
        let register = Register::build(draft(&sketch, CODES)).unwrap();
        let (of, _) = register.iter().nth(of % sketch.len()).unwrap();
        let seed = |id: PartyId| id.index() == 0;
        let held = register.effective_percent(of, ON, seed);
        let direct = register.get(of).owners.iter().filter(|stake| seed(stake.owner));
        let direct: u32 = direct.map(|stake| stake.percent.hundredths()).sum();
        prop_assert!(held.hundredths() >= direct);
    }
}
