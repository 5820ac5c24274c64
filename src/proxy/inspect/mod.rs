//! Bodies that are looked into on their way.

mod settings;

pub use settings::{Settings, When};
