//! The server name in a `ClientHello` (RFC 6066 section 3).

use rustls::server::Acceptor;

/// What the first bytes of a connection say, read as TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hello {
    /// More must come.
    Incomplete,
    /// It cannot become a `ClientHello`.
    NotTls,
    /// A whole one, and the name in it.
    Sni(Option<String>),
}

/// Reads a `ClientHello` that begins with these bytes.
pub(super) fn sni(mut bytes: &[u8]) -> Hello {
    let mut acceptor = Acceptor::default();
    while !bytes.is_empty() {
        // From a slice nothing can fail but too long a record.
        if acceptor.read_tls(&mut bytes).is_err() {
            return Hello::NotTls;
        }
        match acceptor.accept() {
            Ok(Some(accepted)) => {
                let hello = accepted.client_hello();
                return Hello::Sni(hello.server_name().map(str::to_owned));
            }
            Ok(None) => {}
            Err(_) => return Hello::NotTls,
        }
    }
    Hello::Incomplete
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, RootCertStore};

    use super::*;

    /// What a client says first.
    pub(in super::super) fn client_hello(name: &str) -> Vec<u8> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn the_name_is_known_when_the_last_byte_is_there() {
        let bytes = client_hello("api.test.example");
        for end in 0..bytes.len() {
            assert_eq!(sni(&bytes[..end]), Hello::Incomplete, "{end}");
        }
        assert_eq!(sni(&bytes), Hello::Sni(Some("api.test.example".to_owned())));
        assert_eq!(sni(&client_hello("192.0.2.1")), Hello::Sni(None));
    }

    #[test]
    fn a_hello_may_come_in_several_records() {
        let bytes = client_hello("api.test.example");
        let parts: Vec<_> = bytes[5..]
            .chunks(100)
            .flat_map(|part| {
                let length = u16::try_from(part.len()).unwrap().to_be_bytes();
                [&[0x16, 3, 1][..], &length, part].concat()
            })
            .collect();
        assert_eq!(sni(&parts), Hello::Sni(Some("api.test.example".to_owned())));
    }

    #[test]
    fn what_is_not_tls_is_told_apart() {
        for bytes in
            [&[0x16, 3, 1, 0, 4, 2, 0, 0, 0][..], &[0x16, 9, 9, 0, 1, 1], b"\x16\x03\x01\xff\xff"]
        {
            assert_eq!(sni(bytes), Hello::NotTls, "{bytes:?}");
        }
    }
}
