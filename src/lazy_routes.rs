//! Lazily loaded routes. The WebAssembly binary is split into chunks that are loaded when one of their pages is opened, so that the
//! sign-in page does not load pages that may never be opened. Pages of one chunk share their code. One chunk per page would need another
//! file for each set of pages that share code, and there are many such sets.

use leptos::{
    prelude::*,
    wasm_split::{self, SplitLoaderError, wasm_split},
};
use leptos_router::{
    Lazy, LazyRoute, SsrMode,
    any_nested_route::{AnyNestedRoute, IntoAnyNestedRoute},
    components::{Route, RouteProps},
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
use latchkey_ui::{browser, hydration::is_hydrated};

/// A chunk could not be loaded: there is no network, or the server runs another version now.
struct LoadError;

impl From<SplitLoaderError> for LoadError {
    fn from(_: SplitLoaderError) -> Self {
        Self
    }
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
            pub struct $route<const PAGE: usize>;

            impl $route<0> {
                const PATHS: &[&str] = &[$($path),*];

                /// Index of a page in this chunk.
                const fn page(path: &str) -> usize {
                    index_of(path, Self::PATHS)
                }
            }

            impl<const PAGE: usize> LazyRoute for $route<PAGE> {
                fn data() -> Self {
                    Self
                }

                async fn view(_: Self) -> AnyView {
                    let (location, live) = (use_location(), is_hydrated());
                    let address = location.pathname.get_untracked() + &location.search.get_untracked();
                    match $chunk(PAGE).await {
                        Ok(view) => view,
                        // The signal is disposed of if the user has already left the page.
                        Err(LoadError) => load_document(live.try_get_untracked().unwrap_or_default(), &address).await,
                    }
                }

                async fn preload() {
                    // An error is reported by the view.
                    let _ = $preload().await;
                }
            }
        )*

        /// Name of the chunk that contains the page at this path.
        pub fn chunk_of(path: &str) -> Option<&'static str> {
            let chunks = [$((stringify!($chunk), $route::PATHS)),*];
            chunks.into_iter().find(|(_, paths)| paths.iter().any(|pattern| matches(path, pattern))).map(|(chunk, _)| chunk)
        }

        /// The routes of all pages that are loaded lazily.
        #[component(transparent)]
        pub fn LazyRoutes() -> AnyNestedRoute {
            ($(($(
                Route(RouteProps { path: path!($path), view: Lazy::<$route<{ $route::page($path) }>>::new(), ssr: SsrMode::Async }),
            )*),)*)
            .into_any_nested_route()
        }
    };
}

with_pages!(lazy_routes);

const fn index_of(path: &str, paths: &[&str]) -> usize {
    let mut index = 0;
    while index < paths.len() {
        if is_same(path.as_bytes(), paths[index].as_bytes()) {
            return index;
        }
        index += 1;
    }
    panic!("no page of this chunk has this path")
}

const fn is_same(left: &[u8], right: &[u8]) -> bool {
    let mut index = 0;
    while index < left.len() && index < right.len() && left[index] == right[index] {
        index += 1;
    }
    index == left.len() && index == right.len()
}

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
        assert_eq!(SettingsRoute::PATHS[SettingsRoute::page("/settings/roles")], "/settings/roles");
    }
}
