//! Who may link which credential to a service, and which changes of a service unlink it.

use crate::{Core, actor::Actor, credentials::external_unique_name};
use latchkey_store::{self as store, Connection, credentials::CredentialRecord, services::ServiceRecord};
use latchkey_types::{
    error::Error,
    id::CredentialId,
    key::StorageProvider,
    key_kind::CredentialKind,
    permission::{Permission, Scope},
    service::{Injection, LinkableCredential, ServiceRequest, UnlinkReason},
};

/// The credentials that the actor can link: general keys, and their own external keys. Sorted by name.
pub(super) async fn linkable(core: &Core, actor: &Actor) -> Result<Vec<LinkableCredential>, Error> {
    let mut records = Vec::new();
    if actor.permissions.has(Permission::ManageCredentials) {
        records.extend(store::credentials::of_kind(&core.store, actor.organization, CredentialKind::General).await?);
    }
    if actor.permissions.has(Permission::ManageApiKeys) {
        let unique_names = StorageProvider::ALL.map(|provider| external_unique_name(provider, actor.user));
        let own = store::credentials::find_by_unique_names(&core.store, actor.organization, CredentialKind::External, &unique_names).await?;
        records.extend(own);
    }
    records.sort_by_cached_key(|record| store::fold(&record.name));
    Ok(records.into_iter().map(linkable_credential).collect())
}

fn linkable_credential(record: CredentialRecord) -> LinkableCredential {
    let is_aws = is_aws(&record);
    LinkableCredential { id: record.id, kind: record.kind, name: record.name, mask: record.mask, is_aws }
}

/// Requires that the actor may link this credential, and that it fits the injection. A key needs the scope to change credentials, because
/// linking one determines the URL that it is sent to.
///
/// # Errors
/// `Forbidden`, `ScopeNotHeld`; `Invalid` at `credential`, also for credentials of other organizations and external keys of other users.
pub(super) async fn require_linkable(db: &mut Connection, actor: &Actor, id: CredentialId, injection: &Injection) -> Result<(), Error> {
    actor.require_grant(Scope::CredentialsWrite)?;
    let found = store::credentials::find(db, actor.organization, id).await?;
    let record = found.filter(|record| record.kind == CredentialKind::General || record.created_by == actor.user);
    let invalid = |message: &str| Err(Error::invalid("credential", message));
    let Some(record) = record else {
        return invalid("Choose a general key or an external key of your own. This key belongs to another user or was deleted.");
    };
    actor.require(record.kind.spec().manage)?;
    match (matches!(injection, Injection::SigV4 { .. }), is_aws(&record)) {
        (true, false) => invalid("Choose your external key for Amazon Web Services, because requests are signed."),
        (false, true) => invalid("A key for Amazon Web Services can only sign requests. Choose another key, or AWS Signature Version 4."),
        (true, true) | (false, false) => Ok(()),
    }
}

fn is_aws(record: &CredentialRecord) -> bool {
    record.provider == Some(StorageProvider::Aws)
}

/// Updates the link of a service that is changed. If the change unlinks the credential, removes it from the values and returns the reason.
///
/// # Errors
/// As [`require_linkable`].
pub(super) async fn update(
    db: &mut Connection,
    actor: &Actor,
    before: &ServiceRecord,
    values: &mut ServiceRequest,
) -> Result<Option<UnlinkReason>, Error> {
    let Some(requested) = values.credential else { return Ok(None) };
    let Some(kept) = before.credential.as_ref().filter(|linked| linked.id == requested) else {
        require_linkable(db, actor, requested, &values.injection).await?;
        return Ok(None);
    };
    let reason = if values.base_url != before.base_url {
        UnlinkReason::AddressChanged
    } else if kept.kind == CredentialKind::External && kept.created_by != actor.user {
        UnlinkReason::ChangedByAnother
    } else {
        if values.injection != before.injection {
            require_linkable(db, actor, requested, &values.injection).await?;
        }
        return Ok(None);
    };
    values.credential = None;
    Ok(Some(reason))
}
