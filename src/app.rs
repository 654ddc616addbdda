//! Root component and routes of the application.

use leptos::{prelude::*, tachys::view::iterators::StaticVec};
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::{
    NestedRoute, PossibleRouteMatch, SsrMode,
    any_nested_route::{AnyNestedRoute, IntoAnyNestedRoute},
    components::{ParentRoute, Route, Router, Routes},
    path,
};

use crate::{
    document::{Document, document},
    lazy_routes::LazyRoutes,
    pages::{layout::AppLayout, not_found::NotFoundPage},
    routes::with_pages,
};
use latchkey_ui::{
    browser,
    hydration::{Hydration, is_hydrated},
    theme::Theme,
};

/// The HTML document of a page of the application. `pkg` is the path of the assets; `chunks` are the WebAssembly files that this page needs in
/// addition to the main binary.
pub fn shell(pkg: &'static str, chunks: Vec<String>, theme: Theme) -> impl IntoView {
    let head = view! { <MetaTags/> }.into_any();
    let body = view! { <App live=Hydration::default()/> }.into_any();
    document(Document { pkg, name: "latchkey", imports: &["chunks.js"], chunks, script: String::new(), theme }, head, body)
}

macro_rules! redirected_routes {
    (entrance { $($entrance:tt)* }
    redirected { $($name:ident $path:tt, $label:literal;)* }
    $($lazy:tt)*) => {
        /// The routes of the pages that the server redirects.
        #[component(transparent)]
        fn RedirectedRoutes() -> AnyNestedRoute {
            StaticVec::from(vec![$(redirected_route(path!($path), $path),)*]).into_any_nested_route()
        }
    };
}

fn redirected_route(segments: impl PossibleRouteMatch + Clone + Send + 'static, path: &'static str) -> AnyNestedRoute {
    NestedRoute::new(segments, move || view! { <ServerRedirect path/> }).ssr_mode(SsrMode::Async).into_any_nested_route()
}

with_pages!(redirected_routes);

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
                <RedirectedRoutes/>
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
