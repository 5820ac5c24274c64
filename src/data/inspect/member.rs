//! A member of an archive: text of office documents is freed of its markup, and the parts that
//! hold labels are shown as a whole.

use super::super::{Findings, Part};
use super::begin::{self, Said};
use super::hooks::{self, PART};
use super::leaf::Named;
use super::markup::Markup;
use super::stage::{Cannot, Next, Piece, Place, Shared, Stage};

/// Where documents say that their members are encrypted: OpenDocument and EPUB.
const MANIFESTS: [&str; 2] = ["META-INF/manifest.xml", "META-INF/encryption.xml"];

/// A part that is looked at as a whole, too.
#[derive(Debug)]
pub(super) struct Kept {
    name: String,
    place: Place,
    octets: Vec<u8>,
    next: Next,
}

/// Opens a member by its name.
pub(super) fn open(name: &str, place: &Place, shared: &Shared) -> Next {
    if is_office_text(name) {
        return Box::new(Markup::new(place, name, shared));
    }
    let named = Named { name: name.to_owned(), ..Named::default() };
    let next = begin::open(place, Said { named, ..Said::default() });
    if Part::named(name).is_some() || is_manifest(name) {
        return Kept::open(name, place, next);
    }
    next
}

/// Whether a member is the text of a document, in which markup divides what is one value. Names
/// differ in case (ECMA-376 part 2, 6.2.2.3).
fn is_office_text(name: &str) -> bool {
    let name = name.trim_start_matches('/').to_ascii_lowercase();
    let folder = ["word/", "ppt/", "xl/"].iter().any(|folder| name.starts_with(folder));
    let xml = name.rsplit_once('.').is_some_and(|(_, ending)| ending == "xml");
    folder && xml || matches!(&*name, "content.xml" | "styles.xml")
}

fn is_manifest(name: &str) -> bool {
    let name = name.trim_start_matches('/');
    MANIFESTS.iter().any(|manifest| name.eq_ignore_ascii_case(manifest))
}

impl Kept {
    pub(super) fn open(name: &str, place: &Place, next: Next) -> Next {
        let (name, place) = (name.to_owned(), place.clone());
        Box::new(Self { name, place, octets: Vec::new(), next })
    }
}

impl Stage for Kept {
    fn push(&mut self, piece: Piece<'_>, shared: &mut Shared) {
        if self.octets.len() <= PART {
            let room = PART + 1 - self.octets.len();
            self.octets.extend_from_slice(piece.octets.get(..room).unwrap_or(piece.octets));
        }
        self.next.push(piece, shared);
    }

    fn end(&mut self, shared: &mut Shared) {
        self.next.end(shared);
        // What is held of it is read all the same.
        if self.octets.len() > PART {
            shared.cannot(Cannot::TooLarge, &self.place);
        }
        if is_manifest(&self.name) {
            let says = |word| memchr::memmem::find(&self.octets, word).is_some();
            if says(b"encryption-data") || says(b"EncryptedData") {
                shared.cannot(Cannot::Encrypted, &self.place);
            }
        } else {
            hooks::part(&self.name, &self.octets, &self.place, shared);
        }
    }

    fn pending(&self) -> Option<u64> {
        self.next.pending()
    }

    fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.next.each(see);
    }
}
