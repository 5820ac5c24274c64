//! What ends is told of before it does: certificates of listeners, lists of what was revoked, and
//! the authority.

use std::fs;

use tempfile::TempDir;

use crate::listeners::Secure;
use crate::support::{Proxy, program, wait_for};

/// Days until the first of a kind ends, by the metrics.
fn days(proxy: &Proxy, kind: &str) -> f64 {
    let now = jiff::Timestamp::now().as_duration().as_secs_f64();
    let label = format!("kind=\"{kind}\"");
    (proxy.metric("egress_certificate_end_timestamp_seconds", &label) - now) / 86_400.0
}

/// What the program says comes on its own way, so it is waited for.
fn is_warned(proxy: &Proxy, kind: &str, times: usize) {
    let told = |line: &&str| line.contains(kind) && line.contains("ends soon, renew it");
    let count = || proxy.output().lines().filter(told).count();
    wait_for(&format!("{times} warnings of {kind}"), || (count() >= times).then_some(()));
    assert_eq!(count(), times, "{kind}: {}", proxy.output());
}

#[test]
fn what_ends_soon_is_told_of_at_the_start_and_at_a_reload() {
    let (secure, folder) = (Secure::new(), TempDir::new().unwrap());
    let state = format!("[state]\nfolder = \"{}\"", folder.path().join("state").display());
    let file = folder.path().join("init.toml");
    fs::write(&file, &state).unwrap();
    let init = ["ca", "init", "--days", "13", "--config"];
    assert!(program().args(init).arg(&file).output().unwrap().status.success());
    let config = secure.mutual("").with(&state);
    let proxy = Proxy::start(&config);
    let kinds = ["listener-certificate", "client-crl", "authority"];
    for (kind, wanted) in kinds.into_iter().zip([2.0, 2.0, 13.0]) {
        let left = days(&proxy, kind);
        assert!((wanted - 0.1..=wanted).contains(&left), "{kind}: {left}");
        is_warned(&proxy, kind, 1);
    }

    // The certificate and the list are renewed in place; the authority is not.
    secure.authority.issue_days("proxy", "IP:127.0.0.2", 100);
    secure.authority.list(15);
    proxy.reload(&config);
    for (kind, (wanted, warnings)) in kinds.into_iter().zip([(100.0, 1), (15.0, 1), (13.0, 2)]) {
        let left = days(&proxy, kind);
        assert!((wanted - 0.1..=wanted).contains(&left), "{kind}: {left}");
        is_warned(&proxy, kind, warnings);
    }
}

#[test]
fn what_has_ended_is_told_of_too() {
    let secure = Secure::new();
    let over = secure.authority.issue_expired("over", "IP:127.0.0.2");
    let proxy = Proxy::start(&Secure::config_of(&over));
    assert!(days(&proxy, "listener-certificate") < 0.0);
    let told = || proxy.output().contains("has ended, renew it");
    wait_for("the end in the log", || told().then_some(()));
}

#[test]
fn where_nothing_ends_nothing_is_told() {
    let proxy = Proxy::start(&crate::support::Config::new());
    let text = proxy.ask_admin("GET", "/metrics").text();
    assert!(!text.contains("egress_certificate_end_timestamp_seconds{"), "{text}");
}
