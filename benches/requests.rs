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
#[path = "fixtures/server.rs"]
mod server;

use std::path::Path;
use std::time::Duration;

use server::{Server, tunnel};

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
    let (ours, _) =
        Server::borderpost(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench.toml"), &[])?;
    let drive = |server: &Server, request: &str| {
        server.measure(|| load::drive(server.address, request, CONNECTIONS, TIME))
    };
    println!("ready after start         {:>8.1} ms", ours.ready.as_secs_f64() * 1e3);
    for round in 1..=3 {
        let bare = drive(&bare, &request);
        let plain = drive(&ours, &request);
        let tagged = request.replace("accept:", "x-data-class: health\r\naccept:");
        let tagged = drive(&ours, &tagged);
        println!("round {round}: bare forwarder     {bare:>8.0} answers per processor second");
        println!("         borderpost         {plain:>8.0}  ratio {:.2}", plain / bare);
        println!("         borderpost, tagged {tagged:>8.0}  ratio {:.2}", tagged / bare);
    }
    let before = ours.resident();
    let tunnels: Vec<_> = (0..TUNNELS).map(|_| tunnel(ours.address, &origin.to_string())).collect();
    let each = ours.resident().saturating_sub(before) / TUNNELS;
    println!("idle tunnel               {each:>8} bytes resident");
    drop(tunnels);
    Ok(())
}

fn per_second(answers: u64, time: Duration) -> f64 {
    f64::from(u32::try_from(answers).unwrap_or(u32::MAX)) / time.as_secs_f64()
}
