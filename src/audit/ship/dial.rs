//! Connections to collectors, and to other servers that the operator names. Names are the system's to
//! resolve: such a server is the operator's own, and no rule of egress speaks to it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Own;

/// How long a look-up, a connection or a handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection on which nothing was acknowledged for so long is given up.
pub(super) const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// What can be read and written.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Where a server is.
#[derive(Debug)]
pub struct Way<'w> {
    /// A name, or an address without brackets.
    pub host: &'w str,
    /// Its port.
    pub port: u16,
    /// None without TLS.
    pub tls: Option<&'w Arc<ClientConfig>>,
    /// Our own listeners, which are no server of that kind.
    pub own: &'w Own,
}

impl Way<'_> {
    /// Connects, and verifies who is there where there is TLS.
    pub async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let stream = self.tcp().await?;
        let Some(tls) = self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(self.host.to_owned()).map_err(io::Error::other)?;
        let connector = TlsConnector::from(Arc::clone(tls));
        let secured = within("the TLS handshake", connector.connect(name, stream)).await?;
        Ok(Box::new(secured))
    }

    async fn tcp(&self) -> io::Result<TcpStream> {
        let found = within("the look-up", lookup_host((self.host, self.port))).await;
        let found = found.map_err(|error| self.wrong(&error))?;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in found {
            if self.own.has(address) {
                last = io::Error::other("that is this proxy itself");
                continue;
            }
            match within("the connection", TcpStream::connect(address)).await {
                Ok(stream) => {
                    prepare(&stream)?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(self.wrong(&last))
    }

    fn wrong(&self, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("{}:{}: {error}", self.host, self.port))
    }
}

/// Nothing waits for more, and a collector that is gone is noticed.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(UNACKNOWLEDGED))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    Ok(())
}

async fn within<T>(what: &str, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| {
        Err(io::Error::new(io::ErrorKind::TimedOut, format!("{what} takes too long")))
    })
}
