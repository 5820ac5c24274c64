//! A text, without layers.
#![no_main]
use std::sync::{Arc, LazyLock};

use borderpost::data::{Detectors, Digester, Options, Scanner};

static DETECTORS: LazyLock<Arc<Detectors>> = LazyLock::new(|| {
    let digester = Digester::new(&[7; 32], "fuzz").expect("32 octets are a key");
    Arc::new(Detectors::new(digester))
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let found = [data.len().max(1), 13].map(|size| {
        let options = Options { records: true, ..Options::default() };
        let mut scanner = Scanner::new(DETECTORS.clone(), options);
        data.chunks(size).for_each(|piece| scanner.push(piece));
        scanner.finish()
    });
    assert_eq!(found[0], found[1]);
});
