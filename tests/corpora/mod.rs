//! `/v1/query` and `/v1/index`, in Vectara's form.

mod cors;
mod index;
mod query;
mod refusals;
mod samples;
mod upstream;

use latchkey_program::config::ServeOptions;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{ApiClient, BrowserClient, TestServer, text};

/// A server with an organization, its owner's page and API.
pub struct Fixture {
    pub server: TestServer,
    pub page: BrowserClient,
    pub api: ApiClient,
    pub customer_id: i64,
}

impl Fixture {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut ServeOptions)) -> Self {
        let server = TestServer::start_with(change).await;
        let page = server.user("owner", "acme").await;
        let api = server.api("owner@acme.test", "");
        let customer_id = api.get("/whoami").await.1["organization"]["customer_id"].as_i64().unwrap();
        Self { server, page, api, customer_id }
    }

    pub async fn corpus(&self, name: &str) -> i64 {
        let (status, created) = self.api.post("/corpora", json!({ "name": name })).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        created["id"].as_i64().unwrap()
    }

    /// Creates a key with both scopes for these corpora. Returns its secret.
    pub async fn key(&self, corpora: &[i64]) -> String {
        self.key_with(json!({ "corpora": corpora })).await.1
    }

    /// Creates a key with these fields. Returns its id and its secret.
    pub async fn key_with(&self, fields: Value) -> (String, String) {
        let mut request = json!({ "kind": "corpus", "name": "a", "scopes": ["query", "index"] });
        request.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let (status, created) = self.api.post("/keys", request).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        (text(&created["key"]["id"]), text(&created["secret"]))
    }

    /// A call with the headers of a client of Vectara.
    pub fn post(&self, path: &str, key: &str) -> RequestBuilder {
        self.server.visitor().client.post(format!("{}{path}", self.server.url)).header("x-api-key", key).header("customer-id", self.customer_id)
    }

    pub fn query_body(&self, query: &str, corpora: &[i64]) -> Value {
        let keys: Vec<_> = corpora.iter().map(|corpus| json!({ "customer_id": self.customer_id, "corpus_id": corpus })).collect();
        json!({ "query": [{ "query": query, "num_results": 10, "corpus_key": keys }] })
    }

    pub fn index_body(&self, corpus: i64, id: &str, section: &str) -> Value {
        let document =
            json!({ "document_id": id, "title": format!("Title of {id}"), "metadata_json": "{\"page\":7}", "section": [{ "text": section }] });
        json!({ "customer_id": self.customer_id, "corpus_id": corpus, "document": document })
    }

    pub async fn query(&self, key: &str, body: &Value) -> (StatusCode, Value) {
        body_of(self.post("/v1/query", key).json(body)).await
    }

    /// Adds a document of one section to a corpus.
    pub async fn index(&self, key: &str, corpus: i64, id: &str, section: &str) {
        let (status, answer) = body_of(self.post("/v1/index", key).json(&self.index_body(corpus, id, section))).await;
        assert_eq!((status, &answer["status"]["code"]), (StatusCode::OK, &json!("OK")), "{answer}");
    }

    /// How many calls of the key were counted.
    pub async fn counted(&self, id: &str) -> i64 {
        self.server.state.verifier.flush().await;
        let (_, month) = self.page.call("billing/month", json!({ "month": null })).await;
        let keys = month["keys"].as_array().unwrap();
        keys.iter().find(|key| key["id"] == id).map_or(0, |key| key["requests"].as_i64().unwrap())
    }
}

pub async fn body_of(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

/// Status and code of a refusal, whose form is checked.
pub async fn refusal(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    let body: Value = response.json().await.unwrap();
    assert_eq!((&body["responseSet"], body["status"].as_array().map(Vec::len)), (&json!([]), Some(1)), "{body}");
    assert!(!text(&body["status"][0]["statusDetail"]).is_empty());
    (status, text(&body["status"][0]["code"]))
}

/// Ids of the documents of each result, for one query.
pub fn document_ids(set: &Value) -> Vec<String> {
    let documents = set["document"].as_array().unwrap();
    let of_result = |result: &Value| text(&documents[usize::try_from(result["documentIndex"].as_u64().unwrap()).unwrap()]["id"]);
    set["response"].as_array().unwrap().iter().map(of_result).collect()
}
