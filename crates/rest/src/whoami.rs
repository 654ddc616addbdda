//! `GET /api/v1/whoami`.

use axum::{Json as JsonResponse, extract::State};

use super::caller::AuthorizedKey;
use latchkey_http::{AppState, problem::Problem};
use latchkey_store as store;
use latchkey_types::{
    error::Error,
    rest::whoami::{OwnKey, OwnKind, OwnOrganization, OwnUser, WhoAmI},
};

/// Get the current key
///
/// Returns the key, its organization and the user that it acts for.
#[utoipa::path(
    get,
    path = "/api/v1/whoami",
    operation_id = "whoAmI",
    tag = "whoami",
    responses((status = 200, description = "The current key, its organization and user.", body = WhoAmI)),
)]
pub(crate) async fn whoami(State(state): State<AppState>, AuthorizedKey(key): AuthorizedKey) -> Result<JsonResponse<WhoAmI>, Problem> {
    let mut db = state.store.connection().await?;
    let user = store::members::find(&mut db, key.creator.organization, key.creator.user).await?.ok_or(Error::NotFound)?;
    let (organization, _) = store::organizations::settings(&mut db, key.creator.organization).await?;
    Ok(JsonResponse(WhoAmI {
        key: OwnKey {
            id: key.id,
            name: key.name.to_string(),
            kind: OwnKind::Internal,
            expires_at: key.lifecycle().expires_at.map(Into::into),
            scopes: key.scopes().to_vec(),
        },
        organization: OwnOrganization { id: key.creator.organization, customer_id: key.creator.customer_id, name: organization },
        user: OwnUser { id: key.creator.user, name: user.name, permissions: key.creator.permissions },
    }))
}
