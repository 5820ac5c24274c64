//! Parses the arguments, runs one command and turns its end into an exit code.

use std::process::ExitCode;

use borderpost::cli;

/// Loading databases makes and drops large arrays; taking each anew from the system made the
/// start 1.5 times as long.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
