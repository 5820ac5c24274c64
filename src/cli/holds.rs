//! `borderpost holds`: what waits for a person, and the person's decision.

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::ask::{Admin, items, number, word, words};
use super::output::line;

/// See what waits for a person, and decide.
#[derive(Debug, clap::Args)]
pub(super) struct Holds {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show what waits.
    List(List),
    /// Let the same requests pass for a while: of that client, to that host, with that data.
    Approve(Approve),
    /// Do not; an approval in force is withdrawn.
    Deny(Deny),
}

#[derive(Debug, clap::Args)]
struct List {
    /// What was decided, too.
    #[arg(long)]
    all: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: Admin,
}

#[derive(Debug, clap::Args)]
struct Approve {
    #[command(flatten)]
    ruling: Ruling,
    /// When the approval ends: `8h`, `30d`, or a moment such as 2026-01-31T12:00:00Z; within 90
    /// days.
    #[arg(long = "for", value_name = "TIME")]
    expires: String,
}

#[derive(Debug, clap::Args)]
struct Deny {
    #[command(flatten)]
    ruling: Ruling,
}

#[derive(Debug, clap::Args)]
struct Ruling {
    /// The hold, as the refused client and `holds list` name it.
    id: Uuid,
    /// Who decides.
    #[arg(long, value_name = "WHO")]
    by: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    admin: Admin,
}

impl Holds {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::List(list) => list.run(),
            Command::Approve(Approve { ruling, expires }) => {
                let hold = ruling.send("approve", &json!({ "expires": expires }))?;
                let last = items(&hold, "rulings").last().cloned().unwrap_or_default();
                line(format!(
                    "approved until {}: {} may send {} to {}",
                    word(&last, "expires"),
                    word(&hold, "client"),
                    words(&hold, "tags"),
                    word(&hold, "host")
                ));
                Ok(())
            }
            Command::Deny(Deny { ruling }) => {
                let hold = ruling.send("deny", &json!({}))?;
                line(format!(
                    "denied: {} may not send {} to {}",
                    word(&hold, "client"),
                    words(&hold, "tags"),
                    word(&hold, "host")
                ));
                Ok(())
            }
        }
    }
}

impl Ruling {
    fn send(&self, decision: &str, more: &Value) -> anyhow::Result<Value> {
        let mut body = json!({ "by": self.by, "reason": self.reason });
        let more = more.as_object().into_iter().flatten();
        if let Some(members) = body.as_object_mut() {
            members.extend(more.map(|(key, value)| (key.clone(), value.clone())));
        }
        self.admin.ask(Method::POST, &format!("/api/v1/holds/{}/{decision}", self.id), &body)
    }
}

impl List {
    fn run(self) -> anyhow::Result<()> {
        let state = if self.all { "" } else { "?state=open" };
        let answer = self.admin.ask(Method::GET, &format!("/api/v1/holds{state}"), &Value::Null)?;
        if self.json {
            line(serde_json::to_string_pretty(&answer)?);
            return Ok(());
        }
        let holds = items(&answer, "holds");
        if holds.is_empty() {
            line("nothing waits");
        }
        holds.iter().for_each(show);
        Ok(())
    }
}

fn show(hold: &Value) {
    line(format!("{}  {}", word(hold, "id"), word(hold, "state")));
    line(format!(
        "  asks     {}, {} times, last {}",
        word(hold, "client"),
        number(hold, "asked"),
        word(hold, "last")
    ));
    line(format!(
        "  to       {} {}:{}",
        word(hold, "method"),
        word(hold, "host"),
        number(hold, "port")
    ));
    line(format!("  data     {}", words(hold, "tags")));
    for rule in items(hold, "rules") {
        line(format!(
            "  rule     {} [{}]: {}",
            word(rule, "rule"),
            word(rule, "cite"),
            word(rule, "reason")
        ));
    }
    if !items(hold, "needs").is_empty() {
        line(format!("  missing  {}", words(hold, "needs")));
    }
    for ruling in items(hold, "rulings") {
        let until = ruling.get("expires").and_then(Value::as_str);
        let until = until.map_or(String::new(), |end| format!(" until {end}"));
        line(format!(
            "  {}{until} by {} on {}: {}",
            word(ruling, "decision"),
            word(ruling, "by"),
            word(ruling, "at"),
            word(ruling, "reason")
        ));
    }
}
