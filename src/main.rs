//! Parses the arguments, runs one command and turns its end into an exit code.

use std::process::ExitCode;

use borderpost::cli;

fn main() -> ExitCode {
    cli::main()
}
