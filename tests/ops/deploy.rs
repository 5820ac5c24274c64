//! The units of systemd and the image.

use std::collections::BTreeMap;
use std::process::Command;

use borderpost::config::{self, Origin};

use crate::{file, text};

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

/// The default of a setting, as the shipped configuration writes it.
fn shipped_address() -> String {
    let line = config::DEFAULT.lines().find(|line| line.starts_with("listen = ")).unwrap();
    line.split('"').nth(1).unwrap().to_owned()
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

#[test]
fn the_image_runs_as_nobody_and_fetches_nothing() {
    let dockerfile = text("docker/Dockerfile");
    let lines: Vec<_> = dockerfile.lines().filter(|line| !line.starts_with('#')).collect();
    let of = |word: &str| -> Vec<&str> {
        lines.iter().filter_map(|line| line.strip_prefix(word)?.strip_prefix(' ')).collect()
    };
    assert_eq!(of("USER"), ["65532:65532"], "one user, and it is nobody");
    assert_eq!(of("ADD"), [""; 0]);
    assert!(!dockerfile.contains("curl") && !dockerfile.contains("wget"));
    let port = shipped_address().rsplit(':').next().unwrap().to_owned();
    assert_eq!(of("EXPOSE"), [port]);
    assert_eq!(of("FROM").len(), 2, "what builds is not what runs");
    for copied in of("COPY").iter().filter(|one| !one.starts_with("--")) {
        let (from, _) = copied.rsplit_once(' ').unwrap();
        for path in from.split(' ') {
            assert!(file("..").join(path).exists(), "{path} is copied and is not there");
        }
    }
    let rust = env!("CARGO_PKG_RUST_VERSION");
    assert!(dockerfile.contains(&format!("FROM rust:{rust}-")), "it builds with another Rust");
}

#[test]
fn the_configuration_of_the_image_is_right() {
    let origin = Origin::File(file("docker/borderpost.toml"));
    let loaded = config::load(&origin).unwrap_or_else(|problems| panic!("{problems}"));
    let state = loaded.fixed.state.unwrap();
    let volume = format!("VOLUME [\"{}\"]", state.display());
    assert!(text("docker/Dockerfile").contains(&volume));
    assert!(text("grafana/compose.yaml").contains(&format!("state:{}", state.display())));
}
