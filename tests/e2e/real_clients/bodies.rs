//! Bodies of every size, whole both ways and not kept; and bodies that never end.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::{Arc, Mutex, mpsc};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::json;

use crate::support::site::Answer;
use crate::support::{BOTH, Bench, Config, Flow, Proxy, Site, answer, flowing, whole};

use super::{ABROAD, bench, python, seen, text, url};

const LARGEST: usize = 100 * 1024 * 1024;

/// Around the size of a frame of HTTP/2 and of a record of TLS, and far beyond every window.
const SIZES: [usize; 6] = [1, 16_383, 16_384, 16_385, (1 << 20) + 1, LARGEST];

/// What the proxy may have held at most, in kB: a sixth more than one body, so that a body that
/// is kept is found, and several times what is needed.
const MOST_MEMORY: u64 = 150_000;

/// Octets without a period that a buffer could hide, from `at` on.
fn octets(at: usize, length: usize) -> Vec<u8> {
    let word = |number: usize| {
        u64::try_from(number).unwrap().wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()
    };
    let first = at / 8;
    let words = (first..=(at + length) / 8).flat_map(word);
    words.skip(at - first * 8).take(length).collect()
}

fn hex(digest: impl AsRef<[u8]>) -> String {
    let bytes: Vec<_> = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.concat()
}

/// Says how many octets came, and their SHA-256.
async fn digest(mut body: Incoming) -> String {
    let (mut context, mut length) = (Context::new(&SHA256), 0);
    while let Some(frame) = body.frame().await {
        let data = frame.unwrap().into_data().unwrap_or_default();
        context.update(&data);
        length += data.len();
    }
    format!("{length} {}", hex(context.finish()))
}

fn stream(size: usize) -> Flow {
    let (sender, body) = flowing();
    tokio::spawn(async move {
        for at in (0..size).step_by(64 * 1024) {
            let piece = octets(at, (size - at).min(64 * 1024));
            if sender.send(Bytes::from(piece)).await.is_err() {
                return;
            }
        }
    });
    body
}

fn scales(bench: &Bench) -> Site {
    Site::start(ABROAD, &bench.identity.config(), BOTH, |request| {
        Box::pin(async move {
            let size = request.uri().path().strip_prefix("/bytes/").map(str::parse);
            match size {
                Some(size) => answer(200, "application/octet-stream", stream(size.unwrap())),
                None => answer(200, "text/plain", whole(digest(request.into_body()).await)),
            }
        })
    })
}

/// Nothing is looked into, so that nothing waits.
fn unread() -> Bench {
    let never = "[intercept]\nmode = \"always\"\n[inspect]\nwhen = \"never\"";
    Bench::new(ABROAD, |config: Config| config.rules().with(never))
}

/// The most memory that the proxy ever held, in kB.
fn most_memory(proxy: &Proxy) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", proxy.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn whole_both_ways(version: &str) {
    let bench = bench();
    let site = scales(&bench);
    let url = url(site.address.port());
    let (sent, got) = (bench.path("sent"), bench.path("got"));
    for size in SIZES {
        let mut file = fs::File::create(&sent).unwrap();
        let mut context = Context::new(&SHA256);
        for at in (0..size).step_by(1 << 20) {
            let piece = octets(at, (size - at).min(1 << 20));
            context.update(&piece);
            file.write_all(&piece).unwrap();
        }
        let expected = format!("{size} {}", hex(context.finish()));
        let data = format!("@{}", text(&sent));
        let upload = [version, "--header", "Expect:", "--data-binary", &data, &url];
        assert_eq!(bench.curl(&upload), expected, "up, {version}");
        // `--upload-file -` has no length beforehand: it is chunked in HTTP/1.1.
        let mut piped = bench.program("curl");
        piped
            .args(["-q", "-sS", "--max-time", "50", version, "--cacert", text(&bench.roots())])
            .args(["--proxy", &bench.proxy_url(), "--upload-file", "-", &url])
            .stdin(fs::File::open(&sent).unwrap());
        assert_eq!(crate::support::said(&piped.output().unwrap()), expected, "piped, {version}");
        let from = format!("{url}/bytes/{size}");
        assert_eq!(bench.curl(&[version, "--output", text(&got), &from]), "");
        let came = fs::read(&got).unwrap();
        let mut context = Context::new(&SHA256);
        context.update(&came);
        assert_eq!(
            format!("{} {}", came.len(), hex(context.finish())),
            expected,
            "down, {version}"
        );
    }
    let (_, inside) = bench.records_inside(3 * SIZES.len());
    for (records, size) in inside.chunks(3).zip(SIZES) {
        let counts: Vec<_> = records.iter().map(|r| (&r["bytes_out"], &r["bytes_in"])).collect();
        assert_eq!(
            (counts[0].0, counts[1].0, counts[2].1),
            (&size.into(), &size.into(), &size.into())
        );
    }
    let most = most_memory(&bench.proxy);
    assert!(most < MOST_MEMORY, "{version}: {most} kB");
    println!("{version}: at most {most} kB");
}

#[test]
fn whole_both_ways_in_http1() {
    whole_both_ways("--http1.1");
}

#[test]
fn whole_both_ways_in_http2() {
    whole_both_ways("--http2");
}

/// Sends one event at once, and the next when the test says so; of a file only the beginning.
fn events(bench: &Bench, go: mpsc::Receiver<()>) -> Site {
    let go = Arc::new(Mutex::new(go));
    Site::start(ABROAD, &bench.identity.config(), BOTH, move |request| -> Answer {
        let (sender, body) = flowing();
        if request.uri().path() == "/file" {
            tokio::spawn(async move {
                drop(sender.send(Bytes::from_static(b"some")).await);
                std::future::pending::<()>().await;
            });
            return Box::pin(async move { answer(200, "application/octet-stream", body) });
        }
        let go = Arc::clone(&go);
        tokio::spawn(async move {
            drop(sender.send(Bytes::from_static(b"data: first\n\n")).await);
            tokio::task::spawn_blocking(move || go.lock().unwrap().recv()).await.unwrap().unwrap();
            drop(sender.send(Bytes::from_static(b"data: second\n\n")).await);
        });
        Box::pin(async move { answer(200, "text/event-stream", body) })
    })
}

#[test]
fn an_event_arrives_before_the_next_is_sent() {
    for version in ["--http1.1", "--http2"] {
        let bench = Bench::new(ABROAD, |config| {
            config.limit("body_timeout", "\"200ms\"").with("[intercept]\nmode = \"always\"")
        });
        let (say, go) = mpsc::channel();
        let site = events(&bench, go);
        let mut curl = bench.program("curl");
        curl.args(["-q", "-sSN", "--max-time", "50", version, "--cacert", text(&bench.roots())])
            .args(["--proxy", &bench.proxy_url(), &url(site.address.port())])
            .stdout(Stdio::piped());
        let mut child = curl.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "data: first", "{version}");
        // It may be silent for longer than a file may.
        let file = format!("{}/file", url(site.address.port()));
        let cut = bench.curl(&[version, &file]);
        assert!(cut.starts_with("somecurl: ("), "{cut}");
        say.send(()).unwrap();
        let rest: Vec<_> = lines.map(Result::unwrap).collect();
        assert_eq!(rest, ["", "data: second", ""], "{version}");
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn answers_that_nobody_reads_do_not_stop_others() {
    let bench = bench();
    let site = scales(&bench);
    let mut python = python(&bench, "unread_inside.py");
    python
        .env("BENCH_URL", url(site.address.port()))
        .env("BENCH_COUNT", "40")
        .env("BENCH_SIZE", "2000000");
    let expected = json!({ "beside": 5, "held": 65_535, "lengths": [2_000_000] });
    assert_eq!(seen(&mut python), expected);
    assert!(most_memory(&bench.proxy) < MOST_MEMORY);
}

/// Answers at once, and hangs up on what still comes.
fn hasty(bench: &Bench) -> Site {
    Site::start(ABROAD, &bench.identity.config(), BOTH, |_| -> Answer {
        Box::pin(async { answer(413, "text/plain", whole("that is enough")) })
    })
}

#[test]
fn an_answer_before_the_end_of_the_body_arrives_in_http1() {
    let bench = bench();
    let site = hasty(&bench);
    let sent = bench.path("sent");
    fs::File::create(&sent).unwrap().set_len(u64::try_from(LARGEST).unwrap()).unwrap();
    let (data, url) = (format!("@{}", text(&sent)), url(site.address.port()));
    let print = ["--http1.1", "--write-out", " %{http_code}", "--header", "Expect:"];
    for _ in 0..5 {
        let told = bench.curl(&[&print[..], &["--data-binary", &data, &url]].concat());
        assert_eq!(told, "that is enough 413");
    }
}

#[test]
fn an_answer_before_the_end_of_the_body_arrives_in_http2() {
    // A body that a rule looks into is held until it has ended, or is long.
    let bench = unread();
    let site = hasty(&bench);
    let mut python = python(&bench, "early_inside.py");
    let seen = seen(python.env("BENCH_URL", url(site.address.port())));
    assert_eq!(seen, json!({ "status": "413", "text": "that is enough", "reset": 0 }));
}
