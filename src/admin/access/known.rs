//! What has proved right, and from where: who is known goes on while somebody else at the same address
//! (behind one NAT, or on this machine) guesses.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use aws_lc_rs::digest::{SHA256, digest};

/// So many are remembered, about 1 MiB; the one that was used least lately gives way. Nobody gets in
/// here without a right token.
const MOST: usize = 10_000;

/// Digests of tokens that were right, by where they came from. None of them proves anything by
/// itself: each is compared again.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashMap<(IpAddr, [u8; 32]), Instant>>);

impl Known {
    /// Whether it was right before.
    pub(super) fn knows(&self, from: IpAddr, token: &str) -> bool {
        self.with(|all| all.contains_key(&key(from, token)))
    }

    /// It has proved right.
    pub(super) fn add(&self, from: IpAddr, token: &str, now: Instant) {
        let key = key(from, token);
        self.with(|all| {
            if all.len() >= MOST && !all.contains_key(&key) {
                let oldest = all.iter().min_by_key(|(_, used)| **used).map(|(key, _)| *key);
                oldest.and_then(|key| all.remove(&key));
            }
            all.insert(key, now);
        });
    }

    fn with<T>(&self, look: impl FnOnce(&mut HashMap<(IpAddr, [u8; 32]), Instant>) -> T) -> T {
        // Nothing that holds the lock can leave it half changed.
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn key(from: IpAddr, token: &str) -> (IpAddr, [u8; 32]) {
    let digest = digest(&SHA256, token.as_bytes());
    (from.to_canonical(), digest.as_ref().try_into().expect("SHA-256 has 32 octets"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_used_least_lately_gives_way() {
        let (known, start) = (Known::default(), Instant::now());
        let here = "192.0.2.1".parse().unwrap();
        for n in 0..MOST {
            known.add(here, &n.to_string(), start + Duration::from_millis(n.try_into().unwrap()));
        }
        known.add(here, "0", start + Duration::from_mins(1));
        known.add(here, "one more", start + Duration::from_mins(1));
        assert_eq!(known.with(|all| all.len()), MOST);
        assert!(known.knows(here, "0") && known.knows(here, "one more"));
        assert!(!known.knows(here, "1"));
        assert!(known.knows("::ffff:192.0.2.1".parse().unwrap(), "0"));
        assert!(!known.knows("192.0.2.2".parse().unwrap(), "0"), "from elsewhere");
    }
}
