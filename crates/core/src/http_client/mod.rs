//! HTTP client for outgoing requests, with protection against server-side request forgery: the resolved address is checked when connecting, so
//! that a host name that resolves to a private network is rejected, also after a DNS change.

mod address;

use std::{error::Error, sync::Arc, time::Duration};

use ipnet::IpNet;
use reqwest::{
    Client, Method, RequestBuilder,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use tokio::net::lookup_host;
use url::{Host, Url};

use address::AllowedAddresses;

/// Timeout for establishing a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Timeout of a whole request.
pub const CALL_LIMIT: Duration = Duration::from_secs(10);
/// Largest response body, in bytes.
const BODY_MAX: usize = 1024 * 1024;

pub struct HttpClient {
    client: Client,
    allowed_addresses: Arc<AllowedAddresses>,
}

pub struct HttpResponse {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Why a request failed. The messages follow the name of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    #[error("has an address in a private network, which is blocked. An operator can allow the network with --allow-outgoing.")]
    PrivateAddress,
    /// Connection refused, or no trusted certificate.
    #[error("could not be reached. Check the URL and whether this server can connect to it.")]
    Unreachable,
    #[error("did not respond in time. Try again later.")]
    Timeout,
    #[error("sent a response that is too large. Check the URL.")]
    TooLarge,
    /// The connection was interrupted, or the response is no valid HTTP.
    #[error("sent an invalid response. Check the URL.")]
    InvalidResponse,
}

impl HttpClient {
    /// Creates a client that reaches public addresses and those in the `allowed` networks.
    ///
    /// # Errors
    /// If the system's root certificates cannot be loaded.
    pub fn new(allowed: Vec<IpNet>) -> anyhow::Result<Self> {
        let allowed_addresses = Arc::new(AllowedAddresses::new(allowed));
        let client = Client::builder()
            .user_agent(concat!("latchkey/", env!("CARGO_PKG_VERSION")))
            // A redirect could send the key to another host.
            .redirect(Policy::none())
            // A proxy would resolve host names itself and bypass the address check.
            .no_proxy()
            .dns_resolver(FilteringResolver(Arc::clone(&allowed_addresses)))
            .connect_timeout(CONNECT_LIMIT)
            .timeout(CALL_LIMIT)
            .build()?;
        Ok(Self { client, allowed_addresses })
    }

    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Sends a request and reads the whole response. Redirects are returned, not followed.
    pub async fn send(&self, request: RequestBuilder) -> Result<HttpResponse, HttpError> {
        let request = request.build().map_err(|_| HttpError::InvalidResponse)?;
        // Literal IP addresses bypass the resolver.
        let is_allowed = match request.url().host() {
            Some(Host::Ipv4(address)) => self.allowed_addresses.allows(address.into()),
            Some(Host::Ipv6(address)) => self.allowed_addresses.allows(address.into()),
            Some(Host::Domain(_)) => true,
            None => false,
        };
        if !is_allowed {
            return Err(HttpError::PrivateAddress);
        }
        let mut response = self.client.execute(request).await.map_err(|error| failure(&error))?;
        let (status, mut body) = (response.status().as_u16(), Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
            if body.len() + chunk.len() > BODY_MAX {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(HttpResponse { status, body })
    }
}

fn failure(error: &reqwest::Error) -> HttpError {
    if is_private(error) {
        HttpError::PrivateAddress
    } else if error.is_timeout() {
        HttpError::Timeout
    } else if error.is_connect() {
        HttpError::Unreachable
    } else {
        HttpError::InvalidResponse
    }
}

fn is_private(error: &(dyn Error + 'static)) -> bool {
    error.is::<PrivateHost>() || error.source().is_some_and(is_private)
}

#[derive(Debug, thiserror::Error)]
#[error("all addresses of this host are in blocked networks")]
struct PrivateHost;

/// DNS resolver that returns allowed addresses only. The connection goes to one of these.
struct FilteringResolver(Arc<AllowedAddresses>);

impl Resolve for FilteringResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed_addresses = Arc::clone(&self.0);
        Box::pin(async move {
            let (allowed, blocked): (Vec<_>, Vec<_>) =
                lookup_host((name.as_str(), 0)).await?.partition(|address| allowed_addresses.allows(address.ip()));
            if allowed.is_empty() && !blocked.is_empty() {
                return Err(PrivateHost.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
