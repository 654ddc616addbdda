//! The rules for third-party keys: stored encrypted, shown masked, used by the gateway, never returned.

mod create;
mod edit;
mod open;
mod view;

pub use create::{NewGeneralKey, create_external, create_general};
pub use edit::{GeneralKeyPatch, delete, edit_general};
pub use open::{OpenCredential, OpenError, Secrets, open};
pub use view::{find_many, get, rows};

use super::{
    Core,
    actor::Actor,
    vault::{OwnerId, SecretOwner},
};
use latchkey_store::{self as store, credentials::CredentialRecord};
use latchkey_types::{error::Error, id::CredentialId, permission::Permission};

/// Requires a permission for at least one kind of credential.
fn require_any_kind(actor: &Actor) -> Result<(), Error> {
    actor.require_any(&[Permission::ManageCredentials, Permission::ManageApiKeys])
}

/// Whether the actor may view and change the credential; both need the same permission. Personal credentials are accessible to their creator
/// and to owners and admins.
fn can_access(actor: &Actor, record: &CredentialRecord) -> Result<bool, Error> {
    let spec = record.kind()?.spec();
    let own = record.created_by == actor.user.to_string();
    Ok(actor.permissions.has(spec.manage) && (!spec.is_personal || own || actor.can_see_all_keys()))
}

/// The stored credential, if the actor may access it. Needs the kind's `view` permission.
///
/// # Errors
/// `NotFound` also for credentials that the actor may not access.
pub async fn get_record(core: &Core, actor: &Actor, id: CredentialId) -> Result<CredentialRecord, Error> {
    require_any_kind(actor)?;
    let record = store::credentials::find(core.store.read()?, actor.organization, id).await?.ok_or(Error::NotFound)?;
    if can_access(actor, &record)? { Ok(record) } else { Err(Error::NotFound) }
}

/// As [`get_record`], inside the transaction that changes the credential.
async fn find_accessible(tx: &mut store::Tx, actor: &Actor, id: CredentialId) -> Result<CredentialRecord, Error> {
    let record = store::credentials::find(tx, actor.organization, id).await?.ok_or(Error::NotFound)?;
    if can_access(actor, &record)? { Ok(record) } else { Err(Error::NotFound) }
}

/// The owner that the secrets are bound to when they are encrypted.
pub(crate) fn owner_of(record: &CredentialRecord) -> Result<SecretOwner<'_>, Error> {
    Ok(SecretOwner {
        organization: record.organization_id.parse().map_err(|_| record.unreadable())?,
        holder: OwnerId::Credential(record.id()?),
        purpose: record.provider.as_deref().unwrap_or(&record.kind),
    })
}
