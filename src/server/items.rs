//! What can be done with whatever stands in a list, key or credential.

use super::{actor::Actor, credentials, keys, state::AppState, tag::IfMatch};
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
    let (mut keys, mut outbound) = (Vec::new(), Vec::new());
    for id in ids {
        match id {
            ItemId::Key(id) => keys.push(*id),
            ItemId::Credential(id) => outbound.push(*id),
        }
    }
    let mut outcome = if keys.is_empty() { BulkOutcome::default() } else { keys::act(state, actor, action, keys).await? };
    for id in outbound {
        // They are not put to rest.
        let done = if action == BulkAction::Delete { credentials::delete(state, actor, id, IfMatch::Anything).await } else { Err(Fault::NotFound) };
        match done {
            Ok(()) => outcome.done += 1,
            Err(Fault::NotFound) => outcome.left += 1,
            Err(fault) => return Err(fault),
        }
    }
    Ok(outcome)
}
