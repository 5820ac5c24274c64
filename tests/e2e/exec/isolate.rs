//! A network of the program's own.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::support::{Origin, ok};

use super::{ABROAD, REFUSED, Stage, url};

/// Whether this machine lets anybody have one.
fn is_possible() -> bool {
    let script = "ip link set lo up && setpriv --inh-caps -all --ambient-caps -all true";
    let mut tried = Command::new("unshare");
    tried.args(["--user", "--map-current-user", "--keep-caps", "--net", "--", "sh", "-c", script]);
    let possible = tried.output().is_ok_and(|output| output.status.success());
    if !possible {
        println!("not run: this machine permits no network namespace of one's own");
    }
    possible
}

#[test]
fn nothing_is_reached_but_the_proxy() {
    if !is_possible() {
        return;
    }
    let stage = Stage::new();
    let site = stage.site();
    let around = Origin::answering(ABROAD, ok("around"));
    let script = "curl -q -sS $0/hello && curl -q -sS -o refused -H 'X-Data-Class: health' $0/echo -d a=1\n\
                  curl -q -sS --noproxy '*' $1; echo \" $?\"\n\
                  node -e \"fetch('$1/').then(got => console.log(got.status))\"\n\
                  node -e \"require('net').connect($2, '127.3.0.1').on('error', e => console.log(e.code))\"\n\
                  id -u; grep CapAmb /proc/self/status; cat; exit 9";
    let mut command = stage.exec(&["--isolate"]);
    let port = around.address.port().to_string();
    command.args(["sh", "-c", script, &url(site.address.port()), &around.url(), &port]);
    let told = stage.ended(&mut command);
    assert_eq!(told.code, Some(REFUSED), "{told:#?}");
    let id = String::from_utf8(Command::new("id").arg("-u").output().unwrap().stdout).unwrap();
    let wanted = format!("hello 7\n200\nECONNREFUSED\n{id}CapAmb:\t0000000000000000\n");
    assert_eq!(told.out, wanted, "{told:#?}");
    assert!(told.err.contains("3 requests to 2 destinations in 1 place, 1 refused\n"), "{told:#?}");
    assert_eq!(around.connections(), 1, "by the proxy");
    assert_eq!(told.lines("unseen"), [""; 0], "there was no other way: {told:#?}");
    assert_eq!(site.visits().len(), 1);
    let mut command = stage.exec(&["--isolate"]);
    assert_eq!(stage.ended(command.args(["sh", "-c", "exit 9"])).code, Some(9));
    let mut command = stage.exec(&["--isolate"]);
    assert_eq!(stage.ended(command.arg("/no/such/program")).code, Some(127));
}

#[test]
fn signals_reach_it() {
    if !is_possible() {
        return;
    }
    let stage = Stage::new();
    let script = "trap 'exit 40' TERM; echo ready; while :; do read -r line || exit 1; done";
    let mut command = stage.exec(&["--isolate"]);
    command.args(["sh", "-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let input = child.stdin.take().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let kill = format!("kill -TERM {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(40));
    drop(input);
}

#[test]
fn where_it_is_not_permitted_the_program_does_not_run() {
    let stage = Stage::new();
    std::fs::create_dir(stage.path("bin")).unwrap();
    let run = || {
        let mut command = stage.exec(&["--isolate"]);
        command.env("PATH", stage.path("bin")).args(["/bin/sh", "-c", "echo run"]);
        let told = stage.ended(&mut command);
        assert_eq!((told.code, told.out.as_str()), (Some(1), ""), "{told:#?}");
        told
    };
    run().says("--isolate needs `unshare` (util-linux)");
    let fake = stage.path("bin/unshare");
    let script = "#!/bin/sh\necho 'unshare: unshare failed: Operation not permitted' >&2\nexit 1\n";
    std::fs::write(&fake, script).unwrap();
    std::fs::set_permissions(&fake, std::fs::Permissions::from_mode(0o755)).unwrap();
    run().says("not possible here: unshare: unshare failed: Operation not permitted; it needs");
}
