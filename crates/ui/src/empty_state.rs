//! Empty states.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};

/// What a page or list shows while it has nothing to show: a card that says what to do.
#[component]
pub fn EmptyState(
    glyph: Glyph,
    #[prop(into)] title: String,
    /// What to do.
    #[prop(into)]
    text: String,
    /// What the missing things are good for, beside the text. The card is wider with it.
    #[prop(default = None)]
    sample: Option<AnyView>,
    /// Actions.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty-state">
            <div class="empty-state-text">
                <span class="empty-state-glyph"><Icon glyph/></span>
                <h2>{title}</h2>
                <p>{text}</p>
                {children.map(|children| view! { <div class="empty-state-actions">{children()}</div> })}
            </div>
            {sample.map(|sample| view! { <div class="empty-state-sample">{sample}</div> })}
        </div>
    }
}
