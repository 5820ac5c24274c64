//! A pack as it is written: TOML whose comments tell what was counted. What traffic wrote into it
//! (hosts, names of rules) ends with its line.

use super::seen::{Flow, Place, Sum};
use super::show::{grouped, size};

/// So many hosts are listed where no rule names them, the busiest first.
const BUSIEST: usize = 20;

/// A pack as it is written.
#[derive(Debug, Default)]
pub(super) struct Page(pub(super) String);

/// The head of a rule.
pub(super) struct Rule<'r> {
    pub(super) id: &'r str,
    pub(super) outcome: &'r str,
    pub(super) reason: &'r str,
    pub(super) cite: &'r str,
}

/// What a line of a list says beside.
#[derive(Clone, Copy)]
pub(super) struct Item<'i> {
    pub(super) place: Option<&'i str>,
    /// Whether it is a comment only.
    pub(super) out: bool,
}

// === impl Page ===

impl Page {
    pub(super) fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// A comment; what traffic wrote into it stays in its line.
    pub(super) fn note(&mut self, text: &str) {
        let text = plain(text);
        self.line(if text.is_empty() { "#".to_owned() } else { format!("# {text}") }.as_str());
    }

    pub(super) fn title(&mut self, text: &str) {
        self.line("");
        self.note(&format!("=== {text} ==="));
        self.line("");
    }

    /// A line of a table: how much, and of what.
    pub(super) fn row(&mut self, sum: &Sum, what: &str) {
        self.note(&format!("{:>12}  {:>10}  {what}", grouped(sum.requests), size(sum.bytes_out)));
    }

    pub(super) fn more(&mut self, of: usize) {
        if let Some(more @ 1..) = of.checked_sub(BUSIEST) {
            self.note(&format!("{:>12}  more", grouped_len(more)));
        }
    }

    /// The busiest hosts.
    pub(super) fn hosts(&mut self, flow: &Flow) {
        self.note(&format!("{:>12}  {:>10}  to", "requests", "sent"));
        let hosts = flow.hosts.iter().map(|(name, host)| ((name, &host.place), &host.sum));
        for ((name, place), sum) in busiest(hosts) {
            self.row(sum, &format!("{name} ({place})"));
        }
        self.more(flow.hosts.len());
        if flow.beyond > 0 {
            self.note(&format!("{:>12}  to hosts beyond these", grouped(flow.beyond)));
        }
    }

    /// What did not go out: no rule of the draft lets it.
    pub(super) fn stopped(&mut self, flow: &Flow) {
        for (word, stopped) in [("Refused", &flow.refused), ("Failed", &flow.failed)] {
            for ((by, place), count) in stopped.iter().take(BUSIEST) {
                let count = requests(*count);
                self.note(&format!("{word}: {count} towards {place}, by {by}."));
            }
            self.more(stopped.len());
        }
    }

    /// The countries that something went to; those that are struck stand there as comments.
    pub(super) fn territory(
        &mut self,
        name: &str,
        flow: &Flow,
        cite: &str,
        struck: impl Fn(&Sum) -> bool,
    ) {
        for (place, sum) in &flow.places {
            let times = requests(sum.requests);
            match place {
                Place::Country(_) => {}
                Place::Else(word) if word == "special" => {
                    self.note(&format!("{times} went to addresses of no country (private networks and the like): left alone."));
                }
                Place::Else(word) if word == "not located" => {
                    self.note(&format!("{times}: nobody had to know where that is."));
                }
                Place::Else(word) => {
                    self.note(&format!("{times} went where the country is not known ({word}): held back until you name \"unknown\" beside \"{name}\"."));
                }
            }
        }
        self.line("");
        self.line(&format!("[territory.{name}]"));
        self.line("countries = [");
        for (place, sum) in &flow.places {
            if let Place::Country(code) = place {
                self.item(code, sum, Item { place: None, out: struck(sum) });
            }
        }
        self.line("]");
        self.line(&format!("cite = {}", quoted(cite)));
    }

    /// A line of a list.
    pub(super) fn item(&mut self, text: &str, sum: &Sum, item: Item<'_>) {
        let Item { place, out } = item;
        let quoted = quoted(text);
        let mut told = format!("{}, {}", requests(sum.requests), size(sum.bytes_out));
        if let Some(place) = place {
            told.push_str(&format!(", {place}"));
        }
        if sum.agreed == 0 && place.is_none() {
            told.push_str("; only where databases do not agree");
        }
        for (rule, count) in &sum.objections {
            told.push_str(&format!("; {rule} would have refused {}", grouped(*count)));
        }
        let out = if out { "# " } else { "" };
        self.line(&format!("    {out}{quoted},  # {}", plain(&told)));
    }

    pub(super) fn rule(&mut self, rule: &Rule<'_>) {
        let Rule { id, outcome, reason, cite } = rule;
        self.line("");
        self.line("[[rule]]");
        self.line(&format!("id = {}", quoted(id)));
        self.line(&format!("outcome = \"{outcome}\""));
        self.line("legal = false");
        self.line(&format!("reason = {}", quoted(reason)));
        self.line(&format!("cite = {}", quoted(cite)));
    }
}

/// The busiest first, of equals by name.
pub(super) fn busiest<'s, T: Ord>(sums: impl Iterator<Item = (T, &'s Sum)>) -> Vec<(T, &'s Sum)> {
    let mut sums: Vec<_> = sums.collect();
    sums.sort_by(|(one, a), (other, b)| b.requests.cmp(&a.requests).then_with(|| one.cmp(other)));
    sums.truncate(BUSIEST);
    sums
}

pub(super) fn grouped_len(number: usize) -> String {
    grouped(u64::try_from(number).unwrap_or(u64::MAX))
}

pub(super) fn requests(number: u64) -> String {
    format!("{} request{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A string of TOML.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// Comments end with their line, and know no control characters.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
