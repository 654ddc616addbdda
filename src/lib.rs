//! Latchkey: self-hosted API key management in a single binary.
//!
//! Dependencies point one way: page → api → rule → store, and rest → rule → store. Lower layers never import higher ones.
// Pages are deeply nested types.
#![recursion_limit = "256"]
#![expect(unreachable_pub, reason = "`#[component]` generates public items for components of any visibility")]

// rustdoc does not get these flags and does not need them.
#[cfg(not(any(erase_components, doc, doctest)))]
compile_error!("RUSTFLAGS overrides the flags in .cargo/config.toml: unset it, or add `--cfg erase_components` to it");

pub mod api;
#[cfg(feature = "app")]
pub mod app;
#[cfg(feature = "app")]
pub mod code_samples;
mod document;
pub mod entrance;
#[cfg(feature = "app")]
pub mod lazy_routes;
#[cfg(feature = "app")]
pub mod pages;
pub mod routes;

/// Hydrates the server-rendered page of the application.
#[cfg(feature = "hydrate")]
pub fn hydrate() {
    // cargo-leptos builds no binary of the pages for visitors.
    #[cfg(debug_assertions)]
    if routes::entrance_at(&latchkey_ui::browser::path()).is_some() {
        return entrance::hydrate();
    }
    latchkey_ui::navigation_guard::watch_history();
    latchkey_ui::click_guard::watch_clicks();
    wasm_bindgen_futures::spawn_local(async {
        // Hydration is synchronous: the build removes the code of the asynchronous one, see xtask/src/site/unused.rs. If the chunk cannot be loaded, the
        // page stays as rendered by the server; reloading it could repeat endlessly.
        if lazy_routes::load_chunk(&latchkey_ui::browser::path()).await.is_err() {
            return;
        }
        let live = latchkey_ui::hydration::Hydration::default();
        let app = app::AppProps { live: live.clone() };
        leptos::mount::hydrate_from(leptos::tachys::dom::body(), || app::App(app)).forget();
        live.begin();
    });
}
