//! `[[sink]]`: where events of the journal are shipped to.

mod http;

use std::collections::HashSet;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use url::Url;

use crate::audit::ship::{
    FileSettings, From, Select, ShipSettings, ShipTo, SyslogSettings, SyslogTo,
};
use crate::audit::{Format, SinkTarget};

use super::section::Section;
use super::words::{parse_duration, parse_id, parse_size};

/// The names of what counts beside sinks in the same metric.
const TAKEN: [&str; 3] = ["file", "journal", "stdout"];

/// Ports where a URL names none (RFC 5425 and 6587).
const TLS_PORT: u16 = 6514;
const TCP_PORT: u16 = 601;

/// Findings instead of events.
const FINDINGS: &str = "ocsf-findings";

/// How often their numbers are told.
const EVERY: Duration = Duration::from_mins(15);

const DAY: u64 = 24 * 60 * 60;

#[derive(Clone, Copy)]
enum Kind {
    File,
    Http,
    Otlp,
    Stdout,
    Syslog,
}

/// Reads every `[[sink]]`; paths are relative to `base`.
pub(super) fn read(
    root: &Section<'_>,
    base: &Path,
    has_state: bool,
    record: &SinkTarget,
) -> Vec<ShipSettings> {
    let (mut all, mut names, mut files) = (Vec::new(), HashSet::new(), HashSet::new());
    if let SinkTarget::File(path) = record {
        files.insert(place(path));
    }
    let mut told = has_state;
    for section in root.sections("sink") {
        let name = name(&section, &mut names);
        let (form, targets) = destination(&section, base, record);
        let Form { format, findings } = form;
        let choices = [
            ("all", Select::All),
            ("checkpoints", Select::Checkpoints),
            ("refused", Select::Refused),
            ("tagged", Select::Tagged),
        ];
        let select = section.choice("select", &choices).unwrap_or_default();
        if select == Select::Checkpoints {
            plain(&section, &targets);
        }
        // One whose destination is wrong may have been meant to ship events.
        if !told && (targets.is_empty() || targets.iter().any(ShipTo::needs_journal)) {
            told = true;
            let help = "add [state] with folder = \"...\": sinks ship from the journal, which is \
                        kept there"
                .to_owned();
            section.problem(section.span(), "a sink needs `state.folder`", Some(help));
        }
        let from = section.choice("from", &[("now", From::Now), ("start", From::Start)]);
        let Some(name) = name else { continue };
        for to in targets {
            if let ShipTo::File(file) = &to
                && !files.insert(place(&file.path))
            {
                let message = "another sink, or `record.to`, writes this file";
                section.problem(section.span_of("to"), message, None);
            }
            let name = own_name(&section, &name, &to, &mut names);
            let from = from.unwrap_or_default();
            all.push(ShipSettings { name, format, findings, select, from, to });
        }
    }
    all
}

/// Checkpoints have one form, and OpenTelemetry no name for them.
fn plain(section: &Section<'_>, targets: &[ShipTo]) {
    if targets.iter().any(|to| to.signal().is_some()) {
        let message = "checkpoints are lines of JSON, which this kind does not take";
        let help = "a sink of kind file, http, stdout or syslog does".to_owned();
        section.problem(section.span_of("select"), message, Some(help));
    } else if section.has("format") {
        let message = "this can never matter: checkpoints are lines of JSON";
        section.problem(section.span_of("format"), message, None);
    }
}

/// A file by the one name that all others of it share, as far as the disk tells.
fn place(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = fs::canonicalize(folder.unwrap_or_else(|| Path::new(".")));
    let known = fs::canonicalize(path).ok().or_else(|| Some(folder.ok()?.join(path.file_name()?)));
    known.unwrap_or_else(|| path.components().filter(|part| *part != Component::CurDir).collect())
}

fn name(section: &Section<'_>, names: &mut HashSet<String>) -> Option<String> {
    let word = section.required("name")?;
    let name = section.parse(&word, parse_id)?;
    let wrong = if TAKEN.contains(&&*name) || name.starts_with('.') {
        Some("no sink can have this name")
    } else if names.insert(name.clone()) {
        None
    } else {
        Some("another sink has this name")
    };
    if let Some(wrong) = wrong {
        let help = "metrics and the cursor go by it; say what the sink is for".to_owned();
        section.problem(word.span, wrong, Some(help));
    }
    Some(name)
}

/// Each signal of OpenTelemetry goes its own way, under a name of its own.
fn own_name(section: &Section<'_>, name: &str, to: &ShipTo, names: &mut HashSet<String>) -> String {
    let Some(signal) = to.signal() else { return name.to_owned() };
    let own = format!("{name}.{}", signal.name());
    if !names.insert(own.clone()) {
        let message = format!("its signals go by `{own}`, and another sink has this name");
        section.problem(section.span_of("name"), message, None);
    }
    own
}

fn destination(section: &Section<'_>, base: &Path, record: &SinkTarget) -> (Form, Vec<ShipTo>) {
    let kinds = [
        ("file", Kind::File),
        ("http", Kind::Http),
        ("otlp", Kind::Otlp),
        ("stdout", Kind::Stdout),
        ("syslog", Kind::Syslog),
    ];
    if !section.has("kind") {
        let help = "it is file, http, otlp, stdout or syslog".to_owned();
        section.problem(section.span(), "`kind` is missing here", Some(help));
    }
    let kind = section.choice("kind", &kinds);
    if kind.is_none() {
        // Which keys it may have nobody knows.
        drop(section.values());
    }
    let usual = match kind {
        Some(Kind::Syslog) => Format::Syslog,
        Some(Kind::Otlp) => return (Form::of(Format::Otlp), http::otlp(section, base)),
        Some(Kind::File | Kind::Http | Kind::Stdout) | None => Format::Record,
    };
    let form = form(section, kind).unwrap_or_else(|| Form::of(usual));
    let to = match kind {
        Some(Kind::File) => file(section, base).map(ShipTo::File),
        Some(Kind::Http) => http::lines(section, base, form.format),
        Some(Kind::Syslog) => syslog(section, base).map(ShipTo::Syslog),
        Some(Kind::Stdout) => {
            if *record == SinkTarget::Stdout {
                let help = "let [record] to = \"/dev/null\", or a file".to_owned();
                let message = "records go to standard output already";
                section.problem(section.span_of("kind"), message, Some(help));
            }
            Some(ShipTo::Stdout)
        }
        Some(Kind::Otlp) | None => None,
    };
    (form, to.into_iter().collect())
}

/// What is told, and how.
#[derive(Clone, Copy)]
struct Form {
    format: Format,
    /// How often the numbers of findings are told, where they are what is told.
    findings: Option<Duration>,
}

impl Form {
    const fn of(format: Format) -> Self {
        Self { format, findings: None }
    }
}

fn form(section: &Section<'_>, kind: Option<Kind>) -> Option<Form> {
    let word = section.word("format");
    let every = section.duration("findings_every");
    if word.as_ref().is_some_and(|word| word.text == FINDINGS) {
        if matches!(kind, Some(Kind::Syslog)) {
            let message = "findings are lines of JSON, which messages of syslog do not take";
            let help = "a sink of kind file, http or stdout does".to_owned();
            section.problem(section.span_of("format"), message, Some(help));
        }
        let findings = Some(every.unwrap_or(EVERY));
        return Some(Form { format: Format::Ocsf, findings });
    }
    if every.is_some() {
        let message = format!("this can never matter: `format` is not \"{FINDINGS}\"");
        section.problem(section.span_of("findings_every"), message, None);
    }
    let word = word?;
    let format = section.parse(&word, str::parse::<Format>)?;
    if format == Format::Har {
        let help = "`borderpost audit export --format har` makes one of what was recorded";
        let message = "an HTTP Archive is one whole, and a sink tells one event after the other";
        section.problem(word.span, message, Some(help.to_owned()));
    }
    Some(Form::of(format))
}

// === file ===

fn file(section: &Section<'_>, base: &Path) -> Option<FileSettings> {
    let (mut octets, mut age) = (None, None);
    for word in section.words("rotate") {
        match section.parse(&word, rotation) {
            Some(Rotation::Octets(size)) => octets = Some(size),
            Some(Rotation::Age(time)) => age = Some(time),
            None => {}
        }
    }
    let keep = section.number("keep", 0..=100_000).and_then(|keep| u32::try_from(keep).ok());
    if keep.is_some() && !section.has("rotate") {
        let message = "`keep` counts full files, and nothing says when one is: `rotate` is missing";
        section.problem(section.span_of("keep"), message, None);
    }
    let path = base.join(section.required("to")?.text);
    Some(FileSettings { path, octets, age, keep })
}

#[derive(Debug, PartialEq, Eq)]
enum Rotation {
    Octets(u64),
    Age(Duration),
}

/// A size, or an age in days or as durations are written.
fn rotation(text: &str) -> Result<Rotation, String> {
    let days = text.strip_suffix('d').and_then(|days| days.trim().parse::<u64>().ok());
    if let Some(days) = days.filter(|days| (1..=3_650).contains(days)) {
        return Ok(Rotation::Age(Duration::from_secs(days * DAY)));
    }
    if let Ok(size) = parse_size(text) {
        return match size {
            0 => Err(format!("`{text}` is no size that a file could have")),
            size => Ok(Rotation::Octets(size)),
        };
    }
    let age = parse_duration(text).ok().filter(|age| age.as_secs() >= 60);
    age.map(Rotation::Age).ok_or_else(|| {
        format!("`{text}` is neither a size such as \"100MiB\" nor an age such as \"1d\" or \"1h\"")
    })
}

// === syslog ===

fn syslog(section: &Section<'_>, base: &Path) -> Option<SyslogSettings> {
    let word = section.required("to");
    let to = word.as_ref().and_then(|word| section.parse(word, |text| collector(text, base)));
    let roots = roots(section, base, matches!(to, Some(SyslogTo::Tls(..)) | None));
    Some(SyslogSettings { to: to?, roots })
}

fn collector(text: &str, base: &Path) -> Result<SyslogTo, String> {
    let wrong = || {
        format!(
            "`{text}` is none of \"tcp://host:port\", \"tls://host:port\" and \"unix:/dev/log\""
        )
    };
    if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
        return Ok(SyslogTo::Unix(base.join(path)));
    }
    let url = Url::parse(text).map_err(|_| wrong())?;
    let bare = matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let host = url.host_str().filter(|host| bare && !host.is_empty()).ok_or_else(wrong)?;
    let host = host.trim_matches(['[', ']']).to_owned();
    match url.scheme() {
        "tcp" => Ok(SyslogTo::Tcp(host, url.port().unwrap_or(TCP_PORT))),
        "tls" => Ok(SyslogTo::Tls(host, url.port().unwrap_or(TLS_PORT))),
        _ => Err(wrong()),
    }
}

fn roots(section: &Section<'_>, base: &Path, secure: bool) -> Vec<PathBuf> {
    let words = section.words("roots");
    if !secure && let Some(word) = words.first() {
        let message = "this can never matter: the destination is not reached by TLS";
        section.problem(word.span.clone(), message, None);
    }
    words.iter().map(|word| base.join(word.text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_same_by_whatever_name() {
        let folder = tempfile::tempdir().unwrap();
        let own = |name: &str| place(&folder.path().join(name));
        fs::create_dir(folder.path().join("sub")).unwrap();
        for name in ["./a.jsonl", "sub/../a.jsonl", "sub/.././a.jsonl"] {
            assert_eq!(own(name), own("a.jsonl"), "{name}");
        }
        fs::write(folder.path().join("a.jsonl"), "").unwrap();
        std::os::unix::fs::symlink("a.jsonl", folder.path().join("link")).unwrap();
        assert_eq!(own("link"), own("a.jsonl"));
        assert_ne!(own("b.jsonl"), own("a.jsonl"));
        // Where there is no such folder yet, too.
        assert_eq!(own("none/./a.jsonl"), own("none/a.jsonl"));
        assert_eq!(place(Path::new("./a.jsonl")), place(Path::new("a.jsonl")));
    }

    #[test]
    fn rotations_are_sizes_or_ages() {
        let day = Duration::from_secs(DAY);
        assert_eq!(rotation("100MiB"), Ok(Rotation::Octets(100 << 20)));
        assert_eq!(rotation("7d"), Ok(Rotation::Age(7 * day)));
        assert_eq!(rotation("24h"), Ok(Rotation::Age(day)));
        for wrong in ["", "0KiB", "0d", "d", "1s", "100", "1w", "-1d"] {
            assert!(rotation(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn collectors_are_urls() {
        let here = |text| collector(text, Path::new("/etc"));
        assert_eq!(here("tcp://[::1]:5140"), Ok(SyslogTo::Tcp("::1".to_owned(), 5140)));
        assert_eq!(here("tls://logs.example"), Ok(SyslogTo::Tls("logs.example".to_owned(), 6514)));
        assert_eq!(here("unix:/dev/log"), Ok(SyslogTo::Unix("/dev/log".into())));
        for wrong in ["", "unix:", "udp://a:1", "tcp://", "tcp://u@a:1", "tcp://a:1/x", "a:1"] {
            assert!(here(wrong).is_err(), "{wrong}");
        }
    }
}
