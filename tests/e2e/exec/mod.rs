//! `borderpost exec` around real programs: what they are told, what they get, what the summary says
//! of it, and how the whole exits.

mod clients;
mod env;
mod isolate;
mod packages;
mod reports;
mod run;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use http::Method;
use http_body_util::BodyExt;
use tempfile::TempDir;

use crate::support::{BOTH, Config, Identity, Site, answer, whole};

/// Where the destinations lie: what is not tagged may go there.
const ABROAD: &str = "127.3.0.1";

/// The name of the destination.
const HOST: &str = "api.example";

/// The exit code where something was refused.
const REFUSED: i32 = 79;

/// A folder for one test, a destination in it, and what a configuration says of both.
struct Stage {
    folder: TempDir,
    identity: Identity,
    config: Config,
}

/// How it ended, and what was said.
#[derive(Debug)]
struct Told {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Stage {
    /// The shipped rules; `HOST` lies abroad, as the tests' corrections have it.
    fn new() -> Self {
        Self::with(Config::rules)
    }

    /// `more` is what the configuration says beside.
    fn with(more: impl Fn(Config) -> Config) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        let identity = Identity::new(HOST, ABROAD);
        let tls = format!("[tls]\nroots = [\"{}\"]", identity.certificate().display());
        let config = more(Config::new().name(HOST, &[ABROAD]).with(&tls));
        Self { folder, identity, config }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An origin that greets and echoes, in whichever of the protocols the client wants.
    fn site(&self) -> Site {
        Site::start(ABROAD, &self.identity.config(), BOTH, |request| {
            Box::pin(async move {
                match (request.method(), request.uri().path()) {
                    (&Method::GET, "/hello") => answer(200, "text/plain", whole("hello")),
                    (&Method::POST, "/echo") => {
                        let body = request.into_body().collect().await.unwrap().to_bytes();
                        answer(200, "text/plain", whole(body))
                    }
                    _ => answer(404, "text/plain", whole("nothing is here")),
                }
            })
        })
    }

    /// The program under test, which sees nothing of this machine but its programs.
    fn bare(&self, options: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_borderpost"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.path())
            .env("TMPDIR", self.path("tmp"))
            .env("LANG", "C.UTF-8")
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .arg("exec")
            .args(options);
        command
    }

    /// The same by the configuration; the program to run and its arguments are to be added.
    fn exec(&self, options: &[&str]) -> Command {
        std::fs::write(self.path("exec.toml"), self.config.text()).unwrap();
        std::fs::write(self.path("pack.toml"), self.config.pack_text()).unwrap();
        let mut command = self.bare(&["--config", "exec.toml"]);
        command.args(options).arg("--");
        command
    }

    /// Runs it, and holds that nothing of it is left.
    #[track_caller]
    fn ended(&self, command: &mut Command) -> Told {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let told = Told { code: status.code(), out: text(stdout), err: text(stderr) };
        let left: Vec<_> =
            std::fs::read_dir(self.path("tmp")).unwrap().map(Result::unwrap).collect();
        let left =
            left.iter().filter(|one| one.file_name().to_string_lossy().starts_with("borderpost"));
        assert_eq!(left.count(), 0, "{told:#?}");
        told
    }

    /// The line of a rule in the test's own configuration.
    fn line_of(&self, text: &str) -> usize {
        self.config.text().lines().position(|line| line == text).unwrap() + 1
    }
}

impl Told {
    /// The lines of the summary that begin with a word.
    fn lines(&self, word: &str) -> Vec<&str> {
        self.err.lines().filter(|line| line.starts_with(word)).collect()
    }

    #[track_caller]
    fn says(&self, words: &str) {
        assert!(self.err.contains(words), "`{words}` is not in\n{}\n{}", self.err, self.out);
    }
}

fn url(port: u16) -> String {
    format!("https://{HOST}:{port}")
}
