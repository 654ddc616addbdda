//! Slow clients: they neither slow down verify nor keep out new callers, and they are dropped.

use std::{
    future,
    net::SocketAddr,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Client, Method, StatusCode};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::sleep,
};

use super::{
    installation::{Installation, Running},
    process::{handles, memory, start_by},
    report::{figure, is_long, scaled},
};
use crate::support::{ApiClient, within};

/// Additional memory of the server, in KiB.
const MEMORY_MAX: u64 = 150 * 1024;

/// A new caller is answered within this time, in the long and in the short form. The short form runs beside other tests, and without
/// optimizations.
const ANSWER_LIMITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3));

/// All slow clients are dropped within this time.
const DROP_LIMIT: Duration = Duration::from_mins(1);

/// Handles that the database opens during the test.
const OTHER_HANDLES: usize = 16;

/// Keeps the receive buffer of the clients small, so that the server soon waits for them.
const RECEIVE_BUFFER: u32 = 4096;

/// Runs the server with this limit on open files, which it cannot raise.
fn limit_handles(command: &mut Command, limit: u32) {
    start_by(command, "sh", &["-c", &format!("ulimit -n {limit} && exec \"$0\" \"$@\"")]);
}

/// Allows this process to open a connection for each client.
fn raise_own_limit(clients: usize) {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    let needed = u64::try_from(clients).unwrap() + 200;
    assert!(limit.maximum.is_none_or(|maximum| maximum >= needed), "this test opens {needed} files: raise the hard limit (ulimit -Hn)");
}

/// What a client requests that reads nothing.
struct LargeResponse {
    path: String,
    size: u64,
    /// Requests on one connection: the responses are larger than the buffers of the system.
    requests: usize,
}

/// The largest static file, or in the short form, which runs before the site is built, the description of the API.
async fn large_response(running: &Running) -> LargeResponse {
    let client = Client::new();
    let download =
        async |path: &str| client.get(format!("{}{path}", running.url)).send().await.unwrap().error_for_status().unwrap().bytes().await.unwrap();
    let path = if is_long() {
        let page = download("/sign-in").await;
        let page = String::from_utf8(page.to_vec()).unwrap();
        let files = page.split(['"', '\'', ' ', '>']).filter(|text| text.starts_with("/pkg/"));
        files.max_by_key(|path| path.contains(".wasm")).unwrap().to_owned()
    } else {
        "/api/v1/openapi.json".to_owned()
    };
    let size = u64::try_from(download(&path).await.len()).unwrap();
    LargeResponse { path, size, requests: usize::try_from(4 * 1024 * 1024 / size).unwrap() + 1 }
}

/// What a slow client does after it has connected.
#[derive(Clone, Copy)]
enum Behaviour {
    /// Sends a byte of the request's head per second.
    SlowHead,
    /// Sends a byte of the request's body per second.
    SlowBody,
    /// Requests a file and reads nothing.
    ReadsNothing,
    /// Sends nothing.
    Silent,
}

impl Behaviour {
    /// A third of the clients sends slowly, a third reads nothing and a third only connects.
    fn of(number: usize) -> Self {
        match number % 6 {
            0 => Self::SlowHead,
            3 => Self::SlowBody,
            1 | 4 => Self::ReadsNothing,
            _ => Self::Silent,
        }
    }

    /// Ends when the server has closed the connection. Who reads nothing does not see that.
    async fn run(self, mut stream: TcpStream, large: &LargeResponse, key: &str) {
        let beginning = match self {
            Self::SlowHead => "GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ".to_owned(),
            Self::SlowBody => format!("POST /api/v1/verify HTTP/1.1\r\nhost: localhost\r\nx-api-key: {key}\r\ncontent-length: 1000\r\n\r\n"),
            Self::ReadsNothing => format!("GET {} HTTP/1.1\r\nhost: localhost\r\n\r\n", large.path).repeat(large.requests),
            Self::Silent => String::new(),
        };
        let is_sent = stream.write_all(beginning.as_bytes()).await.is_ok();
        match self {
            Self::ReadsNothing => future::pending().await,
            Self::Silent => drop(stream.read_to_end(&mut Vec::new()).await),
            Self::SlowHead | Self::SlowBody if is_sent => drip(stream).await,
            Self::SlowHead | Self::SlowBody => {}
        }
    }
}

/// Sends a byte per second until the server has closed the connection.
async fn drip(mut stream: TcpStream) {
    let mut answer = [0; 1024];
    loop {
        tokio::select! {
            read = stream.read(&mut answer) => {
                if !matches!(read, Ok(1..)) {
                    return;
                }
            }
            () = sleep(Duration::from_secs(1)) => {
                if stream.write_all(b"a").await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Connected slow clients. Dropping them closes their connections.
struct SlowClients {
    started: Instant,
    dropped: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl SlowClients {
    async fn start(count: usize, running: &Running, large: &Arc<LargeResponse>, key: &str) -> Self {
        let address: SocketAddr = running.url.trim_start_matches("http://").parse().unwrap();
        let (connected, dropped) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (started, mut tasks) = (Instant::now(), JoinSet::new());
        for number in 0..count {
            let (large, key) = (Arc::clone(large), key.to_owned());
            let (connected, dropped) = (Arc::clone(&connected), Arc::clone(&dropped));
            tasks.spawn(async move {
                let socket = TcpSocket::new_v4().unwrap();
                socket.set_recv_buffer_size(RECEIVE_BUFFER).unwrap();
                let stream = socket.connect(address).await;
                connected.fetch_add(1, Ordering::SeqCst);
                if let Ok(stream) = stream {
                    Behaviour::of(number).run(stream, &large, &key).await;
                }
                dropped.fetch_add(1, Ordering::SeqCst);
            });
        }
        within(DROP_LIMIT, "all slow clients are connected", async || connected.load(Ordering::SeqCst) == count).await;
        Self { started, dropped, _tasks: tasks }
    }
}

/// What callers see during some time.
struct Observed {
    /// Of the calls of a caller with a kept connection.
    p99: Duration,
    calls: usize,
    /// The longest time for a caller with a new connection.
    new_caller: Duration,
    /// The most memory of the server, in KiB.
    memory: u64,
}

async fn observe(api: &ApiClient, process: u32, time: Duration) -> Observed {
    let end = Instant::now() + time;
    let kept = async {
        let mut times = Vec::new();
        while Instant::now() < end {
            times.push(verify(api).await);
        }
        times.sort_unstable();
        times
    };
    let new = async {
        let (mut slowest, mut most) = (Duration::ZERO, 0);
        while Instant::now() < end {
            let caller = ApiClient { client: Client::new(), ..api.clone() };
            slowest = slowest.max(verify(&caller).await);
            most = most.max(memory(process));
            sleep(time / 20).await;
        }
        (slowest, most)
    };
    let (times, (new_caller, memory)) = tokio::join!(kept, new);
    Observed { p99: times[times.len() * 99 / 100], calls: times.len(), new_caller, memory }
}

async fn verify(api: &ApiClient) -> Duration {
    let started = Instant::now();
    let request = || api.request(Method::POST, "/verify").json(&json!({ "key": api.key })).send();
    // A kept connection that is idle may be closed to make room, and on a loaded machine also one whose request was not read in time. What counts is
    // when the caller has the answer.
    let mut response = request().await;
    while response.is_err() && started.elapsed() < Duration::from_secs(1) {
        response = request().await;
    }
    let response = response.unwrap();
    let (status, body) = (response.status(), response.text().await.unwrap());
    assert_eq!(status, StatusCode::OK, "{body}");
    started.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_clients_neither_slow_down_verify_nor_keep_out_callers() {
    let count = scaled(400, 2000);
    raise_own_limit(count);
    let folder = TempDir::new().unwrap();
    let installation = Installation::create(folder.path(), None);
    let running = installation.serve_with(|command| limit_handles(command, scaled(256, 1024)));
    let process = running.process.id();
    let api = installation.clients(&running).await.api;
    let large = Arc::new(large_response(&running).await);
    let window = Duration::from_secs(scaled(3, 9));
    let before = observe(&api, process, window).await;
    let handles_before = handles(process);

    let slow = SlowClients::start(count, &running, &large, &api.key).await;
    let during = observe(&api, process, window).await;
    let answer_limit = if is_long() { ANSWER_LIMITS.0 } else { ANSWER_LIMITS.1 };
    assert!(during.new_caller < answer_limit, "a new caller waited {:?}", during.new_caller);
    let p99_max = scaled((before.p99 * 5).max(Duration::from_millis(50)), before.p99 * 2);
    assert!(during.p99 <= p99_max, "p99 of verify is {:?}, before {:?}", during.p99, before.p99);
    // Only static files of a release build are sent without a copy.
    let copies = if cfg!(debug_assertions) { large.size / 1024 * u64::try_from(count / 3).unwrap() } else { 0 };
    let memory = during.memory.saturating_sub(before.memory);
    assert!(memory <= MEMORY_MAX + copies, "{memory} KiB of additional memory");
    let dropped = if is_long() {
        format!("all dropped within {} s", all_dropped(slow, count, process, handles_before).await.as_secs())
    } else {
        drop(slow);
        "not waited for".to_owned()
    };
    figure(
        "slow clients",
        format_args!(
            "{count} slow clients: p99 of verify {:.2} ms ({:.2} ms without them, {} and {} calls), a new caller answered within {} ms, {} MiB of \
             additional memory; {dropped}",
            during.p99.as_secs_f64() * 1000.0,
            before.p99.as_secs_f64() * 1000.0,
            during.calls,
            before.calls,
            during.new_caller.as_millis(),
            memory / 1024
        ),
    );
    running.process.stop();
}

/// Waits until the server has closed the connections of all slow clients. Returns the time since they connected.
async fn all_dropped(slow: SlowClients, count: usize, process: u32, handles_before: usize) -> Duration {
    let readers = (0..count).filter(|number| matches!(Behaviour::of(*number), Behaviour::ReadsNothing)).count();
    within(DROP_LIMIT.saturating_sub(slow.started.elapsed()), "all slow clients are dropped", async || {
        handles(process) <= handles_before + OTHER_HANDLES && slow.dropped.load(Ordering::SeqCst) >= count - readers
    })
    .await;
    slow.started.elapsed()
}
