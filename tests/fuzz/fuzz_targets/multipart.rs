//! Parts.
#![no_main]
mod bodies;
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    bodies::inspect(bodies::SAID[6], data);
});
