//! Lazily loaded routes. The WebAssembly binary is split into chunks that are loaded when one of their pages is opened, so that the
//! sign-in page does not load pages that may never be opened. Pages of one chunk share their code. One chunk per page would need another
//! file for each set of pages that share code, and there are many such sets.

use std::{future::Future, pin::Pin};

use leptos::{
    prelude::*,
    tachys::view::iterators::StaticVec,
    wasm_split::{self, wasm_split},
};
use leptos_router::{
    ChooseView, NestedRoute, PossibleRouteMatch, SsrMode,
    any_nested_route::{AnyNestedRoute, IntoAnyNestedRoute},
    hooks::use_location,
    path,
};

use crate::{
    pages::{
        billing::BillingPage,
        keys::KeysPage,
        notifications::NotificationsPage,
        overview::OverviewPage,
        profile::ProfilePage,
        projects::{ProjectsPage, about::AboutPage, issued::IssuedKeysPage, samples::SamplesPage, templates::TemplatesPage},
        reference::ReferencePage,
        settings::{
            audit::AuditPage,
            calls::CallsPage,
            corpora::{CorporaPage, CorpusPage},
            instances::InstancesPage,
            members::MembersPage,
            organization::OrganizationPage,
            providers::ProvidersPage,
            roles::RolesPage,
            services::ServicesPage,
        },
    },
    routes::{KEY_AGENT, KEY_CLIENT, KEY_CORPUS, KEY_EXTERNAL, KEY_GENERAL, KEY_INTERNAL, matches, with_pages},
};
use latchkey_ui::{browser, hydration::is_hydrated, lazy::LoadError};

/// Loads and renders a page, by its index in the chunk.
type ViewOf = fn(usize) -> Pin<Box<dyn Future<Output = Result<AnyView, LoadError>>>>;

/// A page of a chunk. One type for all pages, because the router's code is generated for each type of view.
#[derive(Clone, Copy)]
struct LazyPage {
    view: ViewOf,
    preload: fn() -> Pin<Box<dyn Future<Output = ()>>>,
    index: usize,
}

impl ChooseView for LazyPage {
    async fn choose(self) -> AnyView {
        let (location, live) = (use_location(), is_hydrated());
        let address = location.pathname.get_untracked() + &location.search.get_untracked();
        match (self.view)(self.index).await {
            Ok(view) => view,
            // The signal is disposed of if the user has already left the page.
            Err(LoadError) => load_document(live.try_get_untracked().unwrap_or_default(), &address).await,
        }
    }

    async fn preload(&self) {
        (self.preload)().await;
    }
}

/// The route of a page.
fn route(path: impl PossibleRouteMatch + Clone + Send + 'static, page: LazyPage) -> AnyNestedRoute {
    NestedRoute::new(path, page).ssr_mode(SsrMode::Async).into_any_nested_route()
}

macro_rules! lazy_routes {
    (entrance { $($entrance:tt)* } redirected { $($redirected:tt)* } $($(#[$doc:meta])* $route:ident $chunk:ident $preload:ident {
        $($name:ident $path:tt, $label:expr, $access:expr => $view:block;)*
    })*) => {
        $(
            #[wasm_split($chunk, wasm_split_path = wasm_split, preload($preload), fallible)]
            fn $chunk(page: usize) -> Result<AnyView, LoadError> {
                let mut index = 0..;
                $(
                    if index.next() == Some(page) {
                        return Ok($view.into_any());
                    }
                )*
                Err(LoadError)
            }

            $(#[$doc])*
            pub struct $route;

            impl $route {
                const PATHS: &[&str] = &[$($path),*];

                /// A page of this chunk.
                fn page(path: &str) -> LazyPage {
                    LazyPage {
                        view: |page| Box::pin($chunk(page)),
                        // An error is reported by the view.
                        preload: || Box::pin(async {
                            let _ = $preload().await;
                        }),
                        index: Self::PATHS.iter().position(|known| *known == path).unwrap_or_default(),
                    }
                }
            }
        )*

        /// Name of the chunk that contains the page at this path.
        pub fn chunk_of(path: &str) -> Option<&'static str> {
            let chunks = [$((stringify!($chunk), $route::PATHS)),*];
            chunks.into_iter().find(|(_, paths)| paths.iter().any(|pattern| matches(path, pattern))).map(|(chunk, _)| chunk)
        }

        /// Loads the chunk of the page at this path, if it is in one.
        pub async fn load_chunk(path: &str) -> Result<(), LoadError> {
            // The router accepts a slash at the end.
            let path = path.trim_end_matches('/');
            $(
                if $route::PATHS.iter().any(|pattern| matches(path, pattern)) {
                    return Ok($preload().await?);
                }
            )*
            Ok(())
        }

        /// The routes of all pages that are loaded lazily.
        #[component(transparent)]
        pub fn LazyRoutes() -> AnyNestedRoute {
            StaticVec::from(vec![$($(route(path!($path), $route::page($path)),)*)*]).into_any_nested_route()
        }
    };
}

with_pages!(lazy_routes);

/// Reloads the page as a document, which loads the current version of the binary or shows the browser's error. A page that is not hydrated
/// stays as rendered by the server; reloading it could repeat endlessly.
async fn load_document(is_hydrated: bool, address: &str) -> AnyView {
    if is_hydrated {
        browser::go(address);
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_found_in_its_chunk() {
        for (path, chunk) in [
            ("/keys/agent", Some("keys_chunk")),
            ("/projects", Some("projects_chunk")),
            ("/projects/prj_1", Some("projects_chunk")),
            ("/projects/prj_1/samples", Some("projects_chunk")),
            ("/projects/prj_1/keys", Some("projects_chunk")),
            ("/projects/prj_1/other", None),
            ("/settings/roles", Some("settings_chunk")),
            ("/settings/corpora/7", Some("settings_chunk")),
            ("/overview", Some("account_chunk")),
            ("/profile", Some("account_chunk")),
            ("/api-reference", Some("reference_chunk")),
            ("/sign-in", None),
            ("/", None),
        ] {
            assert_eq!(chunk_of(path), chunk, "{path}");
        }
        assert_eq!(SettingsRoute::PATHS[SettingsRoute::page("/settings/roles").index], "/settings/roles");
    }
}
