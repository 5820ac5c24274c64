//! Retention as of a day to come, which the program itself refuses.

use borderpost::audit::journal::{Kind, Log, Settings, Signer, first_key};
use borderpost::audit::personal::KeyRing;
use borderpost::audit::retention::{Pass, Passed, Retention, retain};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Proxy;

/// What would be dropped so many days from now, dropped, with its notes in the journal.
pub(crate) fn retain_in(proxy: &Proxy, days: i64, retention: &Retention) -> Passed {
    let state = proxy.folder.path().join("state");
    let (journal, keys) = (state.join("journal"), KeyRing::at(&state.join("keys")));
    let origin = first_key(&journal).unwrap().unwrap().name().to_owned();
    let signer = Signer::open_or_make(&journal, &origin).unwrap();
    let now = Timestamp::now();
    let (mut log, _) = Log::open(&journal, Settings::default(), signer, now).unwrap();
    let mut announce = |note: &Value| {
        log.append(Kind::Note, now, note.to_string().as_bytes());
        log.close(now).map_err(|fault| fault.to_string())
    };
    let then = now + SignedDuration::from_hours(24 * days);
    let passed =
        retain(&journal, retention, &keys, then, Some(&mut announce), &mut Pass::default());
    let passed = passed.unwrap();
    assert_eq!(passed.failed, Vec::<String>::new());
    passed
}
