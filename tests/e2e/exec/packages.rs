//! Programs that fetch: git, pip, npm and cargo, each from a folder of files, let be and refused.

use std::path::{Path, PathBuf};
use std::process::Command;

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::support::{BOTH, Config, Site, answer, given, said, script, whole};

use super::{ABROAD, REFUSED, Stage, Told, url};

/// Serves the files of a folder.
fn shelf(stage: &Stage) -> (Site, PathBuf) {
    let root = stage.path("shelf");
    std::fs::create_dir(&root).unwrap();
    let from = root.clone();
    let site = Site::start(ABROAD, &stage.identity.config(), BOTH, move |request| {
        let path = request.uri().path().trim_start_matches('/');
        let index = if path.ends_with('/') { "index.html" } else { "" };
        let file =
            std::fs::read(from.join(path).join(index).to_str().unwrap().trim_end_matches('/'));
        let kind = if index.is_empty() { "application/octet-stream" } else { "text/html" };
        Box::pin(async move {
            match file {
                Ok(file) => answer(200, kind, whole(file)),
                Err(_) => answer(404, "text/plain", whole("nothing is here")),
            }
        })
    });
    (site, root)
}

fn put(root: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// A folder of the stage as a `.tar.gz`.
fn archive(stage: &Stage, folder: &str) -> Vec<u8> {
    let mut tar = Command::new("tar");
    tar.current_dir(stage.folder.path()).args(["-czf", "-", folder]);
    let output = tar.output().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// A rule that refuses every `GET`, for programs that cannot tag.
fn closed(config: Config) -> Config {
    config.rules().rule("closed", "block", "", "methods = [\"GET\"]")
}

/// What was let be, and what is refused by a rule where it stands.
#[track_caller]
fn hold(site: &Site, told: &Told, paths: &[&str]) {
    assert_eq!(told.code, Some(0), "{told:#?}");
    let visits = site.visits();
    let visited: Vec<_> = visits.iter().map(|visit| visit.path.as_str()).collect();
    for path in paths {
        assert!(visited.contains(path), "{path}: {visited:?}");
    }
    let many = if visits.len() == 1 { "request" } else { "requests" };
    told.says(&format!("borderpost exec: {} {many} to 1 destination in 1 place\n", visits.len()));
    told.says("refused    nothing");
}

#[track_caller]
fn refused(stage: &Stage, told: &Told) {
    assert_eq!(told.code, Some(REFUSED), "{told:#?}");
    let line = stage.line_of("id = \"closed\"");
    told.says(&format!("refused    local/closed [block]  exec.toml:{line}\n"));
}

/// Runs it by the shipped rules, then by one that closes everything.
fn both(stage: &mut Stage, site: &Site, paths: &[&str], add: impl Fn(&mut Command, &str)) {
    let mut command = stage.exec(&[]);
    add(&mut command, "got");
    let told = stage.ended(&mut command);
    hold(site, &told, paths);
    stage.config = closed(stage.config.clone());
    let seen = site.visits().len();
    let mut command = stage.exec(&[]);
    add(&mut command, "refused");
    let told = stage.ended(&mut command);
    refused(stage, &told);
    assert_eq!(site.visits().len(), seen);
}

#[test]
fn git() {
    let mut stage = Stage::new();
    let (site, root) = shelf(&stage);
    let git = |folder: &Path, arguments: &[&str]| {
        let mut git = Command::new("git");
        git.arg("-C").arg(folder).args(["-c", "user.name=tester", "-c", "user.email=t@a.example"]);
        said(&git.args(arguments).env("HOME", folder).output().unwrap())
    };
    let work = stage.path("work");
    std::fs::create_dir(&work).unwrap();
    git(&work, &["init", "--quiet", "--initial-branch", "main"]);
    put(&work, "file", "what is in it");
    git(&work, &["add", "file"]);
    git(&work, &["commit", "--quiet", "--message", "one"]);
    git(&root, &["clone", "--quiet", "--bare", work.to_str().unwrap(), "demo.git"]);
    // The dumb protocol reads files.
    git(&root.join("demo.git"), &["update-server-info"]);
    let remote = format!("{}/demo.git", url(site.address.port()));
    both(&mut stage, &site, &["/demo.git/info/refs", "/demo.git/HEAD"], |command, folder| {
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
        command.args(["git", "clone", "--quiet", &remote, folder]);
    });
    assert_eq!(std::fs::read_to_string(stage.path("got/file")).unwrap(), "what is in it");
}

#[test]
fn pip() {
    let mut stage = Stage::new();
    let (site, root) = shelf(&stage);
    let name = "demo-1.0-py3-none-any.whl";
    let python = given("BORDERPOST_TEST_PYTHON");
    let mut made = Command::new(&python);
    said(&made.arg(script("real/make_wheel.py")).current_dir(&root).output().unwrap());
    put(
        &root,
        "simple/demo/index.html",
        format!("<!doctype html><a href=\"../../{name}\">{name}</a>"),
    );
    let index = format!("{}/simple", url(site.address.port()));
    both(&mut stage, &site, &["/simple/demo/", &format!("/{name}")], |command, folder| {
        command.env("PIP_CONFIG_FILE", "/dev/null").env("PIP_INDEX_URL", &index);
        // A proxy of the user's own would lead around ours.
        command.env("PIP_PROXY", "http://127.0.0.1:9");
        command.arg(&python).args(["-m", "pip", "install", "--no-cache-dir", "--no-deps"]);
        command.args(["--retries", "0", "--disable-pip-version-check", "--target", folder, "demo"]);
    });
    let installed = std::fs::read_to_string(stage.path("got/demo.py")).unwrap();
    assert_eq!(installed, "WORDS = 'from the wheel'\n");
}

#[test]
fn npm() {
    let mut stage = Stage::new();
    let (site, root) = shelf(&stage);
    let url = url(site.address.port());
    let manifest = json!({ "name": "demo", "version": "1.0.0", "main": "index.js" });
    put(stage.folder.path(), "package/package.json", manifest.to_string());
    put(stage.folder.path(), "package/index.js", "module.exports = 'from the tarball'\n");
    let tarball = archive(&stage, "package");
    let integrity = format!("sha512-{}", BASE64_STANDARD.encode(digest(&SHA512, &tarball)));
    let dist = json!({ "tarball": format!("{url}/files/demo-1.0.0.tgz"), "integrity": integrity });
    let version = json!({ "name": "demo", "version": "1.0.0", "dist": dist });
    let document = json!({
        "name": "demo", "dist-tags": { "latest": "1.0.0" }, "versions": { "1.0.0": version }
    });
    put(&root, "demo", document.to_string());
    put(&root, "files/demo-1.0.0.tgz", tarball);
    let caches = stage.path("caches");
    both(&mut stage, &site, &["/demo", "/files/demo-1.0.0.tgz"], |command, folder| {
        command.args(["npm", "install", "demo", "--no-audit", "--no-fund", "--no-update-notifier"]);
        command.args(["--userconfig", "npmrc", "--globalconfig", "global-npmrc"]);
        command.args(["--fetch-retries", "0", "--prefix", folder, "--registry", &url, "--cache"]);
        command.arg(caches.join(folder)).env("npm_config_noproxy", "*");
    });
    let installed = stage.path("got/node_modules/demo/index.js");
    assert_eq!(
        std::fs::read_to_string(installed).unwrap(),
        "module.exports = 'from the tarball'\n"
    );
}

#[test]
fn cargo() {
    let mut stage = Stage::new();
    let (site, root) = shelf(&stage);
    let url = url(site.address.port());
    let manifest = "[package]\nname = \"demo\"\nversion = \"1.0.0\"\nedition = \"2021\"\n";
    put(stage.folder.path(), "demo-1.0.0/Cargo.toml", manifest);
    put(stage.folder.path(), "demo-1.0.0/src/lib.rs", "// from the crate\n");
    let package = archive(&stage, "demo-1.0.0");
    let sum = digest(&SHA256, &package);
    let sum: Vec<_> = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let entry = json!({
        "name": "demo", "vers": "1.0.0", "deps": [], "features": {}, "yanked": false,
        "cksum": sum.concat()
    });
    put(&root, "index/config.json", json!({ "dl": format!("{url}/dl") }).to_string());
    put(&root, "index/de/mo/demo", entry.to_string());
    put(&root, "dl/demo/1.0.0/download", package);
    let own = "[package]\nname = \"own\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\
               [dependencies]\ndemo = { version = \"1\", registry = \"bench\" }\n";
    put(stage.folder.path(), "project/Cargo.toml", own);
    put(stage.folder.path(), "project/src/lib.rs", "");
    let project = stage.path("project/Cargo.toml");
    let homes = stage.path("homes");
    let tool = Path::new(env!("CARGO"));
    let paths = ["/index/config.json", "/index/de/mo/demo", "/dl/demo/1.0.0/download"];
    both(&mut stage, &site, &paths, |command, home| {
        // What was resolved would not be asked for again.
        drop(std::fs::remove_file(project.with_file_name("Cargo.lock")));
        command.arg(tool).args(["fetch", "--manifest-path"]).arg(&project);
        command
            .env("CARGO_HOME", homes.join(home))
            .env("RUSTC", tool.with_file_name("rustc"))
            .env("CARGO_REGISTRIES_BENCH_INDEX", format!("sparse+{url}/index/"))
            .env("CARGO_NET_RETRY", "0")
            .env("CARGO_HTTP_PROXY", "http://127.0.0.1:9");
    });
    assert!(stage.path("homes/got/registry/src").is_dir());
}
