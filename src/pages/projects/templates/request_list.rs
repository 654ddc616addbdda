//! The requests as the page lists them. One that is no longer pending stays with its outcome until the pointer leaves the list: otherwise the
//! buttons of the next one would move under the pointer.

use leptos::prelude::*;

use latchkey_types::{id::AccessRequestId, key_template::RequestRow};

/// Why a request is no longer pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Approved,
    Rejected,
    /// Withdrawn, or decided by another manager.
    Gone,
}

impl Outcome {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Approved => "Approved",
            Self::Rejected => "Rejected",
            Self::Gone => "No longer pending",
        }
    }

    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Approved => "state state-good",
            Self::Rejected | Self::Gone => "state state-ended",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListedRequest {
    pub request: RequestRow,
    /// `None` while it is pending.
    pub outcome: Option<Outcome>,
}

#[derive(Clone, Copy)]
pub(super) struct RequestList {
    rows: RwSignal<Vec<ListedRequest>>,
    selected: RwSignal<Vec<AccessRequestId>>,
    /// Whether the pointer is over the list.
    is_hovered: StoredValue<bool>,
}

impl RequestList {
    pub(super) fn new(pending: &[RequestRow]) -> Self {
        Self { rows: RwSignal::new(merge(&[], pending, false)), selected: RwSignal::new(Vec::new()), is_hovered: StoredValue::new(false) }
    }

    /// The listed requests, in order.
    pub(super) fn ids(self) -> Vec<AccessRequestId> {
        self.rows.with(|rows| rows.iter().map(|listed| listed.request.id).collect())
    }

    pub(super) fn find(self, id: AccessRequestId) -> Option<ListedRequest> {
        self.rows.with(|rows| rows.iter().find(|listed| listed.request.id == id).cloned())
    }

    /// The listed requests that are pending.
    pub(super) fn pending(self) -> Vec<AccessRequestId> {
        self.rows.with(|rows| rows.iter().filter(|listed| listed.outcome.is_none()).map(|listed| listed.request.id).collect())
    }

    /// The pending requests that are selected, in order.
    pub(super) fn selected(self) -> Vec<AccessRequestId> {
        self.selected.with(|selected| self.pending().into_iter().filter(|id| selected.contains(id)).collect())
    }

    pub(super) fn is_selected(self, id: AccessRequestId) -> bool {
        self.selected.with(|selected| selected.contains(&id))
    }

    /// Selects exactly these.
    pub(super) fn select(self, ids: Vec<AccessRequestId>) {
        self.selected.set(ids);
    }

    /// Selects or deselects a request.
    pub(super) fn toggle(self, id: AccessRequestId) {
        self.selected.update(|selected| match selected.iter().position(|each| *each == id) {
            Some(index) => {
                selected.remove(index);
            }
            None => selected.push(id),
        });
    }

    /// Takes over the requests that are pending now.
    pub(super) fn update(self, pending: &[RequestRow]) {
        let merged = self.rows.with_untracked(|rows| merge(rows, pending, self.is_hovered.get_value()));
        if self.rows.with_untracked(|rows| *rows != merged) {
            self.rows.set(merged);
        }
    }

    /// Has no effect if the page was closed.
    pub(super) fn decide(self, id: AccessRequestId, outcome: Outcome) {
        let _ = self.rows.try_update(|rows| {
            if let Some(listed) = rows.iter_mut().find(|listed| listed.request.id == id) {
                listed.outcome = Some(outcome);
            }
        });
    }

    pub(super) fn set_hovered(self, is_hovered: bool) {
        self.is_hovered.set_value(is_hovered);
    }

    /// Whether the pointer is over the list. False if the page was closed.
    pub(super) fn is_hovered(self) -> bool {
        self.is_hovered.try_get_value() == Some(true)
    }

    /// Removes the requests that are no longer pending. Returns whether there were any.
    pub(super) fn tidy(self) -> bool {
        let has_any = self.rows.try_with_untracked(|rows| rows.iter().any(|listed| listed.outcome.is_some())) == Some(true);
        if has_any {
            self.rows.update(|rows| rows.retain(|listed| listed.outcome.is_none()));
        }
        has_any
    }
}

/// The listed requests, updated, and then the new ones. Those that are gone stay if they were decided here, or with `keeps_gone`.
fn merge(listed: &[ListedRequest], pending: &[RequestRow], keeps_gone: bool) -> Vec<ListedRequest> {
    let update = |listed: &ListedRequest| match pending.iter().find(|request| request.id == listed.request.id) {
        Some(request) => Some(ListedRequest { request: request.clone(), outcome: listed.outcome }),
        None if listed.outcome.is_some() => Some(listed.clone()),
        None => keeps_gone.then(|| ListedRequest { request: listed.request.clone(), outcome: Some(Outcome::Gone) }),
    };
    let is_new = |request: &&RequestRow| listed.iter().all(|listed| listed.request.id != request.id);
    let new = pending.iter().filter(is_new).map(|request| ListedRequest { request: request.clone(), outcome: None });
    listed.iter().filter_map(update).chain(new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::time::Timestamp;

    fn request(digit: char) -> RequestRow {
        RequestRow {
            id: format!("ask_0193456789ab7cdef0123456789abcd{digit}").parse().unwrap(),
            requested_at: Timestamp(0),
            user: digit.to_string(),
            email: String::new(),
            template_id: "tpl_0193456789ab7cdef0123456789abcde".parse().unwrap(),
            template: String::new(),
        }
    }

    /// The users of the rows, with the outcome.
    fn summary(rows: &[ListedRequest]) -> Vec<(&str, Option<Outcome>)> {
        rows.iter().map(|listed| (listed.request.user.as_str(), listed.outcome)).collect()
    }

    #[test]
    fn decided_requests_keep_their_place() {
        let mut rows = merge(&[], &[request('1'), request('2')], false);
        rows[0].outcome = Some(Outcome::Approved);
        let rows = merge(&rows, &[request('2'), request('3')], false);
        assert_eq!(summary(&rows), [("1", Some(Outcome::Approved)), ("2", None), ("3", None)]);
    }

    #[test]
    fn withdrawn_requests_stay_under_the_pointer() {
        let rows = merge(&[], &[request('1'), request('2')], false);
        assert_eq!(summary(&merge(&rows, &[request('2')], true)), [("1", Some(Outcome::Gone)), ("2", None)]);
        assert_eq!(summary(&merge(&rows, &[request('2')], false)), [("2", None)]);
    }
}
