//! A decision that a running proxy has taken and recorded, taken apart: the answer to its client has
//! the id.

use http::Method;
use serde_json::Value;

use super::super::ask::{Admin, items, word, words};
use super::super::output::{Usage, line};

/// Prints it.
pub(super) fn show(admin: &Admin, id: &str, json: bool) -> anyhow::Result<()> {
    if id.is_empty() || !id.bytes().all(|one| one.is_ascii_alphanumeric() || one == b'-') {
        return Err(Usage(format!("--id: `{id}` is no id of a decision")).into());
    }
    let path = format!("/api/v1/decisions/{id}");
    let decision = admin.ask(Method::GET, &path, &Value::Null)?;
    if json {
        line(serde_json::to_string_pretty(&decision)?);
        return Ok(());
    }
    let none = Value::Null;
    let part = |name: &str| decision.get(name).unwrap_or(&none);
    request(part("record"));
    replay(part("replay"));
    let mut rules: Vec<_> = items(&decision, "tried").iter().collect();
    // What holds is read first, at three in the morning too.
    rules.sort_by_key(|rule| word(rule, "truth") != "yes");
    rules.into_iter().for_each(rule);
    let changes = items(&decision, "changes");
    if !changes.is_empty() {
        line("what would change the answer:");
        changes.iter().filter_map(Value::as_str).for_each(|change| line(format!("  - {change}")));
    }
    Ok(())
}

fn request(record: &Value) {
    let rule = items(record, "rules").first();
    let rule = rule.map(|rule| format!("{}/{}", word(rule, "pack"), word(rule, "rule")));
    let error = record.get("error").filter(|error| !error.is_null());
    let why = rule.or_else(|| error.map(|error| word(error, "detail").to_owned()));
    let outcome = record.get("outcome").and_then(Value::as_str).unwrap_or("failed");
    line(format!("{outcome}: {}", why.as_deref().unwrap_or("no rule holds")));
    let place = record.get("location").filter(|location| !location.is_null());
    let place = place.map_or_else(String::new, |place| {
        format!(" -> {}: {}", word(place, "state"), words(place, "countries"))
    });
    let client = word(record, "client").to_owned();
    let principal = record.get("principal").and_then(Value::as_str);
    for (name, value) in [
        ("time", word(record, "time").to_owned()),
        ("client", principal.map_or_else(|| client.clone(), |name| format!("{client}, {name}"))),
        ("request", format!("{} {}", word(record, "method"), word(record, "host"))),
        ("address", format!("{}{place}", word(record, "address"))),
        ("tags", words(record, "tags")),
    ] {
        line(format!("  {name:<10} {value}"));
    }
}

/// Rules may have changed since.
fn replay(replay: &Value) {
    let is = |name: &str, wanted: bool| replay.get(name).and_then(Value::as_bool) == Some(wanted);
    if is("same", false) {
        line(format!("  now        {}: the rules have changed since", word(replay, "now")));
    } else if is("config_same", false) {
        line("  now        the same, by a configuration that has changed since");
    }
}

fn rule(rule: &Value) {
    let presumed = rule.get("presumed").and_then(Value::as_bool) == Some(true);
    let presumed = if presumed { " (what is unknown counts as restricted)" } else { "" };
    let [pack, id, outcome, truth] =
        ["pack", "rule", "outcome", "truth"].map(|name| word(rule, name));
    line(format!("rule {pack}/{id} [{outcome}]: {truth}{presumed}"));
    for (list, unless) in [("conditions", ""), ("unless", "unless ")] {
        for one in items(rule, list) {
            line(format!("  {:<8} {unless}{}", word(one, "truth"), word(one, "condition")));
        }
    }
    if truth == "yes" {
        let cite = rule.get("cite").and_then(Value::as_str);
        let cite = cite.map_or_else(String::new, |cite| format!(" [{cite}]"));
        line(format!("  because  {}{cite}", word(rule, "reason")));
    }
}
