//! What is done with rows, one or many: delete, disable, enable.

use super::tabs::KeyTab;
use crate::{
    api::keys::act_on_keys,
    model::{
        fault::Fault,
        key::{BULK_MAX, BulkAction, ItemId, KeyRow},
        policy::{CredentialKind, KeyKind, Kind},
    },
    ui::{number::count_of, work::Work},
};

/// How an action on many went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Acted {
    /// How many are now as was wanted.
    pub done: usize,
    /// How many were not there, or not the reader's to change.
    pub left: usize,
    /// Those that it did not come to.
    pub remaining: Vec<ItemId>,
    /// Those that it came to.
    pub reached: Vec<ItemId>,
    /// What stopped it, other than its reader.
    pub trouble: Option<Fault>,
}

/// Does it with each, so many in a call, until all are done, or it is stopped, or something goes wrong.
pub async fn act(action: BulkAction, ids: Vec<ItemId>, work: Work) -> Acted {
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
    /// What was done, as a sentence or two.
    pub fn words(&self, action: BulkAction) -> String {
        let told = |count, what: &str| (count > 0).then(|| format!("{} {what}.", were(count)));
        let done = Some(format!("{} {}.", were(self.done), past(action)));
        let left = told(self.left, left_because(action));
        let remaining = told(self.remaining.len(), "not reached");
        [done, left, remaining].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// Why something was not done with some.
const fn left_because(action: BulkAction) -> &'static str {
    match action {
        BulkAction::Enable => "not there any more, not yours to change, or of a maker who is disabled",
        BulkAction::Delete | BulkAction::Disable => "not there any more, or not yours to change",
    }
}

/// So many keys were.
fn were(count: usize) -> String {
    count_of(count, "key", "keys") + if count == 1 { " was" } else { " were" }
}

/// The word on its button.
pub const fn verb(action: BulkAction) -> &'static str {
    match action {
        BulkAction::Delete => "Delete",
        BulkAction::Disable => "Disable",
        BulkAction::Enable => "Enable",
    }
}

/// The word for what was done.
pub const fn past(action: BulkAction) -> &'static str {
    match action {
        BulkAction::Delete => "deleted",
        BulkAction::Disable => "disabled",
        BulkAction::Enable => "enabled",
    }
}

/// The word for what is being done.
pub const fn under_way(action: BulkAction) -> &'static str {
    match action {
        BulkAction::Delete => "Deleting keys",
        BulkAction::Disable => "Disabling keys",
        BulkAction::Enable => "Enabling keys",
    }
}

/// What deleting means, for one or many keys of a kind.
pub const fn caution(tab: &KeyTab) -> &'static str {
    match tab.kind {
        Kind::Key(KeyKind::Corpus) => {
            "Nothing brings a deleted key back: it cannot be recovered, and every system that uses it is blocked from that moment."
        }
        Kind::Key(_) => "A deleted key is refused from that moment and cannot be recovered.",
        Kind::Credential(CredentialKind::Storage) => "Nothing can be imported with a deleted key, and it cannot be recovered.",
        Kind::Credential(CredentialKind::Llm) => "Nothing can use a deleted key, and it cannot be recovered.",
    }
}

/// What uses it, and then has no key.
pub fn left_without(row: &KeyRow) -> Option<String> {
    let (last, others) = row.linked_to.split_last()?;
    Some(if others.is_empty() {
        format!("It is linked to {last}, which will have no key.")
    } else {
        format!("It is linked to {} and {last}; they will have no key.", others.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_said_and_what_was_not() {
        let acted = |done, left, remaining: usize| Acted { done, left, remaining: vec![id(); remaining], ..Acted::default() };
        assert_eq!(acted(1, 0, 0).words(BulkAction::Disable), "1 key was disabled.");
        assert_eq!(acted(4_200, 0, 5_800).words(BulkAction::Delete), "4,200 keys were deleted. 5,800 keys were not reached.");
        assert_eq!(acted(2, 1, 0).words(BulkAction::Delete), "2 keys were deleted. 1 key was not there any more, or not yours to change.");
        assert!(acted(0, 1, 0).words(BulkAction::Enable).ends_with("or of a maker who is disabled."));
    }

    fn id() -> ItemId {
        "key_0193456789ab7cdef0123456789abcde".parse().unwrap()
    }
}
