//! Alerts.

use leptos::prelude::*;

use super::{
    button::Button,
    icon::{Glyph, Icon},
};

/// An error message, announced immediately.
#[component]
pub fn Alert(
    /// A sentence.
    #[prop(into)]
    message: String,
) -> impl IntoView {
    view! {
        <div class="alert" role="alert">
            <Icon glyph=Glyph::Error/>
            <span>{message}</span>
        </div>
    }
}

/// An error message with a retry button.
#[component]
pub fn AlertWithRetry(
    /// A sentence.
    #[prop(into)]
    message: String,
    #[prop(into)] on_retry: Callback<()>,
    #[prop(optional, into)] pending: Signal<bool>,
) -> impl IntoView {
    view! {
        <div class="alert" role="alert">
            <Icon glyph=Glyph::Error/>
            <span>{message}</span>
            <Button label="Try again" on_click=on_retry pending/>
        </div>
    }
}
