//! What an error answer says, in each of its forms.

use http::{Method, StatusCode};
use serde::Serialize;

use crate::audit::{Authenticated, Failure, Fault, HoldState, Record};
use crate::policy::{Basis, Held, Refusal, Rule};

use super::error::Error;
use super::held::needs;

/// A problem (RFC 9457), with what an engineer needs at three in the morning.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    #[serde(serialize_with = "as_number")]
    pub(super) status: StatusCode,
    pub(super) detail: String,
    instance: String,
    /// The decision id.
    #[serde(rename = "decision")]
    pub(super) id: String,
    #[serde(serialize_with = "as_word")]
    pub(super) fault: Fault,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pack: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cite: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Whereabouts>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    /// What the request waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<String>,
    /// The declarations that are missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    needs: Vec<String>,
    remedy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<String>,
    #[serde(skip)]
    pub(super) proxy_status: &'static str,
}

/// By what people see a decision taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) enum Explained<'a> {
    /// It is kept, and found by its id.
    Kept,
    /// It is not: it has to be taken again, with these options.
    Again(&'a str),
}

#[derive(Debug, Serialize)]
struct Whereabouts {
    address: Option<String>,
    state: String,
    countries: Vec<&'static str>,
    databases: Vec<Testimony>,
}

#[derive(Debug, Serialize)]
struct Testimony {
    name: String,
    build: String,
    country: Option<&'static str>,
}

impl Problem {
    /// Puts an error into words, with what the record knows.
    pub(super) fn of(error: &Error, record: &Record, explained: &Explained<'_>) -> Self {
        let mut problem = match error {
            Error::Refused(refusal) => Self {
                explain: Some(explained.command(record)),
                ..waiting(refused(refusal, record), refusal, record)
            },
            Error::Failed(failed) => Self {
                title: title(failed.failure.fault),
                status: failed.status,
                detail: failed.failure.detail.clone(),
                fault: failed.failure.fault,
                code: failed.failure.code,
                cite: failed.rfc.map(str::to_owned),
                remedy: failed.remedy.to_owned(),
                proxy_status: failed.proxy_status,
                ..blank()
            },
        };
        problem.id = record.id.to_string();
        problem.instance = format!("urn:uuid:{}", record.id);
        problem.destination = record.authority.as_ref().map(ToString::to_string);
        problem.location = whereabouts(record);
        problem.tags = record.tags.iter().map(ToString::to_string).collect();
        problem
    }

    /// What the record keeps of it.
    pub(super) fn failure(&self) -> Failure {
        Failure { fault: self.fault, code: self.code, detail: self.detail.clone() }
    }

    /// The JSON form.
    pub(super) fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a problem has only string keys");
        text.push('\n');
        text
    }

    /// The same in one line, for clients that show no more.
    pub(super) fn line(&self) -> String {
        let known = [("rule", &self.rule), ("source", &self.cite), ("waits as", &self.hold)];
        let known = known.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let known: Vec<_> = known.map(|(name, value)| format!("{name}: {value}; ")).collect();
        format!("{} ({}decision: {})", self.detail, known.concat(), self.id)
    }

    /// The page for a browser.
    pub(super) fn page(&self) -> String {
        let mut rows = String::new();
        let mut row = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                rows.push_str(&format!("<dt>{name}</dt><dd>{}</dd>\n", escape(value)));
            }
        };
        row("Destination", self.destination.as_deref());
        let location = self.location.as_ref().map(Whereabouts::words);
        row("Location", location.as_deref());
        let tags = (!self.tags.is_empty()).then(|| self.tags.join(", "));
        row("Data", tags.as_deref());
        row("Rule", self.rule.as_deref());
        row("Source", self.cite.as_deref());
        row("Waits as", self.hold.as_deref());
        let needs = (!self.needs.is_empty()).then(|| self.needs.join(", "));
        row("Not declared", needs.as_deref());
        row("What helps", Some(&self.remedy));
        row("Decision", Some(&self.id));
        row("Explain, where the proxy runs", self.explain.as_deref());
        let (title, detail) = (escape(self.title), escape(&self.detail));
        format!(include_str!("page.html"), title = title, detail = detail, rows = rows)
    }
}

fn refused(refusal: &Refusal, record: &Record) -> Problem {
    let rule = |held: &Held| record.policy.rule(held);
    let problem = Problem { title: title(Fault::Policy), ..blank() };
    match refusal.basis {
        Basis::Rule(held) => match rule(&held) {
            Some(rule) => by_rule(problem, rule, held.presumed),
            None => problem,
        },
        Basis::Conflict { duty, bar } => conflict(problem, rule(&duty), rule(&bar)),
        Basis::Special(kind) => Problem {
            detail: format!("the destination's address is not public ({kind}) and is not opened"),
            code: "special-network",
            remedy: format!("if it is meant, add \"{kind}\" or its network to `destinations.open`"),
            proxy_status: "destination_ip_prohibited",
            ..problem
        },
        Basis::Default => Problem {
            detail: "no rule permits this request, and the policy refuses by default".to_owned(),
            code: "default",
            remedy: "add a rule that allows it".to_owned(),
            ..problem
        },
    }
}

/// What is missing, and what the request waits for.
fn waiting(problem: Problem, refusal: &Refusal, record: &Record) -> Problem {
    let needs = needs(&record.policy, refusal);
    let Some(waiting) = record.hold else { return Problem { needs, ..problem } };
    let id = waiting.hold;
    let remedy = if waiting.state == HoldState::Denied {
        format!("a person denied it; `borderpost holds list --all` shows {id} and why")
    } else {
        format!(
            "a person decides, and then the same request passes until the approval ends: \
             borderpost holds approve {id} --by WHO --reason WHY --for 8h"
        )
    };
    Problem { needs, remedy, hold: Some(id.to_string()), ..problem }
}

/// One law demands what another bars: both are named.
fn conflict(problem: Problem, duty: Option<&Rule>, bar: Option<&Rule>) -> Problem {
    let (Some(duty), Some(bar)) = (duty, bar) else { return problem };
    let told = by_rule(problem, bar, false);
    let source = |rule: &Rule| rule.cite.clone().unwrap_or_else(|| rule.id.clone());
    Problem {
        detail: format!("{}; yet {}", bar.reason, duty.reason),
        code: "conflict",
        cite: Some(format!("{}; {}", source(bar), source(duty))),
        remedy: "two laws want opposite things: whoever answers for compliance must decide"
            .to_owned(),
        ..told
    }
}

fn by_rule(problem: Problem, rule: &Rule, presumed: bool) -> Problem {
    let presumed = if presumed { " (what is unknown counts as restricted)" } else { "" };
    let cited = rule.legal && rule.cite.is_some();
    Problem {
        // RFC 7725: refused for a legal reason.
        status: if cited {
            StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS
        } else {
            StatusCode::FORBIDDEN
        },
        detail: format!("{}{presumed}", rule.reason),
        code: "rule",
        rule: Some(rule.id.clone()),
        pack: Some(rule.pack.clone()),
        cite: rule.cite.clone(),
        remedy: format!(
            "send the data elsewhere or without what is tagged; the owner of rule `{}` can tell more: \
             where the proxy runs, the command of `explain` shows every rule's part and what would \
             change the answer",
            rule.id
        ),
        ..problem
    }
}

impl Explained<'_> {
    /// The command that shows the decision taken apart.
    fn command(&self, record: &Record) -> String {
        match self {
            Self::Kept => format!("borderpost explain --id {}", record.id),
            Self::Again(options) => format!("borderpost explain{options}{}", asked(record)),
        }
    }
}

/// The request as the command is told of it. Of what the configuration adds to it nothing is said.
fn asked(record: &Record) -> String {
    let mut command = String::new();
    if let Some(authority) = &record.authority {
        let scheme = if record.method == Method::CONNECT { "https" } else { record.scheme };
        command.push_str(&format!(" --url {scheme}://{authority}/"));
        // A method of the client's own may be what should not leave.
        if record.method.as_str().len() <= Method::OPTIONS.as_str().len() {
            command.push_str(&format!(" --method {}", record.method));
        }
    }
    for tag in record.tags.iter() {
        command.push_str(&format!(" --tag {tag}"));
    }
    if let Some(address) = record.address {
        command.push_str(&format!(" --address {}", address.ip()));
    }
    let client = record.client.ip().to_canonical();
    if !client.is_loopback() {
        command.push_str(&format!(" --client {client}"));
    }
    let proved = record.authenticated.is_some_and(|by| by != Authenticated::Network);
    let name = record.principal.as_deref().filter(|_| proved);
    // A name of other letters would have to be quoted, for whichever shell.
    let plain = |one: u8| one.is_ascii_alphanumeric() || b"._:@/-".contains(&one);
    if let Some(name) = name.filter(|name| name.bytes().all(plain)) {
        command.push_str(&format!(" --principal {name}"));
    }
    command
}

fn whereabouts(record: &Record) -> Option<Whereabouts> {
    let location = record.location.as_ref()?;
    let entry = location.atlas.entry(location.entry);
    let databases = location.atlas.databases().iter().zip(entry.answers());
    Some(Whereabouts {
        address: record.address.map(|socket| socket.ip().to_string()),
        state: entry.state().to_string(),
        countries: entry.candidates().iter().map(|country| country.code()).collect(),
        databases: databases
            .map(|(database, answer)| Testimony {
                name: database.name.clone(),
                build: database.build_date(),
                country: answer.country.map(|country| country.code()),
            })
            .collect(),
    })
}

impl Whereabouts {
    fn words(&self) -> String {
        let said = self.databases.iter();
        let said = said.map(|t| format!("{} of {}: {}", t.name, t.build, t.country.unwrap_or("-")));
        let countries =
            if self.countries.is_empty() { "none".to_owned() } else { self.countries.join(", ") };
        format!("{countries} ({}; {})", self.state, said.collect::<Vec<_>>().join(", "))
    }
}

fn blank() -> Problem {
    Problem {
        kind: "about:blank",
        title: "",
        status: StatusCode::FORBIDDEN,
        detail: String::new(),
        instance: String::new(),
        id: String::new(),
        fault: Fault::Policy,
        code: "",
        rule: None,
        pack: None,
        cite: None,
        destination: None,
        location: None,
        tags: Vec::new(),
        hold: None,
        needs: Vec::new(),
        remedy: String::new(),
        explain: None,
        proxy_status: "http_request_denied",
    }
}

const fn title(fault: Fault) -> &'static str {
    match fault {
        Fault::Client => "The request cannot be forwarded as it is",
        Fault::Policy => "Refused by the data-egress policy",
        Fault::Upstream => "The destination could not be reached",
        Fault::Us => "The proxy cannot forward this now",
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over by reference")]
fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over by reference")]
fn as_word<S: serde::Serializer>(fault: &Fault, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(fault.name())
}

/// Text inside HTML.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
