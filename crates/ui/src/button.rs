//! Buttons.

use leptos::{ev, prelude::*};

use super::{
    grid::row_scope,
    hydration::is_hydrated,
    icon::{Glyph, Icon},
};

/// The visual weight of a button.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ButtonVariant {
    /// A secondary action.
    #[default]
    Secondary,
    /// The main action of a view.
    Primary,
    /// An action that cannot be undone.
    Danger,
}

impl ButtonVariant {
    const fn class(self) -> &'static str {
        match self {
            Self::Secondary => "button",
            Self::Primary => "button button-primary",
            Self::Danger => "button button-danger",
        }
    }
}

/// A button with a text label.
#[component]
pub fn Button(
    #[prop(into)] label: Signal<String>,
    #[prop(into)] on_click: Callback<()>,
    #[prop(optional)] variant: ButtonVariant,
    /// Whether its action is running. Clicks are then ignored.
    #[prop(optional, into)]
    pending: Signal<bool>,
    #[prop(optional, into)] disabled: Signal<bool>,
    /// Whether it is focused when its dialog opens.
    #[prop(optional)]
    autofocus: bool,
) -> impl IntoView {
    view! {
        <button type="button" class=variant.class() autofocus=autofocus disabled=move || disabled.get() aria-busy=move || pending.get().then_some("true")
            on:click=move |_| if !pending.get_untracked() { on_click.run(()) }>
            {move || label.get()}
        </button>
    }
}

/// The submit button of a form. Disabled until the page is hydrated, because the browser would submit the form natively.
#[component]
pub fn SubmitButton(
    #[prop(into)] label: Signal<String>,
    #[prop(into)] pending: Signal<bool>,
    #[prop(default = ButtonVariant::Primary)] variant: ButtonVariant,
    #[prop(optional, into)] disabled: Signal<bool>,
    /// Whether the form can't be sent for a while. The button keeps the focus.
    #[prop(optional, into)]
    waiting: Signal<bool>,
) -> impl IntoView {
    let hydrated = is_hydrated();
    view! {
        <button type="submit" class=variant.class() disabled=move || !hydrated.get() || disabled.get() aria-busy=move || pending.get().then_some("true")
            aria-disabled=move || waiting.get().then_some("true")>
            {move || label.get()}
        </button>
    }
}

/// A button that shows an icon only. In a grid, the name of its row describes it.
#[component]
pub fn IconButton(
    /// Accessible name and tooltip.
    label: &'static str,
    glyph: Glyph,
    #[prop(into)] on_click: Callback<ev::MouseEvent>,
    /// Whether its action is running. Clicks are then ignored.
    #[prop(optional, into)]
    pending: Signal<bool>,
    #[prop(optional, into)] disabled: Signal<bool>,
    /// Whether it has the danger color.
    #[prop(optional)]
    danger: bool,
    /// The key that does the same, for the tooltip.
    #[prop(optional)]
    shortcut: Option<&'static str>,
) -> impl IntoView {
    let title = shortcut.map_or_else(|| label.to_owned(), |key| format!("{label} ({key})"));
    view! {
        <button type="button" class="icon-button" class:icon-button-danger=danger aria-label=label title=title
            aria-describedby=row_scope::described_by() tabindex=row_scope::tab_index()
            disabled=move || disabled.get() aria-busy=move || pending.get().then_some("true")
            on:click=move |event| if !pending.get_untracked() { on_click.run(event) }>
            <Icon glyph/>
        </button>
    }
}
