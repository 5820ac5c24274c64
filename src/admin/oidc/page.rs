//! What went wrong with a login, as a page: who sees it has a browser and nothing else.

use http::{HeaderMap, header};

use crate::proxy::escape;

use super::super::asked::accepts;
use super::super::reply::{self, Answer, Wrong};

const HTML: &str = "text/html; charset=utf-8";

/// A page for browsers, the problem itself for others.
pub(super) fn of(wrong: Wrong, headers: &HeaderMap) -> Answer {
    if !accepts(headers, "text/html") {
        return Err(wrong);
    }
    let page = text(&wrong.detail);
    let mut response = wrong.response();
    let page = reply::text(response.status(), HTML, page);
    // What goes with the status stays.
    let (head, body) = page.into_parts();
    for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH] {
        response.headers_mut().remove(name);
    }
    response.headers_mut().extend(head.headers);
    *response.body_mut() = body;
    Ok(response)
}

fn text(detail: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>No login · borderpost</title>\n<link rel=\"stylesheet\" href=\"/ui/app.css\">\n\
         <main class=\"login\">\n<h1>borderpost</h1>\n<p role=\"alert\">The login did not work: {}.</p>\n\
         <p><a href=\"/\">Back to the beginning</a></p>\n</main>\n</html>\n",
        escape(detail)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_said_becomes_markup() {
        let page = text("<script>alert('a&\"')</script>");
        assert!(
            page.contains("&lt;script&gt;alert(&#39;a&amp;&quot;&#39;)&lt;/script&gt;"),
            "{page}"
        );
        let browser = HeaderMap::from_iter([(header::ACCEPT, "text/html".parse().unwrap())]);
        let wrong = || Wrong::many("x").with(header::RETRY_AFTER, "7".to_owned());
        let response = of(wrong(), &browser).unwrap();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()[header::RETRY_AFTER], "7");
        assert_eq!(response.headers()[header::CONTENT_TYPE], HTML);
        assert_eq!(of(wrong(), &HeaderMap::new()).unwrap_err().status, 429);
    }
}
