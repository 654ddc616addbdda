//! Limits of connections: slow, idle and silent clients, and clients with many connections.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use latchkey_program::config::{ConnectionLimits, ServeOptions};
use reqwest::Response;
use tempfile::TempDir;
use tokio::{net::TcpSocket, time::timeout};

use crate::support::{BrowserClient, TestServer, eventually, serve_process::ServeProcess, within};

/// Less than the limit of a request's head, which closes idle connections anyway.
const SOON: Duration = Duration::from_secs(5);

async fn start(change: impl FnOnce(&mut ConnectionLimits)) -> (TestServer, SocketAddr) {
    start_with(|options| change(&mut options.connections)).await
}

async fn start_with(change: impl FnOnce(&mut ServeOptions)) -> (TestServer, SocketAddr) {
    let server = TestServer::start_with(change).await;
    let address = server.url.trim_start_matches("http://").parse().unwrap();
    (server, address)
}

/// A blocking connection with a small receive buffer, from this address of the loopback network.
async fn connect_from(local: &str, address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(local.parse().unwrap(), 0)).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(address).await.unwrap().into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// Whether a request on this connection is answered. A client that is refused may see a reset instead of the end.
fn is_answered(stream: &mut TcpStream) -> bool {
    let (mut head, mut byte) = (Vec::<u8>::new(), [0; 1]);
    if stream.write_all(request("/healthz").as_bytes()).is_err() {
        return false;
    }
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_exact(&mut byte).is_err() {
            return false;
        }
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |length| length.parse().unwrap());
    stream.read_exact(&mut vec![0; length]).is_ok() && head.starts_with("http/1.1 200")
}

/// Fails if the connection stays open until the read times out.
fn assert_ends(stream: &mut TcpStream, name: &str) {
    let ended = stream.read_to_end(&mut Vec::new());
    let is_reset = ended.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionReset);
    assert!(ended.is_ok() || is_reset, "{name}: {ended:?}");
}

async fn open_events(user: &BrowserClient) -> Response {
    let events = user.get("/events").send().await.unwrap();
    assert_eq!(events.status(), 200);
    events
}

/// The stream does not end for a while.
async fn assert_stays_open(events: &mut Response) {
    let until_end = async { while events.chunk().await.is_ok_and(|chunk| chunk.is_some()) {} };
    assert!(timeout(Duration::from_millis(300), until_end).await.is_err(), "the stream ended");
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_disconnected() {
    let (_server, address) = start(|limits| limits.write = Duration::from_millis(200)).await;
    let mut stream = connect_from("127.0.0.1", address).await;
    // More than the socket buffers hold.
    stream.write_all(request("/api/v1/openapi.json").repeat(200).as_bytes()).unwrap();
    stream.set_nonblocking(true).unwrap();
    let is_closed = async || stream.write(b"G").is_err_and(|error| error.kind() != ErrorKind::WouldBlock);
    within(SOON, "the connection is closed", is_closed).await;
}

#[tokio::test]
async fn an_event_stream_without_events_is_not_slow() {
    let (server, _) = start(|limits| limits.write = Duration::from_millis(50)).await;
    let owner = server.user("owner", "acme").await;
    assert_stays_open(&mut open_events(&owner).await).await;
}

#[tokio::test]
async fn connections_without_a_request_are_closed() {
    let (_server, address) = start(|limits| limits.header = Duration::from_millis(300)).await;
    for (name, beginning) in [("silent", ""), ("half a head", "GET / HTTP/1.1\r\nHost: a\r\n")] {
        let mut stream = connect_from("127.0.0.1", address).await;
        stream.write_all(beginning.as_bytes()).unwrap();
        assert_ends(&mut stream, name);
    }
    let mut kept_alive = connect_from("127.0.0.1", address).await;
    assert!(is_answered(&mut kept_alive));
    assert_ends(&mut kept_alive, "idle after a response");
}

#[tokio::test]
async fn connections_of_one_address_are_limited() {
    let (server, address) = start_with(|options| {
        options.connections.exempt_loopback = false;
        options.connections.connections_per_client = 2;
        options.trusted_proxies = vec!["127.0.0.3/32".parse().unwrap()];
    })
    .await;
    let mut open = [connect_from("127.0.0.2", address).await, connect_from("127.0.0.2", address).await];
    assert!(open.iter_mut().all(is_answered));
    assert!(!is_answered(&mut connect_from("127.0.0.2", address).await));
    assert!(open.iter_mut().all(is_answered), "the first connections are not affected");
    assert!(is_answered(&mut connect_from("127.0.0.4", address).await), "another client is not affected");
    let mut proxy = Vec::new();
    for _ in 0..4 {
        proxy.push(connect_from("127.0.0.3", address).await);
    }
    assert!(proxy.iter_mut().all(is_answered), "a trusted proxy is not limited");
    let metrics = server.visitor().get("/metrics").send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("\nlatchkey_connections_rejected_total 1\n"), "{metrics}");
    drop(open);
    eventually("a new connection is accepted", async || is_answered(&mut connect_from("127.0.0.2", address).await)).await;
}

#[tokio::test]
async fn idle_and_stalled_connections_make_room_for_new_ones() {
    let (server, address) = start(|limits| {
        limits.total = 16;
        limits.stall = Duration::from_millis(100);
    })
    .await;
    let owner = server.user("owner", "acme").await;
    let key = server.api("owner@acme.test", "verify").key;
    let mut events = [open_events(&owner).await, open_events(&owner).await];
    let mut slow = Vec::new();
    for beginning in [
        String::new(),
        "GET / HTTP/1.1\r\nHost:".to_owned(),
        request("/api/v1/openapi.json").repeat(200),
        format!("POST /fn/account/sign-in HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nContent-Length: 100\r\n\r\n{{"),
        format!("POST /api/v1/verify HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\nContent-Length: 100\r\n\r\n{{"),
    ] {
        for _ in 0..16 {
            let mut stream = connect_from("127.0.0.1", address).await;
            // A connection that was closed to make room for this loop's next one is no failure.
            let _ = stream.write_all(beginning.as_bytes());
            slow.push(stream);
        }
    }
    let started = Instant::now();
    let mut new = connect_from("127.0.0.1", address).await;
    assert!(is_answered(&mut new));
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    for events in &mut events {
        assert_stays_open(events).await;
    }
}

/// Limits the file handles of `latchkey serve` with these arguments of `ulimit`.
fn limit_handles(command: &mut Command, ulimit: &str) {
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit {ulimit} && exec \"$0\" \"$@\"")]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited.stdout(Stdio::piped()).stderr(Stdio::piped());
    *command = limited;
}

#[test]
fn silent_clients_cannot_use_up_the_file_handles() {
    let data = TempDir::new().unwrap();
    let server = ServeProcess::start_with(data.path(), |command| limit_handles(command, "-n 192"));
    let address = server.text_after("Latchkey is at http://").trim_end_matches('/').to_owned();
    server.text_after("only 64 connections at a time");
    let silent = (0..150).map(|_| TcpStream::connect(&address).unwrap()).collect::<Vec<_>>();
    let started = Instant::now();
    let mut new = TcpStream::connect(&address).unwrap();
    new.set_read_timeout(Some(SOON)).unwrap();
    assert!(is_answered(&mut new) && started.elapsed() < SOON, "{:?}", started.elapsed());
    drop(silent);
    assert!(!server.stop().contains("cannot accept a connection"));
}

#[test]
fn the_limit_on_file_handles_is_raised() {
    let data = TempDir::new().unwrap();
    let server = ServeProcess::start_with(data.path(), |command| limit_handles(command, "-S -n 192"));
    server.text_after("Latchkey is at http://");
    assert!(!server.stop().contains("only 64 connections at a time"));
}
