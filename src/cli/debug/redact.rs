//! Takes out of texts what could be a secret. The configuration names files, variables and
//! credentials that hold secrets and holds none itself; this is for what people put there all the
//! same. More than must be may go: who helps needs the structure.

use toml::{Table, Value};

const GONE: &str = "[redacted]";

/// Ends of keys whose texts are secrets, whatever they look like.
const SECRET: [&str; 7] =
    ["password", "passphrase", "secret", "token", "api_key", "private_key", "authorization"];
/// Keys whose texts may tell of people.
const PERSONAL: [&str; 12] = [
    "ids",
    "subjects",
    "client",
    "clients",
    "principal",
    "principals",
    "user",
    "users",
    "reason",
    "approver",
    "evidence",
    "contract",
];
/// Tables whose `name` is that of a person or a service.
const PEOPLE: [&str; 4] = ["principal", "client", "user", "token"];

/// From this length on a mix of letters and digits, or of small and large letters, is taken for a
/// secret.
const LONG: usize = 16;

/// A configuration without comments; `None` if it is not TOML.
pub(super) fn configuration(text: &str) -> Option<String> {
    let mut table: Table = text.parse().ok()?;
    clean("", &mut table);
    toml::to_string(&table).ok()
}

fn clean(of: &str, table: &mut Table) {
    let all = std::mem::take(table);
    for (key, mut value) in all {
        if key == "name" && PEOPLE.contains(&of) {
            value = Value::String(GONE.to_owned());
        }
        value_of(&key, &mut value);
        table.insert(text(&key), value);
    }
}

fn value_of(key: &str, value: &mut Value) {
    match value {
        Value::String(text) => *text = shown(key, text),
        Value::Array(all) => all.iter_mut().for_each(|one| value_of(key, one)),
        Value::Table(table) => clean(key, table),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
}

fn shown(key: &str, value: &str) -> String {
    let key = key.to_ascii_lowercase();
    let gone = SECRET.iter().any(|secret| key.ends_with(secret))
        || PERSONAL.contains(&&*key)
        || value.contains("-----BEGIN");
    if gone { GONE.to_owned() } else { text(value) }
}

/// Where a URL ends in a text.
const AFTER_URL: [char; 8] = [' ', '\t', '\n', '\r', '"', '\'', '<', '>'];

/// A text without who logs in in URLs, what they name at their host (webhooks are secrets), and
/// without what has no meaning but to who made it.
pub(super) fn text(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("://") {
            let (url, after) = after.split_at(after.find(AFTER_URL).unwrap_or(after.len()));
            shown.push_str("://");
            shown.push_str(&url_without_secrets(url));
            rest = after;
            continue;
        }
        let end = rest.find(|one| !is_of_token(one)).unwrap_or(rest.len());
        let (token, after) = rest.split_at(end);
        shown.push_str(if is_opaque(token) { GONE } else { token });
        let mut others = after.chars();
        if !after.starts_with("://") {
            shown.extend(others.next());
        }
        rest = others.as_str();
    }
    shown
}

/// What comes after `://`. A password may have any sign in it, so that all before the last `@` goes.
fn url_without_secrets(url: &str) -> String {
    let login = url.rfind('@');
    let (_, place) = url.split_at(login.unwrap_or(0));
    let (host, named) = place.split_at(place.find(['/', '?', '#']).unwrap_or(place.len()));
    let login = if login.is_some() { GONE } else { "" };
    let named = match named {
        "" | "/" => named.to_owned(),
        _ => format!("/{GONE}"),
    };
    format!("{login}{host}{named}")
}

fn is_of_token(one: char) -> bool {
    one.is_ascii_alphanumeric() || matches!(one, '+' | '=' | '_' | '-')
}

fn is_opaque(token: &str) -> bool {
    let has = |is: fn(&u8) -> bool| token.as_bytes().iter().any(is);
    let mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
    let cases = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    token.len() >= LONG && (mixed || cases)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_a_secret_is_taken_out() {
        let text = r#"
            # CANARY in a comment
            packs = ["default"]
            [proxy]
            listen = "127.0.0.1:3128"
            [chain]
            to = "http://user:CANARY@proxy.example:3128/"
            proxy_password = "CANARY"
            [[auth]]
            token = "CANARY"
            password_file = "users.txt"
            note = "ghp_CANARY0123456789abcdef and CANARY-0a1b2c3d4e5f"
            pem = "-----BEGIN PRIVATE KEY-----\nCANARY"
            ids = ["CANARY"]
            [auth.of]
            CANARY0123456789abcdefg = 1
            [[sink]]
            name = "siem"
            to = "https://hooks.example/services/CANARY/x?token=CANARY"
            [[principal]]
            name = "CANARY"
            [[journal.hold]]
            name = "case-7"
            client = "CANARY"
            reason = "CANARY"
            [chain.via]
            to = "http://etl:CANARY/x@proxy.example:1/"
            note = "CANARYabcdefghij"
        "#;
        let shown = configuration(text).unwrap();
        assert!(!shown.contains("CANARY"), "{shown}");
        for kept in [
            "default",
            "127.0.0.1:3128",
            "proxy.example:3128",
            "users.txt",
            "siem",
            "hooks.example",
            "case-7",
        ] {
            assert!(shown.contains(kept), "{kept} in {shown}");
        }
        assert_eq!(shown.matches(GONE).count(), 14, "{shown}");
        assert_eq!(configuration("password = CANARY"), None);
    }

    #[test]
    fn plain_words_stay() {
        for plain in
            ["", "https://a.example/", "jo said: no", "größer", "a://", "://", "2001:db8::/32"]
        {
            assert_eq!(text(plain), plain);
        }
        assert_eq!(text("x https://u:p@h/ y"), "x https://[redacted]@h/ y");
        assert_eq!(text("x https://u:p/w@h:1 y"), "x https://[redacted]@h:1 y");
        assert_eq!(text("'http://h/a?key=b' z"), "'http://h/[redacted]' z");
        assert_eq!(text("http://h?key=b"), "http://h/[redacted]");
    }
}
