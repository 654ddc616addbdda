//! `POST /api/v1/verify`: is this key good?

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use super::{body::Json, caller::Caller, problem::Problem};
use crate::{
    model::permission::Scope,
    server::{state::AppState, verify::Ask},
};

/// Judges a key. Needs the scope `verify`. Answers 200 for every judgement, whatever it is.
pub async fn verify(State(state): State<AppState>, caller: Caller, Json(ask): Json<Ask>) -> Result<Response, Problem> {
    let actor = caller.with_scope(Scope::Verify)?;
    let verdict = state.verifier.judge(actor.organization, &ask).await?;
    let id = HeaderValue::from_str(&verdict.request_id.to_string());
    let mut response = axum::Json(&verdict).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.extend(id.ok().map(|id| (header::HeaderName::from_static("x-request-id"), id)));
    Ok(response)
}
