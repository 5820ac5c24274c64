//! What happens to the volumes that limits stand on.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tracing::warn;

use super::labels::{Limit, Mark, Volume};
use super::metrics::Metrics;

/// So many parties have a series of their own; what more there are share one.
const PARTIES: usize = 100;
/// What those that share one are called.
const OTHER: &str = "other";

/// One thing that happened to a volume. A meter is a pack, its counter and a class of data, as
/// `pack/counter/class`.
#[derive(Debug)]
pub enum VolumeEvent<'a> {
    /// Data left, and with it so many have been counted: the meter, for whom, how many, and from
    /// how many on the threshold is passed.
    Counted(&'a str, &'a str, u64, Option<u64>),
    /// A count crossed a warning mark: the meter, for whom, and percent of the threshold.
    Marked(&'a str, &'a str, u8),
    /// Volumes were read and reserved, or could not be.
    Store(bool),
}

impl VolumeEvent<'_> {
    pub(super) fn record(self, metrics: &Metrics) {
        match self {
            Self::Counted(meter, holder, count, limit) => {
                counted(metrics, meter, holder, count, limit);
            }
            Self::Marked(meter, holder, percent) => {
                let mark = Mark { meter: meter.to_owned(), percent };
                metrics.volume_marks.get_or_create(&mark).inc();
                warn!(meter, holder, percent, "a volume nears its threshold");
            }
            Self::Store(up) => metrics.store("volumes", up),
        }
    }
}

fn counted(metrics: &Metrics, meter: &str, holder: &str, count: u64, limit: Option<u64>) {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let (pack, meter) = meter.split_once('/').unwrap_or(("", meter));
    let (pack, meter) = (pack.to_owned(), meter.to_owned());
    if let Some(limit) = limit {
        let limited = Limit { pack: pack.clone(), meter: meter.clone() };
        metrics.bulk_limit.get_or_create(&limited).set(number(limit));
    }
    let own = metrics.parties.takes(holder);
    let party = if own { holder.to_owned() } else { OTHER.to_owned() };
    let gauge = metrics.bulk_subjects.get_or_create_owned(&Volume { pack, meter, party });
    // Of those that share one the fullest is what matters.
    gauge.set(if own { number(count) } else { number(count).max(gauge.get()) });
}

/// The parties that have a series of their own: the first that were counted for.
#[derive(Debug, Default)]
pub(super) struct Parties(Mutex<BTreeSet<String>>);

impl Parties {
    fn takes(&self, party: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(party) {
            return true;
        }
        let room = known.len() < PARTIES;
        if room {
            known.insert(party.to_owned());
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parties_beyond_the_hundredth_share_one_series() {
        let metrics = Metrics::new();
        for party in 0..150 {
            let name = format!("party-{party}");
            VolumeEvent::Counted("pack/year/health", &name, party, Some(1_000)).record(&metrics);
        }
        let text = metrics.render();
        let of = |party: &str, count: u64| {
            format!(
                "egress_bulk_subjects{{pack=\"pack\",meter=\"year/health\",party=\"{party}\"}} {count}\n"
            )
        };
        assert_eq!(text.matches("egress_bulk_subjects{").count(), PARTIES + 1);
        assert!(text.contains(&of("party-99", 99)) && text.contains(&of("other", 149)), "{text}");
        VolumeEvent::Counted("pack/year/health", "party-120", 120, None).record(&metrics);
        VolumeEvent::Counted("pack/year/health", "party-5", 3, None).record(&metrics);
        let text = metrics.render();
        assert!(text.contains(&of("party-5", 3)) && text.contains(&of("other", 149)), "{text}");
        let limit = "egress_bulk_limit_subjects{pack=\"pack\",meter=\"year/health\"} 1000\n";
        assert!(text.contains(limit), "{text}");
    }
}
