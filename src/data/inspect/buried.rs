//! Compressed data that begins within something else: after a prefix, behind a picture, in a text.
//! Told by its magic and by a look at what follows; a guess that breaks later is not said to be
//! broken, for what only looks like a magic stands in binaries by chance.

use memchr::memmem;

use super::super::Findings;
use super::beside::Side;
use super::coding::{self, Coding};
use super::magic;
use super::marks::Held;
use super::stage::{Cannot, Next, Piece, Place, Shared, Stage, earlier};
use super::zip::Zip;

/// What begins with what.
const MAGICS: [(Buried, &[u8]); 3] = [
    (Buried::Coded(Coding::Gzip), b"\x1F\x8B\x08"),
    (Buried::Coded(Coding::Zstd), b"\x28\xB5\x2F\xFD"),
    (Buried::Zip, b"PK\x03\x04"),
];

/// The longest magic without its last octet.
const TAIL: usize = 3;

/// So much is held until it is told whether a magic is one.
const LOOK: usize = 256;

/// So many may be open at once.
const OPEN: usize = 8;

/// What may begin within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Buried {
    Coded(Coding),
    Zip,
}

/// A magic that was met.
#[derive(Debug)]
struct Met {
    what: Buried,
    place: Place,
    held: Held,
    side: Option<Side>,
    /// Whether it was none, or is over.
    over: bool,
}

/// What was met so far.
#[derive(Debug, Default)]
struct Dug {
    /// Whether an archive was opened: what it leaves over is its own to dig in.
    zip: bool,
    full: bool,
    count: usize,
}

/// Looks for magics.
#[derive(Debug)]
pub(super) struct Digger {
    place: Place,
    /// The last octets, in which a magic may have begun.
    tail: Held,
    met: Vec<Met>,
    dug: Dug,
}

impl Buried {
    /// Whether what begins so can be one; `None` if too little is there to tell.
    fn is_one(self, head: &[u8], last: bool) -> Option<bool> {
        let enough = head.len() >= LOOK || last;
        match self {
            _ if !enough => None,
            Self::Coded(Coding::Zstd) => {
                let reserved = head.get(4).is_none_or(|descriptor| descriptor & 0x08 != 0);
                Some(!reserved && head.len() > 8)
            }
            Self::Coded(_) => Some(is_gzip(head)),
            Self::Zip => {
                let byte = |at: usize| head.get(at).copied().unwrap_or(0xFF);
                Some(head.len() >= 30 && byte(4) <= 63 && byte(9) == 0 && byte(8) < 100)
            }
        }
    }

    fn open(self, place: &Place, shared: &mut Shared) -> Next {
        match self {
            Self::Coded(coding) => coding::open_alone(coding, place, shared),
            Self::Zip => Zip::open(place, shared),
        }
    }
}

/// Whether gzip begins so: its header, as far as it is there, and what decodes after it.
fn is_gzip(head: &[u8]) -> bool {
    let Some((header, mut rest)) = head.split_at_checked(10) else { return false };
    let flags = header.get(3).copied().unwrap_or(0xFF);
    if flags & 0xE0 != 0 {
        return false;
    }
    if flags & 4 != 0 {
        let length = rest
            .get(..2)
            .map_or(0, |two| two.iter().rev().fold(0, |all, byte| all << 8 | usize::from(*byte)));
        rest = rest.get(2 + length..).unwrap_or_default();
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            let end = memchr::memchr(0, rest).map_or(rest.len(), |end| end + 1);
            rest = rest.get(end..).unwrap_or_default();
        }
    }
    if flags & 2 != 0 {
        rest = rest.get(2..).unwrap_or_default();
    }
    // A header that is longer than the look is not there by chance.
    rest.is_empty() || magic::is_deflate(rest)
}

impl Met {
    fn push(&mut self, mut piece: Piece<'_>, dug: &mut Dug, shared: &mut Shared) {
        if self.side.is_none() && !self.over {
            self.held.fill(&mut piece, LOOK);
            self.tell(false, dug, shared);
        }
        self.give(piece, shared);
    }

    fn give(&mut self, piece: Piece<'_>, shared: &mut Shared) {
        let Some(side) = self.side.as_mut().filter(|_| !piece.is_empty() && !self.over) else {
            return;
        };
        side.push(piece, shared);
        if side.is_over() {
            self.over = true;
            side.close(shared);
        }
    }

    /// Opens it, if it is one.
    fn tell(&mut self, last: bool, dug: &mut Dug, shared: &mut Shared) {
        let Some(is_one) = self.what.is_one(self.held.octets(), last) else { return };
        let held = std::mem::take(&mut self.held);
        let again = self.what == Buried::Zip && dug.zip;
        if !is_one || again || !shared.enter_part(&self.place) {
            self.over = true;
            return;
        }
        dug.zip |= self.what == Buried::Zip;
        let (what, place) = (self.what, &self.place);
        self.side = Some(Side::opened(shared, |shared| what.open(place, shared)));
        self.give(held.piece(), shared);
    }
}

impl Digger {
    pub(super) fn new(place: &Place) -> Self {
        let place = place.view("within").guessed();
        Self { place, tail: Held::default(), met: Vec::new(), dug: Dug::default() }
    }

    /// Whether a magic may end in a piece: each has one octet that texts hardly have.
    fn may_hold_one(&self, piece: Piece<'_>) -> bool {
        let telling = |octets| memchr::memchr3(0x1F, 0xB5, 0x03, octets).is_some();
        telling(piece.octets) || telling(self.tail.octets())
    }

    /// Where magics end in a piece, in order, and where they begin in the body.
    fn places(&self, piece: Piece<'_>) -> Vec<(usize, u64, Buried, &'static [u8])> {
        let mut all = Vec::new();
        let mut join = [0; 2 * TAIL];
        let before = self.tail.octets();
        let (begin, _) = piece.cut(TAIL);
        let joined = before.iter().chain(begin.octets);
        join.iter_mut().zip(joined).for_each(|(to, from)| *to = *from);
        let join = join.get(..before.len() + begin.len()).unwrap_or_default();
        for (what, magic) in MAGICS {
            let cut = memmem::find_iter(join, magic).filter(|at| *at < before.len());
            all.extend(cut.filter_map(|at| {
                let end = (at + magic.len()).checked_sub(before.len()).filter(|end| *end > 0)?;
                Some((end, self.tail.piece().at(at), what, magic))
            }));
            let whole = memmem::find_iter(piece.octets, magic);
            all.extend(whole.map(|at| (at + magic.len(), piece.at(at), what, magic)));
        }
        all.sort_unstable_by_key(|(end, ..)| *end);
        all
    }

    fn give(&mut self, piece: Piece<'_>, shared: &mut Shared) {
        if piece.is_empty() || self.met.is_empty() {
            return;
        }
        self.met.iter_mut().for_each(|met| met.push(piece, &mut self.dug, shared));
        self.met.retain(|met| !met.over || met.side.is_some());
    }

    /// A magic was met.
    fn meet(&mut self, what: Buried, magic: Piece<'_>, shared: &mut Shared) {
        if what == Buried::Zip && self.dug.zip {
            return;
        }
        if self.met.iter().filter(|met| !met.over).count() >= OPEN {
            if !std::mem::replace(&mut self.dug.full, true) {
                shared.cannot(Cannot::Parts, &self.place);
            }
            return;
        }
        let place = self.place.nth(self.dug.count);
        self.dug.count += 1;
        let mut met = Met { what, place, held: Held::default(), side: None, over: false };
        met.held.push(magic);
        self.met.push(met);
    }
}

impl Stage for Digger {
    fn push(&mut self, mut piece: Piece<'_>, shared: &mut Shared) {
        let whole = piece;
        if self.may_hold_one(piece) {
            let mut gone = 0;
            for (end, raw, what, magic) in self.places(piece) {
                self.give(piece.take(end - gone), shared);
                gone = end;
                self.meet(what, Piece::made(magic, raw), shared);
            }
        }
        self.give(piece, shared);
        if whole.len() >= TAIL {
            self.tail.clear();
        }
        let (_, last) = whole.cut(whole.len().saturating_sub(TAIL));
        self.tail.push(last);
        self.tail.skip(self.tail.octets().len().saturating_sub(TAIL));
    }

    fn end(&mut self, shared: &mut Shared) {
        for mut met in std::mem::take(&mut self.met) {
            if met.side.is_none() && !met.over {
                met.tell(true, &mut self.dug, shared);
            }
            met.side.into_iter().for_each(|mut side| side.end(shared));
        }
    }

    fn pending(&self) -> Option<u64> {
        let open = self.met.iter().filter(|met| !met.over);
        let held =
            |met: &Met| earlier(met.held.pending(), met.side.as_ref().and_then(Side::pending));
        earlier(self.tail.pending(), open.filter_map(held).min())
    }

    fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.met.iter().filter_map(|met| met.side.as_ref()).for_each(|side| side.each(see));
    }
}
