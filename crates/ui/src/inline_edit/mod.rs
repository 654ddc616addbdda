//! Inline editing: a value is shown as text and becomes a field on click.

mod editor;
pub mod select;

use leptos::{ev, html, prelude::*};

pub use editor::{Change, InlineEditor, SaveFuture, UnsavedEdits};

use super::{
    browser,
    icon::{Glyph, Icon},
};
use editor::State;

/// The value as text, or as a field while it is edited, with the save status.
#[component]
pub fn InlineEdit(
    editor: InlineEditor,
    /// Accessible name of the value.
    label: &'static str,
    /// Unique id.
    #[prop(into)]
    id: String,
    /// Shown while the value is empty.
    placeholder: &'static str,
    /// Formats the value for display.
    #[prop(optional, into)]
    format: Option<Callback<String, String>>,
    /// Whether it can have several lines; Shift+Enter inserts a line break.
    #[prop(optional)]
    multiline: bool,
    #[prop(optional, into)] hint: Option<&'static str>,
) -> impl IntoView {
    if let Some(unsaved) = use_context::<UnsavedEdits>() {
        unsaved.count(editor);
    }
    let is_field = Memo::new(move |_| editor.state.with(State::is_field));
    view! {
        <div class="inline-edit">
            {move || if is_field.get() {
                view! { <InlineEditField editor label id=id.clone() multiline hint/> }.into_any()
            } else {
                view! { <InlineEditText editor label placeholder format/> }.into_any()
            }}
            <InlineEditStatus editor/>
        </div>
    }
}

/// A spinner or a tick in the place of the pencil, so that it covers no text.
#[component]
fn InlineEditStatus(editor: InlineEditor) -> impl IntoView {
    let is_saved = move || editor.state.with(|state| *state == State::Saved);
    let is_saving = move || editor.state.with(|state| *state == State::Saving);
    let text = move || match editor.state.get() {
        State::Saving => "Saving…",
        State::Saved => "Saved",
        _ => "",
    };
    view! {
        <span class="inline-edit-status" class:inline-edit-saving=is_saving class:inline-edit-saved=is_saved role="status">
            <span class="visually-hidden">{text}</span>
            {move || is_saved().then(|| view! { <Icon glyph=Glyph::Check/> })}
        </span>
    }
}

#[component]
fn InlineEditText(editor: InlineEditor, label: &'static str, placeholder: &'static str, format: Option<Callback<String, String>>) -> impl IntoView {
    let button = NodeRef::<html::Button>::new();
    Effect::new(move || {
        let Some(button) = button.get() else { return };
        // A new value may be opened for editing before its text is rendered.
        if editor.moves_focus.get_untracked() && !editor.is_field() {
            editor.moves_focus.set(false);
            // Keep the focus if the user has moved it in the meantime.
            if browser::focused().is_none() {
                browser::focus(&button);
            }
        }
    });
    let text = move || {
        let value = editor.value.get();
        format.map_or_else(|| value.clone(), |format| format.run(value.clone()))
    };
    let is_empty = move || text().is_empty();
    let display = move || if is_empty() { placeholder.to_owned() } else { text() };
    view! {
        <button type="button" class="inline-edit-button" node_ref=button on:click=move |_| editor.open()>
            <span class="visually-hidden">{label} ": "</span>
            <span class="inline-edit-value" class:inline-edit-empty=is_empty>{display}</span>
            <Icon glyph=Glyph::Edit/>
        </button>
    }
}

#[component]
fn InlineEditField(editor: InlineEditor, label: &'static str, id: String, multiline: bool, hint: Option<&'static str>) -> impl IntoView {
    Effect::new(move || {
        let Some(field) = editor.field.get() else { return };
        if editor.moves_focus.get_untracked() {
            // The property binding may not have run yet, and would reset the selection.
            field.set_value(&editor.typed.get_untracked());
            browser::focus(&field);
            field.select();
        }
    });
    let on_keydown = move |event: ev::KeyboardEvent| {
        // Ignore an Enter that ends an IME composition.
        if event.is_composing() {
            return;
        }
        match event.key().as_str() {
            "Enter" if multiline && event.shift_key() => {}
            "Enter" => {
                event.prevent_default();
                editor.moves_focus.set(true);
                editor.commit();
            }
            "Escape" if editor.state.with_untracked(|state| *state != State::Saving) => {
                event.prevent_default();
                event.stop_propagation();
                editor.cancel();
            }
            _ => {}
        }
    };
    let on_input = move |event: ev::Targeted<ev::Event, web_sys::HtmlTextAreaElement>| {
        let typed = event.target().value();
        editor.set_input(if multiline { typed } else { typed.replace(['\r', '\n'], " ") });
    };
    let error = Memo::new(move |_| editor.error());
    let (hint_id, error_id) = (format!("{id}-hint"), format!("{id}-wrong"));
    let described_by = {
        let (hint_id, error_id) = (hint_id.clone(), error_id.clone());
        move || if error.get().is_some() { Some(error_id.clone()) } else { hint.map(|_| hint_id.clone()) }
    };
    let is_saving = move || editor.state.with(|state| *state == State::Saving);
    view! {
        <textarea class="inline-edit-input" id=id rows=if multiline { "3" } else { "1" } aria-label=label spellcheck="false" autocomplete="off"
            autocapitalize="none" enterkeyhint="done" node_ref=editor.field prop:value=move || editor.typed.get() prop:readOnly=is_saving
            aria-invalid=move || error.get().map(|_| "true") aria-describedby=described_by
            on:keydown=on_keydown on:input:target=on_input on:blur=move |_| editor.leave()></textarea>
        {hint.map(|hint| view! { <p class="field-hint" id=hint_id hidden=move || error.get().is_some()>{hint}</p> })}
        <p class="field-error" id=error_id role="alert">{move || error.get()}</p>
    }
}
