//! HTML document, root component and routes.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    any_nested_route::{AnyNestedRoute, IntoAnyNestedRoute},
    components::{ParentRoute, Route, RouteProps, Router, Routes},
    path,
};

use crate::{
    lazy_routes::LazyRoutes,
    pages::{join::JoinPage, layout::AppLayout, not_found::NotFoundPage, setup::SetupPage, sign_in::SignInPage},
    routes::with_pages,
};
use latchkey_ui::{
    browser,
    hydration::{Hydration, is_hydrated},
    theme::Theme,
};

/// Keeps what the user does before the page is hydrated.
const EARLY_INPUT: &str = include_str!("early_input.js");

/// The server-rendered HTML document. `pkg` is the path of the assets, such as `/pkg/3fa9c1d2`; `chunks` are the WebAssembly files that this
/// page needs in addition to the main binary.
pub fn shell(pkg: &'static str, chunks: Vec<String>, theme: Theme) -> impl IntoView {
    let nonce = use_nonce();
    let (script, wasm, style) = (format!("{pkg}/latchkey.js"), format!("{pkg}/latchkey.wasm"), format!("{pkg}/latchkey.css"));
    let start = format!("import init, {{ hydrate }} from '{script}'; init({{ module_or_path: '{wasm}' }}).then(() => hydrate());");
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme.name()>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="description" content="Self-hosted API key management: issue, verify, limit and revoke API keys."/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href=style/>
                <link rel="preload" r#as="font" r#type="font/woff2" crossorigin="anonymous" href=format!("{pkg}/inter.woff2")/>
                <link rel="modulepreload" href=script nonce=nonce.clone()/>
                <link rel="modulepreload" href=format!("{pkg}/chunks.js") nonce=nonce.clone()/>
                <link rel="preload" r#as="fetch" r#type="application/wasm" crossorigin="anonymous" href=wasm/>
                {chunks
                    .into_iter()
                    .map(|file| view! { <link rel="preload" r#as="fetch" r#type="application/wasm" crossorigin="anonymous" href=format!("{pkg}/{file}")/> })
                    .collect_view()}
                <script nonce=nonce.clone()>{EARLY_INPUT}</script>
                <script type="module" nonce=nonce>{start}</script>
                <MetaTags/>
            </head>
            <body>
                <App live=Hydration::default()/>
            </body>
        </html>
    }
}

macro_rules! entrance_routes {
    (entrance { $($name:ident $path:tt, $label:literal => $view:ident;)* }
    redirected { $($redirected:ident $redirected_path:tt, $redirected_label:literal;)* }
    $($lazy:tt)*) => {
        /// The routes of the pages outside of the layout.
        #[component(transparent)]
        fn EntranceRoutes() -> AnyNestedRoute {
            (
                ($(Route(RouteProps { path: path!($path), view: $view, ssr: SsrMode::Async }),)*),
                ($(Route(RouteProps {
                    path: path!($redirected_path),
                    view: || view! { <ServerRedirect path=$redirected_path/> },
                    ssr: SsrMode::Async,
                }),)*),
            )
                .into_any_nested_route()
        }
    };
}

with_pages!(entrance_routes);

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
            <Routes fallback=|| ()>
                <EntranceRoutes/>
                <ParentRoute path=path!("") view=AppLayout ssr=SsrMode::Async>
                    <LazyRoutes/>
                    // Only a signed-in user sees it: visitors are redirected to the sign-in page.
                    <Route path=path!("/*path") view=NotFoundPage ssr=SsrMode::Async/>
                </ParentRoute>
            </Routes>
        </Router>
    }
}

/// Loads a path from the server, which redirects it. Only when it is opened from another page: if the server itself rendered this, it would
/// do so again, without end.
#[component]
fn ServerRedirect(path: &'static str) -> impl IntoView {
    let was_rendered_by_server = !is_hydrated().get_untracked();
    Effect::new(move || {
        if !was_rendered_by_server {
            browser::go(path);
        }
    });
}
