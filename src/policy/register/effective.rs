//! Effective ownership: stakes multiplied along chains. No law here asks for it; records show it
//! beside the aggregate figure, which alone decides.

use jiff::civil::Date;

use super::Register;
use super::party::PartyId;
use super::percent::Percent;

/// Hundredths of a percent in parts.
const HUNDREDTH: u64 = WHOLE / 10_000;
/// Shares are counted in so many parts while they are multiplied.
const WHOLE: u64 = 1_000_000_000_000;
/// Rounds before a circle of owners is left as it is. Each round multiplies what is missing by
/// the share that the circle holds of itself: 90 % leaves 0.003 % of it after 100.
const ROUNDS: usize = 100;
/// Changes too small to be followed.
const STILL: u64 = 1_000;

impl Register {
    /// How much of the party the seeds hold on a day, each step multiplied by the next: half of a
    /// half is a quarter. The stake of a seed counts in full. **For the record only**; rounded
    /// to hundredths of a percent, and in circles of owners short by what 100 rounds leave.
    pub fn effective_percent(
        &self,
        party: PartyId,
        on: Date,
        is_seed: impl Fn(PartyId) -> bool,
    ) -> Percent {
        let upstream = self.upstream(party, on, &is_seed);
        let mut shares = vec![0; self.len()];
        for _ in 0..ROUNDS {
            let mut changed = false;
            // Far owners first, so that chains are done in one round.
            for one in upstream.iter().rev() {
                let owners = self.get(*one).owners.iter().filter(|one| one.during.contains(on));
                let share: u64 = owners
                    .map(|stake| {
                        let seed = is_seed(stake.owner);
                        let held = shares.get(stake.owner.index()).copied().unwrap_or(0);
                        let held = if seed { WHOLE } else { held };
                        held * u64::from(stake.percent.hundredths()) / 10_000
                    })
                    .sum();
                let place = shares.get_mut(one.index()).expect("one share for each party");
                changed |= place.abs_diff(share) > STILL;
                *place = share;
            }
            if !changed {
                break;
            }
        }
        let share = shares.get(party.index()).copied().unwrap_or(0);
        let hundredths = u32::try_from((share + HUNDREDTH / 2) / HUNDREDTH).ok();
        hundredths.and_then(Percent::from_hundredths).unwrap_or(Percent::WHOLE)
    }

    /// The party and every owner above it up to the seeds, nearest first.
    fn upstream(
        &self,
        party: PartyId,
        on: Date,
        is_seed: impl Fn(PartyId) -> bool,
    ) -> Vec<PartyId> {
        let mut seen = vec![false; self.len()];
        let mut found = vec![party];
        let mut next = 0;
        while let Some(one) = found.get(next).copied() {
            next += 1;
            let owners = self.get(one).owners.iter().filter(|stake| stake.during.contains(on));
            for owner in owners.map(|stake| stake.owner).filter(|owner| !is_seed(*owner)) {
                let seen = seen.get_mut(owner.index()).expect("one mark for each party");
                if !std::mem::replace(seen, true) && owner != party {
                    found.push(owner);
                }
            }
        }
        found
    }
}
