//! The messages of SOCKS 5 (RFC 1928, RFC 1929) byte by byte. Each reader says `None` where the
//! message is not all there, and its verdict does not depend on how the bytes were cut.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The version of the protocol, first byte of every message but the login's.
pub(super) const VERSION: u8 = 5;

/// The version of the login (RFC 1929 section 2).
const LOGIN_VERSION: u8 = 1;

/// The way a client proves who it is (RFC 1928 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// Not at all.
    Open,
    /// A name and a password.
    Password,
    /// None of what the client offers.
    Unacceptable,
}

impl Method {
    const fn byte(self) -> u8 {
        match self {
            Self::Open => 0x00,
            Self::Password => 0x02,
            Self::Unacceptable => 0xff,
        }
    }

    /// What we answer to a greeting.
    pub(super) const fn answer(self) -> [u8; 2] {
        [VERSION, self.byte()]
    }
}

/// The methods that a client offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Greeting(Vec<u8>);

impl Greeting {
    pub(super) fn offers(&self, method: Method) -> bool {
        self.0.contains(&method.byte())
    }
}

/// A name and a password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) name: Vec<u8>,
    pub(super) password: Vec<u8>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// What a client wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Connect,
    Bind,
    UdpAssociate,
    Other(u8),
}

/// Where to, as the client writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    Address(IpAddr),
    /// Octets that should be a name.
    Name(Vec<u8>),
}

/// A client's request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) command: Command,
    pub(super) destination: Destination,
    pub(super) port: u16,
}

/// What cannot be read as SOCKS 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The first byte is of another protocol, or of SOCKS 4.
    Version(u8),
    /// The login is of another version.
    LoginVersion(u8),
    /// No such type of address.
    AddressType(u8),
}

/// What a message's bytes are so far: not all there, wrong, or the message.
pub(super) type Read<T> = Option<Result<T, Fault>>;

/// Bytes that are read from the front.
#[derive(Debug)]
pub(super) struct Cursor<'b> {
    bytes: &'b [u8],
    read: usize,
}

impl<'b> Cursor<'b> {
    pub(super) const fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, read: 0 }
    }

    /// How many bytes have been taken.
    pub(super) const fn read(&self) -> usize {
        self.read
    }

    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let end = self.read.checked_add(count)?;
        let taken = self.bytes.get(self.read..end)?;
        self.read = end;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// Octets behind a length of one octet.
    fn counted(&mut self) -> Option<&'b [u8]> {
        let length = self.byte()?;
        self.take(usize::from(length))
    }
}

/// Reads `VER NMETHODS METHODS` (RFC 1928 section 3).
pub(super) fn greeting(cursor: &mut Cursor<'_>) -> Read<Greeting> {
    let version = cursor.byte()?;
    if version != VERSION {
        return Some(Err(Fault::Version(version)));
    }
    Some(Ok(Greeting(cursor.counted()?.to_vec())))
}

/// Reads `VER ULEN UNAME PLEN PASSWD` (RFC 1929 section 2).
pub(super) fn credentials(cursor: &mut Cursor<'_>) -> Read<Credentials> {
    let version = cursor.byte()?;
    if version != LOGIN_VERSION {
        return Some(Err(Fault::LoginVersion(version)));
    }
    let (name, password) = (cursor.counted()?, cursor.counted()?);
    Some(Ok(Credentials { name: name.to_vec(), password: password.to_vec() }))
}

/// Reads `VER CMD RSV ATYP DST.ADDR DST.PORT` (RFC 1928 section 4).
pub(super) fn request(cursor: &mut Cursor<'_>) -> Read<Request> {
    let version = cursor.byte()?;
    if version != VERSION {
        return Some(Err(Fault::Version(version)));
    }
    let [command, _reserved, kind] = cursor.array()?;
    let command = match command {
        1 => Command::Connect,
        2 => Command::Bind,
        3 => Command::UdpAssociate,
        other => Command::Other(other),
    };
    let destination = match kind {
        1 => Destination::Address(Ipv4Addr::from(cursor.array::<4>()?).into()),
        3 => Destination::Name(cursor.counted()?.to_vec()),
        4 => Destination::Address(Ipv6Addr::from(cursor.array::<16>()?).into()),
        other => return Some(Err(Fault::AddressType(other))),
    };
    let port = u16::from_be_bytes(cursor.array()?);
    Some(Ok(Request { command, destination, port }))
}

/// What we answer to a login (RFC 1929 section 2).
pub(super) const fn login_answer(welcome: bool) -> [u8; 2] {
    [LOGIN_VERSION, if welcome { 0 } else { 1 }]
}

/// The outcome of a request (RFC 1928 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Succeeded,
    GeneralFailure,
    NotAllowed,
    HostUnreachable,
    ConnectionRefused,
    TtlExpired,
    CommandNotSupported,
    AddressTypeNotSupported,
}

impl Reply {
    const fn byte(self) -> u8 {
        match self {
            Self::Succeeded => 0x00,
            Self::GeneralFailure => 0x01,
            Self::NotAllowed => 0x02,
            Self::HostUnreachable => 0x04,
            Self::ConnectionRefused => 0x05,
            Self::TtlExpired => 0x06,
            Self::CommandNotSupported => 0x07,
            Self::AddressTypeNotSupported => 0x08,
        }
    }

    /// `VER REP RSV ATYP BND.ADDR BND.PORT`; `bound` is where the connection leaves this machine.
    pub(super) fn message(self, bound: SocketAddr) -> Vec<u8> {
        let mut message = vec![VERSION, self.byte(), 0];
        match bound.ip() {
            IpAddr::V4(address) => {
                message.push(1);
                message.extend(address.octets());
            }
            IpAddr::V6(address) => {
                message.push(4);
                message.extend(address.octets());
            }
        }
        message.extend(bound.port().to_be_bytes());
        message
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a message that comes in pieces; how many bytes were needed, and the verdict.
    fn in_pieces<T>(
        bytes: &[u8],
        cuts: &[usize],
        read: fn(&mut Cursor<'_>) -> Read<T>,
    ) -> Option<(usize, Result<T, Fault>)> {
        let mut ends: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
        ends.push(bytes.len());
        ends.sort_unstable();
        ends.into_iter().find_map(|end| {
            let mut cursor = Cursor::new(&bytes[..end]);
            read(&mut cursor).map(|verdict| (cursor.read(), verdict))
        })
    }

    fn destination() -> impl Strategy<Value = (u8, Vec<u8>, Destination)> {
        prop_oneof![
            any::<[u8; 4]>()
                .prop_map(|a| { (1, a.to_vec(), Destination::Address(Ipv4Addr::from(a).into())) }),
            any::<[u8; 16]>()
                .prop_map(|a| { (4, a.to_vec(), Destination::Address(Ipv6Addr::from(a).into())) }),
            proptest::collection::vec(any::<u8>(), 0..=255).prop_map(|name| {
                let length = u8::try_from(name.len()).unwrap();
                (3, [&[length][..], &name].concat(), Destination::Name(name))
            }),
        ]
    }

    proptest! {
        #[test]
        fn a_request_reads_the_same_however_it_is_cut(
            command in any::<u8>(),
            (kind, address, wanted) in destination(),
            port in any::<u16>(),
            early in proptest::collection::vec(any::<u8>(), 0..20),
            cuts in proptest::collection::vec(any::<usize>(), 0..6),
        ) {
            let head = [&[VERSION, command, 0, kind][..], &address, &port.to_be_bytes()].concat();
            let (length, bytes) = (head.len(), [&head[..], &early].concat());
            let (read, found) = in_pieces(&bytes, &cuts, request).unwrap();
            let found = found.unwrap();
            prop_assert_eq!((read, &found.destination, found.port), (length, &wanted, port));
            prop_assert_eq!(found.command == Command::Connect, command == 1);
            for end in 0..length {
                prop_assert!(request(&mut Cursor::new(&bytes[..end])).is_none(), "{}", end);
            }
        }

        #[test]
        fn whatever_comes_reads_the_same_however_it_is_cut(
            bytes in proptest::collection::vec(any::<u8>(), 0..600),
            cuts in proptest::collection::vec(any::<usize>(), 0..6),
        ) {
            prop_assert_eq!(in_pieces(&bytes, &cuts, greeting), in_pieces(&bytes, &[], greeting));
            prop_assert_eq!(in_pieces(&bytes, &cuts, request), in_pieces(&bytes, &[], request));
            prop_assert_eq!(
                in_pieces(&bytes, &cuts, credentials),
                in_pieces(&bytes, &[], credentials)
            );
        }

        #[test]
        fn a_login_reads_the_same_however_it_is_cut(
            name in proptest::collection::vec(any::<u8>(), 0..=255),
            password in proptest::collection::vec(any::<u8>(), 0..=255),
            cuts in proptest::collection::vec(any::<usize>(), 0..6),
        ) {
            let length = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap();
            let head = [LOGIN_VERSION, length(&name)];
            let bytes = [&head[..], &name, &[length(&password)], &password, b"\x05"].concat();
            let (read, found) = in_pieces(&bytes, &cuts, credentials).unwrap();
            prop_assert_eq!(read, bytes.len() - 1);
            prop_assert_eq!(found, Ok(Credentials { name, password }));
        }
    }

    #[test]
    fn other_protocols_are_known_by_their_first_byte() {
        let read = |bytes: &[u8]| greeting(&mut Cursor::new(bytes));
        assert_eq!(read(b"GET / HTTP/1.1"), Some(Err(Fault::Version(b'G'))));
        assert_eq!(read(&[4]), Some(Err(Fault::Version(4))));
        assert_eq!(read(&[5]), None);
        let none = read(&[5, 0]).unwrap().unwrap();
        assert!(!none.offers(Method::Open) && !none.offers(Method::Password));
        let both = read(&[5, 2, 2, 0]).unwrap().unwrap();
        assert!(both.offers(Method::Open) && both.offers(Method::Password));
    }

    #[test]
    fn an_unknown_type_of_address_is_known_before_the_address() {
        let read = request(&mut Cursor::new(&[5, 1, 0, 9]));
        assert_eq!(read, Some(Err(Fault::AddressType(9))));
    }

    #[test]
    fn a_reply_says_from_where() {
        let message = Reply::Succeeded.message("192.0.2.1:1080".parse().unwrap());
        assert_eq!(message, [5, 0, 0, 1, 192, 0, 2, 1, 4, 56]);
        let message = Reply::NotAllowed.message("[::1]:1".parse().unwrap());
        assert_eq!((message.len(), &message[..4]), (22, &[5, 2, 0, 4][..]));
    }
}
