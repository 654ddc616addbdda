//! State of the members page.

use std::time::Duration;

use leptos::prelude::*;

use crate::{
    api::members::members_page,
    pages::secret::{Reveal, use_reveal},
};
use latchkey_types::{
    error::Error,
    id::RoleId,
    member::{InvitationLink, MemberRow, MembersPageData, RoleRow},
    permission::{Permissions, role_label},
};
use latchkey_ui::{
    dialog::{Dialogs, use_dialogs},
    resource::Refetchable,
    select::Choice,
    toast::{ToastText, Toasts, use_toasts},
};

/// The open dialog.
#[derive(Clone)]
pub(super) enum OpenDialog {
    Invite,
    Role(MemberRow),
    /// The budget for language models.
    Budget(MemberRow),
    Disable(MemberRow),
}

/// State shared by the lists of the page.
#[derive(Clone, Copy)]
pub(super) struct MembersContext {
    pub people: Refetchable<MembersPageData>,
    /// The viewer's permissions: only these can be granted or removed.
    pub own: Permissions,
    pub dialogs: Dialogs<OpenDialog>,
    toasts: Toasts,
    secrets: Reveal,
}

// A response may arrive after the page was closed: the layout still shows the toast or link; the page's own signals are gone.
impl MembersContext {
    pub(super) fn new(people: MembersPageData, own: Permissions) -> Self {
        Self { people: Refetchable::new(people), own, dialogs: use_dialogs(), toasts: use_toasts(), secrets: use_reveal() }
    }

    /// Shows a toast and reloads the lists.
    pub(super) fn notify(self, message: impl Into<ToastText>) {
        self.toasts.success(message);
        self.people.refetch(members_page);
    }

    /// Shows an error and reloads the lists.
    pub(super) fn fail(self, error: &Error) {
        self.toasts.error(error.to_string());
        self.people.refetch(members_page);
    }

    /// Closes the dialog and shows a toast.
    pub(super) fn done(self, message: impl Into<ToastText>) {
        self.dialogs.close();
        self.notify(message);
    }

    /// Shows an invitation link, which can't be shown again.
    pub(super) fn reveal(self, link: InvitationLink) {
        self.people.refetch(members_page);
        // A closing dialog restores the focus to its button before the next one opens.
        set_timeout(move || self.secrets.show_link(link), Duration::ZERO);
    }

    /// The roles that the viewer can grant.
    pub(super) fn choices(self) -> Vec<Choice> {
        let can_grant = |role: &&RoleRow| self.own.first_missing(role.permissions).is_none();
        let choice = |role: &RoleRow| (role.id.to_string(), role_label(&role.name));
        untrack(|| self.people.with(|people| people.roles.iter().filter(can_grant).map(choice).collect()))
    }

    /// Whether the viewer can change members with this role.
    pub(super) fn may_change(self, role: RoleId) -> bool {
        let covers = |role: &RoleRow| self.own.first_missing(role.permissions).is_none();
        self.people.with(|people| people.roles.iter().find(|other| other.id == role).is_some_and(covers))
    }
}
