//! Who may ask: where the question comes from, and who proves to be asking.

mod cookie;
mod origin;
mod proved;
mod session;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;

use crate::auth::{Attempts, Tokens};

use super::oidc::OidcSettings;
use super::reply::Wrong;
use super::role::{By, Role, Who};

pub(super) use cookie::{Cookie, values};
pub(super) use origin::{asked_host, check};
pub(super) use session::Sessions;

use proved::Proved;

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
    /// The name in the certificate that it showed.
    pub(super) certificate: Option<Arc<str>>,
    /// Whether it is behind TLS.
    pub(super) secure: bool,
}

/// What is remembered of who has asked.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) sessions: Sessions,
    attempts: Attempts,
    proved: Proved,
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

    /// Who asks; none where nothing was shown. A token of an issuer is not looked at here.
    pub(super) fn who(
        &self,
        memory: &Memory,
        peer: &Peer,
        headers: &HeaderMap,
    ) -> Result<Option<Who>, Wrong> {
        if self.is_open() {
            return Ok(Some(Who::local()));
        }
        if let Some(token) = bearer(headers) {
            return self.holder(memory, peer, token).map(Some);
        }
        if let Some(who) = memory.sessions.find(headers, peer.secure, Timestamp::now()) {
            return Ok(Some(who));
        }
        let shown = peer.certificate.as_ref().and_then(|shown| {
            let known = self.certificates.iter().find(|(name, _)| name == shown);
            known.map(|(name, role)| Who::proved(name, *role, By::Certificate))
        });
        Ok(shown)
    }

    /// Whose a token is.
    pub(super) fn holder(&self, memory: &Memory, peer: &Peer, token: &str) -> Result<Who, Wrong> {
        memory.admit(peer, token)?;
        let mut found = None;
        for holder in &self.tokens {
            let name = holder.tokens.find(token);
            let own = name.is_some_and(|name| *name == holder.name);
            found =
                found.or_else(|| own.then(|| Who::proved(&holder.name, holder.role, By::Token)));
        }
        let wrong = || memory.refuse(peer, "this is no token that the configuration names");
        let who = found.ok_or_else(wrong)?;
        memory.prove(peer, token);
        Ok(who)
    }
}

impl Memory {
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
        if self.proved.knows(peer.source(), token) { Ok(()) } else { self.check(peer) }
    }

    /// Remembers that a token was right.
    pub(super) fn prove(&self, peer: &Peer, token: &str) {
        self.proved.add(peer.source(), token, Instant::now());
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
    use crate::auth::Token;

    use super::*;

    fn peer(address: &str) -> Peer {
        Peer { address: address.parse().ok(), certificate: None, secure: false }
    }

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn a_token_is_its_holders() {
        let (ops, dash) = (Token::generate().unwrap(), Token::generate().unwrap());
        let spare = Token::generate().unwrap();
        let file = format!("ops:{}\ndash:{}\nspare:{}\n", ops.kept(), dash.kept(), spare.kept());
        let tokens = Arc::new(Tokens::parse(&file).unwrap());
        let holder = |name: &str| {
            let tokens = Arc::clone(&tokens);
            Holder { name: Arc::from(name), role: Role::Auditor, tokens }
        };
        let access = Access { tokens: vec![holder("ops"), holder("spare")], ..Access::default() };
        let (memory, here) = (Memory::default(), peer("192.0.2.1"));
        let ask = |value: &str| access.who(&memory, &here, &headers(header::AUTHORIZATION, value));
        let who = ask(&format!("bearer {}", ops.as_str())).unwrap().unwrap();
        assert_eq!((&*who.name, who.role, who.by), ("ops", Role::Auditor, By::Token));
        // The file has `dash`, the configuration does not.
        assert_eq!(ask(&format!("Bearer {}", dash.as_str())).unwrap_err().status, 401);
        assert!(ask("Basic b3BzOng=").unwrap().is_none());
        for _ in 1..10 {
            assert_eq!(ask("Bearer x").unwrap_err().status, 401);
        }
        assert_eq!(ask("Bearer x").unwrap_err().status, 429);
        assert!(ask(&format!("Bearer {}", ops.as_str())).is_ok(), "it was right before");
        let spare = format!("Bearer {}", spare.as_str());
        assert_eq!(ask(&spare).unwrap_err().status, 429, "nothing new is looked at");
        let elsewhere = peer("192.0.2.2");
        let headers = headers(header::AUTHORIZATION, &spare);
        assert!(access.who(&memory, &elsewhere, &headers).is_ok());
    }

    #[test]
    fn a_certificate_is_known_by_its_name() {
        let certificates = vec![(Arc::from("svc:dash"), Role::Viewer)];
        let access = Access { certificates, ..Access::default() };
        let shown = |name: &str| Peer { certificate: Some(Arc::from(name)), ..peer("192.0.2.1") };
        let ask = |peer: &Peer| access.who(&Memory::default(), peer, &HeaderMap::new()).unwrap();
        assert_eq!(ask(&shown("svc:dash")).unwrap().role, Role::Viewer);
        assert!(ask(&shown("svc:other")).is_none() && ask(&peer("192.0.2.1")).is_none());
        let open = Access::default();
        let who = open.who(&Memory::default(), &peer("127.0.0.1"), &HeaderMap::new());
        assert_eq!(who.unwrap().unwrap().role, Role::Admin);
    }
}
