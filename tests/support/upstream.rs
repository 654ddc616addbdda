//! An HTTP service that sends bytes as they are, for the gateway: also responses that no HTTP library would send, and responses in pieces.

use std::{
    io,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// A step of a response.
#[derive(Debug, Clone)]
enum Step {
    Send(Vec<u8>),
    Wait(Duration),
    /// Waits until the client closes the connection.
    Hang,
    Close,
}

/// A response, step by step. The connection stays open after it, unless the last step closes it.
#[derive(Debug, Clone, Default)]
pub struct Script(Vec<Step>);

impl Script {
    pub fn new() -> Self {
        Self::default()
    }

    /// A response with a `Content-Length`.
    pub fn response(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let length = body.len().to_string();
        Self::new().send(head(status, &[headers, &[("content-length", length.as_str())]].concat())).send(body)
    }

    /// A response in chunks. Each is sent on its own, so that its reader receives it before the next one.
    pub fn chunked(status: u16, headers: &[(&str, &str)], chunks: &[&[u8]]) -> Self {
        let script = Self::new().send(head(status, &[headers, &[("transfer-encoding", "chunked")]].concat()));
        let pause = Duration::from_millis(20);
        chunks.iter().fold(script, |script, bytes| script.chunk(bytes).wait(pause)).send("0\r\n\r\n")
    }

    /// Sends these bytes.
    pub fn send(self, bytes: impl AsRef<[u8]>) -> Self {
        self.then(Step::Send(bytes.as_ref().to_vec()))
    }

    /// Sends a chunk of a response in chunks.
    pub fn chunk(self, bytes: &[u8]) -> Self {
        self.send([format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat())
    }

    pub fn wait(self, time: Duration) -> Self {
        self.then(Step::Wait(time))
    }

    /// Sends nothing more, and waits until the client closes the connection.
    pub fn hang(self) -> Self {
        self.then(Step::Hang)
    }

    /// Closes the connection.
    pub fn close(self) -> Self {
        self.then(Step::Close)
    }

    fn then(mut self, step: Step) -> Self {
        self.0.push(step);
        self
    }
}

/// The head of a response.
pub fn head(status: u16, headers: &[(&str, &str)]) -> Vec<u8> {
    let lines: String = headers.iter().flat_map(|&(name, value)| [name, ": ", value, "\r\n"]).collect();
    format!("HTTP/1.1 {status} Status\r\n{lines}\r\n").into_bytes()
}

/// A request that the service received, or is receiving.
#[derive(Debug, Clone, Default)]
pub struct ReceivedRequest {
    /// Such as `GET /v1/models?q=1 HTTP/1.1`.
    pub line: String,
    /// In the order in which they were sent, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// What has arrived of the body, without chunked coding.
    pub body: Vec<u8>,
    /// When the connection was closed, if this was its last request.
    pub closed_at: Option<Instant>,
}

impl ReceivedRequest {
    /// Path and query.
    pub fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap()
    }

    /// The value of a header that occurs once; `None` if it is missing.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|header| header.0 == name).map(|header| header.1.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} occurs twice");
        value
    }
}

type Respond = Arc<dyn Fn(&ReceivedRequest) -> Script + Send + Sync>;

struct Shared {
    respond: Mutex<Respond>,
    /// Whether a response is sent before the body of its request has arrived.
    is_early: Mutex<bool>,
    requests: Mutex<Vec<ReceivedRequest>>,
}

/// The service. By default, it responds with 200 and an empty body.
pub struct Upstream {
    /// Without a slash at the end.
    pub url: String,
    shared: Arc<Shared>,
}

impl Upstream {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let respond: Respond = Arc::new(|_: &ReceivedRequest| Script::response(200, &[], ""));
        let shared = Arc::new(Shared { respond: Mutex::new(respond), is_early: Mutex::default(), requests: Mutex::default() });
        let accepting = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&accepting)));
            }
        });
        Self { url, shared }
    }

    /// Sends this response to every request from now on, after its body has arrived.
    pub fn respond(&self, script: Script) {
        self.respond_with(move |_| script.clone());
    }

    /// Sends the response that this function makes from the request.
    pub fn respond_with(&self, respond: impl Fn(&ReceivedRequest) -> Script + Send + Sync + 'static) {
        *self.shared.respond.lock().unwrap() = Arc::new(respond);
        *self.shared.is_early.lock().unwrap() = false;
    }

    /// Sends this response before the body of the request has arrived.
    pub fn respond_early(&self, script: Script) {
        self.respond(script);
        *self.shared.is_early.lock().unwrap() = true;
    }

    /// All requests so far, also those that are still arriving.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The last request so far.
    pub fn last_request(&self) -> ReceivedRequest {
        self.requests().pop().expect("the upstream received no request")
    }
}

/// Answers the requests of a connection, and notes when it is closed.
async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let mut last = None;
    // Hostile responses make the client close the connection early.
    let _ = respond_to_all(BufReader::new(stream), &shared, &mut last).await;
    if let Some(index) = last {
        shared.requests.lock().unwrap()[index].closed_at = Some(Instant::now());
    }
}

async fn respond_to_all(mut stream: BufReader<TcpStream>, shared: &Shared, last: &mut Option<usize>) -> io::Result<()> {
    stream.get_ref().set_nodelay(true)?;
    while let Some(request) = read_head(&mut stream).await? {
        let index = {
            let mut requests = shared.requests.lock().unwrap();
            requests.push(request);
            requests.len() - 1
        };
        *last = Some(index);
        let is_early = *shared.is_early.lock().unwrap();
        if !is_early {
            read_body(&mut stream, shared, index).await?;
        }
        let respond = Arc::clone(&shared.respond.lock().unwrap());
        let request = shared.requests.lock().unwrap()[index].clone();
        if !send(&mut stream, respond(&request)).await? {
            return Ok(());
        }
        if is_early {
            read_body(&mut stream, shared, index).await?;
        }
    }
    Ok(())
}

/// Sends a response. Returns whether the connection stays open.
async fn send(stream: &mut BufReader<TcpStream>, script: Script) -> io::Result<bool> {
    for step in script.0 {
        match step {
            Step::Send(bytes) => stream.write_all(&bytes).await?,
            Step::Wait(time) => tokio::time::sleep(time).await,
            Step::Close => return Ok(false),
            Step::Hang => {
                let mut ignored = [0; 1024];
                while stream.read(&mut ignored).await? > 0 {}
                return Ok(false);
            }
        }
        stream.flush().await?;
    }
    Ok(true)
}

async fn read_head(stream: &mut BufReader<TcpStream>) -> io::Result<Option<ReceivedRequest>> {
    let line = read_line(stream).await?;
    if line.is_empty() {
        return Ok(None);
    }
    let mut request = ReceivedRequest { line, ..ReceivedRequest::default() };
    loop {
        let line = read_line(stream).await?;
        let Some((name, value)) = line.split_once(':') else { return Ok(Some(request)) };
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

/// A line without its end; empty at the end of the stream.
async fn read_line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line).await?;
    Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
}

async fn read_body(stream: &mut BufReader<TcpStream>, shared: &Shared, index: usize) -> io::Result<()> {
    let request = shared.requests.lock().unwrap()[index].clone();
    if request.header("transfer-encoding").is_none() {
        let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
        return read_part(stream, shared, index, length).await;
    }
    loop {
        let length = usize::from_str_radix(&read_line(stream).await?, 16).map_err(io::Error::other)?;
        read_part(stream, shared, index, length).await?;
        read_line(stream).await?;
        if length == 0 {
            return Ok(());
        }
    }
}

/// Adds this many bytes to the body, as they arrive.
async fn read_part(stream: &mut BufReader<TcpStream>, shared: &Shared, index: usize, length: usize) -> io::Result<()> {
    let (mut left, mut buffer) = (length, [0; 4096]);
    while left > 0 {
        let end = left.min(buffer.len());
        let count = stream.read(&mut buffer[..end]).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        shared.requests.lock().unwrap()[index].body.extend_from_slice(&buffer[..count]);
        left -= count;
    }
    Ok(())
}
