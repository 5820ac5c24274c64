//! What opening tunnels costs through the running program: `cargo bench --bench intercepted`.
//!
//! Answers, and connections, per second of the program's own processor time ("on one core"),
//! beside the bare forwarder of plain HTTP; then what it holds for each idle connection, opened
//! or passed unread. Prints ratios; asserts nothing.

#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench prints its figures, and one that cannot go on has failed"
)]

#[path = "fixtures/forwarder.rs"]
mod forwarder;
#[path = "fixtures/load.rs"]
mod load;
#[path = "fixtures/server.rs"]
mod server;

use std::convert::Infallible;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use borderpost::net::Host;
use borderpost::tls::authority::{NewAuthority, init};
use borderpost::tls::{Alpn, Authority, AuthoritySettings, AuthoritySource};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use jiff::Timestamp;
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned};
use server::{Server, tunnel};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::{TlsAcceptor, TlsConnector};

const HOST: &str = "api.example.com";
const TIME: Duration = Duration::from_secs(3);
const CONNECTIONS: usize = 16;
/// As many as one process may have sockets for, of 20,000 files.
const OPENED: usize = 9_900;
const TUNNELS: usize = 9_000;

type Secure = StreamOwned<ClientConnection, TcpStream>;

fn main() -> std::io::Result<()> {
    if std::env::args().any(|argument| argument == "forwarder") {
        return forwarder::run();
    }
    rlimit::increase_nofile_limit(u64::MAX)?;
    let runtime = Runtime::new()?;
    let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let (config, roots) = identity(&runtime, folder.path());
    let origin = origin(&runtime, config);
    let state = format!("folder = \"{}/state\"", folder.path().display());
    let clients = Clients::of(&folder.path().join("made.toml"), &state)?;
    let opened = folder.path().join("opened.toml");
    let start = |more: &[(&str, &str)]| {
        let others = [
            ("# folder = \"state\"", state.as_str()),
            ("\nroots = []", &format!("\nroots = [\"{}\"]", roots.display())),
            ("\n[names]", &format!("\n[names]\n\"{HOST}\" = [\"127.0.0.1\"]")),
            ("mode = \"need\"", "mode = \"always\""),
        ];
        Server::borderpost(&opened, &[&others, more].concat())
    };
    let (ours, _) = start(&[])?;
    println!("ready after start         {:>8.1} ms", ours.ready.as_secs_f64() * 1e3);
    let authority = format!("{HOST}:{}", origin.port());
    let mut site = Site::get(ours.address, authority);
    requests(&runtime, &ours, &site, &clients)?;
    for (what, config) in [("resumed", &clients.http1), ("not resumed", &clients.fresh)] {
        let rate = ours.measure(|| connect_over_and_over(&site, config));
        println!("connections, {what:<12} {rate:>8.0} per processor second");
    }
    drop(ours);
    let abroad = "\n[[geo.overlay]]\nnetwork = \"127.0.0.0/8\"\ncountry = \"CN\"\n[state]";
    let read = [("\n[state]", abroad)];
    let unread = [read[0], ("when = \"needed\"", "when = \"never\"")];
    for round in 1..=3 {
        let [unread, read] = [&unread[..], &read[..]].map(|more| {
            let (ours, _) = start(more).expect("the program starts");
            let site = Site::post(ours.address, site.authority.clone());
            ours.measure(|| drive_1(&site, &clients.http1))
        });
        println!("round {round}: POST of 1 MiB     {unread:>8.0} per processor second");
        println!("         looked into       {read:>8.0}  ratio {:.2}", read / unread);
    }
    for (what, config) in [("HTTP/1.1", &clients.http1), ("HTTP/2", &clients.http2)] {
        let (ours, _) = start(&[])?;
        site.proxy = ours.address;
        drop(site.idle(config));
        let before = ours.resident();
        let idle: Vec<_> = (0..OPENED).map(|_| site.idle(config)).collect();
        let each = ours.resident().saturating_sub(before) / idle.len();
        println!("idle, opened, {what:<10} {each:>8} bytes resident each of {}", idle.len());
    }
    let (plain, _) = Server::borderpost(&folder.path().join("unread.toml"), &[])?;
    let before = plain.resident();
    let target = load::origin().to_string();
    let tunnels: Vec<_> = (0..TUNNELS).map(|_| tunnel(plain.address, &target)).collect();
    let each = plain.resident().saturating_sub(before) / TUNNELS;
    println!("idle, unread             {each:>8} bytes resident each of {TUNNELS}");
    drop(tunnels);
    Ok(())
}

/// Keep-alive through opened tunnels beside the bare forwarder of plain HTTP.
fn requests(
    runtime: &Runtime,
    ours: &Server,
    site: &Site,
    clients: &Clients,
) -> std::io::Result<()> {
    let plain = load::origin();
    let bare = Server::forwarder()?;
    let request = format!("GET http://{plain}/x HTTP/1.1\r\nhost: {plain}\r\naccept: */*\r\n\r\n");
    for round in 1..=3 {
        let bare = bare.measure(|| load::drive(bare.address, &request, CONNECTIONS, TIME));
        let http1 = ours.measure(|| drive_1(site, &clients.http1));
        let http2 = ours.measure(|| runtime.block_on(drive_2(site, &clients.http2)));
        println!("round {round}: bare forwarder    {bare:>8.0} answers per processor second");
        println!("         opened, HTTP/1.1  {http1:>8.0}  ratio {:.2}", http1 / bare);
        println!("         opened, HTTP/2    {http2:>8.0}  ratio {:.2}", http2 / bare);
    }
    Ok(())
}

/// Where clients go, and on what way.
struct Site {
    proxy: SocketAddr,
    authority: String,
    request: Vec<u8>,
}

impl Site {
    fn get(proxy: SocketAddr, authority: String) -> Self {
        let request = format!("GET /x HTTP/1.1\r\nhost: {authority}\r\naccept: */*\r\n\r\n");
        Self { proxy, authority, request: request.into_bytes() }
    }

    /// Sends 1 MiB of JSON in which nothing is to be found.
    fn post(proxy: SocketAddr, authority: String) -> Self {
        let mut body = String::from("[");
        for number in 0..8_192 {
            let row = format!(
                "{{\"sku\":\"part-{number}\",\"colour\":\"grey\",\"stock\":{},\"notes\":\"on the lower shelf, behind the others\",\"price\":12.5,\"unit\":\"box\"}},\n",
                number % 97
            );
            body.push_str(&row);
        }
        body.truncate(1 << 20);
        let kind = "content-type: application/json";
        let head = format!(
            "POST /x HTTP/1.1\r\nhost: {authority}\r\n{kind}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Self { proxy, authority, request: [head.into_bytes(), body.into_bytes()].concat() }
    }

    fn open(&self, config: &Arc<ClientConfig>) -> Secure {
        let name = ServerName::try_from(HOST).expect("a name");
        let client = ClientConnection::new(Arc::clone(config), name).expect("a client");
        StreamOwned::new(client, tunnel(self.proxy, &self.authority))
    }

    /// A connection that has been used once, or has greeted.
    fn idle(&self, config: &Arc<ClientConfig>) -> Secure {
        let mut stream = self.open(config);
        if config.alpn_protocols.iter().any(|one| one == b"h2") {
            let greeting = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
            stream.write_all(greeting).expect("the proxy reads");
            stream.read_exact(&mut [0; 9]).expect("the proxy greets");
        } else {
            self.ask(&mut stream);
        }
        stream
    }

    fn ask(&self, stream: &mut Secure) {
        stream.write_all(&self.request).expect("the proxy reads");
        let (mut buffer, mut filled) = ([0; 8192], 0);
        loop {
            filled += stream.read(&mut buffer[filled..]).expect("the proxy answers");
            let head = buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n");
            if head.is_some_and(|head| filled >= head + 4 + 1024) {
                assert!(buffer.starts_with(b"HTTP/1.1 200"), "an answer of 200");
                return;
            }
        }
    }
}

/// What clients offer, under the authority of the program.
struct Clients {
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
    fresh: Arc<ClientConfig>,
}

impl Clients {
    /// Makes the authority.
    fn of(file: &Path, state: &str) -> std::io::Result<Self> {
        fs::write(file, format!("packs = []\n[state]\n{state}\n"))?;
        let exported = file.with_extension("pem");
        let program = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_borderpost"));
            command.args(arguments).arg("--config").arg(file).output()
        };
        let made = program(&["ca", "init"])?;
        assert!(made.status.success(), "{made:?}");
        let told = program(&["ca", "export", "--out", exported.to_str().expect("UTF-8")])?;
        assert!(told.status.success(), "{told:?}");
        let config = |protocols: &[&[u8]]| {
            let mut roots = RootCertStore::empty();
            for root in CertificateDer::pem_file_iter(&exported).expect("a file") {
                roots.add(root.expect("PEM")).expect("a root");
            }
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let builder = ClientConfig::builder_with_provider(provider);
            let builder = builder.with_safe_default_protocol_versions().expect("TLS 1.3");
            let mut config = builder.with_root_certificates(roots).with_no_client_auth();
            config.alpn_protocols = protocols.iter().map(|one| one.to_vec()).collect();
            config
        };
        let mut fresh = config(&[b"http/1.1"]);
        fresh.resumption = Resumption::disabled();
        Ok(Self {
            http1: Arc::new(config(&[b"http/1.1"])),
            http2: Arc::new(config(&[b"h2"])),
            fresh: Arc::new(fresh),
        })
    }
}

/// Sends the same request over and over, on each connection by itself.
fn drive_1(site: &Site, config: &Arc<ClientConfig>) -> u64 {
    let answers = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut stream = site.open(config);
                let end = Instant::now() + TIME;
                while Instant::now() < end {
                    site.ask(&mut stream);
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    answers.into_inner()
}

/// The same on streams of one connection.
async fn drive_2(site: &Site, config: &Arc<ClientConfig>) -> u64 {
    let stream = tunnel(site.proxy, &site.authority);
    stream.set_nonblocking(true).expect("a socket");
    let stream = tokio::net::TcpStream::from_std(stream).expect("a socket");
    let name = ServerName::try_from(HOST).expect("a name");
    let stream = TlsConnector::from(Arc::clone(config)).connect(name, stream).await;
    let stream = TokioIo::new(stream.expect("TLS"));
    let spoken = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await;
    let (sender, connection) = spoken.expect("HTTP/2");
    let driving = tokio::spawn(connection);
    let (answers, end) = (Arc::new(AtomicU64::new(0)), Instant::now() + TIME);
    let mut tasks = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        let (mut sender, answers) = (sender.clone(), Arc::clone(&answers));
        let uri = format!("https://{}/x", site.authority);
        tasks.push(tokio::spawn(async move {
            while Instant::now() < end {
                let request = Request::get(&uri).header("accept", "*/*");
                let request = request.body(Full::<Bytes>::default()).expect("a request");
                let answer = sender.send_request(request).await.expect("an answer");
                let body = answer.into_body().collect().await.expect("a body");
                assert_eq!(body.to_bytes().len(), 1024, "the whole body");
                answers.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    for task in tasks {
        task.await.expect("a client ends well");
    }
    driving.abort();
    answers.load(Ordering::Relaxed)
}

/// Tunnel, handshake, one request, end; over and over.
fn connect_over_and_over(site: &Site, config: &Arc<ClientConfig>) -> u64 {
    let connections = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let end = Instant::now() + TIME;
                while Instant::now() < end {
                    site.ask(&mut site.open(config));
                    connections.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    connections.into_inner()
}

/// A server's certificate, and the file of who signed it.
fn identity(runtime: &Runtime, folder: &Path) -> (Arc<ServerConfig>, PathBuf) {
    let path = folder.join("origin");
    let wanted = NewAuthority { name: "bench".to_owned(), days: 30, permit_dns: Vec::new() };
    init(&path, &wanted, Timestamp::now()).expect("an empty folder takes an authority");
    let source = AuthoritySource::Made(path);
    let settings = AuthoritySettings { source, leaf_days: 7, cache: 10 };
    let authority = Authority::load(&settings).expect("what was made can be read");
    let roots = folder.join("origin.pem");
    fs::write(&roots, authority.roots_pem()).expect("a file");
    let host = Host::parse(HOST).expect("a host");
    let config = runtime.block_on(authority.server_config(&host, Alpn::Http2)).expect("a server");
    (config, roots)
}

/// Serves the same 1 KiB to everyone, in the version that is wanted.
fn origin(runtime: &Runtime, config: Arc<ServerConfig>) -> SocketAddr {
    let acceptor = TlsAcceptor::from(config);
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                stream.set_nodelay(true).expect("a TCP socket takes TCP_NODELAY");
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(|request: Request<hyper::body::Incoming>| async {
                    drop(request.into_body().collect().await);
                    let body = Full::new(Bytes::from_static(&[b'x'; 1024]));
                    Ok::<_, Infallible>(Response::new(body))
                });
                let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                // Clients break off as they like.
                drop(builder.serve_connection(TokioIo::new(stream), service).await);
            });
        }
    });
    address
}
