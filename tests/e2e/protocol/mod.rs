//! Requests that two parsers could read in two ways, from raw sockets: each is answered
//! once, recorded once, and nothing behind it is ever taken for a request.

mod cases;

use crate::support::{Config, Origin, Proxy, ok, request, wait_for};
use cases::{BODIES, Case, HEADS, REQUESTS};

/// An origin that answers only what is whole.
fn origin() -> Origin {
    Origin::start("127.0.0.1", |wire, received| {
        while let Some(request) = wire.request() {
            let whole = request.whole;
            received.note(request);
            if !whole || wire.try_send(ok("passed")).is_err() {
                return;
            }
        }
    })
}

fn bytes(case: &Case, origin: &Origin) -> String {
    case.bytes
        .replace("{o}", &origin.address.to_string())
        .replace("{long}", &"a".repeat(9000))
        .replace("{head}", &format!("X-A: {}\r\n", "a".repeat(7000)).repeat(10))
        .replace("{fields}", &"X-A: 1\r\n".repeat(101))
}

fn smuggled(origin: &Origin) -> String {
    request("GET", &format!("{}/smuggled", origin.url()), "", "")
}

fn start() -> Proxy {
    // Clients that stop in mid-head would else be waited for.
    Proxy::start(&Config::new())
}

#[test]
fn heads_that_are_not_sound_are_refused_and_end_the_connection() {
    let proxy = start();
    for (index, case) in HEADS.iter().enumerate() {
        let origin = origin();
        let shown = format!("{:?}", case.bytes);
        let mut client = proxy.client();
        // The proxy may refuse before it has taken everything.
        drop(client.try_send(bytes(case, &origin) + &smuggled(&origin)));
        let answer = client.response("GET");
        let problem = answer.json();
        assert_eq!(
            (answer.status(), problem["code"].as_str()),
            (case.status, Some(case.code)),
            "{shown}"
        );
        assert_eq!(problem["cite"], case.rfc, "{shown}");
        assert_eq!(answer.head.get("connection"), Some("close"), "{shown}");
        assert!(client.has_ended(), "one answer, then the end: {shown}");
        let record = proxy.wait_records(index + 1).pop().unwrap();
        assert_eq!(record["error"]["code"], case.code, "{shown}");
        assert_eq!(
            (&record["status"], &record["error"]["fault"]),
            (&case.status.into(), &"client".into())
        );
        assert_eq!(record["id"], problem["decision"]);
        assert_eq!(origin.connections(), 0, "{shown}");
    }
}

#[test]
fn requests_that_ask_for_the_impossible_are_refused_and_leave_the_connection_in_step() {
    let proxy = start();
    for (index, case) in REQUESTS.iter().enumerate() {
        let origin = origin();
        let shown = format!("{:?}", case.bytes);
        let mut client = proxy.client();
        client.send(
            bytes(case, &origin) + &request("GET", &format!("{}/next", origin.url()), "", ""),
        );
        let answer = client.response("GET");
        let problem = answer.json();
        assert_eq!(
            (answer.status(), problem["code"].as_str()),
            (case.status, Some(case.code)),
            "{shown}"
        );
        assert_eq!(problem["cite"], case.rfc, "{shown}");
        assert_eq!(client.response("GET").text(), "passed", "{shown}");
        assert_eq!(origin.requests().len(), 1, "{shown}");
        let records = proxy.wait_records(2 * (index + 1));
        let record = &records[2 * index];
        assert_eq!(record["error"]["code"], case.code, "{shown}");
    }
}

#[test]
fn bodies_that_are_not_sound_never_arrive_as_whole() {
    let proxy = start();
    for (index, case) in BODIES.iter().enumerate() {
        let origin = origin();
        let shown = format!("{:?}", case.bytes);
        let head =
            request("POST", &format!("{}/", origin.url()), "Transfer-Encoding: chunked\r\n", "");
        let mut client = proxy.client();
        client.send(&head);
        wait_for("the head at the origin", || (origin.connections() == 1).then_some(()));
        drop(client.try_send(bytes(case, &origin) + &smuggled(&origin)));
        let answer = client.response("POST");
        assert_eq!(answer.status(), case.status, "{shown}");
        assert_eq!(answer.json()["code"], case.code, "{shown}");
        assert_eq!(answer.json()["cite"], case.rfc, "{shown}");
        assert!(client.has_ended(), "{shown}");
        let record = proxy.wait_records(index + 1).pop().unwrap();
        assert_eq!(record["error"]["code"], case.code, "{shown}");
        wait_for("the end at the origin", || (origin.ended() == 1).then_some(()));
        assert!(origin.requests().iter().all(|request| !request.whole), "{shown}");
        assert_eq!(origin.connections(), 1, "{shown}");
    }
}

#[test]
fn what_was_sound_before_a_bad_request_is_still_answered() {
    let (proxy, origin) = (start(), origin());
    let mut client = proxy.client();
    let good = request("GET", &format!("{}/good", origin.url()), "", "");
    client
        .send(format!("{good}GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n{}", smuggled(&origin)));
    assert_eq!(client.response("GET").text(), "passed");
    assert_eq!(client.response("GET").json()["code"], "repeated-host");
    assert!(client.has_ended());
    assert_eq!(origin.requests().len(), 1);
    proxy.wait_records(2);
}

#[test]
fn a_body_that_looks_like_a_request_is_a_body() {
    let (proxy, origin) = (start(), origin());
    let inner = smuggled(&origin);
    let mut client = proxy.client();
    client.send(request("POST", &format!("{}/", origin.url()), "", &inner));
    assert_eq!(client.response("POST").text(), "passed");
    assert_eq!(origin.request(0).body, inner.as_bytes());
    let chunked =
        request("POST", &format!("{}/", origin.url()), "Transfer-Encoding: chunked\r\n", "");
    client.send(format!("{chunked}{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len()));
    assert_eq!(client.response("POST").text(), "passed");
    assert_eq!(origin.request(1).body, inner.as_bytes());
    proxy.wait_records(2);
}

#[test]
fn the_cut_of_the_bytes_does_not_matter() {
    let (proxy, origin) = (start(), origin());
    let whole =
        request("POST", &format!("{}/", origin.url()), "Transfer-Encoding: chunked\r\n", "")
            + "4\r\nwxyz\r\n0\r\nX-Sum: 1\r\n\r\n";
    for step in [1, 2, 3, 7] {
        let mut client = proxy.client();
        whole.as_bytes().chunks(step).for_each(|piece| client.send(piece));
        assert_eq!(client.response("POST").text(), "passed", "{step}");
        assert_eq!(origin.requests().pop().unwrap().body, b"wxyz");
    }
}

#[test]
fn empty_lines_before_a_request_are_forgiven() {
    let (proxy, origin) = (start(), origin());
    let mut client = proxy.client();
    let get = request("GET", &format!("{}/", origin.url()), "", "");
    client.send(format!("\r\n{get}"));
    assert_eq!(client.response("GET").text(), "passed");
    client.send(format!("\r\n\r\n{get}"));
    assert_eq!(client.response("GET").text(), "passed");
}

#[test]
fn requests_that_come_back_are_a_loop() {
    let proxy = start();
    let own = format!("http://{}/", proxy.listen);
    assert_eq!(proxy.ask("GET", &own, "", "").status(), 508);
    let admin = format!("http://{}/metrics", proxy.admin);
    assert_eq!(proxy.ask("GET", &admin, "", "").status(), 508);
    let origin = origin();
    proxy.get(&origin, "/");
    let via = origin.request(0).head.get("via").unwrap().to_owned();
    let looped = proxy.ask("GET", &format!("{}/", origin.url()), &format!("Via: {via}\r\n"), "");
    assert_eq!(looped.status(), 508);
    assert!(looped.head.get("proxy-status").unwrap().contains("proxy_loop_detected"));
    let codes: Vec<_> = proxy.wait_records(4).iter().map(|r| r["error"]["code"].clone()).collect();
    assert_eq!(codes, ["loop".into(), "loop".into(), serde_json::Value::Null, "loop".into()]);
}
