//! In which record a field stands, counted as the scanner counts them.

use super::super::Syntax;
use super::super::scanner::{JsonNesting, XmlNesting};

/// Counts along.
#[derive(Debug)]
pub(super) struct Records {
    form: Form,
    number: u64,
}

#[derive(Debug)]
enum Form {
    Json(JsonNesting),
    Xml(XmlNesting),
    One,
}

impl Records {
    pub(super) fn of(syntax: Syntax) -> Self {
        let form = match syntax {
            Syntax::Json | Syntax::JsonLines => {
                Form::Json(JsonNesting::new(syntax == Syntax::JsonLines))
            }
            Syntax::Xml => Form::Xml(XmlNesting::default()),
            Syntax::Csv { .. } | Syntax::Form | Syntax::Sql | Syntax::Text => Form::One,
        };
        Self { form, number: 0 }
    }

    /// The record that is open.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn enter(&mut self, array: bool) {
        match &mut self.form {
            Form::Json(nesting) => self.number += u64::from(nesting.open(array)),
            Form::Xml(nesting) => nesting.open(),
            Form::One => {}
        }
    }

    pub(super) fn leave(&mut self) {
        let ends = match &mut self.form {
            Form::Json(nesting) => nesting.close(),
            Form::Xml(nesting) => nesting.close(),
            Form::One => false,
        };
        self.number += u64::from(ends);
    }
}
