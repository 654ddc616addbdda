//! The rules for API keys of every kind. The kind table holds the differences between kinds.

mod attributes;
mod bulk;
mod change;
mod create;
mod import;
mod limits;
mod models;
mod rotate;
mod rows;

pub use attributes::{METADATA_MAX, SCOPES_MAX};
pub use bulk::apply_bulk;
pub use change::{delete, edit, set_disabled};
pub use create::create;
pub use import::{KeyImport, import};
pub use models::callable_models;
pub use rotate::rotate;
pub use rows::rows;

use super::{Core, actor::Actor};
use latchkey_store as store;
use latchkey_types::{
    error::Error,
    id::KeyId,
    key::KeyRow,
    key_kind::{KIND_SPECS, Kind},
    permission::Permission,
};

/// One key. Needs its kind's `view` permission.
///
/// # Errors
/// `NotFound` also for keys of other organizations and for project keys.
pub async fn get(core: &Core, actor: &Actor, id: KeyId) -> Result<KeyRow, Error> {
    let visible = inbound(actor);
    if visible.is_empty() {
        return Err(Error::forbidden(Permission::ViewKeys));
    }
    let mut db = core.store.connection().await?;
    let record = store::keys::find(&mut db, actor.organization, id).await?.ok_or(Error::NotFound)?;
    let row = rows::row(core, &record).await?;
    if visible.contains(&row.kind) && can_access(actor, &row) { Ok(row) } else { Err(Error::NotFound) }
}

fn can_access(actor: &Actor, row: &KeyRow) -> bool {
    !row.kind.spec().is_personal || row.creator == actor.user || actor.can_see_all_keys()
}

fn name_taken(error: store::StoreError) -> Error {
    error.or_conflict("name", "A key of this kind with this name already exists.")
}

/// The inbound kinds that the actor may see, without project keys, whose visibility depends on the project.
pub(crate) fn inbound(actor: &Actor) -> Vec<Kind> {
    visible_kinds(actor, |kind| matches!(kind, Kind::Key(_)))
}

pub(crate) fn visible_kinds(actor: &Actor, filter: fn(Kind) -> bool) -> Vec<Kind> {
    let listed = KIND_SPECS.iter().filter(|spec| spec.is_listed());
    listed.filter(|spec| filter(spec.kind) && actor.permissions.has(spec.view)).map(|spec| spec.kind).collect()
}
