//! Who somebody is here, by what their issuer says of them.

use std::sync::Arc;

use http::StatusCode;
use serde_json::Value;

use crate::auth::jwt::Claims;

use super::super::reply::Wrong;
use super::super::role::{By, Who};
use super::settings::OidcSettings;

/// Claims that name somebody, the best first. Only `sub` is always there.
const NAMES: [&str; 3] = ["email", "preferred_username", "sub"];

/// Letters of a name.
const MOST: usize = 200;

/// What an issuer says of somebody.
#[derive(Debug)]
pub(in super::super) struct Person {
    /// By which settings that was read.
    settings: Arc<OidcSettings>,
    name: Arc<str>,
    subject: Option<Arc<str>>,
    groups: Vec<Box<str>>,
}

impl Person {
    /// Reads what is proved.
    pub(in super::super) fn of(
        settings: &Arc<OidcSettings>,
        claims: &Claims,
    ) -> Result<Self, Wrong> {
        let Some(name) = name(settings, claims) else {
            let claim = settings.person.as_deref().unwrap_or("sub");
            return Err(refused(format!(
                "the issuer does not say who this is: no `{claim}`, or one that it has not verified"
            )));
        };
        Ok(Self {
            settings: Arc::clone(settings),
            name: Arc::from(name),
            subject: claims.text("sub").map(Arc::from),
            groups: claims.texts(&settings.groups).map(Box::from).collect(),
        })
    }

    /// Who it is here, with the strongest role of their groups.
    pub(in super::super) fn who(&self, settings: &OidcSettings) -> Result<Who, Wrong> {
        if !settings.reads_people_as(&self.settings) {
            let why = "the configuration has another issuer now, or reads something else of what it \
                       says; log in again";
            return Err(refused(why.to_owned()));
        }
        let of = |group: &str| settings.roles.iter().find(|(known, _)| known == group);
        let role = self.groups.iter().filter_map(|group| of(group)).map(|(_, role)| *role).max();
        let Some(role) = role else {
            let (name, groups) = (&self.name, &settings.groups);
            return Err(refused(format!(
                "`{name}` is in no group that `admin.oidc.roles` names (the claim `{groups}`)"
            )));
        };
        let subject = self.subject.clone();
        Ok(Who { subject, ..Who::proved(&self.name, role, By::Oidc) })
    }
}

fn refused(why: String) -> Wrong {
    Wrong::new(StatusCode::FORBIDDEN, why)
}

/// Whether the login itself says enough, or more must be asked for.
pub(super) fn is_enough(settings: &OidcSettings, claims: &Claims) -> bool {
    let named = match &settings.person {
        Some(claim) => claims.find(claim).is_some(),
        // `sub` is always there, and says little to people.
        None => NAMES.into_iter().any(|claim| claim != "sub" && claims.find(claim).is_some()),
    };
    named && claims.find(&settings.groups).is_some()
}

fn name<'c>(settings: &'c OidcSettings, claims: &'c Claims) -> Option<&'c str> {
    // An address of which nobody knows whether it is theirs would name somebody else.
    let unverified = claims.find("email_verified") == Some(&Value::Bool(false));
    let fits = |name: &&str| {
        !name.trim().is_empty()
            && name.chars().count() <= MOST
            && !name.chars().any(char::is_control)
    };
    let of = |claim: &str| {
        let known = claim != "email" || !unverified;
        claims.text(claim).filter(fits).filter(|_| known)
    };
    match &settings.person {
        Some(claim) => of(claim),
        None => NAMES.into_iter().find_map(of),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::role::Role;
    use super::super::tests::settings;
    use super::*;

    fn of(settings: &OidcSettings, said: &Value) -> Result<(String, Role), String> {
        let claims = Claims::new(said.as_object().unwrap().clone());
        let person = Person::of(&Arc::new(settings.clone()), &claims);
        let who = person.and_then(|person| person.who(settings)).map_err(|wrong| wrong.detail)?;
        assert_eq!(who.subject.as_deref(), claims.text("sub"));
        Ok((who.name.to_string(), who.role))
    }

    #[test]
    fn the_strongest_group_counts() {
        let of = |groups: Value| {
            let said = json!({ "sub": "7", "email": "ann@corp.example", "groups": groups });
            of(&settings(), &said).map(|(_, role)| role)
        };
        assert_eq!(of(json!(["staff"])), Ok(Role::Viewer));
        assert_eq!(of(json!(["x", "ops", "staff"])), Ok(Role::Admin));
        assert_eq!(of(json!("staff")), Ok(Role::Viewer));
        for none in [json!([]), json!(["Staff", "staff "]), json!("staff ops"), json!(7), json!({})]
        {
            assert!(of(none.clone()).unwrap_err().contains("`ann@corp.example` is in no group"));
        }
    }

    #[test]
    fn somebody_is_called_as_the_issuer_vouches_for() {
        let mut settings = settings();
        let named = |settings: &OidcSettings, mut said: Value| {
            said["groups"] = json!(["staff"]);
            of(settings, &said).map(|(name, _)| name)
        };
        let all = json!({ "sub": "7", "email": "a@b", "preferred_username": "ann" });
        assert_eq!(named(&settings, all.clone()).unwrap(), "a@b");
        let mut unverified = all;
        unverified["email_verified"] = json!(false);
        assert_eq!(named(&settings, unverified.clone()).unwrap(), "ann");
        assert_eq!(named(&settings, json!({ "sub": "7" })).unwrap(), "7");
        settings.person = Some("email".to_owned());
        assert!(named(&settings, unverified).unwrap_err().contains("no `email`"));
        assert!(named(&settings, json!({ "sub": "7" })).unwrap_err().contains("no `email`"));
        settings.person = Some("profile.name".to_owned());
        assert_eq!(named(&settings, json!({ "profile": { "name": "Ann" } })).unwrap(), "Ann");
        for odd in [json!(""), json!(" "), json!("a\u{1b}[2J"), json!("a".repeat(201)), json!(7)] {
            assert!(named(&settings, json!({ "sub": "7", "profile": { "name": odd } })).is_err());
        }
    }
}
