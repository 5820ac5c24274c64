//! What is done with a tunnel, by what it was to be and the first words in it.

use crate::net::Host;
use crate::tls::Hello;

use super::active::Active;
use super::error::Failed;
use super::opening::Plan;
use super::tunnel::Standing;
use super::words::Words;

/// What is done with a tunnel once its first words are known.
pub(super) enum Course {
    /// The policy forbids it.
    Bar(Box<Failed>),
    /// It passes unread.
    Pass,
    /// Plain HTTP is served; HTTP/2 if so.
    Plain(bool),
    /// TLS is opened.
    Secure(Hello),
}

impl Standing {
    /// What is done with a tunnel that begins with these words.
    pub(super) fn course(&self, active: &Active, plan: Plan, words: &Words) -> Course {
        let opening = &active.opening;
        let host = &self.authority.host;
        let other = match words {
            Words::Tls(hello) => hello.name.as_ref().filter(|name| *name != host),
            Words::Broken(_) | Words::Gone | Words::Http1 | Words::Http2 | Words::Other => None,
        };
        let encrypted = matches!(words, Words::Tls(hello) if hello.encrypted);
        // A client that resolves names itself asks for an address, and names the host inside.
        let other = other.filter(|_| !opening.relaxes(host) && matches!(host, Host::Name(_)));
        let fronted = other.filter(|_| !encrypted).map(|name| {
            bar(Failed::fronted(format!(
                "the tunnel was opened to {host}, and the client asks for {name} in it"
            )))
        });
        match (fronted, plan, words) {
            (Some(barred), ..) => barred,
            // Nobody could say what is asked for in secret.
            (None, Plan::Refuse | Plan::Tunnel, _) if other.is_some() => {
                opening.encrypted.course(|| Course::Pass, hidden)
            }
            (None, _, Words::Broken(fault)) => {
                bar(Failed::sealed("tunnel-hello-malformed", fault.to_string()))
            }
            // Nothing is said of the host that an address is asked for on behalf of: whoever did,
            // such as another proxy before this one, has judged it.
            (None, Plan::Refuse | Plan::Tunnel, _) if matches!(host, Host::Address(_)) => {
                Course::Pass
            }
            // What can be read is decided like any other request, whatever is said of TLS.
            (None, _, Words::Http1) => Course::Plain(false),
            (None, _, Words::Http2) => Course::Plain(true),
            (None, Plan::Refuse | Plan::Tunnel, _) => Course::Pass,
            (None, Plan::Open, Words::Tls(hello)) => {
                let nameless = hello.name.is_none() && matches!(host, Host::Name(_));
                let secure = || Course::Secure(hello.clone());
                if nameless {
                    let text = "the client names no server (SNI), so that it cannot be answered";
                    let why = || Failed::sealed("tunnel-without-name", text);
                    opening.without_name.course(secure, why)
                } else if other.is_some() {
                    opening.encrypted.course(secure, hidden)
                } else {
                    secure()
                }
            }
            (None, Plan::Open, Words::Gone | Words::Other) => {
                let text = "neither TLS nor HTTP is spoken in the tunnel, and the policy must \
                            look into it";
                let why = || Failed::sealed("tunnel-unreadable", text);
                // There is nothing to open.
                opening.unreadable.course(|| bar(why()), why)
            }
        }
    }
}

fn hidden() -> Failed {
    let text = "the client names another server under an encrypted hello";
    Failed::sealed("tunnel-encrypted-hello", text)
}

fn bar(why: Failed) -> Course {
    Course::Bar(Box::new(why))
}

// === impl Plan ===

impl Plan {
    /// What is done with a tunnel that this stands for.
    fn course(self, secure: impl Fn() -> Course, why: impl Fn() -> Failed) -> Course {
        match self {
            Self::Open => secure(),
            Self::Refuse => bar(why()),
            Self::Tunnel => Course::Pass,
        }
    }
}
