//! `meta.security` of FHIR resources, also of those in bundles: codes of confidentiality and of
//! sensitivity.

use super::super::Tag;
use super::super::walk::{Json, Value, Visitor, Walker, Xml};

/// Code systems, and what their codes are tags of. The second name of confidentiality is that
/// of DSTU2.
const SYSTEMS: [(&str, &str); 4] = [
    ("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "fhir.confidentiality"),
    ("http://hl7.org/fhir/v3/Confidentiality", "fhir.confidentiality"),
    ("http://terminology.hl7.org/CodeSystem/v3-ActCode", "fhir.sensitivity"),
    ("http://hl7.org/fhir/v3/ActCode", "fhir.sensitivity"),
];

/// Whether a type is that of resources.
pub(super) fn is_type(kind: &str) -> bool {
    kind.starts_with("application/fhir+") || kind.contains("+fhir")
}

/// Whether a text begins as a resource does.
pub(super) fn is_likely(head: &[u8]) -> bool {
    let head = head.get(..4096.min(head.len())).unwrap_or_default();
    let names = [&b"\"resourceType\""[..], b"http://hl7.org/fhir"];
    names.iter().any(|name| memchr::memmem::find(head, name).is_some())
}

/// A resource on its way.
#[derive(Debug, Default)]
pub(super) struct Fhir {
    walker: Option<Walker>,
    reader: Reader,
}

#[derive(Debug, Default)]
struct Reader {
    path: Vec<Vec<u8>>,
    name: Vec<u8>,
    /// The system and the code of the coding that is open.
    system: String,
    code: String,
    found: Vec<(Tag, Vec<u8>)>,
}

impl Fhir {
    pub(super) fn push(&mut self, piece: &[u8]) {
        let text = piece.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(piece).trim_ascii_start();
        let Some(first) = text.first() else { return };
        let walker = self.walker.get_or_insert_with(|| match first {
            b'<' => Walker::Xml(Xml::default()),
            _ => Walker::Json(Json::default()),
        });
        walker.push(piece, &mut self.reader);
    }

    pub(super) fn finish(&mut self) {
        if let Some(walker) = &mut self.walker {
            walker.finish(&mut self.reader);
        }
    }

    pub(super) fn found(&mut self) -> std::vec::Drain<'_, (Tag, Vec<u8>)> {
        self.reader.found.drain(..)
    }
}

impl Reader {
    /// Whether a coding of `meta.security` is open. JSON has an array there, XML has not.
    fn in_security(&self) -> bool {
        let mut names = self.path.iter().rev().filter(|name| !name.is_empty());
        names.next().is_some_and(|name| name == b"security")
            && names.next().is_some_and(|name| name == b"meta")
    }

    fn coding(&mut self) {
        let system = self.system.trim_end_matches('/');
        let system = SYSTEMS.iter().find(|(name, _)| *name == system);
        if let Some((_, prefix)) = system
            && let Some(tag) = Tag::parse(&format!("{prefix}.{}", self.code.replace('.', "-")))
            && !self.code.is_empty()
        {
            self.found.push((tag, self.code.clone().into_bytes()));
        }
        self.system.clear();
        self.code.clear();
    }
}

impl Visitor for Reader {
    fn enter(&mut self, _array: bool, _place: u64) {
        self.path.push(std::mem::take(&mut self.name));
    }

    fn leave(&mut self, _place: u64) {
        if self.in_security() {
            self.coding();
        }
        self.path.pop();
        self.name.clear();
    }

    fn key(&mut self, name: &[u8]) {
        name.clone_into(&mut self.name);
    }

    fn value(&mut self, value: Value<'_>) {
        let text = || String::from_utf8_lossy(value.text).trim().to_owned();
        if self.name == b"@value" {
            // XML: `<system value="…"/>` within the coding.
            let last = self.path.pop();
            let inside = self.in_security();
            match last.as_deref() {
                Some(b"system") if inside => self.system = text(),
                Some(b"code") if inside => self.code = text(),
                _ => {}
            }
            self.path.extend(last);
        } else if self.in_security() {
            match self.name.as_slice() {
                b"system" => self.system = text(),
                b"code" => self.code = text(),
                _ => {}
            }
        }
        self.name.clear();
    }
}
