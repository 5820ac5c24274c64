//! Three-valued truth: a condition on what is not known yet is [`Truth::Unknown`].

use std::fmt;

use serde::Serialize;

/// Whether a condition holds (Kleene's strong logic).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Truth {
    /// It does not hold, and nothing learned later changes that.
    No,
    /// It may hold once more is known.
    Unknown,
    /// It holds, and nothing learned later changes that.
    Yes,
}

impl Truth {
    /// Both hold: the weaker of the two.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// `Unknown` where more may come, else `No`: the answer of a condition that only
    /// what is still to come could make true.
    pub fn pending(more_may_come: bool) -> Self {
        if more_may_come { Self::Unknown } else { Self::No }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::No => "no",
            Self::Unknown => "unknown",
            Self::Yes => "yes",
        })
    }
}
