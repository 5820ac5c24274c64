//! The program that is watched: started with our terminal and files, told what we are told, and
//! waited for.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};

use rustix::process::{Pid, Signal};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// What a shell ends with where a program cannot be found, or not be started.
const NOT_FOUND: u8 = 127;
const NOT_STARTED: u8 = 126;

/// Signals that are handed on; the first two come from a terminal, too.
#[derive(Debug)]
pub(super) struct Relay {
    interrupt: Stream,
    quit: Stream,
    hangup: Stream,
    terminate: Stream,
    user1: Stream,
    user2: Stream,
}

// === impl Relay ===

impl Relay {
    /// From here on none of them ends this program.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
        })
    }

    /// The next one that the program has not got by itself.
    async fn next(&mut self) -> Signal {
        loop {
            let (signal, of_terminal) = tokio::select! {
                _ = self.interrupt.recv() => (Signal::INT, true),
                _ = self.quit.recv() => (Signal::QUIT, true),
                _ = self.hangup.recv() => (Signal::HUP, false),
                _ = self.terminate.recv() => (Signal::TERM, false),
                _ = self.user1.recv() => (Signal::USR1, false),
                _ = self.user2.recv() => (Signal::USR2, false),
            };
            if !(of_terminal && holds_terminal()) {
                return signal;
            }
        }
    }

    /// Waits for the program, and hands on to it what comes meanwhile.
    pub(super) async fn wait(&mut self, mut child: Child) -> io::Result<ExitStatus> {
        let pid = Pid::from_child(&child);
        let mut waiting = tokio::task::spawn_blocking(move || child.wait());
        loop {
            tokio::select! {
                ended = &mut waiting => return ended.map_err(io::Error::other)?,
                signal = self.next() => {
                    if let Err(error) = rustix::process::kill_process(pid, signal) {
                        tracing::debug!(%error, "the program has ended before the signal came");
                    }
                }
            }
        }
    }
}

/// A terminal signals everybody in the group that it belongs to: that program has it already.
fn holds_terminal() -> bool {
    let group = rustix::process::getpgrp();
    [rustix::termios::tcgetpgrp(io::stdin()), rustix::termios::tcgetpgrp(io::stderr())]
        .into_iter()
        .any(|foreground| foreground == Ok(group))
}

/// Starts it; what a shell would end with where that cannot be, and why.
pub(super) fn start(command: &mut Command) -> Result<Child, (u8, String)> {
    command.spawn().map_err(|error| {
        let name = command.get_program().to_string_lossy().into_owned();
        let code = if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_STARTED };
        (code, format!("{name}: {error}"))
    })
}

/// Its exit code, as a shell has it: 128 and the signal where one ended it.
pub(super) fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code & 0xff).ok()).unwrap_or(u8::MAX)
}
