//! The address of the client, behind proxies too.

use std::net::IpAddr;

use crate::{
    action::{context::Context, value::from_context::FromContext},
    error::Result,
    header::TrustedProxies,
};

/// The address of the client.
///
/// It is the peer of the connection. Behind an [`App::trusted_proxy`](crate::App::trusted_proxy) it
/// is the last address in `X-Forwarded-For` that is not a trusted proxy itself, or the proxy if that
/// is no address. The field of any other peer is ignored.
///
/// # Examples
///
/// ```
/// use kipo::{ClientIp, Result, action};
///
/// #[action]
/// async fn where_am_i(#[context] ip: ClientIp) -> Result<String> {
///     Ok(ip.0.to_string())
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # use kipo::{Action, Context};
/// let call = WhereAmI { ip: ClientIp([192, 0, 2, 7].into()) };
/// assert_eq!(call.call(Context::test()).await.unwrap(), "192.0.2.7");
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientIp(pub IpAddr);

impl FromContext for ClientIp {
    const IS_PROOF: bool = false;

    async fn from_context(cx: &Context) -> Result<Self> {
        Ok(Self::of(cx))
    }
}

impl ClientIp {
    /// Returns the address of the client of a request.
    pub(crate) fn of(cx: &Context) -> Self {
        let peer = cx.client_ip();
        let proxies = cx.state::<TrustedProxies>().ok().filter(|proxies| proxies.contains(peer));
        let client = proxies.and_then(|proxies| proxies.client(cx.headers()));
        Self(client.unwrap_or(peer).to_canonical())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the address for a request from 127.0.0.1.
    async fn check(proxy: [u8; 4], forwarded: &str, expected: [u8; 4]) {
        let cx = Context::test()
            .with_header("x-forwarded-for", forwarded)
            .with_state(TrustedProxies::new([IpAddr::from(proxy)]));
        let ip = ClientIp::from_context(&cx).await.unwrap();
        assert_eq!(ip.0, IpAddr::from(expected), "{forwarded}");
    }

    #[tokio::test]
    async fn a_trusted_proxy_reports_the_client() {
        check([127, 0, 0, 1], "6.6.6.6, 198.51.100.1:4711", [198, 51, 100, 1]).await;
        check([127, 0, 0, 1], "6.6.6.6, 198.51.100.1, 127.0.0.1", [198, 51, 100, 1]).await;
        check([127, 0, 0, 1], "unknown", [127, 0, 0, 1]).await;
    }

    #[tokio::test]
    async fn the_field_of_a_stranger_is_ignored() {
        check([192, 0, 2, 7], "198.51.100.1", [127, 0, 0, 1]).await;
    }
}
