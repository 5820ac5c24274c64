//! A name server of a few lines: it answers what its zone says, over UDP and TCP.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;

/// What is answered for a name.
#[derive(Clone, Debug)]
pub(crate) enum Zone {
    /// Addresses of both families, with a TTL of 0.
    Addresses(Vec<IpAddr>),
    /// The name exists and has none.
    Empty,
    /// RCODE 3.
    NoSuchName,
    /// RCODE 2.
    Broken,
    /// Nothing at all.
    Silent,
    /// These addresses, and nothing at all to who asks for IPv6.
    SilentSix(Vec<IpAddr>),
    /// Addresses, but only over TCP.
    OnlyTcp(Vec<IpAddr>),
}

/// A running name server.
#[derive(Clone, Debug)]
pub(crate) struct Dns {
    address: SocketAddr,
    zones: Arc<Mutex<HashMap<String, Zone>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Dns {
    pub(crate) fn start() -> Self {
        // One port for both: another program may hold the TCP port of the same number.
        let (udp, tcp) = std::iter::repeat_with(|| {
            let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
            let tcp = TcpListener::bind(udp.local_addr().unwrap());
            tcp.map(|tcp| (udp, tcp))
        })
        .find_map(Result::ok)
        .unwrap();
        let address = udp.local_addr().unwrap();
        let dns = Self { address, zones: Arc::default(), asked: Arc::default() };
        let (one, two) = (dns.clone(), dns.clone());
        thread::spawn(move || one.serve_udp(&udp));
        thread::spawn(move || two.serve_tcp(&tcp));
        dns
    }

    /// The `[resolver]` table that asks this server.
    pub(crate) fn table(&self, more: &str) -> String {
        format!("[resolver]\nservers = [\"{}\"]\nhosts_file = false\n{more}", self.address)
    }

    pub(crate) fn set(&self, name: &str, zone: Zone) {
        self.zones.lock().unwrap().insert(name.to_owned(), zone);
    }

    pub(crate) fn addresses(&self, name: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        self.set(name, Zone::Addresses(addresses));
    }

    /// The names asked for so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn serve_udp(&self, socket: &UdpSocket) {
        let mut query = [0; 1500];
        while let Ok((read, client)) = socket.recv_from(&mut query) {
            if let Some(answer) = self.answer(&query[..read], false) {
                drop(socket.send_to(&answer, client));
            }
        }
    }

    fn serve_tcp(&self, listener: &TcpListener) {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let dns = self.clone();
            thread::spawn(move || {
                let mut length = [0; 2];
                while stream.read_exact(&mut length).is_ok() {
                    let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
                    if stream.read_exact(&mut query).is_err() {
                        return;
                    }
                    let Some(answer) = dns.answer(&query, true) else { continue };
                    let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
                    if stream.write_all(&[&length, &answer[..]].concat()).is_err() {
                        return;
                    }
                }
            });
        }
    }

    fn answer(&self, query: &[u8], tcp: bool) -> Option<Vec<u8>> {
        let (name, end) = question(query)?;
        self.asked.lock().unwrap().push(name.clone());
        let zone = self.zones.lock().unwrap().get(&name).cloned().unwrap_or(Zone::NoSuchName);
        let wants_six = query.get(end - 4..end - 2)? == [0, 28];
        let (code, cut, addresses) = match zone {
            Zone::Silent => return None,
            Zone::SilentSix(_) if wants_six => return None,
            Zone::NoSuchName => (3, 0, Vec::new()),
            Zone::Broken => (2, 0, Vec::new()),
            Zone::Empty => (0, 0, Vec::new()),
            Zone::OnlyTcp(_) if !tcp => (0, 2, Vec::new()),
            Zone::Addresses(addresses) | Zone::OnlyTcp(addresses) | Zone::SilentSix(addresses) => {
                (0, 0, addresses)
            }
        };
        let fitting: Vec<_> = addresses.into_iter().filter(|a| a.is_ipv6() == wants_six).collect();
        let count = u8::try_from(fitting.len()).unwrap();
        // Identifier, response and recursion flags, one question, the answers.
        let mut out = query.get(..2)?.to_vec();
        out.extend([0x81 | cut, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]);
        out.extend(query.get(12..end)?);
        for address in fitting {
            let data = match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            let kind = if wants_six { 28 } else { 1 };
            out.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 0, 0, u8::try_from(data.len()).unwrap()]);
            out.extend(data);
        }
        Some(out)
    }
}

/// The name of the question and where the question ends.
fn question(query: &[u8]) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    let mut at = 12;
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join(".").to_ascii_lowercase(), at + 4));
        }
        labels.push(String::from_utf8_lossy(query.get(at..at + length)?).into_owned());
        at += length;
    }
}
