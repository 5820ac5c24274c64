//! A forward HTTP(S) proxy that enforces data-egress rules.
//!
//! For every request borderpost knows **what data leaves** (the [tags](data) that the
//! client declares), **where it goes** (a vetted address and its country by several
//! [databases](geo)) and **which rule speaks to it** (a [policy]). It allows, logs or
//! blocks, and writes one [record](audit) that says why.
//!
//! # The life of one request
//!
//! 1. [`proxy::run`] accepts a connection; what stands before its first request (a load
//!    balancer's word, [TLS](tls::Acceptor)) is read in `proxy/door.rs`; the [guard](proxy::guard) refuses what could
//!    be read in two ways before the HTTP server sees it.
//! 2. `proxy/request.rs` is the line that every request walks. It loads what is in force
//!    ([`proxy::Active`]) once, begins the record, and finds out who asks: by what the
//!    request proves to the [`auth::Gate`], by what the connection proved, or by its network.
//! 3. The target becomes one canonical [`net::Authority`], which `Host` must agree with.
//! 4. [`data::Carriers`] read the declared tags.
//! 5. [`policy::Policy::decide`] may refuse already, before a name server is asked.
//! 6. [`proxy::Resolver`] finds the addresses, once.
//!    What packs count over months is reserved ([`audit::Volumes`]) before anything leaves.
//! 7. Each address is taken apart ([`net::Canonical`]), located ([`geo::Atlas::locate`])
//!    and judged ([`policy::Policy::conclude`]). What is permitted is a
//!    [`policy::Permit`], the only ticket to dial.
//!    What a person must decide, or report, is put on the [`audit::Desk`] first.
//! 8. The permits' sockets are raced, and bytes stream both ways without a copy.
//! 9. The [`audit::Record`] ends with the request, however it ends.
//!
//! # Floors
//!
//! A module names only floors below its own; `tests/floors.rs` refuses anything else.

pub mod admin;
pub mod audit;
pub mod auth;
pub mod cli;
pub mod config;
pub mod data;
pub mod geo;
pub mod net;
pub mod policy;
pub mod proxy;
pub mod telemetry;
pub mod tls;
