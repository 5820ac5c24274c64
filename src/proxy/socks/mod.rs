//! SOCKS 5 (RFC 1928): one connection is one tunnel, and walks the same line as `CONNECT`.

mod fault;
mod talk;
mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use http::StatusCode;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::auth::{Auth, Denied, Gate, Presented};
use crate::net::{Authority, Host};
use crate::telemetry::{ClientEvent, Event, Metrics};
use crate::tls::Alpn;

use super::draft::Draft;
use super::error::Error;
use super::ingress::{Ingress, leave_at_once};
use super::target::{Speech, Target};
use super::tunnel::Tunnel;
use super::who::Proof;
use super::{Proxy, held, reply, request};

use fault::{Stage, Stop};
use talk::Talk;
use wire::{Command, Credentials, Destination, Method, Reply};

/// Serves one connection to its end.
pub(super) async fn serve(proxy: Arc<Proxy>, stream: TcpStream, ingress: Arc<Ingress>) {
    leave_at_once(&stream);
    let mut talk = Talk::new(stream, proxy.settings.head_timeout);
    let begun = tokio::select! {
        begun = timeout(proxy.settings.idle_timeout, talk.begins()) => begun,
        () = proxy.drain.stop.cancelled() => return,
    };
    // Who connects and says nothing has asked for nothing.
    if matches!(begun, Ok(true)) {
        converse(proxy, talk, ingress).await;
    }
}

/// From the first byte to the one record.
async fn converse(proxy: Arc<Proxy>, mut talk: Talk, ingress: Arc<Ingress>) {
    let active = proxy.active.load_full();
    let mut draft = Draft::open(&proxy, &active, ingress.client, Speech::Socks5);
    let opened = tokio::select! {
        opened = open(&mut draft, &mut talk, &ingress) => opened,
        () = proxy.drain.cut.cancelled() => return,
    };
    match opened {
        Ok(tunnel) => {
            draft.record().status = Some(StatusCode::OK.as_u16());
            tunnel.run(talk.into_side(), draft, &ingress).await;
        }
        Err(stop) => tokio::select! {
            () = refuse(draft, talk, stop) => {},
            () = proxy.drain.cut.cancelled() => {},
        },
    }
}

/// Puts on record why there is no tunnel, and says the last word.
async fn refuse(mut draft: Draft, talk: Talk, stop: Stop) {
    let error = held::refused(&mut draft, stop.error).await;
    reply::note(&error, &mut draft);
    talk.end(&stop.stage.last_word(&error), draft).await;
}

/// greeting -> login -> request -> decide -> dial -> success.
async fn open(draft: &mut Draft, talk: &mut Talk, ingress: &Arc<Ingress>) -> Result<Tunnel, Stop> {
    let (proxy, active) = (Arc::clone(draft.proxy()), Arc::clone(draft.active()));
    let ingress = log_in((&proxy.gate, &proxy.metrics), &active.auth, talk, ingress).await?;
    let asked = talk.next(wire::request).await.map_err(|error| error.at(Stage::Request))?;
    let stop = |error| Stop { error, stage: Stage::Request };
    let target = target(asked).map_err(stop)?;
    let tunnel = request::tunnel(draft, &ingress, &target).await.map_err(stop)?;
    let bound = tunnel.stream.local_addr();
    let bound = bound.unwrap_or_else(|_| SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0));
    let told = talk.say(&Reply::Succeeded.message(bound)).await;
    told.map_err(|error| Stop { error, stage: Stage::Gone })?;
    Ok(tunnel)
}

/// Agrees on a method, and finds out who it is where passwords are listed.
async fn log_in(
    (gate, metrics): (&Gate, &Metrics),
    auth: &Auth,
    talk: &mut Talk,
    ingress: &Arc<Ingress>,
) -> Result<Arc<Ingress>, Stop> {
    let greeting = talk.next(wire::greeting).await.map_err(|error| error.at(Stage::Greeting))?;
    let stop = |error| Stop { error, stage: Stage::Greeting };
    let method = if auth.users.is_some() { Method::Password } else { Method::Open };
    if !greeting.offers(method) {
        return Err(stop(fault::no_method(auth.users.is_some())));
    }
    let gone = |error| Stop { error, stage: Stage::Gone };
    talk.say(&method.answer()).await.map_err(gone)?;
    if auth.users.is_none() {
        return Ok(Arc::clone(ingress));
    }
    let said = talk.next(wire::credentials).await.map_err(|error| error.at(Stage::Login))?;
    let Credentials { name, password } = said;
    let text = |bytes| String::from_utf8(bytes).ok();
    let presented = text(name).zip(text(password));
    let presented = presented.map(|(name, password)| Presented::Basic { name, password });
    let stop = |kind: Option<&'static str>| {
        kind.into_iter().for_each(|kind| {
            Event::Client(ClientEvent::Unproved(ingress.client, kind)).record(metrics);
        });
        Stop { error: fault::not_known(), stage: Stage::Login }
    };
    let presented = presented.ok_or_else(|| stop(Some("credentials-malformed")))?;
    let proved = gate.prove(auth, ingress.client.ip(), presented).await;
    // That we are busy says nothing of the client.
    let proved = proved.map_err(|denied| stop((denied != Denied::Busy).then(|| denied.code())))?;
    talk.say(&wire::login_answer(true)).await.map_err(gone)?;
    Ok(Arc::new(ingress.known_as(Proof::of(proved))))
}

/// Where a request wants to go.
fn target(asked: wire::Request) -> Result<Target, Error> {
    let wire::Request { command, destination, port } = asked;
    match command {
        Command::Connect => {}
        Command::Bind | Command::UdpAssociate | Command::Other(_) => {
            return Err(fault::no_command(command));
        }
    }
    let host = match destination {
        Destination::Address(address) => Host::from(address),
        Destination::Name(name) => named(&name)?,
    };
    if port == 0 {
        return Err(fault::no_destination("the port must be a number from 1 to 65535"));
    }
    let authority = Authority { host, port };
    Ok(Target { authority, scheme: Speech::Socks5, alpn: Alpn::Http1 })
}

/// A name; some clients send an address as text.
fn named(name: &[u8]) -> Result<Host, Error> {
    let not_text = |_| fault::no_destination("the name is not UTF-8");
    let text = std::str::from_utf8(name).map_err(not_text)?;
    if let Ok(address) = text.parse::<std::net::IpAddr>() {
        return Ok(Host::from(address));
    }
    Host::parse(text).map_err(|error| fault::no_destination(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::Semaphore;

    use crate::auth::{PasswordHash, Users};

    use super::super::ingress::Slot;
    use super::*;

    /// One user.
    fn etl() -> Auth {
        let hash = PasswordHash::of("s3cret", &[7; 16]).unwrap();
        let users = Users::parse(&format!("etl:{}", hash.as_str())).unwrap();
        Auth { users: Some(Arc::new(users)), ..Auth::default() }
    }

    /// What a client that sends these bytes is answered, and who it turns out to be.
    async fn logged_in(sent: &[u8]) -> (Vec<u8>, Result<Option<String>, Stage>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.write_all(sent).await.unwrap();
        let (stream, address) = listener.accept().await.unwrap();
        let permit = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        let metrics = Arc::<Metrics>::default();
        let slot = Slot::new(&metrics, permit);
        let ingress = Arc::new(Ingress {
            client: address,
            principal: None,
            inside: None,
            pinned: None,
            slot,
        });
        let mut talk = Talk::new(stream, Duration::from_mins(1));
        let found = log_in((&Gate::new(1), &*metrics), &etl(), &mut talk, &ingress).await;
        drop(talk);
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        let named = |one: Arc<Ingress>| one.principal.as_ref().map(|one| one.name().to_owned());
        (answer, found.map(named).map_err(|stop| stop.stage))
    }

    #[tokio::test]
    async fn who_logs_in_is_that_principal() {
        let (answer, found) = logged_in(b"\x05\x02\x00\x02\x01\x03etl\x06s3cret").await;
        assert_eq!((&answer[..], found), (&[5, 2, 1, 0][..], Ok(Some("etl".to_owned()))));
    }

    #[tokio::test]
    async fn nobody_passes_without_the_password() {
        for login in [&b"\x01\x03etl\x06secret"[..], b"\x01\x00\x00", b"\x01\x01\xff\x06s3cret"] {
            let (answer, found) = logged_in(&[b"\x05\x01\x02", login].concat()).await;
            assert_eq!((&answer[..], found), (&[5, 2][..], Err(Stage::Login)));
        }
        // Who offers to go without is not let in where passwords are listed.
        let (answer, found) = logged_in(b"\x05\x01\x00").await;
        assert_eq!((&answer[..], found), (&[][..], Err(Stage::Greeting)));
        let (_, found) = logged_in(b"\x05\x01\x02\x05").await;
        assert_eq!(found, Err(Stage::Login));
    }

    fn asked(command: Command, name: &str, port: u16) -> wire::Request {
        wire::Request { command, destination: Destination::Name(name.into()), port }
    }

    fn code(asked: wire::Request) -> Reply {
        fault::reply_to(&target(asked).unwrap_err())
    }

    #[test]
    fn names_and_addresses_are_canonical() {
        let shown =
            |name| target(asked(Command::Connect, name, 443)).unwrap().authority.to_string();
        assert_eq!(shown("API.Example.COM."), "api.example.com:443");
        assert_eq!(shown("2001:DB8::1"), "[2001:db8::1]:443");
        assert_eq!(shown("127.1"), "127.0.0.1:443");
        let destination = Destination::Address("::ffff:192.0.2.7".parse().unwrap());
        let mapped = wire::Request { command: Command::Connect, destination, port: 80 };
        assert_eq!(target(mapped).unwrap().authority.to_string(), "192.0.2.7:80");
    }

    #[test]
    fn what_is_not_served_is_told_apart() {
        for command in [Command::Bind, Command::UdpAssociate, Command::Other(9)] {
            assert_eq!(code(asked(command, "a.example", 0)), Reply::CommandNotSupported);
        }
        assert_eq!(code(asked(Command::Connect, "a.example", 0)), Reply::GeneralFailure);
        for name in ["", "a b", "a@b", "a:80", "[::1"] {
            assert_eq!(code(asked(Command::Connect, name, 80)), Reply::GeneralFailure, "{name}");
        }
    }
}
