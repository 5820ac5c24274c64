//! What an issuer publishes, asked for when it is needed and remembered: an issuer that does not answer
//! stops no start, and nobody can make this program ask it all the time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::auth::jwt::{Claims, Expected, Keys, Refused, SignedToken};

use super::discovery::{Metadata, place};
use super::fetch::{Fetcher, Question};
use super::settings::OidcSettings;

/// After so long it is asked for again.
const FRESH: Duration = Duration::from_hours(1);

/// For so long it counts while the issuer does not answer: keys that were taken back are not known to
/// be.
const STALE: Duration = Duration::from_hours(24);

/// So much time lies between two questions, whoever names unknown keys.
const AGAIN: Duration = Duration::from_mins(1);

/// The same where nothing is known yet.
const REST: Duration = Duration::from_secs(5);

/// What it publishes.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) metadata: Metadata,
    pub(super) keys: Keys,
}

/// An issuer, and what is known of it.
#[derive(Debug)]
pub(super) struct Issuer {
    pub(super) settings: Arc<OidcSettings>,
    pub(super) fetcher: Fetcher,
    known: Remembered,
    /// One asks, others wait for what they hear.
    asking: tokio::sync::Mutex<()>,
}

/// What is known of an issuer, which outlives its settings.
pub(super) type Remembered = Arc<Mutex<Known>>;

/// Why nothing is proved by a token.
#[derive(Debug)]
pub(super) enum Unproved {
    /// It is wrong.
    Refused(Refused),
    /// Its issuer cannot be asked.
    Down(Arc<str>),
}

#[derive(Debug, Default)]
pub(super) struct Known {
    published: Option<(Arc<Published>, Instant)>,
    tried: Option<Instant>,
    /// Why it could not be had the last time.
    failed: Option<Arc<str>>,
}

#[derive(Debug)]
enum Next {
    Use(Arc<Published>),
    Ask,
    Fail(Arc<str>),
}

// === impl Issuer ===

impl Issuer {
    pub(super) fn new(settings: Arc<OidcSettings>, fetcher: Fetcher, known: Remembered) -> Self {
        Self { settings, fetcher, known, asking: tokio::sync::Mutex::default() }
    }

    /// What is known of it, for one that takes its place.
    pub(super) fn known(&self) -> Remembered {
        Arc::clone(&self.known)
    }

    /// What a token says that is right.
    pub(super) async fn verify(
        &self,
        token: &str,
        audience: &str,
        nonce: Option<&str>,
    ) -> Result<Claims, Unproved> {
        let token = SignedToken::parse(token)?;
        let mut published = self.published(false).await.map_err(Unproved::Down)?;
        if !token.is_of(&published.keys) {
            // It may have a new one.
            published = self.published(true).await.map_err(Unproved::Down)?;
        }
        let expected = Expected { issuer: &self.settings.name, audience, nonce };
        Ok(token.verify(&published.keys, &expected, Timestamp::now())?)
    }

    /// What it publishes, or why that cannot be had.
    pub(super) async fn published(&self, newer: bool) -> Result<Arc<Published>, Arc<str>> {
        let next = self.next(newer);
        if !matches!(next, Next::Ask) {
            return next.heard();
        }
        let asking = self.asking.lock().await;
        // Somebody else may have asked meanwhile.
        if matches!(self.next(newer), Next::Ask) {
            self.lock().tried = Some(Instant::now());
            let heard = self.ask().await;
            self.lock().heard(heard, Instant::now());
        }
        drop(asking);
        self.next(newer).heard()
    }

    fn next(&self, newer: bool) -> Next {
        self.lock().next(newer, Instant::now())
    }

    async fn ask(&self) -> Result<Published, String> {
        let document = self.fetcher.get(&place(&self.settings.issuer), Question::default()).await?;
        let metadata = Metadata::parse(&document, &self.settings)?;
        let keys = self.fetcher.get(&metadata.keys, Question::default()).await?;
        let keys = Keys::parse(&keys).map_err(|why| format!("{}: {why}", metadata.keys))?;
        Ok(Published { metadata, keys })
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Nothing that holds the lock can leave it half changed.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Next ===

impl Next {
    fn heard(self) -> Result<Arc<Published>, Arc<str>> {
        match self {
            Self::Use(published) => Ok(published),
            Self::Fail(why) => Err(why),
            Self::Ask => Err("it was asked a moment ago".into()),
        }
    }
}

// === impl Known ===

impl Known {
    fn next(&self, newer: bool, now: Instant) -> Next {
        let since = |at: Instant| now.saturating_duration_since(at);
        let rested = |rest: Duration| self.tried.is_none_or(|at| since(at) >= rest);
        match (&self.published, &self.failed) {
            (None, Some(why)) if !rested(REST) => Next::Fail(Arc::clone(why)),
            (None, _) => Next::Ask,
            (Some((_, at)), _) if (newer || since(*at) >= FRESH) && rested(AGAIN) => Next::Ask,
            // Whether there is a newer key cannot be told.
            (Some((_, at)), Some(why)) if newer || since(*at) >= STALE => {
                Next::Fail(Arc::clone(why))
            }
            (Some((published, _)), _) => Next::Use(Arc::clone(published)),
        }
    }

    fn heard(&mut self, heard: Result<Published, String>, now: Instant) {
        self.tried = Some(now);
        match heard {
            Ok(published) => {
                self.published = Some((Arc::new(published), now));
                self.failed = None;
            }
            Err(why) => {
                tracing::warn!(%why, "the issuer of admin.oidc cannot be asked");
                self.failed = Some(why.into());
            }
        }
    }
}

impl From<Refused> for Unproved {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::{Value, json};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::task::{JoinHandle, JoinSet};
    use url::Url;

    use crate::audit::ship::Own;
    use crate::auth::jwt::tests::make;

    use super::super::tests::settings;
    use super::*;

    fn published() -> Published {
        let document =
            br#"{"issuer":"https://issuer.example/realm","jwks_uri":"https://issuer.example/"}"#;
        let key = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        let metadata = Metadata::parse(document, &settings()).unwrap();
        Published { metadata, keys: Keys::parse(key).unwrap() }
    }

    fn word(next: &Next) -> &'static str {
        match next {
            Next::Use(_) => "use",
            Next::Ask => "ask",
            Next::Fail(_) => "fail",
        }
    }

    #[test]
    fn an_issuer_is_asked_when_it_must_be_and_not_all_the_time() {
        let (mut known, start) = (Known::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        let next = |known: &Known, newer, seconds| word(&known.next(newer, after(seconds)));
        assert_eq!(next(&known, false, 0), "ask");
        known.heard(Err("down".to_owned()), after(0));
        assert_eq!((next(&known, false, 4), next(&known, true, 4)), ("fail", "fail"));
        assert_eq!(next(&known, false, 5), "ask", "it is up again without a start of ours");
        known.heard(Ok(published()), after(5));
        assert_eq!((next(&known, false, 6), next(&known, true, 64)), ("use", "use"));
        assert_eq!(next(&known, true, 65), "ask", "an unknown key, once a minute");
        known.heard(Err("down".to_owned()), after(65));
        assert_eq!((next(&known, false, 66), next(&known, true, 66)), ("use", "fail"));
        assert_eq!(next(&known, true, 125), "ask");
        let hour = 3_600;
        assert_eq!((next(&known, false, 4 + hour), next(&known, false, 5 + hour)), ("use", "ask"));
        known.heard(Err("down".to_owned()), after(5 + hour));
        assert_eq!(next(&known, false, 6 + hour), "use", "what was known counts on");
        let day = 24 * hour;
        known.heard(Err("down".to_owned()), after(5 + day));
        assert_eq!((next(&known, false, 6 + day), next(&known, false, 65 + day)), ("fail", "ask"));
        known.heard(Ok(published()), after(65 + day));
        assert_eq!(next(&known, false, 66 + day), "use");
    }
    /// An issuer on this machine: what it publishes, and how often that was asked for.
    struct Served {
        issuer: Arc<Issuer>,
        keys: Arc<Mutex<Value>>,
        asked: Arc<AtomicUsize>,
        task: JoinHandle<()>,
    }

    impl Served {
        async fn start(keys: Value) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let name = format!("http://{}", listener.local_addr().unwrap());
            let keys = Arc::new(Mutex::new(keys));
            let asked = Arc::<AtomicUsize>::default();
            let document = json!({ "issuer": name, "jwks_uri": format!("{name}/keys") });
            let (published, count) = (Arc::clone(&keys), Arc::clone(&asked));
            let task = tokio::spawn(async move {
                loop {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    let mut heard = Vec::new();
                    while !heard.ends_with(b"\r\n\r\n") {
                        assert!(stream.read_buf(&mut heard).await.unwrap() > 0);
                    }
                    let body = if heard.starts_with(b"GET /keys ") {
                        count.fetch_add(1, Ordering::SeqCst);
                        published.lock().unwrap().to_string()
                    } else {
                        document.to_string()
                    };
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                    stream.write_all((head + &body).as_bytes()).await.unwrap();
                }
            });
            let settings = OidcSettings { issuer: Url::parse(&name).unwrap(), name, ..settings() };
            let fetcher = Fetcher { tls: None, own: Own::default() };
            let issuer = Arc::new(Issuer::new(Arc::new(settings), fetcher, Remembered::default()));
            Self { issuer, keys, asked, task }
        }

        /// A token of this key.
        fn token(&self, keys: &make::Issuer, id: &str) -> String {
            let (name, end) = (&self.issuer.settings.name, Timestamp::now().as_second() + 600);
            let claims = json!({ "iss": name, "aud": "post", "sub": "7", "exp": end });
            keys.sign_as(&json!({ "alg": "ES256", "kid": id }), "ES256", &claims)
        }

        async fn word(&self, token: &str) -> &'static str {
            match self.issuer.verify(token, "post", None).await {
                Ok(_) => "right",
                Err(Unproved::Refused(Refused::UnknownKey)) => "unknown",
                Err(Unproved::Refused(_)) => "wrong",
                Err(Unproved::Down(_)) => "down",
            }
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }

        /// As if so much time had passed since it was asked.
        fn later(&self, time: Duration) {
            let then = Instant::now().checked_sub(time);
            let mut known = self.issuer.lock();
            known.tried = then;
            if let (Some((_, at)), Some(then)) = (&mut known.published, then) {
                *at = then;
            }
        }
    }

    #[tokio::test]
    async fn a_new_key_is_found_and_many_ask_as_one() {
        let (old, new) = (make::Issuer::new(), make::Issuer::new());
        let served = Served::start(old.published()).await;
        let mut all = JoinSet::new();
        for _ in 0..20 {
            let (issuer, token) = (Arc::clone(&served.issuer), served.token(&old, "ec"));
            all.spawn(async move { issuer.verify(&token, "post", None).await.is_ok() });
        }
        assert!(all.join_all().await.into_iter().all(|right| right));
        assert_eq!(served.asked(), 1);
        let mut keys = new.published();
        keys["keys"][1]["kid"] = json!("ec-2");
        *served.keys.lock().unwrap() = keys;
        let [token, former] = [served.token(&new, "ec-2"), served.token(&old, "ec")];
        assert_eq!((served.word(&token).await, served.asked()), ("unknown", 1), "not all the time");
        served.later(AGAIN);
        assert_eq!((served.word(&token).await, served.asked()), ("right", 2));
        assert_eq!((served.word(&former).await, served.asked()), ("unknown", 2), "it is gone");
        served.task.abort();
        served.later(FRESH);
        assert_eq!(served.word(&token).await, "right", "what was known counts on");
        assert_eq!(served.word(&former).await, "down", "it may have a newer one");
    }
}
