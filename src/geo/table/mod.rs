//! The look-up: address to number, in small tables. It cannot fail, takes no lock, allocates
//! nothing. Measured over both shipped databases: IPv4 8 ns, IPv6 37 to 50 ns (21 and 70 where
//! each waits for the one before); asking one file alone takes 100 and 250 ns. Larger tables
//! (DIR-24-8) were tried and lose to cache misses.

mod index;
mod search;
mod v4;
mod v6;

use std::net::IpAddr;

pub(super) use v4::TableV4;
pub(super) use v6::TableV6;

/// Numbers must be smaller: an IPv6 row keeps 23 bits for them. Two country databases need
/// 14,000; city and ASN databases merged stay below a million.
pub(super) const MAX_IDS: u32 = 1 << 23;

/// Numbers by address, for both families.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) v4: TableV4,
    pub(super) v6: TableV6,
}

impl Table {
    /// Returns the number of an address.
    #[inline]
    pub(super) fn get(&self, address: IpAddr) -> u32 {
        match address {
            IpAddr::V4(v4) => self.v4.get(v4.to_bits()),
            IpAddr::V6(v6) => self.v6.get(v6.to_bits()),
        }
    }
}

#[cfg(test)]
mod tests;
