//! What ends a SOCKS connection before there is a tunnel, and what the client is told.

use std::net::{Ipv4Addr, SocketAddr};

use http::StatusCode;

use super::super::error::Error;
use super::wire::{self, Command, Fault, Method, Reply};

/// How far the talk had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The client is not there any more, or speaks something else.
    Gone,
    Greeting,
    Login,
    Request,
}

/// Why there is no tunnel.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) error: Error,
    pub(super) stage: Stage,
}

impl Stage {
    /// The last word to the client.
    pub(super) fn last_word(self, error: &Error) -> Vec<u8> {
        match self {
            Self::Gone => Vec::new(),
            Self::Greeting => Method::Unacceptable.answer().to_vec(),
            Self::Login => wire::login_answer(false).to_vec(),
            Self::Request => {
                reply_to(error).message(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0))
            }
        }
    }
}

/// The reply that tells what happened (RFC 1928 section 6).
pub(super) fn reply_to(error: &Error) -> Reply {
    let failed = match error {
        Error::Refused(_) => return Reply::NotAllowed,
        Error::Failed(failed) => failed,
    };
    match (failed.failure.code, failed.stage) {
        ("loop", _) => Reply::NotAllowed,
        ("socks-command", _) => Reply::CommandNotSupported,
        ("socks-address-type", _) => Reply::AddressTypeNotSupported,
        ("connect-refused", _) => Reply::ConnectionRefused,
        (_, Some(_)) if failed.status == StatusCode::GATEWAY_TIMEOUT => Reply::TtlExpired,
        ("connect-unreachable", _) | (_, Some("resolve")) => Reply::HostUnreachable,
        (_, _) => Reply::GeneralFailure,
    }
}

impl Fault {
    pub(super) fn error(self) -> Error {
        match self {
            Self::Version(version) => {
                let text = format!(
                    "this listener speaks SOCKS 5; the first byte was {version:#04x} instead of \
                     0x05"
                );
                wrong("socks-version", text, "RFC 1928 section 3")
            }
            Self::LoginVersion(version) => {
                let text = format!("the login is of version {version}, not 1");
                wrong("socks-version", text, "RFC 1929 section 2")
            }
            Self::AddressType(kind) => {
                let text = format!("there is no type of address {kind:#04x}");
                wrong("socks-address-type", text, "RFC 1928 section 5")
            }
        }
    }
}

pub(super) fn no_method(passwords: bool) -> Error {
    let text = if passwords {
        "the client does not offer to log in with a name and a password, which this proxy wants"
    } else {
        "the client does not offer to go without a password, and this proxy has no users that \
         could log in"
    };
    wrong("socks-method", text, "RFC 1928 section 3")
}

pub(super) fn not_known() -> Error {
    wrong("socks-login", "the name or the password is wrong", "RFC 1929 section 2")
}

pub(super) fn no_command(command: Command) -> Error {
    let name = match command {
        Command::Connect => "CONNECT".to_owned(),
        Command::Bind => "BIND".to_owned(),
        Command::UdpAssociate => "UDP ASSOCIATE".to_owned(),
        Command::Other(byte) => format!("{byte:#04x}"),
    };
    let text = format!("the command {name} is not served, only CONNECT");
    wrong("socks-command", text, "RFC 1928 section 4")
}

pub(super) fn no_destination(detail: &str) -> Error {
    let text = format!("the request names no destination: {detail}");
    wrong("target-invalid", text, "RFC 1928 section 5")
}

/// The client ended, or its connection broke, in the middle of a message.
pub(super) fn cut() -> Error {
    let text = "the client ended the connection in the middle of the SOCKS handshake";
    wrong("socks-cut", text, "RFC 1928 section 3")
}

/// The client took too long for a message.
pub(super) fn slow() -> Error {
    let text = "the client did not send its SOCKS message in time";
    let status = StatusCode::REQUEST_TIMEOUT;
    Error::client(status, "socks-timeout", text, "RFC 1928 section 3")
}

fn wrong(code: &'static str, text: impl Into<String>, rfc: &'static str) -> Error {
    Error::client(StatusCode::BAD_REQUEST, code, text, rfc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_tell_the_truth() {
        let upstream = |status: u16, stage, code| {
            let status = StatusCode::from_u16(status).unwrap();
            reply_to(&Error::upstream(status, stage, code, "-", "-"))
        };
        assert_eq!(upstream(502, "resolve", "dns-no-such-name"), Reply::HostUnreachable);
        assert_eq!(upstream(504, "resolve", "dns-timeout"), Reply::TtlExpired);
        assert_eq!(upstream(502, "connect", "connect-refused"), Reply::ConnectionRefused);
        assert_eq!(upstream(502, "connect", "connect-unreachable"), Reply::HostUnreachable);
        assert_eq!(upstream(504, "connect", "connect-timeout"), Reply::TtlExpired);
        assert_eq!(upstream(502, "connect", "connect-failed"), Reply::GeneralFailure);
        assert_eq!(reply_to(&Error::looped("-")), Reply::NotAllowed);
        assert_eq!(reply_to(&Error::unrecorded()), Reply::GeneralFailure);
        assert_eq!(reply_to(&Fault::AddressType(9).error()), Reply::AddressTypeNotSupported);
    }

    #[test]
    fn another_protocol_gets_no_word_of_ours() {
        assert!(Stage::Gone.last_word(&cut()).is_empty());
        assert_eq!(Stage::Greeting.last_word(&no_method(false)), [5, 0xff]);
        assert_eq!(Stage::Login.last_word(&not_known()), [1, 1]);
    }
}
