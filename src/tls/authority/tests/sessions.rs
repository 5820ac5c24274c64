//! The cache of servers, and sessions that resume.

use rustls::HandshakeKind;
use rustls::client::Tls13ClientSessionValue;
use rustls::client::{ClientSessionStore, Resumption, Tls12ClientSessionValue};
use rustls::pki_types::ServerName;
use std::sync::Mutex;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_host_is_signed_once_however_many_ask() {
    let made = made();
    let authority = Arc::new(made.authority);
    let gate = Arc::new(tokio::sync::Barrier::new(64));
    let asks = (0..64).map(|_| {
        let (authority, gate) = (Arc::clone(&authority), Arc::clone(&gate));
        tokio::spawn(async move {
            gate.wait().await;
            authority.server_config(&host("one.example"), Alpn::Http2).await.unwrap()
        })
    });
    let asks: Vec<_> = asks.collect();
    let mut found = Vec::new();
    for ask in asks {
        found.push(ask.await.unwrap());
    }
    assert_eq!(authority.minted(), 1);
    assert!(found.iter().all(|config| Arc::ptr_eq(config, &found[0])));
    let http1 = authority.server_config(&host("one.example"), Alpn::Http1).await.unwrap();
    assert_eq!((authority.minted(), &*http1.alpn_protocols), (1, &[b"http/1.1".to_vec()][..]));
    assert_eq!(found[0].alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
}

#[tokio::test]
async fn the_cache_is_bounded() {
    let made = made_with(&wanted(30, &[]), |settings| settings.cache = 8);
    for number in 0..100 {
        let name = host(&format!("h{number}.example"));
        made.authority.server_config(&name, Alpn::Http1).await.unwrap();
    }
    made.authority.servers.run_pending_tasks().await;
    assert!(made.authority.servers.entry_count() <= 8, "{}", made.authority.servers.entry_count());
    assert_eq!(made.authority.minted(), 100);
}

#[tokio::test]
async fn a_certificate_is_made_anew_before_it_ends() {
    let made = made();
    let now = Timestamp::now();
    let ask = async |days: f64| {
        let at = now + SignedDuration::from_secs_f64(days * 86_400.0);
        made.authority.server_config_at(&host("a.example"), Alpn::Http1, at).await.unwrap();
        made.authority.minted()
    };
    assert_eq!(ask(0.0).await, 1);
    assert_eq!(ask(5.0).await, 1);
    assert_eq!(ask(5.5).await, 2);
    assert_eq!(ask(9.0).await, 2);
}

/// What a client remembers, whatever the name of the server: the worst that one can do.
#[derive(Debug, Default)]
struct OneSession {
    tls12: Mutex<Option<Tls12ClientSessionValue>>,
    tls13: Mutex<Vec<Tls13ClientSessionValue>>,
}

impl ClientSessionStore for OneSession {
    fn set_kx_hint(&self, _: ServerName<'static>, _: rustls::NamedGroup) {}
    fn kx_hint(&self, _: &ServerName<'_>) -> Option<rustls::NamedGroup> {
        None
    }
    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        *self.tls12.lock().unwrap() = Some(value);
    }
    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.tls12.lock().unwrap().clone()
    }
    fn remove_tls12_session(&self, _: &ServerName<'static>) {}
    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.tls13.lock().unwrap().push(value);
    }
    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.tls13.lock().unwrap().pop()
    }
}

async fn kinds_of(
    version: &'static rustls::SupportedProtocolVersion,
    to: [&str; 4],
) -> Vec<HandshakeKind> {
    let made = made();
    let base = client(&made.authority.roots_pem());
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(base_verifier(&made))
        .with_no_client_auth();
    config.resumption = Resumption::store(Arc::new(OneSession::default()));
    // As the kindest of clients, which would send early data if it were let.
    config.enable_early_data = true;
    drop(base);
    let config = Arc::new(config);
    let mut kinds = Vec::new();
    for to in to {
        let server = made.authority.server_config(&host(to), Alpn::Http2).await.unwrap();
        let (mut client, server) = handshake(&config, &host(to), server).unwrap();
        assert!(client.early_data().is_none(), "no 0-RTT");
        assert_eq!(client.handshake_kind(), server.handshake_kind());
        kinds.push(client.handshake_kind().unwrap());
    }
    kinds
}

fn base_verifier(made: &Made) -> Arc<rustls::client::WebPkiServerVerifier> {
    let mut roots = RootCertStore::empty();
    for root in made.authority.published() {
        roots.add(root.der).unwrap();
    }
    rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_session_resumes_at_its_own_name_only() {
    use HandshakeKind::{Full, Resumed};
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let names = ["a.example", "a.example", "b.example", "b.example"];
        assert_eq!(kinds_of(version, names).await, [Full, Resumed, Full, Resumed], "{version:?}");
        // Addresses send no SNI, by which rustls tells sessions apart.
        let addresses = ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2"];
        assert_eq!(kinds_of(version, addresses).await, [Full, Resumed, Full, Resumed]);
    }
}
