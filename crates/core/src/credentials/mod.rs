//! The rules for third-party keys: stored encrypted, shown masked, used by the gateway, never returned.

mod create;
mod edit;
mod open;
mod view;

pub use create::{NewGeneralKey, create_external, create_general};
pub use edit::{GeneralKeyPatch, delete, edit_general, replace_external};
pub use open::{OpenCredential, OpenError, Secrets, open};
pub(crate) use open::{open_in, open_record};
pub use view::{find_many, get, own_external, rows};

use super::{Core, actor::Actor, vault::SecretOwner};
use latchkey_store::{self as store, Connection, credentials::CredentialRecord};
use latchkey_types::{
    error::Error,
    id::{CredentialId, UserId},
    key::StorageProvider,
    key_kind::CredentialKind,
    permission::Permission,
};

/// The permissions for at least one kind of credential.
const ANY_KIND: [Permission; 2] = [Permission::ManageCredentials, Permission::ManageApiKeys];

/// Whether the actor may view and change the credential; both need the same permission. Personal credentials are accessible to their creator
/// and to owners and admins.
fn can_access(actor: &Actor, record: &CredentialRecord) -> bool {
    let spec = record.kind.spec();
    let own = record.created_by == actor.user;
    actor.permissions.has(spec.manage) && (!spec.is_personal || own || actor.can_see_all_keys())
}

/// The stored credential, if the actor may access it. Needs the kind's `view` permission.
///
/// # Errors
/// `NotFound` also for credentials that the actor may not access.
pub async fn get_record(core: &Core, actor: &Actor, id: CredentialId) -> Result<CredentialRecord, Error> {
    actor.require_any(&ANY_KIND)?;
    let record = store::credentials::find(core.store.read()?, actor.organization, id).await?;
    record.filter(|record| can_access(actor, record)).ok_or(Error::NotFound)
}

/// As [`get_record`], inside the transaction that changes the credential.
async fn find_accessible(db: &mut Connection, actor: &Actor, id: CredentialId) -> Result<CredentialRecord, Error> {
    let record = store::credentials::find(db, actor.organization, id).await?;
    record.filter(|record| can_access(actor, record)).ok_or(Error::NotFound)
}

/// Requires a general key of the organization. Keys of other organizations are reported like deleted ones.
///
/// # Errors
/// `Invalid` at the field.
pub(crate) async fn require_general(db: &mut Connection, actor: &Actor, field: &str, id: Option<CredentialId>) -> Result<(), Error> {
    let Some(id) = id else { return Ok(()) };
    let found = store::credentials::find(db, actor.organization, id).await?;
    if found.is_some_and(|record| record.kind == CredentialKind::General) {
        Ok(())
    } else {
        Err(Error::invalid(field, "Choose a general key. This key is of another kind or was deleted."))
    }
}

/// The value that makes an external key the only one of its provider and user.
pub(crate) fn external_unique_name(provider: StorageProvider, user: UserId) -> String {
    format!("{} {user}", provider.as_str())
}

/// The owner that the secrets are bound to when they are encrypted.
fn owner_of(record: &CredentialRecord) -> SecretOwner {
    SecretOwner::credential(record.organization_id, record.id, record.kind, record.provider)
}
