//! Packs: what permits goes out whole, and what softens, lifts or demands opens nothing.

use super::*;

#[test]
fn what_is_permitted_goes_out_whole() {
    let settings = PolicySettings { default: Outcome::Block, ..PolicySettings::default() };
    for outcome in [Outcome::Allow, Outcome::Log] {
        let rules = vec![rule("internal", outcome, vec![tagged(&["internal"])])];
        let policy = Policy::new(rules, settings.clone());
        let decide = |slices: &[&str]| {
            let slices = slices
                .iter()
                .map(|tags| Slice::of_tags(tags.split(' ').filter_map(Tag::parse).collect()));
            let content = policy.weigh_slices(slices.collect(), true);
            let asked = Asked { policy: &policy, atlas: atlas(), tags: &[], complete: true };
            let decision = asked.with(Some("20.0.1.1"), |facts| {
                policy.decide(&Facts { content: &content, ..*facts })
            });
            word(&decision)
        };
        assert_eq!(decide(&["internal"]), outcome.name());
        assert_eq!(decide(&["internal", "secret"]), "block", "the secret is in no rule");
    }
}

#[test]
fn an_exception_for_data_takes_permissions_back_and_refusals_only_whole() {
    let host = || Condition::Hosts(vec![crate::net::HostPattern::parse("api.example").unwrap()]);
    let decide = |outcome: Outcome, slices: &[&str]| {
        let default = if outcome.refuses() { Outcome::Allow } else { Outcome::Block };
        let mut one = rule("r", outcome, vec![host()]);
        one.unless = vec![tagged(&["public"])];
        let policy =
            Policy::new(vec![one], PolicySettings { default, ..PolicySettings::default() });
        let slices = slices.iter().map(|tag| Slice::of_tags(Tag::parse(tag).into_iter().collect()));
        let content = policy.weigh_slices(slices.collect(), true);
        let asked = Asked { policy: &policy, atlas: atlas(), tags: &[], complete: true };
        let decision = asked
            .with(Some("20.0.1.1"), |facts| policy.decide(&Facts { content: &content, ..*facts }));
        word(&decision)
    };
    assert_eq!(decide(Outcome::Block, &["public"]), "allow");
    assert_eq!(decide(Outcome::Block, &["public", "health"]), "block");
    assert_eq!(decide(Outcome::Block, &[]), "block");
    assert_eq!(decide(Outcome::Allow, &["health"]), "allow");
    assert_eq!(decide(Outcome::Allow, &["public", "health"]), "block");
}

/// Rules of one pack each, with the default that blocks.
fn closed(rules: Vec<(Pack, Rule)>, grants: Vec<Grant>) -> Policy {
    let (packs, rules): (Vec<_>, Vec<_>) = rules.into_iter().unzip();
    let rules = rules.into_iter().enumerate();
    let rules = rules.map(|(at, rule)| Rule { pack_index: at, ..rule }).collect();
    let settings = PolicySettings { default: Outcome::Block, ..PolicySettings::default() };
    Policy::with_law(rules, settings, Law { packs, grants, ..Law::default() })
}

#[test]
fn what_is_softened_or_lifted_opens_nothing_that_is_closed() {
    let unknown = || vec![Condition::To(reach(&["CN"], &[], Consensus::Any, true))];
    let soft = Pack { on_unknown: Some(Outcome::Log), ..Pack::local() };
    let policy = closed(vec![(soft, rule("soft", Outcome::Block, unknown()))], Vec::new());
    let ask = |policy: &Policy, address| {
        let asked = Asked { policy, atlas: atlas(), tags: &["health"], complete: true };
        word(&asked.decide(Some(address)))
    };
    assert_eq!(ask(&policy, "20.0.5.1"), "block", "softened to log, and no permission");

    let exempt = Exemption {
        id: "e".to_owned(),
        cite: "s 1".to_owned(),
        lifts: vec![0],
        still_record: true,
        still_reports: Vec::new(),
    };
    let pack = Pack { exemptions: vec![exempt], ..Pack::local() };
    let grant = Grant {
        name: "x/e".to_owned(),
        pack: 0,
        exemption: 0,
        validity: Validity::default(),
        principals: PrincipalSet::default(),
        hosts: Vec::new(),
        purposes: Vec::new(),
    };
    let bar = rule("bar", Outcome::Block, vec![tagged(&["health"])]);
    let policy = closed(vec![(pack, bar)], vec![grant]);
    assert_eq!(ask(&policy, "20.0.1.1"), "block", "the bar is lifted, the default is not");

    let binds = Binds { exporters: countries(&["DE"]), attributes: Vec::new() };
    let pack = Pack { binds, ..Pack::local() };
    let allow = rule("allow", Outcome::Allow, vec![tagged(&["health"])]);
    let policy = closed(vec![(pack, allow)], Vec::new());
    assert_eq!(ask(&policy, "20.0.1.1"), "block", "nobody knows whether the pack binds");
}

#[test]
fn a_presumed_duty_does_not_open_a_bar_to_approval() {
    let binds = Binds { exporters: countries(&["DE"]), attributes: Vec::new() };
    let demanding = Pack { id: "d".to_owned(), binds, ..Pack::local() };
    let duty = |duty| Rule { duty, ..rule("duty", Outcome::Log, vec![tagged(&["health"])]) };
    let bar = || rule("bar", Outcome::Block, vec![tagged(&["health"])]);
    let policy = closed(vec![(demanding, duty(true)), (Pack::local(), bar())], Vec::new());
    let asked = Asked { policy: &policy, atlas: atlas(), tags: &["health"], complete: true };
    assert_eq!(word(&asked.decide(Some("20.0.1.1"))), "block");
    // What demands on evidence is a conflict, which waits for a person.
    let policy = closed(vec![(Pack::local(), duty(true)), (Pack::local(), bar())], Vec::new());
    let asked = Asked { policy: &policy, atlas: atlas(), tags: &["health"], complete: true };
    assert_eq!(word(&asked.decide(Some("20.0.1.1"))), "hold");
}
