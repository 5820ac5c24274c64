//! Proves credentials. A password costs tens of milliseconds of one core, so it is tried on
//! threads of its own, few at a time, and what was proved is remembered for a while.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::{hmac, rand};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::audit::Authenticated;

use super::attempts::Attempts;
use super::users::{PasswordHash, Users};
use super::{Auth, Presented, Proved};

/// How long a proved password is remembered.
const REMEMBERED: Duration = Duration::from_mins(10);

/// How many proved passwords are remembered: about 1 MiB.
const PASSWORDS: usize = 10_000;

/// How long a request waits for its turn to have a password tried.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why credentials prove nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// They are wrong, or for a scheme that is not configured.
    Wrong,
    /// The address has been wrong too often; it may try again after this time.
    TooMany(Duration),
    /// Too many others wait for their turn.
    Busy,
}

impl Denied {
    /// The word for it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Wrong => "credentials-wrong",
            Self::TooMany(_) => "credentials-too-many",
            Self::Busy => "credentials-busy",
        }
    }
}

/// The gate; one for the life of the program, so that a reload forgets nobody.
#[derive(Debug)]
pub struct Gate {
    memory: Arc<Memory>,
    turns: Arc<Semaphore>,
}

/// What was proved, and who was wrong.
struct Memory {
    /// Drawn for the first password: the first randomness of a process takes 20 ms, which nobody
    /// waits for at start.
    key: OnceLock<hmac::Key>,
    proved: Mutex<HashMap<Mark, Instant>>,
    attempts: Attempts,
}

/// A keyed digest of name, password and stored hash: a changed password is another mark.
type Mark = [u8; 32];

fn draw() -> hmac::Key {
    let mut key = [0; 32];
    rand::fill(&mut key).expect("a system without randomness has no TLS either");
    hmac::Key::new(hmac::HMAC_SHA256, &key)
}

// === impl Gate ===

impl Gate {
    /// An empty one; `turns` passwords are tried at a time.
    pub fn new(turns: usize) -> Self {
        let memory = Memory {
            key: OnceLock::new(),
            proved: Mutex::default(),
            attempts: Attempts::default(),
        };
        Self { memory: Arc::new(memory), turns: Arc::new(Semaphore::new(turns.max(1))) }
    }

    /// Proves what a request from `from` presents.
    pub async fn prove(
        &self,
        auth: &Auth,
        from: IpAddr,
        presented: Presented,
    ) -> Result<Proved, Denied> {
        match presented {
            Presented::Bearer(token) => self.bearer(auth, from, &token),
            Presented::Basic { name, password } => self.basic(auth, from, &name, password).await,
        }
    }

    /// How long an address must wait until its credentials are looked at again.
    pub fn wait(&self, from: IpAddr) -> Option<Duration> {
        self.memory.attempts.wait(from, Instant::now())
    }

    fn bearer(&self, auth: &Auth, from: IpAddr, token: &str) -> Result<Proved, Denied> {
        // 256 bits cannot be guessed, so a right token is right however often others were wrong.
        let found = auth.tokens.as_ref().and_then(|tokens| tokens.find(token));
        if let Some(name) = found {
            return Ok(Proved { name: Arc::clone(name), by: Authenticated::Bearer });
        }
        let now = Instant::now();
        if let Some(wait) = self.memory.attempts.wait(from, now) {
            return Err(Denied::TooMany(wait));
        }
        self.memory.attempts.fail(from, now);
        Err(Denied::Wrong)
    }

    async fn basic(
        &self,
        auth: &Auth,
        from: IpAddr,
        name: &str,
        password: String,
    ) -> Result<Proved, Denied> {
        let Some(users) = &auth.users else { return Err(Denied::Wrong) };
        let found = users.find(name);
        let mark = found.map(|(name, hash)| self.memory.mark(name, &password, hash));
        if let (Some((name, _)), Some(mark)) = (found, mark)
            && self.memory.remembers(&mark)
        {
            return Ok(basic(name));
        }
        if let Some(wait) = self.wait(from) {
            return Err(Denied::TooMany(wait));
        }
        self.try_password(users, from, name, password, mark).await
    }

    async fn try_password(
        &self,
        users: &Users,
        from: IpAddr,
        name: &str,
        password: String,
        mark: Option<Mark>,
    ) -> Result<Proved, Denied> {
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(Denied::Busy) };
        // Others with the same credentials, or from the same address, may have been before.
        let found = users.find(name);
        if let (Some((name, _)), Some(mark)) = (found, mark)
            && self.memory.remembers(&mark)
        {
            return Ok(basic(name));
        }
        if let Some(wait) = self.wait(from) {
            return Err(Denied::TooMany(wait));
        }
        let hash = found.map_or_else(|| users.decoy(name), |(_, hash)| Arc::clone(hash));
        let memory = Arc::clone(&self.memory);
        // Whoever leaves before the answer has tried all the same.
        let tried = spawn_blocking(move || {
            let right = memory.try_one(&hash, from, &password, mark);
            drop(turn);
            right
        });
        match (tried.await, found) {
            (Ok(true), Some((name, _))) => Ok(basic(name)),
            (Ok(_), _) => Err(Denied::Wrong),
            (Err(_), _) => Err(Denied::Busy),
        }
    }
}

fn basic(name: &Arc<str>) -> Proved {
    Proved { name: Arc::clone(name), by: Authenticated::Basic }
}

// === impl Memory ===

impl Memory {
    /// Tries a password and remembers what came of it. Without a mark it is never right.
    fn try_one(
        &self,
        hash: &PasswordHash,
        from: IpAddr,
        password: &str,
        mark: Option<Mark>,
    ) -> bool {
        let right = hash.is_of(password);
        let Some(mark) = mark.filter(|_| right) else {
            self.attempts.fail(from, Instant::now());
            return false;
        };
        self.remember(mark, Instant::now());
        true
    }

    fn mark(&self, name: &str, password: &str, hash: &PasswordHash) -> Mark {
        let mut context = hmac::Context::with_key(self.key.get_or_init(draw));
        for part in [name, password, hash.as_str()] {
            context.update(&part.len().to_be_bytes());
            context.update(part.as_bytes());
        }
        context.sign().as_ref().try_into().expect("HMAC-SHA256 has 32 bytes")
    }

    fn remembers(&self, mark: &Mark) -> bool {
        self.lock().get(mark).is_some_and(|since| since.elapsed() < REMEMBERED)
    }

    fn remember(&self, mark: Mark, now: Instant) {
        let mut proved = self.lock();
        if proved.len() >= PASSWORDS {
            proved.retain(|_, since| now.saturating_duration_since(*since) < REMEMBERED);
        }
        if proved.len() >= PASSWORDS {
            let oldest = proved.iter().min_by_key(|(_, since)| **since).map(|(mark, _)| *mark);
            oldest.and_then(|mark| proved.remove(&mark));
        }
        proved.insert(mark, now);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Mark, Instant>> {
        // Nothing that holds the lock can leave it half changed.
        self.proved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Token, Tokens};
    use super::*;

    const HERE: &str = "192.0.2.1";

    fn auth(password: &str, token: &Token) -> Auth {
        let hash = PasswordHash::of(password, &[3; 16]).unwrap();
        let users = Users::parse(&format!("ann:{}", hash.as_str())).unwrap();
        let tokens = Tokens::parse(&format!("build:{}", token.kept())).unwrap();
        Auth { users: Some(Arc::new(users)), tokens: Some(Arc::new(tokens)), ..Auth::default() }
    }

    fn password(name: &str, password: &str) -> Presented {
        Presented::Basic { name: name.to_owned(), password: password.to_owned() }
    }

    async fn ask(gate: &Gate, auth: &Auth, presented: Presented) -> Result<String, Denied> {
        let proved = gate.prove(auth, HERE.parse().unwrap(), presented).await;
        proved.map(|proved| format!("{} by {}", proved.name, proved.by.name()))
    }

    #[tokio::test]
    async fn right_credentials_prove_a_name() {
        let (gate, token) = (Gate::new(2), Token::generate().unwrap());
        let auth = auth("secret", &token);
        for _ in 0..2 {
            assert_eq!(
                ask(&gate, &auth, password("ann", "secret")).await,
                Ok("ann by basic".into())
            );
        }
        let bearer = Presented::Bearer(token.as_str().to_owned());
        assert_eq!(ask(&gate, &auth, bearer).await, Ok("build by bearer".into()));
        assert_eq!(gate.memory.lock().len(), 1);
    }

    #[tokio::test]
    async fn a_changed_password_is_not_remembered() {
        let (gate, token) = (Gate::new(2), Token::generate().unwrap());
        let before = auth("secret", &token);
        assert!(ask(&gate, &before, password("ann", "secret")).await.is_ok());
        let after = auth("other", &token);
        assert_eq!(ask(&gate, &after, password("ann", "secret")).await, Err(Denied::Wrong));
        assert!(ask(&gate, &after, password("ann", "other")).await.is_ok());
    }

    #[tokio::test]
    async fn who_is_wrong_too_often_waits_and_who_was_proved_does_not() {
        let (gate, token) = (Gate::new(2), Token::generate().unwrap());
        let auth = auth("secret", &token);
        assert!(ask(&gate, &auth, password("ann", "secret")).await.is_ok());
        for n in 0..10 {
            let wrong = match n % 3 {
                0 => password("ann", "wrong"),
                1 => password("nobody", "secret"),
                _ => Presented::Bearer("wrong".to_owned()),
            };
            assert_eq!(ask(&gate, &auth, wrong).await, Err(Denied::Wrong), "{n}");
        }
        for wrong in [password("bob", "x"), Presented::Bearer("wrong".to_owned())] {
            assert!(matches!(ask(&gate, &auth, wrong).await, Err(Denied::TooMany(_))));
        }
        assert!(gate.wait(HERE.parse().unwrap()).is_some());
        assert!(ask(&gate, &auth, password("ann", "secret")).await.is_ok(), "it is remembered");
        assert!(gate.wait("192.0.2.2".parse().unwrap()).is_none());
    }

    #[tokio::test]
    async fn a_scheme_that_is_not_configured_proves_nothing() {
        let gate = Gate::new(1);
        let nothing = Auth::default();
        assert_eq!(ask(&gate, &nothing, password("ann", "secret")).await, Err(Denied::Wrong));
        let bearer = Presented::Bearer("a".to_owned());
        assert_eq!(ask(&gate, &nothing, bearer).await, Err(Denied::Wrong));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let gate = Gate::new(1);
        let now = Instant::now();
        for n in 0..PASSWORDS + 10 {
            let mut mark = [0; 32];
            mark[..8].copy_from_slice(&n.to_be_bytes());
            gate.memory.remember(mark, now);
        }
        assert_eq!(gate.memory.lock().len(), PASSWORDS);
    }
}
