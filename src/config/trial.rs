//! What a trial changes of a configuration: a run beside the one that is in force, for one program
//! and with nothing that stays.

use ipnetwork::IpNetwork;

use crate::geo::{Correction, Country, Overlay, OverlayError};
use crate::net::{Host, Special, parse_network};
use crate::policy::PolicySettings;

/// What a trial changes.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// Packs by name and text; each takes the place of the one of its id, or is added.
    pub packs: Vec<(String, String)>,
    /// Where hosts and networks are taken to lie.
    pub places: Vec<Placing>,
    /// Whether every rule only tells what it would have done.
    pub observe: bool,
}

/// A host or a network, and where it is taken to lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placing {
    site: Site,
    /// None where nobody shall know.
    to: Option<Country>,
    /// The whole, as it was said: records give it as the reason.
    said: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Site {
    Host(String),
    Network(IpNetwork),
}

/// By what the command line says it.
const SAID: &str = "--geo ";

/// Where this machine finds itself (RFC 6761 section 6.3), by address.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

impl Placing {
    /// Reads `HOST=CC`: a host, `*.host`, an address or a network, and an ISO 3166-1 code or
    /// `unknown`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (site, country) = text.rsplit_once('=').ok_or("say HOST=CC, such as api.test=DE")?;
        let to = match country {
            "unknown" => None,
            code => Some(Country::parse(code).ok_or_else(|| Country::unlike(code))?),
        };
        let bare = site.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(site);
        let site = match parse_network(bare) {
            Ok(network) => Site::Network(network),
            Err(error) if bare.contains('/') => return Err(error.to_string()),
            Err(_) => site_of(bare)?,
        };
        let placing = Self { site, to, said: format!("{SAID}{text}") };
        let mut overlay = Overlay::default();
        placing.correct(&mut overlay).map_err(|error| error.to_string())?;
        Ok(placing)
    }

    /// It as it was said: `HOST=CC`.
    pub fn as_text(&self) -> &str {
        self.said.strip_prefix(SAID).unwrap_or(&self.said)
    }

    fn correct(&self, overlay: &mut Overlay) -> Result<(), OverlayError> {
        let correction = || Correction { to: self.to, reason: Some(self.said.clone()) };
        match &self.site {
            Site::Host(host) => overlay.add_host(host, correction()),
            Site::Network(network) => overlay.add_network(*network, correction()),
        }
    }

    /// Whether it names this machine.
    fn is_local(&self) -> bool {
        matches!(&self.site, Site::Host(host) if host == "localhost" || host.ends_with(".localhost"))
    }
}

impl Trial {
    /// Corrections of the trial; those of the configuration come after them.
    pub(super) fn overlay(&self) -> Result<Overlay, OverlayError> {
        let mut overlay = Overlay::default();
        for placing in &self.places {
            placing.correct(&mut overlay)?;
        }
        // Programs write `localhost` and its addresses one for the other.
        if let Some(local) = self.places.iter().find(|placing| placing.is_local()) {
            for network in LOOPBACK.into_iter().filter_map(|text| parse_network(text).ok()) {
                let site = Site::Network(network);
                // Who places such a network, too, means that.
                drop(Placing { site, ..local.clone() }.correct(&mut overlay));
            }
        }
        Ok(overlay)
    }

    /// Who says where a network lies that is not public means to reach it.
    pub(super) fn open(&self, settings: PolicySettings) -> PolicySettings {
        let mut settings = settings;
        if self.places.iter().any(Placing::is_local) {
            settings.open_kinds.insert(Special::Loopback);
        }
        let placed = self.places.iter().filter_map(|placing| match &placing.site {
            Site::Network(network) => Some(*network),
            Site::Host(_) => None,
        });
        settings.open_networks = settings.open_networks.iter().copied().chain(placed).collect();
        settings
    }
}

fn site_of(text: &str) -> Result<Site, String> {
    let (star, name) = text.strip_prefix("*.").map_or(("", text), |name| ("*.", name));
    match Host::parse(name).map_err(|error| error.to_string())? {
        Host::Name(name) => Ok(Site::Host(format!("{star}{name}"))),
        // An odd notation, such as `127.1`.
        Host::Address(address) if star.is_empty() => Ok(Site::Network(address.into())),
        Host::Address(_) => Err(format!("`{text}` is neither a host nor a network")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        let said = |text: &str| Placing::parse(text).map(|placing| (placing.site, placing.to));
        let country = Country::parse("DE");
        let network = |text: &str| Site::Network(parse_network(text).unwrap());
        assert_eq!(said("Api.Test=DE"), Ok((Site::Host("api.test".to_owned()), country)));
        assert_eq!(said("*.test=DE"), Ok((Site::Host("*.test".to_owned()), country)));
        assert_eq!(said("127.0.0.1=DE"), Ok((network("127.0.0.1/32"), country)));
        assert_eq!(said("[::1]=DE"), Ok((network("::1/128"), country)));
        assert_eq!(said("10.0.0.0/8=unknown"), Ok((network("10.0.0.0/8"), None)));
        for wrong in ["", "a", "=DE", "a=", "a=ZZ", "10.0.0.0/99=DE", "a b=DE", "*.=DE"] {
            assert!(Placing::parse(wrong).is_err(), "{wrong}");
        }
        let help = Placing::parse("a=Germany").unwrap_err();
        assert!(help.contains("`DE`"), "{help}");
    }

    #[test]
    fn what_is_placed_is_open() {
        let trial = |places: &[&str]| Trial {
            places: places.iter().map(|place| Placing::parse(place).unwrap()).collect(),
            ..Trial::default()
        };
        let local = trial(&["localhost=DE", "127.0.0.0/8=US"]);
        assert!(local.open(PolicySettings::default()).open_kinds.contains(&Special::Loopback));
        assert!(local.overlay().is_ok());
        let network = trial(&["10.1.0.0/16=DE"]).open(PolicySettings::default());
        assert!(network.open_kinds.is_empty());
        assert!(network.open_networks.contains("10.1.2.3".parse().unwrap()));
        let twice = trial(&["a.test=DE", "a.test=US"]).overlay();
        assert_eq!(twice.unwrap_err(), OverlayError::Duplicate("a.test".to_owned()));
    }
}
