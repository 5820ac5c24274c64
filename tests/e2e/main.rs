//! The real program between real sockets: every case drives `borderpost run` (or another
//! command) as a child process, on loopback, and holds what clients, origins and the
//! record saw. `tests/run` starts it with everything that it needs.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and says why"
)]

mod access;
mod admission;
mod anchor;
mod api;
mod bodies;
mod bundle;
mod ca;
mod chain;
mod clients;
mod commands;
mod damage;
mod dashboard;
mod discover;
mod early;
mod ends;
mod evidence;
mod exchange;
mod exec;
mod forward;
mod holds;
mod http2;
mod index;
mod init;
mod intercept;
mod interrupted;
mod journal;
mod life;
mod listeners;
mod names;
mod noted;
mod oidc;
mod opening;
mod otlp;
mod packs;
mod peers;
mod personal;
mod policy;
mod protocol;
mod real_clients;
mod records;
mod reload;
mod scan;
mod service;
mod sinks;
mod socks;
mod support;
mod transparent;
mod tunnel;
mod volumes;
mod websocket;
mod websocket_bodies;
mod who;
