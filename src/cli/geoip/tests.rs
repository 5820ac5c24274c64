//! A refresh from files: what is put in place, what is refused, and that a refusal changes nothing.

use std::net::Ipv4Addr;

use crate::geo::writer::{Field, Header, write};

use super::*;

/// A DB-IP file of 64 networks; its own nested schema.
fn dbip(path: &Path, epoch: u64, networks: u32) {
    let header =
        Header { database_type: "DBIP".into(), description: None, build_epoch: epoch, v6: false };
    let code = Field::Map(vec![("iso_code".into(), Field::Text("NO".into()))]);
    let record = Field::Map(vec![("country".into(), code)]);
    let network = |n: u32| ipnetwork::Ipv4Network::new(Ipv4Addr::from_bits(n << 26), 6).unwrap();
    let list: Vec<_> = (0..networks).map(|n| (network(n).into(), 0)).collect();
    fs::write(path, write(&header, &[record], &list).unwrap()).unwrap();
}

/// An unpacked package of one IPv4 range.
fn ipfire(path: &Path, licence: &str) {
    for folder in ["data", "doc"] {
        fs::create_dir_all(path.join(folder)).unwrap();
    }
    let files: [(&str, &[u8]); 4] = [
        ("geoip_data_v4s", &[0, 0, 0, 1]),
        ("geoip_data_v4c", b"NO"),
        ("geoip_data_v6s", &[]),
        ("geoip_data_v6c", &[]),
    ];
    for (name, bytes) in files {
        fs::write(path.join("data").join(name), bytes).unwrap();
    }
    let header = format!("Generated: Wed, 23 Sep 2026 04:35:31 GMT\nLicense: {licence}\n");
    fs::write(path.join("doc/export-info-v4.txt"), header).unwrap();
    fs::write(path.join("Cargo.toml"), "[package]\nversion = \"0.1.1\"\n").unwrap();
}

fn options(folder: &Path) -> RefreshOptions {
    RefreshOptions {
        from_dbip: Some(folder.join("dbip.mmdb")),
        from_ipfire: Some(folder.join("package")),
        into: folder.join("geoip"),
        ..RefreshOptions::default()
    }
}

#[test]
fn puts_in_place_what_is_sound_and_keeps_what_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    let (file, placed) = (folder.path().join("dbip.mmdb"), options.into.join("dbip-country.mmdb"));
    dbip(&file, 1_780_000_000, 64);
    ipfire(&folder.path().join("package"), "CC BY-SA 4.0");
    let report = refresh(&options).unwrap().to_string();
    assert!(
        report.contains("dbip: build 2026-05-28") && report.contains("ipfire: build 2026-09-23"),
        "{report}"
    );
    let manifest = read_manifest(&options.into).unwrap();
    assert_eq!(manifest.get("ipfire").unwrap().package, "crate tor-geoip-db 0.1.1");
    assert_eq!(refresh(&options).unwrap().to_string().matches("unchanged").count(), 2);

    let before = fs::read(&placed).unwrap();
    dbip(&file, 1_780_000_001, 40);
    let refused = refresh(&options).unwrap_err().to_string();
    assert!(refused.contains("40 networks") && refused.contains("the old file stays"), "{refused}");
    assert_eq!(fs::read(&placed).unwrap(), before);
    assert_eq!(read_manifest(&options.into).unwrap(), manifest);
    refresh(&RefreshOptions { force: true, ..options.clone() }).unwrap();
    assert_ne!(fs::read(&placed).unwrap(), before);
    let left = fs::read_dir(&options.into).unwrap().count();
    assert_eq!(left, 3, "two databases and the manifest, nothing staged");
}

#[test]
fn a_changed_licence_is_refused_first() {
    let folder = tempfile::tempdir().unwrap();
    dbip(&folder.path().join("dbip.mmdb"), 1_780_000_000, 64);
    ipfire(&folder.path().join("package"), "all rights reserved");
    let refused = refresh(&options(folder.path())).unwrap_err().to_string();
    assert!(refused.contains("ipfire: the licence of the export has changed"), "{refused}");
    assert!(folder.path().join("geoip/dbip-country.mmdb").exists(), "the sound one is placed");
}
