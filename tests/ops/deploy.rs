//! The units of systemd.

use std::collections::BTreeMap;
use std::process::Command;

use crate::{file, shipped_address, text};

/// The lines of a unit, by section and key; what stands more than once is joined.
fn unit(name: &str) -> BTreeMap<(String, String), String> {
    let mut section = String::new();
    let mut unit = BTreeMap::new();
    for line in text(name).lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        if let Some(head) = line.strip_prefix('[') {
            head.strip_suffix(']').unwrap().clone_into(&mut section);
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{name}: {line}"));
        let all: &mut String = unit.entry((section.clone(), key.to_owned())).or_default();
        if !all.is_empty() {
            all.push('\n');
        }
        all.push_str(value);
    }
    unit
}

#[test]
fn the_service_is_one_that_tells_and_reloads() {
    let service = unit("systemd/borderpost.service");
    let of = |key: &str| service[&("Service".to_owned(), key.to_owned())].clone();
    assert_eq!(of("Type"), "notify");
    assert!(of("ExecReload").ends_with("\n/bin/kill -HUP $MAINPID"));
    assert!(of("WatchdogSec").parse::<u32>().unwrap() >= 10);
    let socket = unit("systemd/borderpost.socket");
    assert_eq!(socket[&("Socket".to_owned(), "ListenStream".to_owned())], shipped_address());
}

/// systemd's own measure of what a broken program could reach: 0 nothing, 10 everything.
#[test]
fn the_service_is_exposed_no_more_than_it_must_be() {
    let mut tool = Command::new("systemd-analyze");
    tool.args(["security", "--offline=true", "--no-pager", "--threshold=15"]);
    tool.arg(file("systemd/borderpost.service"));
    match tool.output() {
        Ok(told) => {
            let texts = [told.stdout, told.stderr].concat();
            let text = String::from_utf8_lossy(&texts);
            assert!(told.status.success(), "{text}");
            assert!(text.contains("Overall exposure level"), "{text}");
        }
        Err(error) => {
            println!("skipped, because systemd-analyze cannot be run: {error}");
        }
    }
}
