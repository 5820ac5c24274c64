//! `GET /api/v1/policy`: packs, rules and what they refer to.

use serde_json::{Value, json};

use crate::policy::{Class, Condition, Counter, Keyed, Policy, Rule, Span};

use super::super::asked::Asked;
use super::super::people::mask;
use super::super::reply::{self, Answer};
use super::super::state::Admin;
use super::super::status::packs;

/// What is in force.
pub(in super::super) fn view(admin: &Admin, asked: Asked) -> Answer {
    let Asked { who, params, .. } = asked;
    params.end()?;
    let active = admin.proxy.active();
    let policy = &active.policy;
    let rules: Vec<_> = policy.rules().iter().enumerate().map(rule).collect();
    let jurisdictions = active.jurisdictions.iter();
    let jurisdictions: Vec<_> =
        jurisdictions.map(|(name, places)| json!({ "name": name, "countries": places })).collect();
    let mut view = json!({
        "digest": &*active.digest,
        "epoch": active.epoch,
        "default": policy.settings().default.name(),
        "packs": packs(&active),
        "rules": rules,
        "lists": lists(policy),
        "jurisdictions": jurisdictions,
        "parties": policy.register().len(),
        "reload": admin.history.last(who.sees_people()),
    });
    if !who.sees_people() {
        mask(policy, &mut view);
    }
    Ok(reply::json(&view))
}

fn rule((place, rule): (usize, &Rule)) -> Value {
    let words = |conditions: &mut dyn Iterator<Item = &Condition>| -> Vec<String> {
        conditions.map(ToString::to_string).collect()
    };
    json!({
        "place": place,
        "pack": rule.pack,
        "rule": rule.id,
        "outcome": rule.outcome.name(),
        "mode": rule.mode.name(),
        "reason": rule.reason,
        "cite": rule.cite,
        "legal": rule.legal,
        "conditions": words(&mut rule.all_conditions()),
        "unless": words(&mut rule.unless.iter()),
        "needs": rule.needs.iter().map(|word| word.key()).collect::<Vec<_>>(),
        "reports": rule.reports,
        "alert": rule.alert,
        "redact": rule.redact,
        "duty": rule.duty,
        "from": rule.validity.from.map(|at| at.to_string()),
        "until": rule.validity.until.map(|at| at.to_string()),
    })
}

fn lists(policy: &Policy) -> Vec<Value> {
    let one = |kind: &str, pack: &str, name: &str, text: String, cite: Option<&str>| json!({ "kind": kind, "pack": pack, "name": name, "text": text, "cite": cite });
    let pack = |at: usize| policy.packs().get(at).map_or("", |pack| &*pack.id);
    let mut all = Vec::new();
    for (counter, definition) in policy.counters().iter().enumerate() {
        let own = pack(definition.pack);
        all.push(one("counter", own, &definition.name, counts(policy, definition), None));
        for class in (0..policy.classes().len()).filter(|one| definition.classes.contains(*one)) {
            let Some(found) = policy.classes().get(class) else { continue };
            let name = policy.meter_name(crate::policy::Meter { counter, class });
            let name = name.unwrap_or_else(|| found.name.clone());
            all.push(one("class", own, &name, amount(found), Some(&found.cite)));
        }
    }
    for found in policy.packs() {
        for exemption in &found.exemptions {
            let lifts = exemption.lifts.iter().filter_map(|at| policy.rules().get(*at));
            let lifts: Vec<_> = lifts.map(|rule| rule.id.as_str()).collect();
            let text = format!("lifts {}", lifts.join(", "));
            all.push(one("exemption", &found.id, &exemption.id, text, Some(&exemption.cite)));
        }
        for report in &found.reports {
            let days = if report.business_days { "business days" } else { "days" };
            let text = format!("due within {} {days}", report.due_days);
            all.push(one("report", &found.id, &report.id, text, Some(&report.cite)));
        }
    }
    for grant in policy.grants() {
        let hosts: Vec<_> = grant.hosts.iter().map(ToString::to_string).collect();
        let hosts = if hosts.is_empty() { "every host".to_owned() } else { hosts.join(", ") };
        let until = grant.validity.until.map_or(String::new(), |until| format!(", until {until}"));
        let text = format!("for {hosts}{until}");
        all.push(one("grant", pack(grant.pack), &grant.name, text, None));
    }
    all
}

fn amount(class: &Class) -> String {
    let unit = class.unit.name();
    match class.threshold {
        Some(threshold) => format!("counts by {unit}, bulk from {} on", threshold.least()),
        None => format!("counts by {unit}, any amount"),
    }
}

fn counts(policy: &Policy, counter: &Counter) -> String {
    let keyed = match counter.keyed {
        Keyed::Both => "by exporter and recipient",
        Keyed::Exporter => "by exporter",
        Keyed::Recipient => "by recipient",
    };
    let window = match &counter.window {
        Span::RollingMonths(months) => format!("over {months} months"),
        Span::CalendarYear(zone) => {
            format!("since 1 January in {}", zone.iana_name().unwrap_or("a zone without a name"))
        }
    };
    let classes = (0..policy.classes().len()).filter(|one| counter.classes.contains(*one)).count();
    let warned: Vec<_> = counter.warn_at.iter().map(|percent| format!("{percent} %")).collect();
    let warned =
        if warned.is_empty() { String::new() } else { format!(", warns at {}", warned.join(", ")) };
    format!("counts {classes} classes {keyed} {window}{warned}")
}
