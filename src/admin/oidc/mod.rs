//! OpenID Connect: programs prove who they are by tokens of an issuer (`issuer`), browsers by a login
//! there (`login`). What somebody may is told by their groups (`person`).

mod discovery;
mod exchange;
mod fetch;
mod issuer;
mod login;
mod page;
mod pending;
mod person;
mod settings;

use std::sync::Arc;

use rustls::ClientConfig;

use crate::audit::ship::Own;
use crate::auth::jwt::SignedToken;

use super::access::{Memory, Peer, Proof, Proved};
use super::reply::Wrong;

use fetch::Fetcher;
use issuer::{Issuer, Unproved};
use pending::Pending;

pub(super) use login::answer;
pub(super) use person::Person;
pub use settings::{OidcSettings, Secret, is_guarded};

/// An issuer, and who logs in there.
#[derive(Debug)]
pub struct Oidc {
    issuer: Issuer,
    /// How browsers call this listener, without a path; none where they cannot come back to it.
    base: Option<String>,
    pending: Arc<Pending>,
}

impl Oidc {
    /// `base` is how browsers call the listener (`https://post.example:3129`), `tls` what the issuer
    /// must prove, where it is reached by TLS; `own` are our own listeners. What is known of the same
    /// issuer `before`, and logins that have begun there, go on.
    pub fn new(
        settings: Arc<OidcSettings>,
        base: Option<String>,
        tls: Option<Arc<ClientConfig>>,
        own: Own,
        before: Option<&Self>,
    ) -> Self {
        let same = |before: &&Self| {
            let former = &before.issuer.settings;
            settings.name == former.name && settings.roots == former.roots
        };
        let before = before.filter(same);
        let known = before.map(|before| before.issuer.known()).unwrap_or_default();
        let pending = before.map(|before| Arc::clone(&before.pending)).unwrap_or_default();
        let issuer = Issuer::new(settings, Fetcher { tls, own }, known);
        Self { issuer, base, pending }
    }

    /// Whether a text has the form of a token of an issuer.
    pub(super) fn is_token(text: &str) -> bool {
        SignedToken::is_one(text)
    }

    /// Whose a token is.
    pub(super) async fn bearer(
        &self,
        memory: &Memory,
        peer: &Peer,
        token: &str,
    ) -> Result<Proved, Wrong> {
        memory.admit(peer, token)?;
        let settings = &self.issuer.settings;
        match self.issuer.verify(token, &settings.audience, None).await {
            Ok(claims) => {
                memory.prove(peer, token);
                let person = Person::of(settings, &claims)?;
                let who = person.who(settings)?;
                Ok(Proved { who, proof: Proof::Issuer(Arc::new(person), claims.until()) })
            }
            Err(Unproved::Refused(why)) => Err(memory.refuse(peer, &why.to_string())),
            Err(Unproved::Down(why)) => Err(down(&why)),
        }
    }

    /// Where people log in, for who asks; none where browsers cannot.
    pub(super) fn place(&self) -> Option<&str> {
        let issuer = &self.issuer.settings.issuer;
        self.base.as_ref().and_then(|_| issuer.host_str())
    }
}

/// What is told while an issuer cannot be asked.
fn down(why: &str) -> Wrong {
    Wrong::unavailable(format!(
        "the issuer that `admin.oidc` names cannot be asked, so that nobody proves by it who they \
         are; tokens of [[admin.token]], certificates and sessions go on: {why}"
    ))
}

#[cfg(test)]
pub(super) mod tests {
    use url::Url;

    use super::super::role::Role;
    use super::*;

    pub(in super::super) fn settings() -> OidcSettings {
        let name = "https://issuer.example/realm";
        OidcSettings {
            issuer: Url::parse(name).unwrap(),
            name: name.to_owned(),
            client_id: "post".to_owned(),
            secret: None,
            audience: "post".to_owned(),
            url: None,
            roots: Vec::new(),
            scopes: OidcSettings::SCOPES.map(str::to_owned).to_vec(),
            groups: OidcSettings::GROUPS.to_owned(),
            person: None,
            roles: vec![("staff".to_owned(), Role::Viewer), ("ops".to_owned(), Role::Admin)],
        }
    }
}
