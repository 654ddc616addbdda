//! Form fields: label, input, hint and error.

use leptos::prelude::*;

use super::{
    form::Form,
    form_field::{FieldAria, form_field},
};

/// The kind of value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InputKind {
    #[default]
    Text,
    Email,
    /// A password, hidden unless the user shows it.
    Password,
    Date,
    /// A number. Not `type="number"`, which discards invalid input and reacts to the mouse wheel.
    Number,
}

impl InputKind {
    const fn input_type(self) -> &'static str {
        match self {
            Self::Text | Self::Number => "text",
            Self::Email => "email",
            Self::Password => "password",
            Self::Date => "date",
        }
    }

    /// The on-screen keyboard.
    const fn input_mode(self) -> Option<&'static str> {
        if let Self::Number = self { Some("numeric") } else { None }
    }
}

/// A single-line field. The value stays in the input, so text that was typed before hydration is kept; see [`Form::check`].
#[component]
pub fn Field(
    form: Form,
    /// Field name in the request.
    name: &'static str,
    label: &'static str,
    #[prop(optional)] kind: InputKind,
    /// Initial value.
    #[prop(optional, into)]
    value: String,
    /// The `autocomplete` attribute.
    #[prop(default = "off")]
    autocomplete: &'static str,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(optional)] autofocus: bool,
) -> impl IntoView {
    let is_visible = RwSignal::new(false);
    let input_type = move || if kind == InputKind::Password && is_visible.get() { "text" } else { kind.input_type() };
    form_field(form, name, label, hint, move |FieldAria { id, described_by, invalid }| {
        view! {
            <div class="field-input">
                <input id=id name=name type=input_type inputmode=kind.input_mode() value=value autocomplete=autocomplete autofocus=autofocus
                    spellcheck="false" autocapitalize="none" aria-invalid=invalid aria-describedby=described_by/>
                {(kind == InputKind::Password).then(|| view! {
                    <button type="button" class="field-show" on:click=move |_| is_visible.update(|is_visible| *is_visible = !*is_visible)>
                        {move || if is_visible.get() { "Hide" } else { "Show" }}
                    </button>
                })}
            </div>
        }
        .into_any()
    })
}

/// A multi-line field.
#[component]
pub fn TextArea(
    form: Form,
    /// Field name in the request.
    name: &'static str,
    label: &'static str,
    /// Initial value.
    #[prop(optional, into)]
    value: String,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(default = 3)] rows: u8,
) -> impl IntoView {
    // A property, not a child: the server would write a child unescaped.
    form_field(form, name, label, hint, move |FieldAria { id, described_by, invalid }| {
        view! {
            <textarea id=id name=name rows=rows.to_string() spellcheck="false" autocapitalize="none" autocomplete="off" prop:value=value
                aria-invalid=invalid aria-describedby=described_by></textarea>
        }
        .into_any()
    })
}
