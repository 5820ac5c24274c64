//! The real program as a child process: started, watched, and ended with the test.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use super::config::Config;
use super::http::{Message, Wire};
use super::{Origin, wait_for};

/// One line of the record file.
pub(crate) type Record = Value;

/// A running proxy.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) listen: SocketAddr,
    pub(crate) admin: SocketAddr,
    /// Every listener, the plain one first.
    pub(crate) listeners: Vec<SocketAddr>,
    pub(crate) folder: TempDir,
    child: Child,
    output: Lines,
    stdout: Lines,
}

/// What the program has printed so far.
#[derive(Debug)]
struct Lines {
    text: Arc<Mutex<String>>,
    reader: Option<thread::JoinHandle<()>>,
}

/// The program under test, for the commands that end by themselves.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_borderpost"));
    command.env_remove("BORDERPOST_CONFIG").env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

impl Proxy {
    /// Starts the program and waits until it listens.
    #[track_caller]
    pub(crate) fn start(config: &Config) -> Self {
        Self::start_by(config, program())
    }

    /// Starts it through a shell that sets a limit first.
    #[track_caller]
    pub(crate) fn start_limited(config: &Config, limit: &str) -> Self {
        let mut shell = Command::new("sh");
        let script = format!("{limit}; exec \"$0\" \"$@\"");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_borderpost")]).stdin(Stdio::null());
        Self::start_by(config, shell)
    }

    /// Starts it by a command that runs it.
    #[track_caller]
    pub(crate) fn start_by(config: &Config, command: Command) -> Self {
        Self::start_in(TempDir::new().unwrap(), config, command)
    }

    /// Starts it again in the same folder, after it has ended.
    #[track_caller]
    pub(crate) fn again(mut self, config: &Config) -> Self {
        self.ended();
        let folder = std::mem::replace(&mut self.folder, TempDir::new().unwrap());
        Self::start_in(folder, config, program())
    }

    #[track_caller]
    fn start_in(folder: TempDir, config: &Config, mut command: Command) -> Self {
        let file = folder.path().join("borderpost.toml");
        fs::write(&file, config.text()).unwrap();
        fs::write(folder.path().join("pack.toml"), config.pack_text()).unwrap();
        for (name, text) in config.files() {
            private(&folder.path().join(name), text);
        }
        command.arg("run").arg("--config").arg(&file);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = Lines::collect(child.stderr.take().unwrap());
        let stdout = Lines::collect(child.stdout.take().unwrap());
        let mut address = |label: &str| -> SocketAddr {
            let text = wait_for(&format!("`{label}` of the program"), || {
                let text = output.text();
                let ended = child.try_wait().unwrap().is_some();
                let line = text.lines().find(|line| line.starts_with(label)).map(str::to_owned);
                assert!(line.is_some() || !ended, "the program ended:\n{text}");
                line
            });
            socket(&text)
        };
        let (listen, admin) = (address("proxy "), address("admin "));
        let said = output.text();
        let listeners =
            said.lines().filter(|line| line.starts_with("proxy ")).map(socket).collect();
        Self { listen, admin, listeners, folder, child, output, stdout }
    }

    /// Where a further listener is, by how the first lines show it.
    #[track_caller]
    pub(crate) fn listener(&self, scheme: &str) -> SocketAddr {
        let text = self.output();
        let shown = text.lines().find_map(|line| {
            let (first, address) = line.strip_prefix("proxy")?.trim().rsplit_once(['/', ' '])?;
            (first.trim_end_matches([':', '/']) == scheme).then_some(address)
        });
        shown.unwrap_or_else(|| panic!("no {scheme} listener in\n{text}")).parse().unwrap()
    }

    /// A new connection of a client.
    #[track_caller]
    pub(crate) fn client(&self) -> Wire {
        Wire::connect(self.listen)
    }

    /// Sends one request on a connection of its own and reads the answer.
    #[track_caller]
    pub(crate) fn ask(&self, method: &str, url: &str, fields: &str, body: &str) -> Message {
        let mut client = self.client();
        client.send(request(method, url, fields, body));
        client.response(method)
    }

    /// `GET`, without anything special.
    #[track_caller]
    pub(crate) fn get(&self, origin: &Origin, path: &str) -> Message {
        self.ask("GET", &format!("{}{path}", origin.url()), "", "")
    }

    /// `CONNECT`; the tunnel and the head of the answer.
    #[track_caller]
    pub(crate) fn connect(&self, target: &str, fields: &str) -> (Wire, Message) {
        let mut client = self.client();
        client.send(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{fields}\r\n"));
        let head = client.head().expect("an answer to CONNECT");
        let answer = if head.status() == 200 {
            Message { head, whole: true, ..Message::default() }
        } else {
            client.request_body(head)
        };
        (client, answer)
    }

    /// The records so far.
    pub(crate) fn records(&self) -> Vec<Record> {
        let file = fs::read_to_string(self.folder.path().join("records.jsonl"));
        let text = file.unwrap_or_else(|_| self.stdout.text());
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits until there are so many records.
    #[track_caller]
    pub(crate) fn wait_records(&self, count: usize) -> Vec<Record> {
        let records = wait_for(&format!("record {count}\n{}", self.output()), || {
            Some(self.records()).filter(|records| records.len() >= count)
        });
        assert_eq!(records.len(), count, "{records:#?}");
        records
    }

    /// Waits for the only record.
    #[track_caller]
    pub(crate) fn record(&self) -> Record {
        self.wait_records(1).remove(0)
    }

    /// Replaces the configuration file.
    pub(crate) fn rewrite(&self, text: &str) {
        // Renamed into place, so that no reload reads half of it.
        let new = self.folder.path().join("new.toml");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.file()).unwrap();
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("borderpost.toml")
    }

    /// Tells the admin listener something in JSON.
    #[track_caller]
    pub(crate) fn tell_admin(&self, path: &str, body: &Value) -> Message {
        let mut wire = Wire::connect(self.admin);
        let (host, body) = (self.admin, body.to_string());
        let length = body.len();
        wire.send(format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nConnection: \
             close\r\n\r\n{body}"
        ));
        wire.response("POST")
    }

    /// Asks the admin listener.
    #[track_caller]
    pub(crate) fn ask_admin(&self, method: &str, path: &str) -> Message {
        self.ask_admin_with(method, path, "")
    }

    /// The same with more header fields, each with its end of line.
    pub(crate) fn ask_admin_with(&self, method: &str, path: &str, fields: &str) -> Message {
        let mut wire = Wire::connect(self.admin);
        let host = self.admin;
        wire.send(format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{fields}Connection: close\r\n\r\n"
        ));
        wire.response(method)
    }

    /// Puts `config` in force.
    #[track_caller]
    pub(crate) fn reload(&self, config: &Config) {
        self.rewrite(&config.text());
        let answer = self.ask_admin("POST", "/api/v1/reload");
        assert_eq!(answer.status(), 200, "{}", answer.text());
    }

    /// The sum of a metric's lines that hold `label`.
    pub(crate) fn metric(&self, name: &str, label: &str) -> f64 {
        let text = self.ask_admin("GET", "/metrics").text();
        let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(label));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let script = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
    }

    /// Waits until the program has ended.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let (child, output) = (&mut self.child, &mut self.output);
        let what = format!("the end of the program\n{}", output.text());
        let status = wait_for(&what, || child.try_wait().unwrap());
        // What it said last may still be on its way to us.
        output.join();
        self.stdout.join();
        status
    }

    /// What it said on standard error.
    pub(crate) fn output(&self) -> String {
        self.output.text()
    }

    /// What it said on standard output.
    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if thread::panicking() {
            // libtest shows it beneath the failed test.
            println!("--- the program said\n{}--- records\n{:#?}", self.output(), self.records());
        }
    }
}

/// The address in a line of the greeting.
fn socket(line: &str) -> SocketAddr {
    if line.contains("unix:") {
        // Nothing can be sent there by an address.
        return SocketAddr::from(([0, 0, 0, 0], 0));
    }
    let address = match line.split_once("://") {
        Some((_, address)) => address.split(['/', ' ']).next(),
        None => line.split_whitespace().last(),
    };
    address.unwrap().parse().unwrap()
}

/// Writes a file for its owner alone.
pub(crate) fn private(file: &Path, text: &str) {
    // The mode is set before anything is in it, also where it was there before.
    fs::write(file, "").unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(file, text).unwrap();
}

/// A request in absolute form.
pub(crate) fn request(method: &str, url: &str, fields: &str, body: &str) -> String {
    let host = url.split('/').nth(2).unwrap();
    let length = if body.is_empty() { String::new() } else { length(body) };
    format!("{method} {url} HTTP/1.1\r\nHost: {host}\r\n{length}{fields}\r\n{body}")
}

fn length(body: &str) -> String {
    format!("Content-Length: {}\r\n", body.len())
}

impl Lines {
    fn collect(from: impl Read + Send + 'static) -> Self {
        let text = Arc::<Mutex<String>>::default();
        let into = Arc::clone(&text);
        let reader = thread::spawn(move || {
            let mut from = BufReader::new(from);
            let mut line = String::new();
            while from.read_line(&mut line).is_ok_and(|read| read > 0) {
                into.lock().unwrap().push_str(&line);
                line.clear();
            }
        });
        Self { text, reader: Some(reader) }
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    fn join(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
    }
}
