//! A path as records show it: where a value stands in it, its form stands instead.

use std::borrow::Cow;
use std::sync::Arc;

use crate::data::{Confidence, Described, Finding, Inspection, Inspector};

/// No value is shorter, and no usual method longer.
const SHORTEST: usize = 8;

/// The path without the values in it. Reading one takes some microseconds of the writer's time.
pub fn path_without_values<'p>(reader: &Arc<Inspector>, path: &'p str) -> Cow<'p, str> {
    if path.len() < SHORTEST {
        return Cow::Borrowed(path);
    }
    let mut inspection = Inspection::new(reader, &Described::default());
    inspection.path(path);
    let found = inspection.finish();
    let values = found.kept().iter().filter(|one| one.confidence >= Confidence::Likely);
    let spans: Vec<_> = values.filter_map(span).collect();
    if spans.is_empty() {
        return Cow::Borrowed(path);
    }
    let inside = |place: usize| spans.iter().any(|(start, end)| (*start..*end).contains(&place));
    let sign = |(place, sign): (usize, char)| match sign {
        sign if !inside(place) || sign == '/' => sign,
        '0'..='9' => 'd',
        sign if sign.is_alphanumeric() => 'a',
        sign => sign,
    };
    Cow::Owned(path.char_indices().map(sign).collect())
}

fn span(finding: &Finding) -> Option<(usize, usize)> {
    let start = usize::try_from(finding.offset).ok()?;
    Some((start, start.checked_add(usize::try_from(finding.length).ok()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Detectors, Digester, Limits};

    #[test]
    fn values_in_paths_are_shown_by_their_form() {
        let digester = Digester::new(&[7; 32], "k").unwrap();
        let reader =
            Arc::new(Inspector::new(Arc::new(Detectors::new(digester)), Limits::default()));
        for (path, wanted) in [
            ("/people/jo@firm.example.com/mail", "/people/aa@aaaa.aaaaaaa.aaa/mail"),
            ("/people/jo%40firm.example.com", "/people/aa%ddaaaa.aaaaaaa.aaa"),
            ("/cards/4111111111111111", "/cards/dddddddddddddddd"),
            ("/call/+4915112345678/y", "/call/+ddddddddddddd/y"),
            ("/u/jane+news@firm.example.com", "/u/aaaa+aaaa@aaaa.aaaaaaa.aaa"),
            ("/v1/orders/2026/page-2.html", "/v1/orders/2026/page-2.html"),
            ("/x", "/x"),
        ] {
            assert_eq!(path_without_values(&reader, path), wanted);
        }
    }
}
