//! The wasm entry point of the pages for visitors without a session.
#![cfg(target_arch = "wasm32")]

/// Hydrates the server-rendered page.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    latchkey::entrance::hydrate();
}
