//! The rules for keys that others made: kept sealed, shown masked, used by us, given back to nobody.

mod create;
mod edit;
mod open;
mod view;

pub use create::{NewGeneral, create_general, create_storage};
pub use edit::{EditedGeneral, delete, edit_general};
pub use open::{Opened, Secrets, Unusable, open};
pub use view::{find_many, get, rows};

use super::{
    actor::Actor,
    state::AppState,
    store::{self, credentials::CredentialRecord},
    vault::{Holder, Owner},
};
use crate::model::{
    fault::Fault,
    id::CredentialId,
    permission::Permission,
    policy::{CredentialKind, Lifecycle},
    time::Timestamp,
};

impl CredentialRecord {
    /// The moments that decide what it is.
    pub fn lifecycle(&self) -> Lifecycle {
        Lifecycle { expires_at: self.expires_at.map(Timestamp), ..Lifecycle::default() }
    }

    /// Reads the stored word.
    ///
    /// # Errors
    /// `Internal` when it is none of ours.
    pub fn kind(&self) -> Result<CredentialKind, Fault> {
        self.kind.parse().map_err(|_| self.unreadable())
    }

    /// Reads the stored id.
    ///
    /// # Errors
    /// `Internal` when it is none of ours.
    pub fn id(&self) -> Result<CredentialId, Fault> {
        self.id.parse().map_err(|_| self.unreadable())
    }

    /// Whose its secrets are.
    ///
    /// # Errors
    /// `Internal` when the stored ids can't be read.
    pub fn owner(&self) -> Result<Owner<'_>, Fault> {
        Ok(Owner {
            organization: self.organization_id.parse().map_err(|_| self.unreadable())?,
            holder: Holder::Credential(self.id()?),
            purpose: self.provider.as_deref().unwrap_or(&self.kind),
        })
    }

    fn unreadable(&self) -> Fault {
        tracing::error!(credential = self.id, "a stored credential can't be read");
        Fault::Internal
    }
}

/// Goes on only for those who may have to do with some kind of credential.
fn require_some_kind(actor: &Actor) -> Result<(), Fault> {
    actor.require_any(&[Permission::ManageCredentials, Permission::ManageApiKeys])
}

/// Whether the actor may see it, and so change it: both take the same permission. A personal one is its maker's, and owners' and admins'.
fn is_theirs(actor: &Actor, record: &CredentialRecord) -> Result<bool, Fault> {
    let policy = record.kind()?.policy();
    let own = record.created_by == actor.user.to_string();
    Ok(actor.permissions.has(policy.manage) && (!policy.personal || own || actor.sees_everybodys_keys()))
}

/// The credential as it is stored, if it is there for the actor. Needs its kind's `view` permission.
///
/// # Errors
/// `NotFound` also for another's; `Forbidden`, `Unavailable`.
pub async fn get_record(state: &AppState, actor: &Actor, id: CredentialId) -> Result<CredentialRecord, Fault> {
    require_some_kind(actor)?;
    let record = store::credentials::find(state.store.read()?, actor.organization, id).await?.ok_or(Fault::NotFound)?;
    if is_theirs(actor, &record)? { Ok(record) } else { Err(Fault::NotFound) }
}

/// The same, in the transaction that changes it.
async fn theirs_in(tx: &mut store::Tx, actor: &Actor, id: CredentialId) -> Result<CredentialRecord, Fault> {
    let record = store::credentials::find(tx, actor.organization, id).await?.ok_or(Fault::NotFound)?;
    if is_theirs(actor, &record)? { Ok(record) } else { Err(Fault::NotFound) }
}
