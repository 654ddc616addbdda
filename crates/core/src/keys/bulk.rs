//! Bulk actions on keys.

use super::change::{delete_in, set_disabled_in};
use crate::{Core, actor::Actor, etag::IfMatch};
use latchkey_types::{
    error::Error,
    id::KeyId,
    key::{BulkAction, BulkResult},
    permission::Permission,
};

/// Deletes, disables or enables keys in one transaction. Keys that do not exist, that the actor may not change
/// or that cannot be enabled are skipped and counted.
/// Needs *Manage API Keys*, then each kind's `manage` permission.
///
/// # Errors
/// `Conflict` if there is only one key and it cannot be enabled.
pub async fn apply_bulk(core: &Core, actor: &Actor, action: BulkAction, ids: Vec<KeyId>) -> Result<BulkResult, Error> {
    // For a single key, return the reason instead of a count.
    let is_one = ids.len() == 1;
    let mut change = core.begin_for_keys(actor, &[Permission::ManageApiKeys], &ids).await?;
    let (mut outcome, mut events) = (BulkResult::default(), Vec::with_capacity(ids.len()));
    for id in ids {
        let changed = match action {
            BulkAction::Delete => delete_in(&mut change, id, &IfMatch::Unconditional).await,
            BulkAction::Disable => set_disabled_in(&mut change, id, true, &IfMatch::Unconditional).await,
            BulkAction::Enable => set_disabled_in(&mut change, id, false, &IfMatch::Unconditional).await,
        };
        match changed {
            Ok(event) => {
                outcome.done += 1;
                events.push(event);
            }
            Err(error @ Error::Conflict { .. }) if is_one => return Err(error),
            Err(Error::NotFound | Error::Conflict { .. }) => outcome.left += 1,
            Err(error) => return Err(error),
        }
    }
    change.commit(events).await?;
    Ok(outcome)
}
