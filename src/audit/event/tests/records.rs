//! Two records: one with everything in it that a record can hold, one with as little as it can.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::audit::{
    Authenticated, Failure, Fault, Found, HoldState, Kind, Location, Record, Redacted, Timings,
    Tls, Tolled, Waiting,
};
use crate::data::{
    Confidence, Detectors, Digester, Finding, Inspector, Layer, Limits, Outline, Source as Told,
    Tag, Tags,
};
use crate::geo::writer::{Field, Header, write};
use crate::geo::{Atlas, Correction, Country, Overlay, Source};
use crate::net::{Authority, Host};
use crate::policy::register::{
    KeyDigest, PartyDraft, PartyKind, Percent, Period, Register, Seat, SeatKind, StakeDraft,
};
use crate::policy::{
    Approval, Binds, Circumstances, Counted, Decision, Declared, Exporter, Facts, HeldRules, Law,
    Lift, Outcome, Pack, Peer, Point, Policy, PolicySettings, Report, Rule, Slice, State, Validity,
};
use crate::telemetry::Trace;

fn tags(names: &[&str]) -> Tags {
    names.iter().filter_map(|name| Tag::parse(name)).collect()
}

fn country(code: &str) -> Country {
    Country::parse(code).unwrap()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn party(id: &str, seat: (SeatKind, &str), owners: &[(&str, &str)]) -> PartyDraft {
    let seat = Seat { kind: seat.0, country: country(seat.1), during: Period::ALWAYS };
    let owners = owners.iter().map(|(owner, percent)| StakeDraft {
        owner: (*owner).to_owned(),
        percent: Percent::parse(percent).unwrap(),
        during: Period::ALWAYS,
    });
    PartyDraft {
        seats: vec![seat],
        owners: owners.collect(),
        ..PartyDraft::new(id, format!("The {id}"))
    }
}

fn register() -> Register {
    let founder = party("founder", (SeatKind::Resident, "SG"), &[]);
    Register::build(vec![
        party("vendor", (SeatKind::PrincipalPlace, "CN"), &[("holding", "62.5")]),
        party("holding", (SeatKind::Organised, "CN"), &[("founder", "99"), ("vendor", "1")]),
        PartyDraft { kind: PartyKind::Person, ..founder },
    ])
    .unwrap()
}

fn policy() -> Policy {
    let pack = Pack {
        id: "xx-act".to_owned(),
        version: "2026.11.1".to_owned(),
        authority: "An Act".to_owned(),
        digest: format!("sha256:{}", "5d".repeat(32)),
        signer: None,
        validity: Validity::default(),
        zone: jiff::tz::TimeZone::UTC,
        binds: Binds::default(),
        on_unknown: None,
        retain_years: Some(10),
        exemptions: Vec::new(),
        reports: vec![Report {
            id: "annual".to_owned(),
            due_days: 14,
            business_days: true,
            cite: "s. 3".to_owned(),
        }],
    };
    let rule = Rule {
        pack: "xx-act".to_owned(),
        cite: Some("An Act s. 2".to_owned()),
        reports: words(&["annual"]),
        ..Rule::plain("bulk-health", Outcome::Block, Vec::new())
    };
    let law = Law { packs: vec![pack], register: Arc::new(register()), ..Law::default() };
    Policy::with_law(vec![rule], PolicySettings::default(), law)
}

/// What the policy says to anything.
fn held(policy: &Policy, host: &Host) -> HeldRules {
    let decision = policy.decide(&Facts {
        client: [127, 0, 0, 1].into(),
        principal: None,
        method: "POST",
        host,
        place: None,
        peer: Peer::Hidden,
        content: &policy.weigh(tags(&["health"]), true),
        circumstances: Circumstances::at(Timestamp::UNIX_EPOCH),
    });
    let Decision::Refuse(refusal) = decision else { panic!("{decision:?}") };
    let mut held = refusal.held;
    held.iter_mut().for_each(|held| {
        held.presumed = true;
        held.lifted = Some(Lift::Approval(0));
    });
    held
}

fn atlas() -> Arc<Atlas> {
    let text = |key: &str, text: &str| (key.to_owned(), Field::Text(text.to_owned()));
    let part = Field::Array(vec![Field::Map(vec![text("iso_code", "43")])]);
    let place = Field::Map(vec![text("iso_code", "UA")]);
    let field = Field::Map(vec![
        ("country".to_owned(), place),
        ("subdivisions".to_owned(), part),
        text("asn", "AS64500"),
    ]);
    let header = Header {
        database_type: "country".to_owned(),
        description: None,
        build_epoch: 1_780_000_000,
        v6: true,
    };
    let bytes = write(&header, &[field], &[("20.0.0.0/8".parse().unwrap(), 0)]).unwrap();
    let mut overlay = Overlay::default();
    let correction =
        Correction { to: Some(country("UA")), reason: Some("said by its owner".to_owned()) };
    overlay.add_network("20.0.1.0/24".parse().unwrap(), correction).unwrap();
    Arc::new(Atlas::load(vec![(Source::new("geo", "geo.mmdb"), bytes)], overlay).unwrap())
}

fn found() -> Found {
    let tag = Tag::parse("health").unwrap();
    let digest = Digester::new(&[7; 32], "k").unwrap().digest(&tag, b"1234");
    let one = Finding {
        tag,
        detector: "icd".into(),
        confidence: Confidence::Sure,
        source: Told::Value,
        layer: Layer::body().below("gzip"),
        offset: 17,
        length: 4,
        record: 0,
        shape: Outline::of(b"1234"),
        digest,
    };
    Found { kinds: vec![Kind { count: 3, distinct: 2, one }], key_id: "k".to_owned() }
}

fn declared() -> Declared {
    Declared {
        transaction: Some("vendor".to_owned()),
        contract: Some("c-17".to_owned()),
        contract_has: words(&["onward-bar"]),
        purpose: Some("billing".to_owned()),
        mechanism: words(&["standard-contract"]),
        consent: words(&["explicit"]),
        approval: words(&["licence-9"]),
        recipient_kind: Some("vendor".to_owned()),
        phase: Some("onward".to_owned()),
    }
}

fn slice() -> Slice {
    Slice {
        tags: tags(&["health"]),
        of: Some(country("US")),
        subjects: Some(412),
        devices: Some(3),
        records: Some(500),
        ids: Vec::new(),
        linked: true,
        state: State::WORDS.first().map(|(_, state)| *state),
        point: Point::new(1.0, 2.0),
    }
}

/// A record with as little in it as there can be.
pub(super) fn empty() -> Record {
    let digester = Digester::new(&[7; 32], "k").unwrap();
    Record {
        at: "2026-11-30T00:53:20.123Z".parse().unwrap(),
        id: uuid::Uuid::nil(),
        trace: None,
        client: "10.20.3.17:51544".parse().unwrap(),
        principal: None,
        authenticated: None,
        method: http::Method::GET,
        scheme: "http",
        tunnel: None,
        messages_out: None,
        server_name: None,
        authority: None,
        path: None,
        reader: Arc::new(Inspector::new(Arc::new(Detectors::new(digester)), Limits::default())),
        address: None,
        beyond: false,
        via: None,
        tls: None,
        location: None,
        tags: Tags::default(),
        exporter: None,
        recipient: None,
        declared: Declared::default(),
        slices: Vec::new(),
        found: None,
        redacted: None,
        counts: Vec::new(),
        policy: Arc::new(Policy::new(Vec::new(), PolicySettings::default())),
        held: HeldRules::new(),
        approvals: None,
        hold: None,
        outcome: None,
        status: None,
        failure: None,
        bytes_out: 0,
        bytes_in: 0,
        timings: Timings::default(),
        config: "".into(),
    }
}

/// What is known of a request before anything is said of its data.
fn sent(host: &Host) -> Record {
    let atlas = atlas();
    let address = "20.0.1.9:443".parse().unwrap();
    let micros = |number| Some(Duration::from_micros(number));
    Record {
        principal: Some("svc-etl".into()),
        authenticated: Some(Authenticated::Mtls),
        method: http::Method::POST,
        scheme: "https",
        tunnel: Some("opened"),
        messages_out: Some(2),
        server_name: Some(host.clone()),
        trace: Trace::new("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", true),
        authority: Some(Authority::parse("ingest.vendor.example:443", None).unwrap()),
        path: Some("/people/jo@firm.example.com".to_owned()),
        address: Some(address),
        via: Some("proxy.corp.example:3128".to_owned()),
        tls: Some(Tls {
            version: "1.3",
            alpn: Some("h2"),
            key: Some(KeyDigest([9; 32]).to_string().into()),
        }),
        location: Some(Location { entry: atlas.locate(address.ip()).id(), atlas }),
        bytes_out: 48_213,
        bytes_in: 7,
        timings: Timings {
            resolve: micros(300),
            decide: micros(20),
            connect: micros(3_900),
            first_byte: micros(5_900),
            total: Duration::from_millis(7),
        },
        config: "sha256:5d41402a".into(),
        ..empty()
    }
}

/// A record with everything in it.
pub(super) fn full() -> Record {
    let host = Host::parse("ingest.vendor.example").unwrap();
    let policy = policy();
    let approval = Approval {
        hold: "h-1".to_owned(),
        rules: words(&["xx-act/bulk-health"]),
        client: "svc-etl".to_owned(),
        host: host.clone(),
        tags: tags(&["health"]),
        expires: Timestamp::MAX,
    };
    let failure =
        Failure { fault: Fault::Policy, code: "rule", detail: "a rule bars it".to_owned() };
    Record {
        tags: tags(&["health"]),
        exporter: Some(Arc::new(Exporter {
            id: "acme".to_owned(),
            jurisdiction: country("US"),
            attributes: words(&["data-broker"]),
        })),
        recipient: Some(("vendor".to_owned(), "host".to_owned())),
        declared: declared(),
        slices: vec![slice()],
        found: Some(Box::new(found())),
        redacted: Some(Redacted { values: 2, rules: words(&["xx-act/bulk-health"]) }),
        counts: vec![Tolled {
            meter: "xx-act/year/health".to_owned(),
            holder: "acme".to_owned(),
            counted: Counted { before: 9_319, after: 9_731, open: false },
            limit: Some(10_000),
        }],
        held: held(&policy, &host),
        policy: Arc::new(policy),
        approvals: Some(vec![approval].into()),
        hold: Some(Waiting { hold: uuid::Uuid::now_v7(), state: HoldState::Open }),
        outcome: Some(Outcome::Block),
        status: Some(451),
        failure: Some(failure),
        ..sent(&host)
    }
}
