//! Parts.
#![no_main]
mod bodies;
mod said;
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    bodies::inspect(said::SAID[6], data);
});
