//! How many connections and streams each client address holds open.
//!
//! A proxy is not one client. So connections from this machine and from trusted proxies are not
//! counted. A stream through a trusted proxy counts for the client address that the proxy reports.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

use http::HeaderMap;

use crate::{
    action::network,
    error::{Code, Error},
    header::TrustedProxies,
    stream::jitter,
};

/// The counts of one app.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    trusted_proxies: TrustedProxies,
    pub(crate) connections: Tally,
    pub(crate) streams: Tally,
}

impl Addresses {
    pub(crate) fn new(trusted_proxies: TrustedProxies) -> Self {
        Self { trusted_proxies, ..Self::default() }
    }

    /// Returns the address for which a connection from `peer` is counted, if it is counted.
    pub(crate) fn of_connection(&self, peer: IpAddr) -> Option<IpAddr> {
        let peer = peer.to_canonical();
        (!is_local(peer) && !self.trusted_proxies.contains(peer)).then_some(peer)
    }

    /// Returns the address for which a stream from `peer` is counted, if it is counted.
    pub(crate) fn of_stream(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        if !self.trusted_proxies.contains(peer) {
            return self.of_connection(peer);
        }
        self.trusted_proxies.client(headers)
    }
}

fn is_local(ip: IpAddr) -> bool {
    ip == Ipv4Addr::LOCALHOST || ip == Ipv6Addr::LOCALHOST
}

/// The number of connections, or of streams, for each address.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<Mutex<HashMap<Ipv6Addr, usize>>>);

impl Tally {
    /// Takes a permit for an address, unless it holds `max` of them.
    pub(crate) fn take(&self, ip: IpAddr, max: usize) -> Option<Permit> {
        let holder = match network(ip) {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        // A std lock: held for one look-up, never across an `.await`. A panic under it leaves the
        // counts valid.
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(holder).or_default();
        if *count >= max {
            if *count == 0 {
                held.remove(&holder);
            }
            return None;
        }
        *count += 1;
        Some(Permit { tally: self.clone(), holder })
    }
}

/// Returns the error for an address that holds the most `things` (connections or streams).
pub(crate) fn full(things: &str) -> Error {
    let message = format!("too many {things} are open from this address: close one, or wait");
    let after = u32::try_from(jitter::among(1..=RETRY_AFTER_S_MAX)).unwrap_or(1);
    Error::new(Code::TooManyRequests, message).with_retry_after(after)
}

/// The longest `Retry-After` for a refused client, in seconds: by then a permit may be free.
const RETRY_AFTER_S_MAX: u64 = 5;

/// One connection or stream of an address. Dropping the permit returns it. Each open stream holds two
/// of them, so they are small.
#[derive(Debug)]
pub(crate) struct Permit {
    tally: Tally,
    /// That of an IPv4 address is mapped.
    holder: Ipv6Addr,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut held = self.tally.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = held.entry(self.holder) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_dropped_permit_is_free_again() {
        let tally = Tally::default();
        let permits: Vec<_> = (0..2).map(|_| tally.take(ip("192.0.2.1"), 2).unwrap()).collect();
        assert!(tally.take(ip("192.0.2.1"), 2).is_none());
        let other = tally.take(ip("192.0.2.2"), 2).unwrap();
        drop(permits);
        drop(tally.take(ip("192.0.2.1"), 2).unwrap());
        drop(other);
        assert!(tally.take(ip("192.0.2.1"), 0).is_none());
        assert!(tally.0.lock().unwrap().is_empty(), "an address without a permit has no entry");
    }

    #[test]
    fn a_network_of_64_bits_is_one_holder() {
        let tally = Tally::default();
        let _permit = tally.take(ip("2001:db8:0:1::1"), 1).unwrap();
        assert!(tally.take(ip("2001:db8:0:1:ffff::2"), 1).is_none());
        assert!(tally.take(ip("2001:db8:0:2::1"), 1).is_some());
    }

    #[test]
    fn this_machine_and_trusted_proxies_are_not_counted() {
        let addresses = Addresses::new(TrustedProxies::new([ip("192.0.2.7")]));
        for peer in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "192.0.2.7", "::ffff:192.0.2.7"] {
            assert_eq!(addresses.of_connection(ip(peer)), None, "{peer}");
        }
        assert_eq!(addresses.of_connection(ip("::ffff:192.0.2.8")), Some(ip("192.0.2.8")));
    }

    #[track_caller]
    fn check(peer: &str, forwarded: &[&'static str], counted: Option<&str>) {
        let addresses = Addresses::new(TrustedProxies::new([ip("192.0.2.7"), ip("192.0.2.8")]));
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_static(value));
        }
        assert_eq!(addresses.of_stream(ip(peer), &headers), counted.map(ip));
    }

    #[test]
    fn a_stream_counts_for_the_address_that_a_trusted_proxy_reports() {
        check("192.0.2.7", &["198.51.100.1"], Some("198.51.100.1"));
        check("192.0.2.7", &["6.6.6.6, 198.51.100.1:4711"], Some("198.51.100.1"));
        check("192.0.2.7", &["6.6.6.6", "198.51.100.1, 192.0.2.8"], Some("198.51.100.1"));
        check("192.0.2.7", &["6.6.6.6, unknown"], None);
        check("192.0.2.7", &[], None);
        // The field of a peer that is not trusted is ignored.
        check("203.0.113.5", &["198.51.100.1"], Some("203.0.113.5"));
        check("127.0.0.1", &["198.51.100.1"], None);
    }
}
