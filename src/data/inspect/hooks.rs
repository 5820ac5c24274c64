//! Where shapes, labels and fields join: they see the head of every text and binary at the end of
//! its layers, go along texts that have something for them, and see small parts of documents as
//! a whole.

use super::super::labels::{Labels, Part};
use super::super::{Fields, Layer, Mark, Scanner, Syntax, shapes};
use super::stage::{Place, Shared};

/// How much of a head is shown.
const HEAD: usize = shapes::HEAD;

/// Documents of which labels are gathered at one time; of more the oldest ends.
const DOCUMENTS: usize = 32;

/// How much of a part is held so that it can be shown.
pub(super) const PART: usize = 256 << 10;

/// The head of a leaf, as far as it has come.
#[derive(Debug)]
pub(super) struct Head {
    place: Place,
    name: String,
    kind: Box<str>,
    octets: Vec<u8>,
}

impl Head {
    pub(super) fn new(place: &Place, name: String, kind: Box<str>) -> Self {
        Self { place: place.clone(), name, kind, octets: Vec::new() }
    }

    /// Takes what is missing of the next octets; the rest.
    pub(super) fn push<'o>(&mut self, octets: &'o [u8]) -> &'o [u8] {
        let missing = HEAD.saturating_sub(self.octets.len());
        let (taken, rest) = octets.split_at(missing.min(octets.len()));
        self.octets.extend_from_slice(taken);
        rest
    }

    /// Whether no more is needed.
    pub(super) fn is_whole(&self) -> bool {
        self.octets.len() >= HEAD
    }

    /// Tells what begins so.
    pub(super) fn show(&self, shared: &mut Shared) {
        for shape in shapes::of(&self.octets, Some(&self.name), Some(&self.kind)) {
            tell(shape.mark(&self.octets), &self.place.layer, shared);
        }
    }

    /// Tells what begins so; what goes on to look along the text has seen it too.
    pub(super) fn done(
        self,
        syntax: Option<Syntax>,
        scanner: &mut Scanner,
        shared: &mut Shared,
    ) -> Option<Box<Along>> {
        self.show(shared);
        let mut along = Along::of(self.place.layer, (&self.octets, &self.kind), syntax, shared)?;
        along.push(&self.octets, scanner, shared);
        Some(along)
    }
}

/// What looks along a text beside the scanner: at fields and at labels within it.
#[derive(Debug)]
pub(super) struct Along {
    layer: Layer,
    fields: Option<Fields>,
    labels: Option<Labels>,
}

impl Along {
    fn of(
        layer: Layer,
        (head, kind): (&[u8], &str),
        syntax: Option<Syntax>,
        shared: &Shared,
    ) -> Option<Box<Self>> {
        let syntax = syntax.unwrap_or_else(|| Syntax::of(head));
        let fields = shared.route.as_ref().and_then(|route| route.fields(syntax));
        let part = Part::of(head, Some(kind));
        let labels = part.and_then(|part| Labels::following(&shared.inspector.labels, part));
        if fields.is_none() && labels.is_none() {
            return None;
        }
        Some(Box::new(Self { layer, fields, labels }))
    }

    /// Takes the next octets, before the scanner takes them.
    pub(super) fn push(&mut self, octets: &[u8], scanner: &mut Scanner, shared: &mut Shared) {
        if let Some(fields) = &mut self.fields {
            fields.push(octets);
            fields.found().for_each(|mark| stand(mark, &self.layer, scanner, shared));
        }
        if let Some(labels) = &mut self.labels {
            labels.push(octets);
            labels.found().for_each(|mark| tell(mark, &self.layer, shared));
        }
    }

    /// The text has ended.
    pub(super) fn end(mut self, scanner: &mut Scanner, shared: &mut Shared) {
        if let Some(fields) = &mut self.fields {
            fields.finish();
            fields.found().for_each(|mark| stand(mark, &self.layer, scanner, shared));
        }
        let labels = self.labels.map(Labels::finish).unwrap_or_default();
        labels.into_iter().for_each(|mark| tell(mark, &self.layer, shared));
    }
}

/// Tells what a container is by its type alone; of what begins otherwise, its head tells.
pub(super) fn declared(head: &[u8], kind: &str, place: &Place, shared: &mut Shared) {
    if kind.is_empty() {
        return;
    }
    for shape in shapes::of(b"", None, Some(kind)) {
        tell(shape.mark(head), &place.layer, shared);
    }
}

fn tell(mark: Mark, layer: &Layer, shared: &mut Shared) {
    let finding = mark.finding(layer, shared.inspector.detectors.digester());
    shared.found.add(finding);
}

/// Tells what a map of fields knows; it stands together with the values of its record.
fn stand(mark: Mark, layer: &Layer, scanner: &mut Scanner, shared: &mut Shared) {
    let finding = mark.finding(layer, shared.inspector.detectors.digester());
    scanner.beside(finding.record, finding.tag.clone(), finding.digest);
    shared.found.add(finding);
}

/// Takes a part that may hold labels, by its name. Those of a document are gathered until all
/// of it has been seen: one part may take back what another says.
pub(super) fn part(name: &str, bytes: &[u8], place: &Place, shared: &mut Shared) {
    let Some(part) = Part::named(name) else { return };
    let known = shared.documents.iter_mut().find(|(one, ..)| *one == place.document);
    if let Some((.., labels)) = known {
        labels.part(part, bytes);
        return;
    }
    if shared.documents.len() >= DOCUMENTS {
        let (_, layer, labels) = shared.documents.remove(0);
        close(&layer, labels, shared);
    }
    let mut labels = Labels::new(std::sync::Arc::clone(&shared.inspector.labels));
    labels.part(part, bytes);
    // The members of a container are numbered; it is one document.
    let path = place.layer.as_str();
    let member = path.strip_suffix(']').and_then(|path| path.rsplit_once('['));
    let layer = member.map_or_else(|| place.layer.clone(), |(path, _)| Layer::body().below(path));
    shared.documents.push((place.document, layer, labels));
}

/// The body has ended, and with it all documents.
pub(super) fn end(shared: &mut Shared) {
    for (_, layer, labels) in std::mem::take(&mut shared.documents) {
        close(&layer, labels, shared);
    }
}

fn close(layer: &Layer, labels: Labels, shared: &mut Shared) {
    labels.finish().into_iter().for_each(|mark| tell(mark, layer, shared));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::super::{
        Detectors, Digester, FieldMap, FieldRow, Findings, LabelRules, PathPattern, Pointer, Tag,
    };
    use super::super::{Described, Inspection, Inspector, Limits};
    use super::*;
    use crate::net::HostPattern;

    fn gzip(octets: &[u8]) -> Vec<u8> {
        let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut coder, octets).unwrap();
        coder.finish().unwrap()
    }

    fn inspector() -> Arc<Inspector> {
        let row = FieldRow {
            host: HostPattern::parse("api.acme.example").unwrap(),
            path: PathPattern::parse("/people").unwrap(),
            pointer: Pointer::parse("/*/name").unwrap(),
            tag: Tag::parse("pi.name").unwrap(),
        };
        let detectors = Arc::new(Detectors::new(Digester::new(&[7; 32], "k").unwrap()));
        let inspector = Inspector::new(detectors, Limits::default());
        Arc::new(inspector.with_fields(FieldMap::new([row])).with_labels(LabelRules::default()))
    }

    /// What is found in a body, which is the same for every cut.
    fn found(body: &[u8]) -> Findings {
        let inspector = inspector();
        let read = |pieces: &[&[u8]]| {
            let described =
                Described { host: "api.acme.example", path: "/people", ..Described::default() };
            let mut inspection = Inspection::new(&inspector, &described);
            pieces.iter().for_each(|piece| inspection.push(piece));
            inspection.finish()
        };
        let whole = read(&[body]);
        for cut in (0..body.len()).step_by(1 + body.len() / 300) {
            let (left, right) = body.split_at(cut);
            assert_eq!(read(&[left, right]), whole, "cut at {cut}");
        }
        whole
    }

    fn told(findings: &Findings) -> String {
        let one =
            |(tag, sum): (&Tag, &super::super::super::Summary)| format!("{tag}={}", sum.count);
        findings.sums().iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn fields_are_followed_beyond_the_head_and_below_codings() {
        let people: Vec<_> = (0..600).map(|n| format!("{{\"name\":\"n{n}\"}}")).collect();
        let body = format!("[{}]", people.join(","));
        assert_eq!(told(&found(body.as_bytes())), "pi.name=600");
        let coded = found(&gzip(body.as_bytes()));
        assert_eq!(told(&coded), "pi.name=600");
        let last = coded.kept().last().unwrap();
        assert_eq!((last.layer.as_str(), &*last.detector), ("gzip", "field_map"));
    }

    #[test]
    fn shapes_and_labels_are_told_of_layers() {
        let vcf = "##fileformat=VCFv4.2\n##reference=GRCh38\n";
        assert_eq!(told(&found(&gzip(vcf.as_bytes()))), "omic.human.genome=1");
        let dicom = [&[0; 128][..], b"DICM\x02\0\0\0UL\x04\0\0\0\0\0"].concat();
        assert_eq!(told(&found(&dicom)), "health.imaging=1");
        let security = "{\"system\":\"http://hl7.org/fhir/v3/Confidentiality\",\"code\":\"R\"}";
        let fhir = format!(
            "{{\"resourceType\":\"Patient\",\"text\":\"{}\",\"meta\":{{\"security\":[{security}]}}}}",
            "x".repeat(9_000)
        );
        assert_eq!(told(&found(fhir.as_bytes())), "fhir.confidentiality.r=1");
        let mail = "From: a\r\nReceived: b\r\nSensitivity: Private\r\n\r\nx";
        assert_eq!(told(&found(mail.as_bytes())), "label.sensitivity.private=1");
    }

    #[test]
    fn the_parts_of_one_document_are_weighed_together() {
        let id = "11111111-2222-3333-4444-555555555555";
        let custom = format!(
            "<Properties><property name=\"MSIP_Label_{id}_Enabled\"><x>true</x></property></Properties>"
        );
        let info = format!("<labelList><label id=\"{{{id}}}\" enabled=\"0\"/></labelList>");
        let mut shared = Shared::new(inspector());
        let zip = shared.document(Place::default().view("zip"));
        let other = shared.document(Place::default().view("other"));
        part("docProps/custom.xml", custom.as_bytes(), &zip.nth(4), &mut shared);
        part("docProps/custom.xml", custom.as_bytes(), &other.nth(0), &mut shared);
        part("docMetadata/LabelInfo.xml", info.as_bytes(), &zip.nth(9), &mut shared);
        end(&mut shared);
        assert_eq!(told(&shared.found), format!("label.msip.{id}=1"));
        assert_eq!(shared.found.kept()[0].layer.as_str(), "other");
    }
}
