//! What README shows is what the program does.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use borderpost::audit::Event;
use borderpost::config::{self, Origin};
use borderpost::telemetry::NAMES;

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    std::fs::read_to_string(path).unwrap()
}

/// The blocks of one language, without their fences.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let after = text.split(&fence).skip(1);
    after.map(|rest| rest.split("\n```").next().unwrap().to_owned()).collect()
}

/// The first cells of the table whose head begins with `head`.
fn first_column(text: &str, head: &str) -> Vec<String> {
    let rows = text.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.split('|').nth(1).unwrap().trim().trim_matches('`').to_owned()).collect()
}

/// Whether a line fits, where `…` stands for anything.
fn fits(wanted: &str, found: &str) -> bool {
    let mut rest = found;
    for (at, part) in wanted.split('…').enumerate() {
        match rest.find(part) {
            Some(place) if at > 0 || place == 0 => rest = rest.split_at(place + part.len()).1,
            Some(_) | None => return false,
        }
    }
    wanted.ends_with('…') || rest.is_empty()
}

/// Whether lines fit, where `...` stands for any number of them.
fn hold(wanted: &[&str], found: &[&str], all: &str) {
    match wanted.split_first() {
        None => assert!(found.is_empty(), "README ends before {found:?} in\n{all}"),
        Some((&"...", rest)) => {
            let next = rest.first().copied().unwrap_or_default();
            let start = if rest.is_empty() {
                Some(found.len())
            } else {
                found.iter().position(|line| fits(next, line))
            };
            let start = start.unwrap_or_else(|| panic!("no line `{next}` in\n{all}"));
            hold(rest, found.split_at(start).1, all);
        }
        Some((line, rest)) => {
            let Some((first, others)) = found.split_first() else {
                panic!("`{line}` is missing in\n{all}")
            };
            assert!(fits(line, first), "README: {line}\nfound:  {first}\nin\n{all}");
            hold(rest, others, all);
        }
    }
}

/// The program, found by the name that README uses.
fn shell(command: &str) -> Command {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_borderpost"));
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", program.parent().unwrap().display());
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).env("PATH", path).env_remove("http_proxy").env_remove("no_proxy");
    shell
}

/// A running proxy on free ports.
struct Running(Child, String, Vec<String>);

impl Running {
    fn start() -> Self {
        let text = config::DEFAULT
            .replace("127.0.0.1:3128", "127.0.0.1:0")
            .replace("127.0.0.1:3129", "127.0.0.1:0");
        let file = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("readme-{}.toml", std::process::id()));
        std::fs::write(&file, text).unwrap();
        let mut command = shell(&format!("exec borderpost run --config {}", file.display()));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let lines: Vec<_> = lines.take(10).collect();
        let address =
            lines.iter().find_map(|line| line.strip_prefix("proxy      http://")).unwrap();
        Self(child, address.to_owned(), lines.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn every_command_prints_what_is_shown() {
    let running = Running::start();
    let mut tried = 0;
    for block in blocks(&readme(), "console") {
        let (command, wanted) = block.split_once('\n').unwrap();
        let command = command.strip_prefix("$ ").unwrap();
        let printed = if command == "borderpost run" {
            running.2.join("\n")
        } else {
            let command = command.replace("127.0.0.1:3128", &running.1);
            let output = shell(&command).output().unwrap();
            assert!(
                output.status.success(),
                "{command}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            let printed = String::from_utf8(output.stdout).unwrap().replace('\r', "");
            // Nor has the proxy that is shown a file of its own.
            printed.replace(" --config FILE", "")
        };
        // The test's proxy has other ports than the ones shown.
        let wanted = wanted
            .replace("127.0.0.1:3128", "127.0.0.1:…")
            .replace("127.0.0.1:3129", "127.0.0.1:…");
        let wanted: Vec<_> = wanted.lines().collect();
        let found: Vec<_> = printed.trim_end().lines().collect();
        hold(&wanted, &found, &printed);
        tried += 1;
    }
    assert!(tried >= 5, "README shows {tried} commands");
}

#[test]
fn every_configuration_is_right() {
    let blocks = blocks(&readme(), "toml");
    assert!(blocks.len() >= 4);
    for block in blocks {
        // An example may stand on `home` of the shipped configuration.
        let text = if block.contains("[jurisdiction.home]") {
            block
        } else {
            format!("{block}\n[jurisdiction.home]\ncountries = [\"US\"]\n")
        };
        if let Err(problems) = config::load(&Origin::Text { name: "README.md".to_owned(), text }) {
            panic!("{problems}");
        }
    }
}

#[test]
fn every_metric_is_listed() {
    assert_eq!(first_column(&readme(), "| metric |"), NAMES);
}

#[test]
fn every_field_of_a_record_is_listed() {
    let output = shell("borderpost demo").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, lines) = text.split_once("one record for each request:\n").unwrap();
    let listed = first_column(&readme(), "| field |");
    assert_eq!(lines.lines().count(), 10, "one record for each request");
    for line in lines.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let mut again = Vec::new();
        Event::read(line).unwrap().write(&mut again).unwrap();
        assert_eq!(again, line.as_bytes(), "it is read and written again as it was");
        let mut fields: Vec<_> = record.as_object().unwrap().keys().cloned().collect();
        let mut wanted = listed.clone();
        fields.sort();
        wanted.sort();
        assert_eq!(fields, wanted);
    }
}
