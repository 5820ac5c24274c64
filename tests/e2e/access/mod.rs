//! Who may ask the admin listener, and what.

mod viewers;

use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Authority, Config, Message, Origin, Proxy, Wire, ok, program, said, wait_for,
};

const ROLES: [&str; 3] = ["viewer", "auditor", "admin"];

/// A configuration with a token of each role, and the tokens.
pub(crate) fn guarded(more: &str) -> (Config, [String; 3]) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("tokens");
    let token = |name: &&str| {
        let output = program().args(["passwd", "--token"]).arg(&file).arg(name).output().unwrap();
        said(&output).trim().to_owned()
    };
    let tokens = ROLES.each_ref().map(token);
    let mut admin = format!("listen = \"127.0.0.1:0\"\n{more}\n");
    for role in ROLES {
        admin.push_str(&format!(
            "[[admin.token]]\nname = \"{role}\"\nrole = \"{role}\"\nfile = \"tokens\"\n"
        ));
    }
    let text = std::fs::read_to_string(&file).unwrap();
    let config = Config::new().admin(&admin).file("tokens", &text);
    (config.with("[state]\nfolder = \"state\""), tokens)
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// The head of an answer; what follows need not end.
#[track_caller]
fn status(proxy: &Proxy, method: &str, path: &str, fields: &str) -> u16 {
    let mut wire = Wire::connect(proxy.admin);
    let host = proxy.admin;
    wire.send(format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n"));
    wire.head().expect("an answer").status()
}

/// Every path that is described, with every role.
#[test]
fn each_role_may_what_the_description_says() {
    let (config, tokens) = guarded("");
    let proxy = Proxy::start(&config);
    let description = proxy.ask_admin("GET", "/api/v1/openapi.json").json();
    let mut tried = 0;
    for (path, item) in description["paths"].as_object().unwrap() {
        let path = path
            .replace("{id}", "01989f3e-7b1c-7d3a-9c53-0242ac120002")
            .replace("{file}", "main.mjs");
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase();
            let least = operation["x-role"].as_str().unwrap();
            let least = ROLES.iter().position(|role| *role == least);
            let bare = status(&proxy, &method, &path, "");
            assert_eq!(bare == 401, least.is_some(), "{method} {path}: {bare}");
            for (place, token) in tokens.iter().enumerate() {
                let got = status(&proxy, &method, &path, &bearer(token));
                let may = least.is_none_or(|least| place >= least);
                let role = ROLES[place];
                assert_eq!(got == 403, !may, "{method} {path} as {role}: {got}");
                assert_ne!(got, 401, "{method} {path} as {role}");
                tried += 1;
            }
        }
    }
    assert!(tried >= 3 * 38, "{tried}");
}

#[test]
fn a_browser_logs_in_and_out() {
    let (config, [viewer, ..]) = guarded("");
    let proxy = Proxy::start(&config);
    let login = |token: &str| proxy.tell_admin("/api/v1/session", &json!({ "token": token }));
    let answer = login(&viewer);
    assert_eq!((answer.status(), &answer.json()["role"]), (200, &json!("viewer")));
    let cookie = answer.head.get("set-cookie").unwrap();
    for word in ["; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains(&viewer), "{cookie}");
    let field = format!("Cookie: {}\r\n", cookie.split(';').next().unwrap());
    let who = proxy.ask_admin_with("GET", "/api/v1/session", &field).json();
    assert_eq!((&who["name"], &who["by"]), (&json!("viewer"), &json!("session")));
    assert!(who["expires"].is_string());
    assert_eq!(status(&proxy, "GET", "/api/v1/status", &field), 200);
    assert_eq!(status(&proxy, "POST", "/api/v1/reload", &field), 403);
    let out = proxy.ask_admin_with("DELETE", "/api/v1/session", &field);
    let cookies = out.head.all("set-cookie");
    assert_eq!((out.status(), cookies.iter().all(|one| one.contains("Max-Age=0"))), (204, true));
    assert_eq!(cookies.len(), 2, "that of a connection behind TLS, too");
    assert_eq!(status(&proxy, "GET", "/api/v1/status", &field), 401, "the session is over");
}

/// A browser sends the cookies of one port of a host to every other.
#[test]
fn two_on_one_machine_leave_each_other_their_sessions() {
    let started = [guarded(""), guarded("")].map(|(config, [_, auditor, _])| {
        let proxy = Proxy::start(&config);
        let answer = proxy.tell_admin("/api/v1/session", &json!({ "token": auditor }));
        let cookie = answer.head.get("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        (proxy, cookie)
    });
    let [(one, own), (other, foreign)] = &started;
    assert_ne!(own.split('=').next(), foreign.split('=').next());
    let jar = format!("Cookie: {own}; {foreign}\r\n");
    for proxy in [one, other] {
        assert_eq!(status(proxy, "GET", "/api/v1/session", &jar), 200);
    }
    let out = one.ask_admin_with("DELETE", "/api/v1/session", &jar);
    let name = foreign.split('=').next().unwrap();
    assert!(out.head.all("set-cookie").iter().all(|field| !field.contains(name)), "{out:?}");
    assert_eq!(status(one, "GET", "/api/v1/session", &jar), 401);
    assert_eq!(status(other, "GET", "/api/v1/session", &jar), 200);
}

#[test]
fn a_stream_ends_with_the_session_that_it_was_opened_with() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let (config, [_, auditor, _]) = guarded("");
    let proxy = Proxy::start(&config);
    let answer = proxy.tell_admin("/api/v1/session", &json!({ "token": auditor }));
    let cookie = answer.head.get("set-cookie").unwrap();
    let field = format!("Cookie: {}\r\n", cookie.split(';').next().unwrap());
    let mut wire = Wire::connect(proxy.admin);
    let host = proxy.admin;
    wire.send(format!("GET /api/v1/decisions/stream HTTP/1.1\r\nHost: {host}\r\n{field}\r\n"));
    assert_eq!(wire.head().unwrap().status(), 200);
    let mut next = || String::from_utf8(wire.chunk().unwrap()).unwrap();
    assert!(next().starts_with("retry: "));
    assert_eq!(proxy.get(&origin, "/before").status(), 200);
    let told = next();
    assert!(told.contains("127.0.0.1"), "{told}");
    let out = proxy.ask_admin_with("DELETE", "/api/v1/session", &field);
    assert_eq!(out.status(), 204);
    assert_eq!(proxy.get(&origin, "/after").status(), 200);
    assert_eq!(next(), "", "nothing is told any more");
}

/// Nobody can keep everybody else from exports and streams.
#[test]
fn each_person_has_so_many_streams() {
    let (config, [viewer, auditor, _]) = guarded("");
    let proxy = Proxy::start(&config);
    let open = |token: &str| {
        let mut wire = Wire::connect(proxy.admin);
        let (host, field) = (proxy.admin, bearer(token));
        wire.send(format!("GET /api/v1/decisions/stream HTTP/1.1\r\nHost: {host}\r\n{field}\r\n"));
        (wire.head().unwrap().status(), wire)
    };
    let streams: Vec<_> = (0..8).map(|_| open(&viewer)).collect();
    assert!(streams.iter().all(|(status, _)| *status == 200));
    assert_eq!(open(&viewer).0, 429);
    assert_eq!(open(&auditor).0, 200, "others have their own");
    drop(streams);
    wait_for("a stream that has ended", || (open(&viewer).0 == 200).then_some(()));
}

#[test]
fn nobody_guesses_on() {
    let (config, [_, auditor, admin]) = guarded("");
    let proxy = Proxy::start(&config);
    let login = |token: &str| proxy.tell_admin("/api/v1/session", &json!({ "token": token }));
    let begun = login(&admin);
    assert_eq!(begun.status(), 200);
    let cookie = begun.head.get("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    for _ in 0..10 {
        let answer = login("wrong");
        assert_eq!(answer.status(), 401, "{}", answer.text());
        assert!(answer.head.get("www-authenticate").unwrap().starts_with("Bearer"));
    }
    let ask = |field: &str| proxy.ask_admin_with("GET", "/api/v1/session", field).status();
    for token in ["wrong", &auditor] {
        let answer = login(token);
        assert_eq!(answer.status(), 429, "right or wrong, it is not looked at");
        assert!(answer.head.get("retry-after").unwrap().parse::<u32>().unwrap() <= 61);
        assert_eq!(ask(&bearer(token)), 429);
    }
    assert_eq!(login(&admin).status(), 200, "it was right before");
    assert_eq!(ask(&bearer(&admin)), 200);
    assert_eq!(ask(&format!("Cookie: {cookie}\r\n")), 200, "and so goes the session on");
}

#[test]
fn pages_of_others_are_refused_and_every_answer_is_guarded() {
    let proxy = Proxy::start(&Config::new());
    let own = format!("Origin: http://{}\r\n", proxy.admin);
    assert_eq!(status(&proxy, "POST", "/api/v1/reload", &own), 200);
    for fields in [
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Origin: http://localhost\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
    ] {
        assert_eq!(status(&proxy, "GET", "/api/v1/status", fields), 403, "{fields}");
    }
    let mut wire = Wire::connect(proxy.admin);
    wire.send("GET /api/v1/status HTTP/1.1\r\nHost: rebound.example\r\n\r\n");
    assert_eq!(wire.response("GET").status(), 403);
    for path in ["/", "/livez", "/nothing", "/api/v1/status", "/api/v1/nothing", "/ui/main.mjs"] {
        let answer = proxy.ask_admin("GET", path);
        let policy = answer.head.get("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'self'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.head.get("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.head.get("access-control-allow-origin"), None);
        let store = answer.head.get("cache-control");
        assert_eq!(store == Some("no-store"), path.starts_with("/api/"), "{path}: {store:?}");
    }
}

#[test]
fn browsers_get_a_page_and_curl_a_table() {
    let proxy = Proxy::start(&Config::new());
    let table = proxy.ask_admin("GET", "/");
    assert_eq!(table.head.get("content-type"), Some("text/plain; charset=utf-8"));
    assert!(table.text().contains("GET    /api/v1/decisions/{id}/proof"), "{}", table.text());
    let accept = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";
    let page = proxy.ask_admin_with("GET", "/", accept);
    assert_eq!(page.head.get("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.text().contains("/ui/main.mjs"));
    let script = proxy.ask_admin("GET", "/ui/main.mjs");
    assert_eq!(script.head.get("content-type"), Some("text/javascript; charset=utf-8"));
    let tag = script.head.get("etag").unwrap();
    let again = proxy.ask_admin_with("GET", "/ui/main.mjs", &format!("If-None-Match: {tag}\r\n"));
    assert_eq!((again.status(), again.head.get("etag")), (304, Some(tag)));
    assert_eq!(proxy.ask_admin("GET", "/ui/../mod.rs").status(), 404);
    assert_eq!(status(&proxy, "HEAD", "/", ""), 200);
    let wrong = proxy.ask_admin("DELETE", "/livez");
    assert_eq!((wrong.status(), wrong.head.get("allow")), (405, Some("GET, HEAD")));
}

/// Where others reach it, with certificates of clients and a token, by either version.
#[test]
fn tls_takes_tokens_and_certificates() {
    let authority = Authority::new();
    let own = authority.issue("post", "DNS:post.example,IP:127.0.0.1");
    let client = authority.issue("ann", "URI:spiffe://corp.example/auditor");
    let path = |file: &std::path::Path| file.display().to_string();
    let more = format!(
        "certificate = \"{}\"\nkey = \"{}\"\nclient_roots = [\"{}\"]\nnames = [\"post.example\"]\n\
         [[admin.client]]\nname = \"spiffe://corp.example/auditor\"\nrole = \"auditor\"",
        path(&own.certificate),
        path(&own.key),
        path(&authority.certificate())
    );
    let (config, [viewer, ..]) = guarded(&more);
    let config = config.admin_listens("0.0.0.0:0");
    let proxy = Proxy::start(&config);
    let port = proxy.admin.port();
    let curl = |version: &str, more: &[&str]| -> Value {
        let mut curl = Command::new("curl");
        curl.args([
            "-q",
            "--silent",
            "--show-error",
            "--max-time",
            "50",
            "--noproxy",
            "*",
            version,
        ])
        .arg("--cacert")
        .arg(authority.certificate())
        .args(["--resolve", &format!("post.example:{port}:127.0.0.1")])
        .args(more)
        .arg(format!("https://post.example:{port}/api/v1/session"));
        let output = curl.output().unwrap();
        serde_json::from_str(&said(&output)).unwrap()
    };
    for version in ["--http1.1", "--http2"] {
        assert_eq!(curl(version, &[])["status"], 401);
        let token = format!("Authorization: Bearer {viewer}");
        assert_eq!(curl(version, &["-H", &token])["role"], "viewer");
        let (certificate, key) = (path(&client.certificate), path(&client.key));
        let who = curl(version, &["--cert", &certificate, "--key", &key]);
        assert_eq!((&who["role"], &who["by"]), (&json!("auditor"), &json!("certificate")));
    }
    let listed = program()
        .args(["holds", "list", "--admin", &format!("https://127.0.0.1:{port}"), "--admin-ca"])
        .arg(authority.certificate())
        .env("BORDERPOST_ADMIN_TOKEN", &viewer)
        .output()
        .unwrap();
    said(&listed);
}

#[test]
fn a_socket_of_this_machine_serves_commands() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("admin.sock");
    let place = format!("unix:{}", socket.display());
    let (config, [viewer, ..]) = guarded("");
    let proxy = Proxy::start(&config.admin_listens(&place));
    let list = |token: Option<&str>| {
        let mut list = program();
        list.args(["holds", "list", "--admin", &place]);
        if let Some(token) = token {
            list.env("BORDERPOST_ADMIN_TOKEN", token);
        }
        list.output().unwrap()
    };
    said(&list(Some(&viewer)));
    let refused = list(None);
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("prove who they are"), "{told}");
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{viewer}\n")).unwrap();
    let by_file = program()
        .args(["holds", "list", "--admin", &place, "--admin-token"])
        .arg(&file)
        .output()
        .unwrap();
    said(&by_file);
    let mut proxy = proxy;
    proxy.signal("TERM");
    assert!(proxy.ended().success());
    assert!(!socket.exists(), "the socket is removed at the end");
}

/// What is named beside a place that others reach.
#[test]
fn the_program_does_not_start_open_to_others() {
    let (config, _) = guarded("");
    let check = |config: &Config| {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("borderpost.toml");
        std::fs::write(&file, config.text()).unwrap();
        for (name, text) in config.files() {
            crate::support::private(&folder.path().join(name), text);
        }
        let output = program().args(["run", "--config"]).arg(&file).output().unwrap();
        assert_eq!(output.status.code(), Some(64));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let open = Config::new().admin("listen = \"0.0.0.0:0\"");
    assert!(check(&open).contains("needs TLS, and who asks must prove"));
    assert!(check(&config.clone().admin_listens("[::]:0")).contains("needs TLS"));
    let stranger = config.clone().admin(
        "listen = \"127.0.0.1:0\"\n[[admin.token]]\nname = \"ann\"\nrole = \"viewer\"\nfile = \"tokens\"",
    );
    assert!(check(&stranger).contains("has no token of `ann`"));
    let roleless = config
        .admin("listen = \"127.0.0.1:0\"\n[[admin.token]]\nname = \"viewer\"\nfile = \"tokens\"");
    assert!(check(&roleless).contains("`role` is missing here"));
    let nameless = Config::new()
        .admin("listen = \"127.0.0.1:0\"\n[[admin.client]]\nname = \"a\"\nrole = \"viewer\"");
    assert!(check(&nameless).contains("need `certificate`, `key` and `client_roots`"));
}

/// What a person decides says whose token it was.
#[test]
fn decisions_are_signed_by_who_proved_to_make_them() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let (config, [_, _, admin]) = guarded("");
    let config = config.rule("wait", "hold", "", "tags = [\"health\"]");
    let proxy = Proxy::start(&config);
    let url = format!("{}/", origin.url());
    assert_eq!(proxy.ask("GET", &url, "X-Data-Class: health\r\n", "").status(), 403);
    let held = proxy.ask_admin_with("GET", "/api/v1/holds", &bearer(&admin)).json();
    let id = held["holds"][0]["id"].as_str().unwrap().to_owned();
    let body = json!({ "by": "J. Doe", "reason": "no contract" }).to_string();
    let mut wire = Wire::connect(proxy.admin);
    wire.send(format!(
        "POST /api/v1/holds/{id}/deny HTTP/1.1\r\nHost: {}\r\n{}Content-Length: {}\r\n\r\n{body}",
        proxy.admin,
        bearer(&admin),
        body.len()
    ));
    let denied: Message = wire.response("POST");
    assert_eq!(denied.json()["rulings"][0]["by"], "J. Doe (admin)", "{}", denied.text());
}
