//! What a request says of its data and its transfer: declared tags, slices (`X-Data-Slice`)
//! and context (`X-Data-Context`), as structured fields (RFC 9651). Tags are believed of
//! everybody, since they only make an answer stricter; the rest of principals that may declare.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, StatusCode};
use jiff::Timestamp;
use sfv::{BareItem, Dictionary, List, ListEntry, Parameters, Parser};

use crate::data::{Findings, Tags};
use crate::geo::Country;
use crate::policy::{Approval, Circumstances, Content, Declared, Exporter, Point, Slice, State};

use super::active::Active;
use super::error::Error;
use super::ingress::Ingress;
use super::who::Asker;

/// Slices: `(health id.contact);of=US;subjects=120;linked`.
const SLICE: HeaderName = HeaderName::from_static("x-data-slice");
/// Context: `transaction=vendor, contract_has=(cisa-2025-01)`.
const CONTEXT: HeaderName = HeaderName::from_static("x-data-context");

/// More slices than this are refused: a rule looks at each.
const MAX_SLICES: usize = 64;

/// What is known of one request beside where it goes.
#[derive(Clone, Debug, Default)]
pub(super) struct Statement {
    pub(super) asker: Option<Asker>,
    pub(super) exporter: Option<Arc<Exporter>>,
    pub(super) slices: Vec<Slice>,
    pub(super) declared: Declared,
}

impl Statement {
    /// Reads the head of a request to `host`.
    pub(super) fn of(
        active: &Active,
        (asker, ingress): (Option<Asker>, &Ingress),
        host: &crate::net::Host,
        headers: &HeaderMap,
    ) -> Result<Self, Error> {
        let outer = ingress.inside.as_ref().map(|inside| &inside.statement);
        let principal = asker.as_ref().map(|asker| &asker.principal);
        let exporter = match principal {
            Some(principal) => principal.exporter.clone(),
            None => active.exporter.clone(),
        };
        let believed = principal.is_some_and(|one| one.declares);
        let name = principal.map(|one| &*one.name);
        let mut slices = declared_slices(headers)?;
        let mut tags = active.carriers.declared(headers);
        let mut declared = if believed { context(headers)? } else { Declared::default() };
        if let Some(outer) = outer {
            slices.extend(outer.slices.iter().cloned());
            declared = declared.or(&outer.declared);
        }
        for route in active.routes.iter().filter(|route| route.covers(host, name)) {
            route.tags.iter().for_each(|tag| tags.insert(tag.clone()));
            declared = declared.or(&route.declared);
        }
        if believed {
            add_loose(&mut slices, tags);
        } else {
            // Whoever may not declare does not part its data either: what stands together counts.
            slices
                .iter()
                .flat_map(|slice| slice.tags.iter())
                .for_each(|tag| tags.insert(tag.clone()));
            slices.clear();
            add_loose(&mut slices, tags);
        }
        if slices.iter().any(|slice| slice.tags.has_overflown()) {
            return Err(wrong(&SLICE, &"more different tags than can be remembered"));
        }
        Ok(Self { asker, exporter, slices, declared })
    }

    /// The same, with what was found in the data.
    pub(super) fn seeing(&self, found: &Findings) -> Self {
        let mut seen = self.clone();
        let believed = self.asker.as_ref().is_some_and(|asker| asker.principal.declares);
        seen.slices.extend(found_beside(&self.slices, found, believed));
        seen
    }

    /// All tags of all slices.
    pub(super) fn tags(&self) -> Tags {
        self.slices.iter().flat_map(|slice| slice.tags.iter().cloned()).collect()
    }

    /// The data as the policy sees it; `complete` says that nothing can come to it any more.
    pub(super) fn content(&self, active: &Active, complete: bool) -> Content {
        active.policy.weigh_slices(self.slices.clone(), complete)
    }

    /// What is known beside the request itself.
    pub(super) fn circumstances<'a>(
        &'a self,
        at: Timestamp,
        approvals: Option<&'a [Approval]>,
    ) -> Circumstances<'a> {
        let exporter = self.exporter.as_deref();
        let approvals = approvals.unwrap_or_default();
        Circumstances { exporter, declared: &self.declared, approvals, ..Circumstances::at(at) }
    }

    /// Who the client is.
    pub(super) fn principal_name(&self) -> Option<&str> {
        self.asker.as_ref().map(|asker| &*asker.principal.name)
    }
}

/// What was found in the data, beside what is declared of it. What is declared stays: findings
/// raise, too. Who is believed may have told the same, and more of it; of others' data all that
/// is declared stands together with what is found.
pub fn found_beside(declared: &[Slice], found: &Findings, believed: bool) -> Vec<Slice> {
    let tags: Tags = declared.iter().flat_map(|slice| slice.tags.iter().cloned()).collect();
    let mut slices = Slice::of_findings(found);
    if believed {
        let tells = |one: &Slice, slice: &Slice| {
            one.tags.contains_all(&slice.tags) && one.subjects >= slice.subjects
        };
        slices.retain(|slice| !declared.iter().any(|one| tells(one, slice)));
    } else {
        let together =
            |slice: &mut Slice| tags.iter().for_each(|tag| slice.tags.insert(tag.clone()));
        slices.iter_mut().for_each(together);
    }
    slices
}

/// Takes the declarations off before the request leaves.
pub(super) fn strip(headers: &mut HeaderMap) {
    headers.remove(SLICE);
    headers.remove(CONTEXT);
}

/// Tags declared beside the slices are a slice of which no more is known, unless one slice has
/// them all: what a law looks for in company must not be parted.
fn add_loose(slices: &mut Vec<Slice>, tags: Tags) {
    if !tags.is_empty() && !slices.iter().any(|slice| slice.tags.contains_all(&tags)) {
        slices.push(Slice::of_tags(tags));
    }
}

/// Reads slices as the header has them, for commands.
pub fn parse_slices(text: &str) -> Result<Vec<Slice>, String> {
    declared_slices(&one_header(SLICE, text)?).map_err(|error| error.to_string())
}

/// Reads a context as the header has it, for commands.
pub fn parse_context(text: &str) -> Result<Declared, String> {
    context(&one_header(CONTEXT, text)?).map_err(|error| error.to_string())
}

fn one_header(name: HeaderName, text: &str) -> Result<HeaderMap, String> {
    let value = http::HeaderValue::from_str(text);
    let value = value.map_err(|_| "a header holds visible ASCII".to_owned())?;
    Ok(HeaderMap::from_iter([(name, value)]))
}

fn declared_slices(headers: &HeaderMap) -> Result<Vec<Slice>, Error> {
    let mut slices = Vec::new();
    for value in headers.get_all(SLICE) {
        let list: List =
            Parser::new(value.as_bytes()).parse().map_err(|error| wrong(&SLICE, &error))?;
        for entry in list {
            slices.push(slice(&entry)?);
        }
    }
    if slices.len() > MAX_SLICES {
        return Err(wrong(&SLICE, &format!("more than {MAX_SLICES} slices")));
    }
    Ok(slices)
}

fn slice(entry: &ListEntry) -> Result<Slice, Error> {
    let (words, parameters) = match entry {
        ListEntry::Item(item) => (vec![&item.bare_item], &item.params),
        ListEntry::InnerList(list) => {
            (list.items.iter().map(|item| &item.bare_item).collect(), &list.params)
        }
    };
    let mut slice = Slice::default();
    for word in words {
        let text = text(word).ok_or_else(|| wrong(&SLICE, &"a tag is a token or a string"))?;
        slice.tags.insert_declared(text);
    }
    describe(&mut slice, parameters)?;
    if slice.tags.is_empty() {
        return Err(wrong(&SLICE, &"a slice without a tag says nothing"));
    }
    Ok(slice)
}

fn describe(slice: &mut Slice, parameters: &Parameters) -> Result<(), Error> {
    let (mut latitude, mut longitude) = (None, None);
    for (key, value) in parameters {
        // What it is stays out of records: it may be what should not leave.
        let bad = || wrong(&SLICE, &format!("`{key}` cannot be what it is here"));
        match key.as_str() {
            "of" => {
                let country = text(value).and_then(Country::parse).ok_or_else(bad)?;
                slice.of = Some(country);
            }
            "subjects" => slice.subjects = Some(count(value).ok_or_else(bad)?),
            "devices" => slice.devices = Some(count(value).ok_or_else(bad)?),
            "records" => slice.records = Some(count(value).ok_or_else(bad)?),
            "linked" => slice.linked = value.as_boolean().ok_or_else(bad)?,
            "ids" => {
                let ids = text(value).ok_or_else(bad)?;
                slice.ids = ids.split(' ').filter(|id| !id.is_empty()).map(str::to_owned).collect();
            }
            "state" => {
                let word = text(value).ok_or_else(bad)?;
                let found = State::WORDS.iter().find(|(name, _)| *name == word);
                slice.state = Some(found.ok_or_else(bad)?.1);
            }
            "lat" => latitude = Some(degrees(value).ok_or_else(bad)?),
            "lon" => longitude = Some(degrees(value).ok_or_else(bad)?),
            // RFC 9651 section 2: who does not know a parameter may not guess at it.
            _ => return Err(wrong(&SLICE, &format!("`{key}` is no parameter of a slice"))),
        }
    }
    match (latitude, longitude) {
        (Some(latitude), Some(longitude)) => {
            let point = Point::new(latitude, longitude);
            let nowhere = || wrong(&SLICE, &"lat and lon are not on earth");
            slice.point = Some(point.ok_or_else(nowhere)?);
        }
        (None, None) => {}
        (Some(_), None) | (None, Some(_)) => {
            return Err(wrong(&SLICE, &"lat and lon come together"));
        }
    }
    Ok(())
}

fn context(headers: &HeaderMap) -> Result<Declared, Error> {
    let mut declared = Declared::default();
    for value in headers.get_all(CONTEXT) {
        let members: Dictionary =
            Parser::new(value.as_bytes()).parse().map_err(|error| wrong(&CONTEXT, &error))?;
        for (key, entry) in &members {
            let words = words(entry);
            let words = words.ok_or_else(|| wrong(&CONTEXT, &format!("`{key}` takes words")))?;
            take(&mut declared, key.as_str(), words)?;
        }
    }
    Ok(declared)
}

fn take(declared: &mut Declared, key: &str, mut words: Vec<String>) -> Result<(), Error> {
    let one = match key {
        "transaction" => &mut declared.transaction,
        "contract" => &mut declared.contract,
        "purpose" => &mut declared.purpose,
        "recipient_kind" => &mut declared.recipient_kind,
        "phase" => &mut declared.phase,
        _ => {
            let list = match key {
                "contract_has" => &mut declared.contract_has,
                "mechanism" => &mut declared.mechanism,
                "consent" => &mut declared.consent,
                "approval" => &mut declared.approval,
                _ => return Err(wrong(&CONTEXT, &format!("`{key}` is no part of a context"))),
            };
            list.append(&mut words);
            return Ok(());
        }
    };
    match (words.pop(), words.is_empty()) {
        (Some(word), true) => *one = Some(word),
        _ => return Err(wrong(&CONTEXT, &format!("`{key}` takes one word"))),
    }
    Ok(())
}

fn words(entry: &ListEntry) -> Option<Vec<String>> {
    let owned = |item: &BareItem| text(item).map(str::to_owned);
    match entry {
        ListEntry::Item(item) => Some(vec![owned(&item.bare_item)?]),
        ListEntry::InnerList(list) => {
            list.items.iter().map(|item| owned(&item.bare_item)).collect()
        }
    }
}

/// A word; an empty one says nothing and is none.
fn text(item: &BareItem) -> Option<&str> {
    item.as_token()
        .map(|token| token.as_str())
        .or_else(|| item.as_string().map(|text| text.as_str()))
        .filter(|text| !text.trim().is_empty())
}

fn count(item: &BareItem) -> Option<u64> {
    u64::try_from(i64::from(item.as_integer()?)).ok()
}

fn degrees(item: &BareItem) -> Option<f64> {
    match item.as_integer() {
        Some(whole) => i32::try_from(i64::from(whole)).ok().map(f64::from),
        None => item.as_decimal().map(f64::from),
    }
}

fn wrong(name: &HeaderName, detail: &dyn std::fmt::Display) -> Error {
    let text = format!("the declaration in {name} cannot be read: {detail}");
    Error::client(StatusCode::BAD_REQUEST, "declaration", text, "RFC 9651 section 4.2")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))])
    }

    #[test]
    fn slices_say_whose_how_many_and_where() {
        let value = "(health id.contact);of=US;subjects=120;linked, geo.precise;lat=38.87;lon=-77;ids=\"a b\"";
        let found = declared_slices(&headers("x-data-slice", value)).unwrap();
        let [first, second] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(first.tags.to_string(), "health, id.contact");
        assert_eq!(
            (first.of.map(Country::code), first.subjects, first.linked),
            (Some("US"), Some(120), true)
        );
        assert_eq!(second.ids, ["a", "b"]);
        assert_eq!(second.point, Point::new(38.87, -77.0));
    }

    #[test]
    fn a_context_is_a_dictionary_of_words() {
        let value =
            "transaction=vendor, contract=\"K 17\", contract_has=(cisa-2025-01 dsp-onward-bar)";
        let found = context(&headers("x-data-context", value)).unwrap();
        assert_eq!(found.transaction.as_deref(), Some("vendor"));
        assert_eq!(found.contract_has, ["cisa-2025-01", "dsp-onward-bar"]);
        for wrong in
            ["transaction", "transaction=(a b)", "colour=red", "transaction=5", "=", "purpose=()"]
        {
            assert!(context(&headers("x-data-context", wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        for wrong in [
            "health;of=XX",
            "health;subjects=-1",
            "5",
            "health;what=1",
            "(health",
            "health;lat=91;lon=0",
            "health;lat=9",
            "();of=US",
            "\"\";of=US",
        ] {
            assert!(declared_slices(&headers("x-data-slice", wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn loose_tags_make_a_slice_of_their_own() {
        let mut found = declared_slices(&headers("x-data-slice", "health;of=US")).unwrap();
        let tags = ["health", "omic"].into_iter().filter_map(crate::data::Tag::parse).collect();
        add_loose(&mut found, tags);
        assert_eq!(found.len(), 2);
        let loose = found.get(1).map(|slice| slice.tags.to_string());
        assert_eq!(loose, Some("health, omic".to_owned()), "what stands together stays together");
    }
}
