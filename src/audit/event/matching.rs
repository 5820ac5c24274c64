//! How people name what they look for: a host or all of a domain, a tag or all below it.

/// Whether a host is the one that is named, or in the domain that a dot before it names.
pub fn is_host(host: &str, wanted: &str) -> bool {
    let domain = wanted.strip_prefix('.');
    domain.map_or(host == wanted, |domain| host == domain || host.ends_with(wanted))
}

/// Whether a tag is the one that is named, or below it.
pub fn is_under(tag: &str, wanted: &str) -> bool {
    tag.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
