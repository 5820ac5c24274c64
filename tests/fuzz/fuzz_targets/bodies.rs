//! What all targets do with a body: push it in two ways, and hold that both find the same.

use std::sync::{Arc, LazyLock};

use borderpost::data::{Described, Detectors, Digester, Findings, Inspection, Inspector, Limits};

static INSPECTOR: LazyLock<Arc<Inspector>> = LazyLock::new(|| {
    let digester = Digester::new(&[7; 32], "fuzz").expect("32 octets are a key");
    // Less than a proxy lets through: a run shall end soon.
    let limits = Limits { expanded: 4 << 20, parts: 200, ..Limits::default() };
    Arc::new(Inspector::new(Arc::new(Detectors::new(digester)), limits))
});

/// Inspects a body in pieces, and holds what must hold however it came.
pub(crate) fn inspect((content_type, content_encoding): (Option<&str>, Option<&str>), body: &[u8]) {
    let described = Described { content_type, content_encoding, ..Described::default() };
    let found = [body.len().max(1), 7].map(|size| {
        let mut inspection = Inspection::new(&INSPECTOR, &described);
        let (mut pushed, mut decided) = (0, 0);
        for piece in body.chunks(size) {
            inspection.push(piece);
            pushed += piece.len();
            let now = inspection.decided();
            assert!(decided <= now && now <= u64::try_from(pushed).unwrap_or(u64::MAX));
            decided = now;
        }
        inspection.finish()
    });
    let [whole, pieces] = found;
    let unread = |findings: &Findings| -> Vec<String> {
        let tags = findings.tags();
        let all = tags.iter().map(ToString::to_string);
        all.filter(|tag| tag.starts_with("uninspectable.")).collect()
    };
    let told = unread(&whole);
    assert_eq!(told, unread(&pieces), "the pieces show in what was not read");
    // How far a decoder comes before it meets a fault or a bound depends on the pieces.
    let torn = ["broken", "ratio", "too-large"].map(|why| format!("uninspectable.{why}"));
    if !told.iter().any(|tag| torn.contains(tag)) {
        assert_eq!(whole, pieces, "the pieces show");
    }
    assert!(whole.kept().len() <= borderpost::data::MAX_FINDINGS);
}
