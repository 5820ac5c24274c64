//! Files of credentials: who may read them, and what is in them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::{Credentials, passwd, run_passwd};
use crate::support::{private, program};

#[test]
fn passwd_writes_files_that_only_their_owner_reads() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("users");
    passwd(&file, "ann", &[], "one\n");
    fs::write(&file, format!("# staff\n{}", fs::read_to_string(&file).unwrap())).unwrap();
    passwd(&file, "bob", &[], "two");
    passwd(&file, "ann", &[], "three");
    let text = fs::read_to_string(&file).unwrap();
    let names: Vec<_> = text.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(names, ["# staff", "ann", "bob"]);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    passwd(&file, "bob", &["--remove"], "");
    assert!(!fs::read_to_string(&file).unwrap().contains("bob"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    for (name, more, password, code, word) in [
        ("ann", &[][..], "x", 1, "chmod 600"),
        ("a:b", &[], "x", 64, "without spaces"),
        ("@a", &["--token"], "", 64, "begins with"),
        ("ann", &[], "", 64, "1 to 1024"),
        ("ann", &[], "a\nb", 64, "control"),
    ] {
        let output = run_passwd(&file, name, more, password);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(code) && said.contains(word), "{name}: {said}");
    }
    let before = fs::read_to_string(&file).unwrap();
    private(&file, &before);
    assert_eq!(run_passwd(&file, "gone", &["--remove"], "").status.code(), Some(1));
    fs::write(folder.path().join("users.new"), "").unwrap();
    let output = run_passwd(&file, "ann", &[], "x");
    assert!(String::from_utf8_lossy(&output.stderr).contains("remove it"));
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
}

#[test]
fn a_file_that_everybody_reads_is_a_mistake() {
    let credentials = Credentials::new();
    let file = credentials.folder.path().join("users");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let config = credentials.folder.path().join("c.toml");
    fs::write(&config, "[auth]\nusers = \"users\"\n").unwrap();
    let output = program().arg("check").arg(&config).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("chmod 600") && said.contains("c.toml:2:9"), "{said}");
}
