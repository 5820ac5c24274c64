//! What can go wrong with one request, and whose fault it is. `reply.rs` turns each into
//! one answer.

use http::StatusCode;

use crate::audit::{DeskError, Failure, Fault, VolumeError};
use crate::policy::Refusal;

use super::wire;

/// Why a request does not get its destination's answer.
#[derive(Debug)]
pub(super) enum Error {
    /// A rule or setting forbids it.
    Refused(Box<Refusal>),
    /// Something failed.
    Failed(Box<Failed>),
}

/// A failure, ready to be told.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    /// What the client is answered with.
    pub(super) status: StatusCode,
    /// What the record keeps.
    pub(super) failure: Failure,
    /// What would help.
    pub(super) remedy: &'static str,
    /// The error type of RFC 9209 section 2.3.
    pub(super) proxy_status: &'static str,
    /// The RFC section that the client broke, if it broke one.
    pub(super) rfc: Option<&'static str>,
    /// The stage beyond the proxy that failed, for the metrics.
    pub(super) stage: Option<&'static str>,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "refused: {}", refusal.outcome),
            Self::Failed(failed) => f.write_str(&failed.failure.detail),
        }
    }
}

impl Failed {
    /// A tunnel, or a request inside one, that names somebody else than it was permitted for.
    pub(super) fn fronted(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::MISDIRECTED_REQUEST,
            failure: Failure {
                fault: Fault::Client,
                code: "authority-mismatch",
                detail: detail.into(),
            },
            remedy: "open a tunnel for the host that is meant; `intercept.relaxed` names hosts \
                     whose tunnels may carry others",
            proxy_status: "http_request_denied",
            rfc: Some("RFC 9110 section 15.5.20"),
            stage: None,
        }
    }

    /// A tunnel that cannot be looked into although the policy must.
    pub(super) fn sealed(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            failure: Failure { fault: Fault::Policy, code, detail: detail.into() },
            remedy: "speak HTTP in the tunnel, over TLS that names its server; `[intercept]` \
                     says what happens to others",
            proxy_status: "http_request_denied",
            rfc: None,
            stage: None,
        }
    }
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        Self::Failed(Box::new(failed))
    }
}

impl Error {
    /// The client broke the protocol.
    pub(super) fn client(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<String>,
        rfc: &'static str,
    ) -> Self {
        Self::failed(Failed {
            status,
            failure: Failure { fault: Fault::Client, code, detail: detail.into() },
            remedy: "correct the request; the cited section says how it must look",
            proxy_status: "http_request_error",
            rfc: Some(rfc),
            stage: None,
        })
    }

    /// The guard found what could be read in two ways.
    pub(super) fn on_the_wire(fault: &wire::Fault) -> Self {
        let kind = fault.kind();
        Self::client(kind.status(), kind.code(), kind.message(), kind.rfc())
    }

    /// The destination, or the way to it, failed.
    pub(super) fn upstream(
        status: StatusCode,
        stage: &'static str,
        code: &'static str,
        proxy_status: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let remedy = match stage {
            "resolve" => "check the host name and the name servers that this proxy uses",
            "connect" => {
                "check that the destination runs and that a firewall lets this proxy reach it"
            }
            "chain" => {
                "check the `[[chain]]` that covers this destination, and ask whoever runs that proxy"
            }
            "tls" => "check the destination's certificate; `tls.roots` adds a private authority",
            _ => "try again later; if it persists, ask whoever runs the destination",
        };
        Self::failed(Failed {
            status,
            failure: Failure { fault: Fault::Upstream, code, detail: detail.into() },
            remedy,
            proxy_status,
            rfc: None,
            stage: Some(stage),
        })
    }

    /// The request would come back to us.
    pub(super) fn looped(detail: impl Into<String>) -> Self {
        Self::failed(Failed {
            status: StatusCode::LOOP_DETECTED,
            failure: Failure { fault: Fault::Client, code: "loop", detail: detail.into() },
            remedy: "name the destination itself, not this proxy",
            proxy_status: "proxy_loop_detected",
            rfc: Some("RFC 9110 section 7.6.3"),
            stage: None,
        })
    }

    /// We cannot do what we must: tagged data without a record.
    pub(super) fn unrecorded() -> Self {
        Self::failed(Failed {
            status: StatusCode::SERVICE_UNAVAILABLE,
            failure: Failure {
                fault: Fault::Us,
                code: "record-unwritable",
                detail: "records cannot be written, so this request may not leave".to_owned(),
            },
            remedy: "make room for, or repair, the target of `record.to`, and the journal in `state.folder`",
            proxy_status: "proxy_internal_error",
            rfc: None,
            stage: None,
        })
    }

    /// We cannot do what we must: what is counted by law without a count.
    pub(super) fn uncounted(error: &VolumeError) -> Self {
        tracing::error!(%error, "volumes cannot be counted; requests that need it are refused");
        Self::failed(Failed {
            status: StatusCode::SERVICE_UNAVAILABLE,
            failure: Failure {
                fault: Fault::Us,
                code: "volume-unwritable",
                detail: "volumes cannot be counted, so this request may not leave".to_owned(),
            },
            remedy: "make room for, or repair, the file of volumes in `state.folder`",
            proxy_status: "proxy_internal_error",
            rfc: None,
            stage: None,
        })
    }

    /// We cannot do what we must: keep what a person decides or reports.
    pub(super) fn unkept(error: &DeskError) -> Self {
        Self::failed(Failed {
            status: StatusCode::SERVICE_UNAVAILABLE,
            failure: Failure {
                fault: Fault::Us,
                code: "hold-unwritable",
                detail: format!(
                    "what a person must decide or report cannot be kept ({error}), so this \
                     request may not leave"
                ),
            },
            remedy: "make room in, or repair, the folder that `state.folder` names",
            proxy_status: "proxy_internal_error",
            rfc: None,
            stage: None,
        })
    }

    pub(super) fn failed(failed: Failed) -> Self {
        Self::Failed(Box::new(failed))
    }
}
