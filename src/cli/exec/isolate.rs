//! A network of the program's own (Linux): nothing is in it but a loopback interface, and there the
//! proxy alone, so that whoever reads no variable reaches nothing. Sockets and files in the file
//! system stay: it is the network that is closed.

use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::super::output::{Ended, news};
use super::child::{self, Relay};

/// A user namespace, in which everybody may have a network of his own (`user_namespaces(7)`).
const UNSHARE: [&str; 5] = ["unshare", "--user", "--map-current-user", "--keep-caps", "--net"];

/// The interface comes up, and then what allowed that goes.
const SCRIPT: &str =
    "ip link set lo up && exec setpriv --inh-caps -all --ambient-caps -all -- \"$@\"";

/// How long accepting rests after a failure.
const REST: Duration = Duration::from_millis(50);

/// Begins a program in a network of its own; used by `exec` alone.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Inside {
    /// The socket that leads out.
    #[arg(long)]
    gate: PathBuf,
    /// Where the proxy is to be.
    #[arg(long)]
    port: u16,
    /// The program and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// Tries it: what does not work is told before the program runs.
pub(super) fn is_permitted() -> anyhow::Result<()> {
    ensure!(cfg!(target_os = "linux"), "--isolate needs network namespaces, which Linux has");
    let mut tried = within(Path::new("true"));
    let output = tried.output().context("--isolate needs `unshare` (util-linux)")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let why = said.trim();
    ensure!(
        output.status.success(),
        "--isolate is not possible here: {}; it needs user namespaces, `ip` (iproute2) and `setpriv` (util-linux)",
        if why.is_empty() { output.status.to_string() } else { why.replace('\n', "; ") }
    );
    Ok(())
}

/// The program in a network in which the proxy is where it is outside.
pub(super) fn command(gate: &Path, proxy: SocketAddr, wanted: &[OsString]) -> io::Result<Command> {
    let mut command = within(&std::env::current_exe()?);
    command.arg("exec-inside").arg("--gate").arg(gate);
    command.arg("--port").arg(proxy.port().to_string()).arg("--").args(wanted);
    Ok(command)
}

fn within(program: &Path) -> Command {
    let [unshare, options @ ..] = UNSHARE;
    let mut command = Command::new(unshare);
    command.args(options).args(["--", "sh", "-c", SCRIPT, "sh"]).arg(program);
    command
}

/// Lets out to the proxy, and nowhere else, what comes through the gate. It ends with the runtime.
pub(super) fn open(gate: &Path, proxy: SocketAddr) -> io::Result<()> {
    let listener = UnixListener::bind(gate)?;
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(
                        async move { join(stream, TcpStream::connect(proxy).await).await },
                    );
                }
                Err(_) => tokio::time::sleep(REST).await,
            }
        }
    });
    Ok(())
}

async fn join(
    mut here: impl AsyncRead + AsyncWrite + Unpin,
    there: io::Result<impl AsyncRead + AsyncWrite + Unpin>,
) {
    // Whichever side breaks off, the other sees it as its end.
    if let Ok(mut there) = there {
        drop(copy_bidirectional(&mut here, &mut there).await);
    }
}

// === impl Inside ===

impl Inside {
    pub(in crate::cli) fn run(self) -> anyhow::Result<()> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build()?;
        let code = runtime.block_on(self.begin())?;
        if code == 0 { Ok(()) } else { Err(Ended(code).into()) }
    }

    async fn begin(self) -> anyhow::Result<u8> {
        let mut relay = Relay::new()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?;
        let gate = self.gate;
        tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let gate = gate.clone();
                        tokio::spawn(
                            async move { join(stream, UnixStream::connect(gate).await).await },
                        );
                    }
                    Err(_) => tokio::time::sleep(REST).await,
                }
            }
        });
        let (program, arguments) =
            self.command.split_first().expect("clap lets no command without a program by");
        match child::start(Command::new(program).args(arguments)) {
            Ok(child) => Ok(child::code(relay.wait(child).await?)),
            Err((code, why)) => {
                news(format!("borderpost: {why}"));
                Ok(code)
            }
        }
    }
}
