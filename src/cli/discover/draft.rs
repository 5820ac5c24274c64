//! The draft: a pack whose rules hold back what was not seen. What other rules would have refused is
//! in it as a comment: a person takes it in, the program does not.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::net::HostPattern;

use super::super::output::count;
use super::page::{Item, Page, Rule, busiest, grouped_len, quoted, requests};
use super::seen::{Flow, Host, Seen};
use super::show::{grouped, size};

/// What a draft is made of.
#[derive(Debug)]
pub(super) struct Draft<'s> {
    pub(super) seen: &'s Seen,
    /// Its id.
    pub(super) name: &'s str,
    /// To so many hosts data is bound.
    pub(super) bind: usize,
    pub(super) today: Date,
}

impl Draft<'_> {
    /// The pack, as a file.
    pub(super) fn text(&self) -> String {
        let mut page = Page::default();
        self.head(&mut page);
        self.traffic(&mut page);
        // The names of the other rules and of the territory are taken.
        let mut ids = BTreeSet::new();
        for (tag, flow) in self.seen.borne() {
            self.tag(&mut page, &own_id(tag, &mut ids), tag, flow);
        }
        self.others(&mut page);
        page.0
    }

    /// From when to when was looked, in days of UTC.
    fn days(&self) -> (Date, Date) {
        let day = |at| TimeZone::UTC.to_datetime(at).date();
        self.seen.span.map_or((self.today, self.today), |(first, last)| (day(first), day(last)))
    }

    fn head(&self, page: &mut Page) {
        let Self { seen, name, today, .. } = self;
        let (first, last) = self.days();
        page.note(&format!(
            "A draft from what was recorded, made by `borderpost discover` on {today}."
        ));
        page.note(&format!("{first} to {last}: {}.", seen.told()));
        page.note("");
        page.note("It observes: nothing is refused until `mode = \"observe\"` is taken away. Each rule holds");
        page.note("back what was NOT seen. That something was seen says nothing of whether it may go: strike");
        page.note("what should not, and put your reasons and sources in the place of these.");
        if !seen.unread.is_empty() {
            page.note("");
            page.note("Not known: what tunnels carried that were not opened, so that no rule on data sees them.");
            for (host, sum) in busiest(seen.unread.iter()) {
                page.row(sum, host);
            }
            page.more(seen.unread.len());
        }
        if seen.beyond > 0 {
            page.note("");
            page.note(&format!(
                "{} more tags were seen on requests, and are not told apart here.",
                grouped(seen.beyond)
            ));
        }
        page.line("");
        page.line("[pack]");
        page.line(&format!("id = {}", quoted(name)));
        page.line(&format!("version = \"{}\"", today.strftime("%Y.%-m.%-d")));
        page.line(&format!("title = \"What was seen to leave, {first} to {last}\""));
        page.line("authority = \"observed traffic; no law\"");
        page.line(&format!("as_of = {today}"));
        // What was recorded can be decided again by it.
        page.line(&format!("effective_from = {first}"));
        page.line("mode = \"observe\"");
    }

    /// All of it, with a tag or without.
    fn traffic(&self, page: &mut Page) {
        let all = &self.seen.all;
        page.title("all that went out, with tagged data or without");
        page.hosts(all);
        page.stopped(all);
        // Rules on data object to data, not to a country.
        page.territory("seen", all, &self.cite(), |sum| {
            sum.agreed == 0 || sum.objected == sum.requests
        });
        page.rule(&Rule {
            id: "new-country",
            outcome: "hold",
            reason: "nothing was seen to go to this country",
            cite: &self.cite(),
        });
        page.line("[rule.when]");
        page.line("not_to = [\"seen\"]");
    }

    /// One kind of data.
    fn tag(&self, page: &mut Page, id: &str, tag: &str, flow: &Flow) {
        let cite = self.cite();
        page.title(tag);
        page.note(&format!(
            "{} of {}, {} sent.",
            requests(flow.sum.requests),
            count(flow.clients(), "client"),
            size(flow.sum.bytes_out)
        ));
        page.stopped(flow);
        if flow.sum.requests == 0 {
            return page.note("None of it went out: `new-data` holds all of it back.");
        }
        let seen = format!("seen-{id}");
        page.territory(&seen, flow, &cite, |sum| sum.agreed == 0 || sum.objected > 0);
        page.rule(&Rule {
            id: &format!("{id}-elsewhere"),
            outcome: "block",
            reason: &format!("data tagged {tag} was not seen to go to this country"),
            cite: &cite,
        });
        page.line("[rule.when]");
        page.line(&format!("tags = [{}]", quoted(tag)));
        page.line(&format!("not_to = [{}]", quoted(&seen)));
        if flow.hosts.is_empty() || flow.hosts.len() > self.bind || flow.beyond > 0 {
            let hosts = grouped_len(flow.hosts.len());
            page.line("");
            page.note(&format!(
                "No rule names its hosts: there are {hosts}, and {} at most would be.",
                self.bind
            ));
            return page.hosts(flow);
        }
        page.rule(&Rule {
            id: &format!("{id}-new-host"),
            outcome: "hold",
            reason: &format!("data tagged {tag} was not seen to go to this host"),
            cite: &cite,
        });
        page.line("[rule.when]");
        page.line(&format!("tags = [{}]", quoted(tag)));
        // A list of nothing is a mistake, and an exception of nothing none.
        let struck =
            |name: &str, host: &Host| host.sum.objected == host.sum.requests || !is_one_host(name);
        let none = flow.hosts.iter().all(|(name, host)| struck(name, host));
        let out = if none { "# " } else { "" };
        page.line(&format!("{out}[rule.unless]"));
        page.line(&format!("{out}hosts = ["));
        for (name, host) in &flow.hosts {
            let item = Item { place: Some(&host.place), out: struck(name, host) };
            page.item(name, &host.sum, item);
        }
        page.line(&format!("{out}]"));
    }

    /// Data of which nothing went out, or of which nothing is known.
    fn others(&self, page: &mut Page) {
        page.title("data that bears none of these tags");
        page.rule(&Rule {
            id: "new-data",
            outcome: "hold",
            reason: "no data with such a tag was seen to go out",
            cite: &self.cite(),
        });
        page.line("[rule.when]");
        page.line("tags = [\"*\"]");
        let went = self.seen.borne().filter(|(_, flow)| flow.sum.requests > 0);
        let went: Vec<_> = went.map(|(tag, _)| tag).collect();
        if !went.is_empty() {
            page.line("[rule.unless]");
            page.line("tags = [");
            for tag in went {
                page.line(&format!("    {},", quoted(tag)));
            }
            page.line("]");
        }
    }

    fn cite(&self) -> String {
        let (first, last) = self.days();
        format!("observed traffic, {first} to {last}")
    }
}

/// Whether a rule that names the host means this one and no other: clients may ask for any name.
fn is_one_host(name: &str) -> bool {
    matches!(HostPattern::parse(name), Ok(HostPattern::Exact(host)) if host.to_string() == name)
}

/// An id for a tag that no other tag has: ids know fewer signs.
fn own_id(tag: &str, taken: &mut BTreeSet<String>) -> String {
    let sign = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let id: String = tag.chars().take(60).map(sign).collect();
    let more = (2_u64..).map(|number| format!("{id}-{number}"));
    let own = std::iter::once(id.clone()).chain(more).find(|own| !taken.contains(own));
    let own = own.unwrap_or(id);
    taken.insert(own.clone());
    own
}
