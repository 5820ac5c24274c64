//! Who may ask: where the question comes from, and who proves to be asking.

mod cookie;
mod known;
mod origin;
mod proof;
mod session;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, StatusCode, header};

use crate::auth::{Attempts, TokenDigest, Tokens};
use crate::tls::Shown;

use super::oidc::OidcSettings;
use super::reply::Wrong;
use super::role::{By, Role, Who};

pub(super) use cookie::{Cookie, Cookies, values};
pub(super) use origin::{asked_host, check};
pub(super) use proof::{Proof, Proved};
pub(super) use session::Sessions;

use known::Known;

/// Who may ask, as the configuration says. Where it names nobody, whoever reaches the listener may
/// do everything: it is on this machine then.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Who has a token.
    pub tokens: Vec<Holder>,
    /// Whose certificate is taken, by the name in it.
    pub certificates: Vec<(Arc<str>, Role)>,
    /// Whose tokens are taken, and where people log in.
    pub oidc: Option<Arc<OidcSettings>>,
    /// Names by which the listener may be called, beside addresses and `localhost`.
    pub names: Vec<String>,
}

/// Somebody with a token.
#[derive(Clone)]
pub struct Holder {
    /// Their name, which the file of tokens has.
    pub name: Arc<str>,
    /// What they may.
    pub role: Role,
    /// Digests of the tokens of that file.
    pub tokens: Arc<Tokens>,
}

/// The other end of a connection.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// Its address; there is none on a unix socket.
    pub(super) address: Option<IpAddr>,
    /// The certificate that it showed.
    pub(super) certificate: Option<Shown>,
    /// Whether it is behind TLS.
    pub(super) secure: bool,
}

/// What is remembered of who has asked.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) sessions: Sessions,
    attempts: Attempts,
    known: Known,
}

impl Access {
    /// Whether nobody has to prove anything.
    pub(super) fn is_open(&self) -> bool {
        self.tokens.is_empty() && self.certificates.is_empty() && self.oidc.is_none()
    }

    /// Whether somebody can prove who they are.
    pub fn proves(&self) -> bool {
        !self.is_open()
    }

    /// Whose a token is.
    pub(super) fn holder(
        &self,
        memory: &Memory,
        peer: &Peer,
        token: &str,
    ) -> Result<Proved, Wrong> {
        memory.admit(peer, token)?;
        let digest = TokenDigest::of(token);
        let wrong = || memory.refuse(peer, "this is no token that the configuration names");
        let who = self.of_token(digest).ok_or_else(wrong)?;
        memory.prove(peer, token);
        Ok(Proved { who, proof: Proof::Token(digest) })
    }

    /// Whose token has this digest; each holder has those of their name alone.
    pub(super) fn of_token(&self, digest: TokenDigest) -> Option<Who> {
        let mut found = None;
        for holder in &self.tokens {
            let name = holder.tokens.find_digest(digest);
            let own = name.is_some_and(|name| *name == holder.name);
            found =
                found.or_else(|| own.then(|| Who::proved(&holder.name, holder.role, By::Token)));
        }
        found
    }

    /// Whose certificate has this name in it.
    pub(super) fn of_certificate(&self, shown: &str) -> Option<Who> {
        let known = self.certificates.iter().find(|(name, _)| **name == *shown);
        known.map(|(name, role)| Who::proved(name, *role, By::Certificate))
    }
}

impl Memory {
    /// Nothing yet, for a listener with cookies of these names.
    pub(super) fn new(cookies: Cookies) -> Self {
        Self {
            sessions: Sessions::new(cookies),
            attempts: Attempts::default(),
            known: Known::default(),
        }
    }

    /// Refuses who has tried too often.
    pub(super) fn check(&self, peer: &Peer) -> Result<(), Wrong> {
        let Some(wait) = self.attempts.wait(peer.source(), Instant::now()) else { return Ok(()) };
        let seconds = wait.as_secs() + 1;
        let detail = format!("too many wrong tokens or logins; try again in {seconds} seconds");
        Err(Wrong::many(detail).with(header::RETRY_AFTER, seconds.to_string()))
    }

    /// Refuses to look at the token of who has tried too often, right or wrong; but not at one that was
    /// right before from there.
    pub(super) fn admit(&self, peer: &Peer, token: &str) -> Result<(), Wrong> {
        if self.known.knows(peer.source(), token) { Ok(()) } else { self.check(peer) }
    }

    /// Remembers that a token was right.
    pub(super) fn prove(&self, peer: &Peer, token: &str) {
        self.known.add(peer.source(), token, Instant::now());
    }

    /// Counts what was wrong, or may turn out to be.
    pub(super) fn fail(&self, peer: &Peer) {
        self.attempts.fail(peer.source(), Instant::now());
    }

    /// Takes back one that was counted: it has turned out well.
    pub(super) fn forgive(&self, peer: &Peer) {
        self.attempts.forgive(peer.source());
    }

    /// Counts a wrong token; what is to be answered.
    pub(super) fn refuse(&self, peer: &Peer, detail: &str) -> Wrong {
        self.refused(peer, unproved(detail))
    }

    /// Counts what was wrong; the answer is this, unless there was too much of it.
    pub(super) fn refused(&self, peer: &Peer, wrong: Wrong) -> Wrong {
        if let Err(many) = self.check(peer) {
            return many;
        }
        self.fail(peer);
        wrong
    }
}

impl Peer {
    /// Whom attempts are counted of: all of a socket are one.
    fn source(&self) -> IpAddr {
        self.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}

/// What asks for a proof.
pub(super) fn unproved(detail: &str) -> Wrong {
    let challenge = "Bearer realm=\"borderpost admin\"".to_owned();
    Wrong::new(StatusCode::UNAUTHORIZED, detail).with(header::WWW_AUTHENTICATE, challenge)
}

/// The token that a request carries (RFC 6750 section 2.1).
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Holder({} {})", self.name, self.role.name())
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use crate::auth::Token;

    use super::super::admission::Admission;
    use super::*;

    fn memory() -> Memory {
        Memory::new(Cookies::of("3129"))
    }

    fn peer(address: &str) -> Peer {
        Peer { address: address.parse().ok(), certificate: None, secure: false }
    }

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[tokio::test]
    async fn a_token_is_its_holders() {
        let (ops, dash) = (Token::generate().unwrap(), Token::generate().unwrap());
        let spare = Token::generate().unwrap();
        let file = format!("ops:{}\ndash:{}\nspare:{}\n", ops.kept(), dash.kept(), spare.kept());
        let tokens = Arc::new(Tokens::parse(&file).unwrap());
        let holder = |name: &str| {
            let tokens = Arc::clone(&tokens);
            Holder { name: Arc::from(name), role: Role::Auditor, tokens }
        };
        let access = Access { tokens: vec![holder("ops"), holder("spare")], ..Access::default() };
        let admission = Admission { access, ..Admission::default() };
        let (memory, here) = (memory(), peer("192.0.2.1"));
        let from = async |peer: &Peer, value: &str| {
            let headers = headers(header::AUTHORIZATION, value);
            admission.prove(&memory, peer, &headers).await.map(|found| found.map(|one| one.who))
        };
        let ask = async |value: &str| from(&here, value).await;
        let who = ask(&format!("bearer {}", ops.as_str())).await.unwrap().unwrap();
        assert_eq!((&*who.name, who.role, who.by), ("ops", Role::Auditor, By::Token));
        // The file has `dash`, the configuration does not.
        assert_eq!(ask(&format!("Bearer {}", dash.as_str())).await.unwrap_err().status, 401);
        assert!(ask("Basic b3BzOng=").await.unwrap().is_none());
        for _ in 1..10 {
            assert_eq!(ask("Bearer x").await.unwrap_err().status, 401);
        }
        assert_eq!(ask("Bearer x").await.unwrap_err().status, 429);
        assert!(ask(&format!("Bearer {}", ops.as_str())).await.is_ok(), "it was right before");
        let spare = format!("Bearer {}", spare.as_str());
        assert_eq!(ask(&spare).await.unwrap_err().status, 429, "nothing new is looked at");
        assert!(from(&peer("192.0.2.2"), &spare).await.is_ok());
    }

    #[tokio::test]
    async fn a_session_ends_with_its_token_and_has_the_role_of_now() {
        let token = Token::generate().unwrap();
        let admission = |role| {
            let tokens = Arc::new(Tokens::parse(&format!("ops:{}\n", token.kept())).unwrap());
            let holder = Holder { name: Arc::from("ops"), role, tokens };
            let access = Access { tokens: vec![holder], ..Access::default() };
            Admission { access, ..Admission::default() }
        };
        let (memory, here) = (memory(), peer("192.0.2.1"));
        let proved = admission(Role::Admin).access.holder(&memory, &here, token.as_str()).unwrap();
        let begun = memory.sessions.begin(proved.proof, Timestamp::now()).unwrap();
        let cookie = format!("{}={}", memory.sessions.cookies.session(false).name, begun.cookie);
        let carried = headers(header::COOKIE, &cookie);
        let ask = async |admission: &Admission| {
            admission.prove(&memory, &here, &carried).await.unwrap().map(|one| one.who)
        };
        for role in [Role::Admin, Role::Viewer] {
            let who = ask(&admission(role)).await.unwrap();
            assert_eq!((who.role, who.by, who.expires), (role, By::Session, Some(begun.expires)));
        }
        let others =
            Access { certificates: vec![(Arc::from("x"), Role::Viewer)], ..Access::default() };
        assert!(ask(&Admission { access: others, ..Admission::default() }).await.is_none());
        assert!(ask(&admission(Role::Admin)).await.is_none(), "it does not come back");
    }

    #[tokio::test]
    async fn a_certificate_is_known_by_its_name() {
        let certificates = vec![(Arc::from("svc:dash"), Role::Viewer)];
        let access = Access { certificates, ..Access::default() };
        assert_eq!(access.of_certificate("svc:dash").map(|who| who.role), Some(Role::Viewer));
        assert!(access.of_certificate("svc:other").is_none());
        let (memory, open) = (memory(), Admission::default());
        let closed = Admission { access, ..Admission::default() };
        let nothing = HeaderMap::new();
        assert!(closed.prove(&memory, &peer("192.0.2.1"), &nothing).await.unwrap().is_none());
        let who = open.prove(&memory, &peer("127.0.0.1"), &nothing).await.unwrap().unwrap().who;
        assert_eq!(who.role, Role::Admin);
    }
}
