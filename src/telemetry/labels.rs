//! Label sets. Each is bounded: never a host, a client, a user or a URL.

use std::borrow::Cow;
use std::fmt::{self, Write};

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

/// Labels of `egress_decisions_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Verdict {
    /// `allow`, `log`, `block`, or `none` if the request failed before a decision.
    pub verdict: &'static str,
    /// `enforce` or `observe`.
    pub mode: &'static str,
    /// The pack of the rule that decided, or `none`.
    pub pack: Cow<'static, str>,
    /// The ISO 3166 code, or `disputed`, `unknown`, `special`, `none`.
    pub country: &'static str,
    /// A tag pattern that the policy names, `other`, or `none`.
    pub data_class: Cow<'static, str>,
}

/// Labels of `egress_transfer_bytes_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Transfer {
    /// Which way.
    pub(super) direction: Direction,
}

/// Which way bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the destination to the client.
    In,
    /// From the client to the destination.
    Out,
}

/// Labels of `egress_connections`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Connections {
    /// Whose.
    pub(super) side: Side,
}

/// Whose connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// A client's connection to the proxy.
    Client,
    /// The proxy's connection to a destination.
    Upstream,
}

/// Labels of `egress_upstream_errors_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Stage {
    /// `resolve`, `connect`, `tls`, `request` or `response`.
    pub stage: &'static str,
    /// A short stable word.
    pub reason: &'static str,
}

/// Labels of `egress_geo_database_build_timestamp_seconds`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Database {
    /// The database's short name.
    pub db: String,
}

/// Labels of `egress_geo_lookups_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Lookup {
    /// The state of the location.
    pub(super) result: &'static str,
}

/// Labels of `egress_client_protocol_errors_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Broken {
    /// The error code that the client was told.
    pub(super) reason: &'static str,
}

/// Labels of `egress_login_failures_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Login {
    /// What was wrong: the code of the record, where there is one.
    pub(super) kind: &'static str,
}

/// Labels of `egress_certificate_end_timestamp_seconds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Ending {
    /// `listener-certificate`, `client-crl` or `authority`.
    pub(super) kind: &'static str,
}

/// Labels of `egress_alerts_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Alert {
    /// The pack.
    pub(super) pack: String,
    /// Its rule.
    pub(super) rule: String,
}

/// Labels of `egress_inspected_requests_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Inspected {
    /// `clean`, `found`, or `unreadable`: something in it could not be read.
    pub result: &'static str,
}

/// Labels of `egress_tls_intercept_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Intercept {
    /// `opened`, `unread`, `barred`, `plain`, `unbelieved` or `unsigned`.
    pub(super) result: &'static str,
}

/// Labels of `egress_state_store_up`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Store {
    /// `volumes` or `desk`.
    pub(super) engine: &'static str,
}

/// Labels of `egress_bulk_subjects`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Volume {
    /// The pack.
    pub(super) pack: String,
    /// Its counter and the class of data.
    pub(super) meter: String,
    /// For whom it counts, or `other`.
    pub(super) party: String,
}

/// Labels of `egress_bulk_limit_subjects`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Limit {
    /// The pack.
    pub(super) pack: String,
    /// Its counter and the class of data.
    pub(super) meter: String,
}

/// Labels of `egress_volume_marks_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Mark {
    /// Pack, counter and class.
    pub(super) meter: String,
    /// Of the threshold.
    pub(super) percent: u8,
}

/// Labels of the audit sink's counters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Sink {
    /// `stdout`, `file` or `journal`, or the name of a sink that ships from there.
    pub(super) sink: Cow<'static, str>,
}

/// Labels of `egress_audit_sink_lost_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Lost {
    /// The sink.
    pub(super) sink: String,
    /// `missing`, `pruned`, `refused` or `unreadable`.
    pub(super) reason: &'static str,
}

/// Labels of `egress_holds_decided_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Ruled {
    /// `approve` or `deny`.
    pub(super) decision: &'static str,
}

/// Labels of `egress_build_info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Build {
    /// The version of this program.
    pub(super) version: &'static str,
    /// The revision of the source, or `unknown`.
    pub(super) revision: &'static str,
    /// The version of the compiler.
    pub(super) rustc: &'static str,
}

impl EncodeLabelValue for Direction {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(match self {
            Self::In => "in",
            Self::Out => "out",
        })
    }
}

impl EncodeLabelValue for Side {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(match self {
            Self::Client => "client",
            Self::Upstream => "upstream",
        })
    }
}
