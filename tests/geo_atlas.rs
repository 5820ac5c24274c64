//! The atlas against what its databases say one by one; corrections; refusals; shipped files.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use borderpost::geo::refresh::Manifest;
use borderpost::geo::writer::{Field, Header, write};
use borderpost::geo::{
    Atlas, Correction, Country, CountrySet, Database, Fault, Overlay, Source, State, Votes,
};
use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};
use maxminddb::{Reader, WithinOptions, path};
use proptest::prelude::*;

fn country(code: &str) -> Option<Country> {
    Country::parse(code)
}

fn text(value: &str) -> Field {
    Field::Text(value.to_owned())
}

/// A database of networks that are each in one of three countries or nowhere.
fn database(networks: &[(IpNetwork, usize)]) -> Vec<u8> {
    let header = Header {
        database_type: "country".into(),
        description: None,
        build_epoch: 1_780_000_000,
        v6: true,
    };
    let record = |code: &str| Field::Map(vec![("country_code".into(), text(code))]);
    write(&header, &["CN", "SG", "NO", "EU"].map(record), networks).unwrap()
}

fn parsed(networks: &[(&str, usize)]) -> Vec<(IpNetwork, usize)> {
    networks.iter().map(|(network, value)| (network.parse().unwrap(), *value)).collect()
}

fn source(name: &str) -> Source {
    Source::new(name, format!("{name}.mmdb"))
}

/// ASNs without countries.
fn asn_database() -> Vec<u8> {
    let header = Header {
        database_type: "asn".into(),
        description: None,
        build_epoch: 1_780_000_000,
        v6: true,
    };
    let record = Field::Map(vec![("autonomous_system_number".into(), Field::Uint32(37963))]);
    write(&header, &[record], &parsed(&[("47.74.0.0/16", 0)])).unwrap()
}

fn atlas(overlay: Overlay) -> Atlas {
    let one = database(&parsed(&[
        ("47.74.0.0/15", 0),
        ("1.0.0.0/8", 2),
        ("2001::/16", 2),
        ("9.0.0.0/8", 3),
    ]));
    let two = database(&parsed(&[("47.74.0.0/16", 1), ("1.0.0.0/8", 2)]));
    let sources = vec![(source("one"), one), (source("two"), two), (source("asn"), asn_database())];
    Atlas::load(sources, overlay).unwrap()
}

fn at<'a>(atlas: &'a Atlas, address: &str) -> &'a borderpost::geo::Entry {
    atlas.locate(address.parse().unwrap())
}

#[test]
fn evidence_is_kept_apart() {
    let atlas = atlas(Overlay::default());
    let entry = at(&atlas, "47.74.0.1");
    assert_eq!(
        (entry.state(), entry.candidates().to_string()),
        (State::Disputed, "CN, SG".to_owned())
    );
    let countries: Vec<_> = entry.answers().iter().map(|answer| answer.country).collect();
    assert_eq!(countries, [country("CN"), country("SG"), None]);
    assert_eq!(entry.asns(), [37963]);
    let china: CountrySet = country("CN").into_iter().collect();
    assert_eq!(entry.votes(&china), Votes { in_set: 1, outside: 1, silent: 0 });
    assert_eq!(at(&atlas, "47.75.0.1").votes(&china), Votes { in_set: 1, outside: 0, silent: 1 });
    assert_eq!(at(&atlas, "1.2.3.4").state(), State::Agreed);
    assert_eq!(at(&atlas, "2001::1").state(), State::Agreed);
    assert_eq!(at(&atlas, "9.9.9.9").state(), State::Unknown, "EU is no country");
    assert_eq!(at(&atlas, "8.8.8.8").state(), State::Unknown);
    assert_eq!(atlas.not_public().state(), State::NotPublic);
    assert_eq!(atlas.entry(entry.id()).id(), entry.id());
}

#[test]
fn corrections_come_first() {
    let mut overlay = Overlay::default();
    let to = |code: &str| Correction { to: country(code), reason: Some("moved".into()) };
    overlay.add_network("47.74.1.0/24".parse().unwrap(), to("NO")).unwrap();
    overlay.add_network("47.74.1.7/32".parse().unwrap(), to("")).unwrap();
    overlay.add_host("*.example", to("SG")).unwrap();
    let atlas = atlas(overlay);
    let entry = at(&atlas, "47.74.1.1");
    assert_eq!(
        (entry.state(), entry.candidates().to_string()),
        (State::Overridden, "NO".to_owned())
    );
    assert_eq!(entry.correction().and_then(|one| one.reason.as_deref()), Some("moved"));
    assert_eq!(entry.answers().len(), 3);
    let unknown = at(&atlas, "47.74.1.7");
    assert_eq!((unknown.state(), unknown.candidates().is_empty()), (State::Overridden, true));
    assert_eq!(at(&atlas, "47.74.2.1").state(), State::Disputed);
    let host = atlas.locate_host("a.example").unwrap();
    assert_eq!(host.candidates().to_string(), "SG");
    assert_eq!(atlas.entry(host.id()).id(), host.id());
    assert!(atlas.locate_host("example").is_none());
}

#[test]
fn every_refusal_is_told_at_once() {
    let sound = database(&parsed(&[("1.0.0.0/8", 0)]));
    let sources =
        vec![(source("a"), vec![]), (source("b"), sound.clone()), (source("c"), b"x".to_vec())];
    let errors = Atlas::load(sources, Overlay::default()).unwrap_err();
    let files: Vec<_> = errors.iter().map(|error| error.file.as_str()).collect();
    assert_eq!(files, ["a.mmdb", "c.mmdb"]);
    let twice = vec![(source("a"), sound.clone()), (source("a"), sound.clone())];
    let errors = Atlas::load(twice, Overlay::default()).unwrap_err();
    assert!(matches!(errors[0].fault, Fault::DuplicateName(_)));
    let many = (0..17).map(|n| (source(&n.to_string()), sound.clone())).collect();
    let errors = Atlas::load(many, Overlay::default()).unwrap_err();
    assert!(matches!(errors[0].fault, Fault::TooManyDatabases(16)));
    assert!(Atlas::load(vec![], Overlay::default()).is_ok_and(|atlas| atlas.is_empty()));
}

fn networks() -> impl Strategy<Value = Vec<(IpNetwork, usize)>> {
    let v4 = (any::<u32>(), 0_u8..=32).prop_map(|(bits, prefix)| {
        let net = Ipv4Network::new(Ipv4Addr::from_bits(bits & 0xC001_FF03), prefix).unwrap();
        IpNetwork::V4(Ipv4Network::new(net.network(), prefix).unwrap())
    });
    let v6 = (any::<u128>(), 3_u8..=128).prop_map(|(bits, prefix)| {
        let bits = bits & (0x2003 << 112 | 3 << 64 | 3 << 40 | 3) | 1 << 125;
        let net = Ipv6Network::new(Ipv6Addr::from_bits(bits), prefix).unwrap();
        IpNetwork::V6(Ipv6Network::new(net.network(), prefix).unwrap())
    });
    prop::collection::btree_map(prop_oneof![v4, v6], 0_usize..3, 1..25)
        .prop_map(|map| map.into_iter().collect())
}

/// Both ends of a network and their neighbours.
fn boundaries(network: IpNetwork) -> Vec<IpAddr> {
    let around = |address: IpAddr| -> Vec<IpAddr> {
        match address {
            IpAddr::V4(v4) => [-1, 0, 1]
                .iter()
                .filter_map(|by| v4.to_bits().checked_add_signed(*by))
                .map(|bits| Ipv4Addr::from_bits(bits).into())
                .collect(),
            IpAddr::V6(v6) => [-1, 0, 1]
                .iter()
                .filter_map(|by| v6.to_bits().checked_add_signed(*by))
                .map(|bits| Ipv6Addr::from_bits(bits).into())
                .collect(),
        }
    };
    [around(network.network()), around(network.broadcast())].concat()
}

fn longest(networks: &[(IpNetwork, usize)], address: IpAddr) -> Option<Country> {
    let hit = networks
        .iter()
        .filter(|(net, _)| net.contains(address))
        .max_by_key(|(net, _)| net.prefix());
    hit.and_then(|(_, value)| country(["CN", "SG", "NO"][*value]))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_atlas_is_longest_prefix_in_each(a in networks(), b in networks(), corrected in networks()) {
        let mut overlay = Overlay::default();
        for (network, value) in &corrected {
            let to = country(["CN", "SG", "NO"][*value]);
            overlay.add_network(*network, Correction { to, reason: None }).unwrap();
        }
        let sources = vec![(source("a"), database(&a)), (source("b"), database(&b))];
        let atlas = Atlas::load(sources, overlay).unwrap();
        for (network, _) in a.iter().chain(&b).chain(&corrected) {
            for address in boundaries(*network) {
                let entry = atlas.locate(address);
                let said: Vec<_> = entry.answers().iter().map(|answer| answer.country).collect();
                prop_assert_eq!(said, [longest(&a, address), longest(&b, address)], "{}", address);
                let correction = entry.correction().map(|correction| correction.to);
                prop_assert_eq!(correction, longest(&corrected, address).map(Some), "{}", address);
            }
        }
    }
}

fn shipped(file: &str) -> Vec<u8> {
    std::fs::read(format!("{}/geoip/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn manifest() -> Manifest {
    Manifest::parse(&String::from_utf8(shipped("MANIFEST.toml")).unwrap()).unwrap()
}

#[test]
fn the_shipped_databases_are_those_of_the_manifest() {
    let manifest = manifest();
    assert_eq!(manifest.database.len(), 2);
    for entry in &manifest.database {
        let source = Source { sha256: Some(entry.digest().unwrap()), ..source(&entry.name) };
        let database = Database::load(&source, &shipped(&entry.file)).unwrap();
        assert_eq!(entry.clone().with(database.info()), *entry);
        assert!(!shipped(&format!("LICENSES/{}.txt", entry.licence)).is_empty());
    }
    assert_eq!(manifest.print().unwrap().into_bytes(), shipped("MANIFEST.toml"));
}

/// The table against `maxminddb`, network by network, at both ends. One in 50, to stay quick.
#[test]
fn the_shipped_databases_answer_as_another_reader_says() {
    let names = ["dbip", "ipfire"];
    let sources = names.map(|name| (source(name), shipped(&format!("{name}-country.mmdb"))));
    let atlas = Atlas::load(sources.to_vec(), Overlay::default()).unwrap();
    for (position, (_, bytes)) in sources.iter().enumerate() {
        let reader = Reader::from_source(bytes).unwrap();
        for range in ["0.0.0.0/0", "2000::/3"] {
            let within = reader
                .within(
                    range.parse().unwrap(),
                    WithinOptions::default().include_networks_without_data(),
                )
                .unwrap();
            for found in within.step_by(50) {
                let found = found.unwrap();
                let code: Option<&str> = found.decode_path(&path!["country_code"]).unwrap();
                let network = found.network().unwrap();
                for address in [network.network(), network.broadcast()] {
                    let answer = atlas.locate(address).answers()[position];
                    assert_eq!(answer.country, code.and_then(Country::from_database), "{address}");
                }
            }
        }
    }
    for (address, code) in
        [("8.8.8.8", "US"), ("114.114.114.114", "CN"), ("77.88.8.8", "RU"), ("60.246.0.1", "MO")]
    {
        assert_eq!(at(&atlas, address).candidates().to_string(), code);
    }
    for private in ["10.0.0.1", "100.64.0.1", "192.0.2.1", "240.0.0.1", "fd00::1"] {
        assert_eq!(at(&atlas, private).state(), State::Unknown, "{private}");
    }
}

/// A large database that places a well-known address elsewhere is not what it says.
#[test]
fn probes_are_asked_of_large_databases() {
    let mut networks: Vec<_> = (0..100_000_u32)
        .map(|n| {
            (
                IpNetwork::V4(
                    Ipv4Network::new(Ipv4Addr::from_bits(n << 8 | 0x2000_0000), 24).unwrap(),
                ),
                0,
            )
        })
        .collect();
    networks.push(("8.8.8.0/24".parse().unwrap(), 2));
    let bytes = database(&networks);
    let error = Database::load(&source("x"), &bytes).unwrap_err().to_string();
    assert!(error.contains("places 8.8.8.8 in NO instead of US"), "{error}");
    assert!(Database::load(&Source { skip_probes: true, ..source("x") }, &bytes).is_ok());
}
