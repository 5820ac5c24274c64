//! Corrections: longest network, longest suffix, canonical form.

use proptest::prelude::*;

use super::*;

fn to(code: &str) -> Correction {
    Correction { to: Country::parse(code), reason: None }
}

fn network(text: &str) -> IpNetwork {
    text.parse().unwrap()
}

#[test]
fn the_longest_network_wins_and_the_outer_one_resumes() {
    let mut overlay = Overlay::default();
    for (net, code) in
        [("10.0.0.0/8", "NO"), ("10.1.2.3/16", "SE"), ("10.1.0.0/24", "FI"), ("255.0.0.0/8", "DK")]
    {
        overlay.add_network(network(net), to(code)).unwrap();
    }
    let steps = overlay.v4();
    let at = |text: &str| {
        let id = steps.get(text.parse::<Ipv4Addr>().unwrap().to_bits());
        id.checked_sub(1)
            .and_then(|id| overlay.corrections()[super::super::wide(id)].to)
            .map(Country::code)
    };
    assert_eq!(at("9.255.255.255"), None);
    assert_eq!(at("10.0.255.255"), Some("NO"));
    assert_eq!(at("10.1.0.255"), Some("FI"));
    assert_eq!(at("10.1.1.0"), Some("SE"));
    assert_eq!(at("10.2.0.0"), Some("NO"));
    assert_eq!(at("11.0.0.0"), None);
    assert_eq!(at("255.255.255.255"), Some("DK"));
}

#[test]
fn mapped_networks_are_ipv4() {
    let mut overlay = Overlay::default();
    overlay.add_network(network("::ffff:10.0.0.0/104"), to("NO")).unwrap();
    assert_eq!(overlay.v4().get(0x0A00_0001), 1);
    let again = overlay.add_network(network("10.9.9.9/8"), to("NO"));
    assert_eq!(again, Err(OverlayError::Duplicate("10.0.0.0/8".to_owned())));
}

#[test]
fn hosts_match_exactly_or_below_a_suffix() {
    let mut overlay = Overlay::default();
    for (index, pattern) in ["a.example", "*.example", "*.b.example"].into_iter().enumerate() {
        overlay.add_host(pattern, to("NO")).unwrap();
        assert_eq!(overlay.corrections().len(), index + 1);
    }
    for (host, expected) in [
        ("a.example", Some(0)),
        ("A.Example.", Some(0)),
        ("x.a.example", Some(1)),
        ("example", None),
        ("b.example", Some(1)),
        ("x.b.example", Some(2)),
        ("notexample", None),
        ("", None),
    ] {
        assert_eq!(overlay.host(host), expected, "{host}");
    }
}

#[test]
fn refuses_bad_patterns() {
    for wrong in ["", "*", "*.", "*.*.x", "a..b", "bücher.example", "a b", "http://x", "x:80"] {
        let refused = Overlay::default().add_host(wrong, to("NO"));
        assert_eq!(refused, Err(OverlayError::Host(wrong.to_owned())));
    }
}

proptest! {
    #[test]
    fn flattening_is_longest_prefix(nets: Vec<(u8, u8)>, probes: Vec<u8>) {
        let mut overlay = Overlay::default();
        for (first, prefix) in &nets {
            let net = Ipv4Network::new(Ipv4Addr::new(*first, 0, 0, 0), prefix % 9).unwrap();
            let _repeated = overlay.add_network(net.into(), to("NO"));
        }
        let steps = overlay.v4();
        for probe in probes.into_iter().chain([0, 255]) {
            let address = Ipv4Addr::new(probe, 255, 0, 1);
            let naive = overlay.networks.iter().filter(|(net, _)| net.contains(address.into()));
            let naive = naive.max_by_key(|(net, _)| net.prefix()).map_or(0, |(_, id)| id + 1);
            prop_assert_eq!(steps.get(address.to_bits()), naive);
        }
    }
}
