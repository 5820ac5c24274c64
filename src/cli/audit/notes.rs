//! `borderpost audit notes`: what the journal says beside records: who read what, who decided, what
//! was put in force, what retention dropped, and what was lost.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::audit::journal::{Entry, Kind, Onward};
use crate::audit::search::moment;

use super::super::output::line;
use super::whole::whole;
use super::{Journal, Place};

/// List what the journal says beside records.
#[derive(Debug, clap::Args)]
pub(super) struct Notes {
    #[command(flatten)]
    place: Place,
    /// Only those about `configuration`, `ruling`, `closing`, `read`, `retention`, `erasure` ...
    #[arg(long, value_name = "WORD")]
    about: Option<String>,
    /// From this moment on: RFC 3339, a day, or so long ago: `7d`.
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    since: Option<Timestamp>,
    /// Before this moment.
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    until: Option<Timestamp>,
    /// As lines of JSON with number, time and kind of the entry.
    #[arg(long)]
    json: bool,
}

impl Notes {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let Journal { folder, .. } = self.place.clone().open()?;
        let mut reader = Onward::open(&folder);
        if let Some(since) = self.since {
            reader = reader.since(since.as_millisecond());
        }
        while let Some(entry) = reader.next_entry()? {
            self.tell(&entry);
        }
        whole(reader.gaps())
    }

    fn tell(&self, entry: &Entry<'_>) {
        let kind = match entry.kind() {
            Some(kind @ (Kind::Start | Kind::Note | Kind::Gap)) => kind,
            Some(Kind::Decided | Kind::Ended | Kind::Checkpoint | Kind::Key) | None => return,
        };
        let at = entry.at().and_then(|at| Timestamp::from_millisecond(at).ok());
        let within = |at: Timestamp| {
            self.since.is_none_or(|since| since <= at) && self.until.is_none_or(|until| at < until)
        };
        if !at.is_none_or(within) {
            return;
        }
        let payload = entry.payload().unwrap_or_default();
        let says = serde_json::from_slice(payload)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(payload)));
        let subject = about(kind, &says);
        // A start says what it puts in force, too.
        let asked = |word: &String| *subject == **word || says.get(word).is_some();
        if self.about.as_ref().is_some_and(|word| !asked(word)) {
            return;
        }
        let sequence = entry.sequence();
        let at = at.map_or_else(String::new, |at| format!("{at:.3}"));
        if self.json {
            let (kind, about) = (kind.name(), &*subject);
            line(json!({
                "sequence": sequence, "at": at, "kind": kind, "about": about, "says": says,
            }));
        } else {
            line(format!("{sequence} {at} {subject} {}", says.get(&*subject).unwrap_or(&says)));
        }
    }
}

/// What an entry is about: the one name in a note, else its kind.
fn about(kind: Kind, says: &Value) -> Cow<'static, str> {
    let name = says.as_object().and_then(|says| says.keys().next());
    match (kind, name) {
        (Kind::Note, Some(name)) => Cow::Owned(name.clone()),
        _ => Cow::Borrowed(kind.name()),
    }
}
