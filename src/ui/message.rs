//! What a page says in place of, or above, its content.

use leptos::prelude::*;

use super::{
    button::Button,
    icon::{Glyph, Icon},
};

/// Something went wrong, said at once.
#[component]
pub fn Alert(
    /// What went wrong, as a sentence.
    #[prop(into)]
    message: String,
) -> impl IntoView {
    view! {
        <div class="alert" role="alert">
            <Icon glyph=Glyph::Trouble/>
            <span>{message}</span>
        </div>
    }
}

/// Something went wrong that may go right when tried again.
#[component]
pub fn AlertWithRetry(
    /// What went wrong, as a sentence.
    #[prop(into)]
    message: String,
    /// Tries again.
    #[prop(into)]
    on_retry: Callback<()>,
    /// Whether a try is under way.
    #[prop(optional, into)]
    pending: Signal<bool>,
) -> impl IntoView {
    view! {
        <div class="alert" role="alert">
            <Icon glyph=Glyph::Trouble/>
            <span>{message}</span>
            <Button label="Try again" on_click=on_retry pending/>
        </div>
    }
}

/// A page or a list with nothing in it, and what to do about it.
#[component]
pub fn Blank(
    /// A drawing above it.
    glyph: Glyph,
    /// What is (not) there.
    #[prop(into)]
    title: String,
    /// What that means, or what to do.
    #[prop(into)]
    text: String,
    /// A button or link that does it.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="blank">
            <span class="blank-glyph"><Icon glyph/></span>
            <h2>{title}</h2>
            <p>{text}</p>
            {children.map(|children| children())}
        </div>
    }
}
