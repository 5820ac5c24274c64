//! Labels: what documents say of themselves. A label is believed where it raises what is known;
//! that one is missing says nothing.

mod fhir;
mod mail;
mod msip;
mod tagging;

use std::collections::HashMap;
use std::sync::Arc;

use super::{Carriers, Confidence, Mark, Source, Tag};

use fhir::Fhir;
pub(super) use mail::is_head as is_mail;
use msip::Msip;
use tagging::Tagging;

/// What a configuration says of labels.
#[derive(Clone, Debug, Default)]
pub struct LabelRules {
    /// What the ids of Microsoft labels mean; ids in lower case.
    pub msip: HashMap<String, Tag>,
    /// The carriers that object stores have as headers, which their documents of tags follow.
    pub carriers: Carriers,
}

/// A part of a document that may hold labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `docMetadata/LabelInfo.xml` of OOXML.
    LabelInfo,
    /// `docProps/custom.xml` of OOXML.
    Properties,
    /// The Info dictionary of a PDF, its XMP, or any text in which such names stand.
    Text,
    /// The head of an e-mail.
    Mail,
    /// `<Tagging>` or `<Tags>`, the tags of an object store.
    Tagging,
    /// A resource of FHIR, as JSON or XML.
    Fhir,
}

/// The labels of one document, gathered from its parts in any order.
#[derive(Debug)]
pub struct Labels {
    rules: Arc<LabelRules>,
    msip: Msip,
    stream: Option<Stream>,
    marks: Vec<Mark>,
}

/// A text that is read as it comes.
#[derive(Debug)]
enum Stream {
    Fhir(Fhir),
    Tagging(Tagging),
}

/// More labels than this in one document are not told apart.
const MOST: usize = 64;

impl Part {
    /// Which part it is by its name: a file of an archive, `pdf:info`, `pdf:xmp` or `mail:head`.
    /// OPC names differ in case (ECMA-376 part 2, 6.2.2.3).
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim_start_matches('/').to_ascii_lowercase();
        match name.as_str() {
            "docmetadata/labelinfo.xml" => Some(Self::LabelInfo),
            "docprops/custom.xml" => Some(Self::Properties),
            "pdf:info" | "pdf:xmp" => Some(Self::Text),
            "mail:head" => Some(Self::Mail),
            _ => None,
        }
    }

    /// Which part a text is that begins so; where that does not tell, by its type. A mail has
    /// parts of its own, and is told before.
    pub fn of(head: &[u8], content_type: Option<&str>) -> Option<Self> {
        if fhir::is_likely(head) {
            Some(Self::Fhir)
        } else if tagging::is_likely(head) {
            Some(Self::Tagging)
        } else {
            let kind = content_type.and_then(|kind| kind.split(';').next());
            let kind = kind.unwrap_or_default().trim().to_ascii_lowercase();
            fhir::is_type(&kind).then_some(Self::Fhir)
        }
    }
}

impl Labels {
    /// No label yet.
    pub fn new(rules: Arc<LabelRules>) -> Self {
        Self { rules, msip: Msip::default(), stream: None, marks: Vec::new() }
    }

    /// No label yet, of a part that may be large and is read as it comes; none if it is not
    /// such a part.
    pub fn following(rules: &Arc<LabelRules>, part: Part) -> Option<Self> {
        let mut labels = Self::new(Arc::clone(rules));
        labels.stream = Stream::of(part);
        labels.stream.is_some().then_some(labels)
    }

    /// Takes a part as a whole, or as far as it is there.
    pub fn part(&mut self, part: Part, text: &[u8]) {
        match part {
            Part::LabelInfo => self.msip.label_info(text),
            Part::Properties => self.msip.properties(text),
            Part::Text => self.msip.text(text),
            Part::Mail => {
                let head = mail::head(text);
                self.msip.text(head);
                mail::read(head, |tag, value| add(&mut self.marks, tag, "mail_label", value));
            }
            Part::Tagging | Part::Fhir => {
                self.stream = Stream::of(part);
                self.push(text);
                self.end();
            }
        }
    }

    /// Takes the next piece of what is read as it comes.
    pub fn push(&mut self, piece: &[u8]) {
        if let Some(stream) = &mut self.stream {
            stream.push(piece);
        }
        self.collect();
    }

    fn end(&mut self) {
        if let Some(stream) = &mut self.stream {
            stream.finish();
        }
        self.collect();
        self.stream = None;
    }

    fn collect(&mut self) {
        match &mut self.stream {
            Some(Stream::Fhir(fhir)) => fhir.found().for_each(|(tag, code)| {
                add(&mut self.marks, tag, "fhir_security", &code);
            }),
            Some(Stream::Tagging(tagging)) => tagging.found(&self.rules.carriers, |tag, value| {
                add(&mut self.marks, tag, "object_tag", value);
            }),
            None => {}
        }
    }

    /// What was found so far, as far as nothing that comes can change it.
    pub fn found(&mut self) -> std::vec::Drain<'_, Mark> {
        self.marks.drain(..)
    }

    /// The document has ended; all of its labels that [`found`](Self::found) has not told.
    pub fn finish(mut self) -> Vec<Mark> {
        self.end();
        for label in self.msip.labels() {
            let subject = label.id.as_bytes();
            if let Some(tag) = Tag::parse(&format!("label.msip.{}", label.id)) {
                add(&mut self.marks, tag, "msip_label", subject);
            }
            if let Some(tag) = self.rules.msip.get(&label.id) {
                add(&mut self.marks, tag.clone(), "msip_label", subject);
            }
            if label.encrypted
                && let Some(tag) = Tag::parse("label.encrypted")
            {
                add(&mut self.marks, tag, "msip_label", subject);
            }
        }
        self.marks
    }
}

// === impl Stream ===

impl Stream {
    fn of(part: Part) -> Option<Self> {
        match part {
            Part::Fhir => Some(Self::Fhir(Fhir::default())),
            Part::Tagging => Some(Self::Tagging(Tagging::default())),
            Part::LabelInfo | Part::Properties | Part::Text | Part::Mail => None,
        }
    }

    fn push(&mut self, piece: &[u8]) {
        match self {
            Self::Fhir(fhir) => fhir.push(piece),
            Self::Tagging(tagging) => tagging.push(piece),
        }
    }

    fn finish(&mut self) {
        match self {
            Self::Fhir(fhir) => fhir.finish(),
            Self::Tagging(tagging) => tagging.finish(),
        }
    }
}

fn add(marks: &mut Vec<Mark>, tag: Tag, detector: &'static str, subject: &[u8]) {
    let known = marks.iter().any(|one| one.tag == tag && one.subject == subject);
    if known || marks.len() > MOST {
        return;
    }
    // Beyond the most one more says that they are not all.
    let tag = if marks.len() == MOST { Tag::uninspectable("too-many-tags") } else { tag };
    marks.push(Mark {
        tag,
        detector,
        confidence: Confidence::Sure,
        source: Source::Label,
        offset: 0,
        length: 0,
        record: 0,
        subject: subject.to_vec(),
    });
}

#[cfg(test)]
mod tests;
