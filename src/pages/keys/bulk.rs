//! Actions on one or several keys: delete, disable, enable.

use super::tabs::KeyTab;
use crate::api::keys::act_on_keys;
use latchkey_types::{
    error::Fault,
    key::{BULK_MAX, BulkAction, ItemId, KeyRow},
    key_kind::{CredentialKind, KeyKind, Kind},
};
use latchkey_ui::{number::count_of, progress::Work};

/// The result of a bulk action.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Acted {
    /// The number of keys in the requested state.
    pub done: usize,
    /// The number of keys that do not exist or that the user can't change.
    pub left: usize,
    /// Keys that were not processed.
    pub remaining: Vec<ItemId>,
    /// Keys that were processed.
    pub reached: Vec<ItemId>,
    /// The error that stopped it.
    pub trouble: Option<Fault>,
}

/// Runs an action on all keys, in several requests, until it is stopped or fails.
pub(super) async fn act(action: BulkAction, ids: Vec<ItemId>, work: Work) -> Acted {
    let mut acted = Acted::default();
    work.begin(ids.len());
    for some in ids.chunks(BULK_MAX) {
        if work.is_stopped() {
            break;
        }
        match act_on_keys(action, some.to_vec()).await {
            Ok(outcome) => {
                acted.done += outcome.done;
                acted.left += outcome.left;
                acted.reached.extend(some);
                work.advance(some.len());
            }
            Err(fault) => {
                acted.trouble = Some(fault);
                break;
            }
        }
    }
    acted.remaining = ids[acted.reached.len()..].to_vec();
    acted
}

impl Acted {
    /// A summary in one to three sentences.
    pub(super) fn words(&self, action: BulkAction) -> String {
        let keys = |count| count_of(count, "key", "keys");
        let if_any = |count, what: &str| (count > 0).then(|| format!("{} {what}.", keys(count)));
        let done = Some(format!("{} {}.", keys(self.done), past(action)));
        let left = if_any(self.left, skip_reason(action));
        let remaining = if_any(self.remaining.len(), "not processed");
        [done, left, remaining].into_iter().flatten().collect::<Vec<_>>().join(" ")
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
pub(super) const fn verb(action: BulkAction) -> &'static str {
    match action {
        BulkAction::Delete => "Delete",
        BulkAction::Disable => "Disable",
        BulkAction::Enable => "Enable",
    }
}

/// The past participle, for results.
pub(super) const fn past(action: BulkAction) -> &'static str {
    match action {
        BulkAction::Delete => "deleted",
        BulkAction::Disable => "disabled",
        BulkAction::Enable => "enabled",
    }
}

/// The title while the action runs.
pub(super) const fn under_way(action: BulkAction) -> &'static str {
    match action {
        BulkAction::Delete => "Deleting keys",
        BulkAction::Disable => "Disabling keys",
        BulkAction::Enable => "Enabling keys",
    }
}

/// The consequence of deleting keys of a kind.
pub(super) const fn caution(tab: &KeyTab) -> &'static str {
    match tab.kind {
        Kind::Key(KeyKind::Corpus) => "Every system using a deleted key is blocked immediately. This cannot be undone.",
        Kind::Key(_) => "Requests with a deleted key will fail immediately. This cannot be undone.",
        Kind::Credential(CredentialKind::Storage) => "Imports that use a deleted key will stop working. This cannot be undone.",
        Kind::Credential(CredentialKind::Llm) => "Providers and models that use a deleted key will stop working. This cannot be undone.",
    }
}

/// A warning that names the providers and models that use a credential.
pub(super) fn left_without(row: &KeyRow) -> Option<String> {
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
        let acted = |done, left, remaining: usize| Acted { done, left, remaining: vec![id(); remaining], ..Acted::default() };
        assert_eq!(acted(1, 0, 0).words(BulkAction::Disable), "1 key disabled.");
        assert_eq!(acted(4_200, 0, 5_800).words(BulkAction::Delete), "4,200 keys deleted. 5,800 keys not processed.");
        assert_eq!(acted(2, 1, 0).words(BulkAction::Delete), "2 keys deleted. 1 key skipped (already deleted, or not yours).");
        assert!(acted(0, 1, 0).words(BulkAction::Enable).ends_with("or the owner is disabled)."));
    }

    fn id() -> ItemId {
        "key_0193456789ab7cdef0123456789abcde".parse().unwrap()
    }
}
