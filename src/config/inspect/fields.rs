//! `[[field_map]]`: what stands at known places of known bodies.

use crate::data::{FieldMap, FieldRow, PathPattern, Pointer};
use crate::net::HostPattern;

use super::super::section::Section;

/// Reads every `[[field_map]]`.
pub(super) fn map(root: &Section<'_>) -> FieldMap {
    FieldMap::new(root.sections("field_map").iter().filter_map(row))
}

fn row(section: &Section<'_>) -> Option<FieldRow> {
    let host = section.required("host");
    let host = host.and_then(|word| section.parse(&word, HostPattern::parse));
    let path = section.required("path");
    let path = path.and_then(|word| section.parse(&word, PathPattern::parse));
    // The empty pointer is the whole body.
    if !section.has("pointer") {
        section.problem(section.span(), "`pointer` is missing here", None);
    }
    let pointer = section.word("pointer");
    let pointer = pointer.and_then(|word| section.parse(&word, Pointer::parse));
    let tag = section.required("tag").and_then(|word| section.tag(&word));
    Some(FieldRow { host: host?, path: path?, pointer: pointer?, tag: tag? })
}
