//! How programs are told of a proxy and of whom to trust: the one table of variables, which `exec`
//! sets and `env` prints.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use url::Url;

/// A variable of the environment.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Variable {
    pub(in crate::cli) name: &'static str,
    says: Says,
    /// Who reads it, for people.
    pub(in crate::cli) readers: &'static str,
}

/// What a variable says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    /// Where the proxy is.
    Proxy,
    /// The same, where no web server makes variables of header fields (httpoxy).
    ProxyUnlessCgi,
    /// What goes around it.
    Around,
    /// A file in the place of the program's own roots.
    Roots,
    /// A file beside them.
    More,
    /// These words.
    Words(&'static str),
    /// Options of the Java virtual machine.
    Java,
    /// Options of Node.
    Node,
    /// Nothing: it is taken away, as it would lead around the proxy.
    Nothing,
}

/// What becomes of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Setting {
    /// It is set to this.
    To(OsString),
    /// It is taken away.
    Away,
    /// There is nothing to say, so it stays as it is.
    Left,
}

/// What there is to say.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Told {
    pub(in crate::cli) proxy: Url,
    /// Whether this machine's own addresses are asked for at the proxy, too.
    pub(in crate::cli) loopback: bool,
    /// The platform's roots, ours and those that were asked for.
    pub(in crate::cli) roots: Option<PathBuf>,
    /// Ours, and those that were asked for.
    pub(in crate::cli) more: Option<PathBuf>,
    /// `roots` as Java reads it.
    pub(in crate::cli) store: Option<PathBuf>,
    /// What `JAVA_TOOL_OPTIONS` said before.
    pub(in crate::cli) java: Option<OsString>,
    /// What Node loads first.
    pub(in crate::cli) preload: Option<PathBuf>,
    /// What `NODE_OPTIONS` said before.
    pub(in crate::cli) node: Option<OsString>,
    /// Whether this runs under a web server's CGI (RFC 3875).
    pub(in crate::cli) cgi: bool,
}

/// Every variable; README's table is this one.
pub(in crate::cli) const VARIABLES: [Variable; 32] = [
    row("http_proxy", Says::Proxy, "curl, git, Python, Ruby, wget; the only one that curl reads"),
    row("HTTP_PROXY", Says::ProxyUnlessCgi, "Go, Node, npm, pip; left out under CGI (httpoxy)"),
    row("https_proxy", Says::Proxy, "curl, git, Python, cargo, gRPC"),
    row("HTTPS_PROXY", Says::Proxy, "Go, Node, npm, pip, .NET"),
    row("all_proxy", Says::Proxy, "curl and its library, for other schemes"),
    row("ALL_PROXY", Says::Proxy, "the same"),
    row("no_proxy", Says::Around, "curl, git, Python, Ruby, wget"),
    row("NO_PROXY", Says::Around, "Go, Node, npm, pip, .NET"),
    row("SSL_CERT_FILE", Says::Roots, "OpenSSL, Python `ssl`, Ruby, Go on Linux, uv"),
    row("CURL_CA_BUNDLE", Says::Roots, "curl"),
    row("REQUESTS_CA_BUNDLE", Says::Roots, "Python requests"),
    row("PIP_CERT", Says::Roots, "pip"),
    row("GIT_SSL_CAINFO", Says::Roots, "git"),
    row("AWS_CA_BUNDLE", Says::Roots, "AWS command line, boto3"),
    row("CARGO_HTTP_CAINFO", Says::Roots, "cargo"),
    row("npm_config_cafile", Says::Roots, "npm"),
    row("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", Says::Roots, "gRPC (C, C++, Python, Ruby)"),
    row("HTTPLIB2_CA_CERTS", Says::Roots, "Python httplib2"),
    row("CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", Says::Roots, "Google Cloud command line"),
    row("NIX_SSL_CERT_FILE", Says::Roots, "programs of Nix"),
    row("NODE_EXTRA_CA_CERTS", Says::More, "Node, read once at its start"),
    row("DENO_CERT", Says::More, "Deno"),
    row("NODE_USE_ENV_PROXY", Says::Words("1"), "Node from 22.21 and 24.5 on"),
    row(
        "NODE_OPTIONS",
        Says::Node,
        "Node: `http`, `https` and `fetch` of any version; before what it said",
    ),
    row("JAVA_TOOL_OPTIONS", Says::Java, "Java: proxy and trust store; added to what it said"),
    row("CARGO_HTTP_PROXY", Says::Nothing, "cargo"),
    row("PIP_PROXY", Says::Nothing, "pip"),
    row("npm_config_proxy", Says::Nothing, "npm"),
    row("npm_config_https_proxy", Says::Nothing, "npm"),
    row("npm_config_noproxy", Says::Nothing, "npm"),
    row("grpc_proxy", Says::Nothing, "gRPC"),
    row("no_grpc_proxy", Says::Nothing, "gRPC"),
];

const fn row(name: &'static str, says: Says, readers: &'static str) -> Variable {
    Variable { name, says, readers }
}

/// What goes around the proxy, in every dialect: names, addresses and networks, with and without
/// brackets.
const AROUND: &str = "localhost,127.0.0.1,127.0.0.0/8,::1,[::1]";

/// The same as Java writes it.
const JAVA_AROUND: &str = "localhost|127.*|[::1]";

impl Variable {
    /// What becomes of it.
    pub(in crate::cli) fn setting(&self, told: &Told) -> Setting {
        let file = |path: &Option<PathBuf>| {
            path.clone().map_or(Setting::Left, |path| Setting::To(path.into_os_string()))
        };
        match self.says {
            Says::ProxyUnlessCgi if told.cgi => Setting::Away,
            // Some programs take a path at the end of it amiss.
            Says::Proxy | Says::ProxyUnlessCgi => {
                Setting::To(told.proxy.as_str().trim_end_matches('/').into())
            }
            Says::Around if told.loopback => Setting::To(OsString::new()),
            Says::Around => Setting::To(AROUND.into()),
            Says::Roots => file(&told.roots),
            Says::More => file(&told.more),
            Says::Words(words) => Setting::To(words.into()),
            Says::Java => Setting::To(told.java_options()),
            Says::Node => told.node_options().map_or(Setting::Left, Setting::To),
            Says::Nothing => Setting::Away,
        }
    }

    /// Whether it names a file of roots, so that one that is there now counts, too.
    pub(in crate::cli) fn names_roots(&self) -> bool {
        matches!(self.says, Says::Roots | Says::More)
    }

    /// What it says, for people.
    #[cfg(test)]
    fn meaning(&self) -> &'static str {
        match self.says {
            Says::Proxy | Says::ProxyUnlessCgi => "the proxy",
            Says::Around => "this machine, unless its addresses are placed or opened",
            Says::Roots => "the authority and the platform's, in the place of its own",
            Says::More => "the authority, beside its own",
            Says::Words(words) => words,
            Says::Java => "proxy and trust store",
            Says::Node => "a file that is loaded first (`exec` alone)",
            Says::Nothing => "taken away",
        }
    }
}

impl Told {
    /// What was said before comes first: of two options Java takes the last.
    fn java_options(&self) -> OsString {
        let mut all = self.java.clone().unwrap_or_default();
        let mut add = |option: &OsStr| {
            if !all.is_empty() {
                all.push(" ");
            }
            all.push(option);
        };
        let host = self.proxy.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        for scheme in ["http", "https"] {
            add(format!("-D{scheme}.proxyHost={host}").as_ref());
            if let Some(port) = self.proxy.port_or_known_default() {
                add(format!("-D{scheme}.proxyPort={port}").as_ref());
            }
        }
        // Java goes around it for this machine unless it is told an empty list.
        let around = if self.loopback { "" } else { JAVA_AROUND };
        add(format!("-Dhttp.nonProxyHosts={around}").as_ref());
        if let Some(store) = &self.store {
            add(&option("-Djavax.net.ssl.trustStore=", store));
            add("-Djavax.net.ssl.trustStoreType=PKCS12".as_ref());
        }
        all
    }

    /// Ours comes first, so that it has what Node has, and not what others put in its place.
    fn node_options(&self) -> Option<OsString> {
        let mut all = OsString::from("--require ");
        all.push(quoted(self.preload.as_ref()?));
        if let Some(before) = self.node.as_ref().filter(|before| !before.is_empty()) {
            all.push(" ");
            all.push(before);
        }
        Some(all)
    }
}

/// Options of Node end at a space, unless it is quoted.
fn quoted(path: &Path) -> OsString {
    let text = path.to_string_lossy();
    if text.contains([' ', '"']) {
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        return format!("\"{text}\"").into();
    }
    path.as_os_str().to_owned()
}

/// Options end at white space, unless it is quoted.
fn option(name: &str, path: &Path) -> OsString {
    let spaced = path.to_string_lossy().contains(char::is_whitespace);
    let quote = if spaced { "\"" } else { "" };
    let mut text = OsString::from(name);
    text.push(quote);
    text.push(path);
    text.push(quote);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told() -> Told {
        Told {
            proxy: Url::parse("http://127.0.0.1:3128").unwrap(),
            loopback: false,
            roots: Some("/t/roots.pem".into()),
            more: Some("/t/more.pem".into()),
            store: Some("/t t/roots.p12".into()),
            java: Some("-Xmx1g".into()),
            preload: Some("/t t/\"p.cjs".into()),
            node: Some("--no-warnings".into()),
            cgi: false,
        }
    }

    fn says(told: &Told, name: &str) -> Option<String> {
        match VARIABLES.iter().find(|one| one.name == name).unwrap().setting(told) {
            Setting::To(text) => Some(text.into_string().unwrap()),
            Setting::Away => None,
            Setting::Left => Some("as it is".to_owned()),
        }
    }

    #[test]
    fn variables_say_what_is_told() {
        let mut told = told();
        assert_eq!(says(&told, "https_proxy").as_deref(), Some("http://127.0.0.1:3128"));
        assert_eq!(says(&told, "PIP_CERT").as_deref(), Some("/t/roots.pem"));
        assert_eq!(says(&told, "DENO_CERT").as_deref(), Some("/t/more.pem"));
        assert_eq!(says(&told, "NO_PROXY").as_deref(), Some(AROUND));
        assert_eq!(says(&told, "grpc_proxy"), None);
        let java = says(&told, "JAVA_TOOL_OPTIONS").unwrap();
        assert_eq!(
            java,
            "-Xmx1g -Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=3128 -Dhttps.proxyHost=127.0.0.1 \
             -Dhttps.proxyPort=3128 -Dhttp.nonProxyHosts=localhost|127.*|[::1] \
             -Djavax.net.ssl.trustStore=\"/t t/roots.p12\" -Djavax.net.ssl.trustStoreType=PKCS12"
        );
        let node = says(&told, "NODE_OPTIONS").unwrap();
        assert_eq!(node, "--require \"/t t/\\\"p.cjs\" --no-warnings");
        (told.preload, told.node) = (Some("/t/p.cjs".into()), None);
        assert_eq!(says(&told, "NODE_OPTIONS").as_deref(), Some("--require /t/p.cjs"));
        told.preload = None;
        assert_eq!(says(&told, "NODE_OPTIONS").as_deref(), Some("as it is"));
        (told.loopback, told.cgi, told.roots) = (true, true, None);
        assert_eq!(says(&told, "no_proxy").as_deref(), Some(""));
        assert_eq!(says(&told, "HTTP_PROXY"), None, "httpoxy");
        assert_eq!(says(&told, "SSL_CERT_FILE").as_deref(), Some("as it is"));
        assert!(says(&told, "JAVA_TOOL_OPTIONS").unwrap().contains("-Dhttp.nonProxyHosts= "));
    }

    #[test]
    fn readme_has_this_table() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
        let readme = std::fs::read_to_string(path).unwrap();
        let rows =
            readme.lines().skip_while(|line| *line != "| variable | says | read by |").skip(2);
        let rows: Vec<_> = rows.take_while(|line| line.starts_with('|')).collect();
        let wanted = VARIABLES
            .map(|one| format!("| `{}` | {} | {} |", one.name, one.meaning(), one.readers));
        assert_eq!(rows, wanted, "README has:\n{}", wanted.join("\n"));
    }
}
