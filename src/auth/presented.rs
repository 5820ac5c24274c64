//! What a request presents in `Proxy-Authorization` (RFC 9110 section 11.7.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::PROXY_AUTHORIZATION;

/// Credentials of a request, not proved yet. They are never shown.
#[derive(PartialEq, Eq)]
pub enum Presented {
    /// A name and a password (RFC 7617).
    Basic {
        /// Who it claims to be.
        name: String,
        /// What would prove it.
        password: String,
    },
    /// A token (RFC 6750).
    Bearer(String),
}

/// Why credentials cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The field is not as its scheme says.
    Malformed,
    /// The scheme is another than Basic or Bearer.
    Scheme,
}

impl Presented {
    /// What the fields present; `None` if nothing.
    pub fn of(headers: &HeaderMap) -> Option<Result<Self, Unreadable>> {
        let mut values = headers.get_all(PROXY_AUTHORIZATION).iter();
        let first = values.next()?;
        let text = first.to_str().ok().filter(|_| values.next().is_none());
        Some(text.ok_or(Unreadable::Malformed).and_then(Self::parse))
    }

    fn parse(text: &str) -> Result<Self, Unreadable> {
        let (scheme, rest) = text.trim().split_once(' ').ok_or(Unreadable::Malformed)?;
        let rest = rest.trim_start();
        if scheme.eq_ignore_ascii_case("basic") {
            return basic(rest).ok_or(Unreadable::Malformed);
        }
        if scheme.eq_ignore_ascii_case("bearer") {
            let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
            let token = (!rest.is_empty() && rest.bytes().all(fits)).then(|| rest.to_owned());
            return token.map(Self::Bearer).ok_or(Unreadable::Malformed);
        }
        Err(Unreadable::Scheme)
    }
}

fn basic(text: &str) -> Option<Presented> {
    // We ask for UTF-8; programs that do not know of it send ISO 8859-1 (RFC 7617 appendix B.3).
    let pair = String::from_utf8(STANDARD.decode(text).ok()?);
    let pair = pair.unwrap_or_else(|old| old.as_bytes().iter().copied().map(char::from).collect());
    let (name, password) = pair.split_once(':')?;
    Some(Presented::Basic { name: name.to_owned(), password: password.to_owned() })
}

impl std::fmt::Debug for Presented {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic(..)",
            Self::Bearer(_) => "Bearer(..)",
        })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(values: &[&str]) -> Option<Result<Presented, Unreadable>> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(PROXY_AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        Presented::of(&headers)
    }

    #[test]
    fn the_examples_of_the_rfcs() {
        let basic = |name: &str, password: &str| {
            let (name, password) = (name.to_owned(), password.to_owned());
            Some(Ok(Presented::Basic { name, password }))
        };
        // RFC 7617 sections 2 and 2.1.
        let aladdin = "QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
        assert_eq!(read(&[&format!("Basic {aladdin}")]), basic("Aladdin", "open sesame"));
        assert_eq!(read(&[&format!("bASIC  {aladdin} ")]), basic("Aladdin", "open sesame"));
        assert_eq!(read(&["Basic dGVzdDoxMjPCow=="]), basic("test", "123£"));
        assert_eq!(read(&["Basic dGVzdDoxMjOj"]), basic("test", "123£"), "the same in ISO 8859-1");
        assert_eq!(read(&["Basic YTpiOmM="]), basic("a", "b:c"), "a password may have colons");
        // RFC 6750 section 2.1.
        let token = Some(Ok(Presented::Bearer("mF_9.B5f-4.1JqM".to_owned())));
        assert_eq!(read(&["Bearer mF_9.B5f-4.1JqM"]), token);
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn what_cannot_be_read_is_told_apart() {
        for text in ["Basic", "Basic !", "Basic YWJj", "Bearer", "Bearer a b", ""] {
            assert_eq!(read(&[text]), Some(Err(Unreadable::Malformed)), "{text}");
        }
        assert_eq!(read(&["Negotiate abc"]), Some(Err(Unreadable::Scheme)));
        assert_eq!(read(&["Bearer a", "Bearer b"]), Some(Err(Unreadable::Malformed)));
    }

    #[test]
    fn it_is_not_shown() {
        let shown = format!("{:?}", read(&["Basic YTpiOmM="]));
        assert_eq!(shown, "Some(Ok(Basic(..)))");
    }
}
