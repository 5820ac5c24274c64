//! `[tls.authority]`: who signs for hosts whose TLS is opened.

use std::path::Path;

use crate::tls::authority::MOST_LEAF_DAYS;
use crate::tls::{AuthoritySettings, AuthoritySource, KeySource};

use super::section::Section;

const LEAF_DAYS: u64 = 7;
const CACHE: u64 = 10_000;

/// The keys that say where the private key is; one of them is enough.
const KEYS: [&str; 3] = ["key", "key_env", "key_credential"];

/// Reads the section; paths are relative to `base`. None where no authority can be: neither
/// one of the customer's nor a folder for ours.
pub(super) fn read(
    tls: &Section<'_>,
    base: &Path,
    state: Option<&Path>,
) -> Option<AuthoritySettings> {
    let section = tls.section("authority");
    let most = u64::from(MOST_LEAF_DAYS.unsigned_abs());
    let leaf_days = section.number("leaf_days", 1..=most).unwrap_or(LEAF_DAYS);
    let cache = section.number("cache", 1..=10_000_000).unwrap_or(CACHE);
    let given = given(&section, base);
    let made = || state.map(|folder| AuthoritySource::Made(folder.join("ca")));
    let source = given.or_else(made)?;
    Some(AuthoritySettings { source, leaf_days: u32::try_from(leaf_days).ok()?, cache })
}

fn given(section: &Section<'_>, base: &Path) -> Option<AuthoritySource> {
    let certificate = section.word("certificate").map(|word| base.join(word.text));
    let file = section.word("key").map(|word| KeySource::File(base.join(word.text)));
    let variable = section.word("key_env").map(|word| KeySource::Variable(word.text.to_owned()));
    let credential =
        section.word("key_credential").map(|word| KeySource::Credential(word.text.to_owned()));
    let named: Vec<_> = KEYS.into_iter().filter(|key| section.has(key)).collect();
    if let [_, second, ..] = *named {
        let message = "the authority's key is named more than once";
        let help = format!("keep one of {}", list(&named));
        section.problem(section.span_of(second), message, Some(help));
    }
    let key = file.or(variable).or(credential);
    match (certificate, key) {
        (Some(certificate), Some(key)) => Some(AuthoritySource::Given { certificate, key }),
        (Some(_), None) if named.is_empty() => {
            let message = "the authority's key is missing here";
            let help = format!("add one of {}", list(&KEYS));
            section.problem(section.span_of("certificate"), message, Some(help));
            None
        }
        (None, Some(_)) if !section.has("certificate") => {
            let message = "a key without the certificate of its authority";
            let help =
                "add `certificate`, or leave both out to have the one of `borderpost ca init`";
            section.problem(section.span_of(named.first()?), message, Some(help.to_owned()));
            None
        }
        (Some(_) | None, Some(_) | None) => None,
    }
}

fn list(keys: &[&str]) -> String {
    let quoted: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
    quoted.join(", ")
}
