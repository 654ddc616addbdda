//! `/settings/members`

mod invitations;
mod invite;
mod list;
mod member;

use leptos::prelude::*;

use self::{
    invitations::Invitations,
    invite::InviteDialog,
    list::Members,
    member::{DisableDialog, RoleDialog},
};
use super::{MEMBERS, SettingsPage, when_read};
use crate::{
    api::members::list_people,
    model::{
        account::Viewer,
        fault::Fault,
        people::{InvitationLink, MemberRow, People, RoleRow},
        permission::Permissions,
    },
    pages::secret::{Reveal, use_reveal},
    ui::{
        button::{Button, Weight},
        loaded::Loaded,
        message::AlertWithRetry,
        select::Choice,
        toast::{Toasts, use_toasts},
    },
};

type PeopleRead = OnceResource<Result<People, Fault>>;

/// What somebody asked for, in a dialog over the lists.
#[derive(Clone)]
enum Asked {
    Invite,
    Role(MemberRow),
    Disable(MemberRow),
}

/// What the lists on this page share.
#[derive(Clone, Copy)]
struct Desk {
    people: Loaded<People>,
    /// What the reader may do: nobody gives or takes what they lack.
    own: Permissions,
    asked: RwSignal<Option<Asked>>,
    toasts: Toasts,
    secrets: Reveal,
}

// An answer may come when the page was left already: the frame still says what was done and shows the link, the page's own part is dropped.
impl Desk {
    /// Says what was done or what went wrong, and reads the lists anew.
    fn tell(self, words: String) {
        self.toasts.say(words);
        self.people.read_again(list_people);
    }

    /// Closes the dialog, and says what it did.
    fn done(self, told: String) {
        self.asked.set(None);
        self.tell(told);
    }

    /// Shows the link of an invitation, this once.
    fn reveal(self, link: InvitationLink) {
        self.people.read_again(list_people);
        // A dialog that closes gives the focus back to its button first, and the next one will do the same.
        set_timeout(move || self.secrets.show_link(link), std::time::Duration::ZERO);
    }

    /// The roles that the reader may give.
    fn choices(self) -> Vec<Choice> {
        let may_give = |role: &&RoleRow| self.own.first_missing(role.permissions).is_none();
        let choice = |role: &RoleRow| (role.id.to_string(), role.name.clone());
        untrack(|| self.people.with(|people| people.roles.iter().filter(may_give).map(choice).collect()))
    }

    /// Whether the reader may change who has this role.
    fn may_change(self, role: crate::model::id::RoleId) -> bool {
        let covers = |role: &RoleRow| self.own.first_missing(role.permissions).is_none();
        untrack(|| self.people.with(|people| people.roles.iter().find(|other| other.id == role).is_some_and(covers)))
    }
}

/// Who belongs to the organization, and who was invited.
#[component]
pub fn MembersPage() -> impl IntoView {
    // Made here: what stands in the page waits, and is made more than once on the server.
    provide_context(PeopleRead::new(list_people()));
    view! { <SettingsPage tab=&MEMBERS content/> }
}

fn content(viewer: Viewer) -> AnyView {
    when_read(expect_context::<PeopleRead>(), move |people| view! { <PeopleView viewer people/> }.into_any())
}

#[component]
fn PeopleView(viewer: Viewer, people: People) -> impl IntoView {
    // Data
    let people = Loaded::new(people);
    let asked = RwSignal::new(None::<Asked>);

    // Actions
    let read_again = Callback::new(move |()| people.read_again(list_people));
    let dismiss = Callback::new(move |()| asked.set(None));
    let desk = Desk { people, own: viewer.permissions, asked, toasts: use_toasts(), secrets: use_reveal() };
    let invite = Callback::new(move |()| asked.set(Some(Asked::Invite)));

    // View
    let dialog = move |asked| match asked {
        Asked::Invite => view! { <InviteDialog desk on_dismiss=dismiss/> }.into_any(),
        Asked::Role(member) => view! { <RoleDialog desk member on_dismiss=dismiss/> }.into_any(),
        Asked::Disable(member) => view! { <DisableDialog desk member on_dismiss=dismiss/> }.into_any(),
    };
    view! {
        <div class="settings-head">
            <p class="settings-lead">"Whoever is invited gets a link that is good for seven days and makes one account."</p>
            <Button label="Invite" weight=Weight::Primary on_click=invite/>
        </div>
        {move || people.trouble().get().map(|fault| view! { <AlertWithRetry message=fault.to_string() on_retry=read_again/> })}
        <Members desk/>
        <Invitations desk/>
        {move || asked.get().map(dialog)}
    }
}
