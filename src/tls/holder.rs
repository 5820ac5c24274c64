//! The name in a client's certificate, once that has been verified.

use rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The longest name that is taken.
const NAME_BYTES: usize = 256;

/// Which part of a certificate names its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFrom {
    /// A URI in `subjectAltName`, as SPIFFE has it.
    Uri,
    /// A DNS name in `subjectAltName`.
    Dns,
    /// A mail address in `subjectAltName`.
    Mail,
    /// The common name of the subject.
    CommonName,
}

impl NameFrom {
    /// The words of the configuration.
    pub const WORDS: [(&'static str, Self); 4] = [
        ("san-uri", Self::Uri),
        ("san-dns", Self::Dns),
        ("san-email", Self::Mail),
        ("cn", Self::CommonName),
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, one)| *one == self).map_or("", |(word, _)| *word)
    }

    /// The first name of this kind in the certificate of the holder. `None` if there is none, or
    /// one that could not stand in a rule or a record.
    pub(super) fn read(self, certificate: &CertificateDer<'_>) -> Option<String> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let name = match self {
            Self::CommonName => {
                certificate.subject().iter_common_name().next()?.as_str().ok()?.to_owned()
            }
            Self::Uri | Self::Dns | Self::Mail => {
                let names = certificate.subject_alternative_name().ok()??;
                names.value.general_names.iter().find_map(|name| self.of(name))?.to_owned()
            }
        };
        let visible = |c: char| !c.is_control() && !c.is_whitespace();
        let fits = !name.is_empty() && name.len() <= NAME_BYTES && !name.starts_with('@');
        (fits && name.chars().all(visible)).then_some(name)
    }

    fn of<'n>(self, name: &GeneralName<'n>) -> Option<&'n str> {
        match (self, name) {
            (Self::Uri, GeneralName::URI(name))
            | (Self::Dns, GeneralName::DNSName(name))
            | (Self::Mail, GeneralName::RFC822Name(name)) => Some(name),
            _ => None,
        }
    }
}
