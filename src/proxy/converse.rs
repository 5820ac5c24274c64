//! A WebSocket whose client is listened to: nothing that it says leaves undecided. What is barred
//! ends the connection towards both sides, and the client is told which decision it was.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::ingress::Io;
use super::inspect::Messages;
use super::relay::{End, Passed};
use super::wire::server_frames::ServerFrames;

/// Room for one read.
const BUFFER: usize = 8 * 1024;

/// How long a client has to read why its connection ends.
const GRACE: Duration = Duration::from_secs(5);

/// Passes frames both ways, those of the client as far as its messages are decided. `last` is what
/// the client hears where one is barred.
pub(super) async fn converse<C: Io, U: Io>(
    client: C,
    upstream: U,
    (messages, counts): (&mut Messages<'_>, &Passed),
    last: &[u8],
) -> End {
    let (mut client_read, client_write) = tokio::io::split(client);
    let (upstream_read, upstream_write) = tokio::io::split(upstream);
    let barred = CancellationToken::new();
    let talk = async {
        let outward = async {
            let end = speak(&mut client_read, upstream_write, messages, counts).await;
            match end {
                Err(End::MessageBarred) => {
                    barred.cancel();
                    Ok(())
                }
                end => end,
            }
        };
        let inward = hear(upstream_read, client_write, counts, (&barred, last));
        tokio::try_join!(outward, inward)?;
        if barred.is_cancelled() {
            exhaust(&mut client_read).await;
        }
        Ok(())
    };
    let over = async {
        barred.cancelled().await;
        sleep(GRACE).await;
    };
    let end = tokio::select! {
        end = talk => end,
        () = over => Ok(()),
    };
    match end {
        _ if barred.is_cancelled() => End::MessageBarred,
        Ok(()) => End::Closed,
        Err(end) => end,
    }
}

/// Nothing more is read from the client while what it said is decided.
async fn speak(
    from: &mut (impl AsyncRead + Unpin),
    mut to: impl AsyncWrite + Unpin,
    messages: &mut Messages<'_>,
    counts: &Passed,
) -> Result<(), End> {
    let mut buffer = Vec::with_capacity(BUFFER);
    loop {
        buffer.clear();
        let read = from.read_buf(&mut buffer).await.map_err(End::ClientFailed)?;
        if read == 0 {
            return to.shutdown().await.map_err(End::UpstreamFailed);
        }
        counts.heard.fetch_add(1, Ordering::Relaxed);
        if let Err(end) = messages.pass(&buffer, &mut to, counts).await {
            if matches!(end, End::MessageBarred) {
                // It may be gone already.
                drop(to.shutdown().await);
            }
            return Err(end);
        }
    }
}

/// Passes what the destination says; once something is barred, to the end of a frame, and then the
/// last word.
async fn hear(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    counts: &Passed,
    (barred, last): (&CancellationToken, &[u8]),
) -> Result<(), End> {
    let (mut frames, mut buffer) = (ServerFrames::default(), Vec::with_capacity(BUFFER));
    loop {
        let ending = barred.is_cancelled();
        if ending && frames.is_between() {
            to.write_all(last).await.map_err(End::ClientFailed)?;
            return to.shutdown().await.map_err(End::ClientFailed);
        }
        buffer.clear();
        let read = tokio::select! {
            biased;
            () = barred.cancelled(), if !ending => continue,
            read = from.read_buf(&mut buffer) => read.map_err(End::UpstreamFailed)?,
        };
        if read == 0 {
            return to.shutdown().await.map_err(End::ClientFailed);
        }
        if barred.is_cancelled() {
            let whole = frames.follow(&buffer);
            buffer.truncate(whole);
        } else {
            frames.follow_all(&buffer);
        }
        to.write_all(&buffer).await.map_err(End::ClientFailed)?;
        to.flush().await.map_err(End::ClientFailed)?;
        let octets = u64::try_from(buffer.len()).unwrap_or(0);
        counts.back.fetch_add(octets, Ordering::Relaxed);
    }
}

/// Reads what the client still says: a socket that is closed on it would take our last word back.
async fn exhaust(from: &mut (impl AsyncRead + Unpin)) {
    let mut buffer = Vec::with_capacity(BUFFER);
    while let Ok(1..) = from.read_buf(&mut buffer).await {
        buffer.clear();
    }
}
