//! Who asked, by address and port, or what stands there where that was erased.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::super::personal::Hidden;

/// The client of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Client {
    /// Its address and port.
    At(SocketAddr),
    /// They are not to be had.
    Hidden(Hidden),
}

impl Client {
    /// Address and port, where they are known.
    pub const fn socket(self) -> Option<SocketAddr> {
        match self {
            Self::At(socket) => Some(socket),
            Self::Hidden(_) => None,
        }
    }

    /// The address as it came, or why it is not there.
    pub fn address(self) -> String {
        match self {
            Self::At(socket) => socket.ip().to_string(),
            Self::Hidden(why) => why.to_string(),
        }
    }

    /// The same for formats that have one way to write an address.
    pub(super) fn canonical(self) -> String {
        match self {
            Self::At(socket) => socket.ip().to_canonical().to_string(),
            Self::Hidden(why) => why.to_string(),
        }
    }

    /// The address, for fields that hold nothing else.
    pub(super) fn ip(self) -> Option<IpAddr> {
        self.socket().map(|socket| socket.ip().to_canonical())
    }

    /// The port, where it is known.
    pub fn port(self) -> Option<u16> {
        self.socket().map(|socket| socket.port())
    }

    /// Why they are not there, if they are not.
    pub const fn hidden(self) -> Option<Hidden> {
        match self {
            Self::At(_) => None,
            Self::Hidden(why) => Some(why),
        }
    }
}

impl From<SocketAddr> for Client {
    fn from(socket: SocketAddr) -> Self {
        Self::At(socket)
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(socket) => socket.fmt(f),
            Self::Hidden(why) => why.fmt(f),
        }
    }
}

impl FromStr for Client {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Hidden::of(text) {
            Some(why) => Ok(Self::Hidden(why)),
            None => text.parse().map(Self::At),
        }
    }
}

impl Serialize for Client {
    fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        into.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Client {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
