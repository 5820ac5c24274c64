//! A proxy that opens TLS with an authority that it made itself, and programs that trust it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use super::{Config, Identity, Proxy, program, wait_for};

/// A proxy with an authority that it made, and destinations under another one.
pub(crate) struct Bench {
    pub(crate) proxy: Proxy,
    /// What the proxy was started with.
    pub(crate) config: Config,
    pub(crate) identity: Identity,
    pub(crate) folder: TempDir,
}

impl Bench {
    /// The name of the destination.
    pub(crate) const HOST: &str = "api.example";

    /// `more` is what the configuration says beside; `HOST` lies at this address.
    pub(crate) fn new(address: &str, more: impl Fn(Config) -> Config) -> Self {
        let folder = TempDir::new().unwrap();
        let identity = Identity::new(Self::HOST, address);
        let state = folder.path().join("state");
        let tables = format!(
            "[state]\nfolder = \"{}\"\n[tls]\nroots = [\"{}\"]",
            state.display(),
            identity.certificate().display()
        );
        std::fs::write(folder.path().join("init.toml"), format!("packs = []\n{tables}")).unwrap();
        let mut init = program();
        init.args(["ca", "init", "--config"]).arg(folder.path().join("init.toml"));
        let made = init.output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let config = more(Config::new().with(&tables).name(Self::HOST, &[address]));
        let proxy = Proxy::start(&config);
        let roots = proxy.ask_admin("GET", "/ca.pem");
        std::fs::write(folder.path().join("roots.pem"), roots.body).unwrap();
        Self { proxy, config, identity, folder }
    }

    /// What the proxy's clients have to trust.
    pub(crate) fn roots(&self) -> PathBuf {
        self.folder.path().join("roots.pem")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn proxy_url(&self) -> String {
        format!("http://{}", self.proxy.listen)
    }

    /// A program that sees nothing of this machine but its programs, and is told where the
    /// proxy is and what to trust.
    pub(crate) fn program(&self, name: impl AsRef<Path>) -> Command {
        let mut command = Command::new(name.as_ref());
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.path())
            .env("LANG", "C.UTF-8")
            .env("BENCH_PROXY", self.proxy_url())
            .env("BENCH_CA", self.roots())
            .current_dir(self.folder.path());
        command
    }

    /// curl through the proxy; what it printed.
    pub(crate) fn curl(&self, arguments: &[&str]) -> String {
        let output = self
            .program("curl")
            .args(["-q", "--silent", "--show-error", "--max-time", "50", "--noproxy", ""])
            .args(["--proxy", &self.proxy_url(), "--cacert"])
            .arg(self.roots())
            .args(arguments)
            .output()
            .unwrap_or_else(|error| panic!("curl: {error}; run the tests by tests/run"));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text + &String::from_utf8_lossy(&output.stderr)
    }

    /// The records, of tunnels and of requests inside them.
    pub(crate) fn records(&self, count: usize) -> (Vec<Value>, Vec<Value>) {
        let records = self.proxy.wait_records(count).into_iter();
        records.partition(|record| record["method"] == "CONNECT")
    }

    /// The same where a program opens as many tunnels as it likes.
    #[track_caller]
    pub(crate) fn records_inside(&self, count: usize) -> (Vec<Value>, Vec<Value>) {
        let what = format!("{count} records of requests inside tunnels");
        wait_for(&what, || {
            let records = self.proxy.records().into_iter();
            let (tunnels, inside): (Vec<_>, Vec<_>) =
                records.partition(|record| record["method"] == "CONNECT");
            Some((tunnels, inside))
                .filter(|(tunnels, inside)| inside.len() >= count && !tunnels.is_empty())
        })
    }
}

/// What a program printed that went well.
#[track_caller]
pub(crate) fn said(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}: {error}\n{text}", output.status);
    text
}

/// A path that `tests/run` sets.
#[track_caller]
pub(crate) fn given(name: &str) -> PathBuf {
    let value = std::env::var_os(name);
    value.unwrap_or_else(|| panic!("{name} is not set: run the tests by tests/run")).into()
}

/// A program under `tests/data`.
pub(crate) fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}
