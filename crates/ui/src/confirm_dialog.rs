//! A dialog that confirms an action before something is lost.

use leptos::prelude::*;

use super::{
    button::{Button, ButtonVariant, SubmitButton},
    dialog::{Dialog, DialogRole},
    form::{Form, FormView},
    icon::{Glyph, Icon},
    number::format_count,
};

/// The objects that are listed by name; the others are only counted.
const OBJECTS_SHOWN: usize = 5;

/// Something that the action affects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfirmObject {
    pub name: String,
    /// What distinguishes it from others of this name, such as its mask and last use. May be empty.
    pub facts: String,
}

impl ConfirmObject {
    /// An object without facts, alone in its dialog.
    pub fn only(name: String) -> Vec<Self> {
        vec![Self { name, facts: String::new() }]
    }
}

/// Names what the action affects and what happens then, above `Cancel`, which is focused, and a danger button.
#[component]
pub fn ConfirmDialog(
    /// A question.
    #[prop(into)]
    title: String,
    /// The affected objects, or the first ones of many.
    #[prop(optional)]
    objects: Vec<ConfirmObject>,
    /// The number of affected objects, if `objects` does not contain all of them.
    #[prop(optional)]
    total: usize,
    /// The consequence.
    #[prop(into)]
    effect: String,
    /// A warning, such as that the object is in use. It may come later than the dialog.
    #[prop(optional, into)]
    caution: Signal<Option<String>>,
    /// Must be typed to enable the danger button.
    #[prop(optional_no_strip)]
    confirm_text: Option<String>,
    /// Label of the danger button.
    verb: &'static str,
    /// Sends the request, shows its error, and contains the fields of the children.
    form: Form,
    /// Sends the form.
    #[prop(into)]
    on_confirm: Callback<()>,
    #[prop(into)] on_dismiss: Callback<()>,
    /// Further fields, and the errors that belong to none.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let is_confirmed = {
        let required = confirm_text.clone();
        Signal::derive(move || required.as_ref().is_none_or(|required| typed.with(|typed| typed.trim() == required.trim())))
    };
    let submit = move |()| {
        if is_confirmed.get_untracked() {
            on_confirm.run(());
        }
    };
    view! {
        <Dialog title role=DialogRole::Alert on_dismiss busy=form.pending()>
            <FormView form on_submit=submit>
                <div class="dialog-content">
                    {object_list(objects, total)}
                    <p>{effect}</p>
                    {move || caution.get().map(|text| view! { <p class="caution"><Icon glyph=Glyph::Warning/><span>{text}</span></p> })}
                    {children.map(|children| children())}
                    {confirm_text.map(|text| view! { <ConfirmField text verb typed/> })}
                </div>
                <footer class="dialog-foot">
                    <Button label="Cancel" on_click=on_dismiss disabled=form.pending() autofocus=true/>
                    <SubmitButton label=verb variant=ButtonVariant::Danger pending=form.pending() disabled=Signal::derive(move || !is_confirmed.get())/>
                </footer>
            </FormView>
        </Dialog>
    }
}

/// The first objects and the number of the others.
fn object_list(objects: Vec<ConfirmObject>, total: usize) -> Option<AnyView> {
    if objects.is_empty() {
        return None;
    }
    let others = total.max(objects.len()).saturating_sub(OBJECTS_SHOWN.min(objects.len()));
    let item = |ConfirmObject { name, facts }: ConfirmObject| {
        let facts = (!facts.is_empty()).then(|| view! { <span class="confirm-facts">{facts}</span> });
        view! { <li><strong class="quoted" dir="auto">{name}</strong> {facts}</li> }
    };
    let list = view! {
        <ul class="confirm-objects">
            {objects.into_iter().take(OBJECTS_SHOWN).map(item).collect_view()}
            {(others > 0).then(|| view! { <li class="confirm-facts">"and " {format_count(others)} " more"</li> })}
        </ul>
    };
    Some(list.into_any())
}

/// The field in which the text is typed.
#[component]
fn ConfirmField(text: String, verb: &'static str, typed: RwSignal<String>) -> impl IntoView {
    view! {
        <div class="field">
            <label for="confirm-text">"Type " <strong class="quoted">{text}</strong> " to " {verb.to_ascii_lowercase()}</label>
            <div class="field-input">
                <input id="confirm-text" type="text" autocomplete="off" autocapitalize="none" spellcheck="false"
                    on:input:target=move |event| typed.set(event.target().value())/>
            </div>
        </div>
    }
}
