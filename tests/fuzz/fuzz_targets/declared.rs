//! What is said of a body: two lines, then the body.
#![no_main]
mod bodies;
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(3, '\n');
    let (media, coding) = (lines.next(), lines.next());
    bodies::inspect((media, coding), lines.next().unwrap_or_default().as_bytes());
});
