//! Messages of gRPC: five octets before each, and a coding of its own if they say so.

use super::super::Findings;
use super::coding::{Coded, Coding};
use super::magic::{self, Magic};
use super::marks::Held;
use super::protobuf::Protobuf;
use super::stage::{Cannot, Next, Passed, Piece, Place, Shared, Stage, close, earlier};

/// A stream of messages.
#[derive(Debug)]
pub(super) struct Grpc {
    place: Place,
    held: Held,
    count: usize,
    /// So many octets of the message are missing.
    left: u64,
    next: Option<Next>,
    /// A message of which the coding is not told yet, and whether it is said to have one.
    coded: Option<Held>,
    said: bool,
}

impl Grpc {
    pub(super) fn open(place: &Place, shared: &mut Shared) -> Next {
        let Some(place) = shared.enter(place, "grpc") else { return Box::new(Passed) };
        Box::new(Self {
            place,
            held: Held::default(),
            count: 0,
            left: 0,
            next: None,
            coded: None,
            said: false,
        })
    }

    /// Reads the octets before a message.
    fn prefix(&mut self, shared: &mut Shared) {
        let held = std::mem::take(&mut self.held);
        let [flags, a, b, c, d] = *held.octets() else { return };
        self.left = u64::from(u32::from_be_bytes([a, b, c, d]));
        self.count += 1;
        // Whether it is compressed, and whether it is a trailer of gRPC-Web; there is no more.
        if flags & !0x81 != 0 {
            shared.cannot(Cannot::Broken, &self.place);
        }
        self.said = flags & 1 != 0;
        self.coded = Some(Held::default());
        self.over(shared);
    }

    /// Tells the coding of a message from its first octets.
    fn coding(&mut self, held: &Held, shared: &mut Shared) {
        let place = self.place.nth(self.count.saturating_sub(1));
        let coding = match Magic::of(held.octets()) {
            Some(Magic::Coded(coding)) => Some(coding),
            _ => (self.said && magic::is_zlib(held.octets())).then_some(Coding::Deflate),
        };
        let coded = coding.and_then(|coding| {
            let place = coding.enter(&place, shared)?;
            Coded::member(coding, &place, Protobuf::open(&place, shared))
        });
        self.next = match coded {
            Some(coded) => Some(Box::new(coded)),
            None if coding.is_some() => Some(Box::new(Passed)),
            None if !self.said => Some(Protobuf::open(&place, shared)),
            None => {
                shared.cannot(Cannot::Encoding, &place);
                Some(Box::new(Passed))
            }
        };
        self.next.iter_mut().for_each(|next| next.push(held.piece(), shared));
    }

    /// If the message is over, the next begins.
    fn over(&mut self, shared: &mut Shared) {
        if self.left > 0 {
            return;
        }
        if let Some(held) = self.coded.take().filter(|held| !held.octets().is_empty()) {
            self.coding(&held, shared);
        }
        close(&mut self.next, shared);
    }
}

impl Stage for Grpc {
    fn push(&mut self, mut piece: Piece<'_>, shared: &mut Shared) {
        while !piece.is_empty() {
            if self.left == 0 {
                if self.held.fill(&mut piece, 5) {
                    self.prefix(shared);
                }
                continue;
            }
            let mut part = piece.take(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left -= u64::try_from(part.len()).unwrap_or(0);
            if let Some(mut held) = self.coded.take() {
                if held.fill(&mut part, 64) || self.left == 0 {
                    self.coding(&held, shared);
                } else {
                    self.coded = Some(held);
                }
            }
            if let Some(next) = self.next.as_mut().filter(|_| !part.is_empty()) {
                next.push(part, shared);
            }
            self.over(shared);
        }
    }

    fn end(&mut self, shared: &mut Shared) {
        let cut = self.left > 0 || !self.held.octets().is_empty();
        if let Some(held) = self.coded.take().filter(|held| !held.octets().is_empty()) {
            self.coding(&held, shared);
        }
        close(&mut self.next, shared);
        if cut {
            shared.cannot(Cannot::Broken, &self.place);
        }
    }

    fn pending(&self) -> Option<u64> {
        let coded = self.coded.as_ref().and_then(Held::pending);
        let next = self.next.as_ref().and_then(|next| next.pending());
        earlier(earlier(self.held.pending(), coded), next)
    }

    fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.next.iter().for_each(|next| next.each(see));
    }
}
