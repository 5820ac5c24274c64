//! Values: one pass finds candidates, and each is put to the rows of one table.
//!
//! | detector | tag | acts without a name beside it |
//! | --- | --- | --- |
//! | card | `financial.card` | Luhn, issuer and length |
//! | IBAN | `financial.account.iban` | check and structure |
//! | bank account, ABA routing | `financial.account.number`, `.routing` | never |
//! | e-mail, phone | `id.contact.email`, `.phone` | top-level domain; `+` or national form |
//! | IP, MAC | `id.network.ip`, `id.device.mac` | public address; form |
//! | IMEI, IMSI, VIN | `id.device.imei`, `.imsi`, `.vin` | Luhn and body; never; check digit |
//! | advertising id | `id.advertising` | never |
//! | SSN, ITIN | `id.government.ssn`, `.itin` | form and range; never |
//! | resident id, Aadhaar | `id.government.resident-id`, `.aadhaar` | checks and ranges |
//! | NHS, NPI, MBI | `id.government.nhs`, `.npi`, `.mbi` | NHS in its form; never; never |
//! | passport, driving licence | `id.government.passport`, `.licence` | never |
//! | medical record, ICD-10 | `health.record-number`, `health.diagnosis` | never |
//! | place | `geo.precise` | a pair as precise as 5 decimals, standing alone |
//! | secrets | `secret.key`, `secret.token`, `secret.password` | by their prefixes |

mod address;
mod alnum;
mod digits;
mod group;
mod hit;
mod iban;
mod mail;
pub(super) mod masks;
mod numbers;
mod phone;
mod place;
mod rows;
mod secret;
mod seed;
mod seeker;
pub(super) mod text;

pub(super) use hit::{Hit, resolve};
pub(super) use rows::{FOREIGN, Kind, ROWS};
pub(super) use secret::Prefixes;
pub(super) use seeker::Seeker;

use super::keys::Key;
use text::at;

/// What an at sign or a plus sign belongs to.
pub(super) fn sign(text: &[u8], place: usize, key: impl Fn(usize) -> Key) -> Option<Hit> {
    match at(text, place) {
        b'@' => mail::around(text, place, key),
        _ if at(text, place + 1).is_ascii_digit() => {
            phone::international(text, place, || key(place))
        }
        _ => None,
    }
}

/// What a prefix or a word announces.
pub(super) fn announced(
    text: &[u8],
    start: usize,
    which: usize,
    key: impl Fn(usize) -> Key,
) -> Option<Hit> {
    secret::hit(text, start, which, key)
}

/// A value as the detectors of its tag compare it.
pub(super) fn normalised(tag: &super::Tag, value: &[u8]) -> Vec<u8> {
    let row = ROWS.iter().find(|row| row.tag == tag.as_str());
    row.map_or(Kind::Account, |row| row.kind).normalised(value)
}

impl Kind {
    /// A value as it is compared: without separators and in one case, where neither matters.
    pub(super) fn normalised(self, value: &[u8]) -> Vec<u8> {
        match self {
            Self::Secret | Self::Token | Self::Password => value.to_vec(),
            Self::Email | Self::Ip => value.to_ascii_lowercase(),
            Self::Place | Self::Latitude | Self::Longitude => {
                // Two fields have other text between them.
                let number =
                    |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b',');
                value.iter().copied().filter(number).collect()
            }
            Self::Card
            | Self::Ssn
            | Self::Itin
            | Self::Iban
            | Self::Phone
            | Self::Mac
            | Self::Imei
            | Self::Imsi
            | Self::Vin
            | Self::AdId
            | Self::ResidentId
            | Self::Aadhaar
            | Self::Nhs
            | Self::Npi
            | Self::Mbi
            | Self::Aba
            | Self::Account
            | Self::Passport
            | Self::Licence
            | Self::Mrn
            | Self::Icd => {
                let said = value.iter().filter(|byte| byte.is_ascii_alphanumeric());
                said.map(u8::to_ascii_uppercase).collect()
            }
        }
    }
}
