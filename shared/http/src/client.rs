//! Who sends a request: its own id, where it comes from, and by what program.

use crate::App;
use crate::gateway::SourceIp;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};
use doorward_core::ids::RequestId;
use std::convert::Infallible;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A request's sender, as far as it is known.
#[derive(Clone, Debug)]
pub struct Client {
    /// The request's id, ours and nobody else's.
    pub request: RequestId,
    /// Where it comes from.
    pub address: Address,
    /// What program sends it, in that program's own words, 256 characters at most.
    pub user_agent: String,
}

impl FromRequestParts<App> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers, &parts.extensions))
    }
}

impl Client {
    fn of(headers: &HeaderMap, extensions: &Extensions) -> Self {
        let agent = headers.get(header::USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let request = extensions.get::<RequestId>().cloned();
        Self {
            request: request.unwrap_or_else(|| RequestId::from_random([0; 16])),
            address: Address::of(extensions),
            user_agent: agent.map(|agent| agent.chars().take(256).collect()).unwrap_or_default(),
        }
    }
}

/// An address of a client: the gateway's word for it, or the socket's peer. What a header says is anybody's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(IpAddr);

impl Address {
    fn of(extensions: &Extensions) -> Self {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        let gateway = extensions.get::<SourceIp>().map(|source| source.0);
        Self(gateway.or(peer).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
    }

    /// What limits count by: the address, an IPv6 one by its /64, which one household or machine has whole.
    #[must_use]
    pub fn network(self) -> String {
        match self.0.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.to_canonical())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_count_by_network() {
        for (address, network) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
            ("::1", "0:0:0:0::/64"),
        ] {
            assert_eq!(Address(address.parse().unwrap()).network(), network, "{address}");
        }
    }
}
