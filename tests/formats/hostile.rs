//! Texts of clients that want to be more: each is read back as what it was, and nothing beside it.

use std::borrow::Cow;

use borderpost::audit::event::Error;
use borderpost::audit::{Event, Format};
use proptest::prelude::*;

use super::ocsf::Schema;
use super::{events, otlp, parse, value, written};

/// What the clients of an event control.
#[derive(Clone, Debug)]
struct Texts {
    host: String,
    path: String,
    method: String,
    server_name: String,
    principal: String,
    detail: String,
    purpose: String,
}

fn hostile() -> impl Strategy<Value = String> {
    let signs = prop::sample::select(vec![
        "\0",
        "\u{1}",
        "\u{8}",
        "\t",
        "\n",
        "\u{b}",
        "\r",
        "\r\n",
        "\u{1b}[2J",
        "\u{7f}",
        " ",
        "  ",
        "\"",
        "'",
        "|",
        "=",
        "]",
        "[",
        "\\",
        "\\n",
        "\\x41",
        "^",
        "%",
        "%0a",
        "%41",
        "#",
        "?",
        "<",
        ">",
        "{",
        "}",
        "`",
        ":",
        "/",
        "@",
        "-",
        "\u{85}",
        "\u{9b}",
        "\u{a0}",
        "é",
        "ÿ",
        "\u{2028}",
        "\u{2029}",
        "\u{202e}",
        "\u{feff}",
        "語",
        "😀",
        "x",
        "7",
        " act=allowed",
        "\" 200 1 \"-\" \"-\"",
        "] [x@1 y=\"z\"]",
        "|9|act=allowed",
        "^action=allowed",
        "\n<13>1 - - - - - -",
        "\nCEF:0|a|b|c|d|e|0|",
    ]);
    prop::collection::vec(signs, 1..9).prop_map(|signs| signs.concat())
}

fn texts() -> impl Strategy<Value = Texts> {
    let all = (hostile(), hostile(), hostile(), hostile(), hostile(), hostile(), hostile());
    all.prop_map(|(host, path, method, server_name, principal, detail, purpose)| Texts {
        host: format!("h{host}"),
        path: format!("/{path}"),
        method,
        server_name,
        principal,
        detail,
        purpose,
    })
}

fn event<'t>(of: usize, texts: &'t Texts) -> Event<'t> {
    let mut event: Event<'t> = events()[of].clone();
    event.host = Some((&*texts.host).into());
    event.path = (event.scheme != "connect").then(|| (&*texts.path).into());
    event.method = (&*texts.method).into();
    event.server_name = Some((&*texts.server_name).into());
    event.principal = Some((&*texts.principal).into());
    event.context.purpose = Some((&*texts.purpose).into());
    let known = event.error.take();
    let word = |pick: fn(Error<'t>) -> Cow<'t, str>, other: &'static str| {
        known.clone().map_or(Cow::Borrowed(other), pick)
    };
    let (fault, code) = (word(|error| error.fault, "upstream"), word(|error| error.code, "dns"));
    event.error = Some(Error { fault, code, detail: (&*texts.detail).into() });
    event
}

/// What would end a line, or change what a person sees of it.
fn is_one_line(line: &str) -> bool {
    let mark = line.strip_prefix('<').and_then(|_| line.split_once('\u{feff}'));
    let marked = mark.map_or_else(|| line.to_owned(), |(head, text)| format!("{head}{text}"));
    let bad =
        |sign: char| sign.is_control() || "\u{2028}\u{2029}\u{202e}\u{2066}\u{feff}".contains(sign);
    !marked.chars().any(bad)
}

fn url(texts: &Texts, of: &Event<'_>) -> String {
    let port = of.port.filter(|port| *port != 443 && *port != 80);
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    if of.scheme == "connect" {
        return format!("{}:{}", texts.host, of.port.unwrap());
    }
    format!("{}://{}{port}{}", of.scheme, texts.host, texts.path)
}

proptest! {
    #[test]
    fn lines_are_read_back_as_they_were(texts in texts(), of in 0_usize..8) {
        let event = event(of, &texts);
        let wanted = parse::decoded(&url(&texts, &event));
        let at = |format| written(format, &event);
        for format in [Format::Cef, Format::Combined, Format::Leef, Format::Squid, Format::Syslog] {
            prop_assert!(is_one_line(&at(format)), "{format}: {:?}", at(format));
        }

        let [time, _, client, _, _, method, target, user, _, kind] = parse::squid(&at(Format::Squid));
        let second = format!("{}.", event.time.as_second());
        prop_assert!(time.starts_with(&second));
        prop_assert_eq!(client, event.client.address());
        prop_assert_eq!(parse::decoded(&method), &*texts.method);
        prop_assert_eq!(parse::decoded(&target), &*wanted);
        prop_assert_eq!(parse::decoded(&user), &*texts.principal);
        prop_assert_eq!(kind, "-");

        let fields = parse::combined(&at(Format::Combined));
        prop_assert_eq!(fields.len(), 9, "{:?}", fields);
        prop_assert_eq!(parse::apache(&fields[2]), &*texts.principal);
        let request: Vec<_> = fields[4].split(' ').collect();
        prop_assert_eq!(parse::apache(request[0]), &*texts.method);
        prop_assert_eq!(parse::decoded(request[1]), &*wanted);
        prop_assert_eq!(&request[2..], &["HTTP/1.1"]);

        let (header, pairs) = parse::cef(&at(Format::Cef));
        prop_assert_eq!(&header[..4], &["CEF:0", "borderpost", "borderpost", "0.1.0"]);
        prop_assert_eq!(&pairs["suser"], &texts.principal);
        prop_assert_eq!(&pairs["requestMethod"], &texts.method);
        prop_assert_eq!(&pairs["reason"], &texts.detail);
        prop_assert_eq!(&pairs["dhost"], &texts.host);
        prop_assert_eq!(&pairs["request"], &wanted);

        let (header, pairs) = parse::leef(&at(Format::Leef));
        prop_assert_eq!(&header[0], "LEEF:2.0");
        prop_assert_eq!(&pairs["usrName"], &texts.principal);
        prop_assert_eq!(&pairs["method"], &texts.method);
        prop_assert_eq!(&pairs["reason"], &texts.detail);
        prop_assert_eq!(&pairs["dstHost"], &texts.host);
        prop_assert_eq!(&pairs["url"], &wanted);

        let message = parse::syslog(&at(Format::Syslog));
        prop_assert_eq!(message.priority / 8, 13);
        prop_assert_eq!(&message.header[1..], &["gw-ber-1.corp.example", "borderpost", "-", "DECISION"]);
        prop_assert_eq!(&message.id, "egress@32473");
        prop_assert_eq!(&message.params["user"], &texts.principal);
        prop_assert_eq!(&message.params["method"], &texts.method);
        prop_assert_eq!(&message.params["reason"], &texts.detail);
        prop_assert_eq!(&message.params["host"], &texts.host);
        prop_assert_eq!(&message.params["server_name"], &texts.server_name);
        prop_assert_eq!(&message.params["url"], &wanted);
        prop_assert!(message.text.contains(&texts.host));
    }

    #[test]
    fn json_is_read_back_as_it_was(texts in texts(), of in 0_usize..8) {
        let event = event(of, &texts);
        for format in [Format::Ecs, Format::Har, Format::Ocsf, Format::Otlp] {
            prop_assert!(is_one_line(&written(format, &event)), "{}", format);
        }
        let wanted = parse::decoded(&url(&texts, &event));
        let same = |value: &serde_json::Value, wanted: &str| {
            prop_assert_eq!(value.as_str().unwrap_or_default(), wanted);
            Ok(())
        };
        let ocsf = value(Format::Ocsf, &event);
        prop_assert_eq!(Schema::pinned().problems(&ocsf), Vec::<String>::new());
        same(&ocsf["actor"]["user"]["name"], &texts.principal)?;
        same(&ocsf["dst_endpoint"]["hostname"], &texts.host)?;
        same(&ocsf["status_detail"], &texts.detail)?;
        same(&ocsf["unmapped"]["egress"]["method"], &texts.method)?;
        same(&ocsf["unmapped"]["egress"]["server_name"], &texts.server_name)?;
        same(&ocsf["unmapped"]["egress"]["context"]["purpose"], &texts.purpose)?;
        let ecs = value(Format::Ecs, &event);
        same(&ecs["user"]["name"], &texts.principal)?;
        same(&ecs["destination"]["domain"], &texts.host)?;
        same(&ecs["event"]["reason"], &texts.detail)?;
        same(&ecs["http"]["request"]["method"], &texts.method)?;
        if event.scheme != "connect" {
            let full = ecs["url"]["full"].as_str().unwrap();
            prop_assert_eq!(parse::decoded(full), &*wanted);
        }
        let otlp = otlp::attributes(&value(Format::Otlp, &event));
        same(&otlp["egress.principal"], &texts.principal)?;
        same(&otlp["server.address"], &texts.host)?;
        same(&otlp["egress.reason"], &texts.detail)?;
        same(&otlp["egress.server_name"], &texts.server_name)?;
        same(&otlp["egress.context"]["purpose"], &texts.purpose)?;
        let method = otlp.get("http.request.method_original");
        same(method.unwrap_or_else(|| &otlp["http.request.method"]), &texts.method)?;
        let har = value(Format::Har, &event);
        same(&har["request"]["method"], &texts.method)?;
        prop_assert_eq!(parse::decoded(har["request"]["url"].as_str().unwrap()), &*wanted);
    }
}

/// A line break of a client's in each place where it has one: no format has two lines of it.
#[test]
fn nobody_writes_a_line_of_their_own() {
    let forged = "\n<108>1 forged\r\nCEF:0|forged\u{2028}{\"forged\":true}\u{85}10.0.0.1 - - [";
    let all = || forged.to_owned();
    let texts = Texts {
        host: all(),
        path: all(),
        method: all(),
        server_name: all(),
        principal: all(),
        detail: all(),
        purpose: all(),
    };
    for of in 0..events().len() {
        for format in Format::ALL.into_iter().filter(|format| *format != Format::Record) {
            let line = written(format, &event(of, &texts));
            assert!(is_one_line(&line), "{format}: {line:?}");
        }
        // The journal's own line ends at a line feed alone.
        assert!(!written(Format::Record, &event(of, &texts)).contains(['\n', '\r']));
    }
}

/// What is no URL of a request's own cannot come in through the host either.
#[test]
fn no_format_knows_a_user_agent_or_a_query() {
    for event in events() {
        for format in Format::ALL {
            let line = written(format, &event).to_ascii_lowercase();
            for word in ["user_agent", "user-agent", "useragent", "cookie\":\"", "query\":\""] {
                assert!(!line.contains(word), "{format}: {word}");
            }
        }
    }
}
