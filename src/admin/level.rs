//! What diagnostics tell, which may change while the program runs.

use std::fmt;

/// Who changes what diagnostics tell.
pub trait Levels: Send + Sync {
    /// What they tell now.
    fn get(&self) -> String;
    /// Lets them tell this from now on, or says what is wrong with it.
    fn set(&self, directives: &str) -> Result<(), String>;
}

/// The way to them, where there is one.
#[derive(Default)]
pub struct Level(pub Option<Box<dyn Levels>>);

impl fmt::Debug for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Level(..)")
    }
}
