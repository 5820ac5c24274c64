//! The guard before hyper's HTTP/1 server, over an in-memory pipe and over
//! loopback: what passes, what is answered, in which order and how late.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod support;

use std::time::Duration;

use borderpost::proxy::guard::Timeouts;
use borderpost::proxy::wire::stream::Step;
use borderpost::proxy::wire::{FaultKind, Limits, Stream};
use proptest::prelude::*;
use support::{Client, Served, get, start, start_tcp};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

const POST: &[u8] = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
const CHUNKED: &[u8] = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x\r\ndefg\r\n0\r\nX-Sum: 1\r\n\r\n";
const NO_HOST: &[u8] = b"GET /secret HTTP/1.1\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn pipelined_requests_pass_with_bodies() {
    let (mut client, served) = start();
    client.send(&[POST, CHUNKED, b"\r\n", &get("/a"), POST].concat()).await;
    for body in ["hello", "abcdefg", "", "hello"] {
        assert_eq!(client.answer().await, (200, body.to_owned()));
    }
    drop(client);
    let wire = served.wire();
    assert_eq!((wire.refusal(), wire.body_fault()), (None, None));
}

#[tokio::test(start_paused = true)]
async fn the_cut_of_the_bytes_does_not_matter() {
    let (mut client, served) = start();
    for byte in [POST, CHUNKED, b"\r\n", &get("/a"), NO_HOST].concat() {
        client.send(&[byte]).await;
        served.settle().await;
    }
    for body in ["hello", "abcdefg", ""] {
        assert_eq!(client.answer().await, (200, body.to_owned()));
    }
    assert_eq!(client.answer().await, (400, "missing-host".to_owned()));
    assert!(client.closed().await);
}

#[tokio::test(start_paused = true)]
async fn a_fault_in_the_second_request_is_answered_after_the_first() {
    let (mut client, served) = start();
    client.send(&[&get("/wait"), NO_HOST, &get("/never")].concat()).await;
    served.settle().await;
    assert!(client.nothing_yet());
    served.release();
    assert_eq!(client.answer().await, (200, "waited".to_owned()));
    assert_eq!(client.answer().await, (400, "missing-host".to_owned()));
    assert!(client.closed().await);
    let refusal = served.wire().refusal().unwrap();
    assert_eq!((refusal.number, refusal.fault.kind()), (2, FaultKind::HostMissing));
    assert_eq!(refusal.request_line, "GET /secret HTTP/1.1");
    assert_eq!(served.paths(), ["/wait"]);
}

#[tokio::test(start_paused = true)]
async fn the_first_request_can_be_refused() {
    let (mut client, served) = start();
    client.send(b"\x16\x03\x01\x02\0\x01").await;
    assert_eq!(client.answer().await, (400, "tls-on-plain-port".to_owned()));
    assert!(client.closed().await);
    assert_eq!(served.wire().refusal().unwrap().request_line, "\\x16\\x03\\x01\\x02\\x00\\x01");
    assert!(served.paths().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_head_without_end_is_refused_at_the_limit() {
    let (mut client, served) = start();
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n").await;
    for _ in 0..Limits::default().head / 32 {
        client.send(b"X: 0123456789012345678901234567\r\n").await;
        served.settle().await;
    }
    // The number of fields runs out long before the bytes do.
    assert_eq!(client.answer().await, (431, "too-many-fields".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_bad_chunk_breaks_the_body_and_is_recorded() {
    let (mut client, served) = start();
    client
        .send(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n")
        .await;
    let answer = client.answer().await;
    assert_eq!(answer, (400, "chunk-data-not-followed-by-crlf".to_owned()));
    assert!(client.closed().await);
    let fault = served.wire().body_fault().unwrap();
    assert_eq!((fault.kind(), fault.at()), (FaultKind::ChunkDataEnd, 7));
}

#[tokio::test(start_paused = true)]
async fn early_data_behind_connect_survives() {
    let (mut client, served) = start();
    client.send(b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n\x16\x03\x01early\n").await;
    assert_eq!(client.head().await.0, 200);
    client.send(b"late").await;
    assert_eq!(client.bytes(13).await, b"\x16\x03\x01early\nlate");
    assert_eq!(served.wire().refusal(), None);
}

#[tokio::test(start_paused = true)]
async fn bytes_behind_a_denied_connect_are_judged() {
    let (mut client, served) = start();
    client.send(b"CONNECT denied:443 HTTP/1.1\r\nHost: denied\r\n\r\n").await;
    client.send(&get("/after")).await;
    client.send(b"\x16\x03\x01early\n").await;
    assert_eq!(client.answer().await, (403, String::new()));
    assert_eq!(client.answer().await, (200, String::new()));
    assert_eq!(client.answer().await, (400, "tls-on-plain-port".to_owned()));
    assert_eq!(served.wire().refusal().unwrap().number, 3);
}

#[tokio::test(start_paused = true)]
async fn expect_continue_works() {
    let (mut client, _served) = start();
    client
        .send(b"PUT /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        .await;
    assert_eq!(client.head().await.0, 100);
    client.send(b"hi").await;
    assert_eq!(client.answer().await, (200, "hi".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn early_hints_go_out_while_the_answer_is_pending() {
    let (mut client, served) = start();
    client.send(&[get("/hint"), get("/a")].concat()).await;
    let (status, head) = client.head().await;
    assert_eq!((status, head.contains("link: </x>\r\n")), (103, true));
    // Sent from another task, long after the server last looked.
    served.hint();
    assert_eq!(client.head().await.0, 103);
    served.release();
    assert_eq!(client.answer().await, (200, "hinted".to_owned()));
    assert_eq!(client.answer().await, (200, String::new()));
}

#[tokio::test(start_paused = true)]
async fn old_clients_get_no_interim_answers() {
    let (mut client, served) = start();
    client.send(b"GET /hint HTTP/1.0\r\n\r\n").await;
    served.settle().await;
    served.release();
    assert_eq!(client.answer().await, (200, "hinted".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_in_silence() {
    let (mut client, served) = start();
    let begun = Instant::now();
    assert!(client.closed().await);
    assert_eq!(begun.elapsed().as_secs(), 60);
    assert_eq!(served.wire().bytes_written(), 0);
}

#[tokio::test(start_paused = true)]
async fn idleness_counts_from_the_end_of_an_answer() {
    let (mut client, served) = start();
    client.send(&get("/wait")).await;
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert!(client.nothing_yet());
    served.release();
    assert_eq!(client.answer().await, (200, "waited".to_owned()));
    let begun = Instant::now();
    tokio::time::sleep(Duration::from_secs(50)).await;
    client.send(&get("/a")).await;
    assert_eq!(client.answer().await, (200, String::new()));
    assert!(client.closed().await);
    assert_eq!(begun.elapsed().as_secs(), 110);
}

#[tokio::test(start_paused = true)]
async fn a_trickled_head_is_answered_408() {
    let (mut client, served) = start();
    let begun = Instant::now();
    for byte in b"GET / HTTP/1.1\r\nX: aaaaaaaaaaaaaaaa" {
        client.send(&[*byte]).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        if served.wire().refusal().is_some() {
            break;
        }
    }
    assert_eq!(begun.elapsed().as_secs(), 15);
    assert_eq!(client.answer().await, (408, "head-timeout".to_owned()));
    assert!(client.closed().await);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_body_times_out() {
    let (mut client, served) = start();
    let begun = Instant::now();
    client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhe").await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    client.send(b"ll").await;
    assert_eq!(client.answer().await, (408, "body-timeout".to_owned()));
    assert_eq!(begun.elapsed().as_secs(), 50);
    assert_eq!(served.wire().body_fault().unwrap().kind(), FaultKind::BodyTimeout);
}

#[tokio::test(start_paused = true)]
async fn a_body_nobody_asks_for_does_not_time_out() {
    let (mut client, served) = start();
    client
        .send(
            b"POST /wait HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
        )
        .await;
    tokio::time::sleep(Duration::from_mins(5)).await;
    served.release();
    assert_eq!(client.answer().await, (200, "waited".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_cut() {
    let (mut client, served) = start();
    let begun = Instant::now();
    client.send(&get("/big")).await;
    served.ended().await;
    assert_eq!(begun.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn bytes_are_counted() {
    let (mut client, served) = start();
    client.send(POST).await;
    let (status, head) = client.head().await;
    assert_eq!(status, 200);
    assert_eq!(client.bytes(5).await, b"hello");
    let wire = served.wire();
    assert_eq!(wire.bytes_read(), u64::try_from(POST.len()).unwrap());
    assert_eq!(wire.bytes_written(), u64::try_from(head.len() + 5).unwrap());
}

#[tokio::test]
async fn a_client_still_sending_can_read_its_refusal() {
    for _ in 0..20 {
        let (stream, served) = start_tcp(Timeouts::default()).await;
        let (read, mut write) = stream.into_split();
        let mut client = Client::new(tokio::io::join(read, tokio::io::sink()));
        let sender = tokio::spawn(async move {
            write.write_all(NO_HOST).await?;
            for _ in 0..64 {
                write.write_all(&[b'x'; 8 * 1024]).await?;
            }
            write.shutdown().await
        });
        assert_eq!(client.answer().await, (400, "missing-host".to_owned()));
        assert!(client.closed().await);
        sender.await.unwrap().unwrap();
        served.ended().await;
    }
}

#[tokio::test]
async fn a_denied_upload_can_read_its_answer() {
    let (stream, served) = start_tcp(Timeouts::default()).await;
    let mut client = Client::new(stream);
    client.send(b"POST /deny HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n").await;
    client.send(&vec![b'x'; 300_000]).await;
    assert_eq!(client.answer().await, (403, String::new()));
    assert!(client.closed().await);
    let begun = std::time::Instant::now();
    drop(client);
    served.ended().await;
    assert!(begun.elapsed() < Duration::from_millis(900), "a client that leaves is not waited for");
}

#[tokio::test]
async fn a_sound_connection_does_not_linger() {
    let (stream, served): (_, Served) = start_tcp(Timeouts::default()).await;
    let mut client = Client::new(stream);
    let begun = std::time::Instant::now();
    client.send(b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!(client.answer().await, (200, String::new()));
    served.ended().await;
    assert!(begun.elapsed() < Duration::from_millis(900));
}

/// Requests as they are, and with bytes that matter put where they hurt.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let requests = [POST.to_vec(), CHUNKED.to_vec(), get("/a"), get("http://b/c?d")];
    let message = prop::sample::select(requests.to_vec());
    let special = prop::sample::select(b"\r\n :\t\0;,05aAG/\x7f\xff\"{}|[]%\\^`<>".to_vec());
    let changes = prop::collection::vec((any::<prop::sample::Index>(), special, 0..3_u8), 0..3);
    (prop::collection::vec(message, 1..4), changes).prop_map(|(messages, changes)| {
        let mut bytes = messages.concat();
        for (at, byte, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes.insert(at, byte),
                1 => bytes[at] = byte,
                _ => drop(bytes.remove(at)),
            }
        }
        bytes
    })
}

fn heads(mut bytes: &[u8]) -> usize {
    let mut stream = Stream::new(Limits::default());
    while let Ok(Step::Pass(count) | Step::Skip(count)) = stream.step(bytes) {
        bytes = &bytes[count..];
    }
    usize::try_from(stream.heads()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3000) })]

    /// The guard and the server behind it must read the same messages: one that the guard lets
    /// through and the server refuses, or reads otherwise, is where smuggling begins.
    #[test]
    fn the_server_never_disagrees(bytes in mutated()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let (discord, requests) = runtime.block_on(async {
            let (mut client, served) = start();
            client.send(&bytes).await;
            // Whoever waits for more bytes is let go by its deadline.
            served.finish().await
        });
        prop_assert_eq!(discord, None);
        // After HTTP/1.0 the server closes and leaves what follows unread.
        if memchr::memmem::find(&bytes, b"HTTP/1.0").is_none() {
            prop_assert_eq!(requests, heads(&bytes));
        }
    }
}
