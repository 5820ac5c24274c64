//! Schemas: which of their parts are marked as sensitive.

use serde_json::Value;

use crate::data::{Pointer, Tag};

use super::document::Document;

/// Schemas within schemas, and steps in all, that are followed.
const DEPTH: usize = 32;
const STEPS: usize = 200_000;

/// Tags of the categories of `x-data-classification`.
const CATEGORIES: [(&str, &str); 7] = [
    ("pii", "pi"),
    ("financial", "financial"),
    ("government-id", "id.government"),
    ("health", "health"),
    ("secret", "secret"),
    ("credential", "secret"),
    ("contact", "id.contact"),
];

/// Walks through one schema.
pub(super) struct Walk<'d> {
    document: &'d Document,
    /// References that are open: a schema within itself is looked at once.
    open: Vec<&'d str>,
    steps: usize,
    /// What is marked, and where.
    pub(super) found: Vec<(Pointer, Tag)>,
    /// Whether some of it was too deep, too large or elsewhere.
    pub(super) cut: bool,
}

impl<'d> Walk<'d> {
    pub(super) fn new(document: &'d Document) -> Self {
        Self { document, open: Vec::new(), steps: 0, found: Vec::new(), cut: false }
    }

    /// Looks at a schema that stands at a pointer.
    pub(super) fn schema(&mut self, schema: &'d Value, at: &Pointer, depth: usize) {
        self.steps += 1;
        if depth > DEPTH || self.steps > STEPS {
            self.cut = true;
            return;
        }
        // OpenAPI 3.1 lets marks stand beside a reference.
        self.marks(schema, at);
        let Some((inner, reference)) = self.document.resolved(schema) else {
            self.cut = true;
            return;
        };
        if let Some(reference) = reference {
            if self.open.contains(&reference) {
                return;
            }
            self.open.push(reference);
            self.marks(inner, at);
        }
        self.parts(inner, at, depth + 1);
        if reference.is_some() {
            self.open.pop();
        }
    }

    fn parts(&mut self, schema: &'d Value, at: &Pointer, depth: usize) {
        let object = |key: &str| schema.get(key).and_then(Value::as_object).into_iter().flatten();
        let array = |key: &str| schema.get(key).and_then(Value::as_array).into_iter().flatten();
        for (name, part) in object("properties") {
            self.schema(part, &at.below(name), depth);
        }
        for (_, part) in object("patternProperties") {
            self.schema(part, &at.below_any(), depth);
        }
        for key in ["items", "additionalProperties"] {
            if let Some(part) = schema.get(key).filter(|part| part.is_object()) {
                self.schema(part, &at.below_any(), depth);
            }
        }
        for (index, part) in array("prefixItems").enumerate() {
            self.schema(part, &at.below(&index.to_string()), depth);
        }
        for part in ["allOf", "oneOf", "anyOf"].into_iter().flat_map(array) {
            self.schema(part, at, depth);
        }
    }

    fn marks(&mut self, schema: &Value, at: &Pointer) {
        self.found.extend(tags(schema).into_iter().map(|tag| (at.clone(), tag)));
    }
}

/// The tags that marks of a schema or a parameter stand for.
pub(super) fn tags(schema: &Value) -> Vec<Tag> {
    let says = |key: &str| match schema.get(key) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(_) => true,
    };
    let mut tags = Vec::new();
    if let Some(class) = schema.get("x-data-classification") {
        let text = |key: &str| class.get(key).and_then(Value::as_str).map(str::to_lowercase);
        let sensitivity = text("sensitivity").unwrap_or_else(|| "confidential".to_owned());
        if sensitivity == "public" {
            return tags;
        }
        let category = text("category").or_else(|| class.as_str().map(str::to_lowercase));
        let known = CATEGORIES.iter().find(|(name, _)| Some(*name) == category.as_deref());
        let tag = match known {
            Some((_, tag)) => Tag::parse(tag),
            None => Tag::parse(&format!("label.class.{sensitivity}")),
        };
        tags.extend(tag);
    }
    for (key, tag) in [
        ("x-pii", "pi"),
        ("x-ms-secret", "secret"),
        ("x-sensitive-data", "label.class.confidential"),
    ] {
        if says(key) {
            tags.extend(Tag::parse(tag));
        }
    }
    tags.sort();
    tags.dedup();
    tags
}
