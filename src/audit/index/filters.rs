//! Which records are meant: one meaning for whoever reads the journal itself and for the index.

use jiff::Timestamp;

use crate::geo::Country;
use crate::net::{Host, HostPattern};

use super::super::event::{Event, is_host, is_under};
use super::super::search::moment;

/// Before a tag that is meant alone, as rankings count it: without what is below it.
pub(super) const ALONE: char = '=';

/// Which records are meant; all that are given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    /// Whose head was read at this moment or later.
    pub since: Option<Timestamp>,
    /// Whose head was read before this moment.
    pub until: Option<Timestamp>,
    /// The decision id.
    pub id: Option<String>,
    /// The destination's host, or with a dot before it all of a domain.
    pub host: Option<String>,
    /// The address of the client, with its port or without, or the name that it proved.
    pub client: Option<String>,
    /// A tag and all below it, or with `=` before it that tag alone.
    pub tag: Option<String>,
    /// A country that the destination may be in, or `unknown` where none is known.
    pub country: Option<String>,
    /// The word of an outcome, `failed` where there was none, or `refused` for those with which it
    /// did not go out.
    pub outcome: Option<String>,
    /// What a rule that only observes would have made of it: the word of an outcome, or `refused`
    /// for those with which it would not have gone out.
    pub would: Option<String>,
    /// A rule that held, with its pack or without: `pack/rule`; `pack/` for any of a pack.
    pub rule: Option<String>,
    /// The method.
    pub method: Option<String>,
}

/// The words of the outcomes, that there was none, and all with which a request does not go out.
const OUTCOMES: [&str; 7] = ["allow", "log", "hold", "require", "block", "failed", REFUSED];

/// What rules that only observe can make of a request, and all with which it would not go out.
const WOULD: [&str; 5] = ["log", "hold", "require", "block", REFUSED];

/// Methods of RFC 9110 and RFC 5789.
const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// The word for a destination of which no country is known.
pub(super) const UNKNOWN: &str = "unknown";

/// The word for what did not go out, or would not have.
pub(super) const REFUSED: &str = "refused";

impl Filters {
    /// The names that [`Filters::set`] knows.
    pub const NAMES: [&str; 11] = [
        "since", "until", "id", "host", "client", "tag", "country", "outcome", "would", "rule",
        "method",
    ];

    /// Sets one by its name, as who asks by a text has it, in the form that records have; `false`
    /// where there is none of the name.
    pub fn set(&mut self, name: &str, value: &str) -> Result<bool, String> {
        match name {
            "since" => self.since = Some(moment(value)?),
            "until" => self.until = Some(moment(value)?),
            "outcome" if !OUTCOMES.contains(&value) => {
                return Err(format!("`outcome` is one of {}", OUTCOMES.join(", ")));
            }
            "would" if !WOULD.contains(&value) => {
                return Err(format!("`would` is one of {}", WOULD.join(", ")));
            }
            "host" => self.host = Some(host(value)?),
            "country" => self.country = Some(country(value)?),
            "method" => self.method = Some(method(value)),
            _ => {
                let field = match name {
                    "id" => &mut self.id,
                    "client" => &mut self.client,
                    "tag" => &mut self.tag,
                    "outcome" => &mut self.outcome,
                    "would" => &mut self.would,
                    "rule" => &mut self.rule,
                    _ => return Ok(false),
                };
                *field = Some(value.to_owned());
            }
        }
        Ok(true)
    }

    /// Texts that the line of every record has which is meant: where they are not, it need not
    /// be parsed.
    pub fn needles(&self) -> Vec<&[u8]> {
        let host = self.host.as_deref().map(|host| host.trim_start_matches('.'));
        let rule = self.rule.as_deref().map(|rule| {
            let whole = rule.strip_suffix('/').unwrap_or(rule);
            whole.rsplit('/').next().unwrap_or(whole)
        });
        // Codes stand in large letters; who asks in small ones has no needle.
        let country = self.country.as_deref();
        let country = country.filter(|code| {
            code.bytes().all(|one| one.is_ascii_uppercase()) && !code.eq_ignore_ascii_case(UNKNOWN)
        });
        let (id, client) = (self.id.as_deref(), self.client.as_deref());
        let tag = self.tag.as_deref().map(|tag| tag.strip_prefix(ALONE).unwrap_or(tag));
        let words = [id, host, client, tag, country, rule, self.method.as_deref()];
        // What JSON escapes is not sought like that.
        let plain = |word: &&str| !word.contains(['"', '\\']) && word.is_ascii();
        words.into_iter().flatten().filter(plain).map(str::as_bytes).collect()
    }

    /// Whether a record is meant.
    pub fn means(&self, event: &Event<'_>) -> bool {
        let is = |wanted: &Option<String>, test: &dyn Fn(&str) -> bool| {
            wanted.as_deref().is_none_or(test)
        };
        self.since.is_none_or(|since| event.time >= since)
            && self.until.is_none_or(|until| event.time < until)
            && is(&self.id, &|id| event.id == id)
            && is(&self.host, &|host| event.host.as_deref().is_some_and(|own| is_host(own, host)))
            && is(&self.client, &|client| is_client(event, client))
            && is(&self.tag, &|tag| match tag.strip_prefix(ALONE) {
                Some(alone) => event.tags.iter().any(|one| one == alone),
                None => event.tags.iter().any(|one| is_under(one, tag)),
            })
            && is(&self.country, &|country| is_in(event, country))
            && is(&self.outcome, &|outcome| match event.outcome {
                Some(one) => one.name() == outcome || one.refuses() && outcome == REFUSED,
                None => outcome == "failed",
            })
            && is(&self.method, &|method| event.method == method)
            && is(&self.would, &|wanted| {
                let would = event.would();
                would.is_some_and(|one| one.name() == wanted || one.refuses() && wanted == REFUSED)
            })
            && is(&self.rule, &|rule| {
                event.rules.iter().any(|one| match rule.split_once('/') {
                    Some((pack, "")) => one.pack == pack,
                    Some((pack, rule)) => one.pack == pack && one.rule == rule,
                    None => one.rule == rule,
                })
            })
    }
}

/// A host in its canonical form, with a dot before it or without.
fn host(text: &str) -> Result<String, String> {
    let wrong = |error| format!("`host`: {error}");
    if let Some(domain) = text.strip_prefix('.') {
        return Ok(format!(".{}", Host::parse(domain).map_err(wrong)?));
    }
    // IPv6 with its brackets or without.
    match HostPattern::parse(text).map_err(wrong)? {
        HostPattern::Exact(host) => Ok(host.to_string()),
        HostPattern::Below(_) => Err(format!(
            "`host`: all of a domain is sought by a dot: `{}`",
            text.replacen('*', "", 1)
        )),
    }
}

fn country(text: &str) -> Result<String, String> {
    if text.eq_ignore_ascii_case(UNKNOWN) {
        return Ok(UNKNOWN.to_owned());
    }
    let code = text.to_ascii_uppercase();
    let country = Country::parse(&code).ok_or_else(|| Country::unlike(text))?;
    Ok(country.code().to_owned())
}

/// Methods are told apart by case (RFC 9110 section 9.1), and those that have a meaning are written
/// large.
fn method(text: &str) -> String {
    let known = METHODS.into_iter().find(|one| one.eq_ignore_ascii_case(text));
    known.unwrap_or(text).to_owned()
}

fn is_client(event: &Event<'_>, wanted: &str) -> bool {
    event.principal.as_deref() == Some(wanted)
        || event.client.address() == wanted
        || event.client.to_string() == wanted
}

fn is_in(event: &Event<'_>, wanted: &str) -> bool {
    let mut countries = event.location.iter().flat_map(|location| location.countries.iter());
    if wanted.eq_ignore_ascii_case(UNKNOWN) {
        return countries.next().is_none();
    }
    countries.any(|country| country.eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, value: &str) -> Result<Filters, String> {
        let mut filters = Filters::default();
        filters.set(name, value).map(|known| {
            assert!(known, "{name}");
            filters
        })
    }

    #[test]
    fn what_is_asked_has_the_form_of_records() {
        for (text, form) in [
            ("API.CN.Example", "api.cn.example"),
            ("api.example.", "api.example"),
            (".Example", ".example"),
            ("b\u{fc}cher.example", "xn--bcher-kva.example"),
            ("::1", "[::1]"),
            ("[::1]", "[::1]"),
            ("0x7f.1", "127.0.0.1"),
        ] {
            assert_eq!(set("host", text).unwrap().host.as_deref(), Some(form), "{text}");
        }
        assert!(set("host", "*.example").unwrap_err().contains("`.example`"));
        assert!(set("host", "a b").unwrap_err().starts_with("`host`: "));
        assert!(set("host", ".").is_err());
        for (text, form) in [("get", "GET"), ("Patch", "PATCH"), ("purge", "purge")] {
            assert_eq!(set("method", text).unwrap().method.as_deref(), Some(form));
        }
    }

    #[test]
    fn countries_are_those_of_iso_3166() {
        for (text, code) in [("cn", "CN"), ("GB", "GB"), ("Unknown", "unknown")] {
            assert_eq!(set("country", text).unwrap().country.as_deref(), Some(code));
        }
        assert!(set("country", "UK").unwrap_err().contains("did you mean `GB`"));
        assert!(set("country", "China").unwrap_err().contains("did you mean `CN`"));
        let told = set("country", "XX").unwrap_err();
        assert!(told.contains("`XX` is no ISO 3166-1 country code"), "{told}");
    }
}
