//! How far an inspection goes before it says that it went no further.

/// The bounds of one inspection. Each that is passed becomes a tag `uninspectable.*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Layers within layers.
    pub depth: u8,
    /// Octets that come out for one that goes in, once 1 MiB has come out.
    pub ratio: u32,
    /// Octets of text in all layers together.
    pub expanded: u64,
    /// Parts in all containers together.
    pub parts: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 5, ratio: 200, expanded: 64 << 20, parts: 10_000 }
    }
}
