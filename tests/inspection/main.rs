//! What is looked into of a body, however it is wrapped and however it comes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod bodies;
mod documents;
mod evasion;
mod fuzz_smoke;
mod layers;
mod make;
#[path = "../fuzz/fuzz_targets/said.rs"]
mod said;
#[path = "../fuzz/fuzz_targets/bodies.rs"]
mod targets;
