//! Services: `/api/v1/services`, and the gateway at `/gateway/{service}/{path}`.

mod credentials;
mod documented;
mod echoes;
mod forwarding;
mod headers;
mod limits;
mod paths;
mod rest;

use std::time::Duration;

use latchkey_types::id::KeyId;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{ApiClient, BrowserClient, TestServer, services::allow_loopback, text, upstream::Upstream};

/// The value of the general key that is linked to the service `api`.
pub const SECRET: &str = "sk-0123456789abcdef";

/// Longer than any response takes.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A server that may call this machine, an upstream, and the service `api` for it.
pub struct Fixture {
    pub server: TestServer,
    pub owner: BrowserClient,
    /// With all scopes, as the owner.
    pub api: ApiClient,
    pub upstream: Upstream,
    /// The id of the service.
    pub service: String,
    /// A client key with the scope `read`.
    pub key: String,
}

/// A response, read byte for byte.
pub struct RawResponse {
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    pub body: String,
}

impl Fixture {
    /// The service accepts client keys and allows every request. The credential is sent as a bearer token.
    pub async fn start() -> Self {
        Self::start_with(json!({})).await
    }

    /// Same as [`Self::start`], with these fields replaced in the service.
    pub async fn start_with(fields: Value) -> Self {
        let server = TestServer::start_with(allow_loopback).await;
        let owner = server.user("owner", "acme").await;
        let api = server.api("owner@acme.test", "");
        let upstream = Upstream::start().await;
        let mut fixture = Self { server, owner, api, upstream, service: String::new(), key: String::new() };
        let credential = fixture.general_key("upstream", SECRET).await;
        fixture.service = fixture.create_service(with(json!({ "credential": credential }), &fields)).await;
        fixture.key = fixture.key("client", json!({ "scopes": ["read"] })).await.1;
        fixture
    }

    /// Stores a general key. Returns its id.
    pub async fn general_key(&self, name: &str, value: &str) -> String {
        let (status, created) = self.api.post("/credentials", json!({ "kind": "general", "name": name, "value": value })).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        text(&created["credential"]["id"])
    }

    /// A service `api` at the upstream without a credential, with these fields replaced.
    pub fn service(&self, fields: &Value) -> Value {
        let service = json!({
            "name": "api", "base_url": self.upstream.url, "injection": { "type": "bearer" },
            "allow": [{ "method": "*", "path": "/**" }], "callers": [{ "kind": "client" }],
        });
        with(service, fields)
    }

    /// Creates such a service. Returns its id.
    pub async fn create_service(&self, fields: Value) -> String {
        let (status, created) = self.api.post("/services", self.service(&fields)).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        text(&created["id"])
    }

    /// Changes fields of the service `api`. Returns it.
    pub async fn edit_service(&self, fields: Value) -> Value {
        let (status, edited) = self.api.call(Method::PATCH, &format!("/services/{}", self.service), Some(fields)).await;
        assert_eq!(status, StatusCode::OK, "{edited}");
        edited
    }

    /// Creates a key of a kind, with these fields. Returns its id and its secret.
    pub async fn key(&self, kind: &str, fields: Value) -> (String, String) {
        let call = json!({ "kind": kind, "name": format!("{kind} {}", KeyId::new()) });
        let (status, created) = self.api.post("/keys", with(call, &fields)).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        (text(&created["key"]["id"]), text(&created["secret"]))
    }

    /// A request to the gateway with the fixture's key. The path is that after `/gateway`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_with(&self.key, method, path)
    }

    /// A request to the gateway with this key.
    pub fn request_with(&self, key: &str, method: Method, path: &str) -> RequestBuilder {
        self.server.visitor().client.request(method, format!("{}/gateway{path}", self.server.url)).header("x-api-key", key)
    }

    /// The response to a GET with the fixture's key.
    pub async fn get(&self, path: &str) -> Response {
        self.get_with(&self.key, path).await
    }

    /// The response to a GET with this key.
    pub async fn get_with(&self, key: &str, path: &str) -> Response {
        self.request_with(key, Method::GET, path).send().await.unwrap()
    }

    /// Opens a connection to the server and sends these bytes.
    pub async fn connect(&self, bytes: impl AsRef<[u8]>) -> TcpStream {
        let mut stream = TcpStream::connect(self.server.url.trim_start_matches("http://")).await.unwrap();
        stream.write_all(bytes.as_ref()).await.unwrap();
        stream
    }

    /// Sends a request with the fixture's key that the client library would change: the request line, and header lines with their ends.
    pub async fn send_raw(&self, request_line: &str, headers: &str) -> RawResponse {
        let head = format!("{request_line} HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {}\r\n{headers}", self.key);
        let close = if headers.to_ascii_lowercase().contains("connection:") { "" } else { "Connection: close\r\n" };
        read_raw(self.connect(format!("{head}{close}\r\n")).await).await
    }
}

/// Reads a response until the server closes the connection.
pub async fn read_raw(mut stream: TcpStream) -> RawResponse {
    let mut bytes = Vec::new();
    timeout(TIMEOUT, stream.read_to_end(&mut bytes)).await.expect("the server did not close the connection").unwrap();
    let response = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or_else(|| panic!("not a response: {response:?}"));
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    RawResponse { status: status.unwrap_or_else(|| panic!("no status: {head:?}")), head: head.to_owned(), body: body.to_owned() }
}

/// The value with these fields replaced.
pub fn with(mut value: Value, fields: &Value) -> Value {
    value.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    value
}

/// Status and code of a response of Latchkey itself, which is never cached.
pub async fn refusal(response: Response) -> (u16, String) {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let problem: Value = response.json().await.unwrap();
    assert_eq!(headers["content-type"], "application/problem+json", "{problem}");
    assert_eq!(headers["cache-control"], "no-store", "{problem}");
    assert!(!problem.to_string().contains(SECRET), "{problem}");
    (status, text(&problem["code"]))
}

/// A pair for comparison with [`refusal`].
pub fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
