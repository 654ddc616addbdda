//! Bulk actions on keys.

use super::change::{change_in, deletion, resting};
use crate::{Core, actor::Actor, etag::IfMatch};
use latchkey_types::{
    error::Fault,
    id::KeyId,
    key::{BulkAction, BulkOutcome},
    permission::Permission,
};

/// Deletes, disables or enables keys in one transaction. Keys that do not exist, that the actor may not change
/// or that cannot be enabled are skipped and counted.
/// Needs *Manage API Keys*, then each kind's `manage` permission.
///
/// # Errors
/// `Conflict` if there is only one key and it cannot be enabled.
pub async fn act(core: &Core, actor: &Actor, action: BulkAction, ids: Vec<KeyId>) -> Result<BulkOutcome, Fault> {
    actor.require(Permission::ManageApiKeys)?;
    // For a single key, return the reason instead of a count.
    let is_one = ids.len() == 1;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    let (outcome, digests) = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (mut outcome, mut digests) = (BulkOutcome::default(), Vec::new());
                for id in ids {
                    let changed = change_in(tx, &auditor, &actor, id, &IfMatch::Anything, move |tx, actor, before| match action {
                        BulkAction::Delete => Box::pin(deletion(tx, actor, id, before)),
                        BulkAction::Disable => Box::pin(resting(tx, actor, id, before, true)),
                        BulkAction::Enable => Box::pin(resting(tx, actor, id, before, false)),
                    });
                    match changed.await {
                        Ok(changed) => {
                            outcome.done += 1;
                            digests.extend(changed);
                        }
                        Err(fault @ Fault::Conflict { .. }) if is_one => return Err(fault),
                        Err(Fault::NotFound | Fault::Conflict { .. }) => outcome.left += 1,
                        Err(fault) => return Err(fault),
                    }
                }
                Ok((outcome, digests))
            })
        })
        .await?;
    core.verifier.forget_each(&digests);
    Ok(outcome)
}
