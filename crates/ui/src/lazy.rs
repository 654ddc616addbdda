//! Dialogs whose code is a chunk of its own, which is loaded when they are needed.

use std::future::Future;

use futures_util::FutureExt;
use leptos::{prelude::*, task::spawn_local, wasm_split::SplitLoaderError};

use super::{browser, dialog::provide_opener};

/// A chunk could not be loaded: there is no network, or the server runs another version now.
#[derive(Debug)]
pub struct LoadError;

impl From<SplitLoaderError> for LoadError {
    fn from(_: SplitLoaderError) -> Self {
        Self
    }
}

/// Renders a dialog as soon as its code is loaded. On close, the focus returns to where it was when the dialog was requested. If the code cannot be
/// loaded, `on_failure` is called.
pub fn lazy_dialog<View>(
    load: impl Future<Output = Result<(), SplitLoaderError>> + 'static,
    // Ready at once when its code is loaded.
    view: impl Fn() -> View + Send + 'static,
    on_failure: impl FnOnce() + 'static,
) -> impl IntoView
where
    View: Future<Output = Result<AnyView, LoadError>>,
{
    provide_opener();
    let is_loaded = RwSignal::new(false);
    spawn_local(async move {
        let loaded = load.await;
        // The page may have been closed in the meantime.
        match loaded {
            Ok(()) => {
                let _ = is_loaded.try_set(true);
            }
            Err(_) if is_loaded.is_disposed() => {}
            Err(_) => on_failure(),
        }
    });
    move || is_loaded.get().then(|| view().now_or_never()?.ok()).flatten()
}

/// Loads the code of a view as soon as the user moves the mouse, touches the screen or presses a key, so that the view opens at once. A page
/// that is only read does not load it.
pub fn load_on_input<Load: Future + 'static>(load: impl Fn() -> Load + Copy + 'static) {
    Effect::new(move || {
        let is_requested = StoredValue::new(false);
        for event in ["pointerover", "pointerdown", "keydown"] {
            browser::capture(event, move |_| {
                if !is_requested.get_value() {
                    is_requested.set_value(true);
                    // An error is reported when the view is needed.
                    spawn_local(async move {
                        let _ = load().await;
                    });
                }
            });
        }
    });
}
