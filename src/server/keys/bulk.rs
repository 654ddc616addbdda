//! The same for many keys at once.

use super::change::{change_in, deletion, resting};
use crate::{
    model::{
        fault::Fault,
        id::KeyId,
        key::{BulkAction, BulkOutcome},
        permission::Permission,
    },
    server::{actor::Actor, state::AppState, tag::IfMatch},
};

/// Deletes, disables or enables keys in one transaction. Those that are not there, not the actor's to change,
/// or can't be woken are left and counted.
/// Needs *Manage API Keys*, then the kinds' `manage` permission.
///
/// # Errors
/// `Conflict` where the only one can't be woken; `Forbidden`, `Unavailable`.
pub async fn act(state: &AppState, actor: &Actor, action: BulkAction, ids: Vec<KeyId>) -> Result<BulkOutcome, Fault> {
    actor.require(Permission::ManageApiKeys)?;
    // Of one alone is said why.
    let is_one = ids.len() == 1;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    let (outcome, digests) = state
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
    state.verifier.forget_each(&digests);
    Ok(outcome)
}
