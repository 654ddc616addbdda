//! The baseline for verify: the same HTTP server and runtime, and a handler that parses the same JSON, returns JSON of the same shape and
//! does nothing else. It is also the upstream of the gateway: `/item` and chat completions are always the same JSON.

use std::{convert::Infallible, future, io, net::IpAddr, sync::LazyLock, time::Duration};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    http::header::{CONTENT_TYPE, HeaderName},
    routing::{get, post},
};
use futures_util::{StreamExt, stream};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};

/// The same allocator as Latchkey's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The fields of Latchkey's verify request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "parsed for the cost of it, as Latchkey does, but not used")]
struct VerifyRequest {
    key: String,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    corpus: Option<i64>,
    #[serde(default)]
    project: Option<String>,
    #[serde(default)]
    cost: Option<u32>,
    #[serde(default)]
    ip: Option<IpAddr>,
}

/// The fields of Latchkey's verdict, with values of the same length.
#[derive(Serialize)]
struct Verdict {
    valid: bool,
    code: &'static str,
    key_id: &'static str,
    name: &'static str,
    kind: &'static str,
    customer_id: i64,
    external_id: Option<&'static str>,
    metadata: Option<&'static str>,
    scopes: [&'static str; 0],
    corpora: [i64; 0],
    project_id: Option<&'static str>,
    role: Option<&'static str>,
    expires_at: &'static str,
    request_id: &'static str,
}

const VERDICT: Verdict = Verdict {
    valid: true,
    code: "VALID",
    key_id: "key_01a1f0b75c8d7f3aa6c1d0e5b4938271",
    name: "Service 000001",
    kind: "client",
    customer_id: 1_234_567_890,
    external_id: None,
    metadata: None,
    scopes: [],
    corpora: [],
    project_id: None,
    role: None,
    expires_at: "2027-11-21T10:00:00.000Z",
    request_id: "req_01a1f0b75c8d7f3aa6c1d0e5b4938271",
};

async fn verify(Json(_): Json<VerifyRequest>) -> Json<Verdict> {
    Json(VERDICT)
}

/// About 1 KiB of JSON.
static ITEM: LazyLock<Bytes> = LazyLock::new(|| format!("{{\"id\":1,\"text\":\"{}\"}}", "A thousand bytes of plain words. ".repeat(31)).into());

async fn item() -> ([(HeaderName, &'static str); 1], Bytes) {
    ([(CONTENT_TYPE, "application/json")], ITEM.clone())
}

/// About 1 KiB of JSON.
static COMPLETION: LazyLock<Bytes> = LazyLock::new(|| {
    let text = "A thousand bytes of plain words. ".repeat(24);
    let usage = r#"{"prompt_tokens":150,"completion_tokens":90,"total_tokens":240,"prompt_tokens_details":{"cached_tokens":0}}"#;
    format!(
        "{{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1790000000,\"model\":\"a-model\",\"choices\":[{{\"index\":0,\"message\":\
         {{\"role\":\"assistant\",\"content\":\"{text}\"}},\"finish_reason\":\"stop\"}}],\"usage\":{usage}}}"
    )
    .into()
});
/// The first event of each stream, and the only one.
static EVENT: Bytes = Bytes::from_static(
    b"data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"A\"}}]}\n\n",
);
/// Where `"stream":true` is searched: the field comes first in the requests for streams.
const STREAM_WITHIN: usize = 64;

/// A chat completion, or a stream that stays open until the client closes it.
async fn chat(request: Bytes) -> ([(HeaderName, &'static str); 1], Body) {
    const STREAM: &[u8] = b"\"stream\":true";
    let begin = &request[..request.len().min(STREAM_WITHIN)];
    if !begin.windows(STREAM.len()).any(|part| part == STREAM) {
        return ([(CONTENT_TYPE, "application/json")], Body::from(COMPLETION.clone()));
    }
    let events = stream::once(future::ready(Ok::<_, Infallible>(EVENT.clone()))).chain(stream::pending());
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(events))
}

/// Listens on the port given as the first argument.
#[tokio::main]
async fn main() -> io::Result<()> {
    let port: u16 = std::env::args().nth(1).and_then(|port| port.parse().ok()).ok_or_else(|| io::Error::other("usage: bare PORT"))?;
    let router = Router::new()
        .route("/api/v1/verify", post(verify))
        .route("/item", get(item))
        .route("/v1/chat/completions", post(chat))
        .route("/readyz", get(async || "ready"));
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        serve_connection(listener.accept().await?.0, &router);
    }
}

/// Uses the same connection settings as Latchkey.
fn serve_connection(stream: TcpStream, router: &Router) {
    let _ = stream.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(10)).max_headers(100).max_buf_size(32 * 1024);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
    tokio::spawn(async move {
        let _ = connection.await;
    });
}
