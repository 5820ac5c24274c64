//! Asking a SOCKS 5 proxy for a tunnel (RFC 1928, RFC 1929).

use std::io;
use std::net::IpAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::net::{Authority, Host};

use super::super::carrier::Carrier;
use super::super::error::Error;
use super::{Credentials, Parent, fault};

const VERSION: u8 = 5;

/// Asks, and waits for success.
pub(super) async fn ask(
    carrier: &mut Carrier,
    parent: &Parent,
    target: &Authority,
) -> Result<(), Error> {
    let cut = |error: io::Error| fault::cut(parent, &error);
    let greeting: &[u8] =
        if parent.credentials.is_some() { &[VERSION, 2, 0, 2] } else { &[VERSION, 1, 0] };
    say(carrier, greeting).await.map_err(cut)?;
    match (read::<2>(carrier).await.map_err(cut)?, &parent.credentials) {
        ([VERSION, 0], _) => {}
        ([VERSION, 2], Some(credentials)) => log_in(carrier, parent, credentials).await?,
        ([VERSION, 0xff], _) => return Err(fault::unknown(parent, "no method to log in by fits")),
        ([first, method], _) => {
            let text = format!("{first:#04x} {method:#04x} to a greeting of SOCKS 5");
            return Err(fault::malformed(parent, &text));
        }
    }
    say(carrier, &request(target)).await.map_err(cut)?;
    let [version, reply, _, kind] = read::<4>(carrier).await.map_err(cut)?;
    if version != VERSION {
        return Err(fault::malformed(parent, "a reply that is not of SOCKS 5"));
    }
    if reply != 0 {
        return Err(fault::refused(parent, &format!("SOCKS reply {reply} ({})", meaning(reply))));
    }
    read_bound(carrier, kind)
        .await
        .map_err(cut)?
        .then_some(())
        .ok_or_else(|| fault::malformed(parent, &format!("an address of the type {kind:#04x}")))
}

async fn log_in(
    carrier: &mut Carrier,
    parent: &Parent,
    credentials: &Credentials,
) -> Result<(), Error> {
    let cut = |error: io::Error| fault::cut(parent, &error);
    let mut message = vec![1];
    for text in [&credentials.name, &credentials.password] {
        message.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
        message.extend(text.bytes().take(usize::from(u8::MAX)));
    }
    say(carrier, &message).await.map_err(cut)?;
    let [_, status] = read::<2>(carrier).await.map_err(cut)?;
    let wrong = || fault::unknown(parent, "the name or the password is wrong");
    (status == 0).then_some(()).ok_or_else(wrong)
}

/// `VER CMD RSV ATYP DST.ADDR DST.PORT` for `CONNECT`.
fn request(target: &Authority) -> Vec<u8> {
    let mut request = vec![VERSION, 1, 0];
    match &target.host {
        Host::Address(IpAddr::V4(address)) => {
            request.push(1);
            request.extend(address.octets());
        }
        Host::Address(IpAddr::V6(address)) => {
            request.push(4);
            request.extend(address.octets());
        }
        Host::Name(name) => {
            let length = u8::try_from(name.len()).expect("a name has at most 253 octets");
            request.extend([3, length]);
            request.extend(name.bytes());
        }
    }
    request.extend(target.port.to_be_bytes());
    request
}

/// Reads the address and port from which the parent connects; `false` if there is no such type.
async fn read_bound(carrier: &mut Carrier, kind: u8) -> io::Result<bool> {
    let length = match kind {
        1 => 4,
        3 => usize::from(carrier.read_u8().await?),
        4 => 16,
        _ => return Ok(false),
    };
    let mut rest = vec![0; length + 2];
    carrier.read_exact(&mut rest).await?;
    Ok(true)
}

async fn say(carrier: &mut Carrier, message: &[u8]) -> io::Result<()> {
    carrier.write_all(message).await?;
    carrier.flush().await
}

async fn read<const N: usize>(carrier: &mut Carrier) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    carrier.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// RFC 1928 section 6.
const fn meaning(reply: u8) -> &'static str {
    match reply {
        1 => "general failure",
        2 => "not allowed by ruleset",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "TTL expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => "unassigned",
    }
}
