//! Floor 3: the decision. PURE: no clock, no file, no socket. Facts go in, a
//! [`Decision`] comes out, and the [`Permit`] inside it is the only ticket to dial.

mod area;
mod class;
mod condition;
mod dated;
mod decide;
mod decision;
mod declared;
mod duties;
mod explain;
mod facts;
mod index;
mod meters;
mod nearby;
mod pack;
mod peer;
mod principals;
mod reach;
mod recipient;
pub mod register;
mod rule;
mod slice;
mod tally;
mod truth;
mod view;
mod volume;

#[cfg(test)]
mod approvals;
#[cfg(test)]
mod tests;

pub use area::{Area, Point};
pub use class::{Class, Made, Threshold, Together, Unit};
pub use condition::{Condition, TagMask};
pub use dated::Dated;
pub use decide::{Law, Policy, PolicySettings};
pub use decision::{Basis, Decision, Held, HeldRules, Lift, Permit, Refusal, Stake, Verdict};
pub use declared::{Declared, Word};
pub use duties::{Due, Duties};
pub use explain::{ConditionView, Explanation, RuleView};
pub use facts::{Circumstances, Content, Facts, Place, TagBits};
pub use meters::{Amount, Metered};
pub use pack::{Approval, Binds, Exemption, Exporter, Grant, Pack, PackInfo, Report, Validity};
pub use peer::{Certificate, Peer};
pub use principals::PrincipalSet;
pub use reach::{Consensus, Places, Reach, States};
pub use recipient::{PartySet, Recipient};
pub use rule::{Mode, Outcome, Rule};
pub use slice::{ClassBits, Slice, State};
pub use truth::Truth;
pub use volume::{Band, Bulk, Counted, Counter, Counts, Keyed, Meter, Span};
