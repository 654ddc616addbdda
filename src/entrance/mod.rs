//! The pages for visitors without a session: set up, sign in and join. Most visits of the sign-in page end there or open another page with a full
//! load, so these pages have a WebAssembly binary of their own, without the router and the rest of the application.

mod auth_layout;
mod join;
pub mod setup;
mod sign_in;

use leptos::prelude::*;

use self::{join::JoinPage, setup::SetupPage, sign_in::SignInPage};
use crate::{
    document::{Document, document},
    routes::{self, Page, with_pages},
};
use latchkey_ui::{hydration::Hydration, theme::Theme};

/// The HTML document of one of these pages. `name` is the base name of its files; `next` are the files of the page that is opened afterwards,
/// which the browser loads while the user types.
pub fn shell(pkg: &'static str, name: &'static str, page: &'static Page, next: Vec<String>, theme: Theme) -> impl IntoView {
    let files: Vec<String> = next.into_iter().map(|file| format!("'{pkg}/{file}'")).collect();
    // The content is read, so that all of it gets into the browser's cache.
    let early_load = format!(
        "addEventListener('input', () => [{}].forEach(async (file) => {{
  try {{
    await (await fetch(file, {{ priority: 'low' }})).arrayBuffer();
  }} catch {{}}
}}), {{ once: true }});",
        files.join(", ")
    );
    let head = view! { <title>{format!("{} · Latchkey", page.label)}</title> }.into_any();
    let body = view! { <Entrance page live=Hydration::default()/> }.into_any();
    document(Document { pkg, name, imports: &[], chunks: Vec::new(), script: early_load, theme }, head, body)
}

macro_rules! views {
    (entrance { $($name:ident $path:tt, $label:literal => $view:ident;)* } $($other:tt)*) => {
        /// The content of a page. Of any other page, nothing: this root component is only rendered for these.
        fn view_of(page: &'static Page) -> AnyView {
            $(
                if page == &routes::$name {
                    return view! { <$view/> }.into_any();
                }
            )*
            ().into_any()
        }
    };
}

with_pages!(views);

/// Root component of these pages.
#[component]
pub fn Entrance(
    page: &'static Page,
    /// Set when the page is hydrated.
    live: Hydration,
) -> impl IntoView {
    live.provide();
    view_of(page)
}

/// Hydrates the server-rendered page.
#[cfg(any(feature = "entrance", feature = "hydrate"))]
pub fn hydrate() {
    use latchkey_ui::{browser, click_guard};

    let Some(page) = routes::entrance_at(&browser::path()) else { return };
    click_guard::watch_clicks();
    let live = Hydration::default();
    let root = EntranceProps { page, live: live.clone() };
    leptos::mount::hydrate_from(leptos::tachys::dom::body(), || Entrance(root)).forget();
    live.begin();
}
