//! What a text is written in, told from its beginning. It steers where names of values are
//! looked for and what a record is; a wrong guess loses context, never a value.

/// How much of the beginning is looked at.
pub(super) const LOOK: usize = 1 << 10;

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// One JSON value.
    Json,
    /// One JSON value a line.
    JsonLines,
    /// Lines of cells; the first names them.
    Csv {
        /// What divides cells.
        delimiter: u8,
    },
    /// XML or HTML.
    Xml,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `INSERT INTO` statements.
    Sql,
    /// Anything else: prose, logs, parts.
    Text,
}

impl Syntax {
    /// The syntax of a text that begins so.
    pub fn of(head: &[u8]) -> Self {
        let head = head.get(..LOOK).unwrap_or(head);
        let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
        match head.first() {
            Some(b'{' | b'[') if is_lines(head) => Self::JsonLines,
            Some(b'{' | b'[') => Self::Json,
            Some(b'<') => Self::Xml,
            Some(_) if is_form(head) => Self::Form,
            Some(_) if holds(head, b"insert into") => Self::Sql,
            Some(_) => delimiter(head).map_or(Self::Text, |delimiter| Self::Csv { delimiter }),
            None => Self::Text,
        }
    }
}

fn is_lines(head: &[u8]) -> bool {
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.trim_ascii());
    let first = lines.next().unwrap_or_default();
    let whole = first.len() > 2 && first.starts_with(b"{") && first.ends_with(b"}");
    whole && lines.next().is_some_and(|second| second.starts_with(b"{") || second.is_empty())
}

/// `name=value&...` without blanks; the value of the last may be cut.
fn is_form(head: &[u8]) -> bool {
    let text = head.trim_ascii_end();
    let name = text.iter().take_while(|byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'%' | b'[' | b']')
    });
    let name = name.count();
    name > 0
        && text.get(name) == Some(&b'=')
        && !text
            .iter()
            .any(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'<' | b'>' | b'{'))
}

fn holds(head: &[u8], words: &[u8]) -> bool {
    head.windows(words.len()).any(|part| part.eq_ignore_ascii_case(words))
}

/// What divides the cells, if the first two lines have as many, and the first only names them.
fn delimiter(head: &[u8]) -> Option<u8> {
    let mut lines = head.split(|byte| *byte == b'\n');
    let (header, row) = (lines.next()?.trim_ascii(), lines.next()?);
    // A line that the look has cut may have fewer.
    let cut = lines.next().is_none();
    let names = header.iter().all(|byte| !matches!(byte, b':' | b'=' | b'{' | b'<'));
    [b'\t', b';', b',', b'|'].into_iter().find(|delimiter| {
        let count = |line: &[u8]| cells(line, *delimiter);
        let (named, filled) = (count(header), count(row));
        let numbers = header.split(|b| b == delimiter).any(|cell| {
            cell.trim_ascii().iter().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'"'))
        });
        names
            && !numbers
            && named > 1
            && (named == filled || cut && filled > named / 2 && filled <= named)
    })
}

/// How many cells a line has.
fn cells(line: &[u8], delimiter: u8) -> usize {
    let mut quoted = false;
    let divides = |byte: &&u8| {
        quoted ^= **byte == b'"';
        **byte == delimiter && !quoted
    };
    line.iter().filter(divides).count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_tells() {
        for (head, syntax) in [
            ("\u{FEFF} {\"a\": 1}", Syntax::Json),
            ("{\"a\":1}\n{\"a\":2}\n", Syntax::JsonLines),
            ("<?xml version=\"1.0\"?>", Syntax::Xml),
            ("a=1&b%5B0%5D=x%20y", Syntax::Form),
            ("insert into t (a) values (1);", Syntax::Sql),
            ("a,b\r\n1,\"2,3\"\r\n", Syntax::Csv { delimiter: b',' }),
            ("a;b;c\n1,5;2;3\n", Syntax::Csv { delimiter: b';' }),
            ("Dear all,\nplease, call", Syntax::Text),
            ("2026-01-01 INFO a=1\n", Syntax::Text),
            ("", Syntax::Text),
        ] {
            assert_eq!(Syntax::of(head.as_bytes()), syntax, "{head}");
        }
    }
}
