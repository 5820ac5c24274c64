//! The PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt): a load balancer says
//! before the first byte of a connection whose it is. Nothing behind the header is read.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// How a header of version 2 begins.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The longest header of version 1, with its line end.
const LINE: usize = 107;

/// The longest part behind the 16 bytes that every header of version 2 has, so that all is
/// within 536 bytes, which is what every path carries in one packet.
const REST: usize = 520;

/// Why a connection has no header that can be believed.
#[derive(Debug, Error)]
pub(super) enum PreambleError {
    /// The connection ended before the header did.
    #[error("the connection ended before its PROXY header did")]
    Ended,
    /// The socket failed.
    #[error("the PROXY header could not be read: {0}")]
    Socket(io::Error),
    /// The header is not as the protocol says.
    #[error("the PROXY header is malformed: {0}")]
    Malformed(&'static str),
}

type Found = Result<Option<SocketAddr>, PreambleError>;

/// Reads the header. `None` if the connection is the sender's own (`LOCAL`, `UNKNOWN`), or of a
/// kind that has no address we know.
pub(super) async fn read(stream: &mut TcpStream) -> Found {
    // Both versions have more than this.
    let mut start = [0; SIGNATURE.len()];
    stream.read_exact(&mut start).await?;
    if start == SIGNATURE { read_2(stream).await } else { read_1(stream, &start).await }
}

async fn read_1(stream: &mut TcpStream, start: &[u8]) -> Found {
    if !start.starts_with(b"PROXY ") {
        return Err(PreambleError::Malformed("it begins with neither version's signature"));
    }
    let mut line = start.to_vec();
    while !line.ends_with(b"\n") {
        let mut waiting = [0; LINE];
        let left = LINE.saturating_sub(line.len());
        let window = waiting.get_mut(..left).filter(|window| !window.is_empty());
        let window = window.ok_or(PreambleError::Malformed("a line of more than 107 bytes"))?;
        let seen = stream.peek(window).await?;
        if seen == 0 {
            return Err(PreambleError::Ended);
        }
        let seen = waiting.get(..seen).unwrap_or_default();
        // Up to the line's end, and no further: what follows is not ours.
        let take = memchr::memchr(b'\n', seen).map_or(seen.len(), |end| end + 1);
        let old = line.len();
        line.resize(old + take, 0);
        stream.read_exact(line.get_mut(old..).unwrap_or_default()).await?;
    }
    parse_1(&line)
}

async fn read_2(stream: &mut TcpStream) -> Found {
    let mut fixed = [0; 4];
    stream.read_exact(&mut fixed).await?;
    let [_, _, high, low] = fixed;
    let mut rest = vec![0; usize::from(u16::from_be_bytes([high, low]))];
    if rest.len() > REST {
        return Err(PreambleError::Malformed("a header of more than 536 bytes"));
    }
    stream.read_exact(&mut rest).await?;
    parse_2(fixed, &rest)
}

/// Section 2.1: one line of words, each parted by one space.
fn parse_1(line: &[u8]) -> Found {
    let wrong = PreambleError::Malformed;
    let text = std::str::from_utf8(line).map_err(|_| wrong("a line that is no ASCII"))?;
    let text =
        text.strip_suffix("\r\n").ok_or_else(|| wrong("a line that does not end in CR LF"))?;
    let mut words = text.split(' ');
    if words.next() != Some("PROXY") {
        return Err(wrong("it begins with neither version's signature"));
    }
    let family = words.next();
    if family == Some("UNKNOWN") {
        return Ok(None);
    }
    let (Some(from), Some(to), Some(from_port), Some(to_port), None) =
        (words.next(), words.next(), words.next(), words.next(), words.next())
    else {
        return Err(wrong("two addresses and two ports are wanted"));
    };
    let address = |text: &str| match family {
        Some("TCP4") => text.parse().ok().map(IpAddr::V4),
        Some("TCP6") => text.parse().ok().map(IpAddr::V6),
        Some(_) | None => None,
    };
    let addresses = address(from).zip(address(to));
    let (from, _) =
        addresses.ok_or_else(|| wrong("TCP4 or TCP6 and two such addresses are wanted"))?;
    let ports = port(from_port).zip(port(to_port));
    let (from_port, _) = ports.ok_or_else(|| wrong("a port is a number up to 65535"))?;
    Ok(Some(SocketAddr::new(from, from_port)))
}

/// Digits only, without zeros before them.
fn port(text: &str) -> Option<u16> {
    let plain = text == "0" || !text.starts_with('0');
    let digits = plain && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Section 2.2: version and command, family and transport, addresses, and extensions that do
/// not matter here.
fn parse_2(fixed: [u8; 4], rest: &[u8]) -> Found {
    let wrong = PreambleError::Malformed;
    let [command, family, _, _] = fixed;
    match command {
        0x20 => return Ok(None),
        0x21 => {}
        _ => return Err(wrong("a version other than 2, or a command that is unknown")),
    }
    let short = || wrong("it is too short for its addresses");
    match family {
        // Unspecified, and sockets of files: there is no address to take.
        0x00 | 0x31 | 0x32 => Ok(None),
        0x11 => {
            let block: &[u8; 12] = rest.first_chunk().ok_or_else(short)?;
            let [a, b, c, d, _, _, _, _, high, low, _, _] = *block;
            let port = u16::from_be_bytes([high, low]);
            Ok(Some(SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), port)))
        }
        0x21 => {
            let block: &[u8; 36] = rest.first_chunk().ok_or_else(short)?;
            let (from, ports) = block.split_first_chunk::<16>().ok_or_else(short)?;
            let port = ports.get(16..18).and_then(|two| two.try_into().ok()).ok_or_else(short)?;
            let address = Ipv6Addr::from(*from);
            Ok(Some(SocketAddr::new(address.into(), u16::from_be_bytes(port))))
        }
        _ => Err(wrong("a connection that is not TCP")),
    }
}

impl From<io::Error> for PreambleError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Ended } else { Self::Socket(error) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    fn header_2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest].concat()
    }

    fn block(from: SocketAddr) -> (u8, Vec<u8>) {
        let ports = [from.port().to_be_bytes(), [0, 80]].concat();
        match from.ip() {
            IpAddr::V4(ip) => (0x11, [&ip.octets()[..], &[127, 0, 0, 1], &ports].concat()),
            IpAddr::V6(ip) => (0x21, [&ip.octets()[..], &[0; 16], &ports].concat()),
        }
    }

    fn line(from: SocketAddr) -> Vec<u8> {
        let (family, to) = if from.is_ipv4() { (4, "127.0.0.1") } else { (6, "::1") };
        format!("PROXY TCP{family} {} {to} {} 80\r\n", from.ip(), from.port()).into_bytes()
    }

    /// Sends the pieces one by one, and returns what was found and what is left behind it.
    async fn exchange(pieces: &[&[u8]]) -> (Result<Option<SocketAddr>, String>, Vec<u8>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.set_nodelay(true).unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let sending = async {
            for piece in pieces {
                // A reader that has seen enough may be gone.
                drop(client.write_all(piece).await);
                tokio::task::yield_now().await;
            }
            drop(client.shutdown().await);
        };
        let reading = async {
            let found = read(&mut server).await.map_err(|error| error.to_string());
            let mut left = Vec::new();
            drop(server.read_to_end(&mut left).await);
            (found, left)
        };
        let ((), found) = tokio::join!(sending, reading);
        found
    }

    #[tokio::test]
    async fn nothing_behind_the_header_is_lost_however_it_comes() {
        let from: SocketAddr = "203.0.113.9:4711".parse().unwrap();
        let (family, rest) = block(from);
        let extended = [&rest[..], &[0x04, 0, 3, 1, 2, 3]].concat();
        for header in [line(from), header_2(0x21, family, &rest), header_2(0x21, family, &extended)]
        {
            let whole = [&header[..], b"GET / \r\nmore\n"].concat();
            let bytes: Vec<&[u8]> = whole.chunks(1).collect();
            for pieces in [vec![&whole[..]], bytes] {
                let (found, left) = exchange(&pieces).await;
                assert_eq!(found, Ok(Some(from)));
                assert_eq!(left, b"GET / \r\nmore\n");
            }
        }
    }

    #[tokio::test]
    async fn connections_of_the_balancer_itself_keep_their_address() {
        let (_, rest) = block("203.0.113.9:1".parse().unwrap());
        for header in [
            b"PROXY UNKNOWN\r\n".to_vec(),
            b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n".to_vec(),
            header_2(0x20, 0x00, &[]),
            header_2(0x20, 0x11, &rest),
            header_2(0x21, 0x00, &[]),
            header_2(0x21, 0x31, &[b'/'; 216]),
        ] {
            let (found, left) = exchange(&[&header, b"x"]).await;
            assert_eq!((found, left), (Ok(None), b"x".to_vec()), "{header:?}");
        }
    }

    #[tokio::test]
    async fn what_is_malformed_or_too_long_is_an_error() {
        let long = format!("PROXY TCP4 {}\r\n", "1".repeat(200)).into_bytes();
        for header in [
            b"GET http://a.example/ HTTP/1.1\r\n".to_vec(),
            long,
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n".to_vec(),
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n".to_vec(),
            b"PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n".to_vec(),
            b"PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n".to_vec(),
            b"PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n".to_vec(),
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n".to_vec(),
            b"PROXY TCP4 ::1 ::1 1 2\r\n".to_vec(),
            b"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n".to_vec(),
            b"PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n".to_vec(),
            b"PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n".to_vec(),
            b"PROXY TCP4 \xff.2.3.4 1.2.3.4 1 2\r\n".to_vec(),
            header_2(0x11, 0x11, &[0; 12]),
            header_2(0x22, 0x11, &[0; 12]),
            header_2(0x21, 0x11, &[0; 11]),
            header_2(0x21, 0x21, &[0; 35]),
            header_2(0x21, 0x12, &[0; 12]),
            header_2(0x21, 0x11, &[0; 521]),
        ] {
            let (found, _) = exchange(&[&header]).await;
            let text = found.unwrap_err();
            assert!(text.contains("malformed"), "{text}: {header:?}");
        }
        for cut in [&b""[..], b"PROXY TCP4 1.2", &header_2(0x21, 0x11, &[0; 12])[..20]] {
            assert!(exchange(&[cut]).await.0.unwrap_err().contains("ended"));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(ip: IpAddr, port: u16, more in prop::collection::vec(any::<u8>(), 0..400)) {
            let from = SocketAddr::new(ip, port);
            prop_assert_eq!(parse_1(&line(from)).unwrap(), Some(from));
            let (family, rest) = block(from);
            let rest = [rest, more].concat();
            prop_assert_eq!(parse_2([0x21, family, 0, 0], &rest).unwrap(), Some(from));
        }

        #[test]
        fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..540), fixed: [u8; 4]) {
            let (_, _) = (parse_1(&bytes).is_ok(), parse_2(fixed, &bytes).is_ok());
        }
    }
}
