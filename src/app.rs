//! HTML document, root component and routes.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::{
    Lazy, SsrMode,
    components::{ParentRoute, Route, Router, Routes},
    path,
};

use crate::{
    lazy_routes::{AccountRoute, KeysRoute, ProjectsRoute, ReferenceRoute, SettingsRoute},
    pages::{join::JoinPage, layout::AppLayout, not_found::NotFoundPage, setup::SetupPage, sign_in::SignInPage},
};
use latchkey_ui::{browser, hydration::Hydration};

/// The server-rendered HTML document. `pkg` is the path of the assets, such as `/pkg/3fa9c1d2`; `parts` are the WebAssembly chunks that this
/// page needs in addition to the main binary.
pub fn shell(pkg: &'static str, chunks: Vec<String>) -> impl IntoView {
    let nonce = use_nonce();
    let (script, wasm, style) = (format!("{pkg}/latchkey.js"), format!("{pkg}/latchkey.wasm"), format!("{pkg}/latchkey.css"));
    let start = format!("import init, {{ hydrate }} from '{script}'; init({{ module_or_path: '{wasm}' }}).then(() => hydrate());");
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href=style/>
                <link rel="modulepreload" href=script nonce=nonce.clone()/>
                <link rel="modulepreload" href=format!("{pkg}/parts.js") nonce=nonce.clone()/>
                <link rel="preload" r#as="fetch" r#type="application/wasm" crossorigin="anonymous" href=wasm/>
                {chunks
                    .into_iter()
                    .map(|file| view! { <link rel="preload" r#as="fetch" r#type="application/wasm" crossorigin="anonymous" href=format!("{pkg}/{file}")/> })
                    .collect_view()}
                <script type="module" nonce=nonce>{start}</script>
                <MetaTags/>
            </head>
            <body>
                <App live=Hydration::default()/>
            </body>
        </html>
    }
}

/// View of a lazily loaded route.
macro_rules! part {
    ($part:ident, $path:literal) => {
        Lazy::<$part<{ $part::page($path) }>>::new()
    };
}

/// Root component.
#[component]
pub fn App(
    /// Set when the page is hydrated.
    live: Hydration,
) -> impl IntoView {
    provide_meta_context();
    live.provide();
    view! {
        <Title formatter=|title: String| if title.is_empty() { "Latchkey".to_owned() } else { title + " · Latchkey" }/>
        <Router>
            <Routes fallback=NotFoundPage>
                <Route path=path!("/setup") view=SetupPage ssr=SsrMode::Async/>
                <Route path=path!("/sign-in") view=SignInPage ssr=SsrMode::Async/>
                <Route path=path!("/join") view=JoinPage ssr=SsrMode::Async/>
                // The server redirects these to the first page that the user can open.
                <Route path=path!("/") view=|| view! { <ServerRedirect path="/"/> } ssr=SsrMode::Async/>
                <Route path=path!("/keys") view=|| view! { <ServerRedirect path="/keys"/> } ssr=SsrMode::Async/>
                <Route path=path!("/settings") view=|| view! { <ServerRedirect path="/settings"/> } ssr=SsrMode::Async/>
                <ParentRoute path=path!("") view=AppLayout ssr=SsrMode::Async>
                    <Route path=path!("/keys/internal") view=part!(KeysRoute, "/keys/internal") ssr=SsrMode::Async/>
                    <Route path=path!("/keys/external") view=part!(KeysRoute, "/keys/external") ssr=SsrMode::Async/>
                    <Route path=path!("/keys/client") view=part!(KeysRoute, "/keys/client") ssr=SsrMode::Async/>
                    <Route path=path!("/keys/corpus") view=part!(KeysRoute, "/keys/corpus") ssr=SsrMode::Async/>
                    <Route path=path!("/keys/general") view=part!(KeysRoute, "/keys/general") ssr=SsrMode::Async/>
                    <Route path=path!("/keys/agent") view=part!(KeysRoute, "/keys/agent") ssr=SsrMode::Async/>
                    <Route path=path!("/profile") view=part!(AccountRoute, "/profile") ssr=SsrMode::Async/>
                    <Route path=path!("/projects") view=part!(ProjectsRoute, "/projects") ssr=SsrMode::Async/>
                    <Route path=path!("/projects/:id") view=part!(ProjectsRoute, "/projects/:id") ssr=SsrMode::Async/>
                    <Route path=path!("/projects/:id/keys") view=part!(ProjectsRoute, "/projects/:id/keys") ssr=SsrMode::Async/>
                    <Route path=path!("/projects/:id/keys/issued") view=part!(ProjectsRoute, "/projects/:id/keys/issued") ssr=SsrMode::Async/>
                    <Route path=path!("/billing") view=part!(AccountRoute, "/billing") ssr=SsrMode::Async/>
                    <Route path=path!("/api-reference") view=part!(ReferenceRoute, "/api-reference") ssr=SsrMode::Async/>
                    <Route path=path!("/settings/providers") view=part!(SettingsRoute, "/settings/providers") ssr=SsrMode::Async/>
                    <Route path=path!("/settings/corpora") view=part!(SettingsRoute, "/settings/corpora") ssr=SsrMode::Async/>
                    <Route path=path!("/settings/members") view=part!(SettingsRoute, "/settings/members") ssr=SsrMode::Async/>
                    <Route path=path!("/settings/roles") view=part!(SettingsRoute, "/settings/roles") ssr=SsrMode::Async/>
                    <Route path=path!("/settings/organization") view=part!(SettingsRoute, "/settings/organization") ssr=SsrMode::Async/>
                    <Route path=path!("/settings/audit") view=part!(SettingsRoute, "/settings/audit") ssr=SsrMode::Async/>
                </ParentRoute>
            </Routes>
        </Router>
    }
}

/// Loads a path from the server, which redirects it.
#[component]
fn ServerRedirect(path: &'static str) -> impl IntoView {
    Effect::new(move || browser::go(path));
}
