//! A description as a tree, whose references within the file are followed.

use serde_json::Value;

/// A reference leads to a reference at most so often.
const FOLLOWED: usize = 32;

/// The whole description.
#[derive(Debug)]
pub(super) struct Document {
    root: Value,
}

impl Document {
    pub(super) fn new(root: Value) -> Self {
        Self { root }
    }

    pub(super) fn root(&self) -> &Value {
        &self.root
    }

    /// What a value is, where it is a reference within the file; and the last reference. Those to
    /// other files lead nowhere.
    pub(super) fn resolved<'v>(&'v self, value: &'v Value) -> Option<(&'v Value, Option<&'v str>)> {
        let (mut value, mut last) = (value, None);
        for _ in 0..FOLLOWED {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
                return Some((value, last));
            };
            value = self.root.pointer(reference.strip_prefix('#')?)?;
            last = Some(reference);
        }
        None
    }
}
