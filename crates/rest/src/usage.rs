//! `/api/v1/usage` and `/api/v1/calls`.

use axum::{
    Json as JsonResponse,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderName, HeaderValue, header},
};

use super::{caller::Authorized, listing, path_id::PathId};
use latchkey_core::{call_bodies, model_usage};
use latchkey_http::{AppState, problem::Problem};
use latchkey_types::{
    billing::Day,
    id::Request,
    model_call::CallBodies,
    rest::{
        page::LIMIT_DEFAULT,
        usage::{Calls, CallsQuery, UsageQuery, UsageReport},
    },
    time::{DAY_MS, Timestamp},
};

/// Days that are summed up if the query has no `from`.
const DAYS_DEFAULT: i64 = 30;

/// Get the usage of language models
///
/// Calls, tokens and cost, by key, model, member or day.
#[utoipa::path(
    get,
    path = "/api/v1/usage",
    operation_id = "readUsage",
    tag = "usage",
    params(UsageQuery),
    responses((status = 200, description = "The usage.", body = UsageReport)),
)]
pub(crate) async fn usage(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    query: Result<Query<UsageQuery>, QueryRejection>,
) -> Result<JsonResponse<UsageReport>, Problem> {
    let UsageQuery { from, to, group_by } = listing::parse_query(query)?;
    let to = to.unwrap_or_else(|| Day(Timestamp::now().0.div_euclid(DAY_MS)));
    let (from, group_by) = (from.unwrap_or(Day(to.0 - DAYS_DEFAULT + 1)), group_by.unwrap_or_default());
    let rows = model_usage::usage(&state, &actor, from, to, group_by).await?;
    Ok(JsonResponse(UsageReport { from, to, group_by, items: rows.into_iter().map(Into::into).collect() }))
}

/// List calls of language models
///
/// Newest first, as far back as the organization keeps its log. A call is listed when it has ended.
#[utoipa::path(
    get,
    path = "/api/v1/calls",
    operation_id = "listCalls",
    tag = "usage",
    params(CallsQuery),
    responses((status = 200, description = "A page of calls.", body = Calls)),
)]
pub(crate) async fn calls(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    query: Result<Query<CallsQuery>, QueryRejection>,
) -> Result<JsonResponse<Calls>, Problem> {
    let query = listing::parse_query(query)?;
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    let page = model_usage::calls(&state, &actor, query.filter(), query.cursor.as_deref(), limit).await?;
    Ok(JsonResponse(page.into()))
}

/// Get the bodies of a call
///
/// Only calls with a key that logs bodies have them (`has_bodies`). Each read is recorded in the audit log.
#[utoipa::path(
    get,
    path = "/api/v1/calls/{id}/bodies",
    operation_id = "readCallBodies",
    tag = "usage",
    params(PathId<Request>),
    responses((status = 200, description = "The bodies of the request and the response.", body = CallBodies)),
)]
pub(crate) async fn bodies(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<Request>,
) -> Result<([(HeaderName, HeaderValue); 1], JsonResponse<CallBodies>), Problem> {
    let bodies = call_bodies::read(&state, &actor, id).await?;
    // Also keeps the response from being compressed: bodies can contain secrets.
    Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], JsonResponse(bodies)))
}
