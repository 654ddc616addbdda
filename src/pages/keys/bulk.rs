//! Actions on one or several keys: delete, disable, enable.

use crate::api::keys::bulk_update_keys;
use latchkey_types::{
    error::Error,
    key::{BULK_MAX, BulkAction, ItemId, KeyRow},
    key_kind::{CredentialKind, KeyKind, Kind},
};
use latchkey_ui::{number::pluralize_count, progress::TaskProgress};

/// The result of a bulk action.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct BulkReport {
    /// The number of keys in the requested state.
    pub done: usize,
    /// The number of keys that do not exist or that the user can't change.
    pub skipped: usize,
    /// Keys that were not processed.
    pub remaining: Vec<ItemId>,
    /// Keys that were processed.
    pub processed: Vec<ItemId>,
    /// The error that stopped it.
    pub error: Option<Error>,
}

/// Runs an action on all keys, in several requests, until it is stopped or fails.
pub(super) async fn run_bulk_action(action: BulkAction, ids: Vec<ItemId>, work: TaskProgress) -> BulkReport {
    let mut report = BulkReport::default();
    work.begin(ids.len());
    for some in ids.chunks(BULK_MAX) {
        if work.is_stopped() {
            break;
        }
        match bulk_update_keys(action, some.to_vec()).await {
            Ok(outcome) => {
                report.done += outcome.done;
                report.skipped += outcome.left;
                report.processed.extend(some);
                work.advance(some.len());
            }
            Err(error) => {
                report.error = Some(error);
                break;
            }
        }
    }
    report.remaining = ids[report.processed.len()..].to_vec();
    report
}

impl BulkReport {
    /// A summary in one to three sentences.
    pub(super) fn summary(&self, action: BulkAction) -> String {
        let keys = |count| pluralize_count(count, "key", "keys");
        let if_any = |count, what: &str| (count > 0).then(|| format!("{} {what}.", keys(count)));
        let done = Some(format!("{} {}.", keys(self.done), past_participle(action)));
        let skipped = if_any(self.skipped, skip_reason(action));
        let remaining = if_any(self.remaining.len(), "not processed");
        [done, skipped, remaining].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// Why some keys were skipped.
const fn skip_reason(action: BulkAction) -> &'static str {
    match action {
        BulkAction::Enable => "skipped (already deleted, not yours, or the owner is disabled)",
        BulkAction::Delete | BulkAction::Disable => "skipped (already deleted, or not yours)",
    }
}

/// The label of the action's button.
pub(super) const fn action_label(action: BulkAction) -> &'static str {
    match action {
        BulkAction::Delete => "Delete",
        BulkAction::Disable => "Disable",
        BulkAction::Enable => "Enable",
    }
}

/// The past participle, for results.
pub(super) const fn past_participle(action: BulkAction) -> &'static str {
    match action {
        BulkAction::Delete => "deleted",
        BulkAction::Disable => "disabled",
        BulkAction::Enable => "enabled",
    }
}

/// The title while the action runs.
pub(super) const fn progress_title(action: BulkAction) -> &'static str {
    match action {
        BulkAction::Delete => "Deleting keys",
        BulkAction::Disable => "Disabling keys",
        BulkAction::Enable => "Enabling keys",
    }
}

/// The consequence of deleting keys of a kind.
pub(super) const fn delete_warning(kind: Kind) -> &'static str {
    match kind {
        Kind::Key(KeyKind::Corpus) => "Every system using a deleted key is blocked immediately. This cannot be undone.",
        Kind::Key(_) => "Requests with a deleted key will fail immediately. This cannot be undone.",
        Kind::Credential(CredentialKind::External) => "Imports that use a deleted key will stop working. This cannot be undone.",
        Kind::Credential(CredentialKind::General) => "Providers and models that use a deleted key will stop working. This cannot be undone.",
    }
}

/// A warning that names the providers and models that use a credential.
pub(super) fn usage_warning(row: &KeyRow) -> Option<String> {
    let (last, others) = row.linked_to.split_last()?;
    Some(if others.is_empty() {
        format!("{last} uses this key and will be left without one.")
    } else {
        format!("{} and {last} use this key and will be left without one.", others.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_counts_done_skipped_and_remaining() {
        let report = |done, skipped, remaining: usize| BulkReport { done, skipped, remaining: vec![id(); remaining], ..BulkReport::default() };
        assert_eq!(report(1, 0, 0).summary(BulkAction::Disable), "1 key disabled.");
        assert_eq!(report(4_200, 0, 5_800).summary(BulkAction::Delete), "4,200 keys deleted. 5,800 keys not processed.");
        assert_eq!(report(2, 1, 0).summary(BulkAction::Delete), "2 keys deleted. 1 key skipped (already deleted, or not yours).");
        assert!(report(0, 1, 0).summary(BulkAction::Enable).ends_with("or the owner is disabled)."));
    }

    fn id() -> ItemId {
        "key_0193456789ab7cdef0123456789abcde".parse().unwrap()
    }
}
