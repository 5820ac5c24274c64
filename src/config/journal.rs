//! `[journal]`: how the journal is written, and how long its entries are kept.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::audit::Unwritable;
use crate::audit::journal::Settings;
use crate::audit::retention::{Days, LegalHold, PersonalTerms, Retention, Terms};

use super::fixed::INDEXED;
use super::section::Section;
use super::words::parse_days;

/// What the section says.
pub(super) struct Journal {
    pub(super) keep: bool,
    pub(super) indexed: Option<Duration>,
    pub(super) origin: String,
    pub(super) unwritable: Unwritable,
    pub(super) segments: Settings,
    pub(super) retention: Retention,
    pub(super) sweep: bool,
    pub(super) seal_personal: bool,
    pub(super) keys: Option<PathBuf>,
}

impl Journal {
    /// Paths are relative to `base`.
    pub(super) fn read(section: &Section<'_>, base: &Path) -> Self {
        let words = [("pass", Unwritable::Pass), ("refuse", Unwritable::Refuse)];
        let default = Settings::default();
        let segments = Settings {
            segment_octets: section
                .size("segment_size", "64KiB", "4GiB")
                .unwrap_or(default.segment_octets),
            segment_time: section.duration("segment_time").unwrap_or(default.segment_time),
            ..default
        };
        let indexed = section.word("index").and_then(|word| section.parse(&word, parse_index));
        Self {
            keep: section.flag("keep").unwrap_or(true),
            indexed: Some(indexed.unwrap_or(INDEXED)).filter(|time| !time.is_zero()),
            origin: origin(section).unwrap_or_else(|| "borderpost".to_owned()),
            unwritable: section.choice("unwritable", &words).unwrap_or(Unwritable::Pass),
            segments,
            retention: Retention {
                terms: terms(section),
                personal: personal(section),
                holds: holds(section),
            },
            sweep: section.choice("retain", &[("daily", true), ("off", false)]).unwrap_or(false),
            // Off, unless it is said: keys that are lost make every record one of nobody, and
            // a law may want the parties kept for years.
            seal_personal: section.flag("seal_personal").unwrap_or(false),
            keys: section.word("keys").map(|word| base.join(word.text)),
        }
    }
}

/// `0`, or days.
fn parse_index(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is neither \"0\" nor a number of days such as \"30d\"");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let days =
        text.strip_suffix('d').and_then(|days| days.parse::<u16>().ok()).ok_or_else(wrong)?;
    Ok(Duration::from_hours(u64::from(days) * 24))
}

fn origin(section: &Section<'_>) -> Option<String> {
    let word = section.word("origin")?;
    let sound = !word.text.is_empty()
        && word.text.len() <= 128
        && word.text.chars().all(|one| one.is_ascii_graphic() && one != '+');
    if !sound {
        let help = "a host and a path, for example: gw-1.example.com/borderpost";
        let message = "a name of up to 128 signs without blanks and `+`";
        section.problem(word.span.clone(), message, Some(help.to_owned()));
    }
    sound.then(|| word.text.to_owned())
}

fn terms(section: &Section<'_>) -> Terms {
    let days = |key, default: Days| {
        let word = section.word(key);
        word.and_then(|word| section.parse(&word, parse_days)).map_or(default, Days)
    };
    let default = Terms::default();
    Terms {
        untagged: days("keep_untagged", default.untagged),
        tagged: days("keep_tagged", default.tagged),
        refused: days("keep_refused", default.refused),
    }
}

fn personal(section: &Section<'_>) -> PersonalTerms {
    let days = |key| {
        let word = section.word(key)?;
        section.parse(&word, parse_days).map(Days)
    };
    PersonalTerms {
        untagged: days("personal_untagged"),
        tagged: days("personal_tagged"),
        refused: days("personal_refused"),
        pack: days("personal_pack"),
    }
}

fn holds(section: &Section<'_>) -> Vec<LegalHold> {
    section.sections("hold").iter().filter_map(hold).collect()
}

fn hold(section: &Section<'_>) -> Option<LegalHold> {
    let [name, reason] = ["name", "reason"].map(|key| section.required(key));
    let day = |key| {
        let date = section.date(key)?;
        TimeZone::UTC.to_timestamp(date.to_datetime(Time::MIN)).ok()
    };
    let (from, until) = (day("from"), day("until"));
    if from.zip(until).is_some_and(|(from, until)| until <= from) {
        section.problem(section.span_of("until"), "this hold ends before it begins", None);
    }
    let text = |key| section.word(key).map(|word| word.text.to_owned());
    Some(LegalHold {
        name: name?.text.to_owned(),
        reason: reason?.text.to_owned(),
        from,
        until,
        host: text("host"),
        client: text("client"),
        tag: text("tag"),
        rule: text("rule"),
    })
}
