//! The layout around every page for signed-in users.

use super::viewer::{LastVisited, ViewerResource};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::{components::Outlet, hooks::use_location};

use super::{
    keys::tabs,
    notifications::{Bell, Notifications},
    projects::PROJECTS,
    reference,
    secret::{Reveal, SecretDialog},
    settings,
};
use crate::api::account::{sign_out, viewer};
use latchkey_types::{account::Viewer, error::Error, permission::Permission};
use latchkey_ui::{
    browser,
    icon::Glyph,
    logo::Logo,
    menu::{Menu, MenuAction, MenuChevron, MenuItem},
    toast::{Toaster, Toasts},
};

/// The top bar, the page, and the overlays of all pages.
///
/// The page is not inside the `Suspense`, because the server renders its children more than once and a page would load its data each
/// time.
#[component]
pub fn AppLayout() -> impl IntoView {
    let viewer = ViewerResource::new(viewer());
    provide_context(viewer);
    provide_context(LastVisited::default());
    let toasts = Toasts::provide();
    let notifications = Notifications::provide();
    let reveal = Reveal::provide();
    view! {
        <a class="skip-link" href="#content">"Skip to content"</a>
        <header class="bar">
            <Suspense>
                {Suspend::new(async move { viewer.await.ok().map(|viewer| view! { <Bar viewer toasts notifications/> }) })}
            </Suspense>
        </header>
        <main class="content" id="content" tabindex="-1">
            <Outlet/>
        </main>
        <SecretDialog reveal/>
        <Toaster toasts/>
    }
}

#[component]
fn Bar(viewer: Viewer, toasts: Toasts, notifications: Notifications) -> impl IntoView {
    let keys = tabs::first_for(viewer.permissions);
    let may_see_projects = viewer.can(Permission::ViewProject);
    let may_see_billing = viewer.can(Permission::ViewBilling);
    let settings = settings::first_for(&viewer);
    view! {
        <a class="bar-brand" href="/" title="Latchkey">
            <Logo/>
            <span class="bar-organization">{viewer.organization.clone()}</span>
        </a>
        <nav class="bar-nav" aria-label="Main">
            {keys.map(|path| view! { <Section label="API Keys" path within="/keys/"/> })}
            {may_see_projects.then(|| view! { <Section label="Projects" path=PROJECTS within=PROJECTS/> })}
            {may_see_billing.then(|| view! { <Section label="Billing" path="/billing" within="/billing"/> })}
            {settings.map(|tab| view! { <Section label="Settings" path=tab.path within="/settings/"/> })}
        </nav>
        <Bell notifications/>
        <PersonMenu person=viewer toasts/>
    }
}

/// A link to the first page of a section, with `aria-current` on all pages of the section.
#[component]
fn Section(label: &'static str, path: &'static str, within: &'static str) -> impl IntoView {
    let current_path = use_location().pathname;
    view! { <a href=path aria-current=move || current_path.with(|current_path| current_path.starts_with(within)).then_some("page")>{label}</a> }
}

/// The avatar and its menu.
#[component]
fn PersonMenu(person: Viewer, toasts: Toasts) -> impl IntoView {
    let on_sign_out = Callback::new(move |()| {
        spawn_local(async move {
            match sign_out().await {
                Ok(()) | Err(Error::SignedOut) => browser::go("/sign-in"),
                Err(error) => toasts.error(error.to_string()),
            }
        });
    });

    let mut items = vec![MenuItem { label: "Profile", glyph: Glyph::Person, action: MenuAction::Go("/profile") }];
    if person.can(Permission::ViewBilling) {
        items.push(MenuItem { label: "Billing", glyph: Glyph::Chart, action: MenuAction::Go("/billing") });
    }
    if person.can(Permission::ManageApiKeys) {
        items.push(MenuItem { label: "API Keys", glyph: Glyph::Key, action: MenuAction::Go(tabs::INTERNAL.path) });
    }
    items.push(MenuItem { label: "API reference", glyph: Glyph::Code, action: MenuAction::Go(reference::PATH) });
    items.push(MenuItem { label: "Sign out", glyph: Glyph::SignOut, action: MenuAction::Run(on_sign_out) });
    view! {
        <Menu id="person-menu" class="avatar-button" items>
            <span class="avatar" aria-hidden="true">{initials(&person.name)}</span>
            <span class="avatar-name">{person.name}</span>
            <MenuChevron/>
        </Menu>
    }
}

/// The initials of the first and last word of a name.
fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().next());
    let first = words.next();
    first.into_iter().chain(words.next_back()).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::initials;

    #[test]
    fn initials_use_first_and_last_word() {
        assert_eq!(initials("Ada Lovelace"), "AL");
        assert_eq!(initials("ada king of lovelace"), "AL");
        assert_eq!(initials("Østen"), "Ø");
        assert_eq!(initials(""), "");
    }
}
