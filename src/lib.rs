//! Latchkey: self-hosted API key management in a single binary.
//!
//! Dependencies point one way: page → api → rule → store, and rest → rule → store. Lower layers never import higher ones.
// Pages are deeply nested types.
#![recursion_limit = "256"]

// rustdoc does not get these flags and does not need them.
#[cfg(not(any(erase_components, doc, doctest)))]
compile_error!("RUSTFLAGS overrides the flags in .cargo/config.toml: unset it, or add `--cfg erase_components` to it");

pub mod api;
pub mod app;
#[cfg(feature = "ssr")]
pub mod cli;
pub mod grid;
pub mod model;
pub mod pages;
pub mod parts;
#[cfg(feature = "ssr")]
pub mod server;
pub mod ui;

/// Hydrates the server-rendered page.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    ui::leave::watch_history();
    wasm_bindgen_futures::spawn_local(async {
        let live = ui::live::Live::default();
        let app = app::AppProps { live: live.clone() };
        // The chunk of the page may have to be loaded first, so hydration is asynchronous.
        leptos::mount::hydrate_from_async(leptos::tachys::dom::body(), || app::App(app)).await.forget();
        live.begin();
    });
}
