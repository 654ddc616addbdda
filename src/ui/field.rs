//! One input of a form: label, input, hint, and what is wrong with it.

use leptos::prelude::*;

use super::form::Form;

/// What is typed into a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Typed {
    /// Any text.
    #[default]
    Text,
    /// An e-mail address.
    Email,
    /// A password, hidden until its owner wants to see it.
    Password,
}

impl Typed {
    const fn input_type(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Email => "email",
            Self::Password => "password",
        }
    }
}

/// A field. What is typed stays in the input, so nothing is lost that was typed before the page was live; see [`Form::check`].
#[component]
pub fn Field(
    /// The form it belongs to.
    form: Form,
    /// The value's name in the call.
    name: &'static str,
    /// The label.
    label: &'static str,
    /// What is typed into it.
    #[prop(optional)]
    typed: Typed,
    /// What stands in it at first.
    #[prop(optional, into)]
    value: String,
    /// What a password manager or the browser may fill in.
    #[prop(default = "off")]
    autocomplete: &'static str,
    /// What one should know before typing.
    #[prop(optional, into)]
    hint: Option<String>,
    /// Whether it has the focus at first.
    #[prop(optional)]
    autofocus: bool,
) -> impl IntoView {
    let shown = RwSignal::new(false);
    let wrong = form.wrong(name);
    let (input_id, hint_id, wrong_id) = (format!("field-{name}"), format!("hint-{name}"), format!("wrong-{name}"));

    let has_hint = hint.is_some();
    let described_by = {
        let (hint_id, wrong_id) = (hint_id.clone(), wrong_id.clone());
        move || match (wrong.get().is_some(), has_hint) {
            (true, _) => Some(wrong_id.clone()),
            (false, true) => Some(hint_id.clone()),
            (false, false) => None,
        }
    };
    let input_type = move || if typed == Typed::Password && shown.get() { "text" } else { typed.input_type() };
    view! {
        <div class="field">
            <label for=input_id.clone()>{label}</label>
            <div class="field-input">
                <input id=input_id name=name type=input_type value=value autocomplete=autocomplete autofocus=autofocus
                    spellcheck="false" autocapitalize="none"
                    aria-invalid=move || wrong.get().map(|_| "true") aria-describedby=described_by/>
                {(typed == Typed::Password).then(|| view! {
                    <button type="button" class="field-show" on:click=move |_| shown.update(|shown| *shown = !*shown)>
                        {move || if shown.get() { "Hide" } else { "Show" }}
                    </button>
                })}
            </div>
            {hint.map(|hint| view! { <p class="field-hint" id=hint_id>{hint}</p> })}
            <p class="field-wrong" id=wrong_id aria-live="polite">{move || wrong.get()}</p>
        </div>
    }
}
