//! A document after its first line.
#![no_main]
mod bodies;
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    bodies::inspect((None, None), &[b"%PDF-1.7\n1 0 obj\n", data].concat());
});
