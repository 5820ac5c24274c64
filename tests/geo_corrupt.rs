//! Damaged databases: each must be refused with a message that names the file, or answer as the
//! sound one does. Never a panic, never a hang. `BORDERPOST_MMDB_CORPUS` adds a folder of files.
#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test may fail by a panic"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use borderpost::geo::writer::{Field, Header, write};
use borderpost::geo::{Answer, Country, Database, DatabaseError, Fault, Sha256, Source, TreeFault};
use maxminddb::{Reader, WithinOptions, path};
use proptest::prelude::*;

const MARKER: &[u8] = b"\xAB\xCD\xEFMaxMind.com";

fn header() -> Header {
    Header {
        database_type: "country".into(),
        description: None,
        build_epoch: 1_780_000_000,
        v6: true,
    }
}

fn text(value: &str) -> Field {
    Field::Text(value.to_owned())
}

fn map(entries: &[(&str, Field)]) -> Field {
    Field::Map(entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
}

fn flat(code: &str) -> Field {
    map(&[("country_code", text(code))])
}

const NETWORKS: [(&str, usize); 6] = [
    ("1.0.0.0/24", 0),
    ("1.0.4.0/22", 1),
    ("8.8.8.8/32", 2),
    ("2001:200::/32", 1),
    ("2001:200:1::/48", 0),
    ("2a00::/12", 2),
];

fn database(header: &Header, values: &[Field]) -> Vec<u8> {
    let networks = NETWORKS.map(|(network, value)| (network.parse().unwrap(), value));
    write(header, values, &networks).unwrap()
}

fn sound() -> Vec<u8> {
    database(&header(), &[flat("AU"), flat("JP"), flat("US")])
}

fn load(bytes: &[u8]) -> Result<Database, DatabaseError> {
    Database::load(&Source::new("test", "test.mmdb"), bytes)
}

/// Loads what must be refused, and returns why.
fn refusal(bytes: &[u8]) -> Fault {
    let started = Instant::now();
    let error = load(bytes).expect_err("a damaged file was taken");
    assert!(error.to_string().starts_with("test.mmdb: "), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5), "slow: {error}");
    error.fault
}

fn find(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).rposition(|window| window == part).expect("the part is there")
}

/// Replaces the last occurrence of a part by another of the same length.
fn replace(mut bytes: Vec<u8>, part: &[u8], by: &[u8]) -> Vec<u8> {
    let at = find(&bytes, part);
    bytes.splice(at..at + part.len(), by.iter().copied());
    bytes
}

/// Overwrites a 24-bit record of the search tree.
fn set_record(mut bytes: Vec<u8>, node: usize, side: usize, value: u32) -> Vec<u8> {
    bytes[node * 6 + side * 3..][..3].copy_from_slice(&value.to_be_bytes()[1..]);
    bytes
}

/// Builds a file of one node, whose left half is the data given and whose right half is nothing.
fn raw(data: &[u8]) -> Vec<u8> {
    let mut metadata = sound();
    metadata.drain(..find(&metadata, MARKER));
    let count = find(&metadata, b"node_count\xC1") + 11;
    metadata[count] = 1;
    [&[0, 0, 17, 0, 0, 1], [0; 16].as_slice(), data, &metadata].concat()
}

#[test]
fn the_sound_one_is_taken() {
    let database = load(&sound()).unwrap();
    assert_eq!((database.info().networks_v4, database.info().networks_v6 > 2), (3, true));
    let at = |text: &str| database.answer(text.parse().unwrap()).country.map(Country::code);
    assert_eq!(at("1.0.5.0"), Some("JP"));
    assert_eq!(at("2001:200:1::1"), Some("AU"));
    assert_eq!(at("2001:200:2::1"), Some("JP"));
    assert_eq!(at("9.9.9.9"), None);
    assert!(
        load(&raw(b"\xE1\x4Ccountry_code\x42NO"))
            .unwrap()
            .answer("1.1.1.1".parse().unwrap())
            .country
            .is_some()
    );
}

#[test]
fn no_database_at_all() {
    for bytes in [vec![], b"<!doctype html>".to_vec(), MARKER.to_vec(), vec![0; 100_000]] {
        assert!(matches!(refusal(&bytes), Fault::Open(_)));
    }
}

#[test]
fn another_file_than_pinned() {
    let source = |digest| Source { sha256: Some(digest), ..Source::new("test", "test.mmdb") };
    assert!(Database::load(&source(Sha256::of(&sound())), &sound()).is_ok());
    let error = Database::load(&source(Sha256::of(b"")), &sound()).unwrap_err();
    assert!(error.to_string().contains("its sha256 is"), "{error}");
}

#[test]
fn metadata_out_of_bounds() {
    let epoch = |build_epoch| {
        database(&Header { build_epoch, ..header() }, &[flat("AU"), flat("JP"), flat("US")])
    };
    assert!(matches!(refusal(&epoch(u64::MAX)), Fault::Open(_) | Fault::Build(_)));
    assert!(matches!(refusal(&epoch(0)), Fault::Build(0)));
    assert!(matches!(refusal(&epoch(9_999_999_999)), Fault::Build(_)));
    let database_type = "x".repeat(300);
    let long =
        database(&Header { database_type, ..header() }, &[flat("AU"), flat("JP"), flat("US")]);
    assert!(matches!(refusal(&long), Fault::Metadata(_)));
    let array = replace(sound(), b"languages\x00\x04", b"languages\x1F\x04");
    assert!(matches!(refusal(&array), Fault::Open(_)));
    let record_size = replace(sound(), b"record_size\xA1\x18", b"record_size\xA1\x19");
    assert!(matches!(refusal(&record_size), Fault::Open(_)));
}

#[test]
fn a_file_cut_off_anywhere() {
    let whole = sound();
    for len in 0..whole.len() {
        refusal(&whole[..len]);
    }
}

#[test]
fn a_tree_that_is_none() {
    let tree = |value| match refusal(&set_record(sound(), 0, 1, value)) {
        Fault::Tree(fault) => fault,
        other => panic!("{other}"),
    };
    assert!(matches!(tree(0), TreeFault::Shared(0)));
    assert!(matches!(tree(1), TreeFault::Shared(1)));
    assert!(matches!(tree(50), TreeFault::Shared(_)));
    assert!(matches!(tree(0xFF_FFFF), TreeFault::Outside(0xFF_FFFF)));
    // Between tree and data lie 16 bytes that no record may point into.
    let nodes = find(&sound(), &[0; 16]) / 6;
    assert!(matches!(tree(u32::try_from(nodes).unwrap() + 1), TreeFault::Outside(_)));
    // A cycle on the way to ::/96 must not pass its root off as an alias.
    assert!(matches!(refusal(&set_record(sound(), 5, 0, 0)), Fault::Tree(TreeFault::Shared(0))));
}

#[test]
fn data_that_cannot_be_decoded() {
    let nested = |depth: usize| {
        let inner = [0x01, 0x04].repeat(depth);
        [b"\xE1\x41x".as_slice(), &inner, b"\x41x"].concat()
    };
    let cases: [(&str, Vec<u8>); 7] = [
        ("bad utf-8 in a key", b"\xE1\x4Ccountry\xFFcode\x42NO".to_vec()),
        ("a text longer than the file", b"\xE1\x4Ccountry_code\x5F\xFF\xFF\xFF".to_vec()),
        ("an oversized map", b"\xFF\xFF\xFF\xFF".to_vec()),
        ("an oversized array", b"\x1F\x04\xFF\xFF\xFF".to_vec()),
        ("a pointer to itself", b"\x20\x00".to_vec()),
        ("deep nesting", nested(100)),
        ("very deep nesting", nested(5_000)),
    ];
    for (case, data) in cases {
        let fault = refusal(&raw(&data));
        assert!(matches!(fault, Fault::Record { .. }), "{case}: {fault}");
    }
}

#[test]
fn a_database_of_another_kind() {
    let one = |value: Field| refusal(&database(&header(), &[value.clone(), value.clone(), value]));
    let fault = one(map(&[("connection_type", text("Cable"))]));
    assert!(
        fault.to_string().contains("no country and no ASN")
            && fault.to_string().contains("connection_type")
    );
    assert!(matches!(one(text("US")), Fault::NoUse { .. }));
    assert!(matches!(
        one(map(&[("registered_country", map(&[("iso_code", text("RU"))]))])),
        Fault::NoUse { .. }
    ));
    assert!(matches!(one(map(&[("is_anonymous", Field::Bool(true))])), Fault::NoUse { .. }));
    let mixed = database(&header(), &[flat("AU"), flat("Japan"), flat("US")]);
    assert!(matches!(refusal(&mixed), Fault::Garbled { .. }));
    let none = map(&[("continent", text("EU"))]);
    let few = database(&header(), &[none.clone(), none, flat("US")]);
    assert!(matches!(refusal(&few), Fault::FewCountries { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// A flipped bit cannot always be seen (the format has no checksum: that is why files are
    /// pinned), but it never panics or hangs, and what is taken answers everywhere.
    #[test]
    fn mutants(flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..8), cut: Option<prop::sample::Index>) {
        let mut bytes = sound();
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let started = Instant::now();
        match load(&bytes) {
            Ok(database) => for (network, _) in NETWORKS {
                let _answer: Answer = database.answer(network.split_once('/').unwrap().0.parse().unwrap());
            },
            Err(error) => prop_assert!(error.to_string().starts_with("test.mmdb: ")),
        }
        prop_assert!(started.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn noise(bytes: Vec<u8>, mut metadata in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut file = bytes;
        file.extend(MARKER);
        file.append(&mut metadata);
        prop_assert!(load(&file).is_err());
    }
}

/// Runs over a folder of files, if one is named: prints what becomes of each.
#[test]
fn corpus() {
    let Some(folder) = std::env::var_os("BORDERPOST_MMDB_CORPUS") else { return };
    let mut files = Vec::new();
    collect(Path::new(&folder), &mut files);
    files.sort();
    assert!(!files.is_empty(), "no .mmdb file in {}", folder.display());
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let started = Instant::now();
        let bytes = std::fs::read(&path).unwrap();
        let outcome = Database::load(&Source::new("corpus", &name), &bytes);
        assert!(started.elapsed() < Duration::from_secs(5), "slow: {name}");
        match outcome {
            Ok(database) => {
                cross_check(&database, &bytes);
                println!("{name}: taken as {}", summary(&database));
            }
            Err(error) => {
                assert!(error.to_string().starts_with(&name), "{error}");
                println!("{error}");
            }
        }
    }
}

fn summary(database: &Database) -> String {
    let info = database.info();
    let roles = [
        (info.has_country, "country"),
        (info.has_asn, "asn"),
        (info.has_subdivision, "subdivision"),
    ];
    let roles: Vec<_> = roles.iter().filter(|role| role.0).map(|role| role.1).collect();
    let (v4, v6) = (info.networks_v4, info.networks_v6);
    format!("{} with {}, {v4} + {v6} networks", info.database_type, roles.join(", "))
}

/// Compares country and ASN of every network with what another reader decodes.
fn cross_check(database: &Database, bytes: &[u8]) {
    let reader = Reader::from_source(bytes).unwrap();
    for found in reader.networks(WithinOptions::default()).unwrap() {
        let found = found.unwrap();
        let nested: Option<&str> = found.decode_path(&path!["country", "iso_code"]).unwrap_or(None);
        let flat: Option<&str> = found.decode_path(&path!["country_code"]).unwrap();
        let asn: Option<u32> = found.decode_path(&path!["autonomous_system_number"]).unwrap();
        let network = found.network().unwrap();
        for address in [network.network(), network.broadcast()] {
            let answer = database.answer(address);
            let country = flat.or(nested).and_then(Country::from_database);
            assert!(answer.hidden || answer.country == country, "{address}: {answer:?}");
            assert!(asn.is_none() || answer.asn == asn, "{address}: {answer:?}");
        }
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "mmdb") {
            files.push(path);
        }
    }
}
