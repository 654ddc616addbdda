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
pub mod app;
pub mod code_samples;
pub mod lazy_routes;
pub mod pages;
pub mod routes;

/// Hydrates the server-rendered page.
#[cfg(feature = "hydrate")]
pub fn hydrate() {
    latchkey_ui::navigation_guard::watch_history();
    latchkey_ui::click_guard::watch_clicks();
    wasm_bindgen_futures::spawn_local(async {
        let live = latchkey_ui::hydration::Hydration::default();
        let app = app::AppProps { live: live.clone() };
        // The chunk of the page may have to be loaded first, so hydration is asynchronous.
        leptos::mount::hydrate_from_async(leptos::tachys::dom::body(), || app::App(app)).await.forget();
        live.begin();
    });
}
