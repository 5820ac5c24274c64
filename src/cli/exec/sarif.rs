//! The summary as SARIF 2.1.0: a result for each rule and destination, where the rule stands.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use crate::config::RuleSite;

use super::summary::{Refusal, Refused, Summary};

/// Stands for the repository of this program, where packs that are inside it stand.
const PROGRAM: &str = "BORDERPOST";

/// What cannot stand in the path of a URI (RFC 3986 section 3.3).
const NOT_IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The document; `code` is what the whole ends with.
pub(super) fn document(summary: &Summary, code: u8) -> Value {
    let mut rules: BTreeMap<&str, &Refused> = BTreeMap::new();
    for (refusal, refused) in &summary.refusals {
        rules.entry(&refusal.reason).or_insert(refused);
    }
    let results = summary.refusals.iter().map(|(refusal, refused)| {
        let index = rules.keys().position(|reason| *reason == refusal.reason);
        result(refusal, refused, index.unwrap_or_default())
    });
    let results: Vec<_> = results.collect();
    let unseen = summary.unseen.iter();
    let unseen =
        unseen.map(|text| json!({ "level": "warning", "message": { "text": sentence(text) } }));
    let unseen: Vec<_> = unseen.collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "borderpost",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|(reason, refused)| rule(reason, refused)).collect::<Vec<_>>(),
            }},
            "originalUriBaseIds": { PROGRAM: {
                "description": { "text": "the repository of borderpost: packs inside the program" }
            }},
            "invocations": [{
                "executionSuccessful": true, "exitCode": code, "toolExecutionNotifications": unseen,
            }],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }]
    })
}

fn rule(reason: &str, refused: &Refused) -> Value {
    let mut rule = json!({
        "id": reason,
        "shortDescription": { "text": sentence(&refused.because) },
        "defaultConfiguration": { "level": "error" },
        "properties": { "outcome": refused.outcome },
    });
    if let (Some(cite), Some(fields)) = (&refused.cite, rule.as_object_mut()) {
        fields.insert(
            "fullDescription".to_owned(),
            json!({ "text": format!("{} [{cite}]", refused.because) }),
        );
    }
    rule
}

fn result(refusal: &Refusal, refused: &Refused, index: usize) -> Value {
    let classes: Vec<_> = refused.classes.iter().map(String::as_str).collect();
    let carried =
        if classes.is_empty() { String::new() } else { format!(" with {}", classes.join(", ")) };
    let verb = if refusal.enforced { "was refused" } else { "would be refused" };
    let text = format!(
        "{}{carried} to {} ({}) {verb}: {}",
        refused.first, refusal.destination, refused.place, refused.because
    );
    let mut result = json!({
        "ruleId": refusal.reason,
        "ruleIndex": index,
        "kind": "fail",
        "level": if refusal.enforced { "error" } else { "warning" },
        "message": { "text": text },
        "occurrenceCount": refused.count,
        "partialFingerprints": {
            "egress/v1": format!("{} {}", refusal.reason, refusal.destination)
        },
        "properties": {
            "destination": refusal.destination, "countries": refused.place, "classes": classes,
            "outcome": refused.outcome, "enforced": refusal.enforced,
        },
    });
    if let (Some(site), Some(fields)) = (&refused.site, result.as_object_mut()) {
        fields.insert("locations".to_owned(), json!([location(site)]));
    }
    result
}

fn location(site: &RuleSite) -> Value {
    let mut artifact = json!({ "uri": uri(&site.file) });
    if let (true, Some(fields)) = (site.built_in, artifact.as_object_mut()) {
        fields.insert("uriBaseId".to_owned(), PROGRAM.into());
    }
    json!({
        "physicalLocation": {
            "artifactLocation": artifact,
            "region": { "startLine": site.line, "startColumn": site.column },
        },
        "logicalLocations": [{ "fullyQualifiedName": format!("{}/{}", site.pack, site.rule) }],
    })
}

/// A file as a URI: relative where it was named so.
fn uri(file: &str) -> String {
    let path: PathBuf =
        Path::new(file).components().filter(|part| *part != Component::CurDir).collect();
    if path.is_absolute()
        && let Ok(url) = url::Url::from_file_path(&path)
    {
        return url.into();
    }
    let parts = path.components().map(|part| {
        utf8_percent_encode(&part.as_os_str().to_string_lossy(), NOT_IN_PATH).to_string()
    });
    parts.collect::<Vec<_>>().join("/")
}

/// Descriptions are sentences.
fn sentence(text: &str) -> String {
    if text.ends_with('.') { text.to_owned() } else { format!("{text}.") }
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn files_are_uris() {
        assert_eq!(uri("./rules/a b.toml"), "rules/a%20b.toml");
        assert_eq!(uri("/etc/x#y.toml"), "file:///etc/x%23y.toml");
        assert_eq!(uri("../pack.toml"), "../pack.toml");
    }
}
