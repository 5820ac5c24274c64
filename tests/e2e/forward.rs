//! Plain requests: what passes, how it is framed on either side, and which fields change.

use crate::support::{Config, Message, Origin, Proxy, ok, request};

fn start() -> Proxy {
    Proxy::start(&Config::new())
}

/// Bytes that a reordering or a lost piece would change.
fn pattern(length: usize) -> Vec<u8> {
    (0..=250).cycle().take(length).collect()
}

#[test]
fn get_post_put_and_delete_arrive_as_they_were_sent() {
    let (proxy, origin) = (start(), Origin::answering("127.0.0.1", ok("hello")));
    for (method, body) in
        [("GET", ""), ("POST", "a=1"), ("PUT", "x"), ("DELETE", ""), ("PATCH", "y")]
    {
        let answer = proxy.ask(method, &format!("{}/p/%41?q=1;2", origin.url()), "", body);
        assert_eq!((answer.status(), answer.text().as_str()), (200, "hello"));
        let received = origin.requests().pop().unwrap();
        assert_eq!(received.head.line, format!("{method} /p/%41?q=1;2 HTTP/1.1"));
        assert_eq!(received.body, body.as_bytes());
        assert_eq!(received.head.get("host"), Some(origin.address.to_string().as_str()));
    }
    let records = proxy.wait_records(5);
    assert!(records.iter().all(|record| record["status"] == 200 && record["error"].is_null()));
    assert_eq!((&records[1]["bytes_out"], &records[1]["bytes_in"]), (&3.into(), &5.into()));
}

#[test]
fn an_unknown_method_passes() {
    let (proxy, origin) = (start(), Origin::answering("127.0.0.1", ok("")));
    assert_eq!(proxy.ask("PROPFIND", &format!("{}/", origin.url()), "", "").status(), 200);
    assert_eq!(origin.request(0).head.line, "PROPFIND / HTTP/1.1");
}

#[test]
fn head_and_the_statuses_without_body_leave_the_connection_in_step() {
    let (proxy, origin) = (
        start(),
        Origin::http("127.0.0.1", |request| {
            let path = request.head.line.split(' ').nth(1).unwrap();
            match path {
                "/head" => b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n".to_vec(),
                "/204" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
                "/304" => b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 7\r\n\r\n"
                    .to_vec(),
                _ => ok("end").into_bytes(),
            }
        }),
    );
    let mut client = proxy.client();
    for (method, path, status) in
        [("HEAD", "/head", 200), ("GET", "/204", 204), ("GET", "/304", 304), ("GET", "/end", 200)]
    {
        client.send(request(method, &format!("{}{path}", origin.url()), "", ""));
        let answer = client.response(method);
        assert_eq!(answer.status(), status, "{path}");
        match path {
            "/head" => assert_eq!(answer.head.get("content-length"), Some("99")),
            "/304" => assert_eq!(answer.head.get("etag"), Some("\"a\"")),
            "/end" => assert_eq!(answer.text(), "end"),
            _ => {}
        }
    }
    assert_eq!(origin.connections(), 1);
}

#[test]
fn chunks_and_trailers_pass_both_ways() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
                  3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\nContent-Length: 9\r\n\r\n";
    let (proxy, origin) = (start(), Origin::answering("127.0.0.1", answer));
    let mut client = proxy.client();
    let head = request(
        "POST",
        &format!("{}/", origin.url()),
        "TE: trailers\r\nTransfer-Encoding: chunked\r\nTrailer: X-Digest\r\n",
        "",
    );
    client.send(format!("{head}4;ext=1\r\nwxyz\r\n0\r\nX-Digest: q\r\n\r\n"));
    let got = client.response("POST");
    assert_eq!((got.text().as_str(), got.whole), ("abcde", true));
    assert_eq!(got.trailers, [("x-sum".to_owned(), "5".to_owned())]);
    let received = origin.request(0);
    assert_eq!((received.body.as_slice(), received.whole), (&b"wxyz"[..], true));
    assert_eq!(received.trailers, [("x-digest".to_owned(), "q".to_owned())]);
    assert_eq!(received.head.get("te"), Some("trailers"));
    let record = proxy.record();
    assert_eq!((&record["bytes_out"], &record["bytes_in"]), (&4.into(), &5.into()));
    assert!(record["error"].is_null(), "{record:#}");
}

#[test]
fn an_answer_that_ends_with_its_connection_is_whole() {
    let origin = Origin::start("127.0.0.1", |wire, received| {
        received.note(wire.request().unwrap());
        wire.send("HTTP/1.1 200 OK\r\n\r\nuntil the end");
    });
    let proxy = start();
    let answer = proxy.get(&origin, "/");
    assert_eq!((answer.text().as_str(), answer.whole), ("until the end", true));
    assert!(proxy.record()["error"].is_null());
}

#[test]
fn one_connection_on_each_side_carries_many_requests() {
    let (proxy, origin) = (start(), Origin::answering("127.0.0.1", ok("k")));
    let mut client = proxy.client();
    for _ in 0..10 {
        client.send(request("GET", &format!("{}/", origin.url()), "", ""));
        assert_eq!(client.response("GET").text(), "k");
    }
    assert_eq!(proxy.get(&origin, "/").text(), "k");
    assert_eq!((origin.requests().len(), origin.connections()), (11, 1));
    let records = proxy.wait_records(11);
    let connected = records.iter().filter(|r| !r["timings_us"]["connect"].is_null()).count();
    assert_eq!(connected, 1);
}

#[test]
fn a_chunked_answer_leaves_its_connection_fit_for_the_next() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nk\r\n0\r\n\r\n";
    let (proxy, origin) = (start(), Origin::answering("127.0.0.1", answer));
    for _ in 0..3 {
        assert_eq!(proxy.get(&origin, "/").text(), "k");
    }
    assert!(proxy.wait_records(3).iter().all(|record| record["error"].is_null()));
    assert_eq!(origin.connections(), 1);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let origin = Origin::http("127.0.0.1", |request| ok(&request.head.line).into_bytes());
    let proxy = start();
    let mut client = proxy.client();
    let many: String =
        (0..5).map(|n| request("GET", &format!("{}/{n}", origin.url()), "", "")).collect();
    client.send(many);
    for n in 0..5 {
        assert_eq!(client.response("GET").text(), format!("GET /{n} HTTP/1.1"));
    }
}

#[test]
fn an_old_client_gets_an_answer_that_ends_with_the_connection() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nold\r\n0\r\n\r\n";
    let (proxy, origin) = (start(), Origin::answering("127.0.0.1", answer));
    let mut client = proxy.client();
    client.send(format!("GET {}/ HTTP/1.0\r\n\r\n", origin.url()));
    let got = client.response("GET");
    assert_eq!(got.text(), "old");
    assert!(got.head.get("transfer-encoding").is_none(), "{:?}", got.head);
    let received = origin.request(0);
    assert_eq!(received.head.line, "GET / HTTP/1.1");
    assert!(received.head.get("via").unwrap().starts_with("1.0 borderpost-"));
}

#[test]
fn fields_of_the_connection_stay_on_it() {
    let answer = "HTTP/1.1 200 OK\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
                  Proxy-Authenticate: Basic\r\nVia: 1.1 inner\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\
                  Content-Length: 0\r\n\r\n";
    let (proxy, origin) = (start(), Origin::answering("127.0.0.1", answer));
    let fields = "Connection: keep-alive, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nProxy-Connection: keep-alive\r\n\
                  Proxy-Authorization: Basic c2VjcmV0\r\nVia: 1.1 outer\r\nX-Kept: a\r\nX-Kept: b\r\n\
                  Authorization: Bearer t\r\nCookie: c=1\r\n";
    let got = proxy.ask("GET", &format!("{}/", origin.url()), fields, "");
    let received = origin.request(0).head;
    for gone in ["connection", "x-mine", "keep-alive", "proxy-connection", "proxy-authorization"] {
        assert_eq!(received.all(gone), Vec::<&str>::new(), "{gone}");
    }
    assert_eq!(received.all("x-kept"), ["a", "b"]);
    assert_eq!(received.get("authorization"), Some("Bearer t"));
    assert_eq!(received.get("cookie"), Some("c=1"));
    assert_eq!(received.all("via")[0], "1.1 outer");
    assert!(received.all("via")[1].starts_with("1.1 borderpost-"));
    for gone in ["x-hop", "keep-alive", "proxy-authenticate"] {
        assert_eq!(got.head.all(gone), Vec::<&str>::new(), "{gone}");
    }
    assert_eq!(got.head.all("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(got.head.all("via").len(), 2);
}

#[test]
fn own_declarations_are_taken_off_and_signed_ones_left() {
    let (proxy, origin) = (start(), Origin::answering("127.0.0.1", ok("")));
    let fields = "X-Data-Class: health\r\nbaggage: user=7,data-class=secret;p=1,z=2\r\n\
                  x-amz-tagging: data-class=financial\r\n";
    proxy.ask("GET", &format!("{}/", origin.url()), fields, "");
    let received = origin.request(0).head;
    assert_eq!(received.get("x-data-class"), None);
    assert_eq!(received.get("baggage"), Some("user=7,z=2"));
    assert_eq!(received.get("x-amz-tagging"), Some("data-class=financial"));
    assert_eq!(proxy.record()["tags"], serde_json::json!(["financial", "health", "secret"]));
}

#[test]
fn host_is_written_from_the_target() {
    let origin = Origin::answering("127.0.0.1", ok(""));
    let proxy = Proxy::start(&Config::new().name("api.example", &["127.0.0.1"]));
    let port = origin.address.port();
    let answer = proxy.ask("GET", &format!("http://API.Example:{port}"), "", "");
    assert_eq!(answer.status(), 200);
    let received = origin.request(0).head;
    assert_eq!(received.get("host"), Some(format!("api.example:{port}").as_str()));
    assert_eq!(received.line, "GET / HTTP/1.1");
}

#[test]
fn options_without_a_path_ask_for_the_whole_server() {
    // RFC 9112 section 3.2.4: the last proxy sends `*`.
    let (proxy, origin) = (start(), Origin::answering("127.0.0.1", ok("")));
    assert_eq!(proxy.ask("OPTIONS", &origin.url(), "", "").status(), 200);
    assert_eq!(proxy.ask("OPTIONS", &format!("{}/", origin.url()), "", "").status(), 200);
    let lines: Vec<_> = origin.requests().into_iter().map(|request| request.head.line).collect();
    assert_eq!(lines, ["OPTIONS * HTTP/1.1", "OPTIONS / HTTP/1.1"]);
}

#[test]
fn max_forwards_counts_down_and_ends_here() {
    let (proxy, origin) = (start(), Origin::answering("127.0.0.1", ok("")));
    let url = format!("{}/a", origin.url());
    assert_eq!(proxy.ask("OPTIONS", &url, "Max-Forwards: 3\r\n", "").status(), 200);
    assert!(matches!(proxy.ask("OPTIONS", &url, "Max-Forwards: 0\r\n", "").status(), 200 | 204));
    assert_eq!(origin.request(0).head.get("max-forwards"), Some("2"));
    assert_eq!(origin.requests().len(), 1);
    proxy.wait_records(2);
}

#[test]
fn a_client_that_ends_its_side_gets_its_whole_answer() {
    let (proxy, origin) = (start(), Origin::answering("127.0.0.1", ok("still here")));
    let mut client = proxy.client();
    client.send(request("POST", &format!("{}/", origin.url()), "", "body"));
    client.end();
    let answer = client.response("POST");
    assert_eq!((answer.status(), answer.text().as_str()), (200, "still here"));
    assert!(client.has_ended());
    assert!(proxy.record()["error"].is_null());
}

#[test]
fn large_bodies_stream_through_without_being_kept() {
    const SIZE: usize = 64 * 1024 * 1024;
    const PIECE: usize = 1024 * 1024;
    let origin = Origin::start("127.0.0.1", |wire, received| {
        let head = wire.head().unwrap();
        let piece = pattern(PIECE);
        for _ in 0..SIZE / PIECE {
            assert!(wire.take(PIECE) == piece, "the body arrives unchanged");
        }
        wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n"));
        (0..SIZE / PIECE).for_each(|_| wire.send(&piece));
        received.note(Message { head, ..Message::default() });
    });
    let proxy = start();
    let mut client = proxy.client();
    let piece = pattern(PIECE);
    let length = format!("Content-Length: {SIZE}\r\n");
    client.send(request("PUT", &format!("{}/", origin.url()), &length, ""));
    (0..SIZE / PIECE).for_each(|_| client.send(&piece));
    let head = client.head().unwrap();
    assert_eq!(head.get("content-length"), Some(SIZE.to_string().as_str()));
    for _ in 0..SIZE / PIECE {
        assert!(client.take(PIECE) == piece, "the body comes back unchanged");
    }
    let record = proxy.record();
    assert_eq!((&record["bytes_out"], &record["bytes_in"]), (&SIZE.into(), &SIZE.into()));
    if let Ok(status) = std::fs::read_to_string(format!("/proc/{}/status", proxy.id())) {
        let kib = |label: &str| -> usize {
            let value = status.lines().find_map(|line| line.strip_prefix(label)).unwrap();
            value.trim().trim_end_matches(" kB").parse().unwrap()
        };
        // The program's own pages are no memory that a body takes, and many where it is debugged.
        let peak = kib("VmHWM:") - kib("RssFile:");
        assert!(peak < 40 * 1024, "{peak} KiB at the peak for a body of {} KiB", SIZE / 1024);
    }
}

#[test]
fn r0002_a_chunked_get_keeps_its_body() {
    let (proxy, origin) = (start(), Origin::answering("127.0.0.1", ok("")));
    let mut client = proxy.client();
    let body = "5\r\nhello\r\n0\r\n\r\n";
    client.send(request("GET", &origin.url(), "Transfer-Encoding: chunked\r\n", ""));
    client.send(body);
    assert_eq!(client.response("GET").status(), 200);
    assert_eq!(origin.request(0).body, b"hello");
    assert_eq!(proxy.record()["bytes_out"], 5);
}
