//! Installers of packages, each against a registry of one package.

use std::collections::HashMap;
use std::process::Command;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::Version;
use serde_json::{Value, json};

use crate::support::{BOTH, Bench, Site, answer, given, said, script, whole};

use super::{ABROAD, bench, close, text, url};

/// Files by their paths.
type Shelf = Arc<Mutex<HashMap<String, Vec<u8>>>>;

fn shop(bench: &Bench) -> (Site, Shelf) {
    let shelf = Shelf::default();
    let files = Arc::clone(&shelf);
    let site = Site::start(ABROAD, &bench.identity.config(), BOTH, move |request| {
        let path = request.uri().path();
        let file = files.lock().unwrap().get(path).cloned();
        let page = path.starts_with("/simple/") && path.ends_with('/');
        let kind = if page { "text/html" } else { "application/octet-stream" };
        Box::pin(async move {
            file.map_or_else(
                || answer(404, "text/plain", whole("nothing is here")),
                |file| answer(200, kind, whole(file)),
            )
        })
    });
    (site, shelf)
}

fn put(shelf: &Shelf, path: &str, file: impl Into<Vec<u8>>) {
    shelf.lock().unwrap().insert(path.to_owned(), file.into());
}

fn put_json(shelf: &Shelf, path: &str, value: &Value) {
    put(shelf, path, value.to_string());
}

/// A folder of these files as a `.tar.gz`.
fn archive(bench: &Bench, folder: &str, files: &[(&str, &str)]) -> Vec<u8> {
    for (name, content) in files {
        let path = bench.path(folder).join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let output = bench.program("tar").args(["-czf", "-", folder]).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// What a program prints that fails.
#[track_caller]
fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text + &String::from_utf8_lossy(&output.stderr)
}

/// What the origin saw, in which version, and what the records say; the last was refused.
#[track_caller]
fn told(bench: &Bench, site: &Site, version: Version, paths: &[&str]) {
    let visits = site.visits();
    let visited: Vec<_> = visits.iter().map(|visit| visit.path.as_str()).collect();
    assert_eq!(visited, paths);
    assert!(visits.iter().all(|visit| visit.version == version), "{visits:#?}");
    let (_, inside) = bench.records_inside(paths.len() + 1);
    let (last, before) = inside.split_last().unwrap();
    assert_eq!((&last["status"], &last["rules"][0]["rule"]), (&403.into(), &"closed".into()));
    let passed: Vec<_> = before.iter().map(|record| record["path"].as_str().unwrap()).collect();
    assert_eq!(passed, paths);
    assert!(before.iter().all(|record| record["outcome"] == "allow"), "{before:#?}");
}

#[test]
fn pip() {
    let bench = bench();
    let (site, shelf) = shop(&bench);
    let name = "demo-1.0-py3-none-any.whl";
    let python = given("BORDERPOST_TEST_PYTHON");
    said(&bench.program(&python).arg(script("real/make_wheel.py")).output().unwrap());
    let wheel = std::fs::read(bench.path(name)).unwrap();
    put(&shelf, "/simple/demo/", format!("<!doctype html><a href=\"../../{name}\">{name}</a>"));
    put(&shelf, &format!("/{name}"), wheel);
    let install = |folder: &str| {
        let mut pip = bench.program(&python);
        pip.args(["-m", "pip", "install", "--no-cache-dir", "--no-deps", "--target", folder])
            .args(["--disable-pip-version-check", "demo"])
            .env("PIP_CONFIG_FILE", "/dev/null")
            .env("PIP_INDEX_URL", format!("{}/simple", url(site.address.port())))
            .env("PIP_CERT", bench.roots())
            .env("HTTPS_PROXY", bench.proxy_url());
        pip
    };
    said(&install("got").output().unwrap());
    let installed = std::fs::read_to_string(bench.path("got/demo.py")).unwrap();
    assert_eq!(installed, "WORDS = 'from the wheel'\n");
    close(&bench);
    // Without `-vv` it says no more than that there is no such package.
    let told_by_pip = refused(install("refused").arg("-vv"));
    assert!(told_by_pip.contains("403 Client Error"), "{told_by_pip}");
    told(&bench, &site, Version::HTTP_11, &["/simple/demo/", &format!("/{name}")]);
}

#[test]
fn npm() {
    let bench = bench();
    let (site, shelf) = shop(&bench);
    let url = url(site.address.port());
    let manifest = json!({ "name": "demo", "version": "1.0.0", "main": "index.js" });
    let code = "module.exports = 'from the tarball'\n";
    let files = [("package.json", manifest.to_string()), ("index.js", code.to_owned())];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let tarball = archive(&bench, "package", &files);
    let integrity = format!("sha512-{}", BASE64_STANDARD.encode(digest(&SHA512, &tarball)));
    let tarball_url = format!("{url}/demo/-/demo-1.0.0.tgz");
    let dist = json!({ "tarball": tarball_url, "integrity": integrity });
    let version = json!({ "name": "demo", "version": "1.0.0", "dist": dist });
    let document = json!({
        "name": "demo", "dist-tags": { "latest": "1.0.0" }, "versions": { "1.0.0": version }
    });
    put_json(&shelf, "/demo", &document);
    put(&shelf, "/demo/-/demo-1.0.0.tgz", tarball);
    let install = |folder: &str| {
        let mut npm = bench.program("npm");
        npm.args(["install", "demo", "--no-audit", "--no-fund", "--no-update-notifier"])
            .args(["--userconfig", "npmrc", "--globalconfig", "global-npmrc"])
            .args(["--fetch-retries", "0", "--prefix", folder, "--cache"])
            .arg(bench.path(&format!("{folder}-cache")))
            .args(["--registry", &url])
            .env("HTTPS_PROXY", bench.proxy_url())
            .env("npm_config_cafile", bench.roots());
        npm
    };
    said(&install("got").output().unwrap());
    let installed = bench.path("got/node_modules/demo/index.js");
    assert_eq!(std::fs::read_to_string(installed).unwrap(), code);
    close(&bench);
    let told_by_npm = refused(&mut install("refused"));
    assert!(told_by_npm.contains("403 Forbidden"), "{told_by_npm}");
    told(&bench, &site, Version::HTTP_11, &["/demo", "/demo/-/demo-1.0.0.tgz"]);
}

#[test]
fn cargo() {
    let bench = bench();
    let (site, shelf) = shop(&bench);
    let url = url(site.address.port());
    let manifest = "[package]\nname = \"demo\"\nversion = \"1.0.0\"\nedition = \"2021\"\n";
    let files = [("Cargo.toml", manifest), ("src/lib.rs", "// from the crate\n")];
    let package = archive(&bench, "demo-1.0.0", &files);
    let sum = digest(&SHA256, &package);
    let sum: Vec<_> = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let sum = sum.concat();
    let entry = json!({
        "name": "demo", "vers": "1.0.0", "deps": [], "features": {}, "yanked": false, "cksum": sum
    });
    let found = json!({ "name": "demo", "max_version": "1.0.0", "description": "one crate" });
    put_json(&shelf, "/index/config.json", &json!({ "dl": format!("{url}/dl"), "api": url }));
    put_json(&shelf, "/index/de/mo/demo", &entry);
    put(&shelf, "/dl/demo/1.0.0/download", package);
    put_json(&shelf, "/api/v1/crates", &json!({ "crates": [found], "meta": { "total": 1 } }));
    let project = bench.path("project");
    std::fs::create_dir_all(project.join("src")).unwrap();
    std::fs::write(project.join("src/lib.rs"), "").unwrap();
    let own = "[package]\nname = \"own\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\
               [dependencies]\ndemo = { version = \"1\", registry = \"bench\" }\n";
    std::fs::write(project.join("Cargo.toml"), own).unwrap();
    let tool = std::path::Path::new(env!("CARGO"));
    let cargo = |home: &str, arguments: &[&str]| {
        let mut cargo = bench.program(tool);
        cargo
            .args(arguments)
            .current_dir(&project)
            .env("CARGO_HOME", bench.path(home))
            .env("RUSTC", tool.with_file_name("rustc"))
            .env("CARGO_REGISTRIES_BENCH_INDEX", format!("sparse+{url}/index/"))
            .env("CARGO_HTTP_PROXY", bench.proxy_url())
            .env("CARGO_HTTP_CAINFO", text(&bench.roots()))
            .env("CARGO_NET_RETRY", "0");
        cargo
    };
    said(&cargo("home", &["fetch"]).output().unwrap());
    let listed = said(&cargo("home", &["search", "demo", "--registry", "bench"]).output().unwrap());
    assert!(listed.starts_with("demo = \"1.0.0\""), "{listed}");
    let sources = bench.path("home/registry/src");
    let source = std::fs::read_dir(sources).unwrap().next().unwrap().unwrap().path();
    let unpacked = std::fs::read_to_string(source.join("demo-1.0.0/src/lib.rs")).unwrap();
    assert_eq!(unpacked, "// from the crate\n");
    close(&bench);
    std::fs::remove_file(project.join("Cargo.lock")).unwrap();
    let told_by_cargo = refused(&mut cargo("another", &["fetch"]));
    assert!(told_by_cargo.contains("403"), "{told_by_cargo}");
    let fetched = ["/index/config.json", "/index/de/mo/demo", "/dl/demo/1.0.0/download"];
    told(&bench, &site, Version::HTTP_2, &[&fetched[..], &["/api/v1/crates"]].concat());
}
