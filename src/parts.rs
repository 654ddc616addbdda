//! The parts of the program that are loaded when one of their pages is opened. Each is a file of its own beside the program, so that
//! whoever signs in does not wait for pages that they may never see. Pages of one part share their code; a part for each page would
//! make a file for each set of pages that share something, and there are many such sets.

use leptos::{
    prelude::*,
    wasm_split::{self, SplitLoaderError, wasm_split},
};
use leptos_router::{LazyRoute, hooks::use_location};

use crate::{
    pages::{
        billing::BillingPage,
        keys::{KeysPage, tabs},
        profile::ProfilePage,
        projects::{ProjectsPage, about::AboutPage, issued::IssuedKeysPage, keys::TemplatesPage},
        reference::ReferencePage,
        settings::{
            audit::AuditPage, corpora::CorporaPage, members::MembersPage, organization::OrganizationPage, providers::ProvidersPage, roles::RolesPage,
        },
    },
    ui::{browser, live::is_live},
};

/// A part could not be loaded: there is no network, or the server has another version by now.
struct NotLoaded;

impl From<SplitLoaderError> for NotLoaded {
    fn from(_: SplitLoaderError) -> Self {
        Self
    }
}

macro_rules! parts {
    ($($(#[$doc:meta])* $route:ident = $part:ident, $preload:ident, $paths:ident: {$($path:literal => $view:expr;)*})*) => {
        $(
            const $paths: &[&str] = &[$($path),*];

            #[wasm_split($part, wasm_split_path = wasm_split, preload($preload), fallible)]
            fn $part(page: usize) -> Result<AnyView, NotLoaded> {
                match $paths[page] {
                    $($path => Ok($view.into_any()),)*
                    _ => Err(NotLoaded),
                }
            }

            $(#[$doc])*
            pub struct $route<const PAGE: usize>;

            impl $route<0> {
                /// The place of a page among those of this part. A path that is none of theirs does not compile.
                pub const fn page(path: &str) -> usize {
                    place_of(path, $paths)
                }
            }

            impl<const PAGE: usize> LazyRoute for $route<PAGE> {
                fn data() -> Self {
                    Self
                }

                async fn view(_: Self) -> AnyView {
                    let (location, live) = (use_location(), is_live());
                    let address = location.pathname.get_untracked() + &location.search.get_untracked();
                    match $part(PAGE).await {
                        Ok(view) => view,
                        // Who went elsewhere meanwhile took the signal along.
                        Err(NotLoaded) => instead(live.try_get_untracked().unwrap_or_default(), &address).await,
                    }
                }

                async fn preload() {
                    // Where it fails, the view will say so.
                    let _ = $preload().await;
                }
            }
        )*

        /// The part in which the page at this path is.
        pub fn part_of(path: &str) -> Option<&'static str> {
            [$((stringify!($part), $paths)),*].into_iter().find(|(_, paths)| paths.iter().any(|pattern| fits(path, pattern))).map(|(part, _)| part)
        }
    };
}

parts! {
    /// The lists of keys.
    KeysRoute = keys_part, preload_keys_part, KEYS: {
        "/keys/internal" => view! { <KeysPage tab=&tabs::INTERNAL/> };
        "/keys/external" => view! { <KeysPage tab=&tabs::EXTERNAL/> };
        "/keys/client" => view! { <KeysPage tab=&tabs::CLIENT/> };
        "/keys/corpus" => view! { <KeysPage tab=&tabs::CORPUS/> };
        "/keys/general" => view! { <KeysPage tab=&tabs::GENERAL/> };
        "/keys/agent" => view! { <KeysPage tab=&tabs::AGENT/> };
    }
    /// Projects, and what belongs to one.
    ProjectsRoute = projects_part, preload_projects_part, PROJECTS: {
        "/projects" => view! { <ProjectsPage/> };
        "/projects/:id" => view! { <AboutPage/> };
        "/projects/:id/keys" => view! { <TemplatesPage/> };
        "/projects/:id/keys/issued" => view! { <IssuedKeysPage/> };
    }
    /// The settings.
    SettingsRoute = settings_part, preload_settings_part, SETTINGS: {
        "/settings/providers" => view! { <ProvidersPage/> };
        "/settings/corpora" => view! { <CorporaPage/> };
        "/settings/members" => view! { <MembersPage/> };
        "/settings/roles" => view! { <RolesPage/> };
        "/settings/organization" => view! { <OrganizationPage/> };
        "/settings/audit" => view! { <AuditPage/> };
    }
    /// The profile, and billing.
    AccountRoute = account_part, preload_account_part, ACCOUNT: {
        "/profile" => view! { <ProfilePage/> };
        "/billing" => view! { <BillingPage/> };
    }
    /// The reference of the API.
    ReferenceRoute = reference_part, preload_reference_part, REFERENCE: {
        "/api-reference" => view! { <ReferencePage/> };
    }
}

const fn place_of(path: &str, paths: &[&str]) -> usize {
    let mut place = 0;
    while place < paths.len() {
        if is_same(path.as_bytes(), paths[place].as_bytes()) {
            return place;
        }
        place += 1;
    }
    panic!("no page of this part is at this path")
}

const fn is_same(left: &[u8], right: &[u8]) -> bool {
    let mut at = 0;
    while at < left.len() && at < right.len() && left[at] == right[at] {
        at += 1;
    }
    at == left.len() && at == right.len()
}

/// Whether a path is one of a pattern's, in which `:id` is any one segment.
fn fits(path: &str, pattern: &str) -> bool {
    let mut segments = path.split('/');
    pattern.split('/').all(|wanted| segments.next().is_some_and(|is| is == wanted || wanted.starts_with(':'))) && segments.next().is_none()
}

/// Asks for the page as a document instead: that brings the program anew, or the browser says what is wrong. A page that never came to
/// life stays as the server sent it, or it would be asked for again and again.
async fn instead(is_live: bool, address: &str) -> AnyView {
    if is_live {
        browser::go(address);
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_found_in_its_part() {
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
            assert_eq!(part_of(path), part, "{path}");
        }
        assert_eq!(SETTINGS[SettingsRoute::page("/settings/roles")], "/settings/roles");
    }
}
