//! One part of a multipart body, or a mail: a head, a blank line, and octets that may be written
//! in base64 or quoted-printable.

use super::super::{Findings, Syntax};
use super::begin::{self, Said};
use super::coding;
use super::hooks::{self, PART};
use super::leaf;
use super::marks::Held;
use super::said::Heading;
use super::stage::{Cannot, Next, Piece, Place, Shared, Stage, close, earlier};
use super::transfer::Recoded;

/// The longest head of a part. That of a mail may hold labels, and is a part of a document.
const HEAD: usize = 16 << 10;

/// A part of which the head comes first.
#[derive(Debug)]
pub(super) struct Part {
    place: Place,
    mail: bool,
    held: Held,
    next: Option<Next>,
}

impl Part {
    pub(super) fn open(place: &Place) -> Next {
        Box::new(Self { place: place.clone(), mail: false, held: Held::default(), next: None })
    }

    pub(super) fn mail(place: &Place) -> Next {
        Box::new(Self { place: place.clone(), mail: true, held: Held::default(), next: None })
    }

    /// Where the content begins, if the head is whole.
    fn length(&self, from: usize) -> Option<usize> {
        let held = self.held.octets();
        match held {
            [b'\n', ..] => return Some(1),
            [b'\r', b'\n', ..] => return Some(2),
            _ => {}
        }
        let from = from.saturating_sub(3);
        let tail = held.get(from..)?;
        let found = memchr::memchr_iter(b'\n', tail).find_map(|at| match tail.get(at + 1..)? {
            [b'\n', ..] => Some(at + 2),
            [b'\r', b'\n', ..] => Some(at + 3),
            _ => None,
        });
        found.map(|at| from + at)
    }

    /// Opens the content, and hands on what was held of it.
    fn opened(&mut self, length: usize, shared: &mut Shared) {
        let held = std::mem::take(&mut self.held);
        let (head, rest) = held.piece().cut(length);
        if head.octets.len() > 2 {
            leaf::scan(head.octets, &self.place.view("head"), Syntax::Text, shared);
            if self.mail {
                hooks::part("mail:head", head.octets, &self.place, shared);
            }
        }
        let Heading { said, transfer, form, codings } = Heading::of(head.octets);
        let mut next = match transfer {
            Some(transfer) => Recoded::open(transfer, form, &self.place, said, shared),
            None => coding::open(&codings, &self.place, said, shared),
        };
        if !rest.is_empty() {
            next.push(rest, shared);
        }
        self.next = Some(next);
    }

    /// Without a head that ends, all of it is content.
    fn headless(&mut self, shared: &mut Shared) {
        let held = std::mem::take(&mut self.held);
        if self.mail {
            hooks::part("mail:head", held.octets(), &self.place, shared);
            if held.octets().len() >= PART {
                shared.cannot(Cannot::TooLarge, &self.place);
            }
        }
        let place = self.place.view("content");
        let mut next = if self.mail {
            // It begins as a mail does, and would be one again.
            begin::plain(held.octets(), &place, Said::default(), shared)
        } else {
            begin::open(&place, Said::default())
        };
        next.push(held.piece(), shared);
        self.next = Some(next);
    }
}

impl Stage for Part {
    fn push(&mut self, mut piece: Piece<'_>, shared: &mut Shared) {
        if self.next.is_none() {
            let before = self.held.octets().len();
            let most = if self.mail { PART } else { HEAD };
            let full = self.held.fill(&mut piece, most);
            match self.length(before) {
                Some(length) => self.opened(length, shared),
                None if full => self.headless(shared),
                None => return,
            }
        }
        if let Some(next) = self.next.as_mut().filter(|_| !piece.is_empty()) {
            next.push(piece, shared);
        }
    }

    fn end(&mut self, shared: &mut Shared) {
        if self.next.is_none() && !self.held.octets().is_empty() {
            self.headless(shared);
        }
        close(&mut self.next, shared);
    }

    fn pending(&self) -> Option<u64> {
        earlier(self.held.pending(), self.next.as_ref().and_then(|next| next.pending()))
    }

    fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.next.iter().for_each(|next| next.each(see));
    }
}
