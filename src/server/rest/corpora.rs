//! `/api/v1/corpora`.

use axum::{
    Json as Answer,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};

use super::{body::Json, caller::Caller, problem::Problem};
use crate::{
    model::{
        fault::Fault,
        permission::{Permission, Scope},
        time::Timestamp,
    },
    server::{corpora, state::AppState, store::corpora::CorpusRecord},
};

/// A corpus, as the API tells it.
#[derive(Serialize)]
pub struct CorpusView {
    id: i64,
    name: String,
    created_at: String,
}

impl From<CorpusRecord> for CorpusView {
    fn from(corpus: CorpusRecord) -> Self {
        Self { id: corpus.id, name: corpus.name, created_at: Timestamp(corpus.created_at).rfc3339() }
    }
}

/// Every corpus of the organization.
#[derive(Serialize)]
pub struct Corpora {
    items: Vec<CorpusView>,
}

/// Lists corpora. Needs the scope `keys:read`, and *View Keys* or *Manage Corpora*.
pub async fn list(State(state): State<AppState>, caller: Caller) -> Result<Answer<Corpora>, Problem> {
    let actor = caller.with_scope(Scope::KeysRead)?;
    Ok(Answer(Corpora { items: corpora::all(&state, &actor).await?.into_iter().map(Into::into).collect() }))
}

/// What to make.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateCorpus {
    name: String,
}

/// Makes a corpus. Needs the scope `keys:write` and *Manage Corpora*. Answers 201.
pub async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Json(call): Json<CreateCorpus>,
) -> Result<(StatusCode, Answer<CorpusView>), Problem> {
    let actor = caller.with_scope(Scope::KeysWrite)?;
    Ok((StatusCode::CREATED, Answer(corpora::create(&state, &actor, &call.name).await?.into())))
}

/// Deletes a corpus for good. Needs the scope `keys:write` and *Manage Corpora*. Answers 204.
pub async fn delete(State(state): State<AppState>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let actor = caller.with_scope(Scope::KeysWrite)?;
    // Judged first, so that what is no number is refused like any other to those who may not.
    actor.require(Permission::ManageCorpora)?;
    corpora::delete(&state, &actor, id.parse().map_err(|_| Fault::NotFound)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
