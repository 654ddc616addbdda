//! Alerts and empty states.

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

/// The empty state of a page or list.
#[component]
pub fn EmptyState(
    glyph: Glyph,
    #[prop(into)] title: String,
    /// What to do.
    #[prop(into)]
    text: String,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty-state">
            <span class="empty-state-glyph"><Icon glyph/></span>
            <h2>{title}</h2>
            <p>{text}</p>
            {children.map(|children| children())}
        </div>
    }
}
