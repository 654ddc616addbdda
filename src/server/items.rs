//! What can be done with whatever stands in a list, key or credential.

use super::{actor::Actor, keys, state::AppState};
use crate::model::{
    fault::Fault,
    key::{BULK_MAX, BulkAction, BulkOutcome, ItemId},
    permission::Permission,
};

/// Deletes, disables or enables up to [`BULK_MAX`] keys, or deletes as many credentials. Those that are not there, or not the actor's to
/// change, are left and counted. Needs the `manage` permission of the kinds that are meant.
///
/// # Errors
/// `Invalid` at `ids`, `Forbidden`, `Unavailable`.
pub async fn act(state: &AppState, actor: &Actor, action: BulkAction, ids: &[ItemId]) -> Result<BulkOutcome, Fault> {
    actor.require_any(&[Permission::ManageApiKeys, Permission::ManageCredentials])?;
    if ids.len() > BULK_MAX {
        return Err(Fault::invalid("ids", format!("Send at most {BULK_MAX} ids.")));
    }
    let keys: Vec<_> = ids.iter().filter_map(|id| if let ItemId::Key(id) = id { Some(*id) } else { None }).collect();
    keys::act(state, actor, action, keys).await
}
