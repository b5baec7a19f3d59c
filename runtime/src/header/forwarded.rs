//! `X-Forwarded-For`: the address of a client, as trusted proxies report it.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use http::HeaderMap;

/// The proxies whose `X-Forwarded-For` is read, by the address that they connect from.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedProxies(Arc<[IpAddr]>);

impl TrustedProxies {
    pub(crate) fn new(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        Self(addresses.into_iter().map(|ip| ip.to_canonical()).collect())
    }

    /// Returns whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether a peer is a trusted proxy.
    pub(crate) fn contains(&self, peer: IpAddr) -> bool {
        self.0.contains(&peer.to_canonical())
    }

    /// Returns the client of a request that a trusted proxy forwarded, if the proxy reports its
    /// address.
    ///
    /// Each proxy appends the address of its peer. The last address that is not a trusted proxy is
    /// the client's; anything before it may be forged.
    pub(crate) fn client(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let fields = headers.get_all("x-forwarded-for").iter().rev();
        let mut reported = fields.flat_map(|field| field.to_str().unwrap_or_default().rsplit(','));
        let client = reported.find_map(|text| match parse(text.trim()) {
            Some(ip) if self.contains(ip) => None,
            other => Some(other),
        });
        client.flatten()
    }
}

/// Parses an address. Some proxies write it with a port.
fn parse(text: &str) -> Option<IpAddr> {
    let ip = text.parse().or_else(|_| text.parse().map(|address: SocketAddr| address.ip()));
    ip.ok().map(|ip: IpAddr| ip.to_canonical())
}
