//! The rules for API keys of every kind. The kind table holds the differences between kinds.

mod bulk;
mod change;
mod create;
mod import;
mod limits;
mod rotate;
mod traits;

pub use bulk::act;
pub use change::{delete, edit, set_disabled};
pub use create::create;
pub use import::{Import, import};
pub use limits::row;
pub use rotate::rotate;
pub use traits::{METADATA_MAX, SCOPES_MAX};

use super::{
    actor::Actor,
    lists,
    state::AppState,
    store::{self, Tx, keys::KeyRecord},
};
use crate::model::{
    fault::Fault,
    id::KeyId,
    key::{CorpusRow, ItemId, KeyRow, Retiring},
    permission::Permission,
    policy::{KeyKind, Kind, Lifecycle},
    time::Timestamp,
};

impl KeyRecord {
    /// The times that determine the status.
    pub fn lifecycle(&self) -> Lifecycle {
        Lifecycle {
            expires_at: self.expires_at.map(Timestamp),
            disabled_at: self.disabled_at.map(Timestamp),
            revoked_at: self.revoked_at.map(Timestamp),
            deleted_at: None,
        }
    }

    pub fn scopes(&self) -> Vec<String> {
        self.scopes.split_whitespace().map(ToOwned::to_owned).collect()
    }

    pub fn kind(&self) -> Result<KeyKind, Fault> {
        self.kind.parse().map_err(|_| self.unreadable())
    }

    /// The key as lists show it.
    pub fn row(&self) -> Result<KeyRow, Fault> {
        Ok(KeyRow {
            id: ItemId::Key(self.id.parse().map_err(|_| self.unreadable())?),
            kind: Kind::Key(self.kind()?),
            name: self.name.clone(),
            mask: self.mask.clone(),
            status: self.lifecycle().status(Timestamp::now()),
            created_at: Timestamp(self.created_at),
            created_by: self.creator.clone(),
            creator: self.created_by.parse().map_err(|_| self.unreadable())?,
            last_used_at: self.last_used_at.map(Timestamp),
            expires_at: self.expires_at.map(Timestamp),
            scopes: self.scopes(),
            corpora: self.corpora.iter().map(|(id, name)| CorpusRow { id: *id, name: name.clone() }).collect(),
            external_id: self.external_id.clone(),
            metadata: self.metadata.clone(),
            limits: self.limits()?,
            retiring: self.retiring.as_ref().map(|old| Retiring {
                until: Timestamp(old.ends_at),
                uses: old.uses,
                last_used_at: old.last_used_at.map(Timestamp),
            }),
            secret_since: None,
            provider: None,
            region: None,
            linked_to: Vec::new(),
            tested: None,
            is_unreadable: false,
        })
    }

    pub(super) fn unreadable(&self) -> Fault {
        tracing::error!(key = self.id, "stored key has an invalid value");
        Fault::Internal
    }
}

/// One key. Needs its kind's `view` permission.
///
/// # Errors
/// `NotFound` also for keys of other organizations and for project keys.
pub async fn get(state: &AppState, actor: &Actor, id: KeyId) -> Result<KeyRow, Fault> {
    let visible = lists::inbound(actor);
    if visible.is_empty() {
        return Err(Fault::forbidden(Permission::ViewKeys));
    }
    let mut db = state.store.read()?.acquire().await?;
    let record = store::keys::find(&mut db, actor.organization, id).await?.ok_or(Fault::NotFound)?;
    let row = row(state, &record)?;
    if visible.contains(&row.kind) && can_access(actor, &row) { Ok(row) } else { Err(Fault::NotFound) }
}

/// The key, if the actor may change it. Project keys have their own rules.
async fn managed(tx: &mut Tx, actor: &Actor, id: KeyId) -> Result<KeyRecord, Fault> {
    let record = store::keys::find(tx, actor.organization, id).await?.ok_or(Fault::NotFound)?;
    let row = record.row()?;
    if !row.kind.policy().is_listed() || !can_access(actor, &row) {
        return Err(Fault::NotFound);
    }
    actor.require(row.kind.policy().manage)?;
    Ok(record)
}

fn can_access(actor: &Actor, row: &KeyRow) -> bool {
    !row.kind.policy().personal || row.creator == actor.user || actor.sees_everybodys_keys()
}

fn name_taken(error: store::Error) -> Fault {
    error.or_conflict("name", "A key of this kind with this name already exists.")
}
