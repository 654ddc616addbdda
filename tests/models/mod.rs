//! Calls of language models through the gateway, at `/v1`, and from the page.

mod bodies;
mod budgets;
mod calls;
mod credentials;
mod limits;
mod page;
mod refusals;
mod sdks;
mod streams;
mod targets;
mod upstreams;
mod usage;

use latchkey_http::ModelLimits;
use latchkey_program::config::ServeOptions;
use latchkey_types::id::KeyId;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::{
    services::{SECRET, with},
    support::{
        ApiClient, BrowserClient, TestServer, model_upstream,
        services::allow_loopback,
        text,
        upstream::{ReceivedRequest, Script, Upstream},
    },
};

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";
const RESPONSES: &str = "/v1/responses";

/// What a chat completion of the upstream costs with the model `gpt`: 16 tokens at $2, 4 from the cache at $1 and 10 of output at $10 a million.
const CHAT_COST: i64 = 136_000;

/// A server that may call this machine, an upstream with both APIs, a provider for each of them, and a model of each.
pub struct Fixture {
    pub server: TestServer,
    pub owner: BrowserClient,
    /// With all scopes, as the owner.
    pub api: ApiClient,
    pub upstream: Upstream,
    /// The id of the general key of both providers.
    pub credential: String,
    /// The ids of the providers `OpenAI` and `Anthropic`.
    pub openai: String,
    pub anthropic: String,
    /// The ids of the models `gpt` and `claude`, which the upstream knows as `model-a` and `model-c`.
    pub gpt: String,
    pub claude: String,
    /// An agent key: its id and its secret.
    pub key_id: String,
    pub key: String,
}

impl Fixture {
    pub async fn start() -> Self {
        Self::start_with(ModelLimits::default()).await
    }

    pub async fn start_with(limits: ModelLimits) -> Self {
        let change = |options: &mut ServeOptions| {
            allow_loopback(options);
            options.model_limits = limits;
        };
        let server = TestServer::start_with(change).await;
        let owner = server.user("owner", "acme").await;
        let api = server.api("owner@acme.test", "");
        let upstream = Upstream::start().await;
        upstream.respond_with(model_upstream::respond);
        let [credential, openai, anthropic, gpt, claude, key_id, key] = [const { String::new() }; 7];
        let mut fixture = Self { server, owner, api, upstream, credential, openai, anthropic, gpt, claude, key_id, key };
        fixture.credential = fixture.general_key("Team key", SECRET).await;
        let linked = json!({ "credential": fixture.credential });
        fixture.openai = fixture.provider("OpenAI", "openai", &linked).await;
        fixture.anthropic = fixture.provider("Anthropic", "anthropic", &linked).await;
        fixture.gpt = fixture.model("gpt", json!({ "upstream_name": "model-a" })).await;
        let price = json!({ "input": "3", "cached_input": "0.3", "cache_write": "3.75", "output": "15" });
        fixture.claude = fixture.model_of(&fixture.anthropic, "claude", json!({ "upstream_name": "model-c", "price": price })).await;
        (fixture.key_id, fixture.key) = fixture.key("agent", json!({})).await;
        fixture
    }

    async fn create(&self, path: &str, request: Value) -> Value {
        let (status, created) = self.api.post(path, request).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        created
    }

    /// Changes fields of what this path names. Returns it.
    pub async fn edit(&self, path: &str, fields: Value) -> Value {
        let (status, edited) = self.api.call(Method::PATCH, path, Some(fields)).await;
        assert_eq!(status, StatusCode::OK, "{edited}");
        edited
    }

    /// Stores a general key. Returns its id.
    pub async fn general_key(&self, name: &str, value: &str) -> String {
        text(&self.create("/credentials", json!({ "kind": "general", "name": name, "value": value })).await["credential"]["id"])
    }

    /// Creates a provider at the upstream, with these fields replaced. Returns its id.
    pub async fn provider(&self, name: &str, style: &str, fields: &Value) -> String {
        let base_url = if style == "openai" { format!("{}/v1", self.upstream.url) } else { self.upstream.url.clone() };
        text(&self.create("/providers", with(json!({ "name": name, "style": style, "base_url": base_url }), fields)).await["id"])
    }

    /// Creates a model of the provider `OpenAI` with a price, with these fields replaced. Returns its id.
    pub async fn model(&self, name: &str, fields: Value) -> String {
        self.model_of(&self.openai, name, fields).await
    }

    pub async fn model_of(&self, provider: &str, name: &str, fields: Value) -> String {
        let model = json!({ "name": name, "price": { "input": "2", "cached_input": "1", "output": "10" } });
        text(&self.create(&format!("/providers/{provider}/models"), with(model, &fields)).await["id"])
    }

    /// Creates an alias: each target has an id of a model, a priority and a weight.
    pub async fn alias(&self, name: &str, targets: &[(&str, u8, u16)]) {
        let target = |&(model, priority, weight): &(&str, u8, u16)| json!({ "model": model, "priority": priority, "weight": weight });
        let targets: Vec<Value> = targets.iter().map(target).collect();
        self.create("/aliases", json!({ "name": name, "targets": targets })).await;
    }

    /// Creates a key of a kind, with these fields. Returns its id and its secret.
    pub async fn key(&self, kind: &str, fields: Value) -> (String, String) {
        let created = self.create("/keys", with(json!({ "kind": kind, "name": format!("{kind} {}", KeyId::new()) }), &fields)).await;
        (text(&created["key"]["id"]), text(&created["secret"]))
    }

    /// A call with this key.
    pub fn request_with(&self, key: &str, path: &str, body: impl ToString) -> RequestBuilder {
        let request = self.api.client.post(format!("{}{path}", self.server.url));
        request.bearer_auth(key).header("content-type", "application/json").body(body.to_string())
    }

    /// The response to a call with this key.
    pub async fn post_with(&self, key: &str, path: &str, body: impl ToString) -> Response {
        self.request_with(key, path, body).send().await.unwrap()
    }

    /// The response to a call with the fixture's key.
    pub async fn post(&self, path: &str, body: impl ToString) -> Response {
        self.post_with(&self.key, path, body).await
    }

    /// The response to a read with this key, and with this header.
    pub async fn get(&self, key: &str, path: &str, (name, value): (&str, &str)) -> Response {
        let request = self.api.client.get(format!("{}{path}", self.server.url));
        request.header("x-api-key", key).header(name, value).send().await.unwrap()
    }

    /// The names of the models that the upstream was called with, in order.
    pub fn called(&self) -> Vec<String> {
        self.upstream.requests().iter().map(model_upstream::model).collect()
    }

    /// The recorded usage of all models, by model, key, member or day.
    pub async fn usage(&self, group: &str) -> Vec<Value> {
        self.server.state.model_usage.flush(&self.server.state.store).await;
        let (status, report) = self.api.get(&format!("/usage?group_by={group}")).await;
        assert_eq!(status, StatusCode::OK, "{report}");
        report["items"].as_array().unwrap().clone()
    }

    /// The log, newest call first.
    pub async fn log(&self) -> Vec<Value> {
        let (status, page) = self.api.get("/calls").await;
        assert_eq!(status, StatusCode::OK, "{page}");
        page["items"].as_array().unwrap().clone()
    }

    /// The budget of a key.
    pub async fn budget(&self, key_id: &str) -> Value {
        self.api.get(&format!("/keys/{key_id}")).await.1["budget"].clone()
    }

    /// Lets the upstream respond so to the model with this name, and as always to others.
    pub fn respond_to(&self, model: &'static str, respond: impl Fn(&ReceivedRequest) -> Script + Send + Sync + 'static) {
        self.upstream.respond_with(
            move |request| {
                if model_upstream::model(request) == model { respond(request) } else { model_upstream::respond(request) }
            },
        );
    }
}

/// The body of a chat completion.
pub fn chat(model: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": "Hi" }], "max_tokens": 20 })
}

/// The body of a message of Anthropic's API.
pub fn message() -> Value {
    chat("claude")
}

/// The body of a chat completion as a stream.
pub fn chat_stream(model: &str) -> Value {
    with(chat(model), &json!({ "stream": true }))
}

/// Status and code of a response of Latchkey itself, in the form of either API.
pub async fn refusal(response: Response) -> (u16, String) {
    let (status, code, _) = refusal_text(response).await;
    (status, code)
}

/// As [`refusal`], with the message.
pub async fn refusal_text(response: Response) -> (u16, String, String) {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body: Value = response.json().await.unwrap();
    assert_eq!((&headers["content-type"], &headers["cache-control"]), (&"application/json".parse().unwrap(), &"no-store".parse().unwrap()), "{body}");
    assert_eq!(body["error"]["code"], headers["x-latchkey-code"].to_str().unwrap(), "{body}");
    assert!(headers.contains_key("x-request-id") && !body.to_string().contains(SECRET), "{body}");
    (status, text(&body["error"]["code"]), text(&body["error"]["message"]))
}
