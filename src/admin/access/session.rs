//! Sessions of browsers: begun by a token, kept in memory, carried by a cookie that no script and no
//! other site can use.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};

use crate::auth::Token;

use super::super::role::{By, Who};

/// The cookie's name.
pub(in super::super) const COOKIE: &str = "borderpost";

/// How long a session lasts: a day's work.
const LASTS: SignedDuration = SignedDuration::from_hours(8);

/// Sessions at the same time; the one that ends first gives way.
const MOST: usize = 1_000;

/// Sessions by the digest of their cookie, so that the time of a search tells nothing of one.
#[derive(Debug, Default)]
pub(in super::super) struct Sessions(Mutex<HashMap<[u8; 32], Who>>);

impl Sessions {
    /// Begins one; the value of the cookie, and who that is until when. None where the system gives
    /// no randomness.
    pub(in super::super) fn begin(&self, who: &Who, now: Timestamp) -> Option<(String, Who)> {
        let cookie = Token::generate()?;
        let expires = now.checked_add(LASTS).ok()?;
        let who = Who { by: By::Session, expires: Some(expires), ..who.clone() };
        let mut all = self.lock();
        all.retain(|_, who| is_alive(who, now));
        if all.len() >= MOST {
            let first = all.iter().min_by_key(|(_, who)| who.expires).map(|(key, _)| *key);
            first.and_then(|key| all.remove(&key));
        }
        all.insert(key(cookie.as_str()), who.clone());
        Some((cookie.as_str().to_owned(), who))
    }

    /// Whose a request is, by its cookie.
    pub(in super::super) fn find(&self, headers: &HeaderMap, now: Timestamp) -> Option<Who> {
        let all = self.lock();
        let found = cookies(headers).find_map(|cookie| all.get(&key(cookie)));
        found.filter(|who| is_alive(who, now)).cloned()
    }

    /// Ends the one that a request carries.
    pub(in super::super) fn end(&self, headers: &HeaderMap) {
        let mut all = self.lock();
        for cookie in cookies(headers) {
            all.remove(&key(cookie));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Who>> {
        // Nothing that holds the lock can leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_alive(who: &Who, now: Timestamp) -> bool {
    who.expires.is_some_and(|end| now < end)
}

fn key(cookie: &str) -> [u8; 32] {
    let digest = digest(&SHA256, cookie.as_bytes());
    digest.as_ref().try_into().expect("SHA-256 has 32 octets")
}

/// The values of the cookie (RFC 6265 section 5.4).
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let fields = headers.get_all(header::COOKIE).iter().filter_map(|field| field.to_str().ok());
    let pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| name.trim() == COOKIE).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carrying(text: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, text.parse().unwrap())])
    }

    #[test]
    fn a_session_is_found_by_its_cookie_until_it_ends() {
        let (sessions, now) = (Sessions::default(), Timestamp::UNIX_EPOCH);
        let (cookie, who) = sessions.begin(&Who::local(), now).unwrap();
        assert_eq!((who.by, cookie.len()), (By::Session, 43));
        let carried = carrying(&format!("a=b; {COOKIE}={cookie};c"));
        let after = |hours| now + SignedDuration::from_hours(hours);
        assert!(sessions.find(&carried, after(7)).is_some());
        assert!(sessions.find(&carried, after(8)).is_none(), "its time is over");
        for other in [format!("{COOKIE}=x"), format!("x{COOKIE}={cookie}"), cookie] {
            assert!(sessions.find(&carrying(&other), now).is_none(), "{other}");
        }
        sessions.end(&carried);
        assert!(sessions.find(&carried, now).is_none());
    }

    #[test]
    fn sessions_are_bounded() {
        let (sessions, now) = (Sessions::default(), Timestamp::UNIX_EPOCH);
        let begin = |seconds| {
            let at = now + SignedDuration::from_secs(seconds);
            sessions.begin(&Who::local(), at).unwrap().0
        };
        let first = begin(0);
        for second in 1..=1_000 {
            begin(second);
        }
        assert_eq!(sessions.lock().len(), MOST);
        assert!(sessions.find(&carrying(&format!("{COOKIE}={first}")), now).is_none());
    }
}
