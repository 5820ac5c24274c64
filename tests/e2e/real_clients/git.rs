//! git over HTTPS, against its own `http-backend`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bytes::Bytes;
use http::request::Parts;
use http::{Response, Version};
use http_body_util::BodyExt;

use crate::support::{BOTH, Bench, Flow, Site, answer, said, whole};

use super::{ABROAD, bench, text, url};

/// Calls git as a web server does (RFC 3875).
fn backend(root: &Path, head: &Parts, body: &[u8]) -> Response<Flow> {
    let field = |name: &str| {
        let value = head.headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or_default().to_owned()
    };
    let mut child = Command::new("git")
        .arg("http-backend")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", "tester")
        .env("REQUEST_METHOD", head.method.as_str())
        .env("PATH_INFO", head.uri.path())
        .env("QUERY_STRING", head.uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", field("content-type"))
        .env("HTTP_CONTENT_ENCODING", field("content-encoding"))
        .env("GIT_PROTOCOL", field("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let body = body.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&body));
    let output = child.wait_with_output().unwrap().stdout;
    drop(writer.join().unwrap());
    let end = output.windows(4).position(|part| part == b"\r\n\r\n").unwrap();
    let (fields, body) = (String::from_utf8_lossy(&output[..end]), &output[end + 4..]);
    let field = |name: &str| {
        fields.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
    };
    let status = field("Status:").map_or(200, |status| status.get(..3).unwrap().parse().unwrap());
    let kind = field("Content-Type:").unwrap_or_default();
    answer(status, &kind, whole(Bytes::copy_from_slice(body)))
}

fn forge(bench: &Bench) -> Site {
    let root: PathBuf = bench.path("forge");
    Site::start(ABROAD, &bench.identity.config(), BOTH, move |request| {
        let root = root.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            tokio::task::spawn_blocking(move || backend(&root, &head, &body)).await.unwrap()
        })
    })
}

/// git in a folder, told by environment: `https_proxy` and `GIT_SSL_CAINFO`.
fn git(bench: &Bench, folder: &Path, arguments: &[&str]) -> Command {
    let mut git = bench.program("git");
    git.arg("-C").arg(folder).args(arguments);
    for (name, value) in [
        ("https_proxy", bench.proxy_url().as_str()),
        ("GIT_SSL_CAINFO", text(&bench.roots())),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_AUTHOR_NAME", "tester"),
        ("GIT_AUTHOR_EMAIL", "tester@api.example"),
        ("GIT_COMMITTER_NAME", "tester"),
        ("GIT_COMMITTER_EMAIL", "tester@api.example"),
    ] {
        git.env(name, value);
    }
    git
}

fn over(version: Version, setting: &str) {
    let bench = bench();
    let site = forge(&bench);
    let (work, forge, copy) = (bench.path("work"), bench.path("forge"), bench.path("copy"));
    std::fs::create_dir(&work).unwrap();
    std::fs::create_dir(&forge).unwrap();
    let run = |folder: &Path, arguments: &[&str]| {
        said(&git(&bench, folder, arguments).output().unwrap()).trim().to_owned()
    };
    run(&forge, &["init", "--quiet", "--bare", "demo.git"]);
    run(&forge.join("demo.git"), &["config", "http.receivepack", "true"]);
    run(&work, &["init", "--quiet", "--initial-branch", "main"]);
    // Of nothing that can be compressed, and beyond `http.postBuffer`: the push is chunked.
    let words = (0_u64..400_000).flat_map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    let content: Vec<u8> = words.collect();
    std::fs::write(work.join("file"), &content).unwrap();
    run(&work, &["add", "file"]);
    run(&work, &["commit", "--quiet", "--message", "one"]);
    let remote = format!("{}/demo.git", url(site.address.port()));
    let version_setting = format!("http.version={setting}");
    run(&work, &["-c", &version_setting, "push", "--quiet", &remote, "main"]);
    let head = run(&work, &["rev-parse", "HEAD"]);
    assert_eq!(run(&forge.join("demo.git"), &["rev-parse", "main"]), head);
    let clone =
        ["-c", &version_setting, "clone", "--quiet", "--branch", "main", &remote, text(&copy)];
    run(&work, &clone);
    assert_eq!(run(&copy, &["rev-parse", "HEAD"]), head);
    assert!(std::fs::read(copy.join("file")).unwrap() == content);
    let visits = site.visits();
    assert!(visits.iter().all(|visit| visit.version == version), "{visits:#?}");
    let tagged = ["-c", "http.extraHeader=X-Data-Class: health", "ls-remote", &remote];
    let refused = git(&bench, &work, &tagged).output().unwrap();
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && told.contains("451"), "{told}");
    assert_eq!(site.visits().len(), visits.len());
    let (_, inside) = bench.records_inside(visits.len() + 1);
    let pushed = inside.iter().filter(|r| r["path"] == "/demo.git/git-receive-pack");
    // It asks first by an empty one whether it may push.
    let sizes: Vec<_> = pushed.map(|r| r["bytes_out"].as_u64().unwrap()).collect();
    assert!(sizes.len() == 2 && sizes[1] > 3_000_000, "{sizes:?}");
    assert_eq!(inside.last().unwrap()["outcome"], "block");
}

#[test]
fn over_http1() {
    over(Version::HTTP_11, "HTTP/1.1");
}

#[test]
fn over_http2() {
    over(Version::HTTP_2, "HTTP/2");
}
