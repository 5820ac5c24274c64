//! A program from its start to its end.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use crate::support::{Identity, Origin, closed_port, ok};

use super::{ABROAD, HOST, REFUSED, Stage, Told, url};

const CURL: [&str; 4] = ["curl", "-q", "-sS", "--max-time"];

#[test]
fn nothing_refused_leaves_the_programs_own_code() {
    let stage = Stage::new();
    let site = stage.site();
    let url = url(site.address.port());
    let told = stage.ended(stage.exec(&[]).args(CURL).args(["50", &format!("{url}/hello")]));
    assert_eq!((told.code, told.out.as_str()), (Some(0), "hello"), "{told:#?}");
    told.says("borderpost exec: 1 request to 1 destination in 1 place\n");
    let script = "curl -q -sS $0/hello; read -r line; echo \"$line\"; echo err >&2; exit 7";
    let mut command = stage.exec(&[]);
    command.args(["sh", "-c", script, &url]).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"typed\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(output.stdout, b"hellotyped\n");
    assert!(output.stderr.starts_with(b"err\n"), "{}", String::from_utf8_lossy(&output.stderr));
    let told = stage.ended(stage.exec(&[]).args(["sh", "-c", "kill -9 $$"]));
    assert_eq!(told.code, Some(128 + 9));
    let told = stage.ended(stage.exec(&[]).arg("/no/such/program"));
    assert_eq!(told.code, Some(127));
    told.says("/no/such/program: ");
    let told = stage.ended(stage.exec(&[]).arg("/"));
    assert_eq!(told.code, Some(126));
    assert_eq!(stage.ended(&mut stage.exec(&[])).code, Some(64), "no program at all");
    assert_eq!(stage.ended(stage.bare(&["--geo", "a=Nowhere", "--"]).arg("true")).code, Some(64));
    assert_eq!(stage.ended(stage.bare(&["--pack", "nowhere", "--"]).arg("true")).code, Some(64));
}

#[test]
fn what_is_written_beside_is_for_nobody_else() {
    let stage = Stage::new();
    // What the authority shows to everybody is as it always is.
    let script = "folder=$(dirname \"$SSL_CERT_FILE\"); stat -c %a \"$folder\"; \
                  find \"$folder\" -path '*/ca' -prune -o -type f -printf '%f %m\\n'";
    let told = stage.ended(stage.exec(&[]).args(["sh", "-c", script]));
    let (folder, files) = told.out.split_once('\n').unwrap();
    assert_eq!(folder, "700", "{told:#?}");
    assert!(files.contains("records.jsonl 600\n"), "{told:#?}");
    let open: Vec<_> = files.lines().filter(|line| !line.ends_with(" 600")).collect();
    assert!(open.is_empty(), "{open:?}");
}

/// Sends tagged data there.
fn send(stage: &Stage, options: &[&str], url: &str) -> Told {
    let mut command = stage.exec(options);
    command.args(CURL).args(["50", "-H", "X-Data-Class: health", "-d", "a=1", url]);
    stage.ended(&mut command)
}

#[test]
fn what_is_refused_is_told_with_the_place_of_its_rule() {
    let stage = Stage::with(|config| {
        config.rule("mine", "block", "", "tags = [\"health\"]\nto = [\"CN\"]")
    });
    let site = stage.site();
    let url = url(site.address.port());
    let told = send(&stage, &[], &format!("{url}/echo"));
    assert_eq!(told.code, Some(REFUSED), "{told:#?}");
    assert!(told.out.contains("because of mine"), "{told:#?}");
    let port = site.address.port();
    told.says("1 request to 1 destination in 1 place, 1 refused\n");
    let there = told.lines("CN");
    assert_eq!(there.len(), 1, "{told:#?}");
    assert!(there[0].contains(&format!("{HOST}:{port}")), "{there:?}");
    assert!(there[0].ends_with("1 request, 0 octets out, 1 refused: health  (test)"), "{there:?}");
    assert_eq!(told.lines("classes"), ["classes    health 1"]);
    let line = stage.line_of("id = \"mine\"");
    told.says(&format!("refused    local/mine [block]  exec.toml:{line}\n"));
    told.says("           because of mine\n");
    told.says(&format!("           1 x POST /echo to {HOST}:{port} (CN), health"));
    // The shipped pack stands in the repository where the summary says.
    let stage = Stage::new();
    let told = send(&stage, &[], &format!("{}/echo", stage_url(&stage)));
    let refused = told.lines("refused");
    let site = refused[0].rsplit("  ").next().unwrap().strip_suffix(" (built in)").unwrap();
    let (file, line) = site.rsplit_once(':').unwrap();
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(file).unwrap();
    let line = text.lines().nth(line.parse::<usize>().unwrap() - 1).unwrap();
    assert_eq!(line, "id = \"us-country-of-concern\"");
}

#[test]
fn observed_rules_let_everything_pass() {
    let stage = Stage::new();
    let site = stage.site();
    let target = format!("{}/echo", url(site.address.port()));
    let told = send(&stage, &["--observe"], &target);
    assert_eq!((told.code, told.out.as_str()), (Some(0), "a=1"), "{told:#?}");
    told.says("1 would be refused\n");
    assert!(
        told.lines("would be")[0].starts_with("would be   default/us-country-of-concern [block]")
    );
    assert_eq!(site.visits().len(), 1);
    assert!(!site.visits()[0].headers.contains_key("x-data-class"));
}

#[test]
fn loopback_goes_around_unless_it_is_placed() {
    let stage = Stage::new();
    let origin = Origin::answering("127.0.0.1", ok("here"));
    let port = origin.address.port();
    let ask = |options: &[&str], url: &str| {
        let mut command = stage.bare(options);
        command.arg("--").args(CURL).args(["50", "-H", "X-Data-Class: health", url]);
        stage.ended(&mut command)
    };
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("http://{host}:{port}/");
        let told = ask(&[], &url);
        assert_eq!((told.code, told.out.as_str()), (Some(0), "here"), "{told:#?}");
        told.says("0 requests to 0 destinations");
        let told = ask(&["--geo", "localhost=CN"], &url);
        assert_eq!(told.code, Some(REFUSED), "{told:#?}");
        assert!(told.lines("CN")[0].ends_with("(--geo localhost=CN)"), "{told:#?}");
        let told = ask(&["--geo", "localhost=US"], &url);
        assert_eq!((told.code, told.out.as_str()), (Some(0), "here"), "{told:#?}");
        assert!(told.lines("US")[0].ends_with(": health  (--geo localhost=US)"), "{told:#?}");
    }
    // The longer network says more.
    let both = ["--geo", "127.0.0.0/8=CN", "--geo", "127.0.0.1=US"];
    assert_eq!(ask(&both, &origin.url()).code, Some(0));
    // A correction of the configuration gives way.
    let told = send(&stage, &["--geo", "127.3.0.0/16=US"], &format!("{}/", stage_url(&stage)));
    told.says("(--geo 127.3.0.0/16=US)");
}

fn stage_url(stage: &Stage) -> String {
    url(stage.site().address.port())
}

#[test]
fn failures_are_no_refusals() {
    let stage = Stage::new();
    let port = closed_port(ABROAD).port();
    let told = send(&stage, &[], &format!("http://{HOST}:{port}/"));
    assert_eq!(told.code, Some(REFUSED), "it is decided before it is dialled: {told:#?}");
    let mut command = stage.exec(&[]);
    command.args(CURL).args(["50", "-f", &format!("http://{HOST}:{port}/")]);
    let told = stage.ended(&mut command);
    assert_eq!(told.code, Some(22), "what curl ends with: {told:#?}");
    assert!(told.lines("failed")[0].contains("1 x connect-refused: "), "{told:#?}");
    let mut command = stage.bare(&[]);
    command.arg("--").args(CURL).args(["50", "http://192.168.200.1/"]);
    let told = stage.ended(&mut command);
    assert_eq!(told.code, Some(REFUSED), "{told:#?}");
    assert!(
        told.lines("refused")[0].starts_with("refused    special-network [block]"),
        "{told:#?}"
    );
}

#[test]
fn signals_reach_the_program() {
    let stage = Stage::new();
    for (signal, code) in [("TERM", 40), ("INT", 41), ("HUP", 42), ("USR1", 43)] {
        let script = "trap 'exit 40' TERM; trap 'exit 41' INT; trap 'exit 42' HUP; trap 'exit 43' USR1\n\
                      echo ready; while :; do read -r line || exit 1; done";
        let mut command = stage.exec(&[]);
        // Reading ends the wait as soon as a trap has run.
        command.args(["sh", "-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        let kill = format!("kill -{signal} {}", child.id());
        assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        drop(input);
        assert_eq!(output.status.code(), Some(code), "{signal}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("borderpost exec: 0 requests"));
    }
}

#[test]
fn what_the_environment_trusts_is_trusted() {
    let stage = Stage::with(|config| {
        // What `tls.roots` would say.
        config.rules().policy("mode = \"observe\"")
    });
    let config = stage.config.text().replace("roots = [", "# roots = [");
    let site = stage.site();
    std::fs::write(stage.path("bare.toml"), config).unwrap();
    let ask = |roots: Option<std::path::PathBuf>| {
        let mut command = stage.bare(&["--config", "bare.toml", "--inspect-all", "--"]);
        command.args(CURL).args(["50", &format!("{}/hello", url(site.address.port()))]);
        if let Some(roots) = roots {
            command.env("REQUESTS_CA_BUNDLE", roots);
        }
        stage.ended(&mut command)
    };
    let told = ask(None);
    assert!(told.out.contains("tls-certificate"), "{told:#?}");
    let told = ask(Some(stage.identity.certificate()));
    assert_eq!((told.code, told.out.as_str()), (Some(0), "hello"), "{told:#?}");
    let told = ask(Some(stage.path("bare.toml")));
    told.says("borderpost: REQUESTS_CA_BUNDLE is left out: ");
}

/// What `openssl req -x509` makes is marked as an authority's; who names that very file trusts it.
#[test]
fn a_servers_own_certificate_is_trusted_where_it_is_named() {
    let stage = Stage::with(|config| {
        config.rules().policy("mode = \"observe\"").name("other.example", &[ABROAD])
    });
    let config = stage.config.text().replace("roots = [", "# roots = [");
    std::fs::write(stage.path("bare.toml"), config).unwrap();
    let (own, other) = (Identity::self_signed(HOST, ABROAD), Identity::self_signed(HOST, ABROAD));
    let origin = own.serve(ABROAD, ok("hello"));
    let ask = |roots: std::path::PathBuf, host: &str| {
        let mut command = stage.bare(&["--config", "bare.toml", "--inspect-all", "--"]);
        let url = format!("https://{host}:{}/", origin.address.port());
        stage.ended(command.args(CURL).args(["50", &url]).env("SSL_CERT_FILE", roots))
    };
    for host in [HOST, ABROAD] {
        let told = ask(own.certificate(), host);
        assert_eq!((told.code, told.out.as_str()), (Some(0), "hello"), "{told:#?}");
    }
    let told = ask(other.certificate(), HOST);
    assert!(told.out.contains("marked as an authority's (CA:TRUE)"), "{told:#?}");
    assert!(told.out.contains("tls-certificate"), "{told:#?}");
    // Another name is not its, whoever is trusted.
    let told = ask(own.certificate(), "other.example");
    assert!(told.out.contains("not valid for name"), "{told:#?}");
    assert_eq!(origin.requests().len(), 2);
}

/// The command of a refusal decides as the run did, with all that it was told.
#[test]
fn a_refusal_is_explained_as_it_was_decided() {
    let stage = Stage::with(|config| {
        config.rule("mine", "block", "", "tags = [\"health\"]\nto = [\"DE\"]")
    });
    let target = format!("{}/echo", stage_url(&stage));
    let told = send(&stage, &["--geo", "127.3.0.0/16=DE"], &target);
    assert_eq!(told.code, Some(REFUSED), "{told:#?}");
    let problem: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    let command = problem["explain"].as_str().unwrap();
    let begin = format!(
        "borderpost explain --config exec.toml --geo 127.3.0.0/16=DE --url https://{HOST}:"
    );
    assert!(command.starts_with(&begin), "{command}");
    let mut explain = crate::support::program();
    let output = explain.args(command.split(' ').skip(1)).current_dir(stage.path("")).output();
    let told = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(told.starts_with("block: local/mine\n"), "{told}");
}

#[test]
fn packs_are_put_in_the_place_of_others() {
    let stage = Stage::new();
    let pack = include_str!("../../../config/packs/default.toml");
    let draft = pack.replacen("id = \"us-country-of-concern\"", "\nid = \"renamed\"", 1);
    std::fs::write(stage.path("draft.toml"), draft).unwrap();
    let target = format!("{}/echo", stage_url(&stage));
    let told = send(&stage, &["--pack", "draft.toml"], &target);
    assert_eq!(told.code, Some(REFUSED), "{told:#?}");
    let line = pack.lines().position(|line| line == "id = \"us-country-of-concern\"").unwrap() + 2;
    told.says(&format!("refused    default/renamed [block]  draft.toml:{line}\n"));
    // One that counts needs no folder of the configuration's.
    let told = send(&stage, &["--pack", "us-28cfr202"], &target);
    assert_eq!(told.code, Some(REFUSED), "{told:#?}");
}
