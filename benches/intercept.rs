//! What opening TLS costs towards clients: `cargo bench --bench intercept`.
//!
//! A fresh TLS 1.3 handshake in memory, both ends on one core, with a server from the
//! authority and with a plain rustls server that shows the same certificate, in processor
//! time; then signing for a new name, finding a known one, and what 10,000 names take.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::hint::black_box;
use std::io::Cursor;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256};
use borderpost::net::Host;
use borderpost::tls::authority::{NewAuthority, init};
use borderpost::tls::{Alpn, Authority, AuthoritySettings, AuthoritySource};
use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::sign::SigningKey;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use tokio::runtime::Runtime;

const NAME: &str = "api.example.com";
const NAMES: u32 = 10_000;
const HANDSHAKES: u64 = 100;

fn authority(folder: &tempfile::TempDir) -> Authority {
    let path = folder.path().join("ca");
    let wanted = NewAuthority { name: "bench".to_owned(), days: 30, permit_dns: Vec::new() };
    init(&path, &wanted, Timestamp::now()).expect("an empty folder takes an authority");
    let source = AuthoritySource::Made(path);
    let settings = AuthoritySettings { source, leaf_days: 7, cache: 1_000_000 };
    Authority::load(&settings).expect("what was made can be read")
}

fn host(name: &str) -> Host {
    Host::parse(name).expect("a host")
}

fn ask(runtime: &Runtime, authority: &Authority, host: &Host) -> Arc<ServerConfig> {
    runtime.block_on(authority.server_config(host, Alpn::Http2)).expect("a server")
}

/// A client that trusts the authority and never resumes.
fn client(authority: &Authority) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(authority.roots_pem().as_bytes()) {
        roots.add(root.expect("PEM")).expect("a root");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().expect("TLS 1.3");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

/// A server as rustls makes it, with this certificate and key.
fn plain(of: &ServerConfig) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().expect("TLS 1.3");
    let resolver = Arc::clone(&of.cert_resolver);
    let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
    config.alpn_protocols.clone_from(&of.alpn_protocols);
    Arc::new(config)
}

fn handshake(client: &Arc<ClientConfig>, server: Arc<ServerConfig>) {
    let name = ServerName::try_from(NAME).expect("a name");
    let mut client = ClientConnection::new(Arc::clone(client), name).expect("a client");
    let mut server = ServerConnection::new(server).expect("a server");
    let mut wire = Vec::with_capacity(8_192);
    while client.is_handshaking() || server.is_handshaking() || server.wants_write() {
        wire.clear();
        while client.wants_write() {
            client.write_tls(&mut wire).expect("memory takes all");
        }
        let mut sent = Cursor::new(&wire);
        while server.read_tls(&mut sent).expect("memory gives all") > 0 {
            server.process_new_packets().expect("the client is right");
        }
        wire.clear();
        while server.wants_write() {
            server.write_tls(&mut wire).expect("memory takes all");
        }
        let mut sent = Cursor::new(&wire);
        while client.read_tls(&mut sent).expect("memory gives all") > 0 {
            client.process_new_packets().expect("the server is believed");
        }
    }
}

/// Memory of this process in octets.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or_default() * 4_096
}

fn each_since(before: usize) -> usize {
    resident().saturating_sub(before) / usize::try_from(NAMES).unwrap_or(1)
}

/// A key as each leaf would have it, ready to sign.
fn leaf_key() -> Arc<dyn SigningKey> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("randomness");
    let octets = pair.to_pkcs8v1().expect("a key has its form");
    let key = PrivatePkcs8KeyDer::from(octets.as_ref().to_vec());
    any_supported_type(&key.into()).expect("P-256 is supported")
}

/// Nanoseconds that this thread has had of a processor, which other programs disturb less
/// than the clock.
fn used() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|used| used.parse().ok()).unwrap_or_default()
}

fn cost(of: &impl Fn()) -> u64 {
    let before = used();
    (0..HANDSHAKES).for_each(|_| of());
    used() - before
}

/// Handshakes in turns, so that what disturbs one disturbs the other.
fn compare(plain: impl Fn(), ours: impl Fn()) {
    cost(&plain);
    cost(&ours);
    for round in 1..=5 {
        let costs = (0..10).map(|_| (cost(&plain), cost(&ours)));
        let (plain, ours) = costs.fold((0, 0), |sum, next| (sum.0 + next.0, sum.1 + next.1));
        let each = |total: u64| total / (10 * HANDSHAKES) / 1_000;
        println!(
            "round {round}: handshake         {:>8} us plain, {} us authority, {} percent",
            each(plain),
            each(ours),
            ours * 100 / plain.max(1)
        );
    }
}

fn intercept(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let authority = authority(&folder);
    let (known, trusting) = (host(NAME), client(&authority));
    let fixed = plain(&ask(&runtime, &authority, &known));

    let before = resident();
    for number in 0..NAMES {
        ask(&runtime, &authority, &host(&format!("host{number}.customer.example.com")));
    }
    println!("a cached name             {:>8} bytes resident", each_since(before));
    let before = resident();
    let keys: Vec<_> = (0..NAMES).map(|_| leaf_key()).collect();
    println!("a key of its own, more    {:>8} bytes resident", each_since(before));
    drop(keys);

    compare(
        || handshake(&trusting, Arc::clone(&fixed)),
        || handshake(&trusting, ask(&runtime, &authority, &known)),
    );

    let mut group = criterion.benchmark_group("intercept");
    group.bench_function("find a known name", |bench| {
        bench.iter(|| black_box(ask(&runtime, &authority, &known)));
    });
    let mut number = 0_u64;
    group.bench_function("sign for a new name", |bench| {
        bench.iter(|| {
            number += 1;
            black_box(ask(&runtime, &authority, &host(&format!("new{number}.example.com"))))
        });
    });
    // What was decided by these: one key for all leaves, RSA on a thread of its own.
    group.bench_function("make a key", |bench| bench.iter(|| black_box(leaf_key())));
    for (name, size) in [("RSA 2048", KeySize::Rsa2048), ("RSA 4096", KeySize::Rsa4096)] {
        let key = rsa::KeyPair::generate(size).expect("randomness");
        let (random, mut signature) = (SystemRandom::new(), vec![0; key.public_modulus_len()]);
        group.bench_function(format!("one signature, {name}"), |bench| {
            bench.iter(|| key.sign(&RSA_PKCS1_SHA256, &random, b"certificate", &mut signature));
        });
    }
    group.finish();
}

criterion_group!(benches, intercept);
criterion_main!(benches);
