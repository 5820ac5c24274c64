//! `[rule.when]` and `[rule.unless]` of a pack: keys to conditions.

use crate::net::{HostPattern, parse_network};
use crate::policy::{Area, Condition, Consensus, Reach, TagMask, Word};

use super::super::rules::{parse_method, parse_pattern};
use super::super::section::Section;
use super::super::words::nearest;
use super::head::countries;
use super::rules::Reading;

/// How the conditions of one rule are read.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    pub(super) consensus: Consensus,
    /// Whether what is not known counts as named.
    pub(super) presumes: bool,
}

impl Reading<'_> {
    pub(super) fn conditions(&self, when: &Section<'_>, manner: Manner) -> Vec<Condition> {
        let mut found = Vec::new();
        self.of_data(when, &mut found);
        self.of_volume(when, &mut found);
        self.of_place(when, manner, &mut found);
        self.of_recipient(when, manner, &mut found);
        of_request(when, &mut found);
        of_peer(when, &mut found);
        self.of_client(when, &mut found);
        for word in Word::ALL {
            if let Some(words) = when.some_words(word.key()) {
                let words = words.iter().map(|word| word.text.to_owned()).collect();
                found.push(Condition::Declared(word, words));
            }
        }
        found
    }

    fn of_data(&self, when: &Section<'_>, found: &mut Vec<Condition>) {
        if let Some(words) = when.some_words("tags") {
            found.push(Condition::Tags(TagMask::new(when.parsed(&words, parse_pattern))));
        }
        if let Some(words) = when.some_words("classes") {
            let names = words.iter().map(|word| word.text.to_owned()).collect();
            found.push(Condition::Classes(self.classes.named(when, &words), names));
        }
        if let Some(words) = when.some_words("subjects") {
            let names = words.iter().map(|word| word.text.to_owned()).collect();
            found.push(Condition::Subjects(countries(when, &words), names));
        }
        if let Some(words) = when.some_words("state") {
            let states = words.iter().filter_map(|word| super::classes::state(when, word));
            found.push(Condition::State(states.collect()));
        }
        if let Some(words) = when.some_words("inside") {
            let areas = words.iter().filter_map(|word| self.area(when, word));
            found.push(Condition::Inside(areas.collect()));
        }
    }

    fn area(&self, when: &Section<'_>, word: &super::super::section::Word<'_>) -> Option<Area> {
        let area = self.areas.get(word.text).cloned();
        if area.is_none() {
            let near = nearest(word.text, self.areas.keys().map(String::as_str));
            let help = near.map(|name| format!("did you mean `{name}`?"));
            let message = format!("`{}` is no `[area.…]` of this pack", word.text);
            when.problem(word.span.clone(), message, help);
        }
        area
    }

    fn of_volume(&self, when: &Section<'_>, found: &mut Vec<Condition>) {
        if when.has("bulk") {
            let bulk = self.counters.bulk(&when.section("bulk"), self.classes);
            found.extend(bulk.map(Condition::Bulk));
        }
        if when.has("count") {
            let bands = when.sections("count");
            let bands = bands.iter().filter_map(|one| self.counters.band(one, self.classes));
            let (bands, names) = bands.unzip();
            found.push(Condition::Bands(bands, names));
        }
    }

    fn of_place(&self, when: &Section<'_>, manner: Manner, found: &mut Vec<Condition>) {
        type Make = fn(Reach) -> Condition;
        let keys: [(&'static str, Make); 2] =
            [("to", Condition::To), ("not_to", Condition::Outside)];
        for (key, make) in keys {
            let Some(words) = when.some_words(key) else { continue };
            let ground = self.territories.ground(when, &words);
            found.push(make(Reach {
                names: words.iter().map(|word| word.text.to_owned()).collect(),
                places: ground.places,
                regions: ground.regions,
                consensus: manner.consensus,
                unknown_counts: manner.presumes,
            }));
        }
        if when.flag("hidden") == Some(true) {
            found.push(Condition::Hidden);
        }
        if let Some(words) = when.some_words("hosts") {
            found.push(Condition::Hosts(when.parsed(&words, HostPattern::parse)));
        }
        if let Some(words) = when.some_words("networks") {
            self.around.world.check_networks(when, &words);
            let networks = when.parsed(&words, parse_network).into_iter().collect();
            found.push(Condition::Networks(networks));
        }
        if let Some(numbers) = when.numbers("asns", u64::from(u32::MAX)) {
            self.around.world.check_asns(when);
            let asns = numbers.into_iter().filter_map(|number| u32::try_from(number).ok());
            found.push(Condition::Asns(asns.collect()));
        }
    }

    fn of_recipient(&self, when: &Section<'_>, manner: Manner, found: &mut Vec<Condition>) {
        let Manner { consensus, presumes } = manner;
        let named = |key| {
            let words = when.some_words(key)?;
            Some(self.recipients.named(when, &words, consensus, presumes))
        };
        found.extend(named("recipient").map(Condition::Recipient));
        found.extend(named("not_recipient").map(Condition::NotRecipient));
    }

    fn of_client(&self, when: &Section<'_>, found: &mut Vec<Condition>) {
        if let Some(words) = when.some_words("exporter_is") {
            let words = words.iter().map(|word| word.text.to_owned()).collect();
            found.push(Condition::ExporterIs(words));
        }
        if let Some(words) = when.some_words("principals") {
            found.push(Condition::Principals(self.around.world.principals(when, &words)));
        }
    }
}

/// What the destination's certificate says, in packs and in plain rules.
pub(in super::super) fn of_peer(when: &Section<'_>, found: &mut Vec<Condition>) {
    if let Some(words) = when.some_words("certificate_countries") {
        let names = words.iter().map(|word| word.text.to_owned()).collect();
        found.push(Condition::PeerCountries(countries(when, &words), names));
    }
    if let Some(words) = when.some_words("certificate_organisations") {
        let names = words.iter().map(|word| word.text.to_owned()).collect();
        found.push(Condition::PeerOrganisations(names));
    }
}

fn of_request(when: &Section<'_>, found: &mut Vec<Condition>) {
    if let Some(words) = when.some_words("methods") {
        found.push(Condition::Methods(when.parsed(&words, parse_method)));
    }
    if let Some(words) = when.some_words("clients") {
        let networks = when.parsed(&words, parse_network).into_iter().collect();
        found.push(Condition::Clients(networks));
    }
}
