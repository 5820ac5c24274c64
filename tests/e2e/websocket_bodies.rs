//! What messages of WebSocket hold: found before it leaves, whole or in fragments, compressed or
//! not, and the connection ended towards both sides.

use flate2::{Compress, Compression, FlushCompress};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Config, Origin, Proxy, Wire, wait_for};

/// The example of RFC 6455 section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

const CARD: &str = "4111 1111 1111 1111";
const MAIL: &str = "jo.planted@firm.example.com";
const ABROAD: &str = "127.3.0.1";
const LOGGED: &str = "127.2.0.1";

const TEXT: u8 = 0x81;
const DEFLATED: u8 = 0xC1;
const PING: u8 = 0x89;

/// Switches, agrees to these extensions, and notes what comes.
fn origin(ip: &str, extensions: &'static str) -> Origin {
    Origin::start(ip, move |wire, received| {
        let Some(request) = wire.request() else { return };
        received.note(request);
        wire.send(format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {ACCEPT}\r\n{extensions}\r\n"
        ));
        loop {
            let bytes = wire.some();
            if bytes.is_empty() {
                return;
            }
            received.note_bytes(&bytes);
        }
    })
}

const DEFLATE: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=15\r\n";

fn open(proxy: &Proxy, origin: &Origin) -> Wire {
    let mut client = proxy.client();
    client.send(format!(
        "GET {}/chat HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n",
        origin.url(),
        origin.address
    ));
    assert_eq!(client.head().expect("an answer").status(), 101);
    client
}

/// One frame from a client.
fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..=125 => frame.push(0x80 | u8::try_from(short).unwrap()),
        middle @ 126..=0xffff => {
            frame.push(0x80 + 126);
            frame.extend(u16::try_from(middle).unwrap().to_be_bytes());
        }
        long => {
            frame.push(0x80 + 127);
            frame.extend(u64::try_from(long).unwrap().to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(octet, mask)| octet ^ mask));
    frame
}

/// What a client hears when a message was barred: a close that names the decision, and the end.
#[track_caller]
fn hears_of(client: &mut Wire, record: &Value) {
    let close = client.rest();
    let [0x88, length, 0x03, 0xF0, reason @ ..] = close.as_slice() else { panic!("{close:?}") };
    assert_eq!(usize::from(*length), reason.len() + 2);
    let reason = str::from_utf8(reason).unwrap();
    assert_eq!(reason, format!("barred: {}", record["id"].as_str().unwrap()));
}

/// The record of a connection that ended with a message that was barred.
#[track_caller]
fn barred(proxy: &Proxy, origin: &Origin, left: &[u8], messages: u64) -> Value {
    let record = proxy.wait_records(1).remove(0);
    assert_eq!(record["error"]["code"], "message-barred", "{record:#}");
    let said = (&record["status"], &record["outcome"], &record["error"]["fault"]);
    assert_eq!(said, (&101.into(), &"block".into(), &"policy".into()), "{record:#}");
    let counted = (&record["messages_out"], &record["bytes_out"]);
    assert_eq!(counted, (&messages.into(), &left.len().into()), "{record:#}");
    wait_for("the end at the origin", || (origin.ended() == 1).then_some(()));
    assert!(origin.bytes() == left, "{} octets arrived", origin.bytes().len());
    record
}

fn layer<'r>(record: &'r Value, tag: &str) -> &'r str {
    let found = record["found"].as_array().unwrap();
    let one = found.iter().find(|one| one["tag"] == tag);
    one.unwrap_or_else(|| panic!("{tag} in {record:#}"))["layer"].as_str().unwrap()
}

#[track_caller]
fn arrives(origin: &Origin, bytes: &[u8]) {
    wait_for("what was sent", || (origin.bytes() == bytes).then_some(()));
}

#[test]
fn a_message_that_holds_data_does_not_leave_and_those_before_it_do() {
    let (proxy, origin) = (Proxy::start(&Config::new().rules()), origin(ABROAD, ""));
    let mut client = open(&proxy, &origin);
    let clean = [frame(TEXT, "hello"), frame(0x82, [0, 1, 2, 255]), frame(TEXT, "")].concat();
    // All in one piece, and one behind it that would be clean.
    let card = frame(TEXT, format!("{{\"card\":\"{CARD}\"}}"));
    client.send([clean.clone(), card, frame(TEXT, "more")].concat());
    let record = barred(&proxy, &origin, &clean, 3);
    hears_of(&mut client, &record);
    assert_eq!(layer(&record, "financial.card"), "message[3]");
    assert_eq!(record["tags"], serde_json::json!(["financial.card"]));
    assert!(record["rules"][0]["rule"].is_string());
}

#[test]
fn a_ping_is_no_way_out() {
    let (proxy, origin) = (Proxy::start(&Config::new().rules()), origin(ABROAD, ""));
    let mut client = open(&proxy, &origin);
    let beat = frame(PING, "beat");
    client.send(&beat);
    arrives(&origin, &beat);
    client.send(frame(PING, MAIL));
    let record = barred(&proxy, &origin, &beat, 0);
    hears_of(&mut client, &record);
    assert_eq!(layer(&record, "id.contact.email"), "control");
}

#[test]
fn fragments_are_one_message_and_what_stands_between_them_passes() {
    let (proxy, origin) = (Proxy::start(&Config::new().rules()), origin(ABROAD, ""));
    let mut client = open(&proxy, &origin);
    let ping = frame(PING, "beat");
    client.send([frame(0x01, "card 4111 1111"), ping.clone()].concat());
    arrives(&origin, &ping);
    client.send(frame(0x00, ""));
    client.send(frame(0x80, " 1111 1111."));
    let record = barred(&proxy, &origin, &ping, 0);
    hears_of(&mut client, &record);
    assert_eq!(layer(&record, "financial.card"), "message[0]");
}

fn pack(coder: &mut Compress, text: &str) -> Vec<u8> {
    let mut packed = Vec::with_capacity(text.len() + 1_000);
    coder.compress_vec(text.as_bytes(), &mut packed, FlushCompress::Sync).unwrap();
    packed.truncate(packed.len() - 4);
    packed
}

#[test]
fn compressed_messages_are_looked_into_with_what_they_refer_to() {
    let (proxy, origin) = (Proxy::start(&Config::new().rules()), origin(ABROAD, DEFLATE));
    let mut client = open(&proxy, &origin);
    let mut coder = Compress::new(Compression::best(), false);
    // The second is a reference to the first and one letter.
    let first = pack(&mut coder, "write to jo.planted_firm.example.com about it");
    let second = pack(&mut coder, "write to jo.planted@firm.example.com about it");
    assert!(second.len() < 16, "{}", second.len());
    let first = [frame(DEFLATED, first), frame(TEXT, "not compressed")].concat();
    client.send(&first);
    arrives(&origin, &first);
    let (begin, end) = second.split_at(5);
    client.send([frame(0x41, begin), frame(0x80, end)].concat());
    let record = barred(&proxy, &origin, &first, 2);
    hears_of(&mut client, &record);
    assert_eq!(layer(&record, "id.contact.email"), "message[2]/deflate");
}

#[test]
fn what_cannot_be_read_does_not_leave() {
    for (extensions, octets, tag, place) in [
        (DEFLATE, frame(DEFLATED, b"\x07\xff\xff\xff"), "uninspectable.broken", "/deflate"),
        ("", frame(DEFLATED, "hello"), "uninspectable.encoding", ""),
        (DEFLATE, frame(0xA1, "hello"), "uninspectable.encoding", ""),
        (DEFLATE, [frame(0x01, "a"), frame(0xC0, "b")].concat(), "uninspectable.encoding", ""),
        (
            "Sec-WebSocket-Extensions: x-other\r\n",
            frame(0x91, "hello"),
            "uninspectable.encoding",
            "",
        ),
    ] {
        let (proxy, origin) = (Proxy::start(&Config::new().rules()), origin(ABROAD, extensions));
        let mut client = open(&proxy, &origin);
        client.send(octets);
        let record = barred(&proxy, &origin, b"", 0);
        hears_of(&mut client, &record);
        assert_eq!(layer(&record, tag), format!("message[0]{place}"));
    }
}

#[test]
fn where_it_may_go_it_goes_and_people_are_counted_once() {
    let (proxy, origin) = (Proxy::start(&Config::new().rules()), origin(LOGGED, ""));
    let client = &mut open(&proxy, &origin);
    let one = frame(TEXT, format!("{{\"mail\":\"{MAIL}\"}}"));
    let all = [one.clone(), frame(TEXT, "clean"), one].concat();
    client.send(&all);
    arrives(&origin, &all);
    // It ends within a message, of which the beginning has left.
    let cut = frame(0x01, "and kim@firm.example.com");
    client.send(&cut);
    let all = [all, cut].concat();
    arrives(&origin, &all);
    client.end();
    let record = proxy.record();
    let said = (&record["outcome"], &record["rules"][0]["rule"], &record["error"]);
    assert_eq!(said, (&"log".into(), &"tagged-abroad".into(), &Value::Null), "{record:#}");
    assert_eq!((&record["messages_out"], &record["bytes_out"]), (&3.into(), &all.len().into()));
    let mail = &record["found"][0];
    assert_eq!((&mail["count"], &mail["distinct"]), (&3.into(), &2.into()), "{record:#}");
    assert_eq!(record["data"][0]["subjects"], 2, "{record:#}");
}

/// Lines of text in which nothing is found.
fn clean(octets: usize) -> String {
    let line = "the quick brown fox jumps over the lazy dog and looks for nothing at all\n";
    line.repeat(octets / line.len() + 1)
}

#[test]
fn a_long_message_is_broken_off_before_what_is_found() {
    let config = Config::new().rules().with("[inspect]\nhold = \"64KiB\"");
    let (proxy, origin) = (Proxy::start(&config), origin(ABROAD, ""));
    let mut client = open(&proxy, &origin);
    let before = clean(1 << 20);
    let text = format!("{before}card {CARD} of {MAIL}\n{}", clean(1 << 20));
    let message = frame(TEXT, &text);
    for piece in message.chunks(40_000) {
        // The proxy may have broken off.
        if client.try_send(piece).is_err() {
            break;
        }
    }
    let record = proxy.record();
    hears_of(&mut client, &record);
    wait_for("the end at the origin", || (origin.ended() == 1).then_some(()));
    let received = origin.bytes();
    assert!(message.starts_with(&received) && received.len() > before.len() / 2);
    assert!(received.len() <= message.len() - text.len() + before.len(), "{}", received.len());
    assert_eq!(record["bytes_out"], received.len(), "{record:#}");
    assert_eq!((&record["messages_out"], &record["outcome"]), (&0.into(), &"block".into()));
    assert_eq!(record["error"]["code"], "message-barred");
}

#[test]
fn long_clean_messages_arrive_as_they_were() {
    let config = Config::new().rules().with("[inspect]\nhold = \"64KiB\"");
    let (proxy, origin) = (Proxy::start(&config), origin(ABROAD, ""));
    let mut client = open(&proxy, &origin);
    let text = clean(3 << 20);
    let (begin, end) = text.split_at(1 << 20);
    let all = [
        frame(TEXT, &text),
        frame(0x01, begin),
        frame(PING, "beat"),
        frame(0x80, end),
        frame(TEXT, "short"),
    ]
    .concat();
    client.send(&all);
    arrives(&origin, &all);
    client.end();
    let record = proxy.record();
    assert_eq!((&record["messages_out"], &record["bytes_out"]), (&3.into(), &all.len().into()));
    assert_eq!((&record["found"], &record["error"]), (&serde_json::json!([]), &Value::Null));
}

#[test]
fn a_policy_that_gets_tighter_ends_what_carried_too_much() {
    let rules = Config::new().rules();
    for (sent, tighter) in [
        // What was found and passed is what it stands on.
        (MAIL, "tags = [\"id.contact\"]\nhosts = [\"127.2.0.1\"]"),
        // It passed because nothing depended on it, which is so no more.
        ("clean", "tags = [\"id.contact\"]\nhosts = [\"127.2.0.1\"]"),
    ] {
        let (proxy, origin) = (Proxy::start(&rules), origin(LOGGED, ""));
        let mut client = open(&proxy, &origin);
        client.send(frame(TEXT, sent));
        arrives(&origin, &frame(TEXT, sent));
        proxy.reload(&rules.clone().rule("none", "block", "", tighter));
        assert!(client.rest().is_empty(), "{sent}");
        assert_eq!(proxy.record()["error"]["code"], "tunnel-revoked", "{sent}");
    }
}

/// Counts people whose addresses go abroad.
const COUNTING: &str = "[pack]\nid = \"own\"\nversion = \"1\"\nauthority = \"Standard 7\"\n\
    as_of = 2099-01-01\neffective_from = 2020-01-01\n\
    [territory.abroad]\nall_except = [\"US\"]\n\
    [class.contact]\ntags = [\"id.contact\"]\nunit = \"subject\"\nover = 3\ncite = \"1\"\n\
    [counter.year]\nclasses = [\"contact\"]\nkeyed_by = [\"exporter\"]\n\
    window = { rolling_months = 12 }\nto = [\"abroad\"]\ncite = \"2\"\n\
    [[rule]]\nid = \"much\"\noutcome = \"block\"\nreason = \"too much\"\ncite = \"3\"\n\
    [rule.when]\nto = [\"abroad\"]\nbulk = { counter = \"year\", classes = [\"*\"] }\n";

#[test]
fn people_of_all_messages_add_up_once_and_those_that_were_barred_do_not() {
    let state = TempDir::new().unwrap();
    let config = Config::new().law(state.path()).pack(COUNTING).file("key", &"k".repeat(32));
    let proxy = Proxy::start(&config.with("[inspect]\ndigest_key = \"key\""));
    let mail = |names: &[&str]| {
        let one = |name: &&str| format!("{{\"mail\":\"{name}@firm.example.com\"}}");
        frame(TEXT, format!("[{}]", names.iter().map(one).collect::<Vec<_>>().join(",")))
    };
    for (at, (passes, too_many)) in [
        (vec![mail(&["ann", "bob"]), mail(&["ann"]), mail(&["cat", "bob"])], mail(&["dan"])),
        (vec![mail(&["cat"]), mail(&["bob"])], mail(&["eve"])),
    ]
    .into_iter()
    .enumerate()
    {
        let origin = origin(LOGGED, "");
        let mut client = open(&proxy, &origin);
        let all = passes.concat();
        client.send(&all);
        arrives(&origin, &all);
        client.send(too_many);
        let record = proxy.wait_records(at + 1).pop().unwrap();
        hears_of(&mut client, &record);
        assert_eq!(record["rules"][0]["rule"], "much", "{record:#}");
        assert_eq!(record["messages_out"], passes.len());
        assert_eq!(record["counts"][0]["after"], 4, "three left, and no fourth: {record:#}");
    }
}

#[test]
fn no_value_is_in_records_closes_metrics_or_diagnostics() {
    let (proxy, origin) = (Proxy::start(&Config::new().rules()), origin(ABROAD, ""));
    let mut client = open(&proxy, &origin);
    client.send(frame(TEXT, format!("card {CARD}, mail {MAIL}, password hunter2planted")));
    let close = client.rest();
    let record = proxy.record();
    assert_eq!(layer(&record, "financial.card"), "message[0]");
    let metrics = proxy.ask_admin("GET", "/metrics").text();
    let told = format!("{record}{metrics}{}{}", String::from_utf8_lossy(&close), proxy.output());
    for value in ["4111", "jo.planted", "hunter2", "firm.example"] {
        assert!(!told.contains(value), "{value} in {told}");
    }
}
