//! A value that is text until somebody wants to change it, and then a field.

mod editor;

use leptos::{ev, html, prelude::*};

pub use editor::{Change, Editor, Outcome, Unsaved};

use self::editor::State;
use super::{
    browser,
    icon::{Glyph, Icon},
};

/// The value: text, or a field while it is changed, with a word on how saving went.
#[component]
pub fn InPlace(
    /// The editing.
    editor: Editor,
    /// What the value is called.
    label: &'static str,
    /// An id, one in the page.
    id: String,
    /// What stands there while there is no value.
    placeholder: &'static str,
    /// How the value is told as text, where that is more than the value.
    #[prop(optional, into)]
    told: Option<Callback<String, String>>,
    /// Whether it may have more lines than one; shift and Enter begins another.
    #[prop(optional)]
    lines: bool,
    /// What one should know before typing.
    #[prop(optional, into)]
    hint: Option<&'static str>,
) -> impl IntoView {
    if let Some(unsaved) = use_context::<Unsaved>() {
        unsaved.count(editor);
    }
    let is_field = Memo::new(move |_| editor.state.with(State::is_field));
    let said = move || match editor.state.get() {
        State::Saving => "Saving…",
        State::Saved => "Saved",
        _ => "",
    };
    view! {
        <div class="in-place" class:in-place-open=move || is_field.get()>
            {move || if is_field.get() {
                view! { <InPlaceField editor label id=id.clone() lines hint/> }.into_any()
            } else {
                view! { <InPlaceText editor label placeholder told/> }.into_any()
            }}
            <span class="in-place-said" class:in-place-fades=move || editor.state.with(|state| *state == State::Saved) role="status">{said}</span>
        </div>
    }
}

#[component]
fn InPlaceText(editor: Editor, label: &'static str, placeholder: &'static str, told: Option<Callback<String, String>>) -> impl IntoView {
    let button = NodeRef::<html::Button>::new();
    Effect::new(move || {
        let Some(button) = button.get() else { return };
        // What was made just now is opened before its text is seen.
        if editor.follows.get_untracked() && !editor.is_field() {
            editor.follows.set(false);
            // Who clicked elsewhere meanwhile stays there.
            if browser::focused().is_none() {
                browser::focus(&button);
            }
        }
    });
    let text = move || {
        let value = editor.value.get();
        told.map_or_else(|| value.clone(), |told| told.run(value.clone()))
    };
    let is_blank = move || text().is_empty();
    let shown = move || if is_blank() { placeholder.to_owned() } else { text() };
    view! {
        <button type="button" class="in-place-text" node_ref=button on:click=move |_| editor.open()>
            <span class="visually-hidden">{label} ": "</span>
            <span class="in-place-value" class:in-place-blank=is_blank>{shown}</span>
            <Icon glyph=Glyph::Edit/>
        </button>
    }
}

#[component]
fn InPlaceField(editor: Editor, label: &'static str, id: String, lines: bool, hint: Option<&'static str>) -> impl IntoView {
    Effect::new(move || {
        let Some(field) = editor.field.get() else { return };
        if editor.follows.get_untracked() {
            // It may not have its text yet, and what comes after would undo the selection.
            field.set_value(&editor.typed.get_untracked());
            browser::focus(&field);
            field.select();
        }
    });
    let on_keydown = move |event: ev::KeyboardEvent| {
        // An Enter that ends the writing of a character is not meant for us.
        if event.is_composing() {
            return;
        }
        match event.key().as_str() {
            "Enter" if lines && event.shift_key() => {}
            "Enter" => {
                event.prevent_default();
                editor.follows.set(true);
                editor.commit();
            }
            "Escape" if editor.state.with_untracked(|state| *state != State::Saving) => {
                event.prevent_default();
                event.stop_propagation();
                editor.put_back();
            }
            _ => {}
        }
    };
    let on_input = move |event: ev::Targeted<ev::Event, web_sys::HtmlTextAreaElement>| {
        let typed = event.target().value();
        editor.type_in(if lines { typed } else { typed.replace(['\r', '\n'], " ") });
    };
    let wrong = Memo::new(move |_| editor.wrong());
    let (hint_id, wrong_id) = (format!("{id}-hint"), format!("{id}-wrong"));
    let described_by = {
        let (hint_id, wrong_id) = (hint_id.clone(), wrong_id.clone());
        move || if wrong.get().is_some() { Some(wrong_id.clone()) } else { hint.map(|_| hint_id.clone()) }
    };
    let is_saving = move || editor.state.with(|state| *state == State::Saving);
    view! {
        <textarea class="in-place-field" id=id rows=if lines { "3" } else { "1" } aria-label=label spellcheck="false" autocomplete="off"
            autocapitalize="none" enterkeyhint="done" node_ref=editor.field prop:value=move || editor.typed.get() prop:readOnly=is_saving
            aria-invalid=move || wrong.get().map(|_| "true") aria-describedby=described_by
            on:keydown=on_keydown on:input:target=on_input on:blur=move |_| editor.leave()></textarea>
        {hint.map(|hint| view! { <p class="field-hint" id=hint_id hidden=move || wrong.get().is_some()>{hint}</p> })}
        <p class="field-wrong" id=wrong_id role="alert">{move || wrong.get()}</p>
    }
}
