//! Requests through the running program: `cargo bench --bench requests`.
//!
//! Rates are answers per second of the forwarder's own processor time ("on one core"):
//! other programs on the machine then disturb little. Prints ratios; asserts nothing.

#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench prints its figures, and one that cannot go on has failed"
)]

#[path = "fixtures/forwarder.rs"]
mod forwarder;
#[path = "fixtures/load.rs"]
mod load;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const TIME: Duration = Duration::from_secs(3);
const CONNECTIONS: usize = 16;
const TUNNELS: usize = 1_000;

fn main() -> std::io::Result<()> {
    if std::env::args().any(|argument| argument == "forwarder") {
        return forwarder::run();
    }
    let origin = load::origin();
    let request =
        format!("GET http://{origin}/x HTTP/1.1\r\nhost: {origin}\r\naccept: */*\r\n\r\n");
    let direct = request.replace(&format!("http://{origin}"), "");
    let direct = load::drive(origin, &direct, CONNECTIONS, TIME);
    println!("direct to the origin      {:>8.0} answers/s", per_second(direct, TIME));

    let bare = Server::forwarder()?;
    let ours = Server::borderpost()?;
    println!("ready after start         {:>8.1} ms", ours.ready.as_secs_f64() * 1e3);
    for round in 1..=3 {
        let bare = bare.measure(&request);
        let plain = ours.measure(&request);
        let tagged = request.replace("accept:", "x-data-class: health\r\naccept:");
        let tagged = ours.measure(&tagged);
        println!("round {round}: bare forwarder     {bare:>8.0} answers per processor second");
        println!("         borderpost         {plain:>8.0}  ratio {:.2}", plain / bare);
        println!("         borderpost, tagged {tagged:>8.0}  ratio {:.2}", tagged / bare);
    }
    let before = ours.resident();
    let tunnels: Vec<_> = (0..TUNNELS).map(|_| tunnel(ours.address, origin)).collect();
    let each = ours.resident().saturating_sub(before) / TUNNELS;
    println!("idle tunnel               {each:>8} bytes resident");
    drop(tunnels);
    Ok(())
}

/// A forwarder in a process of its own.
struct Server {
    child: Child,
    address: SocketAddr,
    ready: Duration,
}

impl Server {
    fn forwarder() -> std::io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        Self::start(command.arg("forwarder").stdout(Stdio::piped()), |child| {
            let mut line = String::new();
            BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line)?;
            Ok(line.trim().to_owned())
        })
    }

    fn borderpost() -> std::io::Result<Self> {
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
        let config = folder.join("bench.toml");
        let text = include_str!("../config/borderpost.toml")
            .replace("127.0.0.1:3128", "127.0.0.1:0")
            .replace("127.0.0.1:3129", "127.0.0.1:0")
            .replace("# threads = 2", "threads = 1")
            .replace("open = []", "open = [\"loopback\"]")
            .replace("to = \"stdout\"", "to = \"/dev/null\"");
        fs::write(&config, text)?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_borderpost"));
        Self::start(command.args(["run", "--config"]).arg(config).stderr(Stdio::piped()), |child| {
            let stderr = BufReader::new(child.stderr.take().expect("piped"));
            let line = stderr.lines().map_while(Result::ok).find(|line| line.starts_with("proxy "));
            Ok(line.and_then(|line| Some(line.split_once("//")?.1.to_owned())).unwrap_or_default())
        })
    }

    fn start(
        command: &mut Command,
        address: impl FnOnce(&mut Child) -> std::io::Result<String>,
    ) -> std::io::Result<Self> {
        let started = Instant::now();
        let mut child = command.spawn()?;
        let address = address(&mut child)?.parse().expect("the program tells its address");
        TcpStream::connect(address)?;
        Ok(Self { child, address, ready: started.elapsed() })
    }

    /// Answers per second of the server's processor time.
    fn measure(&self, request: &str) -> f64 {
        let before = self.processor_seconds();
        let answers = load::drive(self.address, request, CONNECTIONS, TIME);
        let answers = u32::try_from(answers).expect("three seconds give fewer answers than 2^32");
        f64::from(answers) / (self.processor_seconds() - before)
    }

    /// User and system time, from /proc; a tick is 10 ms.
    fn processor_seconds(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("/proc");
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |at: usize| fields[at].parse::<f64>().expect("a number of ticks");
        (ticks(11) + ticks(12)) / 100.0
    }

    /// Resident memory in bytes.
    fn resident(&self) -> usize {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("/proc");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
        let kib = line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok());
        kib.expect("VmRSS is a number") * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn tunnel(proxy: SocketAddr, origin: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(proxy).expect("the proxy accepts");
    let head = format!("CONNECT {origin} HTTP/1.1\r\nhost: {origin}\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("the proxy reads");
    let mut answer = [0; 64];
    let read = stream.read(&mut answer).expect("the proxy answers");
    assert!(answer[..read].starts_with(b"HTTP/1.1 200"), "the tunnel stands");
    stream
}

fn per_second(answers: u64, time: Duration) -> f64 {
    f64::from(u32::try_from(answers).unwrap_or(u32::MAX)) / time.as_secs_f64()
}
