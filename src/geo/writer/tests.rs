//! What is written, read back by `maxminddb`.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnetwork::{Ipv4Network, Ipv6Network};
use maxminddb::{Reader, path};
use proptest::prelude::*;

use super::*;

fn header(v6: bool) -> Header {
    Header { database_type: "test".to_owned(), description: None, build_epoch: 1_700_000_000, v6 }
}

fn text(value: &str) -> Field {
    Field::Text(value.to_owned())
}

fn networks(v6: bool) -> impl Strategy<Value = Vec<(IpNetwork, usize)>> {
    let v4 = (any::<u32>(), 0_u8..=32).prop_map(|(bits, prefix)| {
        let net = Ipv4Network::new(Ipv4Addr::from_bits(bits & 0xC0FF_0003), prefix).unwrap();
        IpNetwork::V4(Ipv4Network::new(net.network(), prefix).unwrap())
    });
    let six = (any::<u128>(), 0_u8..=128).prop_map(|(bits, prefix)| {
        let bits = bits & (0xE003 << 112 | 0xF << 60 | 0xF) | 1 << 125;
        let net = Ipv6Network::new(Ipv6Addr::from_bits(bits), prefix.max(3)).unwrap();
        IpNetwork::V6(Ipv6Network::new(net.network(), net.prefix()).unwrap())
    });
    let one = if v6 { prop_oneof![v4, six].boxed() } else { v4.boxed() };
    prop::collection::btree_map(one, 0_usize..4, 0..40).prop_map(|map| map.into_iter().collect())
}

fn check(v6: bool, networks: &[(IpNetwork, usize)]) {
    let values: Vec<_> = ["zero", "one", "two", "three"].map(text).into();
    let bytes = write(&header(v6), &values, networks).unwrap();
    let reader = Reader::from_source(&bytes).unwrap();
    for (network, _) in networks {
        for address in [network.network(), network.broadcast()] {
            let naive = networks.iter().filter(|(net, _)| net.contains(address));
            let naive = naive.max_by_key(|(net, _)| net.prefix()).map(|(_, value)| &values[*value]);
            let read: Option<String> = reader.lookup(address).unwrap().decode().unwrap();
            assert_eq!(read.map(Field::Text).as_ref(), naive, "{address}");
        }
    }
}

proptest! {
    #[test]
    fn round_trips(networks in networks(true)) { check(true, &networks); }

    #[test]
    fn round_trips_v4_only(networks in networks(false)) { check(false, &networks); }
}

#[test]
fn values_of_every_kind_and_size_round_trip() {
    let texts = [0, 28, 29, 284, 285, 65_820, 65_821, 70_000].map(|len| text(&"x".repeat(len)));
    let record = Field::Map(vec![
        ("list".to_owned(), Field::Array(texts.to_vec())),
        ("yes".to_owned(), Field::Bool(true)),
        ("zero".to_owned(), Field::Uint32(0)),
        ("large".to_owned(), Field::Uint64(u64::MAX)),
    ]);
    let bytes = write(&header(true), &[record], &[("0.0.0.0/0".parse().unwrap(), 0)]).unwrap();
    let reader = Reader::from_source(&bytes).unwrap();
    let found = reader.lookup("1.2.3.4".parse().unwrap()).unwrap();
    let list: Vec<String> = found.decode_path(&path!["list"]).unwrap().unwrap();
    let lengths: Vec<_> = list.iter().map(String::len).collect();
    assert_eq!(lengths, [0, 28, 29, 284, 285, 65_820, 65_821, 70_000]);
    assert_eq!(found.decode_path(&path!["yes"]).unwrap(), Some(true));
    assert_eq!(found.decode_path(&path!["zero"]).unwrap(), Some(0_u32));
    assert_eq!(found.decode_path(&path!["large"]).unwrap(), Some(u64::MAX));
}

#[test]
fn large_data_takes_28_bits() {
    let values: Vec<_> = (0..300).map(|number| text(&format!("{number:060000}"))).collect();
    let networks: Vec<_> = (0..300_u32)
        .map(|n| {
            (IpNetwork::V4(Ipv4Network::new(Ipv4Addr::from_bits(n << 16), 16).unwrap()), wide(n))
        })
        .collect();
    let bytes = write(&header(true), &values, &networks).unwrap();
    let reader = Reader::from_source(&bytes).unwrap();
    assert_eq!(reader.metadata().record_size, 28);
    let read: Option<String> =
        reader.lookup("1.43.0.1".parse().unwrap()).unwrap().decode().unwrap();
    assert_eq!(read.unwrap().trim_start_matches('0'), "299");
}

#[test]
fn refuses_what_it_cannot_write() {
    let net = |text: &str| text.parse::<IpNetwork>().unwrap();
    let write =
        |v6, networks: &[(IpNetwork, usize)]| write(&header(v6), &[text("x")], networks).err();
    assert_eq!(write(false, &[(net("2001::/16"), 0)]), Some(WriteError::Family(net("2001::/16"))));
    assert_eq!(write(true, &[(net("1.0.0.0/8"), 1)]), Some(WriteError::Value(net("1.0.0.0/8"), 1)));
    let twice = [(net("1.0.0.0/8"), 0), (net("1.0.0.0/8"), 0)];
    assert_eq!(write(true, &twice), Some(WriteError::Twice(net("1.0.0.0/8"))));
}
