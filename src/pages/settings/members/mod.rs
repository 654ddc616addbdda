//! `/settings/members`

mod invitations;
mod invite;
mod list;
mod member;

use leptos::prelude::*;

use super::{MEMBERS, SettingsPage, when_read};
use crate::{
    api::members::list_people,
    pages::secret::{Reveal, use_reveal},
};
use invitations::Invitations;
use invite::InviteDialog;
use latchkey_types::{
    account::Viewer,
    error::Fault,
    member::{InvitationLink, MemberRow, People, RoleRow},
    permission::Permissions,
};
use latchkey_ui::{
    button::{Button, Weight},
    message::AlertWithRetry,
    resource::Loaded,
    select::Choice,
    toast::{Toasts, use_toasts},
};
use list::Members;
use member::{DisableDialog, RoleDialog};

type PeopleResource = OnceResource<Result<People, Fault>>;

#[derive(Clone)]
enum Asked {
    Invite,
    Role(MemberRow),
    Disable(MemberRow),
}

/// State shared by the lists of the page.
#[derive(Clone, Copy)]
struct Desk {
    people: Loaded<People>,
    /// The viewer's permissions: only these can be granted or removed.
    own: Permissions,
    asked: RwSignal<Option<Asked>>,
    toasts: Toasts,
    secrets: Reveal,
}

// A response may arrive after the page was closed: the layout still shows the toast or link; the page's own signals are gone.
impl Desk {
    /// Shows a toast and reloads the lists.
    fn tell(self, message: String) {
        self.toasts.say(message);
        self.people.read_again(list_people);
    }

    /// Closes the dialog and shows a toast.
    fn done(self, message: String) {
        self.asked.set(None);
        self.tell(message);
    }

    /// Shows an invitation link, which can't be shown again.
    fn reveal(self, link: InvitationLink) {
        self.people.read_again(list_people);
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
    provide_context(PeopleResource::new(list_people()));
    view! { <SettingsPage tab=&MEMBERS content/> }
}

fn content(viewer: Viewer) -> AnyView {
    when_read(expect_context::<PeopleResource>(), move |people| view! { <PeopleView viewer people/> }.into_any())
}

#[component]
fn PeopleView(viewer: Viewer, people: People) -> impl IntoView {
    // Data
    let people = Loaded::new(people);
    let asked = RwSignal::new(None::<Asked>);

    // Actions
    let reload = Callback::new(move |()| people.read_again(list_people));
    let dismiss = Callback::new(move |()| asked.set(None));
    let desk = Desk { people, own: viewer.permissions, asked, toasts: use_toasts(), secrets: use_reveal() };
    let invite = Callback::new(move |()| asked.set(Some(Asked::Invite)));

    // View
    let dialog = move |open| match open {
        Asked::Invite => view! { <InviteDialog desk on_dismiss=dismiss/> }.into_any(),
        Asked::Role(member) => view! { <RoleDialog desk member on_dismiss=dismiss/> }.into_any(),
        Asked::Disable(member) => view! { <DisableDialog desk member on_dismiss=dismiss/> }.into_any(),
    };
    view! {
        <div class="settings-head">
            <p class="settings-lead">"Each invitation link works once and expires after 7 days."</p>
            <Button label="Invite" weight=Weight::Primary on_click=invite/>
        </div>
        {move || people.trouble().get().map(|fault| view! { <AlertWithRetry message=fault.to_string() on_retry=reload/> })}
        <Members desk/>
        <Invitations desk/>
        {move || asked.get().map(dialog)}
    }
}
