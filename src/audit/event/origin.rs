//! Who tells: what a line says of the proxy that wrote it.

/// The number for documentation (RFC 5612), which stands where no other is set.
const DOCUMENTATION: u32 = 32_473;

/// The proxy that an event comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The machine's name.
    pub hostname: String,
    /// The name of this proxy among those of its kind.
    pub instance: String,
    /// The version of the program.
    pub version: String,
    /// The private enterprise number under which structured data of syslog is named.
    pub enterprise: u32,
}

impl Origin {
    /// The product, and whose it is.
    pub const PRODUCT: &'static str = "borderpost";

    /// A proxy of this version.
    pub fn new(hostname: impl Into<String>, instance: impl Into<String>) -> Self {
        Self {
            hostname: hostname.into(),
            instance: instance.into(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            enterprise: DOCUMENTATION,
        }
    }
}
