//! `borderpost reports`: candidates for reports, which a person closes.

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::ask::{Admin, items, number, word, words};
use super::output::line;

/// See what may have to be reported, and close it.
#[derive(Debug, clap::Args)]
pub(super) struct Reports {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show what is open, and when it is due.
    List(List),
    /// Say what came of one.
    Close(Close),
}

#[derive(Debug, clap::Args)]
struct List {
    /// What is closed, too.
    #[arg(long)]
    all: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: Admin,
}

#[derive(Debug, clap::Args)]
struct Close {
    /// The candidate.
    id: Uuid,
    /// Who closes it.
    #[arg(long, value_name = "WHO")]
    by: String,
    /// `reported` to the authority, or `not-due`.
    #[arg(long, value_parser = ["reported", "not-due"])]
    outcome: String,
    /// Why; needed for `not-due`.
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    /// Where the proof is.
    #[arg(long, value_name = "REFERENCE")]
    evidence: Option<String>,
    #[command(flatten)]
    admin: Admin,
}

impl Reports {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::List(list) => list.run(),
            Command::Close(close) => close.run(),
        }
    }
}

impl List {
    fn run(self) -> anyhow::Result<()> {
        let state = if self.all { "" } else { "?state=open" };
        let answer =
            self.admin.ask(Method::GET, &format!("/api/v1/reports{state}"), &Value::Null)?;
        if self.json {
            line(serde_json::to_string_pretty(&answer)?);
            return Ok(());
        }
        let mut reports: Vec<_> = items(&answer, "reports").iter().collect();
        // What is due first comes first.
        reports.sort_by_key(|one| word(one, "due"));
        if reports.is_empty() {
            line("nothing waits");
        }
        reports.into_iter().for_each(show);
        Ok(())
    }
}

impl Close {
    fn run(self) -> anyhow::Result<()> {
        let Self { id, by, outcome, note, evidence, admin } = self;
        let body = json!({ "by": by, "outcome": outcome, "note": note, "evidence": evidence });
        let closed = admin.ask(Method::POST, &format!("/api/v1/reports/{id}/close"), &body)?;
        line(format!("closed: {}/{} {outcome}", word(&closed, "pack"), word(&closed, "report")));
        Ok(())
    }
}

fn show(report: &Value) {
    line(format!("{}  {}  due {}", word(report, "id"), word(report, "state"), word(report, "due")));
    line(format!(
        "  report   {}/{} [{}], rule {}",
        word(report, "pack"),
        word(report, "report"),
        word(report, "cite"),
        word(report, "rule")
    ));
    line(format!(
        "  because  {} sent or asked to send {} to {}, {} times on {}; first decision {}",
        word(report, "client"),
        words(report, "tags"),
        word(report, "host"),
        number(report, "count"),
        word(report, "day"),
        word(report, "decision")
    ));
    if let Some(closing) = report.get("closing").filter(|closing| closing.is_object()) {
        line(format!(
            "  {} by {} on {}: {} ({})",
            word(closing, "outcome"),
            word(closing, "by"),
            word(closing, "at"),
            word(closing, "note"),
            word(closing, "evidence")
        ));
    }
}
