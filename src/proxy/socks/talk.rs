//! Messages on a client's socket, up to where bytes are the tunnel's.

use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::super::draft::Draft;
use super::super::error::Error;
use super::super::relay::ClientSide;
use super::super::rewound::Rewound;
use super::fault::{self, Stage, Stop};
use super::wire::{Cursor, Fault, Read};

/// The longest message is a login of 513 bytes; what more is read belongs to the tunnel.
const ROOM: usize = 1024;

/// How long the client may take to read our last word before the connection is gone.
const LINGER: Duration = Duration::from_secs(2);

/// A client's socket and what was read of it.
#[derive(Debug)]
pub(super) struct Talk {
    stream: TcpStream,
    buffer: BytesMut,
    /// How long one message may take.
    limit: Duration,
}

/// Why a message could not be read.
#[derive(Debug)]
pub(super) enum Unread {
    Cut,
    Slow,
    Wrong(Fault),
}

impl Unread {
    /// What it means at a stage of the talk.
    pub(super) fn at(self, stage: Stage) -> Stop {
        let (error, stage) = match self {
            Self::Cut => (fault::cut(), Stage::Gone),
            Self::Slow => (fault::slow(), Stage::Gone),
            // Who does not speak SOCKS 5 would not understand its word either.
            Self::Wrong(fault @ Fault::Version(_)) => (fault.error(), Stage::Gone),
            Self::Wrong(fault) => (fault.error(), stage),
        };
        Stop { error, stage }
    }
}

impl Talk {
    pub(super) fn new(stream: TcpStream, limit: Duration) -> Self {
        Self { stream, buffer: BytesMut::new(), limit }
    }

    /// Waits for the first bytes; `false` if there are none.
    pub(super) async fn begins(&mut self) -> bool {
        self.fill().await.unwrap_or(false)
    }

    /// Reads a message.
    pub(super) async fn next<T>(
        &mut self,
        read: fn(&mut Cursor<'_>) -> Read<T>,
    ) -> Result<T, Unread> {
        let limit = self.limit;
        timeout(limit, self.read(read)).await.unwrap_or(Err(Unread::Slow))
    }

    async fn read<T>(&mut self, read: fn(&mut Cursor<'_>) -> Read<T>) -> Result<T, Unread> {
        loop {
            let mut cursor = Cursor::new(&self.buffer);
            let found = read(&mut cursor);
            let length = cursor.read();
            if let Some(found) = found {
                self.buffer.advance(length);
                return found.map_err(Unread::Wrong);
            }
            if !self.fill().await.unwrap_or(false) {
                return Err(Unread::Cut);
            }
        }
    }

    async fn fill(&mut self) -> io::Result<bool> {
        self.buffer.reserve(ROOM);
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }

    /// Answers.
    pub(super) async fn say(&mut self, message: &[u8]) -> Result<(), Error> {
        match timeout(self.limit, self.stream.write_all(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(fault::cut()),
        }
    }

    /// The client's side of the tunnel, with what it sent behind its request.
    pub(super) fn into_side(self) -> ClientSide {
        ClientSide::Bare(Rewound::new(self.stream, &[self.buffer.freeze()]))
    }

    /// Says the last word and ends. What the client sent meanwhile is read, because closing with
    /// unread bytes takes the word back (RFC 9293 section 3.10.4).
    pub(super) async fn end(mut self, word: &[u8], draft: Draft) {
        let told = self.say(word).await.is_ok() && self.stream.shutdown().await.is_ok();
        drop(draft);
        let rest = async {
            while told && self.fill().await.unwrap_or(false) {
                self.buffer.clear();
            }
        };
        // Whoever goes on sending has had its answer.
        drop(timeout(LINGER, rest).await);
    }
}
