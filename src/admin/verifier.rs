//! What the last verification of the journal has found.

use std::sync::Mutex;

use serde_json::Value;

/// Checks one journal at a time, and keeps what was found.
#[derive(Debug, Default)]
pub(super) struct Verifier(Mutex<Option<Value>>);

impl Verifier {
    /// Takes the place of the last one, unless one runs.
    pub(super) fn begin(&self, running: Value) -> bool {
        let mut last = self.0.lock().expect("no thread panics with the result");
        let runs = last.as_ref().is_some_and(|last| last["state"] == "running");
        if !runs {
            *last = Some(running);
        }
        !runs
    }

    /// What it has found.
    pub(super) fn set(&self, value: Value) {
        *self.0.lock().expect("no thread panics with the result") = Some(value);
    }

    /// It did not come about.
    pub(super) fn clear(&self) {
        *self.0.lock().expect("no thread panics with the result") = None;
    }

    /// The last one.
    pub(super) fn last(&self) -> Option<Value> {
        self.0.lock().expect("no thread panics with the result").clone()
    }
}
