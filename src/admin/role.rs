//! Who asks, and what they may.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::reply::Wrong;

/// What somebody may; each may what the one before may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees everything but personal fields.
    Viewer,
    /// Sees everything.
    Auditor,
    /// Changes things.
    Admin,
}

impl Role {
    /// Every role, and its word.
    pub const WORDS: [(&'static str, Self); 3] =
        [("viewer", Self::Viewer), ("auditor", Self::Auditor), ("admin", Self::Admin)];

    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }
}

/// How somebody has proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum By {
    /// Nobody has to: they are on this machine.
    Local,
    Token,
    Certificate,
    /// A token of an issuer.
    Oidc,
    Session,
}

/// Who asks.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Who {
    #[serde(serialize_with = "text")]
    pub(super) name: Arc<str>,
    pub(super) role: Role,
    pub(super) by: By,
    /// Who it is at their issuer, whatever name they have there.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "optional_text")]
    pub(super) subject: Option<Arc<str>>,
    /// When their session ends.
    #[serde(serialize_with = "moment")]
    pub(super) expires: Option<Timestamp>,
}

impl Who {
    /// Somebody on this machine, where nobody has to prove anything.
    pub(super) fn local() -> Self {
        Self::proved(&Arc::from("local"), Role::Admin, By::Local)
    }

    /// Somebody who has proved it.
    pub(super) fn proved(name: &Arc<str>, role: Role, by: By) -> Self {
        Self { name: Arc::clone(name), role, by, subject: None, expires: None }
    }

    /// The same by a session that lasts so long.
    pub(super) fn in_session(self, expires: Timestamp) -> Self {
        Self { by: By::Session, expires: Some(expires), ..self }
    }

    /// Who it is, as notes of the journal say it.
    pub(super) fn noted(&self) -> Value {
        let mut noted = json!({ "who": &*self.name, "role": self.role, "by": self.by });
        // A name at an issuer may come to be somebody else's.
        if let (Some(subject), Some(noted)) = (&self.subject, noted.as_object_mut()) {
            noted.insert("subject".to_owned(), json!(&**subject));
        }
        noted
    }

    /// Refuses what they may not.
    pub(super) fn may(&self, least: Role) -> Result<(), Wrong> {
        if self.role >= least {
            return Ok(());
        }
        let (name, own) = (&self.name, self.role.name());
        let detail = format!("this needs the role {}; `{name}` is {own}", least.name());
        Err(Wrong::new(http::StatusCode::FORBIDDEN, detail))
    }

    /// Whether they may see who asked for what.
    pub(super) fn sees_people(&self) -> bool {
        self.role >= Role::Auditor
    }

    /// A filter by a person is a look at them.
    pub(super) fn may_ask_for_people(&self, what: &str) -> Result<(), Wrong> {
        if self.sees_people() {
            return Ok(());
        }
        let detail = format!("{what} needs the role auditor; `{}` is viewer", self.name);
        Err(Wrong::new(http::StatusCode::FORBIDDEN, detail))
    }
}

#[expect(clippy::ref_option, reason = "serde hands fields over by reference")]
fn moment<S: serde::Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => to.collect_str(at),
        None => to.serialize_none(),
    }
}

#[expect(clippy::ref_option, reason = "serde hands fields over by reference")]
fn optional_text<S: serde::Serializer>(text: &Option<Arc<str>>, to: S) -> Result<S::Ok, S::Error> {
    match text {
        Some(text) => to.serialize_str(text),
        None => to.serialize_none(),
    }
}

fn text<S: serde::Serializer>(text: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(text)
}
