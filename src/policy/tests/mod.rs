//! The laws of the decision, and its cases.

use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;

use proptest::prelude::*;

use crate::data::{Tag, TagPattern, Tags};
use crate::geo::writer::{Field, Header, write};
use crate::geo::{Atlas, Correction, Country, CountrySet, Overlay, Source, State};
use crate::net::Host;

use super::*;

mod law;
mod nearby;

/// A network, and where each database places it.
type Said = (&'static str, Option<&'static str>, Option<&'static str>);

/// Two small databases: what each says of 192.0.1.0/24, .2, .3 and so on is in the table.
const SAID: [Said; 5] = [
    ("20.0.1.0/24", Some("US"), Some("US")),
    ("20.0.2.0/24", Some("CN"), Some("CN")),
    ("20.0.3.0/24", Some("CN"), Some("SG")),
    ("20.0.4.0/24", Some("RU"), None),
    ("20.0.5.0/24", None, None),
];

fn atlas_with(rename: impl Fn(&str) -> String) -> Atlas {
    let database = |name: &str, pick: fn(&Said) -> Option<&'static str>| {
        let said = SAID.iter().filter_map(|row| Some((row.0, rename(pick(row)?))));
        // A database of nothing but test networks still needs one answer of each kind.
        let rows: Vec<_> = said.chain([("21.0.0.0/8", rename("US"))]).collect();
        let values: Vec<_> = rows
            .iter()
            .map(|(_, code)| {
                Field::Map(vec![("country_code".to_owned(), Field::Text(code.clone()))])
            })
            .collect();
        let networks: Vec<_> =
            rows.iter().enumerate().map(|(at, (net, _))| (net.parse().unwrap(), at)).collect();
        let header = Header {
            database_type: "country".to_owned(),
            description: None,
            build_epoch: 1_780_000_000,
            v6: true,
        };
        (Source::new(name, format!("{name}.mmdb")), write(&header, &values, &networks).unwrap())
    };
    let mut overlay = Overlay::default();
    let correction = |to| Correction { to, reason: None };
    let germany = Country::parse(&rename("DE"));
    overlay.add_network("20.0.6.0/24".parse().unwrap(), correction(germany)).unwrap();
    overlay.add_network("20.0.7.0/24".parse().unwrap(), correction(None)).unwrap();
    Atlas::load(vec![database("a", |row| row.1), database("b", |row| row.2)], overlay).unwrap()
}

fn atlas() -> &'static Atlas {
    static ATLAS: LazyLock<Atlas> = LazyLock::new(|| atlas_with(str::to_owned));
    &ATLAS
}

fn countries(codes: &[&str]) -> CountrySet {
    codes.iter().map(|code| Country::parse(code).unwrap()).collect()
}

fn reach(codes: &[&str], states: &[State], consensus: Consensus, unknown_counts: bool) -> Reach {
    let mut places = Places { countries: countries(codes), ..Places::default() };
    states.iter().for_each(|state| places.states.insert(*state));
    let names = codes.iter().map(|code| (*code).to_owned()).collect();
    Reach { names, places: Dated::always(places), regions: Vec::new(), consensus, unknown_counts }
}

fn tagged(patterns: &[&str]) -> Condition {
    let patterns = patterns.iter().map(|text| TagPattern::parse(text).unwrap());
    Condition::Tags(TagMask::new(patterns.collect()))
}

fn rule(id: &str, outcome: Outcome, conditions: Vec<Condition>) -> Rule {
    Rule::plain(id, outcome, conditions)
}

/// One question: an address and tags, all else fixed.
struct Asked<'a> {
    policy: &'a Policy,
    atlas: &'a Atlas,
    tags: &'a [&'a str],
    complete: bool,
}

impl Asked<'_> {
    fn content(&self) -> Content {
        let tags: Tags = self.tags.iter().filter_map(|text| Tag::parse(text)).collect();
        self.policy.weigh(tags, self.complete)
    }

    fn with<T>(&self, address: Option<&str>, ask: impl FnOnce(&Facts<'_>) -> T) -> T {
        let content = self.content();
        let place = address.map(|address| {
            let judged: IpAddr = address.parse().unwrap();
            let entry = self.atlas.locate(judged);
            Place { socket: SocketAddr::new(judged, 443), judged, special: None, entry }
        });
        let host = Host::parse("api.example").unwrap();
        ask(&Facts {
            client: IpAddr::from([127, 0, 0, 1]),
            principal: Some("svc"),
            method: "POST",
            host: &host,
            place,
            peer: Peer::Hidden,
            content: &content,
            circumstances: Circumstances::at(jiff::Timestamp::UNIX_EPOCH),
        })
    }

    fn decide(&self, address: Option<&str>) -> Decision {
        self.with(address, |facts| self.policy.decide(facts))
    }
}

fn word(decision: &Decision) -> &'static str {
    match decision {
        Decision::Allow(permit) => permit.outcome().name(),
        Decision::Inspect => "inspect",
        Decision::Refuse(refusal) => refusal.outcome.name(),
    }
}

fn answers(conditions: Vec<Condition>, outcome: Outcome, tags: &[&str]) -> Vec<&'static str> {
    let policy = Policy::new(vec![rule("r", outcome, conditions)], PolicySettings::default());
    let asked = Asked { policy: &policy, atlas: atlas(), tags, complete: true };
    let addresses =
        ["20.0.1.1", "20.0.2.1", "20.0.3.1", "20.0.4.1", "20.0.5.1", "20.0.6.1", "20.0.7.1"];
    addresses.iter().map(|address| word(&asked.decide(Some(address)))).collect()
}

#[test]
fn any_majority_and_all() {
    let to = |consensus| vec![Condition::To(reach(&["CN", "RU"], &[], consensus, false))];
    //                     US US    CN CN    CN SG    RU -     - -      DE       unknown
    let any = answers(to(Consensus::Any), Outcome::Block, &[]);
    assert_eq!(any, ["allow", "block", "block", "block", "allow", "allow", "allow"]);
    let majority = answers(to(Consensus::Majority), Outcome::Block, &[]);
    assert_eq!(majority, ["allow", "block", "allow", "block", "allow", "allow", "allow"]);
    let all = answers(to(Consensus::All), Outcome::Block, &[]);
    assert_eq!(all, ["allow", "block", "allow", "block", "allow", "allow", "allow"]);
}

#[test]
fn unknown_places_count_as_restricted_only_where_the_rule_says() {
    let to = |counts| vec![Condition::To(reach(&["CN"], &[], Consensus::Any, counts))];
    let counted = answers(to(true), Outcome::Block, &[]);
    assert_eq!(counted, ["allow", "block", "block", "allow", "block", "allow", "block"]);
    let named = vec![Condition::To(reach(&[], &[State::Unknown], Consensus::Any, false))];
    let named = answers(named, Outcome::Block, &[]);
    assert_eq!(named, ["allow", "allow", "allow", "allow", "block", "allow", "block"]);
}

#[test]
fn outside_needs_every_candidate_inside() {
    let outside =
        |counts| vec![Condition::Outside(reach(&["US", "CN"], &[], Consensus::Any, counts))];
    let strict = answers(outside(true), Outcome::Block, &[]);
    assert_eq!(strict, ["allow", "allow", "block", "block", "block", "block", "block"]);
    let lax = answers(outside(false), Outcome::Block, &[]);
    assert_eq!(lax, ["allow", "allow", "block", "block", "allow", "block", "allow"]);
}

#[test]
fn states_are_places() {
    let disputed = vec![Condition::To(reach(&[], &[State::Disputed], Consensus::Any, false))];
    let disputed = answers(disputed, Outcome::Log, &[]);
    assert_eq!(disputed, ["allow", "allow", "log", "allow", "allow", "allow", "allow"]);
    let overridden = vec![Condition::To(reach(&[], &[State::Overridden], Consensus::Any, false))];
    let overridden = answers(overridden, Outcome::Log, &[]);
    assert_eq!(overridden, ["allow", "allow", "allow", "allow", "allow", "log", "log"]);
}

#[test]
fn an_allow_list_passes_only_if_all_candidates_pass() {
    let allow = vec![Condition::To(reach(&["CN", "DE"], &[], Consensus::All, false))];
    let settings = PolicySettings { default: Outcome::Block, ..PolicySettings::default() };
    let policy = Policy::new(vec![rule("r", Outcome::Allow, allow)], settings);
    let atlas = atlas();
    let asked = Asked { policy: &policy, atlas, tags: &[], complete: true };
    for (address, expected) in
        [("20.0.2.1", "allow"), ("20.0.3.1", "block"), ("20.0.5.1", "block"), ("20.0.6.1", "allow")]
    {
        assert_eq!(word(&asked.decide(Some(address))), expected, "{address}");
    }
}

#[test]
fn what_is_not_known_yet_is_asked_for_and_what_cannot_matter_is_not() {
    let rules = vec![
        rule(
            "host",
            Outcome::Block,
            vec![Condition::Hosts(vec![crate::net::HostPattern::parse("bad.example").unwrap()])],
        ),
        rule(
            "cn",
            Outcome::Block,
            vec![tagged(&["health"]), Condition::To(reach(&["CN"], &[], Consensus::Any, true))],
        ),
    ];
    let policy = Policy::new(rules, PolicySettings::default());
    let atlas = atlas();
    let asked = |tags, complete| Asked { policy: &policy, atlas, tags, complete };
    assert_eq!(
        word(&asked(&[], false).decide(Some("20.0.1.1"))),
        "allow",
        "no rule looks inside for US"
    );
    assert_eq!(word(&asked(&[], false).decide(Some("20.0.2.1"))), "inspect");
    assert_eq!(word(&asked(&["health.x"], false).decide(Some("20.0.2.1"))), "block");
    assert_eq!(word(&asked(&[], true).decide(None)), "inspect", "an address must be judged");
    assert_eq!(word(&asked(&[], true).decide(Some("20.0.2.1"))), "allow");
}

#[test]
fn a_name_that_no_rule_permits_is_refused_before_it_is_resolved() {
    let host = |text| Condition::Hosts(vec![crate::net::HostPattern::parse(text).unwrap()]);
    let decide = |text| {
        let settings = PolicySettings { default: Outcome::Block, ..PolicySettings::default() };
        let policy = Policy::new(vec![rule("r", Outcome::Allow, vec![host(text)])], settings);
        let asked = Asked { policy: &policy, atlas: atlas(), tags: &[], complete: true };
        word(&asked.decide(None))
    };
    assert_eq!((decide("other.example"), decide("api.example")), ("block", "inspect"));
}

#[test]
fn special_networks_are_refused_before_any_rule() {
    let policy = Policy::new(Vec::new(), PolicySettings::default());
    let atlas = atlas();
    let asked = Asked { policy: &policy, atlas, tags: &[], complete: true };
    let decision = asked.with(Some("10.0.0.1"), |facts| {
        let place =
            facts.place.map(|place| Place { special: Some(crate::net::Special::Private), ..place });
        policy.decide(&Facts { place, ..*facts })
    });
    let Decision::Refuse(refusal) = decision else { panic!("{decision:?}") };
    assert_eq!(refusal.basis, Basis::Special(crate::net::Special::Private));
}

#[test]
fn evidence_is_told_before_presumption() {
    let rules = vec![
        rule(
            "presumed",
            Outcome::Block,
            vec![Condition::To(reach(&["CN"], &[], Consensus::Any, true))],
        ),
        rule(
            "named",
            Outcome::Block,
            vec![Condition::To(reach(&[], &[State::Unknown], Consensus::Any, false))],
        ),
    ];
    let policy = Policy::new(rules, PolicySettings::default());
    let atlas = atlas();
    let asked = Asked { policy: &policy, atlas, tags: &[], complete: true };
    let Decision::Refuse(refusal) = asked.decide(Some("20.0.5.1")) else { panic!() };
    let Basis::Rule(held) = refusal.basis else { panic!("{refusal:?}") };
    assert_eq!((held.rule, held.presumed), (1, false));
    assert_eq!(refusal.held.len(), 2, "both are recorded");
}

#[test]
fn an_observing_rule_is_held_but_does_nothing() {
    let mut observing = rule("r", Outcome::Block, vec![tagged(&["*"])]);
    observing.mode = Mode::Observe;
    let policy = Policy::new(vec![observing], PolicySettings::default());
    let atlas = atlas();
    let asked = Asked { policy: &policy, atlas, tags: &["health"], complete: true };
    let Decision::Allow(permit) = asked.decide(Some("20.0.2.1")) else { panic!() };
    assert_eq!((permit.outcome(), permit.held().len()), (Outcome::Allow, 1));
}

// === laws ===

const TAGS: [&str; 4] = ["health", "health.x", "omic", "label.a"];
const CODES: [&str; 5] = ["US", "CN", "SG", "RU", "DE"];
const ADDRESSES: [&str; 7] =
    ["20.0.1.1", "20.0.2.1", "20.0.3.1", "20.0.4.1", "20.0.5.1", "20.0.6.1", "20.0.7.1"];

fn some_conditions() -> impl Strategy<Value = Vec<Condition>> {
    let consensus =
        prop_oneof![Just(Consensus::Any), Just(Consensus::Majority), Just(Consensus::All)];
    let codes = proptest::sample::subsequence(CODES.to_vec(), 1..=3);
    let states = vec![State::Agreed, State::Disputed, State::Overridden, State::Unknown];
    let states = proptest::sample::subsequence(states, 0..=1);
    let place = (codes, states, consensus, any::<bool>(), any::<bool>()).prop_map(
        |(codes, states, consensus, counts, outside)| {
            let reach = reach(&codes, &states, consensus, counts);
            if outside { Condition::Outside(reach) } else { Condition::To(reach) }
        },
    );
    let tags = proptest::sample::subsequence(vec!["*", "health", "omic"], 1..=2);
    let tags = tags.prop_map(|patterns| tagged(&patterns));
    let method = prop_oneof![Just("POST"), Just("GET")];
    let method = method.prop_map(|method| Condition::Methods(vec![method.to_owned()]));
    let optional = (
        proptest::option::of(tags),
        proptest::collection::vec(place, 0..=2),
        proptest::option::weighted(0.2, method),
        proptest::option::weighted(0.2, some_peer()),
    );
    optional.prop_map(|(a, b, c, d)| a.into_iter().chain(b).chain(c).chain(d).collect())
}

fn some_peer() -> impl Strategy<Value = Condition> {
    let codes = proptest::sample::subsequence(CODES.to_vec(), 1..=2);
    codes.prop_map(|codes| Condition::PeerCountries(countries(&codes), Vec::new()))
}

fn some_policy() -> impl Strategy<Value = Policy> {
    policies(true)
}

/// Policies whose rules may have exceptions, or have none.
fn policies(excepting: bool) -> impl Strategy<Value = Policy> {
    let outcome = prop_oneof![Just(Outcome::Allow), Just(Outcome::Log), Just(Outcome::Block)];
    let mode = prop_oneof![3 => Just(Mode::Enforce), 1 => Just(Mode::Observe)];
    let unless = proptest::sample::subsequence(vec!["omic", "label"], 1..=1);
    let unless = proptest::option::weighted(0.3, unless.prop_map(|patterns| tagged(&patterns)));
    let one = (outcome, mode, some_conditions(), unless);
    let rules = proptest::collection::vec(one, 0..6);
    let default = prop_oneof![Just(Outcome::Allow), Just(Outcome::Block)];
    (rules, default).prop_map(move |(rules, default)| {
        let rules =
            rules.into_iter().enumerate().map(|(at, (outcome, mode, conditions, unless))| Rule {
                mode,
                unless: unless.into_iter().filter(|_| excepting).collect(),
                ..rule(&format!("r{at}"), outcome, conditions)
            });
        Policy::new(rules.collect(), PolicySettings { default, ..PolicySettings::default() })
    })
}

fn some_tags() -> impl Strategy<Value = Vec<&'static str>> {
    proptest::sample::subsequence(TAGS.to_vec(), 0..=3)
}

proptest! {
    /// Whatever is answered before all is known still stands when it is.
    #[test]
    fn an_early_answer_is_never_taken_back(
        policy in some_policy(), early in some_tags(), late in some_tags(), at in 0..ADDRESSES.len(),
    ) {
        let atlas = atlas();
        let all: Vec<_> = early.iter().chain(&late).copied().collect();
        let before = Asked { policy: &policy, atlas, tags: &early, complete: false };
        let after = Asked { policy: &policy, atlas, tags: &all, complete: true };
        let last = after.decide(Some(ADDRESSES[at]));
        prop_assert_ne!(&last, &Decision::Inspect);
        for first in [before.decide(None), before.decide(Some(ADDRESSES[at]))] {
            if first != Decision::Inspect {
                prop_assert_eq!(word(&first), word(&last));
            }
        }
    }

    /// What is at stake is what `decide` waits for; and where only the record is, no tag bars.
    #[test]
    fn what_is_at_stake_is_what_can_still_change(
        policy in some_policy(), early in some_tags(), late in some_tags(), at in 0..ADDRESSES.len(),
    ) {
        let atlas = atlas();
        let before = Asked { policy: &policy, atlas, tags: &early, complete: false };
        let stake = before.with(Some(ADDRESSES[at]), |facts| policy.stake(facts));
        let open = before.decide(Some(ADDRESSES[at])) == Decision::Inspect;
        prop_assert_eq!(open, stake != Stake::Nothing);
        if stake == Stake::Record {
            let all: Vec<_> = early.iter().chain(&late).copied().collect();
            let after = Asked { policy: &policy, atlas, tags: &all, complete: true };
            prop_assert!(matches!(after.decide(Some(ADDRESSES[at])), Decision::Allow(_)));
        }
    }

    /// Nor is it when the destination shows whose it is.
    #[test]
    fn no_certificate_takes_an_answer_back(
        policy in some_policy(), tags in some_tags(), at in 0..ADDRESSES.len(), shown in proptest::sample::select(CODES.to_vec()),
    ) {
        let shown = Country::parse(shown).into_iter().collect();
        let certificate = Certificate { key: register::KeyDigest([0; 32]), countries: shown, organisations: Vec::new() };
        let asked = Asked { policy: &policy, atlas: atlas(), tags: &tags, complete: true };
        let decide = |address, peer| asked.with(address, |facts| policy.decide(&Facts { peer, ..*facts }));
        let last = decide(Some(ADDRESSES[at]), Peer::Shown(&certificate));
        prop_assert_ne!(&last, &Decision::Inspect);
        for first in [decide(None, Peer::Awaited), decide(Some(ADDRESSES[at]), Peer::Awaited)] {
            if first != Decision::Inspect {
                prop_assert_eq!(word(&first), word(&last));
            }
        }
    }

    /// `explain` tells the decision that `decide` takes, and the same truths.
    #[test]
    fn explain_agrees_with_decide(policy in some_policy(), tags in some_tags(), at in 0..ADDRESSES.len()) {
        let atlas = atlas();
        for address in [None, Some(ADDRESSES[at])] {
            let asked = Asked { policy: &policy, atlas, tags: &tags, complete: true };
            let explanation = asked.with(address, |facts| policy.explain(facts));
            let decision = asked.decide(address);
            prop_assert_eq!(&explanation.decision, &decision);
            let yes = explanation.rules.iter().filter(|rule| rule.truth == Truth::Yes).count();
            let held = match &decision {
                Decision::Allow(permit) => permit.held().len(),
                Decision::Refuse(refusal) => refusal.held.len(),
                Decision::Inspect => yes,
            };
            prop_assert_eq!(held, yes);
            for rule in &explanation.rules {
                let all = rule.conditions.iter().fold(Truth::Yes, |all, one| all.and(one.truth));
                // A rule that permits does not hold where it would have to presume.
                let presumed = rule.truth == Truth::No && rule.outcome <= Outcome::Log;
                let excepted = rule.unless.iter().any(|one| one.truth != Truth::No);
                prop_assert!(rule.truth == all || presumed || excepted);
            }
        }
    }

    /// `decide` on whole facts and `conclude` are one.
    #[test]
    fn conclude_agrees_with_decide(policy in some_policy(), tags in some_tags(), at in 0..ADDRESSES.len()) {
        let atlas = atlas();
        let asked = Asked { policy: &policy, atlas, tags: &tags, complete: true };
        let (decided, concluded) = asked.with(Some(ADDRESSES[at]), |facts| {
            (policy.decide(facts), policy.conclude(facts, facts.place.unwrap()))
        });
        prop_assert_eq!(decided, Decision::from(concluded));
    }

    /// More tags never turn a refusal into a permission where no rule permits by tag.
    #[test]
    fn declaring_more_never_opens(policy in policies(false), fewer in some_tags(), more in some_tags(), at in 0..ADDRESSES.len()) {
        let permits_by_tag = policy.rules().iter().any(|rule| {
            !rule.outcome.refuses() && rule.all_conditions().any(|c| matches!(c, Condition::Tags(_)))
        });
        prop_assume!(!permits_by_tag);
        let atlas = atlas();
        let all: Vec<_> = fewer.iter().chain(&more).copied().collect();
        let asked = |tags| word(&Asked { policy: &policy, atlas, tags, complete: true }.decide(Some(ADDRESSES[at])));
        if asked(&fewer) == "block" {
            prop_assert_eq!(asked(&all), "block");
        }
    }

    /// The engine is neutral: renaming the countries in rules and databases alike renames
    /// nothing in the answer.
    #[test]
    fn renaming_countries_changes_nothing(tags in some_tags(), at in 0..ADDRESSES.len(), codes in proptest::sample::subsequence(CODES.to_vec(), 1..=4), outside: bool) {
        let swap = |code: &str| match code { "US" => "CN", "CN" => "US", "SG" => "BR", "RU" => "FR", other => other }.to_owned();
        let build = |codes: Vec<String>| {
            let codes: Vec<_> = codes.iter().map(String::as_str).collect();
            let reach = reach(&codes, &[], Consensus::Any, true);
            let place = if outside { Condition::Outside(reach) } else { Condition::To(reach) };
            Policy::new(vec![rule("r", Outcome::Block, vec![tagged(&["health"]), place])], PolicySettings::default())
        };
        let plain = build(codes.iter().map(|code| (*code).to_owned()).collect());
        let renamed = build(codes.iter().map(|code| swap(code)).collect());
        let (here, there) = (atlas(), &atlas_with(swap));
        let ask = |policy: &Policy, atlas: &Atlas| Asked { policy, atlas, tags: &tags, complete: true }.decide(Some(ADDRESSES[at]));
        prop_assert_eq!(word(&ask(&plain, here)), word(&ask(&renamed, there)));
    }
}
