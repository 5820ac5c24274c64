//! The files of the dashboard, which are part of the program. One row a file: where it is asked for,
//! what it is, and its octets.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::reply::{self, Answer, Wrong};

/// A file of the dashboard.
#[derive(Debug)]
pub(super) struct Asset {
    /// Its path below `/ui/`.
    path: &'static str,
    /// Its media type.
    kind: &'static str,
    octets: &'static [u8],
}

/// The page that `/` gives to browsers; it names all others.
pub(super) const HOME: &str = "index.html";

/// Every file. Those of others stand in `vendor` as they were published, with their licences.
static ASSETS: [Asset; 31] = [
    page(HOME, include_bytes!("ui/index.html")),
    style("app.css", include_bytes!("ui/app.css")),
    style("uPlot.min.css", include_bytes!("ui/vendor/uPlot.min.css")),
    picture("icon.svg", include_bytes!("ui/icon.svg")),
    module("amount.mjs", include_bytes!("ui/amount.mjs")),
    module("api.mjs", include_bytes!("ui/api.mjs")),
    module("audit.mjs", include_bytes!("ui/audit.mjs")),
    module("case.mjs", include_bytes!("ui/case.mjs")),
    module("chart.mjs", include_bytes!("ui/chart.mjs")),
    module("decision.mjs", include_bytes!("ui/decision.mjs")),
    module("explore.mjs", include_bytes!("ui/explore.mjs")),
    module("format.mjs", include_bytes!("ui/format.mjs")),
    module("holds.mjs", include_bytes!("ui/holds.mjs")),
    module("limits.mjs", include_bytes!("ui/limits.mjs")),
    module("live.mjs", include_bytes!("ui/live.mjs")),
    module("login.mjs", include_bytes!("ui/login.mjs")),
    module("main.mjs", include_bytes!("ui/main.mjs")),
    module("map.mjs", include_bytes!("ui/map.mjs")),
    module("now.mjs", include_bytes!("ui/now.mjs")),
    module("parts.mjs", include_bytes!("ui/parts.mjs")),
    module("policy.mjs", include_bytes!("ui/policy.mjs")),
    module("query.mjs", include_bytes!("ui/query.mjs")),
    module("route.mjs", include_bytes!("ui/route.mjs")),
    module("rules.mjs", include_bytes!("ui/rules.mjs")),
    module("status.mjs", include_bytes!("ui/status.mjs")),
    module("view.mjs", include_bytes!("ui/view.mjs")),
    module("world.mjs", include_bytes!("ui/world.mjs")),
    module("htm.module.js", include_bytes!("ui/vendor/htm.module.js")),
    module("preact.mjs", include_bytes!("ui/vendor/preact.mjs")),
    module("signals-core.mjs", include_bytes!("ui/vendor/signals-core.mjs")),
    module("uPlot.esm.js", include_bytes!("ui/vendor/uPlot.esm.js")),
];

const fn page(path: &'static str, octets: &'static [u8]) -> Asset {
    Asset { path, kind: "text/html; charset=utf-8", octets }
}

const fn style(path: &'static str, octets: &'static [u8]) -> Asset {
    Asset { path, kind: "text/css; charset=utf-8", octets }
}

const fn module(path: &'static str, octets: &'static [u8]) -> Asset {
    Asset { path, kind: "text/javascript; charset=utf-8", octets }
}

const fn picture(path: &'static str, octets: &'static [u8]) -> Asset {
    Asset { path, kind: "image/svg+xml", octets }
}

/// What each is known by: a strong validator (RFC 9110 section 8.8.3).
static TAGS: LazyLock<Vec<HeaderValue>> = LazyLock::new(|| {
    let tag = |asset: &Asset| {
        let digest = digest(&SHA256, asset.octets);
        let hex = digest.as_ref().iter().take(16).map(|octet| format!("{octet:02x}"));
        let tag = format!("\"{}\"", hex.collect::<String>());
        tag.parse().expect("hexadecimal digits in quotes are a field's value")
    };
    ASSETS.iter().map(tag).collect()
});

/// `GET /ui/PATH`; what the client has already is not sent again.
pub(super) fn file(path: &str, headers: &HeaderMap) -> Answer {
    let missing = || Wrong::new(StatusCode::NOT_FOUND, "the dashboard has no such file");
    let found = ASSETS.iter().zip(TAGS.iter()).find(|(asset, _)| asset.path == path);
    let (asset, tag) = found.ok_or_else(missing)?;
    let fresh = has(headers, tag);
    let mut response = if fresh {
        reply::text(StatusCode::NOT_MODIFIED, asset.kind, "")
    } else {
        reply::text(StatusCode::OK, asset.kind, asset.octets)
    };
    let fields = response.headers_mut();
    fields.insert(header::ETAG, tag.clone());
    // Another version of the program has other files under the same names.
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    fields.insert(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// Whether the client has it (RFC 9110 section 13.1.2).
fn has(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let fields = headers.get_all(header::IF_NONE_MATCH).iter();
    let fields = fields.filter_map(|field| field.to_str().ok());
    fields.flat_map(|field| field.split(',')).any(|one| {
        let one = one.trim();
        one == "*" || one.trim_start_matches("W/").as_bytes() == tag.as_bytes()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(tag: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::IF_NONE_MATCH, tag.parse().unwrap())])
    }

    #[test]
    fn a_file_is_sent_once() {
        for asset in &ASSETS {
            let answer = file(asset.path, &HeaderMap::new()).unwrap();
            assert_eq!(answer.status(), 200);
            let tag = answer.headers()[header::ETAG].to_str().unwrap().to_owned();
            for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
                assert_eq!(file(asset.path, &asking(&known)).unwrap().status(), 304, "{known}");
            }
            assert_eq!(file(asset.path, &asking("\"x\"")).unwrap().status(), 200);
        }
        assert_eq!(file("../mod.rs", &HeaderMap::new()).unwrap_err().status, 404);
    }

    /// What others have made is what they have published.
    #[test]
    fn files_of_others_are_unchanged() {
        let sums = include_str!("ui/vendor/SHA256SUMS");
        assert_eq!(sums.lines().count(), 5);
        for line in sums.lines() {
            let (sum, path) = line.split_once("  ").unwrap();
            let asset = ASSETS.iter().find(|asset| asset.path == path).unwrap();
            let octets: Vec<u8> = (0..32)
                .map(|at| u8::from_str_radix(sum.get(2 * at..2 * at + 2).unwrap(), 16).unwrap())
                .collect();
            assert_eq!(digest(&SHA256, asset.octets).as_ref(), octets, "{path}");
        }
    }

    /// A module that names another which is not there would be an empty page.
    #[test]
    fn modules_name_each_other() {
        for asset in ASSETS.iter().filter(|asset| asset.kind.starts_with("text/javascript")) {
            let text = std::str::from_utf8(asset.octets).unwrap();
            for named in text.split("from \"./").skip(1) {
                let (path, _) = named.split_once('"').unwrap();
                assert!(ASSETS.iter().any(|one| one.path == path), "{}: {path}", asset.path);
            }
        }
    }

    /// The policy of content forbids what stands within a page.
    #[test]
    fn no_page_has_scripts_or_styles_within() {
        for asset in ASSETS.iter().filter(|asset| asset.kind.starts_with("text/html")) {
            let text = std::str::from_utf8(asset.octets).unwrap().to_ascii_lowercase();
            for script in text.split("<script").skip(1) {
                let (head, rest) = script.split_once('>').unwrap();
                assert!(head.contains("src=\"/ui/") && rest.starts_with("</script>"), "{script}");
            }
            assert!(!text.contains("<style") && !text.contains("style="), "{}", asset.path);
            assert!(!text.contains(" onclick") && !text.contains("javascript:"), "{}", asset.path);
        }
    }
}
