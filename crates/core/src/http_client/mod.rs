//! HTTP client for outgoing requests, with protection against server-side request forgery: the resolved address is checked when connecting, so
//! that a host name that resolves to a private network is rejected, also after a DNS change. Without TLS, only addresses in the operator's
//! networks are called.

mod address;
mod forward;
mod own_networks;
#[cfg(test)]
mod tests;
mod transfer;

use std::{error::Error, net::IpAddr, sync::Arc, time::Duration};

use http::{
    header::{ACCEPT, USER_AGENT},
    uri::Scheme,
};
use hyper::body::Incoming;
use ipnet::IpNet;
use reqwest::{
    Body, Client, ClientBuilder, Method, Request, RequestBuilder, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    header::HeaderValue,
    redirect::Policy,
};
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::lookup_host;
use url::{Host, Url};

use address::{AllowedAddresses, Transport};
use forward::ForwardClient;
use own_networks::OwnNetworks;
pub(crate) use transfer::{Connector, read_body};

/// Timeout for establishing a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Idle time after which a connection is probed, and the time between two probes.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Timeout of a whole request whose response is read by the client.
pub const CALL_LIMIT: Duration = Duration::from_secs(10);
/// Largest response body, in bytes.
const BODY_MAX: usize = 1024 * 1024;

/// Sent if a request has no other.
const AGENT: &str = concat!("latchkey/", env!("CARGO_PKG_VERSION"));

/// A response to a forwarded request, whose body is a stream.
pub type ForwardedResponse = http::Response<Incoming>;

/// Networks that the operator allows or denies for outgoing calls. Denied ones take precedence.
#[derive(Debug, Clone, Default)]
pub struct OutgoingNetworks {
    pub allowed: Vec<IpNet>,
    pub denied: Vec<IpNet>,
}

#[derive(Clone)]
pub struct HttpClient {
    tls: Clients,
    plain: Clients,
    allowed_addresses: Arc<AllowedAddresses>,
}

/// The clients for one transport.
#[derive(Clone)]
struct Clients {
    /// For requests that Latchkey makes for itself.
    own: Client,
    forward: ForwardClient,
}

pub struct HttpResponse {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Why a request failed. The messages follow the name of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    #[error(
        "has a blocked address: in a private network, of this server, or denied by its operator. An operator can allow a private network with --allow-outgoing."
    )]
    BlockedAddress,
    #[error("has a public address, to which keys are sent only encrypted. Change the URL to https://.")]
    Unencrypted,
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
    /// Creates a client that reaches public addresses and those in the allowed networks.
    ///
    /// # Errors
    /// If the system's root certificates cannot be loaded.
    pub fn new(networks: OutgoingNetworks) -> anyhow::Result<Self> {
        let allowed_addresses = AllowedAddresses::new(networks, OwnNetworks::of_this_machine());
        let connector = |resolver: FilteringResolver, tls_config| forward::Connector::new(Arc::new(resolver), tls_config);
        Self::build(allowed_addresses, Arc::new(SystemResolver), ClientBuilder::dns_resolver, connector)
    }

    /// `connect` gives the resolver to each client for own requests, and `connector` makes the connector of each client for forwarded ones.
    fn build(
        allowed_addresses: AllowedAddresses,
        names: Arc<dyn Resolve>,
        connect: impl Fn(ClientBuilder, FilteringResolver) -> ClientBuilder,
        connector: impl Fn(FilteringResolver, Arc<ClientConfig>) -> forward::Connector,
    ) -> anyhow::Result<Self> {
        let (allowed_addresses, tls_config) = (Arc::new(allowed_addresses), forward::tls_config()?);
        let clients = |transport| -> anyhow::Result<Clients> {
            let resolver = || FilteringResolver { names: Arc::clone(&names), allowed_addresses: Arc::clone(&allowed_addresses), transport };
            let own = connect(client_builder(), resolver()).build()?;
            Ok(Clients { own, forward: forward::client(connector(resolver(), Arc::clone(&tls_config))) })
        };
        Ok(Self { tls: clients(Transport::Tls)?, plain: clients(Transport::Plain)?, allowed_addresses: Arc::clone(&allowed_addresses) })
    }

    /// A request for [`Self::send`], with a time limit of [`CALL_LIMIT`].
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.clients(transport(&url)).own.request(method, url).timeout(CALL_LIMIT)
    }

    fn clients(&self, transport: Transport) -> &Clients {
        match transport {
            Transport::Tls => &self.tls,
            Transport::Plain => &self.plain,
        }
    }

    /// Whether a key may be sent to this URL as far as its text shows: over TLS, or to a host that can be private.
    pub fn may_send_keys_to(&self, url: &Url) -> bool {
        if transport(url) == Transport::Tls {
            return true;
        }
        match url.host() {
            Some(Host::Ipv4(address)) => self.allowed_addresses.may_be_plain(address.into()),
            Some(Host::Ipv6(address)) => self.allowed_addresses.may_be_plain(address.into()),
            Some(Host::Domain(name)) => is_localhost(name) || self.allowed_addresses.has_networks(),
            None => false,
        }
    }

    /// Sends a request and reads the whole response. Redirects are returned, not followed.
    pub async fn send(&self, request: RequestBuilder) -> Result<HttpResponse, HttpError> {
        let request = request.build().map_err(|_| HttpError::InvalidResponse)?;
        let response = self.execute(request).await?;
        Ok(HttpResponse { status: response.status().as_u16(), body: read_body(response, BODY_MAX).await?.into() })
    }

    /// Sends a request that Latchkey makes for itself, and returns when the headers of the response have arrived. The caller sets the time limit.
    /// Redirects are returned, not followed.
    pub(crate) async fn execute(&self, request: Request) -> Result<Response, HttpError> {
        let transport = transport(request.url());
        let literal = match request.url().host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) => None,
            None => return Err(HttpError::BlockedAddress),
        };
        self.check_literal(literal, transport)?;
        self.clients(transport).own.execute(request).await.map_err(|error| failure(&error))
    }

    /// Forwards a request with a streamed body, and returns when the headers of the response have arrived; its body is a stream too. The caller
    /// sets the time limit. Redirects are returned, not followed.
    pub async fn forward(&self, mut request: http::Request<Body>) -> Result<ForwardedResponse, HttpError> {
        let transport = if request.uri().scheme() == Some(&Scheme::HTTPS) { Transport::Tls } else { Transport::Plain };
        let host = request.uri().host().ok_or(HttpError::BlockedAddress)?;
        // As the connector does.
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        self.check_literal(host.parse().ok(), transport)?;
        let headers = request.headers_mut();
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        self.clients(transport).forward.request(request).await.map_err(|error| forward::failure(&error))
    }

    /// Literal IP addresses bypass the resolver.
    fn check_literal(&self, literal: Option<IpAddr>, transport: Transport) -> Result<(), HttpError> {
        literal.map_or(Ok(()), |address| self.allowed_addresses.check(address, transport))
    }
}

fn client_builder() -> ClientBuilder {
    Client::builder()
        .user_agent(AGENT)
        // A redirect could send the key to another host.
        .redirect(Policy::none())
        // A proxy would resolve host names itself and bypass the address check.
        .no_proxy()
        .connect_timeout(CONNECT_LIMIT)
        // Detects a dead connection while a stream waits for data.
        .tcp_keepalive(KEEP_ALIVE)
}

/// A header that contains a secret; marked sensitive so that it is not logged. `None` if the secret is not valid in a header.
pub fn secret_header(prefix: &str, secret: &SecretString) -> Option<HeaderValue> {
    let line = SecretString::from(format!("{prefix}{}", secret.expose_secret()));
    let mut value = HeaderValue::from_str(line.expose_secret()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn transport(url: &Url) -> Transport {
    if url.scheme() == "https" { Transport::Tls } else { Transport::Plain }
}

/// Names of the loopback interface (RFC 6761).
fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}

fn failure(error: &reqwest::Error) -> HttpError {
    if let Some(refused) = refusal(error) {
        refused
    } else if error.is_timeout() {
        HttpError::Timeout
    } else if error.is_connect() {
        HttpError::Unreachable
    } else {
        HttpError::InvalidResponse
    }
}

/// The error of [`FilteringResolver`], if it is the cause.
fn refusal(error: &(dyn Error + 'static)) -> Option<HttpError> {
    error.downcast_ref().copied().or_else(|| refusal(error.source()?))
}

/// Resolves names as the operating system is configured.
struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses: Vec<_> = lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// DNS resolver that returns allowed addresses only. The connection goes to one of these.
struct FilteringResolver {
    names: Arc<dyn Resolve>,
    allowed_addresses: Arc<AllowedAddresses>,
    transport: Transport,
}

impl Resolve for FilteringResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (resolving, allowed_addresses, transport) = (self.names.resolve(name), Arc::clone(&self.allowed_addresses), self.transport);
        Box::pin(async move {
            let (mut allowed, mut refused) = (Vec::new(), None);
            for address in resolving.await? {
                match allowed_addresses.check(address.ip(), transport) {
                    Ok(()) => allowed.push(address),
                    Err(error) => refused = Some(error),
                }
            }
            match refused {
                Some(error) if allowed.is_empty() => Err(error.into()),
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}
