//! Open Cybersecurity Schema Framework 1.8.0: HTTP Activity (4002) for requests and for tunnels whose
//! requests have events of their own, Network Activity (4001) for other tunnels, and Data Security
//! Finding (2006), one for each rule, destination and day. What no attribute is for stands under
//! `unmapped.egress`, in the words of the record.

mod activity;
mod findings;
mod parts;
mod unmapped;

pub use findings::Findings;

pub(super) use activity::write;

/// The version of the schema, against which tests check every event.
const VERSION: &str = "1.8.0";

/// A number of an enumeration and its name, which stand side by side in an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Named(u64, &'static str);
