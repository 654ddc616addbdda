//! Bulk actions on keys.

use super::change::{change_in, delete_in, set_disabled_in};
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
    actor.require(Permission::ManageApiKeys)?;
    // For a single key, return the reason instead of a count.
    let is_one = ids.len() == 1;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    let (outcome, digests) = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (mut outcome, mut digests) = (BulkResult::default(), Vec::new());
                for id in ids {
                    let changed = change_in(tx, &auditor, &actor, id, &IfMatch::Unconditional, move |tx, actor, before| match action {
                        BulkAction::Delete => Box::pin(delete_in(tx, actor, id, before)),
                        BulkAction::Disable => Box::pin(set_disabled_in(tx, actor, id, before, true)),
                        BulkAction::Enable => Box::pin(set_disabled_in(tx, actor, id, before, false)),
                    });
                    match changed.await {
                        Ok(changed) => {
                            outcome.done += 1;
                            digests.extend(changed);
                        }
                        Err(error @ Error::Conflict { .. }) if is_one => return Err(error),
                        Err(Error::NotFound | Error::Conflict { .. }) => outcome.left += 1,
                        Err(error) => return Err(error),
                    }
                }
                Ok((outcome, digests))
            })
        })
        .await?;
    core.verifier.invalidate_each(&digests);
    Ok(outcome)
}
