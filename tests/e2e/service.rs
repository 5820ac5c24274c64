//! Under a service manager: what it is told, and a restart on a socket that it holds.

use std::fs::OpenOptions;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::{Config, Origin, Proxy, Wire, ok, program, request, wait_for};

/// A service manager's ear.
struct Manager {
    folder: TempDir,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self { folder, socket }
    }

    fn command(&self, watchdog: &str) -> Command {
        let mut command = program();
        command.env("NOTIFY_SOCKET", self.folder.path().join("notify"));
        command.env("WATCHDOG_USEC", watchdog).env_remove("WATCHDOG_PID");
        command
    }

    /// The next thing that is told.
    fn told(&self) -> String {
        let mut message = [0; 4_096];
        let length = self.socket.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    }

    /// What is told until that is.
    fn wait(&self, wanted: &str) -> Vec<String> {
        let mut before = Vec::new();
        loop {
            let told = self.told();
            if told.lines().any(|line| line == wanted) {
                return before;
            }
            before.push(told);
        }
    }
}

#[test]
fn the_manager_is_told_how_it_goes() {
    let manager = Manager::new();
    let mut proxy = Proxy::start_by(&Config::new(), manager.command("3000000"));
    assert_eq!(manager.wait("READY=1"), [""; 0], "nothing before it is ready");
    manager.wait("WATCHDOG=1");
    proxy.signal("HUP");
    manager.wait("RELOADING=1");
    manager.wait("READY=1");
    proxy.rewrite("no configuration");
    proxy.signal("HUP");
    manager.wait("RELOADING=1");
    manager.wait("READY=1");
    proxy.signal("TERM");
    manager.wait("STOPPING=1");
    assert_eq!(proxy.ended().code(), Some(0));
}

#[test]
fn the_watchdog_is_not_fed_while_the_writer_hangs() {
    let manager = Manager::new();
    let pipe = manager.folder.path().join("records");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Open at both ends, so that nobody waits for the other; nobody reads.
    let reader = OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
    let config = Config::new().record(pipe.to_str().unwrap());
    let proxy = Proxy::start_by(&config, manager.command("300000"));
    manager.wait("WATCHDOG=1");
    let path = "p".repeat(6_000);
    // A pipe holds 64 KiB.
    for _ in 0..16 {
        proxy.ask("GET", &format!("http://127.0.0.1:1/{path}"), "", "");
    }
    wait_for("the writer to be missed", || {
        proxy.output().contains("the watchdog is not fed").then_some(())
    });
    manager.socket.set_nonblocking(true).unwrap();
    let mut message = [0; 64];
    while manager.socket.recv(&mut message).is_ok() {}
    let silent = manager.socket.recv(&mut message).unwrap_err();
    assert_eq!(silent.kind(), io::ErrorKind::WouldBlock);
    drop(reader);
}

/// The program with this socket, passed as often as said.
fn on(socket: &TcpListener, times: u8) -> Command {
    let mut shell = Command::new("sh");
    let script = "exec 3<&0 4<&0 </dev/null; export LISTEN_PID=$$; exec \"$0\" \"$@\"";
    shell.args(["-c", script, env!("CARGO_BIN_EXE_borderpost")]);
    shell.env("LISTEN_FDS", times.to_string()).env_remove("BORDERPOST_CONFIG");
    shell.stdin(Stdio::from(OwnedFd::from(socket.try_clone().unwrap())));
    shell
}

/// Sets it when it goes, however that comes.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Asks on connections of their own until it is to end; each must be answered.
fn ask(address: SocketAddr, url: &str, ended: &AtomicBool, served: &AtomicUsize) {
    while !ended.load(Ordering::Relaxed) {
        let mut wire = Wire::connect(address);
        wire.send(request("GET", url, "Connection: close\r\n", ""));
        assert_eq!(wire.response("GET").text(), "four");
        served.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_restart_on_a_passed_socket_loses_no_connection() {
    let origin = Origin::answering("127.1.0.1", ok("four"));
    let url = format!("{}/", origin.url());
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let (ended, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let guard = Ended(&ended);
        let clients: Vec<_> =
            (0..4).map(|_| scope.spawn(|| ask(address, &url, &ended, &served))).collect();
        let mut recorded = 0;
        for _ in 0..4 {
            let mut proxy = Proxy::start_by(&Config::new(), on(&socket, 1));
            assert_eq!(proxy.listen, address);
            let before = served.load(Ordering::Relaxed);
            wait_for("requests to pass", || {
                (served.load(Ordering::Relaxed) > before + 50).then_some(())
            });
            proxy.signal("TERM");
            assert_eq!(proxy.ended().code(), Some(0));
            let records = proxy.records();
            assert!(records.iter().all(|record| record["status"] == 200), "{records:#?}");
            recorded += records.len();
        }
        // For what is still on its way.
        let last = Proxy::start_by(&Config::new(), on(&socket, 1));
        drop(guard);
        clients.into_iter().for_each(|client| client.join().unwrap());
        let served = served.load(Ordering::Relaxed);
        assert!(recorded + last.wait_records(served - recorded).len() >= served);
    });
}

#[test]
fn a_socket_that_no_listener_takes_is_told() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let told = on(&socket, 2).arg("run").output().unwrap();
    let text = String::from_utf8(told.stderr).unwrap();
    assert!(text.contains("2 sockets were passed for 1 listeners"), "{text}");
    assert_eq!(told.status.code(), Some(1));
}
