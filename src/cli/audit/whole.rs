//! Whether an answer is whole: what the journal could not tell is said once, and the exit code says
//! that something is missing.

use crate::audit::journal::Gaps;

use super::super::output::{Ended, news};

/// The answer is what could be read, and not all (`EX_DATAERR` of sysexits).
pub(in super::super) const NOT_WHOLE: u8 = 65;

/// Tells what could not be read, if something could not.
pub(in super::super) fn whole(gaps: &Gaps) -> anyhow::Result<()> {
    if gaps.is_empty() {
        return Ok(());
    }
    gaps.places().iter().for_each(|place| news(format!("not whole: {place}")));
    if gaps.more() > 0 {
        news(format!("not whole: and {} more places", gaps.more()));
    }
    Err(Ended(NOT_WHOLE).into())
}
