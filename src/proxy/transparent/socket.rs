//! What the packet filter leaves on a socket, which only Linux tells.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpSocket, TcpStream};

use super::By;

/// Where a connection was meant to go; absent where it was not redirected.
pub(super) fn original(stream: &TcpStream, by: By) -> Option<SocketAddr> {
    let own = canonical(stream.local_addr().ok()?);
    match by {
        By::Tproxy => Some(own),
        By::Redirect => remembered(stream, own).map(canonical).filter(|original| *original != own),
    }
}

/// `SO_ORIGINAL_DST`.
#[cfg(target_os = "linux")]
fn remembered(stream: &TcpStream, own: SocketAddr) -> Option<SocketAddr> {
    let socket = socket2::SockRef::from(stream);
    let found = if own.is_ipv4() { socket.original_dst_v4() } else { socket.original_dst_v6() };
    found.ok()?.as_socket()
}

#[cfg(not(target_os = "linux"))]
fn remembered(_: &TcpStream, _: SocketAddr) -> Option<SocketAddr> {
    None
}

/// Lets a socket take connections for addresses that are not this machine's, before it is bound.
#[cfg(target_os = "linux")]
pub(in super::super) fn prepare(socket: &TcpSocket, address: SocketAddr) -> io::Result<()> {
    let socket = socket2::SockRef::from(socket);
    let set = if address.is_ipv4() {
        socket.set_ip_transparent_v4(true)
    } else {
        socket.set_ip_transparent_v6(true)
    };
    set.map_err(|error| {
        let text = format!("a tproxy listener needs the capability CAP_NET_ADMIN: {error}");
        io::Error::new(error.kind(), text)
    })
}

#[cfg(not(target_os = "linux"))]
pub(in super::super) fn prepare(_: &TcpSocket, _: SocketAddr) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "tproxy listeners need Linux"))
}

/// The same address without IPv6 around an IPv4 one.
fn canonical(socket: SocketAddr) -> SocketAddr {
    SocketAddr::new(socket.ip().to_canonical(), socket.port())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn who_connects_by_itself_was_not_redirected() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (client, (stream, _)) = (client.unwrap(), accepted.unwrap());
        assert_eq!(original(&stream, By::Redirect), None);
        assert_eq!(original(&stream, By::Tproxy), Some(address));
        drop(client);
    }
}
