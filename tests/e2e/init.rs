//! `borderpost init`, `completions` and `man`.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::{program, said};

#[test]
fn every_situation_is_written_and_checked() {
    let folder = TempDir::new().unwrap();
    for situation in ["laptop", "gateway", "sidecar", "test-bench"] {
        let file = format!("{situation}.toml");
        let mut init = program();
        init.current_dir(folder.path()).args(["init", situation, "--out", &file]);
        let text = said(&init.output().unwrap());
        assert!(text.starts_with(&format!("{file} is written. Next:\n\n1. ")), "{text}");
        assert_eq!(
            text.lines().filter(|line| line.starts_with(char::is_numeric)).count(),
            3,
            "{text}"
        );
        let mut check = program();
        let checked =
            said(&check.current_dir(folder.path()).args(["check", &file]).output().unwrap());
        assert!(checked.starts_with("ok: "), "{checked}");
        // What is there stays as it is.
        std::fs::write(folder.path().join(&file), "mine").unwrap();
        let output = init.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(why.contains("is there already and stays as it is"), "{why}");
        assert_eq!(std::fs::read_to_string(folder.path().join(&file)).unwrap(), "mine");
    }
}

/// Every command that is told next is one for a shell as it stands, and does what is said.
#[test]
fn what_is_told_next_can_be_copied() {
    let folder = TempDir::new().unwrap();
    let bin = Path::new(env!("CARGO_BIN_EXE_borderpost")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    for situation in ["laptop", "gateway", "sidecar", "test-bench"] {
        let own = folder.path().join(situation);
        std::fs::create_dir(&own).unwrap();
        let file = format!("my {situation}.toml");
        let init = program().current_dir(&own).args(["init", situation, "--out", &file]).output();
        let text = said(&init.unwrap());
        // What a service keeps stays in the folder of the test.
        let written = std::fs::read_to_string(own.join(&file)).unwrap();
        std::fs::write(own.join(&file), written.replace("\"/var/lib/borderpost\"", "\"state\""))
            .unwrap();
        let commands: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("   ")).collect();
        assert!(commands.len() >= 3, "{text}");
        for command in commands {
            let mut shell = Command::new("bash");
            shell.current_dir(&own).env("PATH", &path).env_remove("BORDERPOST_CONFIG");
            // What runs until it is stopped, or needs a network, is only read.
            let runs = ["run --config", "exec "].iter().any(|word| command.contains(word));
            let output = shell.args([if runs { "-nc" } else { "-ec" }, command]).output().unwrap();
            assert!(
                output.status.success(),
                "{command}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        assert_eq!(own.join("roots.pem").exists(), ["laptop", "sidecar"].contains(&situation));
    }
}

#[test]
fn nobody_is_asked_without_a_terminal() {
    let folder = TempDir::new().unwrap();
    let output = program().current_dir(folder.path()).arg("init").output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(why.contains("say for what: laptop, gateway, sidecar, test-bench"), "{why}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// What bash offers for the last of these words.
fn offered(script: &str, words: &[&str]) -> String {
    let (line, last) = (words.join(" "), words.len() - 1);
    let [before, now] = [words[last - 1], words[last]];
    let script = format!(
        "{script}\nCOMP_WORDS=({line}{}); COMP_CWORD={last}\n_borderpost borderpost \"{now}\" \"{before}\"\n\
         echo \"${{COMPREPLY[@]}}\"",
        if now.is_empty() { "''" } else { "" }
    );
    said(&Command::new("bash").args(["-c", &script]).output().unwrap()).trim().to_owned()
}

#[test]
fn a_shell_takes_what_it_completes() {
    let text = said(&program().args(["completions", "bash"]).output().unwrap());
    for (words, expected) in [
        (vec!["borderpost", "ex"], "exec explain"),
        (vec!["borderpost", "completions", "z"], "zsh"),
        (vec!["borderpost", "env", "--shell", ""], "bash fish powershell"),
        (vec!["borderpost", "audit", "top", "p"], "pack principal"),
        (vec!["borderpost", "audit", "report", "--format", "h"], "html"),
        (vec!["borderpost", "audit", "export", "--format", "c"], "cef combined csv"),
        (vec!["borderpost", "audit", "export", "--outcome", "b"], "block"),
        (vec!["borderpost", "audit", "query", "--would", "re"], "require refused"),
        (vec!["borderpost", "reports", "close", "--outcome", ""], "reported not-due"),
    ] {
        assert_eq!(offered(&text, &words), expected, "{words:?}");
    }
    let situations = offered(&text, &["borderpost", "init", ""]);
    for (begun, situation) in
        [("l", "laptop"), ("g", "gateway"), ("si", "sidecar"), ("test", "test-bench")]
    {
        assert!(situations.contains(situation), "{situations}");
        assert_eq!(offered(&text, &["borderpost", "init", begun]), situation);
    }
    for shell in ["zsh", "fish", "powershell", "elvish"] {
        let text = said(&program().args(["completions", shell]).output().unwrap());
        assert!(text.contains("inspect-all"), "{shell}");
    }
    for shell in ["zsh", "fish"] {
        let text = said(&program().args(["completions", shell]).output().unwrap());
        for word in ["laptop", "test-bench", "leef", "principal", "elvish", "powershell", "not-due"]
        {
            assert!(text.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let page = said(&program().arg("man").output().unwrap());
    assert!(page.contains(".TH borderpost 1") && page.contains("borderpost\\-exec(1)"), "{page}");
    assert!(!page.contains("inside"), "what is of no use by itself stays hidden");
    let folder = TempDir::new().unwrap();
    said(&program().args(["man", "--out"]).arg(folder.path()).output().unwrap());
    let text = std::fs::read_to_string(folder.path().join("borderpost-exec.1")).unwrap();
    assert!(text.contains("\\-\\-geo"), "{text}");
    // A reader that goes away is no failure.
    let mut man = program();
    let mut child = man.arg("man").stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}
