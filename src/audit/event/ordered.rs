//! The fields of a line in their order, octet for octet but for those that are changed.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// An object of JSON.
#[derive(Clone, Debug)]
pub(in super::super) struct Ordered(Vec<(String, Box<RawValue>)>);

impl Ordered {
    pub(in super::super) fn read(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// What it is as a line, without its end.
    pub(in super::super) fn line(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("there are only string keys")
    }

    pub(in super::super) fn raw(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(one, _)| one == name).map(|(_, raw)| &**raw)
    }

    pub(in super::super) fn value(&self, name: &str) -> Option<Value> {
        serde_json::from_str(self.raw(name)?.get()).ok()
    }

    /// Gives a field a value, at the end where there was none.
    pub(in super::super) fn set(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        let raw = to_raw_value(value).expect("there are only string keys");
        match self.0.iter_mut().find(|(one, _)| one == name) {
            Some((_, place)) => *place = raw,
            None => self.0.push((name.to_owned(), raw)),
        }
    }

    fn remove(&mut self, name: &str) {
        self.0.retain(|(one, _)| one != name);
    }

    /// Takes out of a record what nobody knows where the program ended before the request did: how
    /// much passed, and how long that took.
    pub(in super::super) fn forget_end(&mut self) {
        self.set("ended", &Value::Null);
        self.remove("bytes_out");
        self.remove("bytes_in");
        let timings = self.raw("timings_us").and_then(|raw| Self::read(raw.get().as_bytes()));
        if let Some(mut timings) = timings {
            timings.remove("total");
            self.set("timings_us", &timings);
        }
    }
}

impl Serialize for Ordered {
    fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        into.collect_map(self.0.iter().map(|(name, raw)| (name, raw)))
    }
}

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Each)
    }
}

struct Each;

impl<'de> Visitor<'de> for Each {
    type Value = Ordered;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
        let mut fields = Vec::with_capacity(48);
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Ordered(fields))
    }
}
