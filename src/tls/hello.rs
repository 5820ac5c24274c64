//! The first thing a TLS client says (RFC 8446 section 4.1.2), read before anybody answers it:
//! for whom it asks, what it would speak, and whether it may ask for somebody else in secret.

use thiserror::Error;

use crate::net::Host;

/// More than this no client says; a hello with post-quantum keys and a ticket takes about 2 KiB.
pub const MOST: usize = 64 * 1024;

/// Nor in more records than these; real ones take one to five.
const MOST_RECORDS: usize = 64;

/// Record and handshake types, and extensions that matter here.
const HANDSHAKE_RECORD: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
/// Encrypted ClientHello (RFC 9849).
const ECH: u16 = 0xfe0d;

/// What a client's hello says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// The server it names (RFC 6066 section 3).
    pub name: Option<Host>,
    /// The protocols it offers, in its order (RFC 7301).
    pub protocols: Vec<Vec<u8>>,
    /// Whether it carries an encrypted hello, or grease that looks like one; the name is then
    /// perhaps not the one it means.
    pub encrypted: bool,
}

/// Why bytes are no hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HelloFault {
    /// They do not begin as TLS does.
    #[error("these bytes do not begin a TLS handshake")]
    NotTls,
    /// They begin so, and then do not hold to it.
    #[error("the TLS ClientHello is malformed (RFC 8446 section 4.1.2)")]
    Malformed,
    /// It is longer than any client's.
    #[error("the TLS ClientHello is longer than {MOST} bytes")]
    TooLong,
}

impl Hello {
    /// Reads all that has come so far, whatever records and segments it came in; `None` while
    /// more is needed.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>, HelloFault> {
        let Some(message) = message(bytes)? else {
            return if bytes.len() > MOST { Err(HelloFault::TooLong) } else { Ok(None) };
        };
        Self::of(&message).map(Some).ok_or(HelloFault::Malformed)
    }

    /// Whether these octets may be the first of a hello.
    pub fn may_begin(bytes: &[u8]) -> bool {
        bytes.first().is_none_or(|first| *first == HANDSHAKE_RECORD)
    }

    /// Whether the client offers this protocol.
    pub fn offers(&self, protocol: &[u8]) -> bool {
        self.protocols.iter().any(|one| one == protocol)
    }

    fn of(message: &[u8]) -> Option<Self> {
        let mut rest = Reader(message);
        // Version, random, session id, cipher suites, compression methods.
        rest.take(2 + 32)?;
        rest.short()?;
        rest.long()?;
        rest.short()?;
        let mut found = Self::default();
        // Before TLS 1.3 a hello without extensions ends here.
        let mut extensions = if rest.0.is_empty() { Reader(&[]) } else { Reader(rest.long()?) };
        while !extensions.0.is_empty() {
            let kind = extensions.number()?;
            let body = Reader(extensions.long()?);
            match kind {
                SERVER_NAME => found.name = Some(server_name(body)?),
                ALPN => found.protocols = protocols(body)?,
                ECH => found.encrypted = true,
                _ => {}
            }
        }
        rest.0.is_empty().then_some(found)
    }
}

/// Puts the message together from its records; `None` while more is needed. Nothing is copied
/// before it is whole: a client may send it octet by octet.
fn message(bytes: &[u8]) -> Result<Option<Vec<u8>>, HelloFault> {
    let mut fragments = Vec::new();
    let mut records = Reader(bytes);
    loop {
        match *records.0 {
            [] | [HANDSHAKE_RECORD] | [HANDSHAKE_RECORD, 3, ..] => {}
            // A second record of another kind breaks the message off.
            _ if fragments.is_empty() => return Err(HelloFault::NotTls),
            _ => return Err(HelloFault::Malformed),
        }
        let Some(fragment) = records.take(3).and_then(|_| records.long()) else { return Ok(None) };
        if fragment.is_empty() || fragments.len() == MOST_RECORDS {
            return Err(HelloFault::Malformed);
        }
        fragments.push(fragment);
        let octets = || fragments.iter().copied().flatten().copied();
        let mut head = octets();
        let (Some(kind), Some(a), Some(b), Some(c)) =
            (head.next(), head.next(), head.next(), head.next())
        else {
            continue;
        };
        if kind != CLIENT_HELLO {
            return Err(HelloFault::Malformed);
        }
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        if length > MOST {
            return Err(HelloFault::TooLong);
        }
        if fragments.iter().map(|one| one.len()).sum::<usize>() >= 4 + length {
            return Ok(Some(octets().skip(4).take(length).collect()));
        }
    }
}

fn server_name(mut body: Reader<'_>) -> Option<Host> {
    let mut list = Reader(body.long()?);
    let kind = list.take(1)?;
    let name = std::str::from_utf8(list.long()?).ok()?;
    let known = kind == [0] && list.0.is_empty() && body.0.is_empty();
    // An address is no server name (RFC 6066 section 3), but some send one.
    Host::parse(name).ok().filter(|_| known)
}

fn protocols(mut body: Reader<'_>) -> Option<Vec<Vec<u8>>> {
    let mut list = Reader(body.long()?);
    let mut found = Vec::new();
    while !list.0.is_empty() {
        found.push(list.short()?.to_vec());
    }
    Some(found)
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u16> {
        self.take(2).map(|pair| pair.iter().fold(0, |sum, byte| sum << 8 | u16::from(*byte)))
    }

    /// A vector whose length stands before it in one octet.
    fn short(&mut self) -> Option<&'a [u8]> {
        let length = self.take(1)?.first().copied()?;
        self.take(length.into())
    }

    /// A vector whose length stands before it in two octets.
    fn long(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(length.into())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, RootCertStore};

    use super::*;

    /// What a real client says, for this name.
    pub(crate) fn said(name: &str, protocols: &[&str]) -> Vec<u8> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap();
        let mut config =
            config.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|one| one.as_bytes().to_vec()).collect();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        bytes
    }

    /// The same in records of so many bytes.
    fn in_records(bytes: &[u8], size: usize) -> Vec<u8> {
        let records = bytes[5..].chunks(size);
        let record = |part: &[u8]| {
            let length = u16::try_from(part.len()).unwrap().to_be_bytes();
            [&[22, 3, 1][..], &length, part].concat()
        };
        records.flat_map(record).collect()
    }

    #[test]
    fn a_real_client_is_understood() {
        let hello = Hello::read(&said("A.example", &["h2", "http/1.1"])).unwrap().unwrap();
        assert_eq!(hello.name, Host::parse("a.example").ok());
        assert!(hello.offers(b"h2") && hello.offers(b"http/1.1") && !hello.encrypted);
        let bare = Hello::read(&said("192.0.2.1", &[])).unwrap().unwrap();
        assert_eq!((bare.name, bare.protocols.len()), (None, 0));
    }

    #[test]
    fn an_encrypted_hello_is_seen() {
        let mut bytes = said("a.example", &[]);
        // Its first extension becomes one of that kind.
        let at = 5 + 4 + 2 + 32;
        let session = usize::from(bytes[at]);
        let suites = at + 1 + session;
        let length = usize::from(u16::from_be_bytes([bytes[suites], bytes[suites + 1]]));
        let first = suites + 2 + length + 2 + 2;
        bytes[first..first + 2].copy_from_slice(&ECH.to_be_bytes());
        assert!(Hello::read(&bytes).unwrap().unwrap().encrypted);
    }

    #[test]
    fn what_is_no_hello_is_told_at_once() {
        for bytes in [&b"GET / HTTP/1.1"[..], b"SSH-2.0", &[22, 2], &[21, 3, 1]] {
            assert_eq!(Hello::read(bytes), Err(HelloFault::NotTls), "{bytes:?}");
        }
        assert_eq!(Hello::read(&[22, 3, 1, 0, 4, 2, 0, 0, 0]), Err(HelloFault::Malformed));
        assert_eq!(Hello::read(&[22, 3, 1, 0, 4, 1, 0xff, 0, 0]), Err(HelloFault::TooLong));
        assert_eq!(Hello::read(&[22, 3, 1, 0, 0]), Err(HelloFault::Malformed), "empty records");
    }

    proptest! {
        /// Records and segments change nothing, and no beginning of a hello is taken for more.
        #[test]
        fn it_may_come_in_any_pieces(size in 40_usize..600, cut in 0_usize..600) {
            let whole = said("a.example", &["h2"]);
            let bytes = in_records(&whole, size);
            prop_assert_eq!(Hello::read(&bytes), Hello::read(&whole));
            let cut = cut.min(bytes.len() - 1);
            prop_assert_eq!(Hello::read(&bytes[..cut]), Ok(None));
        }

        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300), tls: bool) {
            let bytes = if tls { [&[22, 3, 1, 1, 0, 1, 0, 0, 200][..], &bytes].concat() } else { bytes };
            drop(Hello::read(&bytes));
        }
    }
}
