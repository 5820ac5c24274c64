//! Where operators connect: an address, with TLS or without, or a socket of this machine.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use url::Url;

use crate::tls::Acceptor;

use super::access::{Access, Peer};
use super::crowd::Crowd;
use super::moving::Moving;
use super::routes;
use super::state::Admin;

/// Connections at the same time; others wait to be accepted.
const CONNECTIONS: usize = 512;

/// And of one address, but for those of this machine: nobody out there can take them all.
const EACH: usize = 64;

/// How long a head or a handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// An address.
    Tcp(SocketAddr),
    /// A socket of this machine, for this user alone.
    Unix(PathBuf),
}

/// A listener as it is configured.
#[derive(Clone, Debug)]
pub struct Door {
    /// Where.
    pub place: Place,
    /// How it handshakes, if it does.
    pub acceptor: Option<Arc<Acceptor>>,
    /// Who may ask.
    pub access: Access,
}

/// A listener that is bound.
#[derive(Debug)]
pub enum Listening {
    /// At an address, and whether it speaks TLS.
    Tcp(TcpListener, bool),
    /// At a socket of this machine.
    Unix(UnixListener, Unlink),
}

/// Removes the socket at the end.
#[derive(Debug)]
pub struct Unlink(PathBuf);

impl Place {
    /// Whether nobody but this machine reaches it.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl Place {
    /// Its address; a socket of this machine has none.
    pub const fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

impl Place {
    /// A word that tells it from other places of this machine, also after a restart.
    pub fn mark(&self) -> String {
        match self {
            Self::Tcp(address) => address.port().to_string(),
            Self::Unix(path) => {
                let digest = digest(&SHA256, path.as_os_str().as_bytes());
                let octets = digest.as_ref().iter().take(4);
                octets.map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().concat()
            }
        }
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::Tcp(SocketAddr::from(([127, 0, 0, 1], 3129)))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl std::str::FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.starts_with('/') {
                Ok(Self::Unix(PathBuf::from(path)))
            } else {
                Err(format!("`{text}` is no socket: \"unix:/run/borderpost/admin.sock\""))
            };
        }
        text.parse().map(Self::Tcp).map_err(|_| {
            format!("`{text}` is neither an address and port such as \"127.0.0.1:3129\" nor \"unix:/path\"")
        })
    }
}

impl Door {
    /// How browsers call it, without a path: as the configuration says, by its first name, or by the
    /// address where it listens, with TLS or without. None where nothing of that can be told.
    pub fn base(&self, bound: &Place, secure: bool) -> Option<String> {
        let Access { names, oidc, .. } = &self.access;
        if let Some(url) = oidc.as_ref().and_then(|oidc| oidc.url.clone()) {
            return Some(url);
        }
        let address = bound.address()?;
        let url = match (secure, names.first()) {
            (true, Some(name)) => format!("https://{name}:{}", address.port()),
            (_, _) if address.ip().is_unspecified() => return None,
            (true, None) => format!("https://{address}"),
            (false, _) => format!("http://{address}"),
        };
        // A port that is usual is not written.
        Some(Url::parse(&url).ok()?.origin().ascii_serialization())
    }

    /// Binds it.
    pub fn bind(&self) -> io::Result<Listening> {
        match &self.place {
            Place::Tcp(address) => {
                let socket =
                    if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
                socket.set_reuseaddr(true)?;
                socket.bind(*address)?;
                Ok(Listening::Tcp(socket.listen(1024)?, self.acceptor.is_some()))
            }
            Place::Unix(path) => bind_unix(path),
        }
    }
}

/// What a run that was killed has left gives way; a socket that somebody answers on does not.
fn bind_unix(path: &Path) -> io::Result<Listening> {
    let left = std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if left {
        let answers = std::os::unix::net::UnixStream::connect(path).is_ok();
        if answers {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        std::fs::remove_file(path)?;
    }
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    socket.bind(&socket2::SockAddr::unix(path)?)?;
    // Nobody can connect before it listens.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    socket.listen(1024)?;
    socket.set_nonblocking(true)?;
    let listener = UnixListener::from_std(socket.into())?;
    Ok(Listening::Unix(listener, Unlink(path.to_owned())))
}

impl Listening {
    /// Where it is; the system may have chosen the port.
    pub fn place(&self) -> io::Result<Place> {
        match self {
            Self::Tcp(listener, _) => listener.local_addr().map(Place::Tcp),
            Self::Unix(_, Unlink(path)) => Ok(Place::Unix(path.clone())),
        }
    }
}

impl Drop for Unlink {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!(%error, "the admin socket was not there any more");
        }
    }
}

/// Serves operators until the program ends.
pub async fn run(listening: Listening, admin: Arc<Admin>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let crowd = Crowd::default();
    loop {
        let slot = Arc::clone(&room).acquire_owned().await;
        let admin = Arc::clone(&admin);
        match &listening {
            Listening::Tcp(listener, secure) => {
                let Ok((stream, from)) = listener.accept().await else {
                    // Out of descriptors: those of ended connections come free shortly.
                    sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let from = from.ip().to_canonical();
                let share = crowd.enter(site(from), EACH);
                if share.is_none() && !from.is_loopback() {
                    tracing::debug!(%from, "admin connection ended: this address has {EACH}");
                    continue;
                }
                let secure = *secure;
                tokio::spawn(async move {
                    enter(stream, from, secure, &admin).await;
                    drop((slot, share));
                });
            }
            Listening::Unix(listener, _) => {
                let Ok((stream, _)) = listener.accept().await else {
                    sleep(Duration::from_millis(50)).await;
                    continue;
                };
                tokio::spawn(async move {
                    let peer = Peer { address: None, certificate: None, secure: false };
                    serve(stream, false, peer, &admin).await;
                    drop(slot);
                });
            }
        }
    }
}

/// Who is counted as one: an address, or all that one site of IPv6 has.
fn site(address: IpAddr) -> IpAddr {
    let IpAddr::V6(whole) = address else { return address };
    let site = u128::from(whole) >> 64 << 64;
    IpAddr::V6(site.into())
}

async fn enter(stream: TcpStream, from: IpAddr, secure: bool, admin: &Arc<Admin>) {
    if !secure {
        let peer = Peer { address: Some(from), certificate: None, secure };
        return serve(stream, false, peer, admin).await;
    }
    let acceptor = admin.admission().acceptor.clone();
    let acceptor = acceptor.expect("a listener of TLS keeps how it handshakes");
    match timeout(PATIENCE, acceptor.accept(stream)).await {
        Ok(Ok(accepted)) => {
            let peer = Peer { address: Some(from), certificate: accepted.shown, secure };
            serve(accepted.stream, accepted.http2, peer, admin).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, %from, "admin connection ended"),
        Err(_) => tracing::debug!(%from, "admin connection ended: no handshake in time"),
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    http2: bool,
    peer: Peer,
    admin: &Arc<Admin>,
) {
    let service = service_fn(|request| {
        let (admin, peer) = (Arc::clone(admin), peer.clone());
        async move { routes::answer(&admin, &peer, request).await }
    });
    let io = TokioIo::new(Moving::new(stream));
    let served = if http2 {
        let mut server = http2::Builder::new(TokioExecutor::new());
        server.timer(TokioTimer::new()).keep_alive_interval(PATIENCE);
        server.serve_connection(io, service).await
    } else {
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
        server.serve_connection(io, service).await
    };
    if let Err(error) = served {
        tracing::debug!(%error, "admin connection ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_an_address_or_a_socket() {
        for text in ["127.0.0.1:3129", "[::1]:3129", "unix:/run/a.sock"] {
            let place: Place = text.parse().unwrap();
            assert_eq!((place.to_string(), place.is_local()), (text.to_owned(), true));
        }
        assert!(!"0.0.0.0:3129".parse::<Place>().unwrap().is_local());
        for text in ["", "localhost:3129", "unix:a.sock", "unix:", "127.0.0.1"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_mark_tells_places_apart() {
        let mark = |text: &str| text.parse::<Place>().unwrap().mark();
        assert_eq!(mark("127.0.0.1:3129"), "3129");
        let (one, other) = (mark("unix:/run/a.sock"), mark("unix:/run/b.sock"));
        assert!(one != other && one.len() == 8 && one == mark("unix:/run/a.sock"));
    }

    #[test]
    fn one_site_counts_as_one() {
        let site = |text: &str| site(text.parse().unwrap()).to_string();
        assert_eq!(site("192.0.2.7"), "192.0.2.7");
        assert_eq!(
            (site("2001:db8:1:2:3::4"), site("::1")),
            ("2001:db8:1:2::".into(), "::".into())
        );
    }

    #[tokio::test]
    async fn a_socket_is_for_its_user_and_gives_way_when_it_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let door =
            Door { place: Place::Unix(path.clone()), acceptor: None, access: Access::default() };
        let first = door.bind().unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(door.bind().unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(first);
        assert!(!path.exists(), "it is removed at the end");
        // What a kill has left.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        door.bind().unwrap();
        std::fs::write(&path, "no socket").unwrap();
        assert!(door.bind().is_err(), "what is no socket stays");
        assert!(path.exists());
    }
}
