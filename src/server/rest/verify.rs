//! `POST /api/v1/verify` and `/verify-batch`: is this key good?

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::{
    body::{self, LargeRaw, Raw},
    caller::Caller,
    problem::Problem,
    rate_headers,
};
use crate::{
    model::{fault::Fault, id::RequestId, permission::Scope},
    server::{
        state::AppState,
        verify::{Ask, Judgement, Verdict},
    },
};

/// The most keys of one call.
const BATCH_MAX: usize = 1000;
/// How many of them are judged at once: those that are not in memory wait for the store.
const AT_ONCE: usize = 32;

/// Judges a key. Needs the scope `verify`. Answers 200 for every judgement, whatever it is; what is left of the key's limits is in headers.
pub async fn verify(State(state): State<AppState>, caller: Caller, Raw(body): Raw) -> Result<Response, Problem> {
    let organization = caller.organization_for(Scope::Verify)?;
    let judgement = state.verifier.judge(organization, &body::parse::<Ask>(&body)?).await?;
    let mut response = axum::Json(judgement.verdict()).into_response();
    let headers = response.headers_mut();
    as_verdict(headers, judgement.request_id);
    rate_headers::write(headers, &judgement);
    Ok(response)
}

/// Many keys, each with what is asked of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch<'a> {
    #[serde(borrow)]
    keys: Vec<Ask<'a>>,
}

#[derive(Serialize)]
struct Verdicts<'a> {
    items: Vec<Verdict<'a>>,
}

/// Judges up to 1,000 keys, each as [`verify()`] does: those in `keys`, one verdict each in `items`, in the same order. Needs the scope
/// `verify`.
pub async fn batch(State(state): State<AppState>, caller: Caller, LargeRaw(body): LargeRaw) -> Result<Response, Problem> {
    let organization = caller.organization_for(Scope::Verify)?;
    let Batch { keys } = body::parse(&body)?;
    if !(1..=BATCH_MAX).contains(&keys.len()) {
        return Err(Fault::invalid("keys", format!("Send 1 to {BATCH_MAX} keys.")).into());
    }
    let mut judgements = Vec::with_capacity(keys.len());
    for some in keys.chunks(AT_ONCE) {
        judgements.extend(try_join_all(some.iter().map(|ask| state.verifier.judge(organization, ask))).await?);
    }
    let mut response = axum::Json(Verdicts { items: judgements.iter().map(Judgement::verdict).collect() }).into_response();
    as_verdict(response.headers_mut(), RequestId::new());
    Ok(response)
}

/// What stands on every verdict, as the layers that it does not go through would have it.
fn as_verdict(headers: &mut HeaderMap, id: RequestId) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.extend(HeaderValue::try_from(id.to_string()).ok().map(|id| (HeaderName::from_static("x-request-id"), id)));
}
