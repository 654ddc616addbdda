//! The one client for calls to other services. Where it may connect is judged on the address that it connects to: a name that leads
//! into our own network, at whatever moment, leads nowhere.

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

use address::Reach;

/// How long a connection may take to stand.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long a whole call may take.
pub const CALL_LIMIT: Duration = Duration::from_secs(10);
/// The largest answer that is read, in bytes.
const ANSWER_MAX: usize = 1024 * 1024;

/// The client.
pub struct Outgoing {
    client: Client,
    reach: Arc<Reach>,
}

/// What another service answered.
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It is in a network that is not called.
    #[error("has an address in a private network, which Latchkey does not call. An operator can allow that network with --allow-outgoing.")]
    Private,
    /// There is nobody, or none with a certificate that is trusted.
    #[error("could not be reached. Check the address, and that this server can connect to it.")]
    Unreachable,
    /// It took too long.
    #[error("did not answer in time. Try again later.")]
    TooSlow,
    /// It said too much.
    #[error("answered more than Latchkey reads. Check the address.")]
    TooLarge,
    /// It broke off, or answered in no known tongue.
    #[error("gave an answer that can't be read. Check the address.")]
    Broken,
}

impl Outgoing {
    /// A client that reaches public addresses, and those in the networks that the operator allows.
    ///
    /// # Errors
    /// When the system's certificates can't be read.
    pub fn new(allowed: Vec<IpNet>) -> anyhow::Result<Self> {
        let reach = Arc::new(Reach::new(allowed));
        let client = Client::builder()
            .user_agent(concat!("latchkey/", env!("CARGO_PKG_VERSION")))
            // A redirect would take the key along to another host.
            .redirect(Policy::none())
            // A proxy would connect for us, to where it likes.
            .no_proxy()
            .dns_resolver(JudgedNames(Arc::clone(&reach)))
            .connect_timeout(CONNECT_LIMIT)
            .timeout(CALL_LIMIT)
            .build()?;
        Ok(Self { client, reach })
    }

    /// Begins a call.
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Makes a call and reads its whole answer. Redirects are answers like others.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        let request = request.build().map_err(|_| Failure::Broken)?;
        // No resolver is asked about these.
        let reaches = match request.url().host() {
            Some(Host::Ipv4(address)) => self.reach.has(address.into()),
            Some(Host::Ipv6(address)) => self.reach.has(address.into()),
            Some(Host::Domain(_)) => true,
            None => false,
        };
        if !reaches {
            return Err(Failure::Private);
        }
        let mut response = self.client.execute(request).await.map_err(|error| failure(&error))?;
        let (status, mut body) = (response.status().as_u16(), Vec::new());
        while let Some(part) = response.chunk().await.map_err(|error| failure(&error))? {
            if body.len() + part.len() > ANSWER_MAX {
                return Err(Failure::TooLarge);
            }
            body.extend_from_slice(&part);
        }
        Ok(Answer { status, body })
    }
}

fn failure(error: &reqwest::Error) -> Failure {
    if is_private(error) {
        Failure::Private
    } else if error.is_timeout() {
        Failure::TooSlow
    } else if error.is_connect() {
        Failure::Unreachable
    } else {
        Failure::Broken
    }
}

fn is_private(error: &(dyn Error + 'static)) -> bool {
    error.is::<PrivateName>() || error.source().is_some_and(is_private)
}

/// Every address of a name is out of reach.
#[derive(Debug, thiserror::Error)]
#[error("every address of this name is in a network that is not called")]
struct PrivateName;

/// Resolves names to the addresses that are within reach. The connection goes to one of these and to no other.
struct JudgedNames(Arc<Reach>);

impl Resolve for JudgedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = Arc::clone(&self.0);
        Box::pin(async move {
            let (within, beyond): (Vec<_>, Vec<_>) = lookup_host((name.as_str(), 0)).await?.partition(|address| reach.has(address.ip()));
            if within.is_empty() && !beyond.is_empty() {
                return Err(PrivateName.into());
            }
            Ok(Box::new(within.into_iter()) as Addrs)
        })
    }
}
