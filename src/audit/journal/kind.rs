//! What an entry is about.

use std::fmt;

/// What an entry is about. The octet in the frame is stable; none is ever used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A run of the program begins.
    Start,
    /// A verdict, before it is released.
    Decided,
    /// A request has ended: its record.
    Ended,
    /// Entries were lost: how many, from when until when, and why.
    Gap,
    /// A signed checkpoint over all entries before this one.
    Checkpoint,
    /// The key that signs from here on, signed by the one before.
    Key,
    /// Anything else that must be on record: who read personal fields, what was pruned.
    Note,
}

impl Kind {
    /// All of them, in the order of their octets.
    pub const ALL: [Self; 7] = [
        Self::Start,
        Self::Decided,
        Self::Ended,
        Self::Gap,
        Self::Checkpoint,
        Self::Key,
        Self::Note,
    ];

    /// The octet in the frame, from 1.
    pub const fn octet(self) -> u8 {
        match self {
            Self::Start => 1,
            Self::Decided => 2,
            Self::Ended => 3,
            Self::Gap => 4,
            Self::Checkpoint => 5,
            Self::Key => 6,
            Self::Note => 7,
        }
    }

    /// The kind an octet stands for.
    pub fn of(octet: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.octet() == octet)
    }

    /// Whether retention may drop the payload. Without the others nobody could verify the rest.
    pub const fn is_prunable(self) -> bool {
        match self {
            Self::Start | Self::Decided | Self::Ended | Self::Note => true,
            Self::Gap | Self::Checkpoint | Self::Key => false,
        }
    }

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Decided => "decided",
            Self::Ended => "ended",
            Self::Gap => "gap",
            Self::Checkpoint => "checkpoint",
            Self::Key => "key",
            Self::Note => "note",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
