//! A drop-down that saves each choice.

use leptos::{prelude::*, task::spawn_local};

use super::{Change, SaveFuture};
use crate::{
    icon::{Glyph, Icon},
    select::{Choice, option_views},
};

/// A drop-down that looks like the values beside it. A choice that is made while another one is saved is saved next.
#[component]
pub fn InlineSelect(
    /// Accessible name.
    label: &'static str,
    /// Unique id.
    #[prop(into)]
    id: String,
    /// The offered values, among them the stored one.
    #[prop(into)]
    options: Signal<Vec<Choice>>,
    /// The stored value.
    #[prop(into)]
    value: Signal<String>,
    /// Saves a choice.
    save: Callback<Change, SaveFuture>,
    /// Shown below, such as a warning about the stored value.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let stored = Memo::new(move |_| value.get());
    // The value of the drop-down, which returns to the stored one when saving fails.
    let chosen = RwSignal::new(stored.get_untracked());
    let saving = RwSignal::new(false);
    let last_error = RwSignal::new(None::<String>);
    Effect::new(move || {
        let now = stored.get();
        if !saving.get_untracked() {
            chosen.set(now);
        }
    });
    let label_of = move |value: &str| {
        let label = options.with_untracked(|options| options.iter().find(|(each, _)| each == value).map(|(_, label)| label.clone()));
        label.unwrap_or_else(|| value.to_owned())
    };
    // Arrow keys in a closed drop-down select each option in turn: the loop saves the last selection.
    let save_chosen = move || {
        saving.set(true);
        last_error.set(None);
        spawn_local(async move {
            while let (Some(before), Some(after)) = (stored.try_get_untracked(), chosen.try_get_untracked()) {
                if before == after {
                    break;
                }
                // Looked up before saving: the page may be gone afterwards.
                let name = label_of(&after);
                let Some(outcome) = save.try_run(Change { before, after }) else { break };
                if let Err(error) = outcome.await {
                    let _ = last_error.try_set(Some(format!("Couldn’t save “{name}”. {error}")));
                    if let Some(now) = stored.try_get_untracked() {
                        let _ = chosen.try_set(now);
                    }
                    break;
                }
            }
            let _ = saving.try_set(false);
        });
    };
    let on_change = move |value: String| {
        chosen.set(value);
        if !saving.get_untracked() {
            save_chosen();
        }
    };
    let wrong_id = format!("{id}-wrong");
    view! {
        <div class="inline-edit inline-select">
            <div class="select">
                <select id=id aria-label=label prop:value=move || chosen.get() aria-invalid=move || last_error.get().map(|_| "true")
                    aria-describedby=wrong_id.clone() on:change:target=move |event| on_change(event.target().value())>
                    {move || option_views(options.get(), chosen.get_untracked())}
                </select>
                <Icon glyph=Glyph::Down/>
            </div>
            <span class="inline-edit-status" class:inline-edit-saving=move || saving.get() role="status">
                <span class="visually-hidden">{move || if saving.get() { "Saving…" } else { "" }}</span>
            </span>
            <p class="field-error" id=wrong_id role="alert">{move || last_error.get()}</p>
            {children.map(|children| children())}
        </div>
    }
}
