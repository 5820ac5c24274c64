//! Any body, with what is said of it by its first octet.
#![no_main]
mod bodies;
mod said;
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let [first, body @ ..] = data {
        bodies::inspect(said::SAID[usize::from(*first) % said::SAID.len()], body);
    }
});
