//! One fact about one party, from a key of a table or from a row: the same words, the same
//! mistakes.

use crate::geo::Country;
use crate::net::{HostPattern, parse_network};
use crate::policy::register::{
    Claim, EmploymentDraft, KeyDigest, Membership, PartyKind, Percent, Period, Seat, SeatKind,
    StakeDraft,
};

use super::{Parties, Place};
use crate::config::words::{nearest, parse_id};

/// What a fact is about; the names are those of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Name,
    Kind,
    OrganisedIn,
    PrincipalPlace,
    ResidentIn,
    Label,
    Host,
    Network,
    Asn,
    Key,
    Owner,
    List,
    Employer,
}

/// A fact as written.
#[derive(Clone, Debug)]
pub(super) struct Fact<'a> {
    pub(super) subject: Subject,
    pub(super) value: &'a str,
    pub(super) place: Place,
    /// Of owners only.
    pub(super) percent: Option<Percent>,
    pub(super) during: Period,
    /// Of lists: where the list says so.
    pub(super) cite: Option<&'a str>,
}

const KINDS: [(&str, PartyKind); 4] = [
    ("company", PartyKind::Company),
    ("person", PartyKind::Person),
    ("state", PartyKind::State),
    ("authority", PartyKind::Authority),
];

// === impl Subject ===

impl Subject {
    pub(super) const ALL: [(&'static str, Self); 13] = [
        ("name", Self::Name),
        ("kind", Self::Kind),
        ("organised_in", Self::OrganisedIn),
        ("principal_place", Self::PrincipalPlace),
        ("resident_in", Self::ResidentIn),
        ("label", Self::Label),
        ("host", Self::Host),
        ("network", Self::Network),
        ("asn", Self::Asn),
        ("key", Self::Key),
        ("owner", Self::Owner),
        ("list", Self::List),
        ("employer", Self::Employer),
    ];

    /// Whether a beginning and an end mean something.
    pub(super) fn is_dated(self) -> bool {
        match self {
            Self::OrganisedIn
            | Self::PrincipalPlace
            | Self::ResidentIn
            | Self::Owner
            | Self::List
            | Self::Employer => true,
            Self::Name
            | Self::Kind
            | Self::Label
            | Self::Host
            | Self::Network
            | Self::Asn
            | Self::Key => false,
        }
    }
}

// === impl Parties ===

impl Parties<'_> {
    /// Notes a fact about the party, or tells what is wrong with it.
    pub(super) fn take(&mut self, id: &str, fact: &Fact<'_>) {
        match fact.subject {
            Subject::Name => self.take_name(id, fact),
            Subject::Kind => self.take_kind(id, fact),
            Subject::OrganisedIn => self.take_seat(id, fact, SeatKind::Organised),
            Subject::PrincipalPlace => self.take_seat(id, fact, SeatKind::PrincipalPlace),
            Subject::ResidentIn => self.take_seat(id, fact, SeatKind::Resident),
            Subject::Label => {
                if let Some(label) = self.parse(fact, parse_id) {
                    self.party(id, &fact.place).draft.labels.push(label);
                }
            }
            Subject::Host => self.take_claim(id, fact, |text| {
                HostPattern::parse(text).map(Claim::Host).map_err(|error| error.to_string())
            }),
            Subject::Network => self.take_claim(id, fact, |text| {
                parse_network(text).map(Claim::Network).map_err(|error| error.to_string())
            }),
            Subject::Asn => self.take_claim(id, fact, parse_asn),
            Subject::Key => self.take_claim(id, fact, |text| {
                KeyDigest::parse(text).map(Claim::Key).map_err(|error| error.to_string())
            }),
            Subject::Owner => self.take_owner(id, fact),
            Subject::List => {
                let Some(list) = self.parse(fact, parse_id) else { return };
                let cite = fact.cite.map(str::to_owned);
                let entry = Membership { list, during: fact.during, cite };
                self.party(id, &fact.place).draft.lists.push(entry);
            }
            Subject::Employer => {
                let Some(employer) = self.parse(fact, parse_id) else { return };
                let party = self.party(id, &fact.place);
                party.draft.employers.push(EmploymentDraft { employer, during: fact.during });
                party.employers.push(fact.place.clone());
            }
        }
    }

    fn take_name(&mut self, id: &str, fact: &Fact<'_>) {
        if fact.value.trim().is_empty() {
            return self.problem(&fact.place, "the name is empty", None);
        }
        let party = self.party(id, &fact.place);
        let again = std::mem::replace(&mut party.named, true);
        fact.value.clone_into(&mut party.draft.name);
        if again {
            self.problem(&fact.place, format!("`{id}` has a name already"), None);
        }
    }

    fn take_kind(&mut self, id: &str, fact: &Fact<'_>) {
        let Some((_, kind)) = KINDS.iter().find(|(name, _)| *name == fact.value) else {
            let names = KINDS.map(|(name, _)| name);
            let message = format!("`{}` is none of {}", fact.value, names.join(", "));
            let help = nearest(fact.value, names).map(|name| format!("did you mean `{name}`?"));
            return self.problem(&fact.place, message, help);
        };
        let party = self.party(id, &fact.place);
        party.draft.kind = *kind;
        if std::mem::replace(&mut party.kinded, true) {
            self.problem(&fact.place, format!("`{id}` has a kind already"), None);
        }
    }

    fn take_seat(&mut self, id: &str, fact: &Fact<'_>, kind: SeatKind) {
        let Some(country) = Country::parse(fact.value) else {
            let message = format!("`{}` is no ISO 3166-1 country code", fact.value);
            let help = Country::suggest(fact.value);
            let help = help.map(|one| format!("did you mean `{}` ({})?", one.code(), one.name()));
            return self.problem(&fact.place, message, help);
        };
        let party = self.party(id, &fact.place);
        party.draft.seats.push(Seat { kind, country, during: fact.during });
        party.seats.push(fact.place.clone());
    }

    fn take_owner(&mut self, id: &str, fact: &Fact<'_>) {
        let Some(percent) = fact.percent else {
            return self.problem(&fact.place, "`percent` is missing here", None);
        };
        let Some(owner) = self.parse(fact, parse_id) else { return };
        let party = self.party(id, &fact.place);
        party.draft.owners.push(StakeDraft { owner, percent, during: fact.during });
        party.owners.push(fact.place.clone());
    }

    fn take_claim(
        &mut self,
        id: &str,
        fact: &Fact<'_>,
        parse: impl Fn(&str) -> Result<Claim, String>,
    ) {
        let Some(claim) = self.parse(fact, parse) else { return };
        let party = self.party(id, &fact.place);
        party.draft.claims.push(claim);
        party.claims.push(fact.place.clone());
    }

    fn parse<T>(&self, fact: &Fact<'_>, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        parse(fact.value).map_err(|message| self.problem(&fact.place, message, None)).ok()
    }
}

fn parse_asn(text: &str) -> Result<Claim, String> {
    let digits = text.strip_prefix("AS").unwrap_or(text);
    let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    number.map(Claim::Asn).ok_or_else(|| format!("`{text}` is not an ASN such as 64500"))
}
