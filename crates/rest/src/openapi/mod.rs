//! `GET /api/v1/openapi.json`: the API's description in OpenAPI 3.1. It is generated from the handlers; `common` adds what they share.

mod common;

use std::sync::LazyLock;

use axum::{
    http::{HeaderMap, header},
    response::Response,
};
use serde_json::{Value, json};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::{conditional::not_modified_or, verify::CodeSchema};
use latchkey_http::{AppState, problem::Problem};
use latchkey_types::{
    id::RequestId,
    rest::{
        credentials::{CreatedCredential, Credential},
        keys::{Key, KeyWithSecret},
        models::{Alias, Model},
        providers::Provider,
        services::Service,
    },
};

/// Schemas that no handler registers: those of errors, of responses with common headers, and of values that are described elsewhere.
#[derive(OpenApi)]
#[openapi(components(schemas(Alias, CodeSchema, CreatedCredential, Credential, Key, KeyWithSecret, Model, Problem, Provider, RequestId, Service)))]
struct Base;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Base::openapi())
}

/// The serialized document. It does not change while the process runs.
static DOCUMENT: LazyLock<Vec<u8>> = LazyLock::new(|| serde_json::to_vec(&document_value()).expect("the OpenAPI document serializes to JSON"));

fn document_value() -> Value {
    let routers = (super::documented_routes().into_parts().0, super::documented_hot_routes().into_parts().0);
    let mut document = serde_json::to_value(routers.0.merge(routers.1).into_openapi()).expect("the OpenAPI document serializes to JSON");
    document["info"] = json!({
        "title": "Latchkey", "version": env!("CARGO_PKG_VERSION"),
        "description": "Create, verify and revoke API keys. Errors are RFC 9457 problem details with a stable `code`.",
    });
    document["security"] = json!([{ "bearer": [] }, { "api_key": [] }]);
    document["tags"] = json!([
        { "name": "verify", "description": "Verify keys." },
        { "name": "keys", "description": "API keys that Latchkey issues." },
        { "name": "corpora", "description": "The corpora that corpus keys give access to." },
        { "name": "credentials", "description": "Third-party keys, stored encrypted and never returned." },
        { "name": "services", "description": "HTTP APIs that are called through the gateway with a stored credential." },
        { "name": "models", "description": "Providers of language models, their models, and aliases of these." },
        { "name": "usage", "description": "The usage and the log of calls of language models." },
        { "name": "projects", "description": "Projects, their nodes, secrets and revoked keys." },
        { "name": "samples", "description": "Samples of projects, and the jobs that import them." },
        { "name": "receipts", "description": "Proofs of when a revocation became effective." },
        { "name": "whoami", "description": "The current key, its organization and user." },
        { "name": "public", "description": "Public endpoints." },
    ]);
    document["components"]["securitySchemes"] = json!({
        "bearer": { "type": "http", "scheme": "bearer", "description": "An internal key in `Authorization: Bearer <key>`." },
        "proxy": { "type": "apiKey", "in": "header", "name": "X-Latchkey-Caller", "description": "The proxy's own internal key." },
        "api_key": { "type": "apiKey", "in": "header", "name": "x-api-key", "description": "An internal key in `x-api-key`." },
    });
    common::complete(&mut document);
    document
}

/// A second path of the document.
pub const ROOT_PATH: &str = "/openapi.json";

/// Get the OpenAPI document
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    operation_id = "getDescription",
    tag = "public",
    params(("If-None-Match" = Option<String>, Header)),
    responses(
        (status = 200, description = "The OpenAPI 3.1 document.", body = std::collections::BTreeMap<String, serde_json::Value>,
            headers(("ETag" = String, description = "For `If-None-Match`."))),
        (status = 304, description = "The document has not changed."),
    ),
)]
pub async fn document(headers: HeaderMap) -> Response {
    not_modified_or(&headers, [(header::CACHE_CONTROL, "public, max-age=300")], DOCUMENT.clone())
}
