//! What a token says of its holder.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::token::LEEWAY;

/// Claims that are proved.
#[derive(Clone, Debug, Default)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// These.
    pub const fn new(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    /// A claim by its name; where there is none of this name, by the steps that dots part:
    /// `realm_access.roles`. Some issuers have claims that are named as URLs are.
    pub fn find(&self, name: &str) -> Option<&Value> {
        if let Some(found) = self.0.get(name) {
            return Some(found);
        }
        let (first, rest) = name.split_once('.')?;
        rest.split('.').try_fold(self.0.get(first)?, |inner, step| inner.get(step))
    }

    /// A claim that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.find(name)?.as_str()
    }

    /// A claim that is a list of texts, or one.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let found = self.find(name);
        let list = found.and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).chain(found.and_then(Value::as_str))
    }

    /// Until when they count; none where they say nothing of it, or a time beyond all calendars.
    pub fn until(&self) -> Option<Timestamp> {
        let end = self.find("exp")?.as_f64()? + LEEWAY;
        Timestamp::from_duration(SignedDuration::try_from_secs_f64(end).ok()?).ok()
    }

    /// Adds what is not there yet.
    pub fn add(&mut self, more: Map<String, Value>) {
        for (name, value) in more {
            self.0.entry(name).or_insert(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: &Value) -> Claims {
        Claims::new(value.as_object().unwrap().clone())
    }

    #[test]
    fn names_have_steps_or_are_as_they_are() {
        let claims = claims(&json!({
            "groups": ["a", 7, "b"],
            "one": "c",
            "realm_access": { "roles": ["d"], "deep": { "er": "e" } },
            "https://corp.example/roles": ["f"],
        }));
        let all = |name: &str| claims.texts(name).collect::<Vec<_>>().join(" ");
        assert_eq!(all("groups"), "a b");
        assert_eq!((all("one"), all("realm_access.roles")), ("c".to_owned(), "d".to_owned()));
        assert_eq!(all("realm_access.deep.er"), "e");
        assert_eq!(all("https://corp.example/roles"), "f");
        for none in ["", ".", "nothing", "realm_access", "realm_access.", "one.two", "groups.0"] {
            assert_eq!(all(none), "", "{none}");
        }
    }

    #[test]
    fn they_count_until_their_end_and_a_little_longer() {
        let until = |value: Value| claims(&json!({ "exp": value })).until();
        assert_eq!(until(json!(70)).map(|end| end.as_second()), Some(100));
        assert_eq!(until(json!(0.5)).map(|end| end.as_millisecond()), Some(30_500));
        assert_eq!((until(json!(1e300)), until(Value::Null)), (None, None));
    }

    #[test]
    fn what_was_proved_first_stays() {
        let mut claims = claims(&json!({ "sub": "a" }));
        claims.add(json!({ "sub": "b", "email": "c" }).as_object().unwrap().clone());
        assert_eq!((claims.text("sub"), claims.text("email")), (Some("a"), Some("c")));
    }
}
