//! What surrounds every page of those who are signed in.

use leptos::{prelude::*, task::spawn_local};
use leptos_router::components::{A, Outlet};

use super::{
    keys::tabs::AGENT,
    secret::{Reveal, SecretDialog},
    settings,
};
use crate::{
    api::account::{sign_out, viewer},
    model::{account::Viewer, fault::Fault, permission::Permission},
    ui::{
        browser,
        icon::Glyph,
        mark::Mark,
        menu::{Menu, MenuAction, MenuAngle, MenuItem},
        toast::{Toaster, Toasts},
    },
};

/// The person who is signed in, as the server answers it: every page inside the frame can wait for it.
pub type ViewerResource = OnceResource<Result<Viewer, Fault>>;

/// The person who is signed in.
pub fn use_viewer() -> ViewerResource {
    expect_context()
}

/// The bar at the top, the page, and what may lie over it on any page.
///
/// The page itself waits for nothing here: whatever stands inside a `Suspense` is made more than once on the server, and a page
/// would ask for its data each time.
#[component]
pub fn Frame() -> impl IntoView {
    let viewer = ViewerResource::new(viewer());
    provide_context(viewer);
    let toasts = Toasts::provide();
    let reveal = Reveal::provide();
    view! {
        <a class="skip-link" href="#content">"Skip to content"</a>
        <header class="bar">
            <Suspense>
                {Suspend::new(async move { viewer.await.ok().map(|viewer| view! { <Bar viewer toasts/> }) })}
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
fn Bar(viewer: Viewer, toasts: Toasts) -> impl IntoView {
    let may_see_keys = viewer.may(Permission::ViewKeys);
    let may_see_billing = viewer.may(Permission::ViewBilling);
    let settings = settings::first_for(&viewer);
    view! {
        <a class="bar-brand" href="/" title="Latchkey">
            <Mark/>
            <span class="bar-organization">{viewer.organization.clone()}</span>
        </a>
        <nav class="bar-nav" aria-label="Main">
            {may_see_keys.then(|| view! { <A href=AGENT.path>"API Keys"</A> })}
            {may_see_billing.then(|| view! { <A href="/billing">"Billing"</A> })}
            {settings.map(|tab| view! { <A href=tab.path>"Settings"</A> })}
        </nav>
        <PersonMenu person=viewer toasts/>
    }
}

/// The avatar and its menu.
#[component]
fn PersonMenu(person: Viewer, toasts: Toasts) -> impl IntoView {
    let leave = Callback::new(move |()| {
        spawn_local(async move {
            match sign_out().await {
                Ok(()) | Err(Fault::SignedOut) => browser::go("/sign-in"),
                Err(fault) => toasts.say(fault.to_string()),
            }
        });
    });

    let mut items = vec![MenuItem { label: "Profile", glyph: Glyph::Person, action: MenuAction::Go("/profile") }];
    if person.may(Permission::ViewBilling) {
        items.push(MenuItem { label: "Billing", glyph: Glyph::Chart, action: MenuAction::Go("/billing") });
    }
    if person.may(Permission::ManageApiKeys) {
        items.push(MenuItem { label: "API Keys", glyph: Glyph::Key, action: MenuAction::Go(AGENT.path) });
    }
    items.push(MenuItem { label: "Sign out", glyph: Glyph::Leave, action: MenuAction::Run(leave) });
    view! {
        <Menu id="person-menu" class="avatar-button" items>
            <span class="avatar" aria-hidden="true">{initials(&person.name)}</span>
            <span class="avatar-name">{person.name}</span>
            <MenuAngle/>
        </Menu>
    }
}

/// The first letters of the first and the last word of a name.
fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().next());
    let first = words.next();
    first.into_iter().chain(words.next_back()).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::initials;

    #[test]
    fn initials_of_any_name() {
        assert_eq!(initials("Ada Lovelace"), "AL");
        assert_eq!(initials("ada king of lovelace"), "AL");
        assert_eq!(initials("Østen"), "Ø");
        assert_eq!(initials(""), "");
    }
}
