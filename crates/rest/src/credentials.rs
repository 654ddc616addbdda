//! `/api/v1/credentials`.

use axum::{
    Json as JsonResponse,
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
};

use super::{
    caller::Authorized,
    conditional::{Located, Precondition, Tagged},
    listing::{self, KindParameter},
    path_id::PathId,
};
use latchkey_core::{
    credential_check,
    credentials::{self, GeneralKeyPatch, NewGeneralKey},
    key_lists::KindSelection,
};
use latchkey_http::{AppState, body::Json, problem::Problem};
use latchkey_types::{
    credential::CreateExternalKeyRequest,
    error::Error,
    id,
    key::RequestedExpiry,
    key_kind::{CredentialKind, Kind},
    rest::{
        credentials::{CreateCredential, CreatedCredential, Credential, EditCredential, TestReport},
        page::{ListQuery, Page},
        values::DurationDays,
    },
};

fn external_key(request: CreateCredential) -> Result<CreateExternalKeyRequest, Error> {
    reject_field("value", request.value.is_some())?;
    let provider = request.provider.as_deref().map(str::parse);
    let Some(Ok(provider)) = provider else { return Err(Error::invalid("provider", "Must be aws or dnanexus.")) };
    Ok(CreateExternalKeyRequest {
        label: request.name.0,
        provider,
        key: request.key.unwrap_or_default(),
        secret: request.secret.unwrap_or_default(),
        region: request.region.unwrap_or_default(),
        expiry: request.duration_days.map_or(RequestedExpiry::KindDefault, |DurationDays(days)| RequestedExpiry::Days(days)),
    })
}

fn general_key(request: CreateCredential) -> Result<NewGeneralKey, Error> {
    reject_field("provider", request.provider.is_some())?;
    reject_field("key", request.key.is_some())?;
    reject_field("secret", request.secret.is_some())?;
    reject_field("region", request.region.is_some())?;
    reject_field("duration_days", request.duration_days.is_some())?;
    Ok(NewGeneralKey { name: request.name.0, value: request.value.unwrap_or_default() })
}

fn reject_field(field: &str, is_present: bool) -> Result<(), Error> {
    if is_present { Err(Error::invalid(field, "Credentials of this kind do not have this field.")) } else { Ok(()) }
}

/// Create a credential
///
/// External keys need *Manage API Keys*, general keys *Manage Credentials*.
#[utoipa::path(
    post,
    path = "/api/v1/credentials",
    operation_id = "createCredential",
    tag = "credentials",
    request_body(content = CreateCredential, examples(
        ("general" = (summary = "A language model provider", value = json!({ "kind": "general", "name": "OpenAI", "value": "sk-0123456789" }))),
        ("aws" = (summary = "Amazon Web Services", value = json!({
            "kind": "external", "name": "archive", "provider": "aws", "key": "AKIAIOSFODNN7EXAMPLE",
            "secret": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "region": "us-east-1", "duration_days": 90,
        }))),
        ("dnanexus" = (summary = "DNAnexus", value = json!({
            "kind": "external", "name": "genomes", "provider": "dnanexus", "key": "0123456789abcdef0123456789abcdef", "duration_days": 90,
        }))),
    )),
    responses(
        Located<201, CreatedCredential>,
        (status = 409, description = "`conflict`: a credential with this name or for this provider already exists."),
    ),
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Json(request): Json<CreateCredential>,
) -> Result<Located<201, CreatedCredential>, Problem> {
    let Ok(kind) = request.kind.parse::<CredentialKind>() else { return Err(unknown_kind().into()) };
    actor.require(kind.spec().manage)?;
    let credential = match kind {
        CredentialKind::External => credentials::create_external(&state, &actor, external_key(request)?).await?,
        CredentialKind::General => credentials::create_general(&state, &actor, general_key(request)?).await?,
    };
    Ok(Located::new(credential, |credential| CreatedCredential { credential }))
}

/// List credentials
///
/// Of one kind, or of every kind that the caller may see: external keys need *Manage API Keys*, general keys *Manage Credentials*.
#[utoipa::path(
    get,
    path = "/api/v1/credentials",
    operation_id = "listCredentials",
    tag = "credentials",
    params(KindParameter<CredentialKind>, ListQuery),
    responses((status = 200, description = "A page of credentials.", body = Page<Credential>)),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<JsonResponse<Page<Credential>>, Problem> {
    let query = listing::parse_query(query)?;
    let kind = listing::kind_of(&query)?;
    if matches!(kind, Some(Kind::Key(_))) {
        return Err(unknown_kind().into());
    }
    Ok(JsonResponse(listing::page(&state, &actor, &query, KindSelection::or(kind, KindSelection::Outbound)).await?))
}

fn unknown_kind() -> Error {
    Error::invalid("kind", "Must be external or general.")
}

/// Get a credential
///
/// External keys need *Manage API Keys*, general keys *Manage Credentials*.
#[utoipa::path(
    get,
    path = "/api/v1/credentials/{id}",
    operation_id = "getCredential",
    tag = "credentials",
    params(PathId<id::Credential>),
    responses(Tagged<Credential>),
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<id::Credential>,
) -> Result<Tagged<Credential>, Problem> {
    Ok(credentials::get(&state, &actor, id).await?.into())
}

/// Update a general key
///
/// An empty or missing value keeps the stored one.
#[utoipa::path(
    patch,
    path = "/api/v1/credentials/{id}",
    operation_id = "editCredential",
    tag = "credentials",
    params(PathId<id::Credential>, Precondition),
    request_body(content = EditCredential, examples(
        ("name" = (summary = "A new name", value = json!({ "name": "OpenAI, production" }))),
        ("value" = (summary = "A new value", value = json!({ "value": "sk-9876543210" }))),
    )),
    responses(
        Tagged<Credential>,
        (status = 409, description = "`conflict`: a credential with this name already exists."),
    ),
)]
pub(crate) async fn edit(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<id::Credential>,
    Precondition(if_match): Precondition,
    Json(request): Json<EditCredential>,
) -> Result<Tagged<Credential>, Problem> {
    let patch = GeneralKeyPatch { name: request.name.map(|name| name.0), value: request.value.0 };
    Ok(credentials::edit_general(&state, &actor, id, patch, if_match).await?.into())
}

/// Delete a credential
///
/// This cannot be undone. External keys need *Manage API Keys*, general keys *Manage Credentials*.
#[utoipa::path(
    delete,
    path = "/api/v1/credentials/{id}",
    operation_id = "deleteCredential",
    tag = "credentials",
    params(PathId<id::Credential>, Precondition),
    responses((status = 204, description = "Credential deleted.")),
)]
pub(crate) async fn delete(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<id::Credential>,
    Precondition(if_match): Precondition,
) -> Result<StatusCode, Problem> {
    credentials::delete(&state, &actor, id, if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Test a credential
///
/// Sends a request to the credential's provider. The response is 200 for every outcome. External keys need
/// *Manage API Keys*, general keys *Manage Credentials*.
#[utoipa::path(
    post,
    path = "/api/v1/credentials/{id}/test",
    operation_id = "testCredential",
    tag = "credentials",
    params(PathId<id::Credential>),
    responses(
        (status = 200, description = "The result; `unchecked` if the provider gave no conclusive response.", body = TestReport),
        (status = 429, description = "`throttled`: this credential is already being tested."),
    ),
)]
pub(crate) async fn test(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<id::Credential>,
) -> Result<JsonResponse<TestReport>, Problem> {
    Ok(JsonResponse(credential_check::test(&state, &actor, id).await?.into()))
}
