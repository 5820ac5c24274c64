//! Files of credentials: one `name:secret` in a line, `#` before a comment. Secrets are hashes
//! and digests, never what the client sends.

use std::collections::HashSet;

/// The longest name.
const NAME_BYTES: usize = 128;

/// What is wrong with a file: the line, from 0, and why. It never quotes a secret.
pub type Mistakes = Vec<(usize, String)>;

/// Whether a name can stand in a file of credentials and in a rule. A colon would end it
/// (RFC 7617 section 2), `@` begins a group.
pub fn check_name(name: &str) -> Result<(), String> {
    let fits = |c: char| !c.is_control() && !c.is_whitespace() && c != ':';
    let fits = !name.is_empty() && name.len() <= NAME_BYTES && name.chars().all(fits);
    if fits && !name.starts_with(['@', '#']) {
        return Ok(());
    }
    Err(format!(
        "a name has 1 to {NAME_BYTES} bytes without spaces and `:`, and begins with neither `@` nor `#`"
    ))
}

/// The number of each line that says something, its name and its secret.
pub fn entries(text: &str) -> impl Iterator<Item = (usize, Option<(&str, &str)>)> {
    let said = |line: &str| !line.is_empty() && !line.starts_with('#');
    let lines = text.lines().enumerate().map(|(number, line)| (number, line.trim()));
    lines.filter(move |(_, line)| said(line)).map(|(number, line)| (number, line.split_once(':')))
}

/// Reads every entry; all mistakes come at once.
pub(super) fn read<T>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<(&str, T)>, Mistakes> {
    let (mut found, mut wrong, mut seen) = (Vec::new(), Mistakes::new(), HashSet::new());
    for (number, entry) in entries(text) {
        let Some((name, secret)) = entry else {
            wrong.push((number, "a line is `name:` and a hash".to_owned()));
            continue;
        };
        if !seen.insert(name) {
            wrong.push((number, "this name stands here twice".to_owned()));
        }
        match check_name(name).and_then(|()| parse(secret)) {
            Ok(secret) => found.push((name, secret)),
            Err(why) => wrong.push((number, why)),
        }
    }
    if wrong.is_empty() { Ok(found) } else { Err(wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_be_told_from_groups_comments_and_secrets() {
        for name in ["a", "svc-etl", "ann@example.org", "jürgen", &"n".repeat(128)] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", "a:b", "a b", "@finance", "#a", "a\u{7f}", "a\u{a0}b", &"n".repeat(129)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn all_mistakes_come_at_once_and_quote_no_secret() {
        let text = "# users\n\na:1\nhunter2\na:2\n b:secret \nb c:3\n";
        let parse = |text: &str| if text == "secret" { Err("no".to_owned()) } else { Ok(()) };
        let wrong = read(text, parse).unwrap_err();
        let lines: Vec<_> = wrong.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [3, 4, 5, 6]);
        assert!(wrong.iter().all(|(_, why)| !why.contains("hunter2") && !why.contains("secret")));
        assert_eq!(read("a:1\r\nb:2", |_| Ok(())).unwrap(), [("a", ()), ("b", ())]);
    }
}
