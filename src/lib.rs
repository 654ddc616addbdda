//! Latchkey: a desk for API keys that a team runs itself.
//!
//! One way in: page → api → rule → store, and rest → rule → store. Nothing looks back up.
// A page is one deeply nested type.
#![recursion_limit = "256"]

// rustdoc is not given those flags, and needs none.
#[cfg(not(any(erase_components, doc, doctest)))]
compile_error!("RUSTFLAGS has taken the place of the flags in .cargo/config.toml: unset it, or add `--cfg erase_components` to it");

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

/// Takes over the page that the server sent.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    ui::leave::watch_history();
    wasm_bindgen_futures::spawn_local(async {
        let live = ui::live::Live::default();
        let app = app::AppProps { live: live.clone() };
        // A page may have to be loaded first, so it is taken over in its own time.
        leptos::mount::hydrate_from_async(leptos::tachys::dom::body(), || app::App(app)).await.forget();
        live.begin();
    });
}
