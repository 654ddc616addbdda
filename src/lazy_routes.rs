//! Lazily loaded routes. The WebAssembly binary is split into chunks that are loaded when one of their pages is opened, so that the
//! sign-in page does not load pages that may never be opened. Pages of one chunk share their code. One chunk per page would need another
//! file for each set of pages that share code, and there are many such sets.

use leptos::{
    prelude::*,
    wasm_split::{self, SplitLoaderError, wasm_split},
};
use leptos_router::{LazyRoute, hooks::use_location};

use crate::pages::{
    billing::BillingPage,
    keys::{KeysPage, tabs},
    profile::ProfilePage,
    projects::{ProjectsPage, about::AboutPage, issued::IssuedKeysPage, templates::TemplatesPage},
    reference::ReferencePage,
    settings::{
        audit::AuditPage, corpora::CorporaPage, members::MembersPage, organization::OrganizationPage, providers::ProvidersPage, roles::RolesPage,
    },
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
    ($($(#[$doc:meta])* $route:ident = $part:ident, $preload:ident, $paths:ident: {$($path:literal => $view:expr;)*})*) => {
        $(
            const $paths: &[&str] = &[$($path),*];

            #[wasm_split($part, wasm_split_path = wasm_split, preload($preload), fallible)]
            fn $part(page: usize) -> Result<AnyView, LoadError> {
                match $paths[page] {
                    $($path => Ok($view.into_any()),)*
                    _ => Err(LoadError),
                }
            }

            $(#[$doc])*
            pub struct $route<const PAGE: usize>;

            impl $route<0> {
                /// Index of a page in this chunk. An unknown path is a compile error.
                pub const fn page(path: &str) -> usize {
                    index_of(path, $paths)
                }
            }

            impl<const PAGE: usize> LazyRoute for $route<PAGE> {
                fn data() -> Self {
                    Self
                }

                async fn view(_: Self) -> AnyView {
                    let (location, live) = (use_location(), is_hydrated());
                    let address = location.pathname.get_untracked() + &location.search.get_untracked();
                    match $part(PAGE).await {
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
            [$((stringify!($part), $paths)),*].into_iter().find(|(_, paths)| paths.iter().any(|pattern| matches(path, pattern))).map(|(part, _)| part)
        }
    };
}

lazy_routes! {
    /// Lists of keys.
    KeysRoute = keys_part, preload_keys_part, KEYS: {
        "/keys/internal" => view! { <KeysPage tab=&tabs::INTERNAL/> };
        "/keys/external" => view! { <KeysPage tab=&tabs::EXTERNAL/> };
        "/keys/client" => view! { <KeysPage tab=&tabs::CLIENT/> };
        "/keys/corpus" => view! { <KeysPage tab=&tabs::CORPUS/> };
        "/keys/general" => view! { <KeysPage tab=&tabs::GENERAL/> };
        "/keys/agent" => view! { <KeysPage tab=&tabs::AGENT/> };
    }
    /// Projects.
    ProjectsRoute = projects_part, preload_projects_part, PROJECTS: {
        "/projects" => view! { <ProjectsPage/> };
        "/projects/:id" => view! { <AboutPage/> };
        "/projects/:id/keys" => view! { <TemplatesPage/> };
        "/projects/:id/keys/issued" => view! { <IssuedKeysPage/> };
    }
    /// Settings.
    SettingsRoute = settings_part, preload_settings_part, SETTINGS: {
        "/settings/providers" => view! { <ProvidersPage/> };
        "/settings/corpora" => view! { <CorporaPage/> };
        "/settings/members" => view! { <MembersPage/> };
        "/settings/roles" => view! { <RolesPage/> };
        "/settings/organization" => view! { <OrganizationPage/> };
        "/settings/audit" => view! { <AuditPage/> };
    }
    /// Profile and billing.
    AccountRoute = account_part, preload_account_part, ACCOUNT: {
        "/profile" => view! { <ProfilePage/> };
        "/billing" => view! { <BillingPage/> };
    }
    /// API reference.
    ReferenceRoute = reference_part, preload_reference_part, REFERENCE: {
        "/api-reference" => view! { <ReferencePage/> };
    }
}

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

/// Whether a path matches a pattern, in which `:id` stands for any single segment.
fn matches(path: &str, pattern: &str) -> bool {
    let mut segments = path.split('/');
    pattern.split('/').all(|expected| segments.next().is_some_and(|segment| segment == expected || expected.starts_with(':')))
        && segments.next().is_none()
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
        for (path, part) in [
            ("/keys/agent", Some("keys_part")),
            ("/projects", Some("projects_part")),
            ("/projects/prj_1", Some("projects_part")),
            ("/projects/prj_1/keys", Some("projects_part")),
            ("/projects/prj_1/other", None),
            ("/settings/roles", Some("settings_part")),
            ("/profile", Some("account_part")),
            ("/api-reference", Some("reference_part")),
            ("/sign-in", None),
            ("/", None),
        ] {
            assert_eq!(chunk_of(path), part, "{path}");
        }
        assert_eq!(SETTINGS[SettingsRoute::page("/settings/roles")], "/settings/roles");
    }
}
