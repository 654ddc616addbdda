//! `/api/v1/credentials`.

use axum::{
    Json as Answer,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use super::{
    body::Json,
    caller::Caller,
    listing::{self, ListQuery, Page},
    problem::Problem,
};
use crate::{
    model::{
        credential::WantedStorage,
        fault::Fault,
        id::{CredentialId, UserId},
        key::{Ends, ItemId, KeyRow, StorageProvider, TestOutcome, Tested},
        permission::Scope,
        policy::{CredentialKind, Kind, Status},
        secret::TypedSecret,
        time::Timestamp,
    },
    server::{
        connection,
        credentials::{self, EditedGeneral, NewGeneral},
        lists::Kinds,
        state::AppState,
    },
};

/// A credential, as the API tells it: never its secret.
#[derive(Serialize)]
pub struct CredentialView {
    id: ItemId,
    kind: Kind,
    name: String,
    mask: String,
    status: Status,
    provider: Option<StorageProvider>,
    region: Option<String>,
    created_at: String,
    created_by: UserId,
    last_used_at: Option<String>,
    expires_at: Option<String>,
    linked_to: Vec<String>,
    tested: Option<TestedView>,
    readable: bool,
}

/// How its last test went.
#[derive(Serialize)]
struct TestedView {
    outcome: TestOutcome,
    tested_at: String,
}

impl From<Tested> for TestedView {
    fn from(tested: Tested) -> Self {
        Self { outcome: tested.outcome, tested_at: tested.at.rfc3339() }
    }
}

impl From<KeyRow> for CredentialView {
    fn from(credential: KeyRow) -> Self {
        Self {
            id: credential.id,
            kind: credential.kind,
            name: credential.name,
            mask: credential.mask,
            status: credential.status,
            provider: credential.provider,
            region: credential.region,
            created_at: credential.created_at.rfc3339(),
            created_by: credential.creator,
            last_used_at: credential.last_used_at.map(Timestamp::rfc3339),
            expires_at: credential.expires_at.map(Timestamp::rfc3339),
            linked_to: credential.linked_to,
            tested: credential.tested.map(TestedView::from),
            readable: !credential.is_unreadable,
        }
    }
}

/// What to store. Which fields there must be, and which there must not, is the kind's affair.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateCredential {
    kind: String,
    #[serde(alias = "label")]
    name: String,
    provider: Option<String>,
    key: Option<TypedSecret>,
    secret: Option<TypedSecret>,
    region: Option<String>,
    duration_days: Option<i64>,
    value: Option<TypedSecret>,
}

impl CreateCredential {
    fn storage(self) -> Result<WantedStorage, Fault> {
        refuse("value", self.value.is_some())?;
        let provider = self.provider.as_deref().map(str::parse);
        let Some(Ok(provider)) = provider else { return Err(Fault::invalid("provider", "This takes aws or dnanexus.")) };
        Ok(WantedStorage {
            label: self.name,
            provider,
            key: self.key.unwrap_or_default(),
            secret: self.secret.unwrap_or_default(),
            region: self.region.unwrap_or_default(),
            ends: self.duration_days.map_or(Ends::Usual, Ends::Days),
        })
    }

    fn general(self) -> Result<NewGeneral, Fault> {
        refuse("provider", self.provider.is_some())?;
        refuse("key", self.key.is_some())?;
        refuse("secret", self.secret.is_some())?;
        refuse("region", self.region.is_some())?;
        refuse("duration_days", self.duration_days.is_some())?;
        Ok(NewGeneral { name: self.name, value: self.value.unwrap_or_default() })
    }
}

fn refuse(field: &str, is_there: bool) -> Result<(), Fault> {
    if is_there { Err(Fault::invalid(field, "Credentials of this kind have no such field.")) } else { Ok(()) }
}

/// A credential that was just stored.
#[derive(Serialize)]
struct Created {
    credential: CredentialView,
}

/// Stores a credential. Needs the scope `credentials:write`, and *Manage API Keys* for kind `storage`, *Manage Credentials* for `llm`.
/// Answers 201, without the secret.
pub async fn create(State(state): State<AppState>, caller: Caller, Json(call): Json<CreateCredential>) -> Result<Response, Problem> {
    let actor = caller.with_scope(Scope::CredentialsWrite)?;
    let Ok(kind) = call.kind.parse::<CredentialKind>() else { return Err(unknown_kind().into()) };
    actor.require(kind.policy().manage)?;
    let credential = match kind {
        CredentialKind::Storage => credentials::create_storage(&state, &actor, call.storage()?).await?,
        CredentialKind::Llm => credentials::create_general(&state, &actor, call.general()?).await?,
    };
    let place = HeaderValue::from_str(&format!("/api/v1/credentials/{}", credential.id)).map_err(|_| Fault::Internal)?;
    let body = Created { credential: credential.into() };
    Ok((StatusCode::CREATED, [(header::LOCATION, place), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Answer(body))
        .into_response())
}

/// Lists credentials: of a kind, or of every kind that the caller may see. Needs the scope `credentials:read` and what the kind needs.
pub async fn list(
    State(state): State<AppState>,
    caller: Caller,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Answer<Page<CredentialView>>, Problem> {
    let actor = caller.with_scope(Scope::CredentialsRead)?;
    let query = listing::readable(query)?;
    let kind = query.kind()?;
    if matches!(kind, Some(Kind::Key(_))) {
        return Err(unknown_kind().into());
    }
    Ok(Answer(listing::page(&state, &actor, &query, Kinds::or(kind, Kinds::Outbound)).await?))
}

fn unknown_kind() -> Fault {
    Fault::invalid("kind", "This takes storage or llm.")
}

/// One credential. Needs the scope `credentials:read` and what its kind needs.
pub async fn get(State(state): State<AppState>, caller: Caller, Path(id): Path<String>) -> Result<Answer<CredentialView>, Problem> {
    let actor = caller.with_scope(Scope::CredentialsRead)?;
    Ok(Answer(credentials::get(&state, &actor, credential_id(&id)?).await?.into()))
}

/// What to change of a general key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditCredential {
    name: Option<String>,
    #[serde(default)]
    value: TypedSecret,
}

/// Changes a general key; a value that is blank or not there keeps the stored one. Needs the scope `credentials:write` and
/// *Manage Credentials*.
pub async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Json(call): Json<EditCredential>,
) -> Result<Answer<CredentialView>, Problem> {
    let actor = caller.with_scope(Scope::CredentialsWrite)?;
    let edited = EditedGeneral { name: call.name, value: call.value };
    Ok(Answer(credentials::edit_general(&state, &actor, credential_id(&id)?, edited).await?.into()))
}

/// Deletes a credential for good. Needs the scope `credentials:write` and what its kind needs. Answers 204.
pub async fn delete(State(state): State<AppState>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let actor = caller.with_scope(Scope::CredentialsWrite)?;
    credentials::delete(&state, &actor, credential_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How a test went.
#[derive(Serialize)]
pub struct TestView {
    #[serde(flatten)]
    tested: TestedView,
    detail: String,
}

/// Tries a credential where it belongs. Needs the scope `credentials:write` and what its kind needs. Answers 200, whatever was found.
pub async fn test(State(state): State<AppState>, caller: Caller, Path(id): Path<String>) -> Result<Answer<TestView>, Problem> {
    let actor = caller.with_scope(Scope::CredentialsWrite)?;
    let report = connection::test(&state, &actor, credential_id(&id)?).await?;
    Ok(Answer(TestView { tested: report.tested.into(), detail: report.detail }))
}

/// What is no id is unknown like any other.
fn credential_id(text: &str) -> Result<CredentialId, Fault> {
    text.parse().map_err(|_| Fault::NotFound)
}
