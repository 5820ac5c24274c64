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

/// Every file.
static ASSETS: [Asset; 2] = [
    Asset { path: HOME, kind: "text/html; charset=utf-8", octets: include_bytes!("ui/index.html") },
    Asset {
        path: "main.js",
        kind: "text/javascript; charset=utf-8",
        octets: include_bytes!("ui/main.js"),
    },
];

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
