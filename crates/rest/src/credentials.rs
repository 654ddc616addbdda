//! `/api/v1/credentials`.

use axum::{
    Json as JsonResponse,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    caller::Authorized,
    conditional::{Precondition, Tagged},
    listing::{self, ListQuery, Page},
    openapi::schemas,
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
    id::{CredentialId, UserId},
    key::{ItemId, KeyRow, RequestedExpiry, StorageProvider, TestOutcome, TestResult},
    key_kind::{CredentialKind, Kind, Status},
    secret::TypedSecret,
    time::Timestamp,
};

/// A credential, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Credential)]
pub(crate) struct CredentialView {
    #[schema(schema_with = schemas::credential_id)]
    id: ItemId,
    #[schema(schema_with = schemas::credential_kind)]
    kind: Kind,
    name: String,
    /// The secret with all but a few characters hidden.
    mask: String,
    #[schema(schema_with = schemas::status)]
    status: Status,
    #[schema(schema_with = schemas::provider_or_null)]
    provider: Option<StorageProvider>,
    #[schema(required)]
    region: Option<String>,
    #[schema(schema_with = schemas::timestamp)]
    created_at: String,
    #[schema(schema_with = schemas::user_id)]
    created_by: UserId,
    #[schema(schema_with = schemas::timestamp_or_null)]
    last_used_at: Option<String>,
    #[schema(schema_with = schemas::timestamp_or_null)]
    expires_at: Option<String>,
    /// The names of the providers and models that use this credential.
    linked_to: Vec<String>,
    /// The result of the last test; null if it was never tested.
    #[schema(required)]
    tested: Option<TestedView>,
    /// Whether the stored secret can be decrypted.
    readable: bool,
}

/// The result of a test.
#[derive(Serialize, ToSchema)]
#[schema(as = Tested)]
pub(crate) struct TestedView {
    #[schema(schema_with = schemas::outcome)]
    outcome: TestOutcome,
    #[schema(schema_with = schemas::timestamp)]
    tested_at: String,
}

impl From<TestResult> for TestedView {
    fn from(tested: TestResult) -> Self {
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

/// A credential to create. The kind determines which fields are required and which are rejected.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateCredential {
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
    fn into_external(self) -> Result<CreateExternalKeyRequest, Error> {
        reject_field("value", self.value.is_some())?;
        let provider = self.provider.as_deref().map(str::parse);
        let Some(Ok(provider)) = provider else { return Err(Error::invalid("provider", "Must be aws or dnanexus.")) };
        Ok(CreateExternalKeyRequest {
            label: self.name,
            provider,
            key: self.key.unwrap_or_default(),
            secret: self.secret.unwrap_or_default(),
            region: self.region.unwrap_or_default(),
            expiry: self.duration_days.map_or(RequestedExpiry::KindDefault, RequestedExpiry::Days),
        })
    }

    fn into_general(self) -> Result<NewGeneralKey, Error> {
        reject_field("provider", self.provider.is_some())?;
        reject_field("key", self.key.is_some())?;
        reject_field("secret", self.secret.is_some())?;
        reject_field("region", self.region.is_some())?;
        reject_field("duration_days", self.duration_days.is_some())?;
        Ok(NewGeneralKey { name: self.name, value: self.value.unwrap_or_default() })
    }
}

fn reject_field(field: &str, is_present: bool) -> Result<(), Error> {
    if is_present { Err(Error::invalid(field, "Credentials of this kind do not have this field.")) } else { Ok(()) }
}

/// The created credential.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedCredential)]
pub(crate) struct CreatedCredential {
    credential: CredentialView,
}

/// Create a credential
///
/// External keys need *Manage API Keys*, general keys *Manage Credentials*.
#[utoipa::path(
    post,
    path = "/api/v1/credentials",
    operation_id = "createCredential",
    tag = "credentials",
    request_body(content = ref("#/components/schemas/CreateCredential"), content_type = "application/json", examples(
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
        (status = 201, description = "The created credential, without its secret.", body = CreatedCredential,
            headers(("ETag" = String, description = "For `If-Match`."), ("Location" = String, description = "The URL of the credential."))),
        (status = 409, description = "`conflict`: a credential with this name or for this provider already exists."),
    ),
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Json(request): Json<CreateCredential>,
) -> Result<Response, Problem> {
    let Ok(kind) = request.kind.parse::<CredentialKind>() else { return Err(unknown_kind().into()) };
    actor.require(kind.spec().manage)?;
    let credential = match kind {
        CredentialKind::External => credentials::create_external(&state, &actor, request.into_external()?).await?,
        CredentialKind::General => credentials::create_general(&state, &actor, request.into_general()?).await?,
    };
    let location = HeaderValue::from_str(&format!("/api/v1/credentials/{}", credential.id)).map_err(|_| Error::Internal)?;
    let credential = Tagged::<CredentialView>::from(credential);
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::CREATED, headers, credential.header(), JsonResponse(CreatedCredential { credential: credential.view })).into_response())
}

/// List credentials
///
/// Of one kind, or of every kind that the caller may see: external keys need *Manage API Keys*, general keys *Manage Credentials*.
#[utoipa::path(
    get,
    path = "/api/v1/credentials",
    operation_id = "listCredentials",
    tag = "credentials",
    params(ListQuery),
    responses((status = 200, description = "A page of credentials.", body = Page<CredentialView>)),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<JsonResponse<Page<CredentialView>>, Problem> {
    let query = listing::parse_query(query)?;
    let kind = query.kind()?;
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
    params(("id" = String, Path, description = "The credential's id.", pattern = "^crd_[0-9a-f]{32}$")),
    responses((status = 200, description = "The credential.", body = CredentialView, headers(("ETag" = String, description = "For `If-Match`.")))),
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Path(id): Path<String>,
) -> Result<Tagged<CredentialView>, Problem> {
    Ok(credentials::get(&state, &actor, credential_id(&id)?).await?.into())
}

/// Changes to a general key. Fields that are left out keep their value.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditCredential {
    /// Null keeps the current name.
    #[schema(schema_with = schemas::name_or_null)]
    name: Option<String>,
    /// An empty string keeps the stored value.
    #[serde(default)]
    #[schema(schema_with = schemas::new_value)]
    value: TypedSecret,
}

/// Update a general key
///
/// An empty or missing value keeps the stored one.
#[utoipa::path(
    patch,
    path = "/api/v1/credentials/{id}",
    operation_id = "editCredential",
    tag = "credentials",
    params(("id" = String, Path, description = "The credential's id.", pattern = "^crd_[0-9a-f]{32}$"), ("If-Match" = Option<String>, Header)),
    request_body(content = EditCredential, examples(
        ("name" = (summary = "A new name", value = json!({ "name": "OpenAI, production" }))),
        ("value" = (summary = "A new value", value = json!({ "value": "sk-9876543210" }))),
    )),
    responses(
        (status = 200, description = "The updated credential.", body = CredentialView, headers(("ETag" = String, description = "For `If-Match`."))),
        (status = 409, description = "`conflict`: a credential with this name already exists."),
    ),
)]
pub(crate) async fn edit(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Path(id): Path<String>,
    Precondition(if_match): Precondition,
    Json(request): Json<EditCredential>,
) -> Result<Tagged<CredentialView>, Problem> {
    let patch = GeneralKeyPatch { name: request.name, value: request.value };
    Ok(credentials::edit_general(&state, &actor, credential_id(&id)?, patch, if_match).await?.into())
}

/// Delete a credential
///
/// This cannot be undone. External keys need *Manage API Keys*, general keys *Manage Credentials*.
#[utoipa::path(
    delete,
    path = "/api/v1/credentials/{id}",
    operation_id = "deleteCredential",
    tag = "credentials",
    params(("id" = String, Path, description = "The credential's id.", pattern = "^crd_[0-9a-f]{32}$"), ("If-Match" = Option<String>, Header)),
    responses((status = 204, description = "Credential deleted.")),
)]
pub(crate) async fn delete(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Path(id): Path<String>,
    Precondition(if_match): Precondition,
) -> Result<StatusCode, Problem> {
    credentials::delete(&state, &actor, credential_id(&id)?, if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The result of a test, with an explanation.
#[derive(Serialize, ToSchema)]
#[schema(as = TestReport)]
pub(crate) struct TestView {
    #[serde(flatten)]
    tested: TestedView,
    detail: String,
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
    params(("id" = String, Path, description = "The credential's id.", pattern = "^crd_[0-9a-f]{32}$")),
    responses(
        (status = 200, description = "The result; `unchecked` if the provider gave no conclusive response.", body = TestView),
        (status = 429, description = "`throttled`: this credential is already being tested."),
    ),
)]
pub(crate) async fn test(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Path(id): Path<String>,
) -> Result<JsonResponse<TestView>, Problem> {
    let report = credential_check::test(&state, &actor, credential_id(&id)?).await?;
    Ok(JsonResponse(TestView { tested: report.tested.into(), detail: report.detail }))
}

/// A malformed id is reported as not found.
fn credential_id(text: &str) -> Result<CredentialId, Error> {
    text.parse().map_err(|_| Error::NotFound)
}
