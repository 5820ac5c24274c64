//! Sessions of browsers: begun by a token or a login elsewhere, kept in memory, carried by a cookie that
//! no script and no other site can use.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};

use crate::auth::Token;

use super::cookie::{Cookies, values};
use super::proof::Proof;

/// How long a session lasts: a day's work.
const LASTS: SignedDuration = SignedDuration::from_hours(8);

/// How long it lasts while nobody asks anything: a page that is looked at asks all the time.
const IDLE: SignedDuration = SignedDuration::from_hours(1);

/// Sessions at the same time; the one that ends first gives way.
const MOST: usize = 1_000;

/// Sessions by the digest of their cookie, so that the time of a search tells nothing of one.
#[derive(Debug)]
pub(in super::super) struct Sessions {
    /// What their cookies are called.
    pub(in super::super) cookies: Cookies,
    all: Mutex<HashMap<[u8; 32], Session>>,
}

#[derive(Debug)]
struct Session {
    /// What it began with: it is held against what is in force whenever somebody asks.
    proof: Proof,
    expires: Timestamp,
    /// When it was last used.
    used: Timestamp,
}

/// A session that begins.
#[derive(Debug)]
pub(in super::super) struct Begun {
    /// The value of the cookie.
    pub(in super::super) cookie: String,
    /// When it is over.
    pub(in super::super) expires: Timestamp,
}

impl Sessions {
    /// None yet, with cookies of these names.
    pub(super) fn new(cookies: Cookies) -> Self {
        Self { cookies, all: Mutex::default() }
    }

    /// Begins one; none where the system gives no randomness.
    pub(in super::super) fn begin(&self, proof: Proof, now: Timestamp) -> Option<Begun> {
        let cookie = Token::generate()?.as_str().to_owned();
        let expires = now.checked_add(LASTS).ok()?;
        let mut all = self.lock();
        all.retain(|_, session| session.is_alive(now));
        if all.len() >= MOST {
            let first = all.iter().min_by_key(|(_, session)| session.expires);
            let first = first.map(|(key, _)| *key);
            first.and_then(|key| all.remove(&key));
        }
        all.insert(key(&cookie), Session { proof, expires, used: now });
        Some(Begun { cookie, expires })
    }

    /// What a request has proved before, by its cookie, and until when that lasts. Behind TLS only the
    /// name counts that nobody else can set.
    pub(in super::super) fn find(
        &self,
        headers: &HeaderMap,
        secure: bool,
        now: Timestamp,
    ) -> Option<(Proof, Timestamp)> {
        let mut all = self.lock();
        let key =
            self.carried(headers, secure).into_iter().map(key).find(|key| all.contains_key(key))?;
        let session = all.get_mut(&key).filter(|session| session.is_alive(now))?;
        session.used = now;
        Some((session.proof.clone(), session.expires))
    }

    /// Ends the one that a request carries.
    pub(in super::super) fn end(&self, headers: &HeaderMap) {
        let mut all = self.lock();
        for cookie in self.carried(headers, false) {
            all.remove(&key(cookie));
        }
    }

    /// What a request carries of sessions.
    fn carried<'h>(&self, headers: &'h HeaderMap, secure: bool) -> Vec<&'h str> {
        let plain = (!secure).then(|| self.cookies.session(false));
        let all = [Some(self.cookies.session(true)), plain].into_iter().flatten();
        all.flat_map(|cookie| values(headers, &cookie.name).collect::<Vec<_>>()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Session>> {
        // Nothing that holds the lock can leave it half changed.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn is_alive(&self, now: Timestamp) -> bool {
        let idle = now.duration_since(self.used);
        idle < IDLE && now < self.expires
    }
}

fn key(cookie: &str) -> [u8; 32] {
    let digest = digest(&SHA256, cookie.as_bytes());
    digest.as_ref().try_into().expect("SHA-256 has 32 octets")
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    const COOKIE: &str = "borderpost-3129";

    fn sessions() -> Sessions {
        Sessions::new(Cookies::of("3129"))
    }

    fn carrying(text: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, text.parse().unwrap())])
    }

    #[test]
    fn a_session_is_found_by_its_cookie_until_it_ends() {
        let (sessions, now) = (sessions(), Timestamp::UNIX_EPOCH);
        let Begun { cookie, expires } = sessions.begin(Proof::Nothing, now).unwrap();
        assert_eq!((expires, cookie.len()), (now + LASTS, 43));
        let carried = carrying(&format!("a=b; {COOKIE}={cookie};c"));
        let at = |minutes| now + SignedDuration::from_mins(minutes);
        for minutes in (0..480).step_by(59) {
            assert!(sessions.find(&carried, false, at(minutes)).is_some(), "{minutes}");
        }
        assert!(sessions.find(&carried, false, at(480)).is_none(), "its time is over");
        let neighbour = format!("borderpost-3130={cookie}; borderpost={cookie}");
        for other in [neighbour, format!("{COOKIE}=x"), format!("x{COOKIE}={cookie}"), cookie] {
            assert!(sessions.find(&carrying(&other), false, now).is_none(), "{other}");
        }
        sessions.end(&carried);
        assert!(sessions.find(&carried, false, now).is_none());
    }

    #[test]
    fn a_session_that_nobody_uses_ends() {
        let (sessions, now) = (sessions(), Timestamp::UNIX_EPOCH);
        let Begun { cookie, .. } = sessions.begin(Proof::Nothing, now).unwrap();
        let carried = carrying(&format!("{COOKIE}={cookie}"));
        let at = |minutes| now + SignedDuration::from_mins(minutes);
        assert!(sessions.find(&carried, false, at(59)).is_some());
        assert!(sessions.find(&carried, false, at(119)).is_none());
    }

    #[test]
    fn behind_tls_no_other_host_sets_it() {
        let (sessions, now) = (sessions(), Timestamp::UNIX_EPOCH);
        let Begun { cookie, .. } = sessions.begin(Proof::Nothing, now).unwrap();
        let host = carrying(&format!("__Host-{COOKIE}={cookie}"));
        assert!(sessions.find(&host, true, now).is_some());
        assert!(sessions.find(&host, false, now).is_some(), "what stands before us speaks TLS");
        let plain = carrying(&format!("{COOKIE}={cookie}"));
        assert!(sessions.find(&plain, true, now).is_none());
        sessions.end(&host);
        assert!(sessions.find(&host, true, now).is_none());
    }

    #[test]
    fn sessions_are_bounded() {
        let (sessions, now) = (sessions(), Timestamp::UNIX_EPOCH);
        let begin = |seconds| {
            let at = now + SignedDuration::from_secs(seconds);
            sessions.begin(Proof::Nothing, at).unwrap().cookie
        };
        let first = begin(0);
        for second in 1..=1_000 {
            begin(second);
        }
        assert_eq!(sessions.lock().len(), MOST);
        assert!(sessions.find(&carrying(&format!("{COOKIE}={first}")), false, now).is_none());
    }
}
