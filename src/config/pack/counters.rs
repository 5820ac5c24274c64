//! `[counter.*]`: what adds up, over which time and for whom.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::policy::{Band, Bulk, Consensus, Counter, Keyed, Meter, Reach, Span};

use super::super::section::{Section, Word};
use super::super::words::nearest;
use super::Packs;
use super::classes::Classes;
use super::territories::Territories;

/// The counters of one pack, by name, with their place in the policy.
#[derive(Clone, Debug, Default)]
pub(super) struct Counters(BTreeMap<String, (usize, Counter)>);

impl Counters {
    pub(super) fn read(
        root: &Section<'_>,
        classes: &Classes,
        territories: &Territories,
        pack: usize,
        packs: &mut Packs,
    ) -> Self {
        let table = root.section("counter");
        let mut names = BTreeMap::new();
        for (name, section) in table.named_sections() {
            let counter = counter(&section, name.text, classes, territories, pack);
            names.insert(name.text.to_owned(), (packs.counters.len(), counter.clone()));
            packs.counters.push(counter);
        }
        Self(names)
    }

    /// `bulk = { counter = "…", classes = ["…"] }`
    pub(super) fn bulk(&self, section: &Section<'_>, classes: &Classes) -> Option<Bulk> {
        let (at, counter) = self.find(section)?;
        let words = section.words("classes");
        for word in
            words.iter().filter(|word| word.text != "*" && !classes.has_threshold(word.text))
        {
            let message = format!("class `{}` has no threshold, so it is never bulk", word.text);
            section.problem(word.span.clone(), message, None);
        }
        let all = words.is_empty() || words.iter().any(|word| word.text == "*");
        let bits = if all { counter.classes } else { classes.named(section, &words) };
        let names = if all { vec!["data of any class".to_owned()] } else { texts(&words) };
        Some(Bulk { counter: at, classes: bits, names })
    }

    /// One of `count = [{ counter = "…", class = "…", at_least = 1, under = 5 }]`
    pub(super) fn band(&self, section: &Section<'_>, classes: &Classes) -> Option<(Band, String)> {
        let (counter, kept) = self.find(section)?;
        let word = section.required("class")?;
        let class = classes.place(section, &word)?;
        if !kept.classes.contains(class) {
            let message = format!("counter does not count class `{}`", word.text);
            section.problem(word.span.clone(), message, None);
        }
        let number = |key| section.number(key, 0..=u64::MAX >> 1);
        let over = number("over").map(|over| over + 1);
        let least = number("at_least").max(over);
        let under = number("under").and_then(|under| under.checked_sub(1));
        let most = [number("up_to"), under].into_iter().flatten().min();
        if least.is_none() && most.is_none() {
            let message = "a band has `over`, `at_least`, `under` or `up_to`";
            section.problem(section.span(), message, None);
        }
        let (least, most) = (least.unwrap_or(0), most.unwrap_or(u64::MAX));
        if most < least {
            section.problem(section.span(), "no number lies in this band", None);
        }
        let name = match (least, most) {
            (_, u64::MAX) => format!("{} at least {least}", word.text),
            (0, _) => format!("{} at most {most}", word.text),
            _ => format!("{} from {least} to {most}", word.text),
        };
        Some((Band { meter: Meter { counter, class }, least, most }, name))
    }

    fn find(&self, section: &Section<'_>) -> Option<(usize, &Counter)> {
        let word = section.required("counter")?;
        let found = self.0.get(word.text).map(|(at, counter)| (*at, counter));
        if found.is_none() {
            let near = nearest(word.text, self.0.keys().map(String::as_str));
            let help = near.map(|name| format!("did you mean `{name}`?"));
            let message = format!("`{}` is no `[counter.…]` of this pack", word.text);
            section.problem(word.span, message, help);
        }
        found
    }
}

fn texts(words: &[Word<'_>]) -> Vec<String> {
    words.iter().map(|word| word.text.to_owned()).collect()
}

fn counter(
    section: &Section<'_>,
    name: &str,
    classes: &Classes,
    territories: &Territories,
    pack: usize,
) -> Counter {
    let words = section.words("classes");
    let keys = section.words("keyed_by");
    for word in keys.iter().filter(|word| !["exporter", "recipient"].contains(&word.text)) {
        let message = format!("`{}` is neither exporter nor recipient", word.text);
        section.problem(word.span.clone(), message, None);
    }
    if keys.is_empty() {
        section.problem(
            section.span_of("keyed_by"),
            "`keyed_by` names exporter, recipient or both",
            None,
        );
    }
    let keyed = |key: &str| keys.iter().any(|word| word.text == key);
    let marks = section.numbers("warn_at", 100).unwrap_or_else(|| vec![50, 80, 95]);
    if !section.has("cite") {
        section.problem(section.span(), "`cite` is missing here", None);
    }
    for key in ["cite", "note"] {
        section.word(key);
    }
    section.flag("verify");
    Counter {
        name: name.to_owned(),
        pack,
        classes: if words.is_empty() { classes.all() } else { classes.named(section, &words) },
        keyed: match (keyed("exporter"), keyed("recipient")) {
            (true, false) => Keyed::Exporter,
            (false, true) => Keyed::Recipient,
            (true, true) | (false, false) => Keyed::Both,
        },
        window: window(section),
        lowest: section
            .choice("combine", &[("lowest-threshold", true), ("none", false)])
            .unwrap_or(false),
        skip_exempt: section.flag("skip_exempt").unwrap_or(false),
        to: to(section, territories),
        warn_at: marks.into_iter().filter_map(|mark| u8::try_from(mark).ok()).collect(),
    }
}

/// Where what is counted must go to. One database is enough, and what nobody places counts.
fn to(section: &Section<'_>, territories: &Territories) -> Option<Reach> {
    let words = section.some_words("to")?;
    let ground = territories.ground(section, &words);
    Some(Reach {
        names: texts(&words),
        places: ground.places,
        regions: ground.regions,
        consensus: Consensus::Any,
        unknown_counts: true,
    })
}

fn window(section: &Section<'_>) -> Span {
    let window = section.section("window");
    let months = window.number("rolling_months", 1..=120).and_then(|n| u16::try_from(n).ok());
    let zone = window.zone("calendar_year");
    if months.is_some() == window.has("calendar_year") {
        let help =
            "window = { rolling_months = 12 } or { calendar_year = \"Asia/Shanghai\" }".to_owned();
        section.problem(
            section.span_of("window"),
            "a window is either rolling or a calendar year",
            Some(help),
        );
    }
    match months {
        Some(months) => Span::RollingMonths(months),
        None => Span::CalendarYear(zone.unwrap_or(TimeZone::UTC)),
    }
}
