//! What stands where a personal field cannot be shown: a word in brackets, never nothing, since the
//! field was there.

use std::fmt;

/// Why a personal field is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hidden {
    /// It is enciphered: so it stands in the journal itself.
    Sealed,
    /// Its key was destroyed, so that nobody can ever read it again.
    Erased,
    /// Its key is not where keys are looked for, or cannot be read there.
    NoKey,
    /// Its key is there and does not open it: what is stored is not what was written.
    Damaged,
    /// No key could be had when it was written, and so it was not.
    Lost,
}

impl Hidden {
    const ALL: [Self; 5] = [Self::Sealed, Self::Erased, Self::NoKey, Self::Damaged, Self::Lost];

    /// The word, without blanks, which would part the fields of some formats.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sealed => "[sealed]",
            Self::Erased => "[erased]",
            Self::NoKey => "[no-key]",
            Self::Damaged => "[damaged]",
            Self::Lost => "[lost]",
        }
    }

    /// What a text says, if it is one of the words.
    pub fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == text)
    }
}

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
