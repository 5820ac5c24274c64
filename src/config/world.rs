//! What can come true at all under one configuration: who clients can be, what databases can
//! say, what is open. A condition outside of it is dead, and a dead rule is a mistake.

use ipnetwork::IpNetwork;

use crate::geo::{Atlas, State};
use crate::net::Special;
use crate::policy::{Places, PolicySettings, PrincipalSet};
use crate::proxy::{Principal, Principals};

use super::section::{Section, Word};
use super::words::nearest;

/// What rules can meet.
pub(super) struct World<'w> {
    /// Absent where nothing is known of clients.
    principals: Option<&'w Principals>,
    /// Absent where the databases could not be read: nothing is then said of them.
    atlas: Option<&'w Atlas>,
    /// Absent where nothing is known of what is open.
    settings: Option<&'w PolicySettings>,
}

impl<'w> World<'w> {
    pub(super) fn new(
        principals: &'w Principals,
        atlas: Option<&'w Atlas>,
        settings: &'w PolicySettings,
    ) -> Self {
        Self { principals: Some(principals), atlas, settings: Some(settings) }
    }

    /// A world of which nothing is known, so that anything can come true.
    pub(super) fn anything() -> Self {
        Self { principals: None, atlas: None, settings: None }
    }

    /// Each principal must be one that `[[principal]]` names, and each group have a member.
    pub(super) fn principals(&self, section: &Section<'_>, words: &[Word<'_>]) -> PrincipalSet {
        let members = words.iter().flat_map(|word| match word.text.strip_prefix('@') {
            Some(group) => self.members(section, word, group),
            None => self.principal(section, word),
        });
        let members: Vec<_> = members.collect();
        PrincipalSet::new(words.iter().map(|word| word.text.to_owned()).collect(), members)
    }

    fn principal(&self, section: &Section<'_>, word: &Word<'_>) -> Vec<String> {
        if let Some(known) = self.principals.filter(|known| known.named(word.text).is_none()) {
            let near = nearest(word.text, known.all().map(|one| &*one.name));
            let help = match near {
                Some(name) => format!("did you mean `{name}`?"),
                None => "add a `[[principal]]` with this name".to_owned(),
            };
            let message =
                format!("no `[[principal]]` is named `{}`, so this can never match", word.text);
            section.problem(word.span.clone(), message, Some(help));
        }
        vec![word.text.to_owned()]
    }

    fn members(&self, section: &Section<'_>, word: &Word<'_>, group: &str) -> Vec<String> {
        let Some(known) = self.principals else { return Vec::new() };
        let is_member = |one: &&Principal| one.groups.iter().any(|name| name == group);
        let members: Vec<_> =
            known.all().filter(is_member).map(|one| one.name.to_string()).collect();
        if members.is_empty() {
            let groups = known.all().flat_map(|one| one.groups.iter().map(String::as_str));
            let help = match nearest(group, groups) {
                Some(name) => format!("did you mean `@{name}`?"),
                None => format!("add `groups = [\"{group}\"]` to a `[[principal]]`"),
            };
            let message = format!("nobody is in the group `{group}`, so this can never match");
            section.problem(word.span.clone(), message, Some(help));
        }
        members
    }

    /// ASNs are known only where a database names them.
    pub(super) fn check_asns(&self, when: &Section<'_>) {
        if self.atlas.is_some_and(|atlas| atlas.databases().iter().all(|one| !one.has_asn)) {
            missing_source(when, "asns", "autonomous systems");
        }
    }

    /// So are regions.
    pub(super) fn check_subdivisions(&self, when: &Section<'_>) {
        if self.atlas.is_some_and(|atlas| atlas.databases().iter().all(|one| !one.has_subdivision))
        {
            missing_source(when, "subdivisions", "subdivisions");
        }
    }

    /// Networks that are not public and not open are refused before any rule is asked.
    pub(super) fn check_networks(&self, when: &Section<'_>, words: &[Word<'_>]) {
        for word in words {
            let Ok(network) = crate::net::parse_network(word.text) else { continue };
            let Some(kind) = self.closed(network) else { continue };
            let message = format!(
                "`{}` is {kind} and not opened: it is refused before this rule can match",
                word.text
            );
            let help = format!("name `{}` in `destinations.open`", word.text);
            when.problem(word.span.clone(), message, Some(help));
        }
    }

    /// The kind of a network of which every address is refused.
    fn closed(&self, network: IpNetwork) -> Option<Special> {
        let (settings, kind) = (self.settings?, Special::of(network.network())?);
        let whole = Special::of(network.broadcast()) == Some(kind);
        let overlaps =
            |open: &IpNetwork| open.contains(network.network()) || network.contains(open.network());
        let open =
            settings.open_kinds.contains(&kind) || settings.open_networks.iter().any(overlaps);
        (whole && !open).then_some(kind)
    }

    /// States of knowledge that no address can be in. Countries always can.
    pub(super) fn check_states(&self, when: &Section<'_>, words: &[Word<'_>], places: Places) {
        if !places.countries.is_empty() {
            return;
        }
        let named = ALL.into_iter().filter(|state| places.states.contains(*state));
        let reasons: Option<Vec<_>> = named.map(|state| self.never(state)).collect();
        if let Some(reason) = reasons.and_then(|reasons| reasons.into_iter().next())
            && let Some(word) = words.first()
        {
            when.problem(word.span.clone(), "this rule can never match", Some(reason.to_owned()));
        }
    }

    /// Why no address can be in the state, if none can.
    fn never(&self, state: State) -> Option<&'static str> {
        let (atlas, settings) = (self.atlas?, self.settings?);
        let placing = atlas.databases().iter().filter(|one| one.has_country).count();
        let opened = !settings.open_kinds.is_empty() || !settings.open_networks.is_empty();
        match state {
            State::Agreed if placing == 0 => Some("no loaded database gives countries"),
            State::Disputed if placing < 2 => Some("a dispute needs two databases"),
            State::NotPublic if !opened => {
                Some("`destinations.open` opens no special network, so all are refused before")
            }
            State::Overridden if atlas.has_no_corrections() => {
                Some("there is no `[[geo.overlay]]` that would override a database")
            }
            State::Agreed
            | State::Disputed
            | State::NotPublic
            | State::Overridden
            | State::Unknown => None,
        }
    }
}

const ALL: [State; 5] =
    [State::Agreed, State::Disputed, State::NotPublic, State::Overridden, State::Unknown];

fn missing_source(when: &Section<'_>, key: &'static str, what: &str) {
    let message = format!("no loaded database names {what}, so `{key}` can never match");
    let help = "add one that does as `[[geo.database]]`".to_owned();
    when.problem(when.span_of(key), message, Some(help));
}
