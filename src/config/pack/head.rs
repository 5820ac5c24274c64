//! `[pack]`: which instrument, since when, for whom.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::geo::{Country, CountrySet};
use crate::policy::{Binds, Exemption, Mode, Outcome, Pack, PackInfo, Report, Validity};

use super::super::rules::MODES;
use super::super::section::Section;
use super::PackRoot;

/// From this age on, what a person read is told to be old: laws of half a year ago.
pub(super) const STALE_DAYS: i32 = 180;

/// The head of a pack.
#[derive(Clone, Debug)]
pub(in super::super) struct Head {
    pub(in super::super) id: String,
    pub(super) version: String,
    pub(super) authority: String,
    pub(super) legal: bool,
    pub(super) zone: TimeZone,
    pub(super) validity: Validity,
    pub(super) mode: Mode,
    pub(super) on_unknown: Option<Outcome>,
    retain_years: Option<u16>,
    binds: Binds,
    /// The last day on which a person read the sources.
    pub(super) as_of: Option<Date>,
}

impl Head {
    pub(super) fn read(root: &Section<'_>) -> Self {
        let head = root.section("pack");
        let text = |key| head.required(key).map_or(String::new(), |word| word.text.to_owned());
        let (id, version, authority) = (text("id"), text("version"), text("authority"));
        // For people; the engine does not read it.
        head.word("title");
        head.word("note");
        for key in ["as_of", "effective_from"] {
            if !head.has(key) {
                let help = "a rule without a source and dates is an opinion".to_owned();
                head.problem(head.span(), format!("`{key}` is missing here"), Some(help));
            }
        }
        let zone = head.zone("zone").unwrap_or(TimeZone::UTC);
        let outcomes = [("block", Outcome::Block), ("hold", Outcome::Hold), ("log", Outcome::Log)];
        Self {
            id,
            version,
            authority,
            legal: head.flag("legal").unwrap_or(true),
            validity: head.validity("effective_from", &zone),
            mode: head.choice("mode", &MODES).unwrap_or_default(),
            on_unknown: head.choice("on_unknown", &outcomes),
            retain_years: head
                .number("retain_years", 1..=100)
                .and_then(|years| u16::try_from(years).ok()),
            binds: binds(&head.section("binds")),
            as_of: head.date("as_of"),
            zone,
        }
    }

    /// When the sources were last read and how many days ago, if that is long ago.
    pub(super) fn stale(&self, today: Date) -> Option<(Date, i32)> {
        let as_of = self.as_of?;
        let days = (today - as_of).get_days();
        (days > STALE_DAYS).then_some((as_of, days))
    }

    pub(super) fn info(&self, rules: usize, signer: Option<String>) -> PackInfo {
        PackInfo {
            id: self.id.clone(),
            version: self.version.clone(),
            rules,
            signer,
            mode: self.mode,
        }
    }

    pub(super) fn pack(
        self,
        root: &PackRoot<'_>,
        exemptions: Vec<Exemption>,
        reports: Vec<Report>,
    ) -> Pack {
        Pack {
            id: self.id,
            version: self.version,
            authority: self.authority,
            digest: root.digest.clone(),
            signer: root.signer.clone(),
            validity: self.validity,
            zone: self.zone,
            binds: self.binds,
            on_unknown: self.on_unknown,
            retain_years: self.retain_years,
            exemptions,
            reports,
        }
    }
}

fn binds(section: &Section<'_>) -> Binds {
    let exporters = section.words("exporters");
    let attributes = section.words("attributes");
    Binds {
        exporters: countries(section, &exporters),
        attributes: attributes.iter().map(|word| word.text.to_owned()).collect(),
    }
}

/// Plain country codes.
pub(super) fn countries(
    section: &Section<'_>,
    words: &[super::super::section::Word<'_>],
) -> CountrySet {
    let parse = |text: &str| {
        Country::parse(text).ok_or_else(|| {
            let near = Country::suggest(text);
            let help =
                near.map_or(String::new(), |near| format!("; did you mean `{}`?", near.code()));
            format!("`{text}` is no ISO 3166-1 country code{help}")
        })
    };
    section.parsed(words, parse).into_iter().collect()
}
