//! Which bodies are looked into, and how much of one waits for the answer.

/// Which bodies are looked into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// Those of which some rule that could hold asks what is inside.
    #[default]
    Needed,
    /// All: records then say what left, whatever the rules.
    Always,
    /// None.
    Never,
}

/// What the configuration says of bodies, beside what is looked for in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which bodies are looked into.
    pub when: When,
    /// So many octets wait until all is known of them; what is longer leaves while the rest is
    /// looked at.
    pub hold: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { when: When::default(), hold: 1 << 20 }
    }
}
