//! Legal holds: what somebody has asked to keep, whatever its age.

use jiff::Timestamp;

use super::super::event::{is_host, is_under};
use super::super::personal::Hidden;
use super::term::Line;

/// What is kept while a matter is open. Filters that are given must all fit; without one, all is
/// kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LegalHold {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
    /// From when on it stops deletion; always if none is given.
    pub from: Option<Timestamp>,
    /// When it ends; with the configuration that has it if none is given.
    pub until: Option<Timestamp>,
    /// The host of the destination, or with a dot before it all of a domain.
    pub host: Option<String>,
    /// The address of the client, or the name that it proved.
    pub client: Option<String>,
    /// A tag, or all below it.
    pub tag: Option<String>,
    /// A rule that held, with its pack or without.
    pub rule: Option<String>,
}

impl LegalHold {
    /// Whether it stops deletion at a moment.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }

    /// Whether it means a record. Of one whose client cannot be read nobody knows, so that it
    /// stays.
    pub(super) fn means(&self, line: &Line<'_>) -> bool {
        let fits = |wanted: &Option<String>, test: &dyn Fn(&str) -> bool| {
            wanted.as_deref().is_none_or(test)
        };
        let address = line.client.rsplit_once(':').map_or(&*line.client, |(address, _)| address);
        let address = address.trim_start_matches('[').trim_end_matches(']');
        fits(&self.host, &|host| line.host.as_deref().is_some_and(|own| is_host(own, host)))
            && fits(&self.client, &|client| {
                line.principal.as_deref() == Some(client)
                    || Hidden::of(&line.client).is_some()
                    || *line.client == *client
                    || address == client
            })
            && fits(&self.tag, &|tag| line.tags.iter().any(|one| is_under(one, tag)))
            && fits(&self.rule, &|rule| {
                line.rules.iter().any(|one| match rule.split_once('/') {
                    Some((pack, rule)) => one.pack == pack && one.rule == rule,
                    None => one.rule == rule,
                })
            })
    }
}
