//! Microsoft's sensitivity labels: their own part of OOXML (MS-OFFCRYPTO 2.6), and the older
//! properties `MSIP_Label_<id>_<attribute>` in OOXML, PDF and e-mail.

use std::collections::BTreeMap;

use super::super::walk::{Value, Visitor, Walker, Xml};

/// What is known of the labels of a document.
#[derive(Debug, Default)]
pub(super) struct Msip {
    /// Labels of their own part, also those that were taken away: it is asked first.
    own: BTreeMap<String, State>,
    /// Labels of properties.
    old: BTreeMap<String, State>,
}

/// What is said of one label.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    enabled: Option<bool>,
    removed: bool,
    bits: u32,
}

/// A label in force.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) id: String,
    /// Whether the label encrypts what it is put on.
    pub(super) encrypted: bool,
}

/// What names of properties begin with.
const PREFIX: &[u8] = b"MSIP_Label_";

/// The length of an id: a UUID.
const ID: usize = 36;

/// The bit of `ContentBits` that says encrypted.
const ENCRYPTED: u32 = 8;

/// More labels than this are not kept of one document.
const MOST: usize = 64;

impl Msip {
    /// Reads `LabelInfo.xml`.
    pub(super) fn label_info(&mut self, text: &[u8]) {
        let mut reader = LabelInfo { labels: &mut self.own, name: Vec::new(), open: None };
        let mut xml = Walker::Xml(Xml::default());
        xml.push(text, &mut reader);
        xml.finish(&mut reader);
    }

    /// Reads `custom.xml`.
    pub(super) fn properties(&mut self, text: &[u8]) {
        let mut reader = Properties { labels: &mut self.old, name: Vec::new(), property: None };
        let mut xml = Walker::Xml(Xml::default());
        xml.push(text, &mut reader);
        xml.finish(&mut reader);
    }

    /// Reads names and values wherever they stand: `/MSIP_Label_… (true)`, `MSIP_Label_…=true`,
    /// `<pdfx:MSIP_Label_…>true</…>`.
    pub(super) fn text(&mut self, text: &[u8]) {
        for place in memchr::memmem::find_iter(text, PREFIX) {
            let rest = text.get(place..).unwrap_or_default();
            let name =
                rest.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
            let (name, after) = rest.split_at(name.count());
            if let Some((id, attribute)) = property(name) {
                set(&mut self.old, id, &attribute, &value(after));
            }
        }
    }

    /// The labels in force: those of their own part, and of properties those that it does not
    /// speak of.
    pub(super) fn labels(&self) -> impl Iterator<Item = Label> {
        let old = self.old.iter().filter(|(id, _)| !self.own.contains_key(*id));
        // A property without `Enabled` is no label; an entry of the part has it by default.
        let own =
            self.own.iter().filter(|(_, state)| state.enabled != Some(false) && !state.removed);
        let old = old.filter(|(_, state)| state.enabled == Some(true));
        own.chain(old)
            .map(|(id, state)| Label { id: id.clone(), encrypted: state.bits & ENCRYPTED != 0 })
    }
}

/// The id and the attribute in the name of a property.
fn property(name: &[u8]) -> Option<(String, String)> {
    let rest = name.strip_prefix(PREFIX)?;
    let (id, rest) = rest.split_at_checked(ID)?;
    let attribute = rest.strip_prefix(b"_")?;
    Some((uuid(id)?, String::from_utf8_lossy(attribute).to_ascii_lowercase()))
}

/// An id in lower case, without braces.
fn uuid(text: &[u8]) -> Option<String> {
    let text = text.trim_ascii();
    let text = text.strip_prefix(b"{").and_then(|id| id.strip_suffix(b"}")).unwrap_or(text);
    let fits = text.len() == ID
        && text.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    fits.then(|| String::from_utf8_lossy(text).to_ascii_lowercase())
}

/// The word that follows a name, in any of its notations.
fn value(after: &[u8]) -> String {
    // Values are short: `true`, an id, a number. XMP repeats the name in the end tag.
    let part = after.get(..128.min(after.len())).unwrap_or_default();
    let word = |part: &[u8]| {
        let word = part.iter().copied().filter(|byte| *byte != 0);
        let word: Vec<_> = word.take_while(u8::is_ascii_alphanumeric).collect();
        String::from_utf8_lossy(&word).to_ascii_lowercase()
    };
    let part = part.trim_ascii_start();
    match part.split_first() {
        // PDF: a literal, perhaps as UTF-16 with its mark.
        Some((b'(', rest)) => word(rest.strip_prefix(b"\xFE\xFF").unwrap_or(rest)),
        Some((b'<', rest)) if rest.first().is_some_and(u8::is_ascii_hexdigit) => {
            let digits: Vec<_> = rest.iter().map_while(|b| char::from(*b).to_digit(16)).collect();
            let (pairs, _) = digits.as_chunks::<2>();
            let octets = pairs.iter().map(|[high, low]| u8::try_from(high << 4 | low).unwrap_or(0));
            let octets: Vec<_> = octets.collect();
            word(octets.strip_prefix(b"\xFE\xFF").unwrap_or(&octets))
        }
        Some((b'>', rest)) => word(rest.trim_ascii_start()),
        Some((b'=' | b':', rest)) => {
            let rest = rest.trim_ascii_start();
            word(rest.strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"'")).unwrap_or(rest))
        }
        // JSON: `"MSIP_Label_…": "true"`.
        Some((b'"', rest)) => {
            let rest = rest.trim_ascii_start().strip_prefix(b":").unwrap_or_default();
            let rest = rest.trim_ascii_start();
            word(rest.strip_prefix(b"\"").unwrap_or(rest))
        }
        Some(_) | None => String::new(),
    }
}

fn set(labels: &mut BTreeMap<String, State>, id: String, attribute: &str, value: &str) {
    if labels.len() >= MOST && !labels.contains_key(&id) {
        return;
    }
    let state = labels.entry(id).or_default();
    let yes = matches!(value, "true" | "1");
    match attribute {
        // The end tag of XMP has no value, and takes none away.
        _ if value.is_empty() => {}
        "enabled" => state.enabled = Some(yes),
        "removed" => state.removed = yes,
        "contentbits" => state.bits = value.parse().unwrap_or(0),
        _ => {}
    }
}

/// `<clbl:label id="{…}" enabled="1" method="Privileged" siteId="{…}" contentBits="0" removed="0"/>`.
struct LabelInfo<'a> {
    labels: &'a mut BTreeMap<String, State>,
    name: Vec<u8>,
    /// The element's attributes, in any order.
    open: Option<Vec<(String, String)>>,
}

impl LabelInfo<'_> {
    fn close(&mut self) {
        let attributes = self.open.take().unwrap_or_default();
        let id = attributes.iter().find(|(name, _)| name == "id");
        let Some(id) = id.and_then(|(_, id)| uuid(id.as_bytes())) else { return };
        set(self.labels, id.clone(), "", "-");
        for (name, value) in &attributes {
            set(self.labels, id.clone(), name, value);
        }
    }
}

impl Visitor for LabelInfo<'_> {
    fn enter(&mut self, _array: bool, _place: u64) {
        self.close();
        self.open = self.name.eq_ignore_ascii_case(b"label").then(Vec::new);
    }

    fn leave(&mut self, _place: u64) {
        self.close();
    }

    fn key(&mut self, name: &[u8]) {
        name.clone_into(&mut self.name);
    }

    fn value(&mut self, value: Value<'_>) {
        if let (Some(open), Some(name)) = (&mut self.open, self.name.strip_prefix(b"@"))
            && open.len() < 16
        {
            let lower = |text: &[u8]| String::from_utf8_lossy(text).trim().to_ascii_lowercase();
            open.push((lower(name), lower(value.text)));
        }
    }
}

/// `<property name="MSIP_Label_…_Enabled"><vt:lpwstr>true</vt:lpwstr></property>`.
struct Properties<'a> {
    labels: &'a mut BTreeMap<String, State>,
    name: Vec<u8>,
    property: Option<(String, String)>,
}

impl Visitor for Properties<'_> {
    fn enter(&mut self, _array: bool, _place: u64) {
        if self.name == b"property" {
            self.property = None;
        }
    }

    fn leave(&mut self, _place: u64) {}

    fn key(&mut self, name: &[u8]) {
        name.clone_into(&mut self.name);
    }

    fn value(&mut self, value: Value<'_>) {
        if self.name.starts_with(b"@") {
            if self.name == b"@name" {
                self.property = property(value.text);
            }
        } else if let Some((id, attribute)) = self.property.take_if(|_| !value.absent) {
            let text = String::from_utf8_lossy(value.text).trim().to_ascii_lowercase();
            set(self.labels, id, &attribute, &text);
        }
    }
}
