//! `GET /v1/models`: the models that a key may call, in `OpenAI`'s form, or in Anthropic's if the client sends `anthropic-version`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Request, State, rejection::PathRejection},
    http::{HeaderMap, HeaderValue, header::CACHE_CONTROL, request::Parts},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    admit::{evaluate, key_refusal, unknown_model},
    caller::PresentedKey,
    errors::ModelProblem,
    request::Api,
};
use latchkey_core::models::{Catalog, Route};
use latchkey_http::{AppState, client_address, rate_headers};
use latchkey_verify::{CachedKey, Verdict};

pub(super) async fn list(State(state): State<AppState>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let form = Form::of(&parts.headers);
    match open(&state, &parts).await {
        Ok((key, catalog, verdict)) => {
            let models: Vec<Value> = catalog.routes().filter(|route| key.may_call_model(&route.name)).map(|route| form.model(route)).collect();
            respond(form.list(&models), &verdict)
        }
        Err(problem) => problem.response(Some(form.api())),
    }
}

pub(super) async fn find(State(state): State<AppState>, name: Result<Path<String>, PathRejection>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let form = Form::of(&parts.headers);
    match open(&state, &parts).await {
        Ok((key, catalog, verdict)) => {
            let name = name.map(|Path(name)| name).unwrap_or_default();
            // Unlike a call, it does not reveal whether there is a model that the key may not call.
            match catalog.route(&name).filter(|route| key.may_call_model(&route.name)) {
                Some(route) => respond(form.model(route), &verdict),
                None => unknown_model(&name, &catalog.similar(&name, |similar| key.may_call_model(similar))).response(Some(form.api())),
            }
        }
        Err(problem) => problem.response(Some(form.api())),
    }
}

/// The key of a request, and the models of its organization. It counts as a request in the key's rate limits, and costs no credits.
async fn open(state: &AppState, parts: &Parts) -> Result<(Arc<CachedKey>, Arc<Catalog>, Verdict), ModelProblem> {
    let presented = PresentedKey::of_request(state, parts).await?;
    let verdict = evaluate(state, &presented, client_address::of_request(parts, &state.trusted_proxies), 0).await?;
    if let Some(problem) = key_refusal(&verdict) {
        return Err(problem);
    }
    let organization = presented.key.creator.organization;
    let catalog = state.catalogs.get(&state.core, organization).await.map_err(|error| ModelProblem::from_problem(error.into()))?;
    Ok((presented.key, catalog, verdict))
}

/// The form of the response.
#[derive(Clone, Copy)]
enum Form {
    OpenAi,
    Anthropic,
}

impl Form {
    fn of(headers: &HeaderMap) -> Self {
        if headers.contains_key("anthropic-version") { Self::Anthropic } else { Self::OpenAi }
    }

    /// The API whose errors have this form.
    const fn api(self) -> Api {
        match self {
            Self::OpenAi => Api::ChatCompletions,
            Self::Anthropic => Api::Messages,
        }
    }

    fn model(self, route: &Route) -> Value {
        match self {
            Self::OpenAi => {
                let first = route.groups.iter().flatten().next();
                let owner = first.map(|(target, _)| target.provider_name.as_str()).unwrap_or_default();
                json!({ "id": route.name, "object": "model", "created": route.created_at.0.div_euclid(1000), "owned_by": owner })
            }
            Self::Anthropic => json!({ "type": "model", "id": route.name, "display_name": route.name, "created_at": route.created_at.rfc3339() }),
        }
    }

    fn list(self, models: &[Value]) -> Value {
        match self {
            Self::OpenAi => json!({ "object": "list", "data": models }),
            Self::Anthropic => {
                let id = |model: Option<&Value>| model.map(|model| model["id"].clone());
                json!({ "data": models, "has_more": false, "first_id": id(models.first()), "last_id": id(models.last()) })
            }
        }
    }
}

fn respond(body: Value, verdict: &Verdict) -> Response {
    let mut response = Json(body).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    rate_headers::write(response.headers_mut(), verdict);
    response
}
