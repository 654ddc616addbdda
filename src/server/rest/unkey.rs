//! `POST /v2/keys.verifyKey`: the call by which programs ask Unkey about keys, so that they can ask here by changing one address. What can't
//! be answered as Unkey would is refused.

mod answer;
mod permissions;
mod refusal;

use std::{borrow::Cow, time::Instant};

use axum::{
    Json,
    extract::{FromRequest, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, de::IgnoredAny};

use self::{
    answer::Answer,
    refusal::{PERMISSIONS_QUERY, Refusal},
};
use super::{
    body::{self, Raw},
    caller::{judges_for, presented_key},
    problem::Problem,
    verify::as_verdict,
};
use crate::{
    model::{
        id::{OrganizationId, RequestId},
        time::Timestamp,
    },
    server::{
        calls,
        state::AppState,
        verify::{Ask, Judgement, has_scope},
    },
};

/// What Unkey can be asked of a key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wanted<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    permissions: Option<String>,
    credits: Option<Credits>,
    // Known, so that the refusal can say more than that there is no such field.
    tags: Option<Vec<IgnoredAny>>,
    ratelimits: Option<Vec<IgnoredAny>>,
    migration_id: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credits {
    cost: u32,
}

/// Judges a key. Needs the scope `verify`. Answers 200 for every judgement, whatever it is.
pub async fn verify_key(State(state): State<AppState>, request: Request) -> Response {
    let begun = Instant::now();
    let (response, id) = match judge(&state, request).await {
        Ok(judgement) => {
            let response = Json(Answer::new(&judgement, Timestamp::now())).into_response();
            state.metrics.judged(judgement.code, begun.elapsed());
            (response, judgement.request_id)
        }
        Err(refusal) => {
            calls::refused(&state, ("POST", "/v2/keys.verifyKey"), refusal.problem(), begun.elapsed());
            let id = refusal.problem().request_id();
            (refusal.into_response(), id)
        }
    };
    with_headers(response, id)
}

fn with_headers(mut response: Response, id: RequestId) -> Response {
    as_verdict(response.headers_mut(), id);
    response
}

/// Every other call of Unkey's.
pub async fn unsupported() -> Response {
    let detail = "Of Unkey's API, Latchkey has “POST /v2/keys.verifyKey” alone. Keys are managed under “/api/v1”.";
    Refusal::from(Problem::new(StatusCode::NOT_FOUND, "not_found", detail)).into_response()
}

/// Another method than POST.
pub async fn wrong_method() -> Response {
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Use POST.");
    let id = problem.request_id();
    with_headers(Refusal::from(problem).into_response(), id)
}

async fn judge(state: &AppState, request: Request) -> Result<Judgement, Refusal> {
    let organization = judges_for(presented_key(request.headers())?, state).await?;
    let Raw(body) = Raw::from_request(request, state).await?;
    let wanted = body::parse(&body)?;
    refuse_unsupported(&wanted)?;
    verdict(state, organization, wanted).await
}

fn refuse_unsupported(wanted: &Wanted) -> Result<(), Refusal> {
    let is_any = |list: &Option<Vec<IgnoredAny>>| list.as_ref().is_some_and(|list| !list.is_empty());
    if wanted.key.is_empty() {
        return Err(Refusal::invalid("key", "The key is empty."));
    }
    if is_any(&wanted.tags) {
        return Err(Refusal::invalid("tags", "Tags are not supported: nothing would keep them."));
    }
    if is_any(&wanted.ratelimits) {
        return Err(Refusal::invalid("ratelimits", "Rate limits can't be given here: those of the key always count."));
    }
    if wanted.migration_id.is_some() {
        return Err(Refusal::invalid("migrationId", "Keys are not migrated on demand: import them by their SHA-256."));
    }
    Ok(())
}

async fn verdict(state: &AppState, organization: OrganizationId, wanted: Wanted<'_>) -> Result<Judgement, Refusal> {
    let scopes = wanted
        .permissions
        .as_deref()
        .map(permissions::all_of)
        .transpose()
        .map_err(|why| Refusal::from(Problem::new(StatusCode::BAD_REQUEST, PERMISSIONS_QUERY, why.0).at("permissions")))?;
    let scopes = scopes.unwrap_or_default();
    // One scope is judged with the key. Of several the first that it lacks, if any: then nothing is taken from its limits.
    let scope = match scopes[..] {
        [] | [_] => scopes.first().copied(),
        [first, ..] => {
            let known = state.verifier.find(&wanted.key).await?;
            let lacking = known.and_then(|key| scopes.iter().copied().find(|scope| !has_scope(&key, Some(scope))));
            Some(lacking.unwrap_or(first))
        }
    };
    let cost = wanted.credits.map(|credits| credits.cost);
    let ask = Ask { key: wanted.key, scope: scope.map(Cow::Borrowed), corpus: None, project: None, cost, ip: None };
    Ok(state.verifier.judge(organization, &ask).await?)
}
