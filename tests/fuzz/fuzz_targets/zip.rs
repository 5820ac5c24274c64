//! An archive from its second header on.
#![no_main]
mod bodies;
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    bodies::inspect((None, None), &[b"PK\x03\x04", data].concat());
});
