//! Samples of projects: imports from the local disk, from S3 and from DNAnexus, over REST as a program does and with the server functions of the
//! page.

mod dnanexus;
mod instances;
mod limits;
mod local;
mod restarts;
mod s3;
mod s3_faults;

use std::{fs, path::Path, time::Duration};

use axum::body::Bytes;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    ApiClient, BrowserClient, TestServer, eventually, files_below,
    projects::create_project,
    storage::{CHUNK, Gate, sha256},
    text, within,
};

/// An access key as AWS issues them, for servers that check no signature.
const AWS_KEY: (&str, &str) = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
const REGION: &str = "eu-central-1";
/// Imports of a few files take less than this, also on a loaded machine.
const IMPORT_LIMIT: Duration = Duration::from_mins(1);

/// The owner of a project, on the page and with an internal key.
#[derive(Clone)]
struct Owner {
    page: BrowserClient,
    api: ApiClient,
    project: String,
}

impl Owner {
    async fn of(server: &TestServer) -> Self {
        let page = server.user("owner", "acme").await;
        let api = server.api("owner@acme.test", "");
        let project = create_project(&page, "Genomes").await;
        Self { page, api, project }
    }

    /// The path of an API route of the project's samples.
    fn path(&self, rest: &str) -> String {
        format!("/projects/{}/samples{rest}", self.project)
    }

    /// Adds an external key. Returns its id.
    async fn add_key(&self, provider: &str, key: &str, secret: &str, region: &str) -> String {
        let mut request = json!({ "kind": "external", "name": "files", "provider": provider, "key": key, "duration_days": 30 });
        if provider == "aws" {
            request["secret"] = json!(secret);
            request["region"] = json!(region);
        }
        let (status, created) = self.api.post("/credentials", request).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        text(&created["credential"]["id"])
    }

    async fn delete_key(&self, id: &str) {
        assert_eq!(self.api.call(Method::DELETE, &format!("/credentials/{id}"), None).await.0, StatusCode::NO_CONTENT);
    }

    /// Calls a server function of samples with the project and these arguments.
    async fn function(&self, name: &str, mut arguments: Value) -> (StatusCode, Value) {
        arguments["project"] = json!(self.project);
        self.page.call(&format!("samples/{name}"), arguments).await
    }

    /// The files that match a query.
    async fn listing(&self, query: &Value) -> Value {
        let (status, listing) = self.function("source", json!({ "query": query })).await;
        assert_eq!(status, StatusCode::OK, "{listing}");
        listing
    }

    /// The status and the field of a query that is refused, and its message.
    async fn refusal(&self, query: &Value) -> (u16, String, String) {
        let (status, error) = self.function("source", json!({ "query": query })).await;
        assert!(!status.is_success(), "{query}: {error}");
        assert!(!error.to_string().contains(AWS_KEY.1), "{error}");
        (status.as_u16(), text(&error["field"]), text(&error["message"]))
    }

    async fn try_begin(&self, request: Value) -> (StatusCode, Value) {
        self.api.post(&self.path("/imports"), request).await
    }

    /// Begins an import. Returns it.
    async fn begin(&self, request: Value) -> Value {
        let (status, import) = self.try_begin(request).await;
        assert_eq!(status, StatusCode::CREATED, "{import}");
        import
    }

    /// Begins an import of all files that match a query. Returns its id.
    async fn import(&self, query: &Value) -> String {
        text(&self.begin(json!({ "query": query })).await["id"])
    }

    /// Begins an import of local files of these sizes. Returns its id.
    async fn import_local(&self, files: &[(&str, usize)]) -> String {
        let files: Vec<_> = files.iter().map(|(name, size)| json!({ "name": name, "size": size })).collect();
        text(&self.begin(json!({ "query": { "source": "local" }, "files": files })).await["id"])
    }

    async fn details(&self, import: &str) -> Value {
        let (status, details) = self.api.get(&self.path(&format!("/imports/{import}"))).await;
        assert_eq!(status, StatusCode::OK, "{details}");
        details
    }

    /// Waits until an import has ended. Returns it.
    async fn ended(&self, import: &str) -> Value {
        within(IMPORT_LIMIT, "the import ends", async || self.details(import).await["state"] != "running").await;
        self.details(import).await
    }

    /// Waits until an import has ended without failed files. Returns it.
    async fn finished(&self, import: &str) -> Value {
        let ended = self.ended(import).await;
        assert_eq!((&ended["state"], &ended["failed"]), (&json!("finished"), &json!(0)), "{ended}");
        ended
    }

    /// Waits until an import has ended with this number of failed files. Returns the errors of all of them.
    async fn failed(&self, import: &str, count: u64) -> Vec<String> {
        let ended = self.ended(import).await;
        assert_eq!((&ended["state"], &ended["failed"]), (&json!("finished"), &json!(count)), "{ended}");
        ended["files"].as_array().unwrap().iter().filter(|file| file["state"] == "failed").map(|file| text(&file["error"])).collect()
    }

    async fn stop(&self, import: &str) -> StatusCode {
        self.api.call(Method::DELETE, &self.path(&format!("/imports/{import}")), None).await.0
    }

    fn part(&self, import: &str, position: usize, offset: usize) -> RequestBuilder {
        self.api.request(Method::PUT, &self.path(&format!("/imports/{import}/files/{position}?offset={offset}")))
    }

    /// Uploads a part of a local file.
    async fn upload(&self, import: &str, position: usize, offset: usize, bytes: &Bytes) -> (StatusCode, Value) {
        let response = self.part(import, position, offset).body(bytes.clone()).send().await.unwrap();
        (response.status(), response.json().await.unwrap_or(Value::Null))
    }

    /// Uploads a local file from a position on, in parts.
    async fn upload_rest(&self, import: &str, position: usize, content: &Bytes, from: usize) {
        for offset in (from..content.len()).step_by(CHUNK) {
            let end = content.len().min(offset + CHUNK);
            let (status, stored) = self.upload(import, position, offset, &content.slice(offset..end)).await;
            assert_eq!((status, &stored["stored"]), (StatusCode::OK, &json!(end)), "{stored}");
        }
    }

    /// Imports a local file. Returns its sample.
    async fn add(&self, name: &str, content: &Bytes) -> Value {
        let import = self.import_local(&[(name, content.len())]).await;
        self.upload_rest(&import, 0, content, 0).await;
        self.finished(&import).await;
        self.samples().await.into_iter().find(|sample| sample["name"] == name).unwrap()
    }

    /// The newest samples.
    async fn samples(&self) -> Vec<Value> {
        let (status, page) = self.api.get(&self.path("")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        page["items"].as_array().unwrap().clone()
    }

    fn download(&self, sample: &Value) -> RequestBuilder {
        self.api.request(Method::GET, &self.path(&format!("/{}/content", text(&sample["id"]))))
    }

    /// Asserts that there is a sample with this name, whose size, hash and downloaded content are those of `content`.
    async fn assert_sample(&self, name: &str, content: &Bytes) {
        let samples = self.samples().await;
        let sample = samples.iter().find(|sample| sample["name"] == name).unwrap_or_else(|| panic!("no {name}: {samples:?}"));
        assert_eq!((&sample["size"], &sample["sha256"]), (&json!(content.len()), &json!(sha256(content))), "{name}");
        let response = self.download(sample).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.bytes().await.unwrap() == *content, "{name}");
    }
}

/// The names of listed files.
fn names(listing: &Value) -> Vec<String> {
    listing["files"].as_array().unwrap().iter().map(|file| text(&file["name"])).collect()
}

/// Waits until a request for content waits at the gate.
async fn reaches(gate: &Gate) {
    eventually("a request waits", async || gate.waiting() > 0).await;
}

/// Number and size of the files in the sample store of a data folder.
fn stored(data: &Path) -> (usize, u64) {
    // Some may be removed in the meantime.
    let sizes = files_below(&data.join("samples")).into_iter().filter_map(|file| fs::metadata(file).ok());
    sizes.fold((0, 0), |(count, bytes), metadata| (count + 1, bytes + metadata.len()))
}

/// Bytes that the organization's samples take, as the page shows it.
async fn used(owner: &Owner) -> i64 {
    let (status, list) = owner.function("list", json!({ "search": "", "after": null })).await;
    assert_eq!(status, StatusCode::OK, "{list}");
    list["used"].as_i64().unwrap()
}
