//! A small writer of MMDB files: for the converted databases that are shipped, and for tests.
//! Its output depends on nothing but its input, so that a conversion can be repeated and compared.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnetwork::IpNetwork;
use thiserror::Error;

use super::{narrow, wide};

/// A value of a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Field {
    /// A list.
    Array(Vec<Self>),
    /// Yes or no.
    Bool(bool),
    /// Keys and values, in this order.
    Map(Vec<(String, Self)>),
    /// A text.
    Text(String),
    /// A number of 16 bits, as the metadata has them.
    Uint16(u16),
    /// A number of 32 bits.
    Uint32(u32),
    /// A number of 64 bits.
    Uint64(u64),
}

/// What the metadata says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// What kind of database it is, such as `country`.
    pub database_type: String,
    /// An English description; none leaves the map of descriptions empty.
    pub description: Option<String>,
    /// Seconds since 1970 at which the data was made.
    pub build_epoch: u64,
    /// Whether the tree takes IPv6, with IPv4 at `::/96`.
    pub v6: bool,
}

/// Input that cannot be written.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// An IPv6 network in a tree for IPv4.
    #[error("{0} is IPv6 and the database is for IPv4 only; write it for both")]
    Family(IpNetwork),
    /// Tree and data do not fit 28-bit records.
    #[error("the database would need records of more than 28 bits; write fewer networks")]
    Large,
    /// A network has two values.
    #[error("{0} is given twice; keep one of the two")]
    Twice(IpNetwork),
    /// A network names a value that is not there.
    #[error("{0} has the value {1}, which is not given")]
    Value(IpNetwork, usize),
}

/// A child in the tree being built: nothing, a node, or (from `DATA` on) a value.
const EMPTY: u32 = 0;
const DATA: u32 = 1 << 31;

/// A tree being built; the root is node 0, so that 0 can also mean no child.
struct Tree(Vec<[u32; 2]>);

/// Writes a database in which each network has the value at its position in `values`. Of
/// networks inside each other, the longest holds.
pub fn write(
    header: &Header,
    values: &[Field],
    networks: &[(IpNetwork, usize)],
) -> Result<Vec<u8>, WriteError> {
    let mut tree = Tree(vec![[EMPTY; 2]]);
    let mut sorted: Vec<_> = networks.iter().collect();
    // Short prefixes first: a longer one then only has to divide what is there.
    sorted.sort_by_key(|(network, _)| (depth(header.v6, *network), address(header.v6, *network)));
    let mut last = None;
    for (network, value) in sorted {
        let place = (address(header.v6, *network), depth(header.v6, *network));
        if network.is_ipv6() && !header.v6 {
            return Err(WriteError::Family(*network));
        }
        if last.replace(place) == Some(place) {
            return Err(WriteError::Twice(*network));
        }
        let value =
            u32::try_from(*value).ok().filter(|value| wide(*value) < values.len().min(wide(DATA)));
        let value = value.ok_or(WriteError::Value(*network, values.len()))?;
        tree.insert(place, value | DATA);
    }
    finish(header, &tree.in_order(), values)
}

/// An address as the tree has it: from the top bit.
fn address(v6: bool, network: IpNetwork) -> u128 {
    match network.network() {
        IpAddr::V4(v4) if v6 => u128::from(v4.to_bits()),
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// How deep in the tree a network hangs.
fn depth(v6: bool, network: IpNetwork) -> u8 {
    if v6 && network.is_ipv4() { 96 + network.prefix() } else { network.prefix() }
}

// === impl Tree ===

impl Tree {
    /// Hangs a value under a prefix, dividing the value of a shorter prefix where there is one.
    fn insert(&mut self, (address, depth): (u128, u8), value: u32) {
        let mut node = 0;
        for level in 0..depth.saturating_sub(1) {
            node = self.descend(node, side(address, level));
        }
        let Some(last) = depth.checked_sub(1) else {
            self.set(0, 0, value);
            return self.set(0, 1, value);
        };
        self.set(node, side(address, last), value);
    }

    /// Steps down, adding the node if need be.
    fn descend(&mut self, node: u32, side: usize) -> u32 {
        let child = self.child(node, side);
        if child != EMPTY && child < DATA {
            return child;
        }
        let added = narrow(self.0.len());
        self.0.push([child; 2]);
        self.set(node, side, added);
        added
    }

    fn child(&self, node: u32, side: usize) -> u32 {
        self.0.get(wide(node)).and_then(|node| node.get(side)).copied().unwrap_or(EMPTY)
    }

    fn set(&mut self, node: u32, side: usize, child: u32) {
        if let Some(slot) = self.0.get_mut(wide(node)).and_then(|node| node.get_mut(side)) {
            *slot = child;
        }
    }

    /// Renumbers the nodes in address order: a reader's walk then goes through the file from
    /// front to back.
    fn in_order(&self) -> Vec<[u32; 2]> {
        let mut ordered = Vec::with_capacity(self.0.len());
        let mut stack = vec![(0, None)];
        while let Some((node, parent)) = stack.pop() {
            let number = narrow(ordered.len());
            let children = [self.child(node, 0), self.child(node, 1)];
            ordered.push(children);
            if let Some((parent, side)) = parent {
                let parent: Option<&mut [u32; 2]> = ordered.get_mut(wide(parent));
                if let Some(slot) = parent.and_then(|node| node.get_mut(side)) {
                    *slot = number;
                }
            }
            for (side, child) in [(1, children[1]), (0, children[0])] {
                if child != EMPTY && child < DATA {
                    stack.push((child, Some((number, side))));
                }
            }
        }
        ordered
    }
}

fn side(address: u128, level: u8) -> usize {
    usize::from(address >> (127 - level) & 1 == 1)
}

/// Writes tree, separator, data and metadata.
fn finish(header: &Header, nodes: &[[u32; 2]], values: &[Field]) -> Result<Vec<u8>, WriteError> {
    let (data, offsets) = data_section(values);
    let node_count = narrow(nodes.len());
    let most = nodes.len() + 16 + data.len();
    let bits = match most {
        0..0x100_0000 => 24,
        0x100_0000..0x1000_0000 => 28,
        _ => return Err(WriteError::Large),
    };
    let record = |child: u32| match child {
        EMPTY => node_count,
        node if node < DATA => node,
        value => offsets.get(wide(value - DATA)).map_or(node_count, |at| node_count + 16 + at),
    };
    let mut file = Vec::with_capacity(nodes.len() * 7 + data.len() + 512);
    for [left, right] in nodes {
        let ([l0, l1, l2, l3], [r0, r1, r2, r3]) =
            (record(*left).to_be_bytes(), record(*right).to_be_bytes());
        if bits == 24 {
            file.extend([l1, l2, l3, r1, r2, r3]);
        } else {
            file.extend([l1, l2, l3, l0 << 4 | r0, r1, r2, r3]);
        }
    }
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xAB\xCD\xEFMaxMind.com");
    encode(&metadata(header, node_count, bits), &mut file);
    Ok(file)
}

/// Encodes the values, equal ones once, and says where each is.
fn data_section(values: &[Field]) -> (Vec<u8>, Vec<u32>) {
    let (mut data, mut known) = (Vec::new(), HashMap::new());
    let mut offset = |value| {
        let mut bytes = Vec::new();
        encode(value, &mut bytes);
        *known.entry(bytes).or_insert_with_key(|bytes| {
            let offset = narrow(data.len());
            data.extend_from_slice(bytes);
            offset
        })
    };
    let offsets = values.iter().map(&mut offset).collect();
    (data, offsets)
}

fn metadata(header: &Header, node_count: u32, bits: u16) -> Field {
    let description =
        header.description.iter().map(|text| ("en".to_owned(), Field::Text(text.clone())));
    let languages = header.description.iter().map(|_| Field::Text("en".to_owned()));
    let fields = [
        ("binary_format_major_version", Field::Uint16(2)),
        ("binary_format_minor_version", Field::Uint16(0)),
        ("build_epoch", Field::Uint64(header.build_epoch)),
        ("database_type", Field::Text(header.database_type.clone())),
        ("description", Field::Map(description.collect())),
        ("ip_version", Field::Uint16(if header.v6 { 6 } else { 4 })),
        ("languages", Field::Array(languages.collect())),
        ("node_count", Field::Uint32(node_count)),
        ("record_size", Field::Uint16(bits)),
    ];
    Field::Map(fields.into_iter().map(|(key, field)| (key.to_owned(), field)).collect())
}

/// Appends a value: a control byte of type and size, then the payload.
fn encode(field: &Field, to: &mut Vec<u8>) {
    match field {
        Field::Array(items) => {
            control(11, items.len(), to);
            for item in items {
                encode(item, to);
            }
        }
        Field::Bool(yes) => control(14, usize::from(*yes), to),
        Field::Map(entries) => {
            control(7, entries.len(), to);
            for (key, value) in entries {
                text(key, to);
                encode(value, to);
            }
        }
        Field::Text(value) => text(value, to),
        Field::Uint16(number) => uint(5, &number.to_be_bytes(), to),
        Field::Uint32(number) => uint(6, &number.to_be_bytes(), to),
        Field::Uint64(number) => uint(9, &number.to_be_bytes(), to),
    }
}

fn text(value: &str, to: &mut Vec<u8>) {
    control(2, value.len(), to);
    to.extend_from_slice(value.as_bytes());
}

/// Appends a number without its leading zeros.
fn uint(kind: u8, bytes: &[u8], to: &mut Vec<u8>) {
    let significant: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
    control(kind, significant.len(), to);
    to.extend(significant);
}

/// Appends type and size. Types above 7 take a second byte, sizes above 28 one to three more.
fn control(kind: u8, size: usize, to: &mut Vec<u8>) {
    let size = narrow(size);
    let (low, [.., a, b, c], extra) = match size {
        0..29 => (size, [0; 4], 0),
        29..285 => (29, (size - 29).to_be_bytes(), 1),
        285..65_821 => (30, (size - 285).to_be_bytes(), 2),
        _ => (31, (size - 65_821).to_be_bytes(), 3),
    };
    let low = u8::try_from(low).expect("a size in the control byte has five bits");
    if kind > 7 {
        to.extend([low, kind - 7]);
    } else {
        to.push(kind << 5 | low);
    }
    to.extend([a, b, c].into_iter().skip(3 - extra));
}

#[cfg(test)]
mod tests;
