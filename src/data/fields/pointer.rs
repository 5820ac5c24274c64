//! Where a row speaks of: paths of requests as OpenAPI writes them, and places in bodies as
//! JSON Pointer (RFC 6901) does, with `*` for any name or number.

use std::fmt;

use percent_encoding::percent_decode_str;
use thiserror::Error;

/// A path of requests: `{name}` or `*` is any one segment, `**` at the end any rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    segments: Vec<Segment>,
    rest: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Any,
    /// What stands before and after a parameter: `report-{id}.json`.
    Around(String, String),
    Is(String),
}

/// A place in a body; by default the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pointer(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Any,
    Name(Box<[u8]>),
}

/// Why a text is no path or no pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PointerError {
    /// A path does not begin at the root.
    #[error("a path begins with `/`, as in \"/v1/people/{{id}}\"")]
    Path,
    /// `**` stands elsewhere than at the end, or a parameter is not closed.
    #[error("a path has one parameter such as {{id}} for a segment, and `**` only at its end")]
    Segment,
    /// A pointer does not begin at the root.
    #[error("a pointer begins with `/`, as in \"/person/emails/*\", or is empty for the whole")]
    Pointer,
    /// A `~` that no `0` or `1` follows.
    #[error("in a pointer `~` is written `~0`, and `/` within a name `~1`")]
    Escape,
    /// More steps than are followed.
    #[error("a pointer has at most 64 steps")]
    Long,
}

impl PathPattern {
    /// Parses `/v1/people/{id}`.
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        let path = text.strip_prefix('/').ok_or(PointerError::Path)?;
        let (path, rest) = match path.strip_suffix("**") {
            Some(start) if start.is_empty() || start.ends_with('/') => (start, true),
            Some(_) => return Err(PointerError::Segment),
            None => (path, false),
        };
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        Ok(Self { segments: segments.map(Segment::parse).collect::<Result<_, _>>()?, rest })
    }

    /// The segments of a request's path, as servers read it: decoded, without empty ones and
    /// without `.` and `..`.
    pub(super) fn segments(path: &str) -> Vec<String> {
        let mut segments = Vec::new();
        for segment in path.split('/') {
            let segment = segment.split(';').next().unwrap_or_default();
            match &*percent_decode_str(segment).decode_utf8_lossy() {
                "" | "." => {}
                ".." => drop(segments.pop()),
                segment => segments.push(segment.to_owned()),
            }
        }
        segments
    }

    pub(super) fn matches(&self, path: &[String]) -> bool {
        let fits =
            path.len() == self.segments.len() || self.rest && path.len() > self.segments.len();
        fits && self.segments.iter().zip(path).all(|(pattern, segment)| pattern.matches(segment))
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, PointerError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let around = text.split_once('{').and_then(|(before, rest)| {
            let (_, after) = rest.split_once('}')?;
            Some((before, after))
        });
        let plain = |text: &str| !text.contains(['{', '}', '*']);
        match around {
            Some(("", "")) => Ok(Self::Any),
            Some((before, after)) if plain(before) && plain(after) => {
                Ok(Self::Around(before.to_owned(), after.to_owned()))
            }
            None if plain(text) => Ok(Self::Is(text.to_owned())),
            Some(_) | None => Err(PointerError::Segment),
        }
    }

    fn matches(&self, segment: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Is(text) => text == segment,
            Self::Around(before, after) => segment
                .strip_prefix(before.as_str())
                .and_then(|rest| rest.strip_suffix(after.as_str()))
                .is_some_and(|name| !name.is_empty()),
        }
    }
}

impl Pointer {
    /// Parses `/person/emails/*`.
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let steps = text.strip_prefix('/').ok_or(PointerError::Pointer)?.split('/');
        let steps: Vec<_> = steps.map(Step::parse).collect::<Result<_, _>>()?;
        if steps.len() > 64 { Err(PointerError::Long) } else { Ok(Self(steps)) }
    }

    /// The pointer to what lies below under a name.
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Name(name.as_bytes().into()));
        Self(steps)
    }

    /// The pointer to any that lies below.
    #[must_use]
    pub fn below_any(&self) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Any);
        Self(steps)
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl Step {
    fn parse(text: &str) -> Result<Self, PointerError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let mut parts = text.split('~');
        let mut name = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (character, rest) = match part.split_at_checked(1) {
                Some(("0", rest)) => ('~', rest),
                Some(("1", rest)) => ('/', rest),
                // Beyond the RFC: a name that is a star.
                Some(("2", rest)) => ('*', rest),
                Some(_) | None => return Err(PointerError::Escape),
            };
            name.push(character);
            name.push_str(rest);
        }
        Ok(Self::Name(name.into_bytes().into()))
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| match step {
            Step::Any => f.write_str("/*"),
            Step::Name(name) if **name == *b"*" => f.write_str("/~2"),
            Step::Name(name) => {
                let name = String::from_utf8_lossy(name);
                write!(f, "/{}", name.replace('~', "~0").replace('/', "~1"))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_those_of_the_rfc() {
        let shown = |text| Pointer::parse(text).map(|pointer| pointer.to_string());
        for text in ["", "/", "/a/*/b", "/a~1b/m~0n", "/~2"] {
            assert_eq!(shown(text).as_deref(), Ok(text));
        }
        assert_eq!(shown("a"), Err(PointerError::Pointer));
        assert_eq!(shown("/a~"), Err(PointerError::Escape));
        assert_eq!(shown(&"/a".repeat(65)), Err(PointerError::Long));
        let built = Pointer::parse("/a").unwrap().below("b/c").below_any();
        assert_eq!(built.to_string(), "/a/b~1c/*");
    }

    #[test]
    fn paths_are_matched_as_servers_read_them() {
        let matches = |pattern: &str, path: &str| {
            PathPattern::parse(pattern).unwrap().matches(&PathPattern::segments(path))
        };
        for path in ["/v1/people/7", "/v1//people/7/", "/v1/./x/../people/%37", "/v1/people;a=1/7"]
        {
            assert!(matches("/v1/people/{id}", path), "{path}");
        }
        for path in ["/v1/people", "/v1/people/7/8", "/V1/people/7"] {
            assert!(!matches("/v1/people/{id}", path), "{path}");
        }
        assert!(matches("/a/**", "/a/b/c") && matches("/**", "/") && !matches("/a/*", "/a"));
        assert!(matches("/r-{id}.json", "/r-7.json") && !matches("/r-{id}.json", "/r-.json"));
        for text in ["v1", "/a/**/b", "/{a", "/{a}{b}", "/a*"] {
            assert!(PathPattern::parse(text).is_err(), "{text}");
        }
    }
}
