//! `/settings/members`

mod invitations;
mod invite;
mod list;
mod member;

use leptos::prelude::*;

use super::{MEMBERS, SettingsPage, loaded_view};
use crate::{
    api::members::members_page,
    pages::secret::{Reveal, use_reveal},
};
use invitations::Invitations;
use invite::InviteDialog;
use latchkey_types::{
    account::Viewer,
    error::Error,
    member::{InvitationLink, MemberRow, MembersPageData, RoleRow},
    permission::Permissions,
};
use latchkey_ui::{
    button::{Button, ButtonVariant},
    message::AlertWithRetry,
    resource::Refetchable,
    select::Choice,
    toast::{Toasts, use_toasts},
};
use list::Members;
use member::{DisableDialog, RoleDialog};

type PeopleResource = OnceResource<Result<MembersPageData, Error>>;

#[derive(Clone)]
enum OpenDialog {
    Invite,
    Role(MemberRow),
    Disable(MemberRow),
}

/// State shared by the lists of the page.
#[derive(Clone, Copy)]
struct MembersContext {
    people: Refetchable<MembersPageData>,
    /// The viewer's permissions: only these can be granted or removed.
    own: Permissions,
    open_dialog: RwSignal<Option<OpenDialog>>,
    toasts: Toasts,
    secrets: Reveal,
}

// A response may arrive after the page was closed: the layout still shows the toast or link; the page's own signals are gone.
impl MembersContext {
    /// Shows a toast and reloads the lists.
    fn notify(self, message: String) {
        self.toasts.success(message);
        self.people.refetch(members_page);
    }

    /// Closes the dialog and shows a toast.
    fn done(self, message: String) {
        self.open_dialog.set(None);
        self.notify(message);
    }

    /// Shows an invitation link, which can't be shown again.
    fn reveal(self, link: InvitationLink) {
        self.people.refetch(members_page);
        // A closing dialog restores the focus to its button before the next one opens.
        set_timeout(move || self.secrets.show_link(link), std::time::Duration::ZERO);
    }

    /// The roles that the viewer can grant.
    fn choices(self) -> Vec<Choice> {
        let can_grant = |role: &&RoleRow| self.own.first_missing(role.permissions).is_none();
        let choice = |role: &RoleRow| (role.id.to_string(), role.name.clone());
        untrack(|| self.people.with(|people| people.roles.iter().filter(can_grant).map(choice).collect()))
    }

    /// Whether the viewer can change members with this role.
    fn may_change(self, role: latchkey_types::id::RoleId) -> bool {
        let covers = |role: &RoleRow| self.own.first_missing(role.permissions).is_none();
        untrack(|| self.people.with(|people| people.roles.iter().find(|other| other.id == role).is_some_and(covers)))
    }
}

/// Members and open invitations.
#[component]
pub fn MembersPage() -> impl IntoView {
    // Created outside of the content: inside its `Suspense` the server may create resources more than once.
    provide_context(PeopleResource::new(members_page()));
    view! { <SettingsPage tab=&MEMBERS content/> }
}

fn content(viewer: Viewer) -> AnyView {
    loaded_view(expect_context::<PeopleResource>(), move |people| view! { <PeopleView viewer people/> }.into_any())
}

#[component]
fn PeopleView(viewer: Viewer, people: MembersPageData) -> impl IntoView {
    // Data
    let people = Refetchable::new(people);
    let open_dialog = RwSignal::new(None::<OpenDialog>);

    // Actions
    let reload = Callback::new(move |()| people.refetch(members_page));
    let dismiss = Callback::new(move |()| open_dialog.set(None));
    let context = MembersContext { people, own: viewer.permissions, open_dialog, toasts: use_toasts(), secrets: use_reveal() };
    let invite = Callback::new(move |()| open_dialog.set(Some(OpenDialog::Invite)));

    // View
    let dialog = move |open| match open {
        OpenDialog::Invite => view! { <InviteDialog context on_dismiss=dismiss/> }.into_any(),
        OpenDialog::Role(member) => view! { <RoleDialog context member on_dismiss=dismiss/> }.into_any(),
        OpenDialog::Disable(member) => view! { <DisableDialog context member on_dismiss=dismiss/> }.into_any(),
    };
    view! {
        <div class="settings-head">
            <p class="settings-lead">"Each invitation link works once and expires after 7 days."</p>
            <Button label="Invite" variant=ButtonVariant::Primary on_click=invite/>
        </div>
        {move || people.error().get().map(|error| view! { <AlertWithRetry message=error.to_string() on_retry=reload/> })}
        <Members context/>
        <Invitations context/>
        {move || open_dialog.get().map(dialog)}
    }
}
