//! Requests through the real client, whose connections are recorded and not made.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    pin::Pin,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    thread,
};

use tower_layer::Layer;
use tower_service::Service;

use super::*;

type BoxError = Box<dyn Error + Send + Sync>;

/// Public addresses of the machine in these tests. The second one stands for its /64.
const OWN_V4: Ipv4Addr = Ipv4Addr::new(8, 8, 4, 4);
const OWN_V6: &str = "2a00:1450:4001::8a";
const PUBLIC: &str = "1.1.1.1";

/// First and last addresses of private networks, metadata services, and this machine's own.
const BLOCKED_V4: [Ipv4Addr; 20] = [
    Ipv4Addr::UNSPECIFIED,
    Ipv4Addr::new(10, 0, 0, 1),
    Ipv4Addr::new(10, 255, 255, 255),
    Ipv4Addr::new(100, 64, 0, 1),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::LOCALHOST,
    Ipv4Addr::new(127, 255, 255, 254),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(169, 254, 0, 1),
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(172, 16, 0, 1),
    Ipv4Addr::new(172, 31, 255, 255),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(192, 168, 0, 1),
    Ipv4Addr::new(192, 168, 255, 254),
    Ipv4Addr::new(198, 18, 0, 1),
    Ipv4Addr::new(224, 0, 0, 1),
    Ipv4Addr::new(240, 0, 0, 1),
    Ipv4Addr::BROADCAST,
    OWN_V4,
];

const BLOCKED_V6: [&str; 14] = [
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[fe80::1]",
    "[FE80::1]",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "[2001:db8::1]",
    "[2a00:1450:4001::8a]",
    "[2a00:1450:4001:0:ffff::1]",
];

/// Names that resolve to blocked addresses, and public names in front of a blocked host.
const BLOCKED_NAMES: [&str; 10] = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "ｌｏｃａｌｈｏｓｔ",
    "metadata.google.internal",
    "own.test",
    "own-network.test",
    "public.test@localhost",
    "public.test:443@localhost",
    "public.test%2F@localhost",
];

/// Spellings of an IPv4 address that URL parsers, resolvers or routers accept.
fn spellings(address: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = address.octets();
    let number = u32::from(address);
    let (high, low, last_three) = (number >> 16, number & 0xffff, number & 0x00ff_ffff);
    let (inverted_high, inverted_low) = (!number >> 16, !number & 0xffff);
    let dotted = address.to_string();
    let full_width: String =
        dotted.chars().map(|digit| digit.to_digit(10).and_then(|digit| char::from_u32(0xff10 + digit)).unwrap_or(digit)).collect();
    let percent_encoded = dotted.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
    vec![
        format!("{dotted}."),
        format!("user:password@{dotted}"),
        format!("public.test@{dotted}"),
        number.to_string(),
        format!("{number:#x}"),
        format!("0X{number:08X}"),
        format!("0{number:o}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"),
        format!("0x{a:x}.{b}.0{low:o}"),
        format!("{a}.{b}.{low}"),
        format!("{a}.{last_three}"),
        full_width,
        percent_encoded,
        dotted.replace('.', "。"),
        format!("[::ffff:{dotted}]"),
        format!("[::FFFF:{high:X}:{low:X}]"),
        format!("[0:0:0:0:0:ffff:{dotted}]"),
        format!("[::ffff:0:{dotted}]"),
        format!("[::{dotted}]"),
        format!("[64:ff9b::{dotted}]"),
        format!("[64:ff9b:1::{dotted}]"),
        format!("[2002:{high:x}:{low:x}::1]"),
        format!("[2001:0:{high:x}:{low:x}:0:0:{inverted_high:x}:{inverted_low:x}]"),
        dotted,
    ]
}

/// The recorded connections, and how many more calls of the connector are passed on to the real one.
#[derive(Default)]
struct Recorded {
    connects: Mutex<Vec<String>>,
    passed_on: AtomicUsize,
}

impl Recorded {
    fn add(&self, connect: impl ToString) {
        self.connects.lock().unwrap().push(connect.to_string());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.connects.lock().unwrap())
    }

    fn is_passed_on(&self) -> bool {
        self.passed_on.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }
}

fn not_connected() -> BoxError {
    "recorded instead of connected".into()
}

/// Records what the resolver in `inner` returns. The connector would connect to it.
struct RecordingResolver {
    inner: FilteringResolver,
    recorded: Arc<Recorded>,
}

impl Resolve for RecordingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (resolving, recorded) = (self.inner.resolve(name), Arc::clone(&self.recorded));
        Box::pin(async move {
            let addresses = resolving.await?;
            addresses.for_each(|address| recorded.add(address.ip()));
            Err(not_connected())
        })
    }
}

/// Records calls of the connector that are not passed on.
#[derive(Clone)]
struct ConnectRecorder(Arc<Recorded>);

impl<S> Layer<S> for ConnectRecorder {
    type Service = RecordingConnector<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RecordingConnector { inner, recorded: Arc::clone(&self.0) }
    }
}

#[derive(Clone)]
struct RecordingConnector<S> {
    inner: S,
    recorded: Arc<Recorded>,
}

impl<S, R> Service<R> for RecordingConnector<S>
where
    S: Service<R, Error = BoxError>,
    S::Response: 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        if self.recorded.is_passed_on() {
            return Box::pin(self.inner.call(request));
        }
        self.recorded.add("literal");
        Box::pin(async { Err(not_connected()) })
    }
}

/// Same as [`RecordingConnector`], for forwarded requests.
fn recording_connector(inner: forward::Connector, recorded: Arc<Recorded>) -> forward::Connector {
    forward::Connector::from_fn(move |uri| {
        if recorded.is_passed_on() {
            return inner.clone().call(uri);
        }
        recorded.add("literal");
        Box::pin(async { Err(not_connected()) })
    })
}

/// The addresses of names in the tests. `rebinding.test` is public at its first lookup only.
#[derive(Default)]
struct Names {
    rebinding_lookups: AtomicUsize,
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses: &[&str] = match name.as_str().trim_end_matches('.') {
            "public.test" => &[PUBLIC],
            "rebinding.test" if self.rebinding_lookups.fetch_add(1, Ordering::SeqCst) == 0 => &[PUBLIC],
            "mixed.test" => &["127.0.0.1", PUBLIC, "::1"],
            "own.test" => &["8.8.4.4", OWN_V6],
            "own-network.test" => &["2a00:1450:4001::1"],
            "metadata.google.internal" => &["169.254.169.254"],
            _ => &["127.0.0.1", "::1"],
        };
        let addresses: Vec<_> = addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0)).collect();
        Box::pin(async move { Ok(Box::new(addresses.into_iter()) as Addrs) })
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of the function that reads the interfaces")]
fn own_addresses() -> io::Result<Vec<IpAddr>> {
    Ok(vec![OWN_V4.into(), OWN_V6.parse().unwrap()])
}

struct RecordingClient {
    client: HttpClient,
    recorded: Arc<Recorded>,
}

impl RecordingClient {
    fn new(networks: OutgoingNetworks) -> Self {
        let recorded = Arc::<Recorded>::default();
        let allowed_addresses = AllowedAddresses::new(networks, OwnNetworks::new(own_addresses));
        let resolver = |inner| RecordingResolver { inner, recorded: Arc::clone(&recorded) };
        let connect = |builder: ClientBuilder, inner| builder.dns_resolver(resolver(inner)).connector_layer(ConnectRecorder(Arc::clone(&recorded)));
        let connector =
            |inner, tls_config| recording_connector(forward::Connector::new(Arc::new(resolver(inner)), tls_config), Arc::clone(&recorded));
        let client = HttpClient::build(allowed_addresses, Arc::<Names>::default(), connect, connector).unwrap();
        Self { client, recorded }
    }

    /// For a name, the connector calls the recording resolver. An address must not reach the connector.
    fn expect(&self, url: &Url) {
        let is_name = matches!(url.host(), Some(Host::Domain(_)));
        self.recorded.passed_on.store(usize::from(is_name), Ordering::SeqCst);
    }

    /// Sends a request. Returns its error and the recorded connections; `None` if `url` is not a URL.
    async fn send(&self, url: &str) -> Option<(Option<HttpError>, Vec<String>)> {
        let url = Url::parse(url).ok()?;
        self.expect(&url);
        let error = self.client.send(self.client.request(Method::GET, url)).await.err();
        Some((error, self.recorded.take()))
    }

    /// As [`Self::send`], for a request that is forwarded; `None` also if the URL is not a URI.
    async fn forward(&self, url: &str) -> Option<(Option<HttpError>, Vec<String>)> {
        let url = Url::parse(url).ok()?;
        self.expect(&url);
        let error = self.client.forward(request(url.as_str())?).await.err();
        Some((error, self.recorded.take()))
    }
}

/// A request that is forwarded; `None` if `uri` is not a URI.
fn request(uri: &str) -> Option<http::Request<Body>> {
    http::Request::get(uri).body(Body::default()).ok()
}

#[tokio::test]
async fn no_spelling_of_a_blocked_address_is_connected_to() {
    let client = RecordingClient::new(OutgoingNetworks::default());
    let hosts: Vec<String> =
        BLOCKED_V4.into_iter().flat_map(spellings).chain(BLOCKED_V6.map(str::to_owned)).chain(BLOCKED_NAMES.map(str::to_owned)).collect();
    let (mut sent, mut forwarded) = (0, 0);
    for host in &hosts {
        for url in [format!("https://{host}/v1/models"), format!("http://{host}:8080/")] {
            // A zone id, for example, makes the whole URL invalid.
            let Some(result) = client.send(&url).await else { continue };
            assert_eq!(result, (Some(HttpError::BlockedAddress), Vec::new()), "{url}");
            sent += 1;
            let Some(result) = client.forward(&url).await else { continue };
            assert_eq!(result, (Some(HttpError::BlockedAddress), Vec::new()), "{url}, forwarded");
            forwarded += 1;
        }
    }
    assert!(sent >= 500 && forwarded >= 500, "only {sent} requests were sent, and {forwarded} forwarded");
}

/// A URI is not normalized as a URL is. What the system's resolver accepts as an address is checked like a name.
#[tokio::test]
async fn no_spelling_in_a_uri_is_connected_to() {
    let client = RecordingClient::new(OutgoingNetworks::default());
    for host in ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.1.", "user@127.0.0.1", "[::ffff:127.0.0.1]", "[0:0:0:0:0:0:0:1]"] {
        let uri = format!("http://{host}:8080/");
        client.recorded.passed_on.store(1, Ordering::SeqCst);
        let error = client.client.forward(request(&uri).unwrap()).await.err();
        assert_eq!((error, client.recorded.take()), (Some(HttpError::BlockedAddress), Vec::new()), "{uri}");
    }
}

#[tokio::test]
async fn only_the_public_addresses_of_a_name_are_connected_to() {
    let client = RecordingClient::new(OutgoingNetworks::default());
    let connected = |to: &str| Some((Some(HttpError::Unreachable), vec![to.to_owned()]));
    assert_eq!(client.send("https://public.test/").await, connected(PUBLIC));
    assert_eq!(client.send("https://1.1.1.1/").await, connected("literal"));
    assert_eq!(client.send("https://mixed.test/").await, connected(PUBLIC));
    assert_eq!(client.send("https://rebinding.test/").await, connected(PUBLIC));
    assert_eq!(client.send("https://rebinding.test/").await, Some((Some(HttpError::BlockedAddress), Vec::new())));
}

#[tokio::test]
async fn addresses_of_forwarded_requests_are_checked() {
    let client = RecordingClient::new(OutgoingNetworks::default());
    for url in ["https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/", "https://localhost/", "https://own.test/"] {
        assert_eq!(client.forward(url).await, Some((Some(HttpError::BlockedAddress), Vec::new())), "{url}");
    }
    assert_eq!(client.forward("http://1.1.1.1/").await, Some((Some(HttpError::Unencrypted), Vec::new())));
    let connected = |to: &str| Some((Some(HttpError::Unreachable), vec![to.to_owned()]));
    assert_eq!(client.forward("https://public.test/").await, connected(PUBLIC));
    assert_eq!(client.forward("https://1.1.1.1/").await, connected("literal"));
    assert_eq!(client.forward("https://mixed.test/").await, connected(PUBLIC));
}

#[tokio::test]
async fn public_addresses_are_not_called_without_tls() {
    let client = RecordingClient::new(OutgoingNetworks::default());
    for url in ["http://public.test/", "http://mixed.test/", "http://1.1.1.1/"] {
        let (error, connects) = client.send(url).await.unwrap();
        assert!(error.is_some_and(|error| matches!(error, HttpError::Unencrypted | HttpError::BlockedAddress)), "{url}: {error:?}");
        assert_eq!(connects, [""; 0], "{url}");
    }
    assert_eq!(client.send("http://1.1.1.1/").await.unwrap().0, Some(HttpError::Unencrypted));
}

#[tokio::test]
async fn redirects_to_blocked_addresses_are_not_followed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let service = thread::spawn(move || {
        for status in [301, 302, 303, 307, 308] {
            let mut connection = listener.accept().unwrap().0;
            assert_ne!(connection.read(&mut [0; 4096]).unwrap(), 0);
            write!(connection, "HTTP/1.1 {status} Moved\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .unwrap();
        }
    });
    let client = RecordingClient::new(OutgoingNetworks { allowed: vec!["127.0.0.0/8".parse().unwrap()], denied: Vec::new() });
    for status in [301, 302, 303, 307, 308] {
        client.recorded.passed_on.store(1, Ordering::SeqCst);
        let response = client.client.send(client.client.request(Method::GET, Url::parse(&url).unwrap())).await;
        assert_eq!((response.map(|response| response.status), client.recorded.take()), (Ok(status), Vec::new()));
    }
    service.join().unwrap();
}

#[tokio::test]
async fn redirects_of_forwarded_requests_are_returned() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let service = thread::spawn(move || {
        let mut connection = listener.accept().unwrap().0;
        assert_ne!(connection.read(&mut [0; 4096]).unwrap(), 0);
        write!(connection, "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
    });
    let client = RecordingClient::new(OutgoingNetworks { allowed: vec!["127.0.0.0/8".parse().unwrap()], denied: Vec::new() });
    client.recorded.passed_on.store(1, Ordering::SeqCst);
    let response = client.client.forward(request(&url).unwrap()).await.unwrap();
    assert_eq!((response.status().as_u16(), client.recorded.take()), (302, Vec::new()));
    service.join().unwrap();
}
