//! `/settings/members`

mod context;
mod invitation;
mod invite;
mod list;
mod member;

use leptos::prelude::*;

use super::{SettingsPage, loaded_view};
use crate::api::members::members_page;
use crate::routes;
use context::{MembersContext, OpenDialog};
use invite::InviteDialog;
use latchkey_types::{account::Viewer, error::Error, member::MembersPageData};
use latchkey_ui::{
    button::{Button, ButtonVariant},
    message::AlertWithRetry,
    page::{PageActions, PageLead},
};
use list::Members;
use member::{DisableDialog, MemberBudgetDialog, RoleDialog};

type PeopleResource = OnceResource<Result<MembersPageData, Error>>;

/// Members and open invitations.
#[component]
pub fn MembersPage() -> impl IntoView {
    // Created outside of the content: inside its `Suspense` the server may create resources more than once.
    provide_context(PeopleResource::new(members_page()));
    view! { <SettingsPage page=&routes::MEMBERS content/> }
}

fn content(viewer: Viewer) -> AnyView {
    loaded_view(expect_context::<PeopleResource>(), move |people| view! { <PeopleView viewer people/> })
}

#[component]
fn PeopleView(viewer: Viewer, people: MembersPageData) -> impl IntoView {
    // Data
    let context = MembersContext::new(people, viewer.permissions);
    let MembersContext { people, dialogs, .. } = context;

    // Actions
    let reload = Callback::new(move |()| people.refetch(members_page));

    // View
    let dialog = move |open| match open {
        OpenDialog::Invite => view! { <InviteDialog context on_dismiss=dialogs.dismiss/> }.into_any(),
        OpenDialog::Role(member) => view! { <RoleDialog context member on_dismiss=dialogs.dismiss/> }.into_any(),
        OpenDialog::Budget(member) => view! { <MemberBudgetDialog context member on_dismiss=dialogs.dismiss/> }.into_any(),
        OpenDialog::Disable(member) => view! { <DisableDialog context member on_dismiss=dialogs.dismiss/> }.into_any(),
    };
    view! {
        <PageActions><Button label="Invite" variant=ButtonVariant::Primary on_click=dialogs.opener(OpenDialog::Invite)/></PageActions>
        <PageLead text="People who can sign in. Each invitation link works once and expires after 7 days." docs="/docs/security"/>
        {move || people.error().get().map(|error| view! { <AlertWithRetry message=error.to_string() on_retry=reload/> })}
        <Members context/>
        {dialogs.render(dialog)}
    }
}
