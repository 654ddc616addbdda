//! Services, which are called through the gateway. All functions need *Manage Services*.

use leptos::prelude::*;

use latchkey_types::{
    codec::Json,
    error::Error,
    id::ServiceId,
    receipt::{Done, WithReceipt},
    service::{ServiceList, ServiceRequest, ServiceRow, UpdatedService},
};

#[cfg(feature = "ssr")]
use super::request_context::{self, RequestContext};
#[cfg(feature = "ssr")]
use latchkey_core::{etag::IfMatch, services};

/// Returns all services, and the credentials that the caller can link.
#[server(prefix = "/fn", endpoint = "services/list", protocol = Json)]
pub async fn list_services() -> Result<ServiceList, Error> {
    request_context::answer(async |call: RequestContext| services::list(&call.state, &call.actor()?).await).await
}

/// Creates a service. Linking a general key also needs *Manage Credentials*; an external key can be linked only by its holder.
///
/// # Errors
/// `Invalid` at the field that breaks a rule; `Conflict` at `name`.
#[server(prefix = "/fn", endpoint = "services/create", protocol = Json)]
pub async fn create_service(request: ServiceRequest) -> Result<ServiceRow, Error> {
    request_context::answer(async move |call: RequestContext| services::create(&call.state, &call.actor()?, request).await).await
}

/// Replaces all values of a service, effective immediately. The response says whether the change unlinked its credential.
///
/// # Errors
/// As of [`create_service`].
#[server(prefix = "/fn", endpoint = "services/edit", protocol = Json)]
pub async fn edit_service(id: ServiceId, request: ServiceRequest) -> Result<WithReceipt<UpdatedService>, Error> {
    request_context::answer_with_receipt(async move |call: RequestContext| {
        services::edit(&call.state, &call.actor()?, id, request, IfMatch::Unconditional).await
    })
    .await
}

/// Deletes a service. Its credential is kept.
#[server(prefix = "/fn", endpoint = "services/delete", protocol = Json)]
pub async fn delete_service(id: ServiceId) -> Result<WithReceipt<Done>, Error> {
    request_context::answer_done(async move |call: RequestContext| services::delete(&call.state, &call.actor()?, id, IfMatch::Unconditional).await)
        .await
}
