//! Actions on one or several keys: delete, disable, enable.

use crate::api::keys::bulk_update_keys;
use latchkey_types::{
    error::Error,
    key::{BULK_MAX, BulkAction, ItemId, KeyRow},
    key_kind::{CredentialKind, KeyKind, Kind},
    receipt::ReceiptSummary,
};
use latchkey_ui::{
    number::{format_count, pluralize_count},
    progress::TaskProgress,
};

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
    /// Since when the changes are effective.
    pub receipt: Option<ReceiptSummary>,
    /// The error that ended it.
    pub error: Option<Error>,
    /// Whether the user stopped it, possibly too late.
    pub stopped: bool,
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
                report.done += outcome.value.done;
                report.skipped += outcome.value.left;
                report.receipt = ReceiptSummary::of_all(report.receipt.into_iter().chain(outcome.receipt));
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
    report.stopped = work.is_stopped();
    report
}

impl BulkReport {
    /// Whether keys are not in the requested state although the user did not stop it.
    pub(super) const fn has_failed(&self) -> bool {
        self.skipped > 0 || self.error.is_some()
    }

    /// A summary in one to three sentences.
    pub(super) fn summary(&self, action: BulkAction) -> String {
        let keys = |count| pluralize_count(count, "key", "keys");
        let if_any = |count, what: &str| (count > 0).then(|| format!("{} {what}.", keys(count)));
        let done = Some(format!("{} {}.", keys(self.done), past_participle(action)));
        let skipped = if_any(self.skipped, skip_reason(action));
        let remaining = if_any(self.remaining.len(), "not processed");
        [done, skipped, remaining].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// How far it came before the user stopped it.
    pub(super) fn stop_summary(&self, action: BulkAction) -> String {
        let participle = past_participle(action);
        if self.remaining.is_empty() {
            return format!("All {} were {participle} before it could stop.", pluralize_count(self.done, "key", "keys"));
        }
        let total = self.processed.len() + self.remaining.len();
        format!("Stopped. {} of {} {participle}.", format_count(self.done), pluralize_count(total, "key", "keys"))
    }
}

/// Above this number of keys, disabling must be confirmed.
const DISABLED_UNCONFIRMED_MAX: usize = 50;

/// Whether an action on this number of selected keys must be confirmed.
pub(super) const fn needs_confirmation(action: BulkAction, count: usize) -> bool {
    match action {
        BulkAction::Delete => true,
        BulkAction::Disable => count > DISABLED_UNCONFIRMED_MAX,
        BulkAction::Enable => false,
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
        Kind::Credential(CredentialKind::External) => "Imports and services that use a deleted key will stop working. This cannot be undone.",
        Kind::Credential(CredentialKind::General) => {
            "Providers, models, services and corpora that use a deleted key will stop working. This cannot be undone."
        }
    }
}

/// A warning that names what uses a credential, such as providers and services.
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

    #[test]
    fn stop_summary_says_what_is_left() {
        let report = |done: usize, remaining: usize| BulkReport {
            done,
            processed: vec![id(); done],
            remaining: vec![id(); remaining],
            ..BulkReport::default()
        };
        assert_eq!(report(800, 9_200).stop_summary(BulkAction::Delete), "Stopped. 800 of 10,000 keys deleted.");
        assert_eq!(report(339, 0).stop_summary(BulkAction::Disable), "All 339 keys were disabled before it could stop.");
    }

    #[test]
    fn skipped_keys_and_errors_are_failures() {
        let stopped = BulkReport { done: 2, remaining: vec![id()], stopped: true, ..BulkReport::default() };
        assert!(!stopped.has_failed());
        assert!(BulkReport { skipped: 1, ..stopped.clone() }.has_failed());
        assert!(BulkReport { error: Some(Error::Unavailable), ..stopped }.has_failed());
    }

    #[test]
    fn only_interruptions_must_be_confirmed() {
        assert!(needs_confirmation(BulkAction::Delete, 1));
        assert!(!needs_confirmation(BulkAction::Disable, 50));
        assert!(needs_confirmation(BulkAction::Disable, 51));
        assert!(!needs_confirmation(BulkAction::Enable, 10_000));
    }

    fn id() -> ItemId {
        "key_0193456789ab7cdef0123456789abcde".parse().unwrap()
    }
}
