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
        settings::{self, audit::AuditPage, corpora::CorporaPage, members::MembersPage, providers::ProvidersPage, roles::RolesPage},
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
    ($($(#[$doc:meta])* $route:ident = $part:ident, $preload:ident, $paths:expr, |$page:ident| $view:expr;)*) => {
        $(
            #[wasm_split($part, wasm_split_path = wasm_split, preload($preload), fallible)]
            fn $part($page: usize) -> Result<AnyView, NotLoaded> {
                Ok($view)
            }

            $(#[$doc])*
            pub struct $route<const PAGE: usize>;

            impl<const PAGE: usize> LazyRoute for $route<PAGE> {
                fn data() -> Self {
                    Self
                }

                async fn view(_: Self) -> AnyView {
                    let (location, live) = (use_location(), is_live());
                    let address = location.pathname.get_untracked() + &location.search.get_untracked();
                    match $part(PAGE).await {
                        Ok(view) => view,
                        Err(NotLoaded) => instead(live.get_untracked(), &address).await,
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
            [$((stringify!($part), &$paths[..])),*].into_iter().find(|(_, paths)| paths.iter().any(|begin| path.starts_with(begin))).map(|(part, _)| part)
        }
    };
}

parts! {
    /// A list of keys, by its place among the tabs.
    KeysRoute = keys_part, preload_keys_part, ["/keys/"], |page| view! { <KeysPage tab=tabs::ALL[page]/> }.into_any();
    /// A page of the settings, by its place among them.
    SettingsRoute = settings_part, preload_settings_part, ["/settings/"], |page| match settings::ALL[page].path {
        "/settings/providers" => view! { <ProvidersPage/> }.into_any(),
        "/settings/corpora" => view! { <CorporaPage/> }.into_any(),
        "/settings/members" => view! { <MembersPage/> }.into_any(),
        "/settings/roles" => view! { <RolesPage/> }.into_any(),
        _ => view! { <AuditPage/> }.into_any(),
    };
    /// The profile, or billing.
    AccountRoute = account_part, preload_account_part, ["/profile", "/billing"], |page| match page {
        0 => view! { <ProfilePage/> }.into_any(),
        _ => view! { <BillingPage/> }.into_any(),
    };
}

/// Asks for the page as a document instead: that brings the program anew, or the browser says what is wrong. A page that never came to
/// life stays as the server sent it, or it would be asked for again and again.
async fn instead(is_live: bool, address: &str) -> AnyView {
    if is_live {
        browser::go(address);
    }
    std::future::pending().await
}
