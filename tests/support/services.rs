//! External services on this machine: a mock HTTP service, moto for AWS, and a mail server.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use ipnet::IpNet;
use latchkey_program::config::ServeOptions;
use reqwest::Client;
use serde_json::Value;
use tokio::net::TcpListener;

/// Allows the server to send requests to this machine.
pub fn allow_loopback(options: &mut ServeOptions) {
    options.outgoing.allow_outgoing = vec!["127.0.0.0/8".parse::<IpNet>().unwrap()];
}

/// The response of a mock service.
#[derive(Clone)]
pub struct MockResponse {
    pub status: StatusCode,
    pub body: String,
    pub location: Option<String>,
    pub delay: Duration,
}

impl MockResponse {
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status: StatusCode::from_u16(status).unwrap(), body: body.into(), location: None, delay: Duration::ZERO }
    }
}

/// A request that a mock service received.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    /// Method and URI, such as `GET /v1/models`.
    pub request_line: String,
    pub headers: HeaderMap,
    pub body: String,
}

/// The next response, and the recorded requests.
type Shared = Arc<Mutex<(MockResponse, Vec<RecordedRequest>)>>;

/// An HTTP service that sends a configured response and records requests.
pub struct MockService {
    pub url: String,
    shared: Shared,
}

impl MockService {
    pub async fn start() -> Self {
        let shared = Arc::new(Mutex::new((MockResponse::new(200, "{}"), Vec::new())));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(respond).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    pub fn respond_with(&self, response: MockResponse) {
        self.shared.lock().unwrap().0 = response;
    }

    /// The number of requests that [`Self::take_requests`] would return.
    pub fn request_count(&self) -> usize {
        self.shared.lock().unwrap().1.len()
    }

    /// The requests since the last call of this method.
    pub fn take_requests(&self) -> Vec<RecordedRequest> {
        std::mem::take(&mut self.shared.lock().unwrap().1)
    }
}

async fn respond(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
    let configured = {
        let mut shared = shared.lock().unwrap();
        shared.1.push(RecordedRequest { request_line: format!("{} {}", parts.method, parts.uri), headers: parts.headers, body });
        shared.0.clone()
    };
    // Real time: a slow service.
    tokio::time::sleep(configured.delay).await;
    let mut response = (configured.status, configured.body).into_response();
    if let Some(location) = configured.location {
        response.headers_mut().insert(header::LOCATION, location.parse().unwrap());
    }
    response
}

/// moto with signature checks, and one user with all permissions.
pub struct Moto {
    pub url: String,
    pub key: String,
    pub secret: String,
    program: Child,
}

impl Moto {
    pub async fn start() -> Self {
        let path = crate::support::repository().join("target/moto/bin/moto_server");
        let mut program = Command::new(path)
            .args(["--host", "127.0.0.1", "--port", "0"])
            // The first three requests, which create the user, are accepted with any signature.
            .env("INITIAL_NO_AUTH_ACTION_COUNT", "3")
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("moto is not installed: run `cargo xtask setup`");
        let url = printed_url(program.stderr.take().unwrap());
        drain(program.stdout.take().unwrap());
        let iam = |action: &str| format!("Action={action}&Version=2010-05-08&UserName=ada");
        call_iam(&url, iam("CreateUser")).await;
        let key = call_iam(&url, iam("CreateAccessKey")).await;
        let policy = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22*%22%2C%22Resource%22%3A%22*%22%7D%5D%7D";
        call_iam(&url, format!("{}&PolicyName=all&PolicyDocument={policy}", iam("PutUserPolicy"))).await;
        Self { url, key: between(&key, "AccessKeyId"), secret: between(&key, "SecretAccessKey"), program }
    }
}

impl Moto {
    /// Runs Python code with boto3 in which `aws(service)` is a client of this user. Returns the lines that it prints.
    pub async fn run(&self, code: &str) -> Vec<String> {
        let code = format!(
            "import boto3, botocore.config, sys\n\
             def aws(service, key=sys.argv[2], secret=sys.argv[3]):\n    \
             return boto3.client(service, endpoint_url=sys.argv[1], region_name='us-east-1', aws_access_key_id=key,\n        \
             aws_secret_access_key=secret,\n        \
             config=botocore.config.Config(s3={{'addressing_style': 'path'}}, request_checksum_calculation='when_required'))\n\
             {code}"
        );
        let mut python = Command::new(crate::support::repository().join("target/moto/bin/python"));
        python.args(["-c", &code, &self.url, &self.key, &self.secret]);
        let output = tokio::task::spawn_blocking(move || python.output().expect("moto is not installed: run `cargo xtask setup`")).await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(ToOwned::to_owned).collect()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

async fn call_iam(url: &str, form: String) -> String {
    let signature = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=x";
    let call = Client::new().post(url).header("authorization", signature).header("content-type", "application/x-www-form-urlencoded").body(form);
    let response = call.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    response.text().await.unwrap()
}

fn between(xml: &str, element: &str) -> String {
    let rest = xml.split_once(&format!("<{element}>")).unwrap().1;
    rest.split_once("</").unwrap().0.to_owned()
}

/// The URL that moto prints. Later output is read and dropped, so that moto does not block on a full pipe.
fn printed_url(stderr: impl Read + Send + 'static) -> String {
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    let url = lines.find_map(|line| line.split_once("Running on ").map(|(_, url)| url.trim().to_owned())).expect("moto did not print its URL");
    thread::spawn(move || lines.for_each(drop));
    url
}

fn drain(stream: impl Read + Send + 'static) {
    thread::spawn(move || BufReader::new(stream).lines().map_while(Result::ok).for_each(drop));
}

/// aiosmtpd: a mail server that records the messages it receives.
pub struct MailServer {
    pub url: String,
    received: Arc<Mutex<Vec<Value>>>,
    program: Child,
}

impl MailServer {
    /// Starts the server with one SMTP reply per message; see tests/smtp.py.
    pub fn start(replies: &[&str]) -> Self {
        let root = crate::support::repository();
        let mut program = Command::new(root.join("target/smtp/bin/python"))
            .arg(root.join("tests/smtp.py"))
            .args(replies)
            .stdout(Stdio::piped())
            .spawn()
            .expect("aiosmtpd is not installed: run `cargo xtask setup`");
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines().map_while(Result::ok);
        let url = format!("smtp://127.0.0.1:{}?tls=none", lines.next().expect("aiosmtpd did not print its port"));
        let received = Arc::<Mutex<Vec<Value>>>::default();
        let sink = Arc::clone(&received);
        thread::spawn(move || lines.for_each(|line| sink.lock().unwrap().push(serde_json::from_str(&line).unwrap())));
        Self { url, received, program }
    }

    /// All messages received so far.
    pub fn messages(&self) -> Vec<Value> {
        self.received.lock().unwrap().clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
