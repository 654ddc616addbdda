//! The layout around every page for signed-in users.

use super::viewer::{LastVisited, ViewerResource};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::{components::Outlet, hooks::use_location};

use super::{
    keys::totals::KeyTotals,
    notifications::{Bell, Notifications},
    projects::{frame::LastProject, samples::uploads::Uploads},
    secret::{Reveal, SecretDialog},
    shortcuts::{self, ShortcutSheet, Shortcuts, go_key, use_shortcut_sheet},
};
use crate::{
    api::account::{sign_out, viewer},
    routes::{self, Page},
};
use latchkey_types::{account::Viewer, error::Error, permission::role_label};
use latchkey_ui::{
    browser,
    icon::{Glyph, Icon},
    logo::Logo,
    menu::{Menu, MenuAction, MenuChevron, MenuItem},
    theme::{ThemeChoice, use_theme},
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
    provide_context(LastProject::default());
    provide_context(KeyTotals::default());
    let toasts = Toasts::provide();
    Uploads::provide(toasts);
    let notifications = Notifications::provide();
    let reveal = Reveal::provide();
    let sheet = ShortcutSheet::provide();
    ThemeChoice::provide();
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
        <Shortcuts sheet/>
        <Toaster toasts/>
    }
}

#[component]
fn Bar(viewer: Viewer, toasts: Toasts, notifications: Notifications) -> impl IntoView {
    let sections = routes::SECTIONS.iter().filter_map(|section| {
        let target = routes::first_permitted(section, viewer.permissions)?;
        Some(view! { <Section label=section.label path=target.path within=section.path glyph=glyph_of(section)/> })
    });
    let sections = sections.collect_view();
    view! {
        <a class="bar-brand" href=routes::OVERVIEW.path title=routes::HOME.label>
            <Logo/>
            <span class="bar-organization">{viewer.organization.clone()}</span>
        </a>
        <nav class="bar-nav" aria-label="Main">
            {sections}
        </nav>
        <Bell notifications/>
        <PersonMenu person=viewer toasts/>
    }
}

/// The icon of a section.
fn glyph_of(section: &Page) -> Glyph {
    const GLYPHS: [(&Page, Glyph); 5] = [
        (&routes::OVERVIEW, Glyph::Overview),
        (&routes::KEYS, Glyph::Key),
        (&routes::PROJECTS, Glyph::Folder),
        (&routes::BILLING, Glyph::Chart),
        (&routes::SETTINGS, Glyph::Settings),
    ];
    GLYPHS.iter().find(|(page, _)| *page == section).map_or(Glyph::Folder, |(_, glyph)| *glyph)
}

/// A link to the first page of a section, with `aria-current` on all pages of the section. Phones show its icon too.
#[component]
fn Section(label: &'static str, path: &'static str, within: &'static str, glyph: Glyph) -> impl IntoView {
    let current_path = use_location().pathname;
    let is_open = move || current_path.with(|current_path| current_path.starts_with(within));
    view! { <a href=path data-go=go_key(label) aria-current=move || is_open().then_some("page")><Icon glyph/> {label}</a> }
}

/// The avatar and its menu.
#[component]
fn PersonMenu(person: Viewer, toasts: Toasts) -> impl IntoView {
    let on_sign_out = Callback::new(move |()| {
        spawn_local(async move {
            match sign_out().await {
                Ok(()) | Err(Error::SignedOut) => browser::go(routes::SIGN_IN.path),
                Err(error) => toasts.error(error.to_string()),
            }
        });
    });

    let pages = [
        (&routes::PROFILE, routes::PROFILE.label, Glyph::Person),
        (&routes::BILLING, routes::BILLING.label, Glyph::Chart),
        (&routes::INTERNAL_KEYS, routes::KEYS.label, Glyph::Key),
        (&routes::REFERENCE, routes::REFERENCE.label, Glyph::Code),
    ];
    let permitted = pages.into_iter().filter(|(page, ..)| page.permits(person.permissions));
    let mut items: Vec<_> = permitted.map(|(page, label, glyph)| MenuItem { label, glyph, action: MenuAction::Go(page.path) }).collect();
    items.push(MenuItem { label: "Docs", glyph: Glyph::Documents, action: MenuAction::Leave(routes::DOCS) });
    items.push(MenuItem { label: "Theme", glyph: Glyph::Theme, action: MenuAction::Choose(use_theme().options()) });
    let sheet = use_shortcut_sheet();
    items.push(MenuItem { label: shortcuts::LABEL, glyph: Glyph::Keyboard, action: MenuAction::Run(Callback::new(move |()| sheet.open())) });
    items.push(MenuItem { label: "Sign out", glyph: Glyph::SignOut, action: MenuAction::Run(on_sign_out) });
    let (name, email, role) = (person.name.clone(), person.email, person.role);
    let head = move || view! { <PersonHead name=name.clone() email=email.clone() role=role.clone()/> };
    view! {
        <Menu id="person-menu" class="avatar-button" items head shortcuts=shortcuts::MENU_SHORTCUTS>
            <span class="avatar" aria-hidden="true">{initials(&person.name)}</span>
            <span class="avatar-name">{person.name}</span>
            <MenuChevron/>
        </Menu>
    }
}

/// Who is signed in.
#[component]
fn PersonHead(name: String, email: String, role: String) -> impl IntoView {
    view! {
        <div class="person">
            <span class="person-name">{name}</span>
            <span class="person-detail">{email}</span>
            <span class="person-detail">{role_label(&role)}</span>
        </div>
        <div class="menu-separator"></div>
    }
}

/// The initials of the first and last word of a name.
pub(crate) fn initials(name: &str) -> String {
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
