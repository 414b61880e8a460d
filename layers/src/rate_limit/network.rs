//! Whom an address belongs to.

use std::net::IpAddr;

/// The address itself; of IPv6 the first 64 bits, as one customer of a provider has all that follows.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
        address => address,
    }
}
