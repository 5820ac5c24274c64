//! What a search asks for that stands in no record at all: a word that is mistyped finds nothing, and
//! that must not read as if there were nothing to find.

use super::fault::Fault;
use super::filters::Filters;
use super::list::Page;
use super::look::Index;

impl Index {
    /// A sentence for each word of a search that no record has which is in the index.
    pub fn unseen(&self, filters: &Filters) -> Result<Vec<String>, Fault> {
        let Filters { host, client, tag, country, rule, method, .. } = filters;
        let below = host.as_ref().is_some_and(|host| host.starts_with('.'));
        let mut all = Vec::new();
        for (name, what, value) in [
            ("host", if below { "a host in" } else { "the host" }, host),
            ("client", "the client", client),
            ("tag", "the tag", tag),
            ("country", "the country", country),
            ("rule", "the rule", rule),
            ("method", "the method", method),
        ] {
            let Some(value) = value else { continue };
            if self.has(name, value)? {
                continue;
            }
            let lower = value.to_lowercase();
            let near = lower != *value && name != "country" && self.has(name, &lower)?;
            let near = if near { format!("; did you mean `{lower}`?") } else { String::new() };
            all.push(format!("no record in the index has {what} `{value}`{near}"));
        }
        Ok(all)
    }

    /// Whether a record meets one filter by itself.
    fn has(&self, name: &str, value: &str) -> Result<bool, Fault> {
        let mut only = Filters::default();
        // What cannot be a value of the filter stands in no record either.
        if !only.set(name, value).unwrap_or(false) {
            return Ok(false);
        }
        let page = Page { newest: true, after: None, limit: 1 };
        Ok(!self.sequences(&only, page)?.is_empty())
    }
}
