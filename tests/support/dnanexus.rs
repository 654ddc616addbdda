//! A part of DNAnexus' API on this machine: `findDataObjects` with pages, and downloads by links that expire.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    body::{Bytes, to_bytes},
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use latchkey_program::config::ServeOptions;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{
    services::allow_loopback,
    storage::{Gate, requested_range, respond},
};

/// The only token that is accepted.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// The only project.
pub const PROJECT: &str = "project-B406G0x2fz2B3GVk65200003";
/// Files on a page of results.
const PAGE: usize = 2;

struct File {
    name: String,
    /// `open`, `closing` or `closed`.
    state: &'static str,
    content: Bytes,
    /// In milliseconds since 1970.
    modified: i64,
}

#[derive(Default)]
struct Files {
    /// The files by id.
    by_id: Mutex<BTreeMap<String, File>>,
    links: Mutex<Links>,
    /// Requests for contents: id of the file and first position.
    reads: Mutex<Vec<(String, usize)>>,
    gate: Gate,
    url: Mutex<String>,
}

#[derive(Default)]
struct Links {
    /// The number of links that were issued.
    issued: usize,
    /// Links with a number up to this one are expired.
    expired: usize,
    /// How often a link can be used; 0 for any number of times.
    uses_max: usize,
    /// Uses by the number of the link.
    uses: BTreeMap<usize, usize>,
}

impl Links {
    /// Whether the link is valid for one more use, which is counted.
    fn is_valid(&mut self, number: usize) -> bool {
        let uses = self.uses.entry(number).or_default();
        *uses += 1;
        number > self.expired && (self.uses_max == 0 || *uses <= self.uses_max)
    }
}

pub struct FakeDnanexus {
    pub url: String,
    pub gate: Gate,
    files: Arc<Files>,
}

impl FakeDnanexus {
    pub async fn start() -> Self {
        let files = Arc::<Files>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        files.url.lock().unwrap().clone_from(&url);
        let router = Router::new()
            .route("/system/whoami", post(who_am_i))
            .route("/system/findDataObjects", post(find_data_objects))
            .route("/{file}/describe", post(describe))
            .route("/{file}/download", post(download))
            .route("/F/D/{number}/{file}", get(read))
            .with_state(Arc::clone(&files));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, gate: files.gate.clone(), files }
    }

    /// Lets a server read from this one.
    pub fn configure(&self, options: &mut ServeOptions) {
        allow_loopback(options);
        options.outgoing.dnanexus_url = Some(self.url.parse().unwrap());
    }

    /// Adds a file that is closed, or replaces it. Returns its id.
    pub fn put(&self, name: &str, content: Bytes) -> String {
        self.put_in_state(name, content, "closed")
    }

    pub fn put_in_state(&self, name: &str, content: Bytes, state: &'static str) -> String {
        let mut files = self.files.by_id.lock().unwrap();
        let same = files.iter().find(|(_, file)| file.name == name).map(|(id, file)| (id.clone(), file.modified + 1));
        let (id, modified) = same.unwrap_or_else(|| (format!("file-B406G0x2fz2B3GVk{:08}", files.len()), 1_795_255_200_000));
        files.insert(id.clone(), File { name: name.to_owned(), state, content, modified });
        id
    }

    /// The links that were issued so far are refused.
    pub fn expire_links(&self) {
        let mut links = self.files.links.lock().unwrap();
        links.expired = links.issued;
    }

    /// How often each link can be used; 0 for any number of times.
    pub fn limit_uses(&self, uses_max: usize) {
        self.files.links.lock().unwrap().uses_max = uses_max;
    }

    /// Refuses all links from now on.
    pub fn refuse_links(&self) {
        self.files.links.lock().unwrap().expired = usize::MAX;
    }

    /// The number of links that were issued.
    pub fn issued_links(&self) -> usize {
        self.files.links.lock().unwrap().issued
    }

    /// Id of the file and first position of the requests for contents since the last call, sorted.
    pub fn take_reads(&self) -> Vec<(String, usize)> {
        let mut reads = std::mem::take(&mut *self.files.reads.lock().unwrap());
        reads.sort();
        reads
    }
}

fn refuse(status: u16, kind: &str) -> Response {
    (StatusCode::from_u16(status).unwrap(), Json(json!({ "error": { "type": kind, "message": "Refused." } }))).into_response()
}

/// The JSON of a request with the token; otherwise the error.
async fn receive(request: Request) -> Result<Value, Response> {
    let (parts, body) = request.into_parts();
    if parts.headers.get(header::AUTHORIZATION).is_none_or(|value| value.as_bytes() != format!("Bearer {TOKEN}").as_bytes()) {
        return Err(refuse(401, "InvalidAuthentication"));
    }
    let body = to_bytes(body, 1 << 20).await.unwrap();
    serde_json::from_slice(&body).map_err(|_| refuse(400, "InvalidInput"))
}

async fn who_am_i(request: Request) -> Response {
    match receive(request).await {
        Ok(_) => Json(json!({ "id": "user-ada" })).into_response(),
        Err(refusal) => refusal,
    }
}

fn description(id: &str, file: &File) -> Value {
    json!({
        "id": id, "project": PROJECT, "class": "file", "name": file.name, "folder": "/", "state": file.state, "size": file.content.len(),
        "created": file.modified, "modified": file.modified, "media": "application/octet-stream",
    })
}

async fn find_data_objects(State(files): State<Arc<Files>>, request: Request) -> Response {
    let query = match receive(request).await {
        Ok(query) => query,
        Err(refusal) => return refusal,
    };
    if query["scope"]["project"] != PROJECT {
        return refuse(404, "ResourceNotFound");
    }
    if query["class"] != "file" {
        return refuse(422, "InvalidInput");
    }
    let after = query["starting"]["id"].as_str().unwrap_or_default();
    let limit = query["limit"].as_u64().map_or(PAGE, |limit| PAGE.min(usize::try_from(limit).unwrap()));
    let files = files.by_id.lock().unwrap();
    // `starting` names the first object of the page.
    let mut matching = files.iter().filter(|(id, _)| id.as_str() >= after);
    let page: Vec<Value> = matching
        .by_ref()
        .take(limit)
        .map(|(id, file)| {
            let mut result = json!({ "project": PROJECT, "id": id });
            if !query["describe"].is_null() && query["describe"] != false {
                result["describe"] = description(id, file);
            }
            result
        })
        .collect();
    let next = matching.next().map_or(Value::Null, |(id, _)| json!({ "project": PROJECT, "id": id }));
    Json(json!({ "results": page, "next": next })).into_response()
}

async fn describe(State(files): State<Arc<Files>>, Path(id): Path<String>, request: Request) -> Response {
    if let Err(refusal) = receive(request).await {
        return refusal;
    }
    let files = files.by_id.lock().unwrap();
    files.get(&id).map_or_else(|| refuse(404, "ResourceNotFound"), |file| Json(description(&id, file)).into_response())
}

async fn download(State(files): State<Arc<Files>>, Path(id): Path<String>, request: Request) -> Response {
    if let Err(refusal) = receive(request).await {
        return refusal;
    }
    let state = files.by_id.lock().unwrap().get(&id).map(|file| file.state);
    match state {
        None => return refuse(404, "ResourceNotFound"),
        Some("closed") => {}
        Some(_) => return refuse(422, "InvalidState"),
    }
    let number = {
        let mut links = files.links.lock().unwrap();
        links.issued += 1;
        links.issued
    };
    let url = format!("{}/F/D/{number}/{id}", files.url.lock().unwrap());
    Json(json!({ "url": url, "headers": { "x-dx-link": number.to_string() }, "expires": 1_795_255_260_000_u64 })).into_response()
}

/// Answers a link. The token is not sent there.
async fn read(State(files): State<Arc<Files>>, Path((number, id)): Path<(usize, String)>, headers: HeaderMap) -> Response {
    let is_ours = headers.get("x-dx-link").is_some_and(|value| value.as_bytes() == number.to_string().as_bytes());
    if !is_ours || headers.contains_key(header::AUTHORIZATION) {
        return refuse(400, "InvalidInput");
    }
    let first = requested_range(&headers).map_or(0, |(first, _)| first);
    files.reads.lock().unwrap().push((id.clone(), first));
    files.gate.pass(first).await;
    if !files.links.lock().unwrap().is_valid(number) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let content = files.by_id.lock().unwrap().get(&id).map(|file| file.content.clone());
    content.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |content| respond(&content, &headers))
}
