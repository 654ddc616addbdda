//! Bulk actions on keys and credentials.

use super::{Core, actor::Actor, credentials, etag::IfMatch, keys};
use latchkey_types::{
    error::Error,
    key::{BULK_MAX, BulkAction, BulkResult, ItemId},
    permission::Permission,
};

/// Deletes, disables or enables up to [`BULK_MAX`] keys, or deletes as many credentials. Items that do not exist, or that the actor may not
/// change, are skipped and counted. Needs the `manage` permission of the affected kinds.
///
/// # Errors
/// `Invalid` at `ids`, `Forbidden`, `Unavailable`.
pub async fn apply(core: &Core, actor: &Actor, action: BulkAction, ids: &[ItemId]) -> Result<BulkResult, Error> {
    actor.require_any(&[Permission::ManageApiKeys, Permission::ManageCredentials])?;
    if ids.len() > BULK_MAX {
        return Err(Error::invalid("ids", format!("Send at most {BULK_MAX} ids.")));
    }
    let (mut keys, mut outbound) = (Vec::new(), Vec::new());
    for id in ids {
        match id {
            ItemId::Key(id) => keys.push(*id),
            ItemId::Credential(id) => outbound.push(*id),
        }
    }
    let mut outcome = if keys.is_empty() { BulkResult::default() } else { keys::apply_bulk(core, actor, action, keys).await? };
    for id in outbound {
        // Credentials cannot be disabled.
        let done =
            if action == BulkAction::Delete { credentials::delete(core, actor, id, IfMatch::Unconditional).await } else { Err(Error::NotFound) };
        match done {
            Ok(()) => outcome.done += 1,
            Err(Error::NotFound) => outcome.left += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(outcome)
}
