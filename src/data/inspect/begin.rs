//! The beginning of a layer: what it is, is told from its first octets before what is said of
//! it. Images, audio and what else is binary by nature is looked through for printable runs.

use super::super::labels::is_mail;
use super::super::{Findings, Syntax};
use super::awschunked;
use super::beside::Beside;
use super::buried::Digger;
use super::cfb::Compound;
use super::charset::{Charset, Script, is_utf8};
use super::coding::{self, Coding};
use super::grpc::Grpc;
use super::hooks;
use super::joined::Joined;
use super::leaf::{Leaf, Named};
use super::magic::Magic;
use super::marks::Held;
use super::multipart::{self, Multipart};
use super::part::Part;
use super::pdf::Pdf;
use super::protobuf::Protobuf;
pub(super) use super::said::Said;
use super::stage::{Cannot, Next, Passed, Piece, Place, Shared, Stage, earlier};
use super::strings::Strings;
use super::tar::Tar;
use super::zip::Zip;

/// How much is held until it is told.
const LOOK: usize = 512;

/// A layer of which it is not known what it is.
#[derive(Debug)]
struct Begin {
    place: Place,
    said: Said,
    held: Held,
    next: Option<Next>,
}

/// A layer that may be anything.
pub(super) fn open(place: &Place, said: Said) -> Next {
    Box::new(Begin { place: place.clone(), said, held: Held::default(), next: None })
}

impl Begin {
    /// Tells what it is, and hands on what was held.
    fn told(&mut self, shared: &mut Shared) {
        let said = std::mem::take(&mut self.said);
        let mut next = choose(self.held.octets(), &self.place, said, shared);
        next.push(self.held.piece(), shared);
        self.held = Held::default();
        self.next = Some(next);
    }
}

impl Stage for Begin {
    fn push(&mut self, mut piece: Piece<'_>, shared: &mut Shared) {
        if self.next.is_none() {
            if is_call(&self.said.media) && !self.held.fill(&mut piece, 1) {
                return;
            }
            // Calls answer one another: what they say may be short, and waits for nothing.
            let call = begins_call(self.held.octets(), &self.said);
            if !call && !self.held.fill(&mut piece, LOOK) {
                return;
            }
            self.told(shared);
        }
        if let Some(next) = self.next.as_mut().filter(|_| !piece.is_empty()) {
            next.push(piece, shared);
        }
    }

    fn end(&mut self, shared: &mut Shared) {
        if self.next.is_none() && !self.held.octets().is_empty() {
            self.told(shared);
        }
        self.next.iter_mut().for_each(|next| next.end(shared));
        self.next = None;
    }

    fn pending(&self) -> Option<u64> {
        earlier(self.held.pending(), self.next.as_ref().and_then(|next| next.pending()))
    }

    fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.next.iter().for_each(|next| next.each(see));
    }
}

fn is_call(media: &str) -> bool {
    media.starts_with("application/grpc") && !media.contains("-text")
}

/// No other format begins like a message of a call: with its flags.
fn begins_call(head: &[u8], said: &Said) -> bool {
    is_call(&said.media) && matches!(head, [0 | 1, ..])
}

fn choose(head: &[u8], place: &Place, said: Said, shared: &mut Shared) -> Next {
    if begins_call(head, &said) {
        return Grpc::open(place, shared);
    }
    if awschunked::is_signed(head) {
        return coding::open(&[Coding::Chunked], place, said, shared);
    }
    if let Some(Magic::Coded(coding)) = Magic::of(head) {
        // The type may be that of what is within.
        let kind = said.named.kind;
        let named = Named { kind, ..Named::default() };
        return coding::open(&[coding], place, Said { named, ..Said::default() }, shared);
    }
    match container(head, place, &said, shared) {
        Some(next) => {
            hooks::declared(head, &said.named.kind, place, shared);
            next
        }
        None => formless(head, place, said, shared),
    }
}

/// What has a form of its own, in which other layers are.
fn container(head: &[u8], place: &Place, said: &Said, shared: &mut Shared) -> Option<Next> {
    match Magic::of(head) {
        Some(Magic::Foreign) => {
            shared.cannot(Cannot::Encoding, place);
            return Some(Box::new(Passed));
        }
        Some(Magic::Encrypted) => {
            shared.cannot(Cannot::Encrypted, place);
            return Some(Box::new(Passed));
        }
        Some(Magic::Zip) => return Some(Zip::open(place, shared)),
        Some(Magic::Tar) => return Some(Tar::open(place, shared)),
        Some(Magic::Pdf) => {
            // Anything may stand before, between and after the objects, and text that is none of
            // a PDF may name its magic.
            let named = Named { kind: Box::default(), ..said.named.clone() };
            let raw = Leaf::new(place, named, None, shared);
            let named = !head.trim_ascii_start().starts_with(b"%PDF-");
            let raw = if named { raw } else { raw.without_head() };
            return Some(Beside::open(
                Pdf::open(place, shared),
                vec![Box::new(raw), Box::new(Strings::beside_text(place))],
            ));
        }
        Some(Magic::Compound) => return Some(Compound::open(place, shared)),
        Some(Magic::Coded(_)) | None => {}
    }
    let declared = said.boundary.clone().filter(|_| said.media.starts_with("multipart/"));
    if let Some(boundary) = declared.or_else(|| multipart::boundary(head)) {
        let next = shared.enter(place, "multipart");
        return Some(match next {
            Some(inner) => Box::new(Multipart::new(place, inner, &boundary)),
            None => Box::new(Passed),
        });
    }
    if is_mail(head) {
        let next = shared.enter_document(place, "mail");
        return Some(next.map_or_else(passed, |place| Part::mail(&place)));
    }
    None
}

fn passed() -> Next {
    Box::new(Passed)
}

/// What is a mail or a message only because its type says so: it may be anything else, too.
fn called(head: &[u8], place: &Place, media: &str, shared: &mut Shared) -> Option<Next> {
    if media == "message/rfc822" {
        let next = shared.enter_document(place, "mail");
        return Some(next.map_or_else(passed, |place| Part::mail(&place)));
    }
    if is_protobuf(media) && !matches!(head, [b'{' | b'[', ..]) {
        let next = shared.enter(place, "protobuf");
        return Some(next.map_or_else(passed, |place| Protobuf::open(&place, shared)));
    }
    None
}

/// What has no form of its own, but for what its type says.
fn formless(head: &[u8], place: &Place, said: Said, shared: &mut Shared) -> Next {
    let Some(main) = called(head, place, &said.media, shared) else {
        return plain(head, place, said, shared);
    };
    // A message may have the first octets of a text; what is so is looked at in both ways.
    let structured = matches!(Syntax::of(head), Syntax::Json | Syntax::JsonLines | Syntax::Xml);
    if structured || !is_protobuf(&said.media) {
        return Beside::open(main, vec![plain(head, place, said, shared)]);
    }
    hooks::declared(head, &said.named.kind, place, shared);
    main
}

/// A text, or octets that are none.
pub(super) fn plain(head: &[u8], place: &Place, said: Said, shared: &mut Shared) -> Next {
    if let Some(script) = Script::told(head, said.charset.as_deref(), place, shared) {
        return scripts(script, place, said.named, shared);
    }
    if is_binary(head) {
        // Compressed in a way that has no magic, as br is, or encrypted.
        if is_text(&said.media) {
            shared.cannot(Cannot::Encoding, place);
        }
        return Box::new(Strings::named(place, said.named));
    }
    let form = said.media == "application/x-www-form-urlencoded";
    let syntax = (form && Syntax::of(head) == Syntax::Text).then_some(Syntax::Form);
    let mut sides: Vec<Next> = vec![Box::new(Strings::beside_text(place))];
    let marked = ["html", "xml"].iter().any(|name| said.media.contains(name));
    if marked || Syntax::of(head) == Syntax::Xml {
        sides.push(Box::new(Joined::new(place)));
    }
    let leaf = Leaf::new(place, said.named, syntax, shared);
    Beside::open(Box::new(leaf), sides)
}

/// A text in another charset. Whoever reads it may not follow a mark, and it may go on otherwise
/// than it began: what is wide is read as it came, too, and in the other orders.
fn scripts(script: Script, place: &Place, named: Named, shared: &Shared) -> Next {
    let others = script.others();
    let main = Box::new(Charset::new(script, place, named, shared));
    if others.is_empty() {
        return Beside::open(main, vec![Box::new(Strings::beside_text(place))]);
    }
    let raw = Leaf::new(place, Named::default(), None, shared).without_head();
    let mut sides: Vec<Next> = vec![Box::new(raw), Box::new(Digger::new(place))];
    for other in others {
        sides.push(Box::new(Charset::new(other, place, Named::default(), shared)));
    }
    Beside::open(main, sides)
}

fn is_protobuf(media: &str) -> bool {
    ["application/x-protobuf", "application/protobuf", "application/vnd.google.protobuf"]
        .contains(&media)
}

/// Whether a media type says that it is text. Forms do not say so: clients send octets of every
/// kind under the type that they take where nobody names one.
fn is_text(media: &str) -> bool {
    let named = ["json", "xml", "javascript", "yaml", "csv"];
    let picture = media.starts_with("image/") || media.starts_with("application/vnd.");
    media.starts_with("text/") || !picture && named.iter().any(|name| media.ends_with(name))
}

/// Whether some octets are no text: one in twenty is a control character.
fn is_binary(head: &[u8]) -> bool {
    let control = |byte: &&u8| matches!(byte, 0..=8 | 14..=26 | 28..=31 | 127);
    let count = head.iter().filter(control).count();
    // A few octets may have few of them, but are not UTF-8 either.
    count * 20 > head.len() || count > 0 && !is_utf8(head)
}
