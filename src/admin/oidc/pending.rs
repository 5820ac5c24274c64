//! Logins that have begun and of which nothing has come back yet. Each is for the browser that began it,
//! once, and for ten minutes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::auth::Token;

/// How long a login may take: second factors and forgotten passwords need their time.
const LASTS: Duration = Duration::from_mins(10);

/// Logins at the same time; the oldest gives way.
const MOST: usize = 1_000;

/// Logins by the digest of their state.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<HashMap<[u8; 32], Waiting>>);

#[derive(Debug)]
struct Waiting {
    /// The digest of what the browser's cookie has.
    browser: [u8; 32],
    words: Words,
    until: Instant,
}

/// A login that begins.
#[derive(Debug)]
pub(super) struct Begun {
    /// What comes back with the browser.
    pub(super) state: String,
    /// What the browser alone knows, by its cookie.
    pub(super) browser: String,
    pub(super) words: Words,
}

/// What a login is known by.
#[derive(Clone, Debug)]
pub(super) struct Words {
    /// What stands in the token that answers it.
    pub(super) nonce: String,
    /// What only who began it can show (RFC 7636 section 4.1).
    pub(super) verifier: String,
}

impl Pending {
    /// Begins one; none where the system gives no randomness.
    pub(super) fn begin(&self, now: Instant) -> Option<Begun> {
        let word = || Token::generate().map(|token| token.as_str().to_owned());
        let words = Words { nonce: word()?, verifier: word()? };
        let begun = Begun { state: word()?, browser: word()?, words };
        let waiting = Waiting {
            browser: hash(&begun.browser),
            words: begun.words.clone(),
            until: now + LASTS,
        };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, waiting| now < waiting.until);
        if all.len() >= MOST {
            let first = all.iter().min_by_key(|(_, waiting)| waiting.until).map(|(key, _)| *key);
            first.and_then(|key| all.remove(&key));
        }
        all.insert(hash(&begun.state), waiting);
        Some(begun)
    }

    /// Takes the one that is answered, if this browser has begun it. Another browser does not end it.
    pub(super) fn take(&self, state: &str, browser: &str, now: Instant) -> Option<Words> {
        let key = hash(state);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = all.get(&key)?.browser == hash(browser);
        let waiting = if fits { all.remove(&key) } else { None };
        waiting.filter(|waiting| now < waiting.until).map(|waiting| waiting.words)
    }
}

/// What is told of a verifier before it is shown (RFC 7636 section 4.2).
pub(super) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// So that the time of a search tells nothing.
fn hash(text: &str) -> [u8; 32] {
    digest(&SHA256, text.as_bytes()).as_ref().try_into().expect("SHA-256 has 32 octets")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_comes_back_once_to_who_began_it() {
        let (pending, now) = (Pending::default(), Instant::now());
        let one = pending.begin(now).unwrap();
        let other = pending.begin(now).unwrap();
        assert!(pending.take(&one.state, &other.browser, now).is_none(), "another browser");
        assert!(pending.take("x", &one.browser, now).is_none());
        let words = pending.take(&one.state, &one.browser, now).unwrap();
        assert_eq!(words.nonce, one.words.nonce);
        assert!(pending.take(&one.state, &one.browser, now).is_none(), "a second time");
        assert!(pending.take(&other.state, &other.browser, now + LASTS).is_none(), "too late");
        let all = [&one.state, &one.browser, &one.words.nonce, &one.words.verifier];
        assert!(all.iter().all(|word| word.len() == 43));
    }

    #[test]
    fn logins_are_bounded() {
        let (pending, now) = (Pending::default(), Instant::now());
        let first = pending.begin(now).unwrap();
        for n in 1..=u64::try_from(MOST).unwrap() {
            pending.begin(now + Duration::from_millis(n)).unwrap();
        }
        assert_eq!(pending.0.lock().unwrap().len(), MOST);
        assert!(pending.take(&first.state, &first.browser, now).is_none());
    }

    /// RFC 7636 appendix B
    #[test]
    fn the_challenge_is_that_of_the_standard() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
