//! Tells the program of which revision it is made and by which compiler. `BORDERPOST_REVISION` says the
//! revision where there is no git; a debug build, which is made again and again, asks nobody.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=src/build.rs");
    println!("cargo::rerun-if-env-changed=BORDERPOST_REVISION");
    let given = env::var("BORDERPOST_REVISION").ok().filter(|given| !given.is_empty());
    let release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let revision = given.or_else(|| revision().filter(|_| release));
    let compiler = env::var("RUSTC").ok().and_then(|rustc| said(&rustc, &["--version"]));
    let version = compiler.as_deref().and_then(|text| text.split(' ').nth(1));
    let told = |name, value: Option<&str>| {
        println!("cargo::rustc-env={name}={}", value.unwrap_or("unknown"));
    };
    told("BORDERPOST_REVISION", revision.as_deref());
    told("BORDERPOST_RUSTC", version);
}

/// What git says of this folder, unless it lies in the repository of something else.
fn revision() -> Option<String> {
    let above = said("git", &["rev-parse", "--show-prefix"])?;
    let log = said("git", &["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        println!("cargo::rerun-if-changed={log}");
    }
    said("git", &["rev-parse", "--short=12", "HEAD"]).filter(|_| above.is_empty())
}

fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    Some(text.trim().to_owned())
}
