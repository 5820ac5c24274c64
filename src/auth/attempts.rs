//! Who has guessed wrong, and how often lately. The table is bounded.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Failures of one address within the window; more are not even looked at.
pub(super) const LIMIT: u32 = 10;

/// How long failures count.
pub(super) const WINDOW: Duration = Duration::from_mins(1);

/// How many addresses are remembered: about 1 MiB.
const ADDRESSES: usize = 10_000;

/// Failures by address.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<HashMap<IpAddr, Failures>>);

#[derive(Clone, Copy, Debug)]
struct Failures {
    since: Instant,
    count: u32,
}

impl Attempts {
    /// How long the address must wait, if it must.
    pub fn wait(&self, from: IpAddr, now: Instant) -> Option<Duration> {
        let failures = self.lock().get(&key(from)).copied()?;
        let left = (failures.since + WINDOW).checked_duration_since(now)?;
        (failures.count >= LIMIT && !left.is_zero()).then_some(left)
    }

    /// Notes a failure.
    pub fn fail(&self, from: IpAddr, now: Instant) {
        let mut table = self.lock();
        let from = key(from);
        if !table.contains_key(&from) && table.len() >= ADDRESSES {
            table.retain(|_, failures| !failures.is_over(now));
            if table.len() >= ADDRESSES {
                let oldest = table.iter().min_by_key(|(_, failures)| failures.since);
                let oldest = oldest.map(|(address, _)| *address);
                oldest.and_then(|address| table.remove(&address));
            }
        }
        let failures = table.entry(from).or_insert(Failures { since: now, count: 0 });
        if failures.is_over(now) {
            *failures = Failures { since: now, count: 0 };
        }
        failures.count = failures.count.saturating_add(1);
    }

    /// Takes a failure back that was none.
    pub fn forgive(&self, from: IpAddr) {
        if let Some(failures) = self.lock().get_mut(&key(from)) {
            failures.count = failures.count.saturating_sub(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Failures>> {
        // Nothing that holds the lock can leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Failures {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= WINDOW
    }
}

/// A client of IPv6 has all addresses of its /64 (RFC 7934).
fn key(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn ten_failures_in_a_minute_are_enough() {
        let (attempts, start) = (Attempts::default(), Instant::now());
        let (here, there) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let after = |seconds| start + Duration::from_secs(seconds);
        for n in 0..10 {
            assert_eq!(attempts.wait(here, after(n)), None);
            attempts.fail(here, after(n));
        }
        assert_eq!(attempts.wait(here, after(10)), Some(Duration::from_secs(50)));
        assert_eq!(attempts.wait(there, after(10)), None);
        assert_eq!(
            attempts.wait("::ffff:192.0.2.1".parse().unwrap(), after(59)),
            Some(Duration::from_secs(1))
        );
        assert_eq!(attempts.wait(here, after(60)), None);
        attempts.fail(here, after(61));
        assert_eq!(attempts.wait(here, after(61)), None, "it begins anew");
        for _ in 0..9 {
            attempts.fail(here, after(61));
        }
        assert!(attempts.wait(here, after(61)).is_some());
        attempts.forgive(here);
        attempts.forgive(there);
        assert_eq!(attempts.wait(here, after(61)), None, "one was none");
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        for n in 0..10_u16 {
            attempts.fail(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, n, 0, 0, n).into(), now);
        }
        assert!(attempts.wait("2001:db8:0:1::9".parse().unwrap(), now).is_some());
        assert!(attempts.wait("2001:db8:0:2::9".parse().unwrap(), now).is_none());
    }

    #[test]
    fn the_table_is_bounded_and_forgets_the_oldest() {
        let (attempts, start) = (Attempts::default(), Instant::now());
        let address = |n: u32| IpAddr::V4(Ipv4Addr::from(n));
        for n in 0..10_100 {
            for _ in 0..10 {
                attempts.fail(address(n), start + Duration::from_millis(u64::from(n)));
            }
        }
        let now = start + Duration::from_secs(11);
        assert_eq!(attempts.lock().len(), ADDRESSES);
        assert!(attempts.wait(address(0), now).is_none());
        assert!(attempts.wait(address(10_099), now).is_some());
    }
}
