//! What clients make of what the authority signs: real handshakes in memory, and every
//! field of a certificate.

mod given;
mod leaves;
mod rotation;
mod sessions;

use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};
use tempfile::TempDir;

use super::*;

/// An authority of ours in a folder of its own.
struct Made {
    /// Kept so that the folder stays.
    _folder: TempDir,
    settings: AuthoritySettings,
    authority: Authority,
}

fn settings(source: AuthoritySource) -> AuthoritySettings {
    AuthoritySettings { source, leaf_days: 7, cache: 100 }
}

fn wanted(days: u32, names: &[&str]) -> NewAuthority {
    let permit_dns = names.iter().map(|&name| name.to_owned()).collect();
    NewAuthority { name: "test".to_owned(), days, permit_dns }
}

fn made_with(wanted: &NewAuthority, change: impl Fn(&mut AuthoritySettings)) -> Made {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca");
    init(&path, wanted, Timestamp::now()).unwrap();
    let mut settings = settings(AuthoritySource::Made(path));
    change(&mut settings);
    let authority = Authority::load(&settings).unwrap();
    Made { _folder: folder, settings, authority }
}

fn made() -> Made {
    made_with(&wanted(3650, &[]), |_| {})
}

fn host(text: &str) -> Host {
    Host::parse(text).unwrap()
}

/// A client that trusts these roots.
fn client(roots_pem: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for root in rustls::pki_types::CertificateDer::pem_slice_iter(roots_pem.as_bytes()) {
        roots.add(root.unwrap()).unwrap();
    }
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Both ends of a handshake in memory, or why the client did not believe the server.
fn handshake(
    client: &Arc<ClientConfig>,
    to: &Host,
    server: Arc<ServerConfig>,
) -> Result<(ClientConnection, ServerConnection), rustls::Error> {
    let name = server_name(to).unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name)?;
    let mut server = ServerConnection::new(server)?;
    while client.is_handshaking() || server.is_handshaking() || server.wants_write() {
        let moved = pass(&mut client, &mut server) + pass_back(&mut server, &mut client)?;
        assert!(moved > 0, "neither side has anything to say");
    }
    Ok((client, server))
}

fn pass(client: &mut ClientConnection, server: &mut ServerConnection) -> usize {
    let mut wire = Vec::new();
    client.write_tls(&mut wire).unwrap();
    server.read_tls(&mut io::Cursor::new(&wire)).unwrap();
    server.process_new_packets().unwrap();
    wire.len()
}

fn pass_back(
    server: &mut ServerConnection,
    client: &mut ClientConnection,
) -> Result<usize, rustls::Error> {
    let mut wire = Vec::new();
    while server.wants_write() {
        server.write_tls(&mut wire).unwrap();
    }
    let mut rest = io::Cursor::new(&wire);
    while usize::try_from(rest.position()).unwrap() < wire.len() {
        client.read_tls(&mut rest).unwrap();
        client.process_new_packets()?;
    }
    Ok(wire.len())
}

/// A client of this authority meets the authority's server for a host.
async fn meet(
    made: &Made,
    to: &str,
) -> Result<(ClientConnection, ServerConnection), rustls::Error> {
    let config = made.authority.server_config(&host(to), Alpn::Http2).await.unwrap();
    handshake(&Arc::new(client(&made.authority.roots_pem())), &host(to), config)
}
