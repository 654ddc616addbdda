//! The rules for third-party keys: stored encrypted, shown masked, used by the gateway, never returned.

mod create;
mod edit;
mod open;
mod view;

pub use create::{NewGeneral, create_general, create_storage};
pub use edit::{EditedGeneral, delete, edit_general};
pub use open::{Opened, Secrets, Unusable, open};
pub use view::{find_many, get, rows};

use super::{
    Core,
    actor::Actor,
    vault::{Holder, Owner},
};
use latchkey_store::{self as store, credentials::CredentialRecord};
use latchkey_types::{error::Fault, id::CredentialId, permission::Permission};

/// Requires a permission for at least one kind of credential.
fn require_some_kind(actor: &Actor) -> Result<(), Fault> {
    actor.require_any(&[Permission::ManageCredentials, Permission::ManageApiKeys])
}

/// Whether the actor may view and change the credential; both need the same permission. Personal credentials are accessible to their creator
/// and to owners and admins.
fn can_access(actor: &Actor, record: &CredentialRecord) -> Result<bool, Fault> {
    let policy = record.kind()?.policy();
    let own = record.created_by == actor.user.to_string();
    Ok(actor.permissions.has(policy.manage) && (!policy.personal || own || actor.sees_everybodys_keys()))
}

/// The stored credential, if the actor may access it. Needs the kind's `view` permission.
///
/// # Errors
/// `NotFound` also for credentials that the actor may not access.
pub async fn get_record(core: &Core, actor: &Actor, id: CredentialId) -> Result<CredentialRecord, Fault> {
    require_some_kind(actor)?;
    let record = store::credentials::find(core.store.read()?, actor.organization, id).await?.ok_or(Fault::NotFound)?;
    if can_access(actor, &record)? { Ok(record) } else { Err(Fault::NotFound) }
}

/// As [`get_record`], inside the transaction that changes the credential.
async fn theirs_in(tx: &mut store::Tx, actor: &Actor, id: CredentialId) -> Result<CredentialRecord, Fault> {
    let record = store::credentials::find(tx, actor.organization, id).await?.ok_or(Fault::NotFound)?;
    if can_access(actor, &record)? { Ok(record) } else { Err(Fault::NotFound) }
}

/// The owner that the secrets are bound to when they are encrypted.
pub(crate) fn owner_of(record: &CredentialRecord) -> Result<Owner<'_>, Fault> {
    Ok(Owner {
        organization: record.organization_id.parse().map_err(|_| record.unreadable())?,
        holder: Holder::Credential(record.id()?),
        purpose: record.provider.as_deref().unwrap_or(&record.kind),
    })
}
