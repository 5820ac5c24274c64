//! Any body, with what is said of it by its first octet.
#![no_main]
mod bodies;
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let [first, body @ ..] = data {
        bodies::inspect(bodies::SAID[usize::from(*first) % bodies::SAID.len()], body);
    }
});
