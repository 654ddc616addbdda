//! `POST /v1/index`.

use std::{slice, sync::Arc};

use axum::{
    Json,
    http::request::Parts,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    access::Caller,
    index_request::{DocumentJson, IndexRequest},
    refusal::Refusal,
    upstream::{self, UpstreamStatus, failed},
};
use latchkey_core::{
    Core,
    corpora::backends::{self, Backend, Upstream},
    documents,
};
use latchkey_http::{AppState, rate_headers, request_context::in_current_scope};
use latchkey_types::{corpus::NewDocument, error::Error};

const SCOPE: &str = "index";

/// Checks the key and its scope, before a large body is read.
pub(super) async fn authenticate(state: &AppState, parts: &Parts) -> Result<(), Refusal> {
    Caller::authenticate(state, parts).await?.require_scope(SCOPE)
}

/// Adds a document to a corpus. Needs a corpus key with the scope `index` and access to the corpus.
pub(super) async fn answer(state: &AppState, parts: &Parts, body: &[u8]) -> Result<Response, Refusal> {
    let request = IndexRequest::parse(body)?;
    let caller = Caller::authenticate(state, parts).await?;
    caller.require(&[request.named()], SCOPE)?;
    let (corpus, document) = request.into_parts()?;
    let work = match backends::of(&state.core, caller.key.creator.organization, corpus).await? {
        Backend::BuiltIn => Work::Index(document.document()?),
        Backend::Upstream(upstream) => Work::Forward(upstream, document),
    };
    let verdict = caller.charge(state, SCOPE, &[corpus]).await?;
    let indexed = match work {
        Work::Index(document) => index(state, &caller, corpus, document).await,
        Work::Forward(upstream, document) => forward(&state.core, &upstream, corpus, document).await,
    };
    let mut response = Json(indexed.map_err(|refusal| refusal.with_limits(&verdict))?).into_response();
    rate_headers::write(response.headers_mut(), &verdict);
    Ok(response)
}

/// The work after the call is charged.
enum Work<'a> {
    Index(NewDocument),
    Forward(Arc<Upstream>, DocumentJson<'a>),
}

/// The body of a response.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IndexResponse {
    status: IndexStatus,
    /// The size of the document.
    #[serde(skip_serializing_if = "Value::is_null")]
    quota_consumed: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IndexStatus {
    code: String,
    status_detail: &'static str,
}

impl IndexResponse {
    fn new(code: impl Into<String>, quota_consumed: Value) -> Self {
        Self { status: IndexStatus { code: code.into(), status_detail: "" }, quota_consumed }
    }
}

async fn index(state: &AppState, caller: &Caller<'_>, corpus: i64, document: NewDocument) -> Result<IndexResponse, Refusal> {
    let characters = |texts: &[String]| texts.iter().map(|text| text.chars().count()).sum::<usize>().to_string();
    // Integers of 64 bits are text in the JSON form of Protocol Buffers.
    let quota = json!({ "numChars": characters(&document.sections), "numMetadataChars": characters(slice::from_ref(&document.metadata)) });
    let (state, actor) = (state.clone(), caller.actor());
    // In a task of its own: if the caller leaves, a large document must not stay half-written.
    let task = tokio::spawn(in_current_scope(async move { documents::index_with_key(&state, &actor, corpus, document).await }));
    task.await.map_err(|_| Error::Internal)??;
    Ok(IndexResponse::new("OK", quota))
}

/// The response of an upstream.
#[derive(Deserialize)]
struct UpstreamAnswer {
    status: Option<UpstreamStatus>,
    #[serde(rename = "quotaConsumed", alias = "quota_consumed", default)]
    quota_consumed: Value,
}

async fn forward(core: &Core, upstream: &Upstream, corpus: i64, document: DocumentJson<'_>) -> Result<IndexResponse, Refusal> {
    let (customer_id, corpus_id) = (upstream::id(&upstream.customer_id), upstream::id(&upstream.corpus_id));
    let body = json!({ "customer_id": customer_id, "corpus_id": corpus_id, "document": document.value()? });
    let answer: UpstreamAnswer = upstream::call(core, upstream, corpus, "index", &body).await?;
    // Vectara's own clients treat a document that already exists as success.
    match answer.status {
        None => Ok(IndexResponse::new("OK", answer.quota_consumed)),
        Some(status) if status.is_ok() || status.code == "ALREADY_EXISTS" => Ok(IndexResponse::new(status.code, answer.quota_consumed)),
        Some(_) => Err(failed(corpus, "could not index the document.")),
    }
}
