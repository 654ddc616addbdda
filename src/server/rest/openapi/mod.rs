//! `GET /api/v1/openapi.json`: the API's description, in OpenAPI 3.1. The handlers tell what is theirs; what all of them have in common is
//! told here once.

mod common;
pub mod schemas;

use std::sync::LazyLock;

use axum::{
    http::{HeaderMap, header},
    response::Response,
};
use serde_json::{Value, json};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::{
    keys::{ImportKey, ImportKeys, Imported, ImportedOne},
    problem::Problem,
    tags::unless_known,
};
use crate::server::state::AppState;

/// What no handler names, but a schema that is written by hand refers to.
#[derive(OpenApi)]
#[openapi(components(schemas(ImportKey, ImportKeys, Imported, ImportedOne, Problem)))]
struct Base;

/// A router whose routes come with their descriptions.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Base::openapi())
}

/// It is the same for as long as the program runs.
static DOCUMENT: LazyLock<Vec<u8>> = LazyLock::new(|| serde_json::to_vec(&described()).expect("a description is JSON"));

fn described() -> Value {
    let mut document = serde_json::to_value(super::described().merge(super::described_hot()).into_openapi()).expect("a description is JSON");
    document["info"] = json!({
        "title": "Latchkey", "version": env!("CARGO_PKG_VERSION"),
        "description": "Keys for your API: made, verified and taken back. Every refusal is a problem as RFC 9457 has it, with a stable `code`.",
    });
    document["security"] = json!([{ "bearer": [] }, { "api_key": [] }]);
    document["tags"] = json!([
        { "name": "verify", "description": "Is this key good?" },
        { "name": "keys", "description": "Keys that callers of your API present." },
        { "name": "corpora", "description": "What corpus keys give access to." },
        { "name": "credentials", "description": "Keys that others made: kept encrypted, and never given back." },
        { "name": "projects", "description": "What a project opens to its own keys and to programs." },
        { "name": "whoami", "description": "Who is calling?" },
        { "name": "without a key", "description": "For everybody." },
    ]);
    document["components"]["securitySchemes"] = json!({
        "bearer": { "type": "http", "scheme": "bearer", "description": "A platform key, as `Authorization: Bearer lkp_…`." },
        "proxy": { "type": "apiKey", "in": "header", "name": "X-Latchkey-Caller", "description": "A proxy's own platform key." },
        "api_key": { "type": "apiKey", "in": "header", "name": "x-api-key", "description": "A platform key." },
    });
    for (name, schema) in schemas::all() {
        document["components"]["schemas"][name] = schema;
    }
    common::complete(&mut document);
    document
}

/// Read this description
///
/// Needs nothing.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    operation_id = "getDescription",
    tag = "without a key",
    params(("If-None-Match" = Option<String>, Header)),
    responses(
        (status = 200, description = "OpenAPI 3.1.", body = std::collections::BTreeMap<String, serde_json::Value>,
            headers(("ETag" = String, description = "For `If-None-Match`."))),
        (status = 304, description = "It is as it was."),
    ),
    security(()),
)]
pub async fn document(headers: HeaderMap) -> Response {
    unless_known(&headers, [(header::CACHE_CONTROL, "public, max-age=300")], DOCUMENT.clone())
}
