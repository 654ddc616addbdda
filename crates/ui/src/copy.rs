//! A button that copies text to the clipboard.

use leptos::{html, prelude::*, task::spawn_local};

use super::{
    browser,
    icon::{Glyph, Icon},
};

/// The result of the last attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CopyResult {
    Copied,
    Denied,
}

/// A button named `Copy` with a status text. If the browser denies access to the clipboard, the text is selected for Ctrl+C.
#[component]
pub fn CopyButton(
    #[prop(into)] text: Signal<String>,
    /// The element that shows the text, for the selection.
    shown_in: NodeRef<html::Code>,
    /// Called when the text is on the clipboard.
    #[prop(optional, into)]
    on_copied: Option<Callback<()>>,
    /// Whether it is the main action of its view.
    #[prop(optional, into)]
    primary: Signal<bool>,
    /// Whether it is focused when its dialog opens.
    #[prop(optional)]
    autofocus: bool,
    /// Whether it shows its icon only.
    #[prop(optional)]
    compact: bool,
) -> impl IntoView {
    let result = RwSignal::new(None);

    let copy = move |_| {
        spawn_local(async move {
            if browser::copy(&text.get_untracked()).await {
                let _ = result.try_set(Some(CopyResult::Copied));
                if let Some(on_copied) = on_copied {
                    let _ = on_copied.try_run(());
                }
            } else {
                let _ = result.try_set(Some(CopyResult::Denied));
                if let Some(element) = shown_in.try_get_untracked().flatten() {
                    browser::select_text(&element);
                }
            }
        });
    };

    let glyph = move || if result.get() == Some(CopyResult::Copied) { Glyph::Check } else { Glyph::Copy };
    let status = move || match result.get() {
        Some(CopyResult::Copied) => "Copied",
        Some(CopyResult::Denied) => "Your browser blocked copying. The text is selected: press Ctrl+C.",
        None => "",
    };
    // The tick is enough. Only a failure has to be explained.
    let is_hidden = move || compact && result.get() != Some(CopyResult::Denied);
    view! {
        <span class="copy">
            <button type="button" class=if compact { "icon-button" } else { "button" } class:button-primary=move || primary.get()
                aria-label=compact.then_some("Copy") title=compact.then_some("Copy") autofocus=autofocus on:click=copy>
                {move || view! { <Icon glyph=glyph()/> }}
                {(!compact).then_some("Copy")}
            </button>
            <span class="copy-status" class:visually-hidden=is_hidden role="status">{status}</span>
        </span>
    }
}
