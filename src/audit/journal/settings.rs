//! How a journal is written.

use std::time::Duration;

/// How a journal is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Octets after which a segment is closed.
    pub segment_octets: u64,
    /// Time after which a segment is closed.
    pub segment_time: Duration,
    /// Entries after which a checkpoint is signed.
    pub checkpoint_entries: u64,
    /// Time after which a checkpoint is signed, where anything was appended.
    pub checkpoint_time: Duration,
    /// Octets kept in memory for a disk that takes none; then the oldest are lost, and a
    /// [`Gap`](super::Kind::Gap) says so.
    pub buffer_octets: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            segment_octets: 256 << 20,
            segment_time: Duration::from_secs(60 * 60),
            checkpoint_entries: 1_000,
            checkpoint_time: Duration::from_secs(10),
            buffer_octets: 32 << 20,
        }
    }
}
