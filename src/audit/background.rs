//! Threads whose work can wait: what requests wait for has the processor first.

#[cfg(target_os = "linux")]
use rustix::{process::setpriority_process, thread::gettid};

/// Beside a thread of requests that wants a whole processor it has a tenth of it (weights 110
/// and 1024 of `sched(7)`), and where a processor is idle, all of that.
#[cfg(target_os = "linux")]
const LATER: i32 = 10;

/// Lets all other threads go before this one, as far as the system can. On Linux priorities are
/// of threads (`sched(7)`); elsewhere they are of processes, and nothing changes.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = setpriority_process(Some(gettid()), LATER) {
        tracing::debug!(%error, "a thread in the background keeps its priority");
    }
}
