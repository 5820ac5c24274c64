//! Floor 3: the decision. PURE: no clock, no file, no socket. Facts go in, a
//! [`Decision`] comes out, and the [`Permit`] inside it is the only ticket to dial.

mod condition;
mod decide;
mod decision;
mod explain;
mod facts;
pub mod register;
mod rule;
mod truth;

#[cfg(test)]
mod tests;

pub use condition::{Condition, Consensus, Places, Reach, States, TagMask};
pub use decide::{Policy, PolicySettings};
pub use decision::{Basis, Decision, Held, Permit, Refusal, Verdict};
pub use explain::{ConditionView, Explanation, RuleView};
pub use facts::{Content, Facts, Place, TagBits};
pub use rule::{Mode, Outcome, PackInfo, Rule};
pub use truth::Truth;
