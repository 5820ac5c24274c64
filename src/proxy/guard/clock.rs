//! A deadline that costs nothing until a read has to wait: the timer is made on
//! the first wait and moved only when it fires too early.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// How long a client may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the first byte of the next request, while none is being served; then the
    /// connection is closed without a word (RFC 9112 section 9.5).
    pub idle: Duration,
    /// From the first byte of a head to its last; then 408 (RFC 9110 section 15.5.9).
    pub head: Duration,
    /// Between two pieces of a body, while they are wanted; then 408.
    pub body: Duration,
    /// Between two pieces of an answer that the client takes; then the connection is cut.
    pub write: Duration,
    /// For the client to read a last answer before what it still sends resets the connection
    /// (RFC 9112 section 9.6).
    pub linger: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            idle: Duration::from_mins(1),
            head: Duration::from_secs(15),
            body: Duration::from_secs(30),
            write: Duration::from_secs(30),
            linger: Duration::from_secs(1),
        }
    }
}

/// What is being waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Idle,
    Head,
    Body,
    Write,
    Linger,
}

#[derive(Debug, Default)]
pub(super) struct Clock {
    timer: Option<Pin<Box<Sleep>>>,
    running: Option<(Phase, Instant)>,
}

impl Clock {
    /// Says whether `phase` has lasted longer than `limit`; it begins with the first call, or
    /// with the first after another phase. If it has not, the task is woken when it has.
    pub(super) fn expired(&mut self, cx: &mut Context<'_>, phase: Phase, limit: Duration) -> bool {
        let deadline = match self.running {
            Some((running, deadline)) if running == phase => deadline,
            _ => {
                // A limit too far away to name is no limit.
                let Some(deadline) = Instant::now().checked_add(limit) else { return false };
                self.running = Some((phase, deadline));
                deadline
            }
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return true;
            }
            timer.as_mut().reset(deadline);
        }
        false
    }

    /// Ends the phase.
    pub(super) fn stop(&mut self) {
        self.running = None;
    }

    /// Begins `phase` anew if it is the one running.
    pub(super) fn restart(&mut self, phase: Phase, limit: Duration) {
        if let Some((running, deadline)) = &mut self.running
            && *running == phase
            && let Some(later) = Instant::now().checked_add(limit)
        {
            *deadline = later;
        }
    }
}
