//! Programs and libraries that ask for pages.

use http::Version;
use serde_json::{Value, json};

use crate::support::BOTH;

use super::{bench, hold, node, python, seen, site, url};

#[test]
fn curl() {
    for (option, version) in [("--http1.1", Version::HTTP_11), ("--http2", Version::HTTP_2)] {
        let bench = bench();
        let site = site(&bench, BOTH);
        let url = url(site.address.port());
        let (hello, echo) = (format!("{url}/hello"), format!("{url}/echo"));
        let ask = |arguments: &[&str]| {
            let text =
                bench.curl(&[&[option, "--write-out", "\n%{http_code}"], arguments].concat());
            let (body, status) = text.rsplit_once('\n').unwrap();
            (status.parse::<u16>().unwrap(), body.to_owned())
        };
        let (got, posted) = (ask(&[&hello]), ask(&["--data", "a=1", &echo]));
        let (status, told) = ask(&["--header", "X-Data-Class: health", "--data", "a=1", &echo]);
        let told: Value = serde_json::from_str(&told).unwrap();
        let seen = json!({ "got": got, "posted": posted, "blocked": [status, told["rule"]] });
        hold(&bench, &site, version, &seen);
    }
}

#[test]
fn python_requests() {
    let bench = bench();
    let site = site(&bench, BOTH);
    let mut python = python(&bench, "requests_inside.py");
    python
        .env("BENCH_URL", url(site.address.port()))
        .env("HTTPS_PROXY", bench.proxy_url())
        .env("REQUESTS_CA_BUNDLE", bench.roots());
    hold(&bench, &site, Version::HTTP_11, &seen(&mut python));
}

#[test]
fn python_httpx() {
    for (wanted, version) in [("1", Version::HTTP_11), ("2", Version::HTTP_2)] {
        let bench = bench();
        let site = site(&bench, BOTH);
        let mut python = python(&bench, "httpx_inside.py");
        python
            .env("BENCH_URL", url(site.address.port()))
            .env("BENCH_HTTP", wanted)
            .env("HTTPS_PROXY", bench.proxy_url())
            .env("SSL_CERT_FILE", bench.roots());
        let seen = seen(&mut python);
        hold(&bench, &site, version, &seen);
        let name = if wanted == "2" { "HTTP/2" } else { "HTTP/1.1" };
        assert_eq!(seen["versions"], json!([name, name, name]));
    }
}

#[test]
fn many_requests_at_a_time() {
    let bench = bench();
    let site = site(&bench, BOTH);
    let mut python = python(&bench, "many_inside.py");
    python
        .env("BENCH_URL", url(site.address.port()))
        .env("HTTPS_PROXY", bench.proxy_url())
        .env("SSL_CERT_FILE", bench.roots());
    assert_eq!(seen(&mut python), json!({ "whole": 300, "versions": ["HTTP/2"] }));
    let (tunnels, inside) = bench.records_inside(300);
    assert_eq!((tunnels.len(), inside.len()), (1, 300));
}

#[test]
fn python_aiohttp() {
    let bench = bench();
    let site = site(&bench, BOTH);
    let mut python = python(&bench, "aiohttp_inside.py");
    python
        .env("BENCH_URL", url(site.address.port()))
        .env("HTTPS_PROXY", bench.proxy_url())
        .env("SSL_CERT_FILE", bench.roots());
    hold(&bench, &site, Version::HTTP_11, &seen(&mut python));
}

#[test]
fn node_fetch() {
    for (wanted, version) in [("1", Version::HTTP_11), ("2", Version::HTTP_2)] {
        let bench = bench();
        let site = site(&bench, BOTH);
        let mut node = node(&bench, "fetch_inside.cjs");
        node.env("BENCH_URL", url(site.address.port()))
            .env("BENCH_HTTP", wanted)
            .env("HTTPS_PROXY", bench.proxy_url());
        hold(&bench, &site, version, &seen(&mut node));
    }
}
