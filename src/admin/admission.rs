//! Who may ask, as of one load of the configuration. A reload replaces it, and what was proved before
//! is held against what is in force: a role that has changed counts at once, and what was taken away
//! proves nothing any more.

use std::sync::Arc;

use http::HeaderMap;
use jiff::Timestamp;

use crate::tls::Acceptor;

use super::access::{Access, Memory, Peer, Proof, Proved, bearer};
use super::oidc::Oidc;
use super::reply::Wrong;
use super::role::Who;

/// What of the admin listener a reload replaces.
#[derive(Clone, Debug, Default)]
pub struct Admission {
    /// Who may ask.
    pub access: Access,
    /// How it handshakes, if it speaks TLS.
    pub acceptor: Option<Arc<Acceptor>>,
    /// The issuer by which people and programs prove who they are, if there is one.
    pub oidc: Option<Arc<Oidc>>,
}

impl Admission {
    /// What can take the place of another, while the listener stays as it was bound: `local` if only
    /// this machine reaches it.
    pub fn after(self, before: &Self, local: bool) -> Result<Self, String> {
        if !local && !self.access.proves() {
            let why = "admin: until a restart the listener is where others reach it, and this names \
                       nobody who may ask; name somebody, or restart";
            return Err(why.to_owned());
        }
        // Whether it speaks TLS is told by where it is bound, too.
        let speaks = before.acceptor.as_ref();
        let acceptor = speaks.map(|former| self.acceptor.unwrap_or_else(|| Arc::clone(former)));
        Ok(Self { acceptor, ..self })
    }

    /// Who asks, and by what that is known; none where nothing was shown. Keys of an issuer may have
    /// to be asked for.
    pub(super) async fn prove(
        &self,
        memory: &Memory,
        peer: &Peer,
        headers: &HeaderMap,
    ) -> Result<Option<Proved>, Wrong> {
        if self.access.is_open() {
            return Ok(Some(Proved::local()));
        }
        if let Some(token) = bearer(headers) {
            let proved = match &self.oidc {
                Some(oidc) if Oidc::is_token(token) => oidc.bearer(memory, peer, token).await,
                Some(_) | None => self.access.holder(memory, peer, token),
            };
            return proved.map(Some);
        }
        let now = Timestamp::now();
        if let Some((proof, expires)) = memory.sessions.find(headers, peer.secure, now) {
            if let Some(who) = self.again(&proof, now) {
                return Ok(Some(Proved { who: who.in_session(expires), proof }));
            }
            memory.sessions.end(headers);
        }
        let shown = peer.certificate.clone().map(Proof::Certificate);
        Ok(shown.and_then(|proof| {
            let who = self.again(&proof, now)?;
            Some(Proved { who, proof })
        }))
    }

    /// Who somebody is by what they have proved; none where that counts no more.
    pub(super) fn again(&self, proof: &Proof, now: Timestamp) -> Option<Who> {
        match proof {
            Proof::Nothing => self.access.is_open().then(Who::local),
            Proof::Token(digest) => self.access.of_token(*digest),
            Proof::Certificate(shown) => {
                let taken = self.acceptor.as_ref()?.still_takes(shown);
                self.access.of_certificate(&shown.name).filter(|_| taken)
            }
            Proof::Issuer(person, until) => {
                let settings = self.access.oidc.as_ref()?;
                let counts = until.is_none_or(|until| now < until);
                person.who(settings).ok().filter(|_| counts)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use crate::auth::jwt::Claims;
    use crate::auth::{Token, TokenDigest, Tokens};

    use super::super::access::Holder;
    use super::super::oidc::{OidcSettings, Person, tests::settings};
    use super::super::role::Role;
    use super::*;

    fn holding(name: &str, role: Role, token: &Token) -> Admission {
        let tokens = Arc::new(Tokens::parse(&format!("{name}:{}\n", token.kept())).unwrap());
        let holder = Holder { name: Arc::from(name), role, tokens };
        let access = Access { tokens: vec![holder], ..Access::default() };
        Admission { access, ..Admission::default() }
    }

    #[test]
    fn a_token_counts_for_as_long_as_its_file_has_it() {
        let (token, other) = (Token::generate().unwrap(), Token::generate().unwrap());
        let proof = Proof::Token(TokenDigest::of(token.as_str()));
        let role = |now: &Admission| now.again(&proof, Timestamp::now()).map(|who| who.role);
        assert_eq!(role(&holding("ops", Role::Admin, &token)), Some(Role::Admin));
        assert_eq!(role(&holding("ops", Role::Viewer, &token)), Some(Role::Viewer));
        assert_eq!(role(&holding("ops", Role::Admin, &other)), None, "it has another one");
        assert_eq!(role(&Admission::default()), None, "nobody has one any more");
        let nothing = |now: &Admission| now.again(&Proof::Nothing, Timestamp::now()).is_some();
        assert!(nothing(&Admission::default()) && !nothing(&holding("ops", Role::Admin, &token)));
    }

    fn issuing(settings: OidcSettings) -> Admission {
        let access = Access { oidc: Some(Arc::new(settings)), ..Access::default() };
        Admission { access, ..Admission::default() }
    }

    #[test]
    fn what_an_issuer_says_counts_until_it_ends_and_by_the_roles_of_now() {
        let said = json!({ "sub": "7", "email": "ann@corp.example", "groups": ["ops", "staff"] });
        let claims = Claims::new(said.as_object().unwrap().clone());
        let person = Arc::new(Person::of(&Arc::new(settings()), &claims).unwrap());
        let now = Timestamp::now();
        let until = now + Duration::from_mins(1);
        let role = |admission: &Admission, at| {
            let proof = Proof::Issuer(Arc::clone(&person), Some(until));
            admission.again(&proof, at).map(|who| who.role)
        };
        assert_eq!(role(&issuing(settings()), now), Some(Role::Admin));
        assert_eq!(role(&issuing(settings()), until), None, "it is over");
        let lowered = OidcSettings { roles: vec![("ops".into(), Role::Viewer)], ..settings() };
        assert_eq!(role(&issuing(lowered), now), Some(Role::Viewer));
        let gone = OidcSettings { roles: vec![("others".into(), Role::Viewer)], ..settings() };
        assert_eq!(role(&issuing(gone), now), None);
        for other in [
            OidcSettings { name: "https://other.example".into(), ..settings() },
            OidcSettings { audience: "other".into(), ..settings() },
            OidcSettings { client_id: "other".into(), ..settings() },
            OidcSettings { groups: "other".into(), ..settings() },
            OidcSettings { person: Some("sub".into()), ..settings() },
        ] {
            assert_eq!(role(&issuing(other), now), None, "it was said of others");
        }
        assert_eq!(role(&Admission::default(), now), None, "there is no issuer any more");
    }

    #[test]
    fn a_listener_that_others_reach_is_never_open() {
        let token = Token::generate().unwrap();
        let before = holding("ops", Role::Admin, &token);
        let why = Admission::default().after(&before, false).unwrap_err();
        assert!(why.contains("names nobody who may ask"), "{why}");
        assert!(Admission::default().after(&before, true).is_ok());
        assert!(holding("ops", Role::Viewer, &token).after(&before, false).is_ok());
    }
}
