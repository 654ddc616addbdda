//! The rules for services: HTTP APIs that are called through the gateway with a stored credential. All need *Manage Services*.

pub mod call;
mod echo;
mod link;
#[cfg(test)]
mod tests;

pub use echo::record_echo;

use super::{
    Core,
    actor::Actor,
    audit::Event,
    base_url::base_url,
    etag::{self, IfMatch},
};
use latchkey_store::{
    self as store, Connection,
    services::{LinkedCredential, ServiceRecord},
};
use latchkey_types::{
    error::Error,
    id::ServiceId,
    key::StorageProvider,
    permission::Permission,
    service::{LinkableCredential, ServiceLink, ServiceList, ServiceRequest, ServiceRow, UnlinkReason, UpdatedService},
    service_rules::service_errors,
};

/// All services, and the credentials that the actor can link to them.
pub async fn list(core: &Core, actor: &Actor) -> Result<ServiceList, Error> {
    actor.require(Permission::ManageServices)?;
    let services = store::services::all(&core.store, actor.organization).await?;
    Ok(ServiceList { services: services.into_iter().map(row).collect(), credentials: link::linkable(core, actor).await? })
}

/// One service.
pub async fn get(core: &Core, actor: &Actor, id: ServiceId) -> Result<ServiceRow, Error> {
    actor.require(Permission::ManageServices)?;
    Ok(row(find(&mut *core.store.connection().await?, actor, id).await?))
}

/// Creates a service. Linking a general key also needs *Manage Credentials*; linking an external key needs *Manage API Keys*, and only its holder
/// can do it.
///
/// # Errors
/// `Invalid` at the first invalid field; `Conflict` at `name`; `Forbidden`, `Unavailable`.
pub async fn create(core: &Core, actor: &Actor, request: ServiceRequest) -> Result<ServiceRow, Error> {
    actor.require(Permission::ManageServices)?;
    let (id, values) = (ServiceId::new(), values(core, request)?);
    let mut change = core.begin(actor, &[Permission::ManageServices]).await?;
    if let Some(credential) = values.credential {
        link::require_linkable(&mut change.tx, &change.actor, credential, &values.injection).await?;
    }
    store::services::insert(&mut change.tx, change.actor.organization, id, change.actor.user, &values).await.map_err(name_taken)?;
    let record = find(&mut change.tx, &change.actor, id).await?;
    let event = with_values(change.event("service.created", "service", id, &values.name), &values);
    change.commit([event]).await?;
    Ok(row(record))
}

/// Changes a service. A new base URL unlinks its credential, so that no credential is sent to a URL that it was not linked to; another
/// credential in the same request is linked to the new URL. An external key is also unlinked if a user other than its holder changes anything.
/// Linking another credential, or changing how one is injected, needs the same permissions as in [`create`].
///
/// # Errors
/// As [`create`]; `NotFound`, `Outdated`.
pub async fn edit(core: &Core, actor: &Actor, id: ServiceId, request: ServiceRequest, only_if: IfMatch) -> Result<UpdatedService, Error> {
    actor.require(Permission::ManageServices)?;
    let mut values = values(core, request)?;
    let mut change = core.begin(actor, &[Permission::ManageServices]).await?;
    let before = find(&mut change.tx, &change.actor, id).await?;
    let row_before = row(before.clone());
    only_if.check_tag(|| Ok(etag::of_service(&row_before)))?;
    let values_before = ServiceRequest::from(&row_before);
    if values == values_before {
        return Ok(UpdatedService { service: row_before, unlinked: None });
    }
    let unlinked = link::update(&mut change.tx, &change.actor, &before, &mut values).await?;
    // Without a new credential, the reason why the service lost the last one is kept.
    let reason = if values.credential.is_none() && before.credential.is_none() { before.unlink_reason } else { unlinked };
    store::services::update(&mut change.tx, change.actor.organization, id, &values, reason).await.map_err(name_taken)?;
    let record = find(&mut change.tx, &change.actor, id).await?;
    let event = with_values(change.event("service.edited", "service", id, &values.name), &values);
    let event = event.with("changed", changed_fields(&values_before, &values));
    change.commit([with_reason(event, unlinked)]).await?;
    Ok(UpdatedService { service: row(record), unlinked })
}

/// Deletes a service. Its credential is kept.
///
/// # Errors
/// `NotFound`, `Outdated`, `Forbidden`, `Unavailable`.
pub async fn delete(core: &Core, actor: &Actor, id: ServiceId, only_if: IfMatch) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageServices]).await?;
    let service = row(find(&mut change.tx, &change.actor, id).await?);
    only_if.check_tag(|| Ok(etag::of_service(&service)))?;
    store::services::delete(&mut change.tx, change.actor.organization, id).await?;
    let event = with_values(change.event("service.deleted", "service", id, &service.name), &ServiceRequest::from(&service));
    change.commit([event]).await
}

async fn find(db: &mut Connection, actor: &Actor, id: ServiceId) -> Result<ServiceRecord, Error> {
    store::services::find(db, actor.organization, id).await?.ok_or(Error::NotFound)
}

/// The request with its texts normalized.
fn values(core: &Core, request: ServiceRequest) -> Result<ServiceRequest, Error> {
    let name = request.name.trim().to_owned();
    let request = ServiceRequest { name, ..request };
    match service_errors(&request).into_iter().next() {
        Some(error) => Err(error),
        None => Ok(ServiceRequest { base_url: base_url(&core.http_client, "base_url", &request.base_url)?, ..request }),
    }
}

fn name_taken(error: store::StoreError) -> Error {
    error.or_conflict("name", "A service with this name already exists.")
}

fn with_values(event: Event, values: &ServiceRequest) -> Event {
    let event = event.with("base_url", values.base_url.as_str()).with("injection", values.injection.kind().as_str());
    values.credential.iter().fold(event, |event, credential| event.with("credential", credential.to_string()))
}

fn with_reason(event: Event, unlinked: Option<UnlinkReason>) -> Event {
    unlinked.iter().fold(event, |event, reason| event.with("unlinked", reason.as_str()))
}

/// The names of the fields that differ.
fn changed_fields(before: &ServiceRequest, after: &ServiceRequest) -> Vec<&'static str> {
    let fields = [
        ("name", before.name != after.name),
        ("base_url", before.base_url != after.base_url),
        ("injection", before.injection != after.injection),
        ("credential", before.credential != after.credential),
        ("allow", before.allow != after.allow),
        ("callers", before.callers != after.callers),
        ("timeout_seconds", before.timeout_seconds != after.timeout_seconds),
        ("body_max", before.body_max != after.body_max),
    ];
    fields.into_iter().filter(|(_, has_changed)| *has_changed).map(|(name, _)| name).collect()
}

fn row(service: ServiceRecord) -> ServiceRow {
    let link = match (service.credential, service.unlink_reason) {
        (Some(credential), _) => ServiceLink::Credential(linked(credential)),
        (None, Some(reason)) => ServiceLink::Unlinked(reason),
        (None, None) => ServiceLink::Nothing,
    };
    ServiceRow {
        id: service.id,
        name: service.name,
        base_url: service.base_url,
        injection: service.injection,
        link,
        allow: service.allow,
        callers: service.callers,
        timeout_seconds: service.timeout_seconds,
        body_max: service.body_max,
        created_at: service.created_at,
        created_by: service.creator,
    }
}

fn linked(credential: LinkedCredential) -> LinkableCredential {
    LinkableCredential {
        id: credential.id,
        kind: credential.kind,
        name: credential.name,
        mask: credential.mask,
        is_aws: credential.provider == Some(StorageProvider::Aws),
    }
}
