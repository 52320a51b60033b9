//! The addresses of pods: each its own of the machine's loopback network.

use std::{
    collections::BTreeSet,
    net::Ipv4Addr,
    sync::{Mutex, PoisonError},
};

/// The first half of all pods' addresses; those of Services begin otherwise.
const NETWORK: [u8; 2] = [127, 77];

/// Addresses that are given out.
#[derive(Debug, Default)]
pub struct Addresses(Mutex<(u16, BTreeSet<u16>)>);

impl Addresses {
    /// One that no pod has now, and none had lately.
    pub fn take(&self) -> Ipv4Addr {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            known.0 = known.0.wrapping_add(1);
            let [c, d] = known.0.to_be_bytes();
            let number = known.0;
            if !matches!(d, 0 | 255) && known.1.insert(number) {
                return Ipv4Addr::new(NETWORK[0], NETWORK[1], c, d);
            }
        }
    }

    /// Gives an address back.
    pub fn release(&self, address: Ipv4Addr) {
        let [_, _, c, d] = address.octets();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&u16::from_be_bytes([c, d]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_pods_have_the_same() {
        let addresses = Addresses::default();
        let given: BTreeSet<_> = (0..1000).map(|_| addresses.take()).collect();
        assert_eq!(given.len(), 1000);
        assert!(given.iter().all(|a| a.is_loopback()));
    }
}
