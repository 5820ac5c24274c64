//! OpenID Connect on the admin listener, with an identity provider that is certified for it
//! (`tests/data/issuer.cjs`): tokens of programs, logins of browsers, and an issuer that is not there.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::notes;
use crate::support::{
    Authority, Config, Leaf, Message, Proxy, Wire, closed_port, given, program, said, script,
};

const SECRET: &str = "a secret: 100%";

/// The identity provider.
struct Issuer {
    child: Child,
    url: String,
}

impl Issuer {
    fn start(leaf: Option<&Leaf>) -> Self {
        let settings = leaf.map_or_else(
            || json!({}),
            |leaf| json!({ "key": leaf.key, "certificate": leaf.certificate }),
        );
        let mut node = Command::new("node");
        node.env("NODE_PATH", given("BORDERPOST_TEST_NODE_PATH").join("node_modules"));
        node.arg(script("issuer.cjs")).arg(settings.to_string());
        let mut child = node.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        let scheme = if leaf.is_some() { "https" } else { "http" };
        Self { child, url: format!("{scheme}://127.0.0.1:{}", first["port"]) }
    }

    /// A token that it gives to a program.
    #[track_caller]
    fn token(&self, client: &str, audience: &str, algorithm: &str) -> String {
        let mut curl = Command::new("curl");
        curl.args(["-q", "--silent", "--show-error", "--insecure", "--max-time", "50"]);
        curl.args(["--noproxy", "*", "--user", &format!("{client}:a+secret%3A+100%25")]);
        curl.args(["--data", "grant_type=client_credentials", "--data"]);
        curl.arg(format!("resource=https://api.example/{audience}/{algorithm}"));
        let text = said(&curl.arg(format!("{}/token", self.url)).output().unwrap());
        let answer: Value = serde_json::from_str(&text).unwrap();
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{text}")).to_owned()
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// What `[admin]` says of an issuer.
fn oidc(issuer: &str, more: &str) -> String {
    format!(
        "[admin.oidc]\nissuer = \"{issuer}\"\nclient_id = \"post\"\nclient_secret_file = \"secret\"\n\
         scopes = [\"email\", \"groups\"]\n{more}\n[admin.oidc.roles]\n\"egress-viewers\" = \"viewer\"\n\
         \"egress-auditors\" = \"auditor\"\n\"egress-admins\" = \"admin\"\n"
    )
}

fn config(issuer: &str, more: &str) -> Config {
    let admin = format!("listen = \"127.0.0.1:0\"\n{}", oidc(issuer, more));
    let config = Config::new().admin(&admin).file("secret", &format!("{SECRET}\n"));
    config.with("[state]\nfolder = \"state\"")
}

fn bearer(proxy: &Proxy, method: &str, path: &str, token: &str) -> Message {
    proxy.ask_admin_with(method, path, &format!("Authorization: Bearer {token}\r\n"))
}

#[test]
fn programs_prove_who_they_are_by_tokens_of_an_issuer() {
    let issuer = Issuer::start(None);
    let proxy = Proxy::start(&config(&issuer.url, "audience = \"post-api\""));
    let ask = |token: &str| bearer(&proxy, "GET", "/api/v1/session", token);
    for algorithm in ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"] {
        let answer = ask(&issuer.token("robot", "post-api", algorithm));
        assert_eq!(answer.status(), 200, "{algorithm}: {}", answer.text());
        let expected = json!({ "name": "robot", "role": "admin", "by": "oidc", "subject": "robot",
            "expires": null });
        assert_eq!(answer.json(), expected);
    }
    let meter = issuer.token("meter", "post-api", "ES256");
    assert_eq!(ask(&meter).json()["role"], "viewer");
    assert_eq!(bearer(&proxy, "POST", "/api/v1/reload", &meter).status(), 403);
    let nobody = ask(&issuer.token("nobody", "post-api", "ES256"));
    assert_eq!(nobody.status(), 403);
    assert!(nobody.text().contains("`nobody` is in no group"), "{}", nobody.text());
    // Reading what is about people is noted with who that was.
    let robot = issuer.token("robot", "post-api", "RS256");
    assert_eq!(bearer(&proxy, "GET", "/api/v1/holds", &robot).status(), 200);
    let note = notes(&proxy).pop().unwrap();
    assert_eq!(
        (&note["who"], &note["role"], &note["by"], &note["subject"]),
        (&json!("robot"), &json!("admin"), &json!("oidc"), &json!("robot"))
    );
    // The commands take such a token, too.
    let mut list = program();
    list.args(["holds", "list", "--admin", &proxy.admin.to_string()]);
    said(&list.env("BORDERPOST_ADMIN_TOKEN", &robot).output().unwrap());
    refuses(&proxy, &issuer, &robot);
}

/// What is no right token, each one below the number that is too many.
fn refuses(proxy: &Proxy, issuer: &Issuer, right: &str) {
    let [head, claims, signature] = right.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let coded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let other = Issuer::start(None).token("robot", "post-api", "RS256");
    let long = "x".repeat(20_000);
    for (token, why) in [
        (issuer.token("robot", "other-api", "RS256"), "not for `post-api`"),
        (other, "signature"),
        (format!("{}.{claims}.", coded(&json!({ "alg": "none" }))), "`none`"),
        (format!("{}.{claims}.{signature}", coded(&json!({ "alg": "HS256" }))), "`HS256`"),
        (format!("{head}.{}.{signature}", coded(&json!({ "sub": "x" }))), "signature"),
        (format!("{head}.{claims}.{long}"), "at most 16384 octets"),
        ("a.b.c".to_owned(), "no signed token"),
    ] {
        let answer = bearer(proxy, "GET", "/api/v1/session", &token);
        assert_eq!(answer.status(), 401, "{why}: {}", answer.text());
        assert!(answer.text().contains(why), "{why}: {}", answer.text());
        assert!(answer.head.get("www-authenticate").unwrap().starts_with("Bearer"));
    }
    for _ in 0..3 {
        assert_eq!(bearer(proxy, "GET", "/api/v1/session", "a.b.c").status(), 401);
    }
    let many = bearer(proxy, "GET", "/api/v1/session", "a.b.c");
    assert_eq!(many.status(), 429, "{}", many.text());
    assert_eq!(bearer(proxy, "GET", "/api/v1/session", right).status(), 200, "right is right");
}

#[test]
fn an_issuer_that_is_down_stops_nobody_else() {
    let down = format!("http://{}", closed_port("127.0.0.1"));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("tokens");
    let made = program().args(["passwd", "--token"]).arg(&file).arg("ops").output().unwrap();
    let token = said(&made).trim().to_owned();
    let tokens = std::fs::read_to_string(&file).unwrap();
    let admin = format!(
        "listen = \"127.0.0.1:0\"\n[[admin.token]]\nname = \"ops\"\nrole = \"admin\"\nfile = \"tokens\"\n{}",
        oidc(&down, "")
    );
    let config = Config::new().admin(&admin).file("secret", SECRET).file("tokens", &tokens);
    let proxy = Proxy::start(&config);
    assert_eq!(proxy.ask_admin("GET", "/readyz").status(), 200);
    assert_eq!(bearer(&proxy, "GET", "/api/v1/session", &token).json()["name"], "ops");
    let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#);
    for _ in 0..12 {
        let answer = bearer(&proxy, "GET", "/api/v1/session", &format!("{head}.e30.e30"));
        let text = answer.text();
        assert_eq!(answer.status(), 503, "it is no guess: {text}");
        assert!(
            text.contains("the issuer that `admin.oidc` names") && text.contains(&down),
            "{text}"
        );
    }
    let login = proxy.ask_admin_with("GET", "/oidc/login", "Accept: text/html\r\n");
    assert_eq!(login.status(), 503);
    assert_eq!(login.head.get("content-type"), Some("text/html; charset=utf-8"));
    assert!(login.text().contains("the issuer that `admin.oidc` names"), "{}", login.text());
    let ways = proxy.ask_admin("GET", "/api/v1/session/ways").json();
    assert_eq!(ways, json!({ "token": true, "oidc": "127.0.0.1" }));
}

#[test]
fn an_issuer_of_a_company_is_known_by_its_authority() {
    let authority = Authority::new();
    let issuer = Issuer::start(Some(&authority.issue("issuer", "IP:127.0.0.1")));
    let roots = format!("roots = [\"{}\"]", authority.certificate().display());
    let token = issuer.token("robot", "post", "ES256");
    let trusting = Proxy::start(&config(&issuer.url, &roots));
    assert_eq!(bearer(&trusting, "GET", "/api/v1/session", &token).json()["name"], "robot");
    let doubting = Proxy::start(&config(&issuer.url, ""));
    let answer = bearer(&doubting, "GET", "/api/v1/session", &token);
    assert_eq!(answer.status(), 503, "{}", answer.text());
    assert!(answer.text().contains("certificate"), "{}", answer.text());
}

/// A browser that draws nothing.
struct Walker {
    folder: TempDir,
}

impl Walker {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn jar(&self) -> PathBuf {
        self.folder.path().join("jar")
    }

    /// One step: the status, where it leads, and the page.
    #[track_caller]
    fn step(&self, url: &str, form: Option<&str>) -> (String, String, String) {
        let mut curl = Command::new("curl");
        curl.args(["-q", "--silent", "--show-error", "--max-time", "50", "--noproxy", "*"]);
        curl.arg("--cookie").arg(self.jar()).arg("--cookie-jar").arg(self.jar());
        curl.args(["--write-out", "\n%{http_code} %{redirect_url}"]);
        curl.args(form.into_iter().flat_map(|form| ["--data", form])).arg(url);
        let text = said(&curl.output().unwrap());
        let (page, last) = text.rsplit_once('\n').unwrap();
        let (status, place) = last.split_once(' ').unwrap();
        (status.to_owned(), place.to_owned(), page.to_owned())
    }

    /// Logs in at the issuer; the address by which it comes back.
    #[track_caller]
    fn at_issuer(&self, proxy: &Proxy, name: &str) -> String {
        let back = format!("http://{}/oidc/callback?", proxy.admin);
        let (mut url, mut form) = (format!("http://{}/oidc/login", proxy.admin), None);
        for _ in 0..20 {
            if url.starts_with(&back) {
                return url;
            }
            let (status, place, page) = self.step(&url, form.take());
            if status == "303" {
                url = place;
                continue;
            }
            let action = page.split("action=\"").nth(1).and_then(|rest| rest.split('"').next());
            url = action.unwrap_or_else(|| panic!("{status} {url}\n{page}")).to_owned();
            form = Some(if name == "ann" {
                "prompt=login&login=ann&password=x"
            } else {
                "prompt=login&login=eve&password=x"
            });
        }
        panic!("it goes on and on: {url}");
    }
}

#[test]
fn a_login_begins_at_the_issuer_and_not_too_often() {
    let issuer = Issuer::start(None);
    let proxy = Proxy::start(&config(&issuer.url, ""));
    let begun = proxy.ask_admin("GET", "/oidc/login");
    let place = begun.head.get("location").unwrap();
    assert!(place.starts_with(&format!("{}/auth?response_type=code&client_id=post&", issuer.url)));
    for part in ["&code_challenge_method=S256", "&state=", "&nonce=", "&scope=openid+email+groups"]
    {
        assert!(place.contains(part), "{place}");
    }
    assert_eq!(begun.head.get("cache-control"), Some("no-store"));
    for path in ["/oidc/login?next=https://evil.example", "/oidc/login?redirect_uri=//evil.example"]
    {
        let answer = proxy.ask_admin("GET", path);
        assert!(!answer.head.get("location").unwrap().contains("evil"), "{path}");
    }
    let renamed = proxy.admin.to_string().replace("127.0.0.1", "localhost");
    let mut wire = Wire::connect(proxy.admin);
    wire.send(format!("GET /oidc/login HTTP/1.1\r\nHost: {renamed}\r\n\r\n"));
    let place = format!("http://{}/oidc/login?again", proxy.admin);
    assert_eq!(wire.response("GET").head.get("location"), Some(&*place));
    let back = Walker::new().at_issuer(&proxy, "ann");
    for _ in 0..6 {
        assert_eq!(proxy.ask_admin("GET", "/oidc/login").status(), 303);
    }
    let many = proxy.ask_admin("GET", "/oidc/login");
    assert_eq!(many.status(), 429, "unfinished logins are bounded");
    let guessed = proxy.ask_admin("GET", back.split_once(&proxy.admin.to_string()).unwrap().1);
    assert_eq!(guessed.status(), 429, "and so are guesses");
}

#[test]
fn a_login_comes_back_once_to_who_began_it() {
    let issuer = Issuer::start(None);
    let proxy = Proxy::start(&config(&issuer.url, ""));
    let session = format!("http://{}/api/v1/session", proxy.admin);
    let (walker, thief) = (Walker::new(), Walker::new());
    let back = walker.at_issuer(&proxy, "ann");
    let (status, _, page) = thief.step(&back, None);
    assert_eq!((&*status, page.contains("another browser")), ("400", true), "{page}");
    let other = back.replace("iss=http%3A%2F%2F127.0.0.1", "iss=http%3A%2F%2F127.0.0.2");
    assert_ne!(back, other);
    let (status, _, page) = walker.step(&other, None);
    assert_eq!((&*status, page.contains("`iss`")), ("400", true), "{page}");
    assert_eq!(walker.step(&back, None).0, "400", "it has come back already");
    let back = walker.at_issuer(&proxy, "ann");
    let (status, place, _) = walker.step(&back, None);
    assert_eq!((&*status, place), ("303", format!("http://{}/", proxy.admin)));
    assert_eq!(walker.step(&back, None).0, "400", "once");
    let who: Value = serde_json::from_str(&walker.step(&session, None).2).unwrap();
    let found = (&who["name"], &who["role"], &who["by"], &who["subject"]);
    assert_eq!(
        found,
        (&json!("ann@corp.example"), &json!("auditor"), &json!("session"), &json!("ann"))
    );
    assert_eq!(thief.step(&session, None).0, "401");
    foreign(&proxy, &walker);
    let eve = Walker::new();
    let (status, _, page) = eve.step(&eve.at_issuer(&proxy, "eve"), None);
    assert_eq!((&*status, page.contains("`eve@corp.example` is in no group")), ("403", true));
}

/// A session does nothing for pages of others.
fn foreign(proxy: &Proxy, walker: &Walker) {
    let jar = std::fs::read_to_string(walker.jar()).unwrap();
    let name = format!("borderpost-{}", proxy.admin.port());
    let line = jar.lines().find(|line| line.contains(&format!("\t{name}\t"))).expect("a session");
    let cookie = format!("Cookie: {name}={}\r\n", line.rsplit('\t').next().unwrap());
    let ask = |path: &str, more: &str| {
        proxy.ask_admin_with("GET", path, &format!("{cookie}{more}")).status()
    };
    assert_eq!(ask("/api/v1/decisions", ""), 200);
    assert_eq!(ask("/api/v1/decisions", "Origin: http://evil.example\r\n"), 403);
    let link = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n";
    assert_eq!(ask("/api/v1/decisions", link), 403);
    let notes = notes(proxy);
    let note = notes.last().unwrap();
    assert_eq!((&note["who"], &note["subject"]), (&json!("ann@corp.example"), &json!("ann")));
}

/// Roles are those of the configuration in force, and so is who the issuer is.
#[test]
fn a_reload_changes_what_groups_may() {
    let issuer = Issuer::start(None);
    let config = config(&issuer.url, "");
    let proxy = Proxy::start(&config);
    let session = format!("http://{}/api/v1/session", proxy.admin);
    let (ann, robot) = (Walker::new(), issuer.token("robot", "post", "ES256"));
    ann.step(&ann.at_issuer(&proxy, "ann"), None);
    let program = || bearer(&proxy, "GET", "/api/v1/session", &robot);
    let person = || serde_json::from_str::<Value>(&ann.step(&session, None).2).unwrap();
    assert_eq!(
        (&person()["role"], &program().json()["role"]),
        (&json!("auditor"), &json!("admin"))
    );
    let reload = |text: &str| {
        let count = || proxy.output().matches("\nreloaded: ").count();
        let before = count();
        proxy.rewrite(text);
        proxy.signal("HUP");
        crate::support::wait_for("the reload", || (count() > before).then_some(()));
    };
    // An issuer that is down meanwhile is known as before.
    drop(issuer);
    let text =
        config.text().replace("\"auditor\"", "\"viewer\"").replace("\"admin\"\n", "\"auditor\"\n");
    reload(&text);
    assert_eq!(
        (&person()["role"], &program().json()["role"]),
        (&json!("viewer"), &json!("auditor"))
    );
    reload(&text.replace("client_id = \"post\"", "client_id = \"other\""));
    assert_eq!((person()["status"].as_u64(), program().status()), (Some(401), 401));
}

/// In a real browser, where others reach the listener.
#[test]
fn people_log_in_by_a_browser() {
    let (authority, issuer) = (Authority::new(), Issuer::start(None));
    let own = authority.issue("post", "DNS:post.example");
    let admin = format!(
        "listen = \"0.0.0.0:0\"\nnames = [\"post.example\"]\ncertificate = \"{}\"\nkey = \"{}\"\n{}",
        own.certificate.display(),
        own.key.display(),
        oidc(&issuer.url, "")
    );
    let config = Config::new().admin(&admin).file("secret", SECRET);
    let proxy = Proxy::start(&config.with("[state]\nfolder = \"state\""));
    let mut node = Command::new("node");
    node.env("NODE_PATH", given("BORDERPOST_TEST_NODE_PATH").join("node_modules"));
    node.arg(script("oidc.cjs")).arg(format!("https://post.example:{}", proxy.admin.port()));
    node.arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("../dashboard"));
    node.arg(given("BORDERPOST_TEST_BROWSER")).arg(&issuer.url);
    let told = node.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
    assert!(told.status.success(), "{out}{err}");
    let notes = notes(&proxy);
    let note = notes.last().expect("what ann saw is noted");
    assert_eq!(
        (&note["who"], &note["by"], &note["subject"]),
        (&json!("ann@corp.example"), &json!("session"), &json!("ann"))
    );
}
