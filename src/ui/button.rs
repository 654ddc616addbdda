//! Buttons.

use leptos::{ev, prelude::*};

use super::{
    icon::{Glyph, Icon},
    live::is_live,
};

/// How much a button asks for attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weight {
    /// One among others.
    #[default]
    Plain,
    /// The one that moves things on.
    Primary,
    /// The one that can't be undone.
    Danger,
}

impl Weight {
    const fn class(self) -> &'static str {
        match self {
            Self::Plain => "button",
            Self::Primary => "button button-primary",
            Self::Danger => "button button-danger",
        }
    }
}

/// A button with words on it.
#[component]
pub fn Button(
    /// The words.
    #[prop(into)]
    label: Signal<String>,
    /// What a click does.
    #[prop(into)]
    on_click: Callback<()>,
    /// How much it asks for attention.
    #[prop(optional)]
    weight: Weight,
    /// Whether its work is under way: it then takes no further click.
    #[prop(optional, into)]
    pending: Signal<bool>,
    /// Whether there is nothing that it could do now.
    #[prop(optional, into)]
    disabled: Signal<bool>,
    /// Whether it has the focus when its dialog opens.
    #[prop(optional)]
    autofocus: bool,
) -> impl IntoView {
    view! {
        <button type="button" class=weight.class() autofocus=autofocus disabled=move || disabled.get() aria-busy=move || pending.get().then_some("true")
            on:click=move |_| if !pending.get_untracked() { on_click.run(()) }>
            {move || label.get()}
        </button>
    }
}

/// The button that sends the form it stands in. Off until the page is live: before that the browser would send the form itself.
#[component]
pub fn SubmitButton(
    /// The words.
    label: &'static str,
    /// Whether the form is on its way.
    #[prop(into)]
    pending: Signal<bool>,
    /// How much it asks for attention.
    #[prop(default = Weight::Primary)]
    weight: Weight,
) -> impl IntoView {
    let live = is_live();
    view! {
        <button type="submit" class=weight.class() disabled=move || !live.get() aria-busy=move || pending.get().then_some("true")>
            {label}
        </button>
    }
}

/// A button with a drawing on it and its words in its name.
#[component]
pub fn IconButton(
    /// The words, said to those who can't see the drawing and shown on hover.
    label: &'static str,
    /// The drawing.
    glyph: Glyph,
    /// What a click does.
    #[prop(into)]
    on_click: Callback<ev::MouseEvent>,
    /// Whether its work is under way.
    #[prop(optional, into)]
    pending: Signal<bool>,
    /// Whether there is nothing that it could do now.
    #[prop(optional, into)]
    disabled: Signal<bool>,
    /// Whether it warns, in its colour, of what it does.
    #[prop(optional)]
    danger: bool,
) -> impl IntoView {
    view! {
        <button type="button" class="icon-button" class:icon-button-danger=danger aria-label=label title=label
            disabled=move || disabled.get() aria-busy=move || pending.get().then_some("true") on:click=move |event| on_click.run(event)>
            <Icon glyph/>
        </button>
    }
}
