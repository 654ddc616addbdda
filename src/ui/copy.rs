//! Copying.

use leptos::{html, prelude::*, task::spawn_local};

use super::{
    browser,
    icon::{Glyph, Icon},
};

/// What became of the last try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Copied,
    Refused,
}

/// A button named `Copy`, and beside it a word on how that went. Where the browser refuses, the text is marked for Ctrl+C.
#[component]
pub fn CopyButton(
    /// The text.
    #[prop(into)]
    text: Signal<String>,
    /// The element that shows the text.
    shown_in: NodeRef<html::Code>,
    /// Called once the text is on the clipboard.
    #[prop(optional, into)]
    on_copied: Option<Callback<()>>,
    /// Whether it is the one button that moves things on. It then has the focus when its dialog opens.
    #[prop(optional)]
    primary: bool,
) -> impl IntoView {
    let outcome = RwSignal::new(None);

    let copy = move |_| {
        spawn_local(async move {
            if browser::copy(&text.get_untracked()).await {
                outcome.set(Some(Outcome::Copied));
                if let Some(on_copied) = on_copied {
                    let _ = on_copied.try_run(());
                }
            } else {
                outcome.set(Some(Outcome::Refused));
                if let Some(element) = shown_in.get_untracked() {
                    browser::select_text_of(&element);
                }
            }
        });
    };

    let glyph = move || if outcome.get() == Some(Outcome::Copied) { Glyph::Check } else { Glyph::Copy };
    let said = move || match outcome.get() {
        Some(Outcome::Copied) => "Copied",
        Some(Outcome::Refused) => "The browser did not allow it. The text is selected: press Ctrl+C.",
        None => "",
    };
    view! {
        <span class="copy">
            <button type="button" class="button" class:button-primary=primary autofocus=primary on:click=copy>
                {move || view! { <Icon glyph=glyph()/> }}
                "Copy"
            </button>
            <span class="copy-outcome" role="status">{said}</span>
        </span>
    }
}
