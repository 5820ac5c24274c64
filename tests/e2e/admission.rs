//! What a reload changes of who may ask the admin listener: sessions and streams that have begun are
//! held against it, too.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use crate::access::guarded;
use crate::support::{
    Authority, Config, Origin, Proxy, Wire, ok, private, program, said, wait_for,
};

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// A stream that has begun.
fn open(proxy: &Proxy, fields: &str) -> Wire {
    let (mut wire, host) = (Wire::connect(proxy.admin), proxy.admin);
    wire.send(format!("GET /api/v1/decisions/stream HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n"));
    assert_eq!(wire.head().unwrap().status(), 200);
    assert!(told(&mut wire).starts_with("retry: "));
    wire
}

/// What it tells next; nothing at its end.
fn told(stream: &mut Wire) -> String {
    String::from_utf8(stream.chunk().unwrap()).unwrap()
}

/// Logs a browser in; the field with its cookie.
fn login(proxy: &Proxy, token: &str) -> String {
    let answer = proxy.tell_admin("/api/v1/session", &json!({ "token": token }));
    let cookie = answer.head.get("set-cookie").unwrap();
    format!("Cookie: {}\r\n", cookie.split(';').next().unwrap())
}

/// Puts a configuration in force by the signal, and waits until it is.
fn hang_up(proxy: &Proxy, text: &str) {
    let count = || proxy.output().matches("\nreloaded: ").count();
    let before = count();
    proxy.rewrite(text);
    proxy.signal("HUP");
    wait_for("the reload", || (count() > before).then_some(()));
}

fn role(proxy: &Proxy, fields: &str) -> Result<String, u16> {
    let answer = proxy.ask_admin_with("GET", "/api/v1/session", fields);
    let role = answer.json()["role"].as_str().map(str::to_owned);
    role.ok_or_else(|| answer.status())
}

#[test]
fn a_reload_reaches_sessions_and_streams() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let (config, [viewer, auditor, admin]) = guarded("");
    let proxy = Proxy::start(&config);
    let sessions = [&viewer, &auditor, &admin].map(|token| login(&proxy, token));
    let [stays, lowered, removed] = [&viewer, &auditor, &admin].map(|token| bearer(token));
    let mut streams = [&stays, &lowered, &removed, &sessions[0], &sessions[1], &sessions[2]]
        .map(|fields| open(&proxy, fields));
    // The auditor is a viewer from now on, and the admin nobody.
    let text = config.text().replace("role = \"auditor\"", "role = \"viewer\"");
    let admin = "[[admin.token]]\nname = \"admin\"\nrole = \"admin\"\nfile = \"tokens\"\n";
    assert!(text.contains(admin) && text != config.text());
    hang_up(&proxy, &text.replace(admin, ""));
    for (place, fields) in [&stays, &lowered, &removed].into_iter().chain(&sessions).enumerate() {
        let expected = if place % 3 == 2 { Err(401) } else { Ok("viewer".to_owned()) };
        assert_eq!(role(&proxy, fields), expected, "{place}");
    }
    assert_eq!(proxy.get(&origin, "/after").status(), 200);
    for (place, stream) in streams.iter_mut().enumerate() {
        let told = told(stream);
        assert_eq!(told.is_empty(), place % 3 != 0, "{place}: {told}");
        assert!(!told.contains("127.0.0.1"), "a viewer sees nobody: {told}");
    }
    // Who was lowered begins again, with what is left.
    assert_eq!(proxy.get(&origin, "/again").status(), 200);
    let reader = open(&proxy, &format!("{lowered}Last-Event-ID: 0\r\n"));
    let mut reader = reader;
    assert!(told(&mut reader).contains("\"client\":null"));
    // What has ended does not come back with the configuration.
    hang_up(&proxy, &config.text());
    assert_eq!(role(&proxy, &removed), Ok("admin".to_owned()));
    assert_eq!(role(&proxy, &sessions[2]), Err(401));
    assert_eq!(role(&proxy, &sessions[1]), Ok("auditor".to_owned()));
}

#[test]
fn a_token_that_is_replaced_in_its_file_ends_what_it_began() {
    let (config, [viewer, ..]) = guarded("");
    let proxy = Proxy::start(&config);
    let session = login(&proxy, &viewer);
    let mut streams = [open(&proxy, &bearer(&viewer)), open(&proxy, &session)];
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("tokens");
    let made = program().args(["passwd", "--token"]).arg(&file).arg("viewer").output().unwrap();
    let new = said(&made).trim().to_owned();
    let kept = std::fs::read_to_string(proxy.folder.path().join("tokens")).unwrap();
    let others = kept.lines().filter(|line| !line.starts_with("viewer:"));
    let own = std::fs::read_to_string(&file).unwrap();
    let text = others.chain(own.lines()).collect::<Vec<_>>().join("\n");
    private(&proxy.folder.path().join("tokens"), &text);
    hang_up(&proxy, &config.text());
    for stream in &mut streams {
        assert_eq!(told(stream), "", "it has ended");
    }
    assert_eq!((role(&proxy, &bearer(&viewer)), role(&proxy, &session)), (Err(401), Err(401)));
    assert_eq!(role(&proxy, &bearer(&new)), Ok("viewer".to_owned()));
}

#[test]
fn who_needed_no_proof_needs_one_from_now_on() {
    let (config, [viewer, ..]) = guarded("");
    let open_to_all =
        Config::new().with("[state]\nfolder = \"state\"").file("tokens", &config.files()[0].1);
    let proxy = Proxy::start(&open_to_all);
    let mut stream = open(&proxy, "");
    hang_up(&proxy, &config.text());
    assert_eq!((told(&mut stream), role(&proxy, "")), (String::new(), Err(401)));
    assert_eq!(role(&proxy, &bearer(&viewer)), Ok("viewer".to_owned()));
    hang_up(&proxy, &open_to_all.text());
    assert_eq!(role(&proxy, ""), Ok("admin".to_owned()));
}

/// Where others reach it: certificates that are taken back, and nobody who may ask.
#[test]
fn a_certificate_that_is_taken_back_ends_its_stream() {
    let authority = Authority::new();
    let own = authority.issue("post", "DNS:post.example");
    let ann = authority.issue("ann", "URI:spiffe://corp.example/ann");
    let admin = format!(
        "listen = \"0.0.0.0:0\"\nnames = [\"post.example\"]\ncertificate = \"{}\"\nkey = \"{}\"\n\
         client_roots = [\"{}\"]\nclient_crls = [\"{}\"]\n[[admin.client]]\nname = \
         \"spiffe://corp.example/ann\"\nrole = \"auditor\"",
        own.certificate.display(),
        own.key.display(),
        authority.certificate().display(),
        authority.revoked().display()
    );
    let config = Config::new().admin(&admin).with("[state]\nfolder = \"state\"");
    let proxy = Proxy::start(&config);
    let port = proxy.admin.port();
    let mut curl = Command::new("curl");
    curl.args(["-q", "--silent", "--no-buffer", "--max-time", "50", "--noproxy", "*"]);
    curl.args(["--resolve", &format!("post.example:{port}:127.0.0.1"), "--cacert"]);
    curl.arg(authority.certificate()).arg("--cert").arg(&ann.certificate);
    curl.arg("--key").arg(&ann.key);
    curl.arg(format!("https://post.example:{port}/api/v1/decisions/stream"));
    let mut curl = curl.stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(curl.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert!(line.starts_with("retry: "), "{line}");
    // What names nobody changes nothing.
    proxy.rewrite(&Config::new().with("[state]\nfolder = \"state\"").text());
    proxy.signal("HUP");
    wait_for("the word on it", || {
        proxy.output().contains("names nobody who may ask").then_some(())
    });
    assert!(curl.try_wait().unwrap().is_none(), "it goes on");
    authority.revoke(Some(&ann));
    hang_up(&proxy, &config.text());
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(curl.wait().unwrap().success(), "it has ended as a whole: {rest}");
}

/// What a reload does not change is not passed over in silence.
#[test]
fn legal_holds_that_wait_for_a_restart_are_told_of() {
    let config = Config::new().with("[state]\nfolder = \"state\"");
    let proxy = Proxy::start(&config);
    let warned = || proxy.output().contains("other terms and legal holds count after a restart");
    proxy.reload(&config);
    assert!(!warned(), "nothing has changed");
    let hold = "[[journal.hold]]\nname = \"case 7\"\nreason = \"letter\"\nhost = \"a.example\"";
    proxy.reload(&config.with(hold));
    wait_for("the warning", || warned().then_some(()));
    let journal = proxy.ask_admin("GET", "/api/v1/journal").json();
    assert_eq!(journal["legal_holds"], json!([]), "what is in force is shown");
}
