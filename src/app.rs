//! The document, the app and its routes.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{ParentRoute, Route, Router, Routes},
    path,
};

use crate::{
    pages::{
        billing::BillingPage,
        frame::Frame,
        join::JoinPage,
        keys::{KeysPage, tabs},
        not_found::NotFoundPage,
        profile::ProfilePage,
        projects::{ProjectsPage, about::AboutPage, issued::IssuedKeysPage, keys::TemplatesPage},
        settings::{
            audit::AuditPage, corpora::CorporaPage, members::MembersPage, organization::OrganizationPage, providers::ProvidersPage, roles::RolesPage,
        },
        setup::SetupPage,
        sign_in::SignInPage,
    },
    ui::{browser, live::provide_live},
};

/// The document that the server sends. `pkg` is the folder of the program's files, such as `/pkg/3fa9c1d2`.
pub fn shell(pkg: &'static str) -> impl IntoView {
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
                <link rel="preload" r#as="fetch" r#type="application/wasm" crossorigin="anonymous" href=wasm/>
                <script type="module" nonce=nonce>{start}</script>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// Everything in the page.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    provide_live();
    view! {
        <Title formatter=|title: String| if title.is_empty() { "Latchkey".to_owned() } else { title + " · Latchkey" }/>
        <Router>
            <Routes fallback=NotFoundPage>
                <Route path=path!("/setup") view=SetupPage ssr=SsrMode::Async/>
                <Route path=path!("/sign-in") view=SignInPage ssr=SsrMode::Async/>
                <Route path=path!("/join") view=JoinPage ssr=SsrMode::Async/>
                // The server sends those who ask for these to the first page that they may open.
                <Route path=path!("/") view=|| view! { <Elsewhere path="/"/> } ssr=SsrMode::Async/>
                <Route path=path!("/keys") view=|| view! { <Elsewhere path="/keys"/> } ssr=SsrMode::Async/>
                <Route path=path!("/settings") view=|| view! { <Elsewhere path="/settings"/> } ssr=SsrMode::Async/>
                <ParentRoute path=path!("") view=Frame ssr=SsrMode::Async>
                    <Route path=path!("/keys/internal") view=|| view! { <KeysPage tab=&tabs::INTERNAL/> } ssr=SsrMode::Async/>
                    <Route path=path!("/keys/external") view=|| view! { <KeysPage tab=&tabs::EXTERNAL/> } ssr=SsrMode::Async/>
                    <Route path=path!("/keys/client") view=|| view! { <KeysPage tab=&tabs::CLIENT/> } ssr=SsrMode::Async/>
                    <Route path=path!("/keys/corpus") view=|| view! { <KeysPage tab=&tabs::CORPUS/> } ssr=SsrMode::Async/>
                    <Route path=path!("/keys/general") view=|| view! { <KeysPage tab=&tabs::GENERAL/> } ssr=SsrMode::Async/>
                    <Route path=path!("/keys/agent") view=|| view! { <KeysPage tab=&tabs::AGENT/> } ssr=SsrMode::Async/>
                    <Route path=path!("/profile") view=ProfilePage ssr=SsrMode::Async/>
                    <Route path=path!("/projects") view=ProjectsPage ssr=SsrMode::Async/>
                    <Route path=path!("/projects/:id") view=AboutPage ssr=SsrMode::Async/>
                    <Route path=path!("/projects/:id/keys") view=TemplatesPage ssr=SsrMode::Async/>
                    <Route path=path!("/projects/:id/keys/issued") view=IssuedKeysPage ssr=SsrMode::Async/>
                    <Route path=path!("/billing") view=BillingPage ssr=SsrMode::Async/>
                    <Route path=path!("/settings/providers") view=ProvidersPage ssr=SsrMode::Async/>
                    <Route path=path!("/settings/corpora") view=CorporaPage ssr=SsrMode::Async/>
                    <Route path=path!("/settings/members") view=MembersPage ssr=SsrMode::Async/>
                    <Route path=path!("/settings/roles") view=RolesPage ssr=SsrMode::Async/>
                    <Route path=path!("/settings/organization") view=OrganizationPage ssr=SsrMode::Async/>
                    <Route path=path!("/settings/audit") view=AuditPage ssr=SsrMode::Async/>
                </ParentRoute>
            </Routes>
        </Router>
    }
}

/// Asks the server for an address that it answers by sending its reader elsewhere.
#[component]
fn Elsewhere(path: &'static str) -> impl IntoView {
    Effect::new(move || browser::go(path));
}
