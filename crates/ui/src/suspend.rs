//! Views of data that is being loaded.

use std::future::IntoFuture;

use leptos::prelude::*;

use latchkey_types::error::Error;

/// Waits for `load`, then renders the data with `show` or the error with `show_error`. Use it inside a `Suspense` or `Transition`.
///
/// Create resources outside of the `Suspense`, because the server may run its children more than once. If a resource can change, call this in
/// a closure, so that it runs again.
pub fn suspend<T, Load, V, ErrorV>(
    load: Load,
    show: impl FnOnce(T) -> V + Send + 'static,
    show_error: impl FnOnce(Error) -> ErrorV + Send + 'static,
) -> Suspend<AnyView>
where
    Load: IntoFuture<Output = Result<T, Error>> + Send + 'static,
    Load::IntoFuture: Send,
    T: Send,
    V: IntoView + 'static,
    ErrorV: IntoView + 'static,
{
    Suspend::new(async move {
        match load.await {
            Ok(data) => show(data).into_any(),
            Err(error) => show_error(error).into_any(),
        }
    })
}
