//! Messages of syslog: framed by their octets on TCP and TLS (RFC 6587, 5425), one in a datagram
//! or in a line on a socket of this machine. Nothing answers, so that what was sent is in doubt for
//! a while: a connection that breaks until then may have lost it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixDatagram, UnixStream};
use tokio::time::timeout;

use super::Own;
use super::batch::Batch;
use super::dial::{Stream, UNACKNOWLEDGED, Way};
use super::settings::SyslogTo;

/// How long a collector may take for one batch.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a collector may take to say that it has read all of it.
const GOODBYE: Duration = Duration::from_secs(2);

/// After so long what was sent has been acknowledged, or the connection is given up.
const DOUBT: Duration = UNACKNOWLEDGED.saturating_add(Duration::from_secs(2));

/// A collector that ends a connection in order has read what came this long before; where it had
/// not, its system would have reset the connection.
const READ: Duration = Duration::from_secs(2);

/// A collector of syslog.
pub(super) struct Syslog {
    to: SyslogTo,
    tls: Option<Arc<ClientConfig>>,
    own: Own,
    line: Option<Line>,
    last: Instant,
}

/// A connection.
enum Line {
    Datagrams(UnixDatagram),
    Stream(Box<dyn Stream>, Framing),
}

/// How a message is told from the next in a stream.
#[derive(Clone, Copy)]
enum Framing {
    /// By its length.
    Counted,
    /// By a line's end: nothing in a message is one.
    Lines,
}

impl Syslog {
    pub(super) fn new(to: SyslogTo, tls: Option<Arc<ClientConfig>>, own: Own) -> Self {
        Self { to, tls, own, line: None, last: Instant::now() }
    }

    pub(super) async fn send(&mut self, batch: &Batch) -> io::Result<()> {
        let mut line = match self.line.take() {
            Some(line) => line,
            None => self.connect().await?,
        };
        self.last = Instant::now();
        let sent = timeout(PATIENCE, line.send(batch)).await;
        sent.unwrap_or_else(|_| Err(io::Error::other("the collector takes nothing")))?;
        self.line = Some(line);
        Ok(())
    }

    async fn connect(&self) -> io::Result<Line> {
        let (host, port) = match &self.to {
            SyslogTo::Tcp(host, port) | SyslogTo::Tls(host, port) => (host, *port),
            SyslogTo::Unix(path) => return local(path).await,
        };
        let tls = match self.to {
            SyslogTo::Tls(..) => self.tls.as_ref(),
            SyslogTo::Tcp(..) | SyslogTo::Unix(_) => None,
        };
        let stream = Way { host, port, tls, own: &self.own }.connect().await?;
        Ok(Line::Stream(stream, Framing::Counted))
    }

    /// For how long what was sent is in doubt.
    pub(super) const fn doubt(&self) -> Option<Duration> {
        match self.line {
            Some(Line::Datagrams(_)) => None,
            Some(Line::Stream(..)) | None => Some(DOUBT),
        }
    }

    /// Ends when the collector has ended the connection; whether it had read everything.
    pub(super) async fn gone(&mut self) -> bool {
        let Some(Line::Stream(stream, _)) = &mut self.line else {
            return std::future::pending().await;
        };
        let orderly = ended(stream).await;
        self.line = None;
        orderly && self.last.elapsed() >= READ
    }

    /// Ends the connection; whether the collector has read everything.
    pub(super) async fn close(&mut self) -> bool {
        match self.line.take() {
            Some(Line::Datagrams(_)) => true,
            Some(Line::Stream(mut stream, _)) => {
                let goodbye = async { stream.shutdown().await.is_ok() && ended(&mut stream).await };
                timeout(GOODBYE, goodbye).await.unwrap_or(false)
            }
            None => false,
        }
    }
}

impl Line {
    async fn send(&mut self, batch: &Batch) -> io::Result<()> {
        match self {
            Self::Datagrams(socket) => {
                for message in batch.messages() {
                    socket.send(message).await?;
                }
                Ok(())
            }
            Self::Stream(stream, framing) => {
                stream.write_all(&framed(batch, *framing)).await?;
                stream.flush().await
            }
        }
    }
}

/// A socket of this machine: most take datagrams.
async fn local(path: &Path) -> io::Result<Line> {
    let wrong =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let socket = UnixDatagram::unbound()?;
    match socket.connect(path) {
        Ok(()) => Ok(Line::Datagrams(socket)),
        // EPROTOTYPE has no kind of its own.
        Err(error) => match UnixStream::connect(path).await {
            Ok(stream) => Ok(Line::Stream(Box::new(stream), Framing::Lines)),
            Err(_) => Err(wrong(error)),
        },
    }
}

fn framed(batch: &Batch, framing: Framing) -> Vec<u8> {
    let mut frames = Vec::with_capacity(batch.octets().len() + 8 * batch.len());
    for message in batch.messages() {
        match framing {
            Framing::Counted => {
                frames.extend_from_slice(format!("{} ", message.len()).as_bytes());
                frames.extend_from_slice(message);
            }
            Framing::Lines => {
                frames.extend_from_slice(message);
                frames.push(b'\n');
            }
        }
    }
    frames
}

/// Waits for the end; whether it is in order. Whatever a collector says is not for us.
async fn ended(stream: &mut Box<dyn Stream>) -> bool {
    let mut said = [0; 256];
    loop {
        match stream.read(&mut said).await {
            Ok(0) => return true,
            Ok(_) => {}
            // Under TLS an end that nobody announced.
            Err(error) => return error.kind() == io::ErrorKind::UnexpectedEof,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cursor::Cursor;
    use super::*;

    #[test]
    fn frames_are_counted_in_octets() {
        let mut batch = Batch::new(Cursor::START);
        for text in ["<1>a b", "é"] {
            batch.add(|into| into.extend_from_slice(text.as_bytes()));
        }
        assert_eq!(framed(&batch, Framing::Counted), "6 <1>a b2 é".as_bytes());
        assert_eq!(framed(&batch, Framing::Lines), "<1>a b\né\n".as_bytes());
    }
}
