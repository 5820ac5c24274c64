//! `borderpost env`: the variables by which programs are told of a running proxy, as commands of a
//! shell.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context;
use url::Url;

use crate::config;
use crate::proxy::Kind;

use super::ConfigArgument;
use super::exec::variables::{Setting, Told, VARIABLES};
use super::output::{Usage, line, news};

/// Print the variables that tell programs of a running proxy.
#[derive(Debug, clap::Args)]
pub(super) struct Env {
    /// For which shell.
    #[arg(long, default_value = "bash")]
    shell: Shell,
    /// Where the proxy is; the first HTTP listener of the configuration if left out.
    #[arg(long, value_name = "URL", value_parser = proxy_url)]
    proxy: Option<Url>,
    /// The roots to trust, in PEM; they take the place of a program's own, so they should hold the
    /// platform's, too: `borderpost ca export --bundle`.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The same for Java: `borderpost ca export --pkcs12`.
    #[arg(long, value_name = "FILE")]
    trust_store: Option<PathBuf>,
    /// Go by the proxy for this machine's own addresses, too.
    #[arg(long)]
    loopback: bool,
    #[command(flatten)]
    config: ConfigArgument,
}

/// How a shell writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Shell {
    /// Bash, and every other shell of POSIX.
    #[value(aliases = ["sh", "zsh"])]
    Bash,
    /// fish.
    Fish,
    /// PowerShell.
    Powershell,
}

impl Env {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let Self { shell, proxy, ca, trust_store, loopback, config } = self;
        let proxy = match proxy {
            Some(proxy) => proxy,
            None => configured(config)?,
        };
        let whole = |path: PathBuf| {
            std::fs::canonicalize(&path).with_context(|| path.display().to_string())
        };
        let roots = ca.map(whole).transpose()?;
        if roots.is_none() {
            news("without --ca nothing is said of whom to trust: borderpost ca export --bundle");
        }
        let told = Told {
            proxy,
            loopback,
            more: roots.clone(),
            roots,
            store: trust_store.map(whole).transpose()?,
            java: None,
            // No file of ours is there for it.
            preload: None,
            node: None,
            cgi: std::env::var_os("REQUEST_METHOD").is_some(),
        };
        for variable in &VARIABLES {
            let text = match variable.setting(&told) {
                Setting::To(value) => {
                    let value = value.into_string().map_err(|value| {
                        Usage(format!("{} is no text", PathBuf::from(value).display()))
                    })?;
                    shell.set(variable.name, &value)
                }
                Setting::Away => shell.unset(variable.name),
                Setting::Left => continue,
            };
            line(format!("{text}  # {}", variable.readers));
        }
        Ok(())
    }
}

fn proxy_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{error}; say http://host:port"))?;
    let known = matches!(url.scheme(), "http" | "https") && url.host_str().is_some();
    if known { Ok(url) } else { Err("say http://host:port or https://host:port".to_owned()) }
}

/// The first listener that programs can be told of by a URL of HTTP.
fn configured(config: ConfigArgument) -> anyhow::Result<Url> {
    let loaded = config::load(&config.origin())?;
    let http = |kind| matches!(kind, Kind::Http | Kind::Https);
    let listener = loaded.fixed.listeners.iter().find(|listener| http(listener.kind));
    let Some(listener) = listener else {
        anyhow::bail!(Usage("no listener speaks HTTP: name the proxy by --proxy".to_owned()));
    };
    let address = reached(listener.address);
    if address.port() == 0 {
        let why = "the system chooses the port of the listener: name the proxy by --proxy";
        anyhow::bail!(Usage(why.to_owned()));
    }
    Ok(Url::parse(&format!("{}://{address}", listener.kind.word()))?)
}

/// Listening on every address is no address to connect to.
fn reached(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, address.port())
}

// === impl Shell ===

impl Shell {
    fn set(self, name: &str, value: &str) -> String {
        match self {
            Self::Bash => format!("export {name}='{}'", value.replace('\'', r"'\''")),
            Self::Fish => {
                format!("set -gx {name} '{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
            }
            Self::Powershell => format!("$Env:{name} = '{}'", value.replace('\'', "''")),
        }
    }

    fn unset(self, name: &str) -> String {
        match self {
            Self::Bash => format!("unset {name}"),
            Self::Fish => format!("set -e {name}"),
            Self::Powershell => {
                format!("Remove-Item -ErrorAction SilentlyContinue Env:{name}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_whole_in_every_shell() {
        let value = r"a'b\c $d";
        assert_eq!(Shell::Bash.set("X", value), r"export X='a'\''b\c $d'");
        assert_eq!(Shell::Fish.set("X", value), r"set -gx X 'a\'b\\c $d'");
        assert_eq!(Shell::Powershell.set("X", value), r"$Env:X = 'a''b\c $d'");
        assert_eq!(Shell::Fish.unset("X"), "set -e X");
    }
}
