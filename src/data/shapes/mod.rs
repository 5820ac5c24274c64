//! Shapes: what a text or file is, by how it begins. The structure must be whole; what only
//! resembles it is none.
//!
//! | what | tag |
//! | --- | --- |
//! | VCF, BCF, BAM, CRAM, SAM, FASTQ, FASTA, genotypes, arrays | `omic.human.*`, `omic.other.*`, `omic.*` |
//! | DICOM | `health.imaging` |
//! | ISO/IEC 19794 and INCITS templates, WSQ, ANSI/NIST-ITL | `biometric.*` |
//! | GeoJSON, GPX, KML, NMEA, WKT with three decimals | `geo.precise` |
//! | ISO 20022, SWIFT FIN, MT940, OFX, NACHA, FIX | `financial.message` |
//! | archives and messages that cannot be read | `uninspectable.*` |

mod biometric;
mod finance;
mod geo;
mod lines;
mod omic;
mod sealed;

use super::{Confidence, Mark, Source, Tag};

/// So much of a beginning is looked at.
pub const HEAD: usize = 4 << 10;

/// What something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What it is.
    pub tag: Tag,
    /// How sure it is.
    pub confidence: Confidence,
    /// Which detector says so.
    pub detector: &'static str,
}

/// A decoded layer, as far as shapes look at it.
#[derive(Clone, Copy, Debug)]
struct Look<'a> {
    /// The beginning, without a byte order mark.
    head: &'a [u8],
    /// The name of the file, in lower case.
    name: &'a str,
    /// The media type, in lower case, without parameters.
    kind: &'a str,
    /// The whole content type, in lower case.
    content_type: &'a str,
}

impl Look<'_> {
    /// What the name ends in.
    fn ending(&self) -> Option<&str> {
        self.name.rsplit_once('.').map(|(_, ending)| ending)
    }
}

/// What a layer is that begins with `head`, up to [`HEAD`] octets of it.
pub fn of(head: &[u8], name: Option<&str>, content_type: Option<&str>) -> Vec<Shape> {
    let head = head.get(..HEAD).unwrap_or(head);
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let name = name.unwrap_or_default().to_ascii_lowercase();
    let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let look = Look { head, name: &name, kind, content_type: &content_type };
    let found = [
        omic::of(&look),
        imaging(&look),
        biometric::of(&look),
        geo::of(&look),
        finance::of(&look),
        sealed::of(&look),
    ];
    found.into_iter().flatten().collect()
}

impl Shape {
    fn new(tag: &str, confidence: Confidence, detector: &'static str) -> Option<Self> {
        Some(Self { tag: Tag::parse(tag)?, confidence, detector })
    }

    /// As something to find in a layer that begins so: equal beginnings are one file.
    pub fn mark(self, head: &[u8]) -> Mark {
        let head = head.get(..HEAD).unwrap_or(head);
        Mark {
            tag: self.tag,
            detector: self.detector,
            confidence: self.confidence,
            source: Source::Shape,
            offset: 0,
            length: 0,
            record: 0,
            subject: head.to_vec(),
        }
    }
}

/// DICOM part 10, 7.1: a preamble of 128 octets, then `DICM`. DICOMweb says it in its types.
fn imaging(look: &Look<'_>) -> Option<Shape> {
    let declared = look.kind.starts_with("application/dicom")
        || look.kind == "multipart/related" && look.content_type.contains("application/dicom");
    if look.head.get(128..132) == Some(b"DICM") {
        Shape::new("health.imaging", Confidence::Sure, "dicom")
    } else if declared {
        Shape::new("health.imaging", Confidence::Likely, "dicom")
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
